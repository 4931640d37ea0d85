"""A camera on a volume: from where it is seen, how it is turned, and where its rays run.

Spaces: *canvas* = (x, y) device pixels from the upper left corner, y down, the centre of the first pixel at (0.5, 0.5);
*lps* = mm in the patient. The camera's frame (`renderpool.scene.directions`) is right, down and away on its canvas.

`Camera` is what the user has turned, moved and zoomed, `CameraView` is derived from it and never stored. What its
standard orientations and angles are stands in `orientations`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import LETTER_DIRECTIONS, fixed, frame, turned, unit, vector
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

DEFAULT_VIEW_ANGLE_DEG = 28.0
_VIEW_ANGLES_DEG = (1.0, 120.0)
_ZOOMS = (0.01, 1000.0)
_AROUND = 1.2  # of the longest side, so that nothing touches the border
_DRAG_DEG = 180.0  # a drag over the shorter side of the canvas


class Projection(StrEnum):
    """How rays run."""

    PARALLEL = "parallel"
    PERSPECTIVE = "perspective"


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """How a volume is looked at.

    Parameters
    ----------
    target_lps_mm
        (3,): the point that everything turns about; it lies in the middle of the canvas, moved by the pan.
    lps_from_frame
        (3, 3): unit directions right, down and away.
    extent_mm
        What the shorter side of the canvas shows at the target where the zoom is 1.
    zoom
        The picture is so many times larger than that.
    pan_x_mm, pan_y_mm
        How far the picture is moved right and down, in mm at the target; it only moves, nothing else is seen.
    view_angle_deg
        What the shorter side of the canvas spans where the zoom is 1; it tells how far away the eye is. Kept, though
        not used, in a parallel projection.

    Raises
    ------
    InvalidInput
        Extent or zoom are no numbers over 0, or the angle is none between 1 and 120 degrees.
    """

    target_lps_mm: NDArray[np.float64]
    lps_from_frame: NDArray[np.float64]
    extent_mm: float
    zoom: float = 1.0
    pan_x_mm: float = 0.0
    pan_y_mm: float = 0.0
    projection: Projection = Projection.PARALLEL
    view_angle_deg: float = DEFAULT_VIEW_ANGLE_DEG

    def __post_init__(self) -> None:
        if not (math.isfinite(self.extent_mm) and self.extent_mm > 0):
            raise InvalidInput(f"A camera that sees {self.extent_mm} mm is invalid: must be greater than 0.")
        if not _ZOOMS[0] <= self.zoom <= _ZOOMS[1]:
            raise InvalidInput(f"A zoom of {self.zoom} is invalid: must be from {_ZOOMS[0]} to {_ZOOMS[1]:.0f}.")
        if not _VIEW_ANGLES_DEG[0] <= self.view_angle_deg <= _VIEW_ANGLES_DEG[1]:
            raise InvalidInput(f"A view angle of {self.view_angle_deg} degrees is invalid: must be from 1 to 120.")
        if not (math.isfinite(self.pan_x_mm) and math.isfinite(self.pan_y_mm)):
            raise InvalidInput("A camera cannot be moved without end: its pan must be finite numbers of mm.")

    @property
    def away(self) -> NDArray[np.float64]:
        """(3,): the unit direction in which it looks."""
        return self.lps_from_frame[:, 2]

    @property
    def up(self) -> NDArray[np.float64]:
        """(3,): the unit direction of the canvas's upper edge."""
        return -self.lps_from_frame[:, 1]

    @property
    def distance_mm(self) -> float:
        """How far the eye of a perspective view is from the target."""
        return self.extent_mm / 2 / math.tan(math.radians(self.view_angle_deg) / 2)

    @property
    def eye_lps_mm(self) -> NDArray[np.float64]:
        """(3,): where the eye of a perspective view is."""
        return np.asarray(self.target_lps_mm - self.distance_mm * self.away, dtype=np.float64)

    def oriented(self, lps_from_frame: NDArray[np.float64]) -> Camera:
        """Return the camera with another frame, about the same target."""
        return replace(self, lps_from_frame=lps_from_frame)

    def turned_by_drag(self, dx_px: float, dy_px: float, view: CameraView) -> Camera:
        """Return the camera after a drag: the near side follows the pointer, half a turn over the canvas.

        The volume turns about an axis in the canvas across the way of the pointer, so it turns freely in every
        direction and never locks.
        """
        way_px = math.hypot(dx_px, dy_px)
        if not math.isfinite(way_px) or way_px == 0.0:
            return self
        axis = self.lps_from_frame @ np.array([-dy_px, dx_px, 0.0]) / way_px
        # What is seen follows the pointer if the camera goes the other way round.
        return self.orbited(axis, way_px / min(view.width_px, view.height_px) * _DRAG_DEG)

    def orbited(self, axis_lps: NDArray[np.float64], angle_deg: float) -> Camera:
        """Return the camera gone about an axis through its target by the right hand's rule."""
        return replace(self, lps_from_frame=turned(self.lps_from_frame, axis_lps, angle_deg))

    def turntable(self, angle_deg: float) -> Camera:
        """Return the camera gone about the patient's long axis, from his front towards his left."""
        return self.orbited(np.array(LETTER_DIRECTIONS["H"]), angle_deg)

    def rolled(self, angle_deg: float) -> Camera:
        """Return the camera with its picture turned clockwise."""
        return self.orbited(self.away, -angle_deg)

    def panned(self, dx_px: float, dy_px: float, view: CameraView) -> Camera:
        """Return the camera after a drag: the picture moves with the pointer."""
        return replace(
            self,
            pan_x_mm=self.pan_x_mm + dx_px * view.mm_per_px,
            pan_y_mm=self.pan_y_mm + dy_px * view.mm_per_px,
        )

    def zoomed(self, factor: float) -> Camera:
        """Return the camera with its picture enlarged about the middle of the canvas, within the limits of the zoom.

        Raises
        ------
        InvalidInput
            The factor is no number over 0.
        """
        if not (math.isfinite(factor) and factor > 0):
            raise InvalidInput(f"A zoom by {factor} is invalid: must be greater than 0.")
        return replace(self, zoom=min(_ZOOMS[1], max(_ZOOMS[0], self.zoom * factor)))

    def centered_on(self, p_lps_mm: Sequence[float] | NDArray[np.float64]) -> Camera:
        """Return the camera with a point of the patient in the middle of the canvas, to turn about."""
        return replace(self, target_lps_mm=vector(p_lps_mm, "The point to look at"), pan_x_mm=0.0, pan_y_mm=0.0)

    def projected(self, projection: Projection) -> Camera:
        """Return the camera with another projection: what lies at the target stays as large as it is."""
        return replace(self, projection=projection)


