"""What planes, their crossing and their canvases come to by the server's geometry: the pages must say the same.

``python -m tests.contract.planes`` writes the fixture anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import turn_about
from tests.support.page_geometry.crossing import CrossingPlanes, start_planes
from tests.support.page_geometry.plane import PlaneKind, plane_range
from tests.support.page_geometry.plane_view import CanvasLine, PlaneLook, panned, resolve_plane, zoomed
from webviewer.dicom.volume import VolumeGrid

FIXTURE = Path(__file__).parent / "fixtures" / "planes.json"
CANVAS = (640, 480)


def _grid(shape: tuple[int, int, int], steps: NDArray[np.float64], origin: tuple[float, float, float]) -> VolumeGrid:
    matrix = np.eye(4)
    matrix[:3, :3] = steps
    matrix[:3, 3] = origin
    return VolumeGrid(shape, matrix)


def grids() -> dict[str, VolumeGrid]:
    """Return volumes as they come: even, thick slices, tilted gantry, sagittal and mirrored, turned in all ways."""
    turn = turn_about(np.array([2.0, 1.0, 2.0]) / 3.0, 25.0)
    sheared = np.diag([0.5, 0.5, 3.0])
    sheared[1, 2] = 3.0 * math.tan(math.radians(12.0))
    sagittal = np.array([[0.0, 0.0, -4.0], [0.9, 0.0, 0.0], [0.0, -0.9, 0.0]])
    return {
        "even": _grid((120, 256, 256), np.diag([1.2, 1.2, 2.5]), (-153.0, -140.5, -310.25)),
        "thick": _grid((40, 320, 300), np.diag([0.5, 0.5, 3.0]), (-80.0, -60.0, 20.0)),
        "tilted": _grid((33, 256, 256), sheared, (-64.0, -70.0, 5.0)),
        "sagittal": _grid((25, 200, 180), sagittal, (48.0, -90.0, 95.0)),
        "oblique": _grid((61, 100, 90), turn @ np.diag([0.8, 0.7, -2.0]), (12.5, -3.25, 41.0)),
    }


Step = Callable[[CrossingPlanes, VolumeGrid], CrossingPlanes]


@dataclass(frozen=True)
class Deed:
    """One act of the doctor: its name and numbers for the pages, and what the server's geometry makes of it."""

    act: dict[str, Any]
    do: Step


def _moved(point: tuple[float, float, float]) -> Deed:
    return Deed({"act": "moved", "point": point}, lambda planes, grid: planes.moved(np.array(point), grid))


def _shifted(kind: PlaneKind, mm: float) -> Deed:
    return Deed({"act": "shifted", "kind": kind, "mm": mm}, lambda planes, grid: planes.shifted(kind, mm, grid))


def _scrolled(kind: PlaneKind, steps: int, step_mm: float | None) -> Deed:
    return Deed(
        {"act": "scrolled", "kind": kind, "steps": steps, "step_mm": step_mm},
        lambda planes, grid: planes.scrolled(kind, steps, grid, step_mm),
    )


def _placed(kind: PlaneKind, number: int, step_mm: float | None) -> Deed:
    return Deed(
        {"act": "placed", "kind": kind, "number": number, "step_mm": step_mm},
        lambda planes, grid: planes.placed(kind, number, grid, step_mm),
    )


def _turned(about: PlaneKind, degrees: float, dragged: PlaneKind | None, keep_square: bool) -> Deed:
    return Deed(
        {"act": "turned", "about": about, "degrees": degrees, "dragged": dragged, "keep_square": keep_square},
        lambda planes, _: planes.turned(about, degrees, dragged, keep_square=keep_square),
    )


def _squared(keep: PlaneKind) -> Deed:
    return Deed({"act": "squared", "keep": keep}, lambda planes, _: planes.squared(keep))


def _oriented(kind: PlaneKind, as_kind: PlaneKind) -> Deed:
    return Deed(
        {"act": "oriented", "kind": kind, "as_kind": as_kind},
        lambda planes, grid: planes.oriented(kind, as_kind, grid),
    )


def deeds() -> list[Deed]:
    """Return a morning's work: every act, also where it meets the ends of the volume and freed planes."""
    axial, coronal, sagittal = PlaneKind
    return [
        _shifted(axial, 12.5),
        _scrolled(coronal, 3, None),
        _scrolled(sagittal, -2, 1.5),
        _scrolled(axial, 10_000, None),
        _scrolled(axial, -7, 2.2),
        _placed(coronal, 5, None),
        _placed(sagittal, 10_000, 3.0),
        _turned(axial, 30.0, None, True),
        _scrolled(coronal, 4, None),
        _turned(coronal, -17.25, axial, True),
        _shifted(sagittal, -9.75),
        _turned(sagittal, 8.0, axial, False),
        _shifted(axial, 6.0),
        _turned(axial, 90.0, coronal, False),
        _scrolled(coronal, -3, None),
        _moved((9.0, -4.0, 33.0)),
        _squared(axial),
        _turned(sagittal, 41.0, coronal, False),
        _squared(sagittal),
        _oriented(coronal, axial),
        _shifted(coronal, 1e6),
        _moved((1e5, -1e5, 1e5)),
    ]


