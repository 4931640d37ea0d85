"""Loading a series as a volume, out of a real storage node over HTTP, against pydicom's loop over its files.

The series is the phantom of ``../shared/render``; what is compared is CPU time of all threads and processes, and told
beside it is what a clock says. ``WEBVIEWER_BENCH_PYDICOM`` names interpreters as PATH names folders, that have pydicom
and a plug-in for JPEG-LS (``pip install pydicom numpy pyjpegls``, or with ``pylibjpeg pylibjpeg-libjpeg``, or
``python-gdcm``); without one only the uncompressed series has a peer.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import JPEGLSLossless

from renderpool.server.storage import StorageSource
from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from tests.bench.bench_volume import phantom_file
from tests.bench.harness import Row, interleaved, median
from tests.support import shared_data
from tests.support.phantom_files import compress, make_ct, to_bytes
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings
from webviewer.adapters.nodes import StorageClient

IDS = ("volume_load_300", "volume_load_300_bricks", "volume_load_300_jpeg_ls", "volume_load_300_first")

_SLICES = 300
_ROUNDS, _ROUNDS_COMPRESSED = 7, 3
_OWNER = 1
_DECODE_THREADS = 2
_WAIT_S = 120.0


def run() -> list[Row]:
    """Measure all rows."""
    gc.collect()
    gc.freeze()  # as a render node does when it is ready: `renderpool.main`
    pixels = np.load(phantom_file(shared_data.render_folder()), mmap_mode="r")
    with tempfile.TemporaryDirectory(prefix="bench-volume-load-") as text:
        folder = Path(text)
        with _series(folder / "native", pixels, is_compressed=False) as native:
            words = f"{_SLICES} uncompressed slices of 512² from the storage node into a volume, to the last slice"
            rows = [_against(native, "volume_load_300", words, sys.executable, _ROUNDS, goal=5.0)]
            words += ", with the bricks that rays ask for"
            rows.append(_against(native, "volume_load_300_bricks", words, sys.executable, _ROUNDS, bricks=True))
            rows.append(_first(native))
        with _series(folder / "jpeg-ls", pixels, is_compressed=True) as compressed:
            words = f"{_SLICES} JPEG-LS slices of 512² from the storage node into a volume, to the last slice"
            for python in os.environ.get("WEBVIEWER_BENCH_PYDICOM", "").split(os.pathsep):
                row = _against(compressed, "volume_load_300_jpeg_ls", words, python, _ROUNDS_COMPRESSED, goal=5.0)
                rows.append(row)
    return rows


class _Series:
    """A series in a storage node, and its files in a folder."""

    def __init__(self, node: StorageHttp, files: Path, *, is_local: bool = True) -> None:
        self.node = node
        self.files = files
        self.source = StorageSource(StorageClient(node.base_url, TOKEN), node.data if is_local else None)
        self.series_id = 1

    def cpu_s(self) -> float:
        """CPU time of this process and of the storage node's."""
        fields = Path(f"/proc/{self.node.worker_pid()}/stat").read_text().rpartition(")")[2].split()
        return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, on_progress: Callable[[LoadedVolume], None] | None = None, *, bricks: bool = False) -> LoadedVolume:
        """Load the series as a volume that nobody has, with bricks as if rays were to be drawn."""
        images = ImageCache(0, _DECODE_THREADS)
        store = VolumeStore(VolumeCache(1024**3, keep=False), images, self.source, self.node.base_url)
        opened: list[LoadedVolume] = []

        def report(_settled: int, _total: int) -> None:
            if on_progress is not None and opened:
                on_progress(opened[0])

        use = store.open(_OWNER, self.source.series(_OWNER, self.series_id), 0, report)
        opened.append(use.volume)
        if bricks:
            use.volume.want_bricks()
        use.volume.wait(_WAIT_S)
        if bricks:
            assert use.volume.bricks.highest.any()
        store.close()
        images.close()
        return use.volume


