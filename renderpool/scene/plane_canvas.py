"""Where the pixels of a canvas lie on a plane of the patient, as the browser says it.

Spaces: *canvas* = (x, y, depth, 1), x and y in pixels from the upper left corner, y down, the centre of the first pixel
at (0.5, 0.5); depth in mm along the plane's normal. *lps* = mm in the patient. *index* = (column, row, slice), integers
at voxel centres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import fixed, vector
from renderpool.scene.view import supersampling
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

_UNIT = 1e-3  # what a length or a cosine may be off: browsers send nine digits and more


@dataclass(frozen=True, slots=True, eq=False)
class PlaneCanvas:
    """A canvas on a plane; ``lps_from_canvas`` is (4, 4) float64, homogeneous, in the spaces of the module's text."""

    width_px: int
    height_px: int
    lps_from_canvas: NDArray[np.float64]

    def index_from_canvas(self, grid: VolumeGrid) -> NDArray[np.float64]:
        """Return (4, 4): canvas (x, y, depth mm) to (column, row, slice) of a volume."""
        return np.asarray(grid.index_from_lps @ self.lps_from_canvas, dtype=np.float64)


def check_canvas_axes(right_lps: Sequence[float], down_lps: Sequence[float]) -> NDArray[np.float64]:
    """Return (3, 3) float64, columns right, down and their cross product, of a canvas in the patient.

    Raises
    ------
    InvalidInput
        A direction is no unit vector, or the two are not perpendicular.
    """
    right, down = vector(right_lps, "The direction to the right"), vector(down_lps, "The direction downwards")
    for words, direction in (("to the right", right), ("downwards", down)):
        length = float(np.linalg.norm(direction))
        if abs(length - 1.0) > _UNIT:
            raise InvalidInput(f"The direction {words} has the length {length:.4g}: must be 1.")
    cosine = float(right @ down)
    if abs(cosine) > _UNIT:
        angle_deg = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
        raise InvalidInput(f"The directions to the right and downwards are {angle_deg:.2f} degrees apart: must be 90.")
    return fixed(np.column_stack((right, down, np.cross(right, down))))


def plane_canvas(
    width_px: int,
    height_px: int,
    *,
    center_lps_mm: Sequence[float],
    right_lps: Sequence[float],
    down_lps: Sequence[float],
    mm_per_px: float,
) -> PlaneCanvas:
    """Return the canvas with a point of the patient at its middle; errors as `check_canvas_axes`."""
    axes = check_canvas_axes(right_lps, down_lps)
    matrix = np.eye(4)
    matrix[:3, :2] = axes[:, :2] * mm_per_px
    matrix[:3, 2] = axes[:, 2]
    middle = np.array([width_px / 2, height_px / 2])
    matrix[:3, 3] = vector(center_lps_mm, "The centre") - matrix[:3, :2] @ middle
    return PlaneCanvas(width_px, height_px, fixed(matrix))


def scale_canvas(canvas: PlaneCanvas, width_px: int, height_px: int) -> PlaneCanvas:
    """Return the same part of the plane on fewer or more pixels."""
    stretch = np.diag([canvas.width_px / width_px, canvas.height_px / height_px, 1.0, 1.0])
    matrix = fixed(canvas.lps_from_canvas @ stretch)
    return replace(canvas, width_px=width_px, height_px=height_px, lps_from_canvas=matrix)


def places_of_pixel(canvas: PlaneCanvas, grid: VolumeGrid) -> int:
    """Return n of the n × n places a canvas pixel is averaged from, so that no voxel is missed: as of 2D images."""
    voxels_per_px = np.linalg.norm(canvas.index_from_canvas(grid)[:3, :2], axis=0).max()
    return supersampling(1.0 / float(voxels_per_px))
