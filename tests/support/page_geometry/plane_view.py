"""A plane of the patient on a canvas: how it is looked at, and what follows from that.

Spaces: *canvas* = (x, y, depth, 1), x and y in device pixels from the upper left corner, y down, the centre of the
first pixel at (0.5, 0.5); depth in mm along the plane's normal, away from who looks. *lps* = mm in the patient.
*index* = (column, row, slice), integers at voxel centres.

As in `renderpool.scene.view`, `Plane` is where, `PlaneLook` is what the user wishes of navigation and look, and
`PlaneView` is derived from them and never stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import cosine_deg, fixed, sine_deg, vector
from renderpool.scene.plane_canvas import PlaneCanvas
from tests.support.page_geometry.directions import direction_letters
from tests.support.page_geometry.plane import Plane, PlaneKind, standard_frame
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

_PARALLEL = 1e-6  # sine of the angle under which two planes have no line in common


@dataclass(frozen=True, slots=True)
class PlaneLook:
    """What the user wishes of a plane's canvas: None for ``zoom`` = fit the volume, None for the centre = its middle.

    ``zoom`` is canvas pixels per mm. ``center_lps_mm`` is what lies in the middle of the canvas; where it is beside the
    plane, the point of the plane that is nearest to it does, so it outlives every shift and turn. The picture is
    flipped about its vertical axis first, then turned clockwise by ``rotation_deg``, then scaled, as a 2D image is.
    """

    width_px: int
    height_px: int
    zoom: float | None = None
    center_lps_mm: tuple[float, float, float] | None = None
    rotation_deg: float = 0.0
    flip_horizontal: bool = False


@dataclass(frozen=True, slots=True)
class EdgeLetters:
    """Which side of the patient each edge of the canvas shows, as "L" or "AR" (PS3.3 C.7.6.1.1.1)."""

    top: str
    right: str
    bottom: str
    left: str


@dataclass(frozen=True, slots=True)
class CanvasLine:
    """A line on a canvas in pixels, between two points at its border."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, eq=False)
