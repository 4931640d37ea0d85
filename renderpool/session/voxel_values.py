"""The voxels of a loaded volume as measurements read them: which are there, and on which lattice regions take them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.point_value import PointValue, is_at_voxels, point_value, slab_values
from renderpool.scene.slab import Interpolation, Slab, sample_offsets_mm, voxel_step_mm
from renderpool.session.loaded_volume import LoadedVolume
from webviewer.core.errors import Unavailable
from webviewer.dicom.measure import value_unit
from webviewer.dicom.volume import VolumeGrid

_SAMPLES_AT_ONCE = 1 << 18  # some 50 ms
_ROUNDING = 1e-6  # of a step


class MeasureCancelled(Exception):
    """Nobody wants it any more."""


IsCancelled = Callable[[], bool]


def volume_unit(volume: LoadedVolume) -> str:
    """Return the unit of a volume's values as it is shown; empty where it is not known."""
    instance_id, frame_number = volume.frame_keys[0]
    return value_unit(volume.series.instances[instance_id], frame_number)


class VoxelReader:
    """The voxels of a volume as they are now.

    Raises
    ------
    Unavailable
        None of them is known yet (code "volume_loading"), or the volume is gone.
    WebviewerError
        Why it was not loaded.
    """

    def __init__(self, volume: LoadedVolume) -> None:
        if volume.error is not None:
            raise volume.error
        self.grid: VolumeGrid = volume.grid
        self._sampling = volume.plan.sampling
        self._standing_in = volume.standing_in()
        self._stored = volume.voxels
        self._is_present = volume.presence.reader()
        values = volume.values
        if volume.is_dropped or self._stored.shape != self.grid.shape:
            raise Unavailable("This volume is not in the memory of the server any more.")
        if values is None:
            raise _loading()
        self._slope, self._intercept = values.slope, values.intercept

    def point(self, p_lps_mm: NDArray[np.float64], normal: NDArray[np.float64], slab: Slab) -> PointValue | None:
        """Return what a plane or slab shows at a point of it, None where that is nothing; raises `Unavailable`."""
        is_made = self._need(p_lps_mm[np.newaxis], normal, slab)
        if slab.is_plane:
            found = point_value(
                self._stored,
                self.grid,
                p_lps_mm,
                slab.interpolation,
                slope=self._slope,
                intercept=self._intercept,
                is_present=self._is_present,
            )
            return None if found is None else PointValue(found.value, found.interpolated or is_made)
        value = float(self._shown(p_lps_mm[np.newaxis], normal, slab)[0])
        return PointValue(value, interpolated=True) if math.isfinite(value) else None

    def region(
        self,
        points_lps_mm: NDArray[np.float64],
        normal: NDArray[np.float64],
        slab: Slab,
        is_cancelled: IsCancelled = lambda: False,
    ) -> tuple[NDArray[np.float64], bool]:
        """Return what a plane or slab shows at points (n, 3) of it, NaN where that is nothing; raises `Unavailable`.

        And whether any of it was made of several stored values. Raises `MeasureCancelled` when asked now and then
        whether nobody wants it any more, the answer was yes.
        """
        is_made = self._need(points_lps_mm, normal, slab)
        at_once = max(1, _SAMPLES_AT_ONCE // len(sample_offsets_mm(slab, self.grid)))
        values = []
        for k in range(0, len(points_lps_mm), at_once):
            if is_cancelled():
                raise MeasureCancelled
            values.append(self._shown(points_lps_mm[k : k + at_once], normal, slab))
        is_nearest = slab.interpolation is Interpolation.NEAREST
        is_stored = slab.is_plane and not is_made and (is_nearest or is_at_voxels(self.grid, points_lps_mm))
        return np.concatenate(values), not is_stored

    def _need(self, points_lps_mm: NDArray[np.float64], normal: NDArray[np.float64], slab: Slab) -> bool:
        """Return whether slices around points are made of others; raises `Unavailable` if one is not there."""
        half = 0.0 if slab.is_plane else slab.thickness_mm / 2
        row = self.grid.index_from_lps[2]
        index = points_lps_mm @ row[:3] + row[3]
        reach = abs(half * float(row[:3] @ normal)) - _ROUNDING
        last = self.grid.shape[0] - 1
        low, high = float(index.min()) - reach, float(index.max()) + reach
        if slab.interpolation is Interpolation.NEAREST:
            low, high = math.floor(low + 0.5), math.floor(high + 0.5)
        first = min(max(math.floor(low), 0), last)
        end = min(max(math.ceil(high), first), last) + 1
        if self._standing_in[first:end].any():
            raise _loading()
        return not all(self._sampling.is_copy(number) for number in range(first, end))

    def _shown(
        self, points_lps_mm: NDArray[np.float64], normal: NDArray[np.float64], slab: Slab
    ) -> NDArray[np.float64]:
        return slab_values(
            self._stored,
            self.grid,
            points_lps_mm,
            normal,
            slab,
            slope=self._slope,
            intercept=self._intercept,
            is_present=self._is_present,
        )


def _loading() -> Unavailable:
    return Unavailable("The volume is still being loaded: its values come in a moment.", code="volume_loading")


def lattice(
    grid: VolumeGrid, lps_from_plane: NDArray[np.float64], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y (mm on the plane) of a lattice around a shape, within the volume: at voxels where it can be.

    Parameters
    ----------
    lps_from_plane
        (3, 4): plane (right mm, down mm, away mm, 1) to LPS.
    points
        (n, 2) of the shape, mm right and down.

    It stands on the voxel that is nearest to the shape's middle: of a sheared volume another layer's is another one.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle = lps_from_plane @ np.array([*((low + high) / 2), 0.0, 1.0])
    voxel = np.rint((grid.index_from_lps @ np.append(middle, 1.0))[:3])
    anchor = (grid.lps_from_index @ np.append(voxel, 1.0))[:3] - lps_from_plane[:, 3]
    corners = (grid.corners_lps_mm - lps_from_plane[:, 3]) @ lps_from_plane[:, :2]
    low, high = np.maximum(low, corners.min(axis=0)), np.minimum(high, corners.max(axis=0))
    found = []
    for axis in (0, 1):
        direction = lps_from_plane[:, axis]
        step, start = voxel_step_mm(grid, direction), float(anchor @ direction)
        # What rounding costs at the ends must not lose a row of voxels that lies on them.
        first, last = (
            math.ceil((low[axis] - start) / step - _ROUNDING),
            math.floor((high[axis] - start) / step + _ROUNDING),
        )
        found.append(start + step * np.arange(first, last + 1))
    return found[0], found[1]
