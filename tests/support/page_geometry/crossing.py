"""Three planes of one volume and the point in which they cross: what dragging their coloured lines does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import fixed, turned, vector
from tests.support.page_geometry.directions import angle_between_deg
from tests.support.page_geometry.plane import (
    Plane,
    PlaneAxes,
    PlaneKind,
    middle_voxel_lps_mm,
    nearest_in_volume,
    plane_range,
    standard_frame,
)
from webviewer.dicom.volume import VolumeGrid

_SQUARE = 1e-6  # cosine of the angle of two planes that are perpendicular
_FLAT = 1e-3  # sine of the angle under which two planes are too much alike to cross in a line that can be used


@dataclass(frozen=True, slots=True, eq=False)
class CrossingPlanes:
    """Three planes through one point; each drag gives new ones.

    Parameters
    ----------
    crossing_lps_mm
        (3,).
    lps_from_frames
        For each kind, in the order of `PlaneKind`, the (3, 3) frame of its plane: right, down, normal.
    """

    crossing_lps_mm: NDArray[np.float64]
    lps_from_frames: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

    def plane(self, kind: PlaneKind) -> Plane:
        """Return one of the planes, through the crossing."""
        return Plane(kind, self.crossing_lps_mm, self._frame(kind))

    def others(self, kind: PlaneKind) -> tuple[Plane, Plane]:
        """Return the two planes whose lines are drawn on this one."""
        first, second = (self.plane(other) for other in PlaneKind if other is not kind)
        return first, second

    @property
    def is_square(self) -> bool:
        """Whether all three are perpendicular to each other."""
        normals = np.array([lps_from_frame[:, 2] for lps_from_frame in self.lps_from_frames])
        return bool(np.abs(normals @ normals.T - np.eye(3)).max() < _SQUARE)

    def moved(self, p_lps_mm: NDArray[np.float64], grid: VolumeGrid) -> CrossingPlanes:
        """Return the planes with their crossing at a point, held within the volume."""
        return self._at(nearest_in_volume(grid, vector(p_lps_mm, "The crossing")))

    def shifted(self, kind: PlaneKind, distance_mm: float, grid: VolumeGrid) -> CrossingPlanes:
        """Return the planes with one of them moved along its normal; it stops at the ends of the volume.

        The other two stay where they are: the crossing runs along their common line.
        """
        plane = self.plane(kind)
        held = plane_range(grid, plane.normal).held(plane.position_mm + distance_mm) - plane.position_mm
        first, second = self.others(kind)
        common = np.cross(first.normal, second.normal)
        share = float(common @ plane.normal)
        # Freed planes may have one line in common, or none: then the crossing goes straight.
        way = plane.normal if abs(share) < _FLAT else common / share
        return self._at(self.crossing_lps_mm + held * way)

    def scrolled(self, kind: PlaneKind, steps: int, grid: VolumeGrid, step_mm: float | None = None) -> CrossingPlanes:
        """Return the planes with one of them moved by steps along its normal; ``step_mm`` None = one voxel.

        A plane that lies on a step, as all do at the start, lies on one afterwards.

        Raises
        ------
        InvalidInput
            The step is no number over 0.
        """
        along = plane_range(grid, self.plane(kind).normal, step_mm)
        position_mm = self.plane(kind).position_mm
        wished = position_mm + steps * along.step_mm
        if not along.first_mm <= wished <= along.last_mm:
            # As many whole steps as there are.
            room = (along.last_mm - position_mm) if steps > 0 else (position_mm - along.first_mm)
            whole = max(0, int(room / along.step_mm + _SQUARE))
            wished = position_mm + (whole if steps > 0 else -whole) * along.step_mm
        return self.shifted(kind, wished - position_mm, grid)

    def placed(self, kind: PlaneKind, number: int, grid: VolumeGrid, step_mm: float | None = None) -> CrossingPlanes:
        """Return the planes with one of them at a step of its range, counted from 1; errors as `scrolled`."""
        along = plane_range(grid, self.plane(kind).normal, step_mm)
        return self.shifted(kind, along.position_mm(number) - self.plane(kind).position_mm, grid)

    def turned(
        self, about: PlaneKind, angle_deg: float, dragged: PlaneKind | None = None, *, keep_square: bool = True
    ) -> CrossingPlanes:
        """Return the planes with the lines on one of them turned about the crossing.

        Parameters
        ----------
        about
            The plane on whose canvas the lines are turned; it stays as it is.
        angle_deg
            Clockwise on its unflipped canvas (by the right hand's rule about its normal).
        dragged
            The plane whose line was dragged; None = both.
        keep_square
            Whether the other one turns along; without, it stays.
        """
        axis = self._frame(about)[:, 2]
        frames = [
            lps_from_frame
            if kind is about or not (keep_square or dragged is None or kind is dragged)
            else turned(lps_from_frame, axis, angle_deg)
            for kind, lps_from_frame in zip(PlaneKind, self.lps_from_frames, strict=True)
        ]
        return CrossingPlanes(self.crossing_lps_mm, (frames[0], frames[1], frames[2]))

    def dragged(
        self,
        about: PlaneKind,
        dragged: PlaneKind,
        start_lps_mm: NDArray[np.float64],
        end_lps_mm: NDArray[np.float64],
        *,
        keep_square: bool = True,
    ) -> CrossingPlanes:
        """Return the planes after the end of a line was dragged from one point of a plane to another; as `turned`."""
        axis = self._frame(about)[:, 2]
        start, end = (
            offset - float(offset @ axis) * axis
            for offset in (start_lps_mm - self.crossing_lps_mm, end_lps_mm - self.crossing_lps_mm)
        )
        return self.turned(about, angle_between_deg(start, end, axis), dragged, keep_square=keep_square)

    def squared(self, keep: PlaneKind) -> CrossingPlanes:
        """Return the planes made perpendicular again: one stays, the second gives way a little, the third follows."""
        if self.is_square:
            return self
        kept = self._frame(keep)
        second, third = (kind for kind in PlaneKind if kind is not keep)
        frames = dict(zip(PlaneKind, self.lps_from_frames, strict=True))
        frames[second] = _with_normal(frames[second], _beside(frames[second][:, 2], kept))
        across = np.cross(kept[:, 2], frames[second][:, 2])
        frames[third] = _with_normal(frames[third], across if float(across @ frames[third][:, 2]) >= 0 else -across)
        return CrossingPlanes(
            self.crossing_lps_mm, (frames[PlaneKind.AXIAL], frames[PlaneKind.CORONAL], frames[PlaneKind.SAGITTAL])
        )

    def oriented(
        self, kind: PlaneKind, as_kind: PlaneKind, grid: VolumeGrid, axes: PlaneAxes = PlaneAxes.PATIENT
    ) -> CrossingPlanes:
        """Return the planes with the one of a window straight as axial, coronal or sagittal, the crossing kept."""
        frames = [
            standard_frame(as_kind, grid, axes) if other is kind else lps_from_frame
            for other, lps_from_frame in zip(PlaneKind, self.lps_from_frames, strict=True)
        ]
        return CrossingPlanes(self.crossing_lps_mm, (frames[0], frames[1], frames[2]))

    def _frame(self, kind: PlaneKind) -> NDArray[np.float64]:
        return self.lps_from_frames[list(PlaneKind).index(kind)]

    def _at(self, p_lps_mm: NDArray[np.float64]) -> CrossingPlanes:
        return CrossingPlanes(fixed(p_lps_mm), self.lps_from_frames)


def start_planes(grid: VolumeGrid, axes: PlaneAxes = PlaneAxes.PATIENT) -> CrossingPlanes:
    """Return the three straight planes through the middle voxel: the start, and what a reset goes back to."""
    first, second, third = (standard_frame(kind, grid, axes) for kind in PlaneKind)
    return CrossingPlanes(middle_voxel_lps_mm(grid), (first, second, third))


def _beside(normal: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction nearest to a normal that is perpendicular to another plane's."""
    rest = normal - float(normal @ kept[:, 2]) * kept[:, 2]
    length = float(np.linalg.norm(rest))
    return kept[:, 0] if length < _FLAT else np.asarray(rest / length, dtype=np.float64)


def _with_normal(lps_from_frame: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a frame turned the shortest way to a normal."""
    axis = np.cross(lps_from_frame[:, 2], normal)
    length = float(np.linalg.norm(axis))
    if length < _FLAT**2:
        return lps_from_frame
    axis = axis / length
    return turned(lps_from_frame, axis, angle_between_deg(lps_from_frame[:, 2], normal, axis))