def start_camera(grid: VolumeGrid, projection: Projection = Projection.PARALLEL) -> Camera:
    """Return the camera that a volume starts with, and a reset goes back to: from the front, all of it in view.

    However it is turned, what lies about its middle as far as its farthest face stays on the canvas: patients do, the
    corners of a volume are air.
    """
    center = grid.center_lps_mm
    sides_mm = np.ptp(grid.corners_lps_mm, axis=0)
    extent_mm = float(sides_mm.max()) * _AROUND
    return Camera(
        fixed(center), frame(LETTER_DIRECTIONS["L"], LETTER_DIRECTIONS["F"]), extent_mm, projection=projection
    )


def camera_at(
    eye_lps_mm: Sequence[float],
    target_lps_mm: Sequence[float],
    up_lps: Sequence[float],
    view_angle_deg: float = DEFAULT_VIEW_ANGLE_DEG,
    projection: Projection = Projection.PERSPECTIVE,
) -> Camera:
    """Return the camera at a place, looking at a point; ``up`` gives way where it is not perpendicular.

    Raises
    ------
    InvalidInput
        Eye and target are one point, or the camera looks along ``up``.
    """
    eye, target = vector(eye_lps_mm, "The eye"), vector(target_lps_mm, "The target")
    away = unit(target - eye, "The direction from the eye to the target")
    right = unit(np.cross(away, unit(up_lps, "The direction upwards")), "The direction across the view and upwards")
    extent_mm = 2 * float(np.linalg.norm(target - eye)) * math.tan(math.radians(view_angle_deg) / 2)
    return Camera(
        target,
        frame(right, np.cross(away, right)),
        extent_mm,
        projection=projection,
        view_angle_deg=view_angle_deg,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CameraView:
    """A camera on a canvas of a size.

    Raises
    ------
    InvalidInput
        The canvas has no size.
    """

    camera: Camera
    width_px: int
    height_px: int

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise InvalidInput(f"A canvas of {self.width_px} × {self.height_px} pixels is invalid: must have one.")

    @property
    def mm_per_px(self) -> float:
        """Size of a canvas pixel at the target."""
        return self.camera.extent_mm / self.camera.zoom / min(self.width_px, self.height_px)

    @property
    def lps_from_canvas(self) -> NDArray[np.float64]:
        """(4, 4) float64, homogeneous: (x, y, depth, 1) to LPS mm; divide by the fourth number.

        Depth 0 is the plane through the target; a step of it is 1 mm there. It grows away from the viewer: in a
        perspective view the eye lies at minus infinity, and at `Camera.distance_mm` nothing ends any more.
        """
        camera = self.camera
        across = camera.lps_from_frame[:, :2] * self.mm_per_px
        middle = np.array([self.width_px / 2, self.height_px / 2])
        pan = camera.lps_from_frame[:, :2] @ np.array([camera.pan_x_mm, camera.pan_y_mm])
        matrix = np.eye(4)
        matrix[:3, :2] = across
        matrix[:3, 2] = camera.away
        matrix[:3, 3] = camera.target_lps_mm - across @ middle - pan
        if camera.projection is Projection.PERSPECTIVE:
            matrix[:3, 2] = -camera.eye_lps_mm / camera.distance_mm
            matrix[3, 2] = -1.0 / camera.distance_mm
        return fixed(matrix)

    @property
    def canvas_from_lps(self) -> NDArray[np.float64]:
        """(4, 4), the inverse, homogeneous."""
        return np.asarray(np.linalg.inv(self.lps_from_canvas), dtype=np.float64)

    def canvas_at(self, p_lps_mm: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float] | None:
        """Return where a point of the patient is seen: x and y in pixels and its depth; None behind the eye."""
        x, y, depth, weight = (
            self.canvas_from_lps @ np.append(vector(p_lps_mm, "A point in the patient"), 1.0)
        ).tolist()
        return None if weight <= 0 else (x / weight, y / weight, depth / weight)

    def lps_at(self, x_px: float, y_px: float, depth: float = 0.0) -> NDArray[np.float64]:
        """Return the point of the patient, (3,), under a point of the canvas at a depth, 0 = that of the target."""
        point = self.lps_from_canvas @ np.array([x_px, y_px, depth, 1.0])
        return np.asarray(point[:3] / point[3], dtype=np.float64)

    def ray_at(self, x_px: float, y_px: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a point and the unit direction of the ray through a point of the canvas, (3,) each, LPS.

        The point is the eye of a perspective view; of a parallel one it lies in the plane of the target.
        """
        on_target = self.lps_at(x_px, y_px)
        if self.camera.projection is Projection.PARALLEL:
            return on_target, self.camera.away
        eye = self.camera.eye_lps_mm
        return eye, unit(on_target - eye, "The direction of a ray")
