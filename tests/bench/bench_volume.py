"""Volumes by rays against VTK's mappers: the phantom and the scene of ``../shared/render``, CPU time of all threads.

``WEBVIEWER_BENCH_RENDER`` names that folder where it lies elsewhere, ``WEBVIEWER_BENCH_VTK`` an interpreter that has
``vtk`` (``pip install vtk numpy`` in a virtual environment); without one our own figures stand alone.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import BrickRanges, distance_field
from renderpool.engine.ray_caster import RayCaster, RayVolume
from renderpool.engine.rays import RayLook, RayMode, RayView, Shading
from renderpool.engine.renderer import Renderer
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.transfer_table import TransferTable
from tests.bench.harness import Row, interleaved, median
from tests.support import shared_data
from tests.support.page_geometry.camera import CameraView, camera_at

SCENES = ("bone", "soft", "mip")
FINE, COARSE = (512, 0.7), (256, 2.0)
Goal = tuple[str, str, tuple[int, float], float | None, float | None]
"""Kind of mapper, scene, (size, step), how many times faster, dB of the picture against it."""
GOALS: tuple[Goal, ...] = (
    ("gpu", "bone", FINE, 20, 35),
    ("gpu", "soft", FINE, 4, 35),
    ("gpu", "mip", FINE, None, 44),
    ("fixed", "bone", FINE, 1.5, None),
    ("fixed", "soft", FINE, 1.2, None),
    ("fixed", "mip", FINE, 1.5, None),
    ("fixed", "bone", COARSE, 1.3, None),
    ("fixed", "soft", COARSE, 1.3, None),
    ("fixed", "mip", COARSE, 1.3, None),
)
ROUNDS = {"gpu": 3, "fixed": 7}
IDS = (
    *(f"volume_{scene}_{size_px}_{kind}" for kind, scene, (size_px, _), _, _ in GOALS),
    "volume_skipping_same_bytes",
    "volume_distance_field",
)
_STORED_OF_LOWEST = 1024  # the phantom begins at -1024 HU
_SLAB = 8


def run() -> list[Row]:
    """Measure all rows."""
    folder = shared_data.render_folder()
    description = json.loads((folder / "scene.json").read_text("utf-8"))
    phantom = phantom_file(folder)
    renderer = Renderer()
    try:
        caster, volume = RayCaster(), _volume(np.load(phantom), description)
        with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as text, vtk_peer(phantom, folder) as peer:
            ours = _Ours(caster, volume, description, renderer.context.renderer)
            rows = [_against(ours, goal, peer, Path(text) / "peer.npy") for goal in GOALS]
        rows += [_skipping(ours), _distance_field(volume.bricks)]
        caster.close()
        volume.texture.close()
    finally:
        renderer.close()
    return rows


def phantom_file(folder: Path) -> Path:
    """Return the file of the phantom, computed once."""
    file = Path("build/bench-phantom.npy").resolve()
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, str(folder / "phantom.py"), str(file)], check=True)
    return file


def _volume(values: NDArray[np.int16], description: dict[str, Any]) -> RayVolume:
    texture, bricks = VolumeTexture(values.shape, intercept=-_STORED_OF_LOWEST), BrickRanges(values.shape)
    for first in range(0, len(values), _SLAB):
        stored = (values[first : first + _SLAB] + _STORED_OF_LOWEST).astype(np.uint16)
        texture.upload_slices(first, stored)
        bricks.add_slices(first, stored)
    return RayVolume(texture, bricks, np.diag([*description["volume"]["spacing_mm"], 1.0]))


def _look(scene: str, description: dict[str, Any]) -> RayLook:
    if scene == "mip":
        low, high = description["mip"]["window"]
        ramp = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=np.float32)
        return RayLook(RayMode.MAXIMUM, TransferTable(ramp, low, high))
    values = np.linspace(-1024, 3071, 4096)
    opacity, colour = (np.array(description[scene][part], float) for part in ("opacity", "colour"))
    channels = [np.interp(values, colour[:, 0], colour[:, channel]) for channel in (1, 2, 3)]
    channels.append(np.interp(values, opacity[:, 0], opacity[:, 1]))
    light = description["shading"]
    return RayLook(
        RayMode.COMPOSITE,
        TransferTable(np.stack(channels, axis=-1).astype(np.float32), -1024, 3071),
        opacity_unit_mm=description["opacity_unit_distance_mm"],
        shading=Shading(light["ambient"], light["diffuse"], light["specular"], light["specular_power"]),
        enough_opacity=description["early_termination_opacity"],
    )


def _view(frame: int, size_px: int, step_mm: float, description: dict[str, Any]) -> RayView:
    place = description["camera"]
    target, direction = np.array(place["target_mm"]), np.array(place["azimuth0_dir"], float)
    angle = 2 * math.pi * frame / 10
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    eye = target + turn @ direction / np.linalg.norm(direction) * place["distance_mm"]
    camera = camera_at(eye.tolist(), target.tolist(), place["up"], place["view_angle_deg"])
    last = [float(count - 1) for count in description["volume"]["dims"]]  # VTK ends at the centres of the outer voxels
    box = ((0.0, 0.0, 0.0), (last[0], last[1], last[2]))
    return RayView(size_px, size_px, CameraView(camera, size_px, size_px).lps_from_canvas, step_mm, box_index=box)


@dataclass(frozen=True)
class _Ours:
    caster: RayCaster
    volume: RayVolume
    description: dict[str, Any]
    device: str

    def draw(self, scene: str, frame: int, size: tuple[int, float], *, skip: bool = True) -> NDArray[np.uint8]:
        look, view = _look(scene, self.description), _view(frame, *size, self.description)
        return self.caster.draw(self.volume, look, view, skip=skip)


class VtkPeer:
    """VTK in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def draw(self, **wish: Any) -> dict[str, Any]:
        """Return the answer to a wish, as ``volume_peer.py`` describes both."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def vtk_peer(phantom: Path, folder: Path) -> Iterator[VtkPeer | None]:
    """Run VTK with the phantom; gives None where there is no VTK."""
    python = os.environ.get("WEBVIEWER_BENCH_VTK") or (sys.executable if importlib.util.find_spec("vtk") else None)
    if python is None:
        yield None
        return
    script = Path(__file__).with_name("volume_peer.py")
    process = subprocess.Popen(
        [python, str(script), str(phantom), str(folder / "scene.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield VtkPeer(process)
    finally:
        process.terminate()
        process.wait()


def _against(ours: _Ours, goal: Goal, peer: VtkPeer | None, picture: Path) -> Row:
    kind, scene, size, faster, least_db = goal
    size_px, step_mm = size
    walls: dict[str, list[float]] = {"ours": [], "peer": []}
    frames = {"ours": 0, "peer": 0}

    def mine() -> float:
        frames["ours"] += 1
        cpu, wall = time.process_time(), time.perf_counter()
        ours.draw(scene, frames["ours"] % 10, size)
        walls["ours"].append((time.perf_counter() - wall) * 1e3)
        return (time.process_time() - cpu) * 1e3

    def asked(frame: int, file: Path | None = None) -> dict[str, Any]:
        assert peer is not None
        return peer.draw(
            kind=kind, scene=scene, step_mm=step_mm, size_px=size_px, frame=frame, picture=str(file) if file else None
        )

    def theirs() -> float:
        frames["peer"] += 1
        answer = asked(frames["peer"] % 10)
        walls["peer"].append(answer["wall_ms"])
        return float(answer["cpu_ms"])

    row = f"volume_{scene}_{size_px}_{kind}"
    words = f"{scene}, {size_px}² at {step_mm} mm, drawn and read back, CPU of all threads"
    if peer is None:
        values = [mine() for _ in range(1 + ROUNDS[kind])][1:]
        return Row(id=row, what=f"{words}; no vtk here", unit="CPU ms", ours=median(values), device=ours.device)
    name = asked(0, picture if least_db else None)["peer"]
    values_ours, values_peer = interleaved(mine, theirs, rounds=ROUNDS[kind])
    ratio = median([other / own for own, other in zip(values_ours, values_peer, strict=True)])
    words += f"; wall ours {median(walls['ours']):.0f}, peer {median(walls['peer']):.0f} ms"
    met = faster is None or ratio >= faster
    goals = [] if faster is None else [f"≥ {faster} ×"]
    if least_db is not None:
        found_db = _psnr_db(ours.draw(scene, 0, size), np.load(picture))
        words += f"; {found_db:.1f} dB against its picture"
        goals.append(f"≥ {least_db} dB")
        met = met and found_db >= least_db
    return Row(
        id=row,
        what=words,
        unit="CPU ms",
        ours=median(values_ours),
        peer=median(values_peer),
        peer_name=f"{name}, {'GPU mapper' if kind == 'gpu' else 'fixed-point mapper'}",
        ratio=ratio,
        goal=", ".join(goals),
        met=met,
        device=ours.device,
    )


def _psnr_db(pixels: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    mean_square = float(np.mean((pixels.astype(float) - other.astype(float)) ** 2))
    return math.inf if mean_square == 0 else 10 * math.log10(255**2 / mean_square)


def _skipping(ours: _Ours) -> Row:
    differing, times = 0, {}
    for scene in SCENES:
        for skip in (True, False):
            begin = time.process_time()
            pixels = ours.draw(scene, 0, FINE, skip=skip)
            times[scene, skip] = (time.process_time() - begin) * 1e3
            if skip:
                leapt = pixels
        differing += int((leapt != pixels).sum())
    told = ", ".join(f"{scene} {times[scene, False] / times[scene, True]:.1f} ×" for scene in SCENES)
    return Row(
        id="volume_skipping_same_bytes",
        what=f"bytes of three 512² pictures that differ between leaping and sampling everything; faster: {told}",
        unit="bytes",
        ours=differing,
        goal="0",
        met=differing == 0,
        device=ours.device,
    )


def _distance_field(bricks: BrickRanges) -> Row:
    shown = [(1174.0, math.inf)]  # bone, over 150 HU
    times = []
    for _ in range(30):
        begin = time.process_time()
        distance_field(bricks.occupied(shown))
        times.append(time.process_time() - begin)
    rows, columns, slices = bricks.shape[1], bricks.shape[2], bricks.shape[0]
    return Row(
        id="volume_distance_field",
        what=f"occupied bricks and their distances for a new transfer function, {columns} × {rows} × {slices} bricks",
        unit="CPU ms",
        ours=median(times) * 1e3,
        goal="< 10 ms",
        met=median(times) < 0.010,
    )
