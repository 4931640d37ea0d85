"""Planes through a volume: where they lie, their steps, and the way through the volume from end to end.

How a plane is seen on a canvas stands in `plane_view`, three of them with their crossing in `crossing`.
*lps* = mm in the patient; *index* = (column, row, slice), integers at voxel centres.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import fixed, frame, turned
from renderpool.scene.slab import voxel_step_mm
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

_AT_AN_END = 1e-6  # part of a step that rounding may cost the last one
_EQUAL = 1e-9


class PlaneKind(StrEnum):
    """The plane that a window started from; it keeps the name however far it is turned."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


class PlaneAxes(StrEnum):
    """Along what a straight plane lies: the patient's axes, or the voxels' (those of the acquisition)."""

    PATIENT = "patient"
    VOLUME = "volume"


# right and down on the canvas: axial is seen from the feet, coronal from the front, sagittal from the patient's left
_STANDARD = {
    PlaneKind.AXIAL: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    PlaneKind.CORONAL: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    PlaneKind.SAGITTAL: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}


def standard_frame(
    kind: PlaneKind, grid: VolumeGrid | None = None, axes: PlaneAxes = PlaneAxes.PATIENT
) -> NDArray[np.float64]:
    """Return ``lps_from_frame`` (3, 3), columns right, down, normal, in the radiological orientation.

    Axial: the patient's right at the left of the picture, front up. Coronal: the right at the left, head up. Sagittal:
    front at the left, head up. Along the volume's axes, they are those of its voxels that lie nearest to the patient's,
    the layers of the acquisition staying whole where it is sheared.
    """
    right, down = (np.array(direction) for direction in _STANDARD[kind])
    if axes is PlaneAxes.PATIENT or grid is None:
        return frame(right, down)
    nearest = _lps_from_nearest_axes(grid)
    return frame(nearest @ right, nearest @ down)


def _lps_from_nearest_axes(grid: VolumeGrid) -> NDArray[np.float64]:
    """Return the rotation (3, 3) from the patient's axes to the voxels' own that are nearest to them."""
    # Slices as they were taken stay whole: rows and columns count, not the shear from slice to slice.
    own = frame(grid.lps_from_index[:3, 0], grid.lps_from_index[:3, 1])
    best = own
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            axes = own[:, order] * np.array(signs)
            if np.linalg.det(axes) > 0 and np.trace(axes) > np.trace(best) + _EQUAL:
                best = axes
    return best


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Where a plane lies: a point of it, and its frame.

    Parameters
    ----------
    kind
        What it started from.
    point_lps_mm
        (3,), any point of the plane.
    lps_from_frame
        (3, 3): unit directions right, down and normal (away from who looks) of an unturned canvas.
    """

    kind: PlaneKind
    point_lps_mm: NDArray[np.float64]
    lps_from_frame: NDArray[np.float64]

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,): the unit direction away from who looks."""
        return self.lps_from_frame[:, 2]

    @property
    def position_mm(self) -> float:
        """How far along its normal it lies from the origin of the patient's space."""
        return float(self.normal @ self.point_lps_mm)

    def distance_mm(self, p_lps_mm: NDArray[np.float64]) -> float:
        """Return how far behind the plane a point (3,) lies, negative before it: twice that is a dragged thickness."""
        return float(self.normal @ (p_lps_mm - self.point_lps_mm))

    def shifted(self, distance_mm: float) -> Plane:
        """Return the plane moved along its normal."""
        return replace(self, point_lps_mm=fixed(self.point_lps_mm + distance_mm * self.normal))

    def at(self, position_mm: float) -> Plane:
        """Return the plane moved along its normal to a position, as `position_mm` counts it."""
        return self.shifted(position_mm - self.position_mm)

    def turned(self, axis: NDArray[np.float64], angle_deg: float) -> Plane:
        """Return the plane turned about a unit axis through its point, by the right hand's rule."""
        return replace(self, lps_from_frame=turned(self.lps_from_frame, axis, angle_deg))


def standard_plane(kind: PlaneKind, grid: VolumeGrid, axes: PlaneAxes = PlaneAxes.PATIENT) -> Plane:
    """Return a straight plane through the voxel in the middle of a volume: nothing is interpolated along its normal."""
    return Plane(kind, middle_voxel_lps_mm(grid), standard_frame(kind, grid, axes))


def middle_voxel_lps_mm(grid: VolumeGrid) -> NDArray[np.float64]:
    """Return the centre (3,) of the middle voxel; of an even number the one behind the middle."""
    slices, rows, columns = grid.shape
    return fixed((grid.lps_from_index @ np.array([columns // 2, rows // 2, slices // 2, 1.0]))[:3])


def nearest_in_volume(grid: VolumeGrid, p_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a point (3,) held within the centres of the outer voxels: where a crossing may be dragged to."""
    index = (grid.index_from_lps @ np.append(p_lps_mm, 1.0))[:3]
    slices, rows, columns = grid.shape
    held = np.clip(index, 0.0, np.array([columns - 1, rows - 1, slices - 1], dtype=np.float64))
    if np.array_equal(held, index):
        return fixed(p_lps_mm)
    return fixed((grid.lps_from_index @ np.append(held, 1.0))[:3])


@dataclass(frozen=True, slots=True)
class PlaneRange:
    """The positions of a plane along its normal, from one end of the volume to the other: for scroll and its slider.

    ``first_mm`` and ``last_mm`` are positions as `Plane.position_mm`, through the centres of the outer voxels.
    """

    first_mm: float
    last_mm: float
    step_mm: float

    @property
    def count(self) -> int:
        """How many steps there are, at least 1."""
        return math.floor((self.last_mm - self.first_mm) / self.step_mm + _AT_AN_END) + 1

    def number(self, position_mm: float) -> int:
        """Return the number of the step nearest to a position, counted from 1 as a doctor counts slices."""
        return min(self.count, max(1, round((position_mm - self.first_mm) / self.step_mm) + 1))

    def position_mm(self, number: int) -> float:
        """Return the position of a step; numbers beyond the ends take the ends."""
        return self.first_mm + (min(self.count, max(1, number)) - 1) * self.step_mm

    def held(self, position_mm: float) -> float:
        """Return a position, or the end of the range that it lies beyond."""
        return min(self.last_mm, max(self.first_mm, position_mm))


def plane_range(grid: VolumeGrid, normal: NDArray[np.float64], step_mm: float | None = None) -> PlaneRange:
    """Return the range of positions along a unit normal; ``step_mm`` None = one voxel.

    Raises
    ------
    InvalidInput
        The step is no number over 0.
    """
    step = voxel_step_mm(grid, normal) if step_mm is None else step_mm
    if not (math.isfinite(step) and step > 0):
        raise InvalidInput(f"A step of {step} mm is invalid: must be greater than 0.")
    last = np.array(grid.shape[::-1], dtype=np.float64) - 1.0
    centers = np.array([(i, j, k) for i in (0.0, last[0]) for j in (0.0, last[1]) for k in (0.0, last[2])])
    positions = (centers @ grid.lps_from_index[:3, :3].T + grid.lps_from_index[:3, 3]) @ normal
    return PlaneRange(float(positions.min()), float(positions.max()), step)
