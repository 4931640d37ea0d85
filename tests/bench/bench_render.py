"""Rendering: a frame over HTTP against Orthanc's, and what drawing and encoding cost by themselves."""

from __future__ import annotations

import io
import itertools
import json
import queue
import re
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests
from PIL import Image
from pydicom.dataset import Dataset

from renderpool.engine.encode import encode_png
from renderpool.engine.renderer import Renderer
from renderpool.scene.grey import GreyMap, VoiFunction
from renderpool.scene.view import ImageExtent, Placement, resolve
from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from renderpool.session.scheduler import Scheduler
from renderpool.session.stores import Stores
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from tests.bench.harness import Row, interleaved, median, p95, seconds
from tests.render.sources import MemorySource
from tests.support.frames import unpack_frame
from tests.support.phantom_files import ct_values, make_grey, to_bytes
from tests.support.ports import free_port
from tests.support.unified_server import UnifiedServer, running_unified_server
from tests.support.waiting import eventually
from webviewer.protocol.base import ImageReference
from webviewer.protocol.framing import FrameFlag, FrameHeader
from webviewer.protocol.messages import Ack, Open, ServerMessage, View

IDS = ("rendered_frame_512", "draw_512", "encode_png_1024", "still_at_rest_1024")

IMAGES = 24
ROUNDS = 120
_ORTHANC = "/usr/sbin/Orthanc"


def run() -> list[Row]:
    """Measure all rows."""
    return [_rendered_frame(), *_draw_and_encode(), _still_at_rest()]


def _objects() -> list[Dataset]:
    """Return 8-bit images of 512 × 512 with noise, each another one."""
    rng = np.random.default_rng(8)
    objects = []
    for number in range(1, IMAGES + 1):
        values = ct_values(512, 512, number).astype(np.float64) / 8 + 125 + rng.normal(0, 4, (512, 512))
        objects.append(
            make_grey(
                values.clip(0, 255).astype(np.uint8),
                instance_number=number,
                sop_instance_uid=f"1.2.826.0.1.3680043.8.498.96.{number}",
                WindowCenter=128,
                WindowWidth=256,
            )
        )
    return objects


def _rendered_frame() -> Row:
    files = [to_bytes(ds) for ds in _objects()]
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as text:
        folder = Path(text)
        # Without the image cache every request reads, decodes and draws anew, as the peer does.
        with (
            running_unified_server(folder / "ours", options=("--no-image-cache",)) as server,
            _orthanc(folder / "peer") as peer_url,
        ):
            ours = _requests(*_our_frames(server, files))
            peer = _requests(*_orthanc_frames(peer_url, files))
            values_ours, values_peer = interleaved(ours, peer, rounds=ROUNDS, warm_up=10)
    ratio = median(values_peer) / median(values_ours)
    return Row(
        id="rendered_frame_512",
        what=(
            f"one 8-bit 512² frame as PNG over HTTP, request to bytes, {ROUNDS} requests over {IMAGES} images, "
            f"our image cache off, through the control node; p95 ours {p95(values_ours) * 1000:.1f}, "
            f"peer {p95(values_peer) * 1000:.1f}"
        ),
        unit="ms",
        ours=median(values_ours) * 1000,
        peer=median(values_peer) * 1000,
        peer_name=_orthanc_version(),
        ratio=ratio,
        goal="ours faster",
        met=ratio > 1,
    )


def _requests(session: requests.Session, urls: list[str]) -> Callable[[], float]:
    """Return what asks for the next picture and says how many seconds it took."""
    turn = itertools.cycle(urls)

    def ask() -> None:
        answer = session.get(next(turn), headers={"Accept": "image/png"}, timeout=30)
        assert answer.status_code == 200, answer.text[:300]
        assert answer.content.startswith(b"\x89PNG")

    for url in urls[:1]:
        picture = Image.open(io.BytesIO(session.get(url, headers={"Accept": "image/png"}, timeout=30).content))
        assert picture.size == (512, 512)
    return lambda: seconds(ask)


def _our_frames(server: UnifiedServer, files: list[bytes]) -> tuple[requests.Session, list[str]]:
    session = requests.Session()
    session.trust_env = False
    signed_in = session.post(
        f"{server.url}/v2/auth/sign-in", json={"user_name": "user", "password": "user"}, timeout=30
    ).json()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, data in enumerate(files):
            archive.writestr(f"{number}.dcm", data)
    upload = session.post(
        f"{server.url}/v2/studies/uploads/whole?name=bench.zip",
        data=buffer.getvalue(),
        headers={"X-CSRF-Token": signed_in["csrf_token"], "Content-Type": "application/octet-stream"},
        timeout=60,
    ).json()

    assert (upload["state"], upload["stored"]) == ("done", len(files)), upload
    study = session.get(f"{server.url}/v2/studies", timeout=30).json()["studies"][0]
    series = session.get(f"{server.url}/v2/studies/{study['study_id']}", timeout=30).json()["series"][0]
    detail = session.get(f"{server.url}/v2/studies/{study['study_id']}/series/{series['series_id']}", timeout=30).json()
    return session, [
        f"{server.url}/v2/render/instances/{frame['instance_id']}/frames/{frame['frame_number']}/rendered"
        for frame in detail["frames"]
    ]


