"""Where the pixels of a canvas lie in the patient for who looks at a volume, as the browser says it.

Spaces: *canvas* = (x, y, depth, 1), homogeneous, x and y in pixels from the upper left corner, y down, the centre of
the first pixel at (0.5, 0.5). Depth 0 is the plane through the target across the view, a step of it is 1 mm there; it
grows away from the viewer, whose eye lies at minus infinity in perspective. *lps* = mm in the patient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import fixed, turn_about, unit, vector
from renderpool.scene.plane_canvas import check_canvas_axes


def lps_from_camera_canvas(
    size_px: tuple[int, int],
    *,
    target_lps_mm: Sequence[float],
    right_lps: Sequence[float],
    down_lps: Sequence[float],
    mm_per_px: float,
    offset_px: tuple[float, float] = (0.0, 0.0),
    eye_distance_mm: float | None = None,
) -> NDArray[np.float64]:
    """Return (4, 4) float64: canvas to LPS mm; divide by the fourth number.

    Parameters
    ----------
    size_px
        Width and height of the canvas.
    target_lps_mm
        Seen ``offset_px`` right and down of the middle of the canvas.
    mm_per_px
        Size of a pixel at the target.
    eye_distance_mm
        Of the eye before the target; None = parallel rays. The offset moves the picture, not the eye.

    Raises
    ------
    InvalidInput
        The axes are none, see `renderpool.scene.plane_canvas.check_canvas_axes`.
    """
    axes = check_canvas_axes(right_lps, down_lps)
    target, across = vector(target_lps_mm, "The target"), axes[:, :2] * mm_per_px
    middle = np.array([size_px[0] / 2 + offset_px[0], size_px[1] / 2 + offset_px[1]])
    matrix = np.eye(4)
    matrix[:3, :2] = across
    matrix[:3, 2] = axes[:, 2]
    matrix[:3, 3] = target - across @ middle
    if eye_distance_mm is not None:
        matrix[:3, 2] = -(target - eye_distance_mm * axes[:, 2]) / eye_distance_mm
        matrix[3, 2] = -1.0 / eye_distance_mm
    return fixed(matrix)


def box_turn(turn_deg: Sequence[float]) -> NDArray[np.float64] | None:
    """Return the (3, 3) rotation about the direction of a vector by its length in degrees; None = no turn.

    Raises
    ------
    InvalidInput
        Not three finite numbers.
    """
    vector_deg = vector(turn_deg, "The turn of the clipping box")
    angle_deg = float(np.linalg.norm(vector_deg))
    return None if angle_deg == 0 else fixed(turn_about(vector_deg / angle_deg, angle_deg))


def kept_half_space(point_lps_mm: Sequence[float], normal_lps: Sequence[float]) -> tuple[float, float, float, float]:
    """Return (a, b, c, d) of what lies behind a plane: a x + b y + c z + d ≥ 0 in LPS mm.

    Raises
    ------
    InvalidInput
        The normal, which points to what is hidden, has no length.
    """
    normal = unit(normal_lps, "The normal of the clipping plane")
    a, b, c = (-normal).tolist()
    return a, b, c, float(normal @ vector(point_lps_mm, "A point of the clipping plane"))
