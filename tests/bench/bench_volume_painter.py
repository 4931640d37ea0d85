"""What a wish for a volume costs from its message to pixels: planes and slabs against VTK's reslice, moving frames.

Phantom and VTK as of `tests.bench.bench_volume`. CPU time of all threads where a peer is named.
"""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.encode import encode_light
from renderpool.engine.renderer import Renderer
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.quality import LightLevel
from renderpool.session.volume_facts import volume_facts
from renderpool.session.volume_painter import VolumePainter
from tests.bench.bench_volume import VtkPeer, phantom_file, vtk_peer
from tests.bench.harness import Row, interleaved, median, p95
from tests.render.painter_volumes import Steps, Ward
from tests.support import shared_data
from webviewer.protocol.volumes import CameraPose, CameraView, Look, PlaneView
from webviewer.protocol.windows import WindowValues

_STEPS: Steps = ((0.7, 0, 0), (0, 0.7, 0), (0, 0, 1.25))
_SIZE_PX, _MM_PER_PX, _SLAB_MM = 512, 0.7, 20.0
_ROUNDS = 15
_WINDOW = (40.0, 400.0)
_MOVING = {"bone": ("ct_bone", 20), "mip": ("ct_mip", 20), "soft": ("ct_soft", 10)}
_MOVING_CANVAS_PX = 800
_MOVING_FRAMES = 40
_LIGHT = LightLevel(80, 1.0)

IDS = (
    "volume_oblique_slice",
    "volume_slab_mip",
    "volume_facts",
    *(f"volume_moving_{scene}" for scene in _MOVING),
)


@dataclass(frozen=True)
class _Ours:
    painter: VolumePainter
    volume: LoadedVolume
    device: str


def run() -> list[Row]:
    """Measure all rows."""
    folder = shared_data.render_folder()
    phantom = phantom_file(folder)
    renderer, ward = Renderer(), Ward()
    ward.cache.budget_bytes = 2 * 1024**3
    try:
        painter = VolumePainter(renderer)
        painter.warm_up()
        volume = ward.volume_of(np.load(phantom), _STEPS, {"rescale_type": "HU"})
        while not painter.prepare(volume):
            pass
        ours = _Ours(painter, volume, renderer.context.renderer)
        with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as text, vtk_peer(phantom, folder) as peer:
            rows = [_plane(ours, peer, Path(text) / "plane.npy", is_slab=is_slab) for is_slab in (False, True)]
        rows.append(_facts(volume))
        rows += [_moving(ours, scene) for scene in _MOVING]
        painter.close()
    finally:
        ward.close()
        renderer.close()
    return rows


def _axes(number: int) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    turn, tip = math.radians(30 + 2 * number), math.radians(25)
    right = (math.cos(turn), math.sin(turn), 0.0)
    down = (-math.sin(turn) * math.cos(tip), math.cos(turn) * math.cos(tip), math.sin(tip))
    return right, down


def _wish(volume: LoadedVolume, number: int, *, is_slab: bool) -> PlaneView:
    x, y, z = volume.grid.center_lps_mm.tolist()
    right, down = _axes(number)
    return PlaneView(
        cell=0,
        revision=1,
        width_px=_SIZE_PX,
        height_px=_SIZE_PX,
        center_lps_mm=(x, y, z),
        right_lps=right,
        down_lps=down,
        mm_per_px=_MM_PER_PX,
        slab="mip" if is_slab else "plane",
        thickness_mm=_SLAB_MM if is_slab else 0.0,
        window=WindowValues(center=_WINDOW[0], width=_WINDOW[1], function="LINEAR_EXACT"),
    )


