"""What a ray caster is asked for, as plain data: where the rays run, and what is made of what they meet. No OpenGL.

Spaces: *canvas* = (x, y) device pixels from the upper left corner, y down, the centre of the first pixel at (0.5, 0.5);
*index* = (column, row, slice), integers at voxel centres; *lps* = mm in the patient.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.transfer_table import TransferTable
from webviewer.core.errors import InvalidInput


class RayMode(IntEnum):
    """What a pixel is made of; numbers as in ``shaders/ray_cast.frag.glsl``."""

    COMPOSITE = 0
    """Colours and opacities of all samples, front to back."""
    MAXIMUM = 1
    MINIMUM = 2
    AVERAGE = 3
    ISOSURFACE = 4
    """The first point whose value is not under ``iso_value``."""


@dataclass(frozen=True, slots=True)
class Shading:
    """Phong's parts under a lamp at the viewer's head that lights both sides of a surface."""

    ambient: float = 0.2
    diffuse: float = 0.8
    specular: float = 0.3
    shininess: float = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class RayLook:
    """What values look like.

    Parameters
    ----------
    mode
        See `RayMode`.
    table
        Colours and opacities of values. COMPOSITE takes the opacity as that of ``opacity_unit_mm``, not of a step;
        MAXIMUM, MINIMUM and AVERAGE look up one value a pixel (a window is a table of two entries, black or white,
        clear and opaque); ISOSURFACE takes the colour only.
    shading
        None = colours as they are. Of COMPOSITE and ISOSURFACE.
    iso_value
        In the modality's unit.
    enough_opacity
        A ray ends when so much of it is covered.

    """

    mode: RayMode
    table: TransferTable
    opacity_unit_mm: float = 1.0
    shading: Shading | None = field(default_factory=Shading)
    iso_value: float = 0.0
    enough_opacity: float = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class RayView:
    """Where the rays of a canvas run.

    Parameters
    ----------
    width_px, height_px
        Of the picture.
    lps_from_canvas
        (4, 4), float64: (x, y, depth, 1) in the canvas to LPS mm, homogeneous; depth grows away from the viewer, and
        depth 0 lies before his eye. Parallel and perspective views alike.
    step_mm
        Between samples of a ray.
    box_index
        Only this part of the volume is drawn: ((column, row, slice) low, high) in index space; None = all of it, out
        to the faces of its outer voxels (-0.5 to n - 0.5). Samples are counted from where a ray enters the box.
    box_turn
        (3, 3), float64: turns that part of index space, in LPS, about the middle of the volume; None = not at all.
    plane_lps
        (a, b, c, d): only where a x + b y + c z + d ≥ 0 in LPS mm; None = everywhere.
    background
        Red, green, blue, 0 to 1.
    jitter
        0 to 1: by up to so much of a step samples are moved, by another amount in each pixel, always the same one
        there. Rings become a fine grain.
    phase
        0 to 1: all samples are moved by so much of a step (with jitter, modulo one step): pictures of several phases
        averaged have smaller steps.
    """

    width_px: int
    height_px: int
    lps_from_canvas: NDArray[np.float64]
    step_mm: float
    box_index: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    box_turn: NDArray[np.float64] | None = None
    plane_lps: tuple[float, float, float, float] | None = None
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    jitter: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        if not self.step_mm > 0:
            raise InvalidInput(f"Samples of a ray cannot be {self.step_mm} mm apart: must be over 0.")

    def resized(self, width_px: int, height_px: int, step_mm: float) -> RayView:
        """Return the same view on a canvas of another size, with another step: coarse while something moves."""
        matrix = self.lps_from_canvas @ np.diag([self.width_px / width_px, self.height_px / height_px, 1.0, 1.0])
        return replace(self, width_px=width_px, height_px=height_px, step_mm=step_mm, lps_from_canvas=matrix)


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """The rays of a canvas in index space: of a pixel (x, y), origin and direction are the matrices times (x, y, 1).

    Directions have no certain length. ``from_origin`` tells whether rays start at the origin (a perspective view's eye)
    or run through it from afar.
    """

    origin_from_canvas: NDArray[np.float64]
    direction_from_canvas: NDArray[np.float64]
    from_origin: bool


def rays_in_index_space(
    index_from_lps: NDArray[np.float64], lps_from_canvas: NDArray[np.float64], middle_px: tuple[float, float]
) -> Rays:
    """Return the rays of a view.

    Parameters
    ----------
    index_from_lps
        (4, 4), affine.
    lps_from_canvas
        (4, 4), as `RayView.lps_from_canvas`.
    middle_px
        A point of the canvas before the eye.
    """
    matrix = index_from_lps @ lps_from_canvas
    on_canvas, along = matrix[:, [0, 1, 3]], matrix[:, 2]  # depth 0, and what depth adds
    weight = float(on_canvas[3] @ (*middle_px, 1.0))
    if abs(along[3]) < 1e-12 * np.abs(matrix[3]).max():
        return Rays(
            on_canvas[:3] / weight, np.outer(along[:3] / weight, (0.0, 0.0, 1.0)), from_origin=False
        )  # depth adds the same everywhere: parallel
    eye = along[:3] / along[3]  # where depth without end leads to from both sides
    direction = on_canvas[:3] - np.outer(eye, on_canvas[3])
    return Rays(np.outer(eye, (0.0, 0.0, 1.0)), direction * np.sign(weight), from_origin=True)
