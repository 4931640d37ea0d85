"""What opening a series costs at the storage node: telling 400 slices, and streaming their frames."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import requests

from tests.bench.harness import Row, interleaved, median, p95, seconds
from tests.support.phantom_files import make_ct, make_ct_series, to_bytes
from tests.support.ports import free_port
from tests.support.storage_http import TOKEN, StorageHttp, fill_series, sqlite_settings
from webviewer.adapters.nodes import StorageClient

IDS = ("series_metadata_400", "series_metadata_400_anew", "frame_stream")

_SLICES = 400
_FRAMES = 100
_ORTHANC = "/usr/sbin/Orthanc"


def run() -> list[Row]:
    """Measure; one series of 400 small slices for the metadata, 100 slices of 512 KB for the stream."""
    with tempfile.TemporaryDirectory(prefix="bench-metadata-") as text:
        folder = Path(text)
        return [*_metadata(folder), _stream(folder)]


@contextmanager
def _storage(folder: Path) -> Iterator[StorageHttp]:
    folder.mkdir()
    node = StorageHttp(folder / "node", sqlite_settings(folder))
    node.start()
    try:
        yield node
    finally:
        node.stop()


@contextmanager
def _orthanc(folder: Path) -> Iterator[str]:
    """Run Orthanc as it comes, without authentication, on free ports."""
    folder.mkdir()
    port = free_port()
    settings = {
        "Name": "bench",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": port,
        "DicomPort": free_port(),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    process = subprocess.Popen(
        [_ORTHANC, str(folder / "orthanc.json")],
        env={**os.environ, "TCP_NODELAY": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{url}/system", timeout=2).ok:
                    break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _metadata(folder: Path) -> list[Row]:
    if not Path(_ORTHANC).exists():
        raise RuntimeError("Orthanc is not installed (Debian package orthanc).")
    with _storage(folder / "ours") as node, _orthanc(folder / "peer") as peer_url:
        series_id = fill_series(node, _SLICES)
        url = f"{node.owner()}/series/{series_id}"
        numbers = count(_SLICES + 1)
        session = requests.Session()
        for ds in make_ct_series(_SLICES):
            session.post(f"{peer_url}/instances", data=to_bytes(ds), timeout=30).raise_for_status()
        (peer_series,) = session.get(f"{peer_url}/series", timeout=30).json()
        version = session.get(f"{peer_url}/system", timeout=30).json()["Version"]

        def ours() -> float:
            return seconds(lambda: _checked(node.session.get(url, timeout=30).json()["frames"]))

        def ours_anew() -> float:
            node.upload(to_bytes(make_ct(instance_number=next(numbers))))  # what was kept of the series is outdated now
            return seconds(lambda: _checked(node.session.get(url, timeout=30).json()["frames"]))

        def peer() -> float:
            tags = f"{peer_url}/series/{peer_series}/instances-tags?simplify"
            return seconds(lambda: _checked(session.get(tags, timeout=60).json()))

        ours_s, peer_s = interleaved(ours, peer, rounds=9)
        anew_s = [ours_anew() for _ in range(9)]
        session.close()
    ours_ms, peer_ms, anew_ms = median(ours_s) * 1000, median(peer_s) * 1000, median(anew_s) * 1000
    return [
        Row(
            "series_metadata_400",
            f"All that opening a series of 400 slices needs, request to parsed JSON (p95 {p95(ours_s) * 1000:.0f} ms)",
            "ms",
            ours_ms,
            peer_ms,
            f"Orthanc {version} instances-tags",
            peer_ms / ours_ms,
            "< 100 ms",
            ours_ms < 100,
        ),
        Row(
            "series_metadata_400_anew",
            f"The same when an object has just arrived, so nothing kept helps (p95 {p95(anew_s) * 1000:.0f} ms)",
            "ms",
            anew_ms,
            peer_ms,
            f"Orthanc {version} instances-tags",
            peer_ms / anew_ms,
            "< 100 ms",
            anew_ms < 100,
        ),
    ]


def _checked(found: list[object] | dict[str, object]) -> None:
    if len(found) < _SLICES:
        raise AssertionError(f"{len(found)} of {_SLICES} slices were told")


def _stream(folder: Path) -> Row:
    with _storage(folder / "stream") as node:
        series_id = fill_series(node, _FRAMES, rows=512, columns=512)
        client = StorageClient(node.base_url, TOKEN)
        frames = client.series_for_render(1, series_id).frames

        def once() -> float:
            begin = time.perf_counter()
            total = 0
            for key, data in client.frames(1, frames):
                if not isinstance(data, bytes):
                    raise AssertionError(f"{key}: {data}")
                total += len(data)
            return total / 1e6 / (time.perf_counter() - begin)

        once()
        rates = [once() for _ in range(9)]
        client.close()
    shutil.rmtree(folder / "stream", ignore_errors=True)
    rate = median(rates)
    return Row(
        "frame_stream",
        "Native frames of 512 KB from storage node to render node over loopback, files in the page cache",
        "MB/s",
        rate,
        goal="> 600 MB/s",
        met=rate > 600,
    )