def _plane(ours: _Ours, peer: VtkPeer | None, picture: Path, *, is_slab: bool) -> Row:
    painter, volume = ours.painter, ours.volume
    walls: dict[str, list[float]] = {"ours": [], "peer": []}
    count = {"ours": 0, "peer": 0}
    samples = math.ceil(_SLAB_MM / min(volume.grid.spacing_mm)) if is_slab else 1
    center = (volume.grid.center_lps_mm - volume.grid.lps_from_index[:3, 3]).tolist()  # VTK's volume begins at 0

    def mine() -> float:
        count["ours"] += 1
        wish = _wish(volume, count["ours"] % 10, is_slab=is_slab)
        cpu, wall = time.process_time(), time.perf_counter()
        painter.paint_plane(volume, wish)
        walls["ours"].append((time.perf_counter() - wall) * 1e3)
        return (time.process_time() - cpu) * 1e3

    def asked(number: int, file: Path | None = None) -> dict[str, Any]:
        assert peer is not None
        right, down = _axes(number)
        return peer.draw(
            kind="reslice",
            right=right,
            down=down,
            center_mm=center,
            mm_per_px=_MM_PER_PX,
            size_px=_SIZE_PX,
            samples=samples,
            sample_mm=_SLAB_MM / samples if is_slab else 1.0,
            picture=str(file) if file else None,
        )

    def theirs() -> float:
        count["peer"] += 1
        answer = asked(count["peer"] % 10)
        walls["peer"].append(answer["wall_ms"])
        return float(answer["cpu_ms"])

    row_id = "volume_slab_mip" if is_slab else "volume_oblique_slice"
    what = f"MIP of a {_SLAB_MM:.0f} mm slab, {samples} samples" if is_slab else "oblique trilinear slice"
    words = f"{what}, 512² of the phantom, from the wish to grey pixels, CPU of all threads"
    if peer is None:
        values = [mine() for _ in range(_ROUNDS + 1)][1:]
        return Row(id=row_id, what=f"{words}; no vtk here", unit="CPU ms", ours=median(values), device=ours.device)
    name = asked(0, picture)["peer"]
    differing = _differing(painter.paint_plane(volume, _wish(volume, 0, is_slab=is_slab)).pixels, np.load(picture))
    values_ours, values_peer = interleaved(mine, theirs, rounds=_ROUNDS)
    ratio = median([other / own for own, other in zip(values_ours, values_peer, strict=True)])
    faster = 2 if is_slab else 1
    words += f"; wall ours {median(walls['ours']):.0f}, peer {median(walls['peer']):.0f} ms"
    words += f"; {differing:.2%} of pixels over 1 grey level from its values, windowed"
    return Row(
        id=row_id,
        what=words,
        unit="CPU ms",
        ours=median(values_ours),
        peer=median(values_peer),
        peer_name=f"{name}, vtkImageReslice",
        ratio=ratio,
        goal=f"≥ {faster} ×",
        met=ratio >= faster,
        device=ours.device,
    )


def _differing(pixels: NDArray[np.uint8], values: NDArray[np.int16]) -> float:
    low, width = _WINDOW[0] - _WINDOW[1] / 2, _WINDOW[1]
    grey = np.clip((values.astype(float) - low) / width, 0, 1) * 255
    return float((np.abs(pixels - grey) > 1.5).mean())


def _facts(volume: LoadedVolume) -> Row:
    begin = time.process_time()
    volume_facts(0, volume)
    took_ms = (time.process_time() - begin) * 1e3
    return Row(
        id="volume_facts",
        what="histogram, ranges and presets of 300 slices of 512², once when they are there",
        unit="CPU ms",
        ours=took_ms,
        goal="≤ 100 ms",
        met=took_ms <= 100,
    )


def _moving(ours: _Ours, scene: str) -> Row:
    preset_id, frames_per_s = _MOVING[scene]
    facts = volume_facts(0, ours.volume)
    assert facts is not None
    look = next(preset.look for preset in facts.presets if preset.preset_id == preset_id)
    times: list[float] = []
    cpu: list[float] = []
    height_px = 0
    for frame in range(_MOVING_FRAMES):
        wish = _camera(ours.volume, look, 3.0 * frame)
        begin, cpu_begin = time.perf_counter(), time.process_time()
        picture = ours.painter.begin(ours.volume, wish, _LIGHT)
        painting = picture.step()
        while painting is None:
            painting = picture.step()
        encode_light(painting.pixels, _LIGHT.jpeg_quality)
        times.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - cpu_begin)
        height_px = painting.pixels.shape[0]
    settled = times[_MOVING_FRAMES // 4 :]
    rate = 1 / median(settled)
    return Row(
        id=f"volume_moving_{scene}",
        what=f"{scene} turning on a canvas of {_MOVING_CANVAS_PX}², drawn and encoded one after the other, "
        f"{height_px} px high; p95 {p95(settled) * 1e3:.0f} ms, CPU of all threads "
        f"{median(cpu[_MOVING_FRAMES // 4 :]) * 1e3:.0f} ms a frame",
        unit="frames/s",
        ours=rate,
        goal=f"≥ {frames_per_s}",
        met=rate >= frames_per_s,
        device=ours.device,
    )


def _camera(volume: LoadedVolume, look: Look, turn_deg: float) -> CameraView:
    x, y, z = volume.grid.center_lps_mm.tolist()
    turn = math.radians(turn_deg)
    pose = CameraPose(
        width_px=_MOVING_CANVAS_PX,
        height_px=_MOVING_CANVAS_PX,
        target_lps_mm=(x, y, z),
        right_lps=(math.cos(turn), math.sin(turn), 0.0),
        down_lps=(0.0, 0.0, -1.0),
        mm_per_px=430 / _MOVING_CANVAS_PX,
    )
    return CameraView(cell=0, revision=1, pose=pose, look=look, moving=True)