def _orthanc_frames(url: str, files: list[bytes]) -> tuple[requests.Session, list[str]]:
    session = requests.Session()
    session.trust_env = False
    ids = [session.post(f"{url}/instances", data=data, timeout=30).json()["ID"] for data in files]
    return session, [f"{url}/instances/{instance}/rendered" for instance in ids]


@contextmanager
def _orthanc(folder: Path) -> Iterator[str]:
    folder.mkdir()
    port = free_port()
    config = folder / "orthanc.json"
    config.write_text(
        json.dumps(
            {
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "DicomServerEnabled": False,
                "HttpPort": port,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "Plugins": [],
                "TcpNoDelay": True,
                "KeepAlive": True,
            }
        )
    )
    process = subprocess.Popen(
        [_ORTHANC, str(config)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{url}/system", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    try:
        eventually(answers, 30, "Orthanc's answer")
        yield url
    finally:
        process.terminate()
        process.wait()


def _orthanc_version() -> str:
    text = subprocess.run([_ORTHANC, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Orthanc ([0-9.]+)", text)
    return f"Orthanc {found.group(1)}" if found else "Orthanc"


def _draw_and_encode() -> list[Row]:
    renderer = Renderer()
    try:
        device = renderer.context.renderer
        values = ct_values(512, 512).astype(np.float32)
        grey = GreyMap(VoiFunction.LINEAR, 40, 400)

        def draw(side_px: int) -> np.ndarray:
            view = resolve(ImageExtent(512, 512), Placement(side_px, side_px))
            return renderer.draw_grey("bench", lambda: values, view, grey)

        draw(512)
        draws = [seconds(lambda: draw(512)) for _ in range(200)]
        noise = np.random.default_rng(2).normal(0, 3, (1024, 1024))
        frame = (draw(1024) + noise).clip(0, 255).astype(np.uint8)
    finally:
        renderer.close()

    def pillow() -> None:
        Image.fromarray(frame).save(io.BytesIO(), "png", compress_level=1)

    ours, peer = interleaved(lambda: seconds(lambda: encode_png(frame)), lambda: seconds(pillow), rounds=40)
    size_kib = len(encode_png(frame)) / 1024
    return [
        Row(
            id="draw_512",
            what=f"draw a 512² grey image on a 512² canvas and read it back; p95 {p95(draws) * 1000:.1f}",
            unit="ms",
            ours=median(draws) * 1000,
            goal="under 20 ms without a GPU",
            met=median(draws) < 0.020,
            device=device,
        ),
        Row(
            id="encode_png_1024",
            what=f"lossless PNG of a 1024² grey frame with noise ({size_kib:.0f} KiB), against Pillow at level 1",
            unit="ms",
            ours=median(ours) * 1000,
            peer=median(peer) * 1000,
            peer_name="Pillow, level 1",
            ratio=median(peer) / median(ours),
            goal="≥ 2 ×",
            met=median(peer) / median(ours) >= 2,
        ),
    ]


def _still_at_rest() -> Row:
    """Scroll and stop, 30 times: from the last wish to the lossless frame of the same revision, without the sockets."""
    cache = ImageCache(256 * 1024**2, decode_threads=2)
    source = MemorySource(count=40, size=(512, 512))
    volumes = VolumeStore(VolumeCache(256 * 1024**2), cache, source, "storage")
    stores = Stores(ImageStore(cache, source), volumes)
    scheduler = Scheduler()
    device = scheduler.start().renderer
    frames: queue.Queue[FrameHeader] = queue.Queue()
    session = scheduler.open_session(7, stores, lambda item: _take(item, frames))
    waits = []
    revision = 0
    try:
        session.handle(Open(cell=0, series_id=1))
        for _ in range(30):
            for _ in range(10):
                revision += 1
                image = ImageReference(instance_id=1 + revision % 40, frame_number=1)
                session.handle(View(cell=0, revision=revision, image=image, width_px=1024, height_px=1024, moving=True))
                begin = time.perf_counter()
                time.sleep(0.02)
            while True:
                header = frames.get(timeout=30)
                session.written()
                session.handle(Ack(sequence=header.sequence))
                if FrameFlag.STILL in header.flags and header.revision == revision:
                    break
            waits.append(time.perf_counter() - begin)
    finally:
        scheduler.close_session(session)
        cache.close()
        stores.close()
        scheduler.stop()
    return Row(
        id="still_at_rest_1024",
        what=f"scrolling stops: last wish to lossless 1024² frame, p95; median {median(waits) * 1000:.0f}",
        unit="ms",
        ours=p95(waits) * 1000,
        goal="within 200 ms",
        met=p95(waits) < 0.2,
        device=device,
    )


def _take(item: ServerMessage | bytes, frames: queue.Queue[FrameHeader]) -> None:
    if isinstance(item, bytes):
        frames.put(unpack_frame(item)[0])
