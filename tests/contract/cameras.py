"""What cameras are on both sides of the wire: written from NumPy (`renderpool.scene`), read by the pages' tests.

``python -m tests.contract.cameras`` writes ``fixtures/cameras.json``; `test_cameras.py` says whether it is up to date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.page_geometry.camera import Camera, CameraView, Projection, start_camera
from tests.support.page_geometry.directions import direction_letters
from tests.support.page_geometry.orientations import (
    CameraAngles,
    angles_of,
    cube_faces,
    frame_from_angles,
    standard_orientation,
)
from webviewer.dicom.volume import VolumeGrid

TARGET = Path(__file__).parent / "fixtures" / "cameras.json"
DIGITS = 10

GRIDS: dict[str, tuple[tuple[int, int, int], list[list[float]]]] = {
    "axial": ((300, 512, 512), [[0.7, 0, 0, -179], [0, 0.7, 0, -190.5], [0, 0, 1.25, 12]]),
    "thick": ((24, 200, 160), [[0.5, 0, 0, 3], [0, 0.5, 0, -7], [0, 0, 3, -100]]),
    # rows go to the feet, slices to the left; sheared as by a tilted gantry
    "sagittal_sheared": ((60, 128, 96), [[0, 0.1, 1.5, -40], [0.9, 0.05, 0.2, 10], [0, -0.9, 0.3, 55]]),
}

Step = tuple[Any, ...]
CASES: list[tuple[str, str, tuple[int, int], list[Step]]] = [
    ("start", "axial", (1440, 780), []),
    ("start_high", "thick", (390, 700), []),
    ("start_sheared", "sagittal_sheared", (512, 512), []),
    ("drag", "axial", (900, 600), [("drag", 120, -45), ("drag", -8, 3.5)]),
    ("drag_of_nothing", "axial", (900, 600), [("drag", 0, 0)]),
    ("turntable", "thick", (640, 480), [("turntable", 36), ("roll", -20)]),
    ("moved", "axial", (300, 500), [("zoom", 1.7), ("pan", 25, -40), ("turntable", 20), ("pan", 3, 8)]),
    ("largest", "axial", (300, 500), [("zoom", 1e9)]),
    ("smallest", "axial", (300, 500), [("zoom", 1e-9)]),
    ("perspective", "axial", (512, 512), [("project", "perspective"), ("drag", 70, 200), ("zoom", 2.5)]),
    (
        "perspective_moved",
        "sagittal_sheared",
        (700, 410),
        [("project", "perspective"), ("turntable", 130), ("zoom", 0.8), ("pan", -60, 22), ("roll", 77)],
    ),
    ("centred", "axial", (512, 400), [("pan", 60, 60), ("center", 20.0, -30.5, 100.25), ("turntable", 70)]),
    ("angles", "thick", (512, 400), [("angles", -135, 20, 10)]),
    ("steep", "thick", (512, 400), [("angles", 170, -89, -120)]),
    *[(f"from_{name}", "axial", (512, 400), [("orient", name, 45)]) for name in ("A", "P", "L", "R", "H", "F")],
    *[
        (f"{name}_{angle}", "axial", (512, 400), [("orient", name, angle)])
        for name in ("LAO", "RAO")
        for angle in (15, 45, 75)
    ],
]


def _after(camera: Camera, canvas: tuple[int, int], step: Step) -> Camera:
    name, *values = step
    view = CameraView(camera, *canvas)
    if name == "drag":
        return camera.turned_by_drag(values[0], values[1], view)
    if name == "turntable":
        return camera.turntable(values[0])
    if name == "roll":
        return camera.rolled(values[0])
    if name == "zoom":
        return camera.zoomed(values[0])
    if name == "pan":
        return camera.panned(values[0], values[1], view)
    if name == "center":
        return camera.centered_on(values)
    if name == "project":
        return camera.projected(Projection(values[0]))
    if name == "angles":
        return camera.oriented(frame_from_angles(CameraAngles(*values)))
    if name == "orient":
        return camera.oriented(standard_orientation(values[0], values[1]))
    raise ValueError(name)


def _numbers(values: NDArray[np.float64] | list[float] | tuple[float, ...]) -> list[float]:
    return [round(float(value), DIGITS) + 0.0 for value in values]


def _seen(view: CameraView, point: NDArray[np.float64]) -> list[float] | None:
    found = view.canvas_at(point)
    return None if found is None else _numbers(found)


def _case(name: str, grid_name: str, canvas: tuple[int, int], steps: list[Step]) -> dict[str, Any]:
    shape, rows = GRIDS[grid_name]
    grid = VolumeGrid(shape, np.array([*rows, [0.0, 0.0, 0.0, 1.0]]))
    camera = start_camera(grid)
    for step in steps:
        camera = _after(camera, canvas, step)
    view = CameraView(camera, *canvas)
    frame = camera.lps_from_frame
    behind = camera.target_lps_mm - camera.away * (camera.distance_mm + 5)
    points = [*grid.corners_lps_mm, grid.center_lps_mm, behind]
    places = [
        (0.5, 0.5, 0.0),
        (canvas[0] * 0.7, canvas[1] * 0.2, 0.0),
        (12.0, canvas[1] - 3.0, 40.0),
        (33.0, 44.0, -25.0),
    ]
    angles = angles_of(camera)
    return {
        "name": name,
        "grid": {"shape": list(shape), "lps_from_index": [float(value) for row in rows for value in row]},
        "canvas": list(canvas),
        "steps": [list(step) for step in steps],
        "pose": {
            "target_lps_mm": _numbers(camera.target_lps_mm),
            "right_lps": _numbers(frame[:, 0]),
            "down_lps": _numbers(frame[:, 1]),
            "mm_per_px": view.mm_per_px,
            "offset_px": _numbers((camera.pan_x_mm / view.mm_per_px, camera.pan_y_mm / view.mm_per_px)),
            "eye_distance_mm": camera.distance_mm if camera.projection is Projection.PERSPECTIVE else None,
        },
        "seen": [{"point": _numbers(point), "at": _seen(view, point)} for point in points],
        "under": [{"at": list(place), "point": _numbers(view.lps_at(*place))} for place in places],
        "letters": {
            "top": direction_letters(-frame[:, 1]),
            "right": direction_letters(frame[:, 0]),
            "bottom": direction_letters(frame[:, 1]),
            "left": direction_letters(-frame[:, 0]),
        },
        "angles": _numbers((angles.rotation_deg, angles.angulation_deg, angles.roll_deg)),
        "cube": [
            {"letter": face.letter, "corners": [_numbers(corner) for corner in face.corners], "facing": face.facing}
            for face in cube_faces(camera)
        ],
    }


def cameras() -> list[dict[str, Any]]:
    """Return the cases, as they stand in the file."""
    return [_case(*case) for case in CASES]


def main() -> None:
    """Write the file."""
    rows = ",\n".join(json.dumps(case) for case in cameras())
    TARGET.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