class PlaneView(PlaneCanvas):
    """A plane and a look with every open point decided, and their matrix.

    ``lps_from_canvas`` is (4, 4) float64, homogeneous, in the spaces of the module's text. A flipped picture has the
    plane's own normal still.
    """

    plane: Plane
    zoom: float
    fitted: bool

    @property
    def mm_per_px(self) -> float:
        """Size of a canvas pixel."""
        return 1.0 / self.zoom

    @property
    def canvas_from_lps(self) -> NDArray[np.float64]:
        """(4, 4), the inverse: its third row is the distance behind the plane in mm."""
        return np.asarray(np.linalg.inv(self.lps_from_canvas), dtype=np.float64)

    def lps_at(self, x_px: float, y_px: float) -> NDArray[np.float64]:
        """Return the point of the plane under a point of the canvas, (3,)."""
        return np.asarray((self.lps_from_canvas @ np.array([x_px, y_px, 0.0, 1.0]))[:3], dtype=np.float64)

    def canvas_at(self, p_lps_mm: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
        """Return where a point of the patient lies: x and y in pixels, and how many mm behind the plane."""
        x, y, depth, _ = (self.canvas_from_lps @ np.append(vector(p_lps_mm, "A point in the patient"), 1.0)).tolist()
        return x, y, depth

    @property
    def edge_letters(self) -> EdgeLetters:
        """The letters of the four edges as the canvas is turned and flipped now."""
        right, down = self.lps_from_canvas[:3, 0] * self.zoom, self.lps_from_canvas[:3, 1] * self.zoom
        return EdgeLetters(*(direction_letters(direction) for direction in (-down, right, down, -right)))

    def line_of(self, other: Plane, offset_mm: float = 0.0) -> CanvasLine | None:
        """Return the line in which another plane cuts this one, from border to border of the canvas.

        Parameters
        ----------
        offset_mm
            Of the other plane, along its normal: half a slab's thickness and its negative give the dotted lines.

        Returns
        -------
        None where the planes are parallel, or meet outside of the canvas.
        """
        across_x, across_y = (other.normal @ self.lps_from_canvas[:3, :2]).tolist()
        if math.hypot(across_x, across_y) * self.zoom < _PARALLEL:
            return None
        # Points of the line: across_x * x + across_y * y = offset
        offset = other.position_mm + offset_mm - float(other.normal @ self.lps_from_canvas[:3, 3])
        return _line_in_canvas(across_x, across_y, offset, self.width_px, self.height_px)


def resolve_plane(grid: VolumeGrid, plane: Plane, look: PlaneLook) -> PlaneView:
    """Return the view of a plane under a look.

    Raises
    ------
    InvalidInput
        The canvas has no size, the zoom is no number over 0, or the turn or centre no finite number.
    """
    if look.width_px < 1 or look.height_px < 1:
        raise InvalidInput(f"A canvas of {look.width_px} × {look.height_px} pixels is invalid: must have at least one.")
    if not math.isfinite(look.rotation_deg):
        raise InvalidInput(f"A turn by {look.rotation_deg} degrees is invalid: must be a finite number.")
    zoom = fit_plane_zoom(grid, plane.kind, look) if look.zoom is None else look.zoom
    if not (math.isfinite(zoom) and zoom > 0):
        raise InvalidInput(f"A zoom of {zoom} pixels per mm is invalid: must be greater than 0.")
    wished = grid.center_lps_mm if look.center_lps_mm is None else vector(look.center_lps_mm, "The centre")
    center = wished - float(plane.normal @ (wished - plane.point_lps_mm)) * plane.normal
    cosine, sine = cosine_deg(look.rotation_deg), sine_deg(look.rotation_deg)
    mirror = -1.0 if look.flip_horizontal else 1.0
    # A step on the canvas, turned back and then flipped back.
    frame_from_canvas = np.array([[mirror * cosine, mirror * sine], [-sine, cosine]]) / zoom
    lps_from_canvas = np.eye(4)
    lps_from_canvas[:3, :2] = plane.lps_from_frame[:, :2] @ frame_from_canvas
    lps_from_canvas[:3, 2] = plane.normal
    lps_from_canvas[:3, 3] = center - lps_from_canvas[:3, :2] @ np.array([look.width_px / 2, look.height_px / 2])
    return PlaneView(look.width_px, look.height_px, fixed(lps_from_canvas), plane, zoom, look.zoom is None)


def fit_plane_zoom(grid: VolumeGrid, kind: PlaneKind, look: PlaneLook) -> float:
    """Return the zoom (pixels per mm) at which the volume just fits the canvas.

    It is that of the straight plane, so that a plane does not grow and shrink while it is turned.
    """
    extent = np.ptp(grid.corners_lps_mm @ standard_frame(kind)[:, :2], axis=0)
    width_mm, height_mm = float(extent[0]), float(extent[1])
    cosine, sine = abs(cosine_deg(look.rotation_deg)), abs(sine_deg(look.rotation_deg))
    return min(
        look.width_px / (cosine * width_mm + sine * height_mm),
        look.height_px / (sine * width_mm + cosine * height_mm),
    )


def panned(look: PlaneLook, view: PlaneView, dx_px: float, dy_px: float) -> PlaneLook:
    """Return the look after a drag: what was under the pointer stays under it."""
    x, y, z = view.lps_at(view.width_px / 2 - dx_px, view.height_px / 2 - dy_px).tolist()
    return replace(look, center_lps_mm=(x, y, z))


def zoomed(look: PlaneLook, view: PlaneView, factor: float, x_px: float, y_px: float) -> PlaneLook:
    """Return the look enlarged by a factor about a point of the canvas, which stays where it is.

    Raises
    ------
    InvalidInput
        The factor is no number over 0.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise InvalidInput(f"A zoom by {factor} is invalid: must be greater than 0.")
    kept, middle = view.lps_at(x_px, y_px), view.lps_at(view.width_px / 2, view.height_px / 2)
    x, y, z = (kept + (middle - kept) / factor).tolist()
    return replace(look, zoom=view.zoom * factor, center_lps_mm=(x, y, z))


def _line_in_canvas(
    across_x: float, across_y: float, offset: float, width_px: int, height_px: int
) -> CanvasLine | None:
    length = math.hypot(across_x, across_y)
    normal_x, normal_y = across_x / length, across_y / length
    # From the point nearest to the upper left corner along the line, clipped to the canvas (Liang and Barsky).
    start_x, start_y = normal_x * offset / length, normal_y * offset / length
    first, last = -math.inf, math.inf
    for start, direction, size in ((start_x, -normal_y, width_px), (start_y, normal_x, height_px)):
        if abs(direction) < _PARALLEL:
            if not 0.0 <= start <= size:
                return None
            continue
        ends = sorted(((0.0 - start) / direction, (size - start) / direction))
        first, last = max(first, ends[0]), min(last, ends[1])
    if not first < last:
        return None
    return CanvasLine(
        start_x - normal_y * first, start_y + normal_x * first, start_x - normal_y * last, start_y + normal_x * last
    )