LOOKS = (
    PlaneLook(*CANVAS),
    PlaneLook(*CANVAS, zoom=2.5, center_lps_mm=(3.0, -12.0, 7.5)),
    PlaneLook(*CANVAS, zoom=1.75, center_lps_mm=(0.0, 5.0, 11.0), rotation_deg=90.0),
    PlaneLook(*CANVAS, rotation_deg=-33.5, flip_horizontal=True),
)


def _line(line: CanvasLine | None) -> list[float] | None:
    return None if line is None else [line.x0, line.y0, line.x1, line.y1]


def _planes(planes: CrossingPlanes) -> dict[str, Any]:
    return {
        "crossing": planes.crossing_lps_mm.tolist(),
        "square": planes.is_square,
        "frames": {kind: frame.T.tolist() for kind, frame in zip(PlaneKind, planes.lps_from_frames, strict=True)},
    }


def _ranges(planes: CrossingPlanes, grid: VolumeGrid) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in PlaneKind:
        plane = planes.plane(kind)
        along = plane_range(grid, plane.normal)
        found[kind] = {
            "first_mm": along.first_mm,
            "last_mm": along.last_mm,
            "step_mm": along.step_mm,
            "count": along.count,
            "number": along.number(plane.position_mm),
            "position_mm": plane.position_mm,
        }
    return found


def _views(planes: CrossingPlanes, grid: VolumeGrid) -> list[dict[str, Any]]:
    found = []
    for kind in PlaneKind:
        for look in LOOKS:
            view = resolve_plane(grid, planes.plane(kind), look)
            dragged = resolve_plane(grid, planes.plane(kind), panned(look, view, 40.0, -25.0))
            enlarged = resolve_plane(grid, planes.plane(kind), zoomed(look, view, 1.3, 100.0, 380.0))
            letters = view.edge_letters
            others = planes.others(kind)
            found.append(
                {
                    "kind": kind,
                    "look": {
                        "zoom": look.zoom,
                        "center": look.center_lps_mm,
                        "rotation_deg": look.rotation_deg,
                        "flip_horizontal": look.flip_horizontal,
                    },
                    "zoom": view.zoom,
                    "lps_at_100_380": view.lps_at(100.0, 380.0).tolist(),
                    "canvas_at_9_8_7": list(view.canvas_at((9.0, 8.0, 7.0))),
                    "letters": [letters.top, letters.right, letters.bottom, letters.left],
                    "lines": [_line(view.line_of(other)) for other in others],
                    "dotted": [_line(view.line_of(other, 7.5)) for other in others],
                    "panned_middle": dragged.lps_at(CANVAS[0] / 2, CANVAS[1] / 2).tolist(),
                    "enlarged": [enlarged.zoom, *enlarged.lps_at(CANVAS[0] / 2, CANVAS[1] / 2).tolist()],
                }
            )
    return found


def build() -> dict[str, Any]:
    """Return the whole fixture."""
    scenes = []
    for name, grid in grids().items():
        planes = start_planes(grid)
        steps: list[dict[str, Any]] = [{"deed": None, **_planes(planes)}]
        for number, deed in enumerate(deeds()):
            planes = deed.do(planes, grid)
            steps.append({"deed": deed.act, **_planes(planes)})
            if number == 15:  # freed and turned in all ways
                steps[-1]["views"] = _views(planes, grid)
                steps[-1]["ranges"] = _ranges(planes, grid)
        steps[0]["views"] = _views(start_planes(grid), grid)
        steps[0]["ranges"] = _ranges(start_planes(grid), grid)
        scenes.append(
            {
                "name": name,
                "shape": list(grid.shape),
                "lps_from_index": grid.lps_from_index[:3].ravel().tolist(),
                "steps": steps,
            }
        )
    return {"canvas": list(CANVAS), "scenes": scenes}


def main() -> None:
    """Write the fixture, one step of a scene on a line."""
    FIXTURE.write_text(rounded_json(build()), encoding="utf-8")


def rounded_json(value: dict[str, Any]) -> str:
    """Return JSON with 10 digits after the point: the last bits of a machine's library are no contract."""

    def plain(part: Any) -> Any:
        if isinstance(part, bool):
            return part
        if isinstance(part, float):
            return round(part, 10) + 0.0
        if isinstance(part, dict):
            return {str(key): plain(entry) for key, entry in part.items()}
        if isinstance(part, list | tuple):
            return [plain(entry) for entry in part]
        return part

    head = {key: entry for key, entry in plain(value).items() if key != "scenes"}
    lines = [json.dumps(head)[:-1] + ', "scenes": [']
    scenes = plain(value)["scenes"]
    for at, scene in enumerate(scenes):
        opening = json.dumps({key: entry for key, entry in scene.items() if key != "steps"})[:-1]
        steps = ",\n".join("  " + json.dumps(step, separators=(",", ":")) for step in scene["steps"])
        lines.append(f' {opening}, "steps": [\n{steps}\n ]}}' + ("," if at + 1 < len(scenes) else ""))
    return "\n".join([*lines, "]}", ""])


if __name__ == "__main__":
    main()