@contextmanager
def _series(folder: Path, pixels: Any, *, is_compressed: bool) -> Iterator[_Series]:
    files = folder / "files"
    files.mkdir(parents=True)
    node = StorageHttp(folder / "node", sqlite_settings(folder))
    node.start()
    try:
        for number in range(1, _SLICES + 1):
            values = np.ascontiguousarray(pixels[number - 1])
            ds = make_ct(rows=values.shape[0], columns=values.shape[1], instance_number=number, values_hu=values)
            if is_compressed:
                compress(ds, JPEGLSLossless)
            data = to_bytes(ds)
            (files / f"{number:04}.dcm").write_bytes(data)
            node.upload(data)
        yield _Series(node, files)
    finally:
        node.stop()


@contextmanager
def _peer(python: str, files: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    process = subprocess.Popen(
        [python, str(Path(__file__).with_name("volume_load_peer.py")), str(files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to_peer, from_peer = process.stdin, process.stdout

    def ask() -> dict[str, Any]:
        to_peer.write("load\n")
        to_peer.flush()
        answer: dict[str, Any] = json.loads(from_peer.readline())
        return answer

    try:
        yield ask
    finally:
        process.terminate()
        process.wait()


def _against(
    series: _Series, row: str, words: str, python: str, rounds: int, *, bricks: bool = False, goal: float | None = None
) -> Row:
    """Compare CPU time; ``python`` is the peer's interpreter, empty if there is none."""
    wall_ms: dict[str, list[float]] = {"ours": [], "peer": []}

    def mine() -> float:
        cpu, wall = series.cpu_s(), time.perf_counter()
        series.load(bricks=bricks)
        wall_ms["ours"].append((time.perf_counter() - wall) * 1e3)
        return (series.cpu_s() - cpu) * 1e3

    if not python:
        values = [mine() for _ in range(1 + rounds)][1:]
        told = f"{words}; by the clock {median(wall_ms['ours']):.0f} ms; no pydicom with a plug-in here"
        return Row(id=row, what=told, unit="CPU ms", ours=median(values))
    with _peer(python, series.files) as ask:
        about = ask()

        def theirs() -> float:
            answer = ask()
            wall_ms["peer"].append(answer["wall_ms"])
            return float(answer["cpu_ms"])

        ours, peer = interleaved(mine, theirs, rounds=rounds)
    ratio = _ratio(ours, peer)
    by_clock = [took[1:] for took in wall_ms.values()]  # the first of each warmed up
    told = "by the clock {:.0f} and {:.0f} ms, {:.1f} ×".format(*map(median, by_clock), _ratio(*by_clock))
    return Row(
        id=row,
        what=f"{words}; {told}",
        unit="CPU ms",
        ours=median(ours),
        peer=median(peer),
        peer_name=f"{about['peer']}{' and ' * bool(about['plugin'])}{about['plugin']}, a loop over the files",
        ratio=ratio,
        goal="" if goal is None else f"≥ {goal:g} ×",
        met=None if goal is None else ratio >= goal,
    )


def _ratio(ours: Sequence[float], peer: Sequence[float]) -> float:
    return median([other / own for own, other in zip(ours, peer, strict=True)])


def _first(series: _Series) -> Row:
    """Measure how soon slices of the whole volume are there, coarsely, from the wish on."""

    def once() -> float:
        begin, found = time.perf_counter(), [0.0]

        def look(_volume: LoadedVolume) -> None:
            found[0] = found[0] or time.perf_counter() - begin

        series.load(look)
        return found[0] * 1e3

    values = [once() for _ in range(1 + _ROUNDS)][1:]
    return Row(
        id="volume_load_300_first",
        what=f"from the wish to a coarse volume of {_SLICES} uncompressed slices, every 8th of them",
        unit="ms",
        ours=median(values),
        goal="< 1000 ms",
        met=median(values) < 1000,
    )
