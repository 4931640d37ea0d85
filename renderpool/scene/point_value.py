"""Values of a volume at points of the patient, from the values themselves and never from a picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import vector
from renderpool.scene.slab import Interpolation, Slab, SlabMode, sample_offsets_mm
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

_AT_A_VOXEL = 1e-3  # of a step: nearer to a voxel's centre its own value is shown, and it is none of interpolation
_HALF = 0.4999  # of the weights, but for rounding: as in shaders/presence.glsl
_NO_WEIGHT = 1e-9  # of a step: what rounding leaves of a point on a voxel's centre


IsPresent = Callable[[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], NDArray[np.bool_]]
"""Tells which voxels, three arrays (n,) of slice, row and column, are no padding."""


@dataclass(frozen=True, slots=True)
class PointValue:
    """A value in the modality's unit, and whether it was made of several voxels (it carries an asterisk then)."""

    value: float
    interpolated: bool


def point_value(
    stored: NDArray[Any],
    grid: VolumeGrid,
    p_lps_mm: Sequence[float] | NDArray[np.float64],
    interpolation: Interpolation = Interpolation.TRILINEAR,
    *,
    slope: float = 1.0,
    intercept: float = 0.0,
    is_present: IsPresent | None = None,
) -> PointValue | None:
    """Return the value of the plane through a point, None outside of the volume and where it is absent.

    Parameters
    ----------
    stored
        (slices, rows, columns) of any number type, ``value = stored * slope + intercept``.
    p_lps_mm
        (3,), mm in LPS. The volume ends half a voxel beyond the centres of its outer ones.
    is_present
        Tells which voxels are; the others hold 0. None = all are.

    Raises
    ------
    InvalidInput
        The values do not have the grid's shape, or the point is none.
    """
    point = vector(p_lps_mm, "A point in the patient")[np.newaxis]
    index, inside = _array_index(stored, grid, point)
    if not inside[0]:
        return None
    nearest = np.minimum(np.floor(index + 0.5), np.array(grid.shape, dtype=np.float64) - 1.0)
    interpolated = interpolation is Interpolation.TRILINEAR and bool((np.abs(index - nearest) > _AT_A_VOXEL).any())
    values, is_there = _sampled(stored, index if interpolated else nearest, interpolation, is_present)
    return PointValue(float(values[0]) * slope + intercept, interpolated) if is_there[0] else None


def slab_values(
    stored: NDArray[Any],
    grid: VolumeGrid,
    points_lps_mm: NDArray[np.float64],
    normal: NDArray[np.float64],
    slab: Slab,
    *,
    slope: float = 1.0,
    intercept: float = 0.0,
    is_present: IsPresent | None = None,
) -> NDArray[np.float64]:
    """Return what a plane or slab shows at points of it, (n,) float64, NaN where it shows nothing: for regions.

    Parameters
    ----------
    stored
        (slices, rows, columns) of any number type, ``value = stored * slope + intercept``, slope over 0.
    points_lps_mm
        (n, 3), mm in LPS, of the plane in the middle of the slab.
    normal
        (3,), unit, of the plane.
    is_present
        As of `point_value`.

    Raises
    ------
    InvalidInput
        The values do not have the grid's shape.
    """
    total = np.zeros(len(points_lps_mm))
    count = np.zeros(len(points_lps_mm))
    largest = slab.mode is SlabMode.MAXIMUM
    extreme = np.full(len(points_lps_mm), -np.inf if largest else np.inf)
    for offset_mm in sample_offsets_mm(slab, grid):
        index, inside = _array_index(stored, grid, points_lps_mm + offset_mm * normal)
        found, is_there = _sampled(stored, index[inside], slab.interpolation, is_present)
        inside[inside] = is_there
        found = found[is_there]
        total[inside] += found
        count[inside] += 1
        extreme[inside] = np.maximum(extreme[inside], found) if largest else np.minimum(extreme[inside], found)
    shown = total / np.maximum(count, 1) if slab.is_plane or slab.mode is SlabMode.AVERAGE else extreme
    return np.where(count > 0, shown * slope + intercept, np.nan)


def is_at_voxels(grid: VolumeGrid, points_lps_mm: NDArray[np.float64]) -> bool:
    """Tell whether all points (n, 3) within the volume are centres of voxels, so that nothing there is interpolated."""
    index, inside = _index_at(grid, points_lps_mm)
    return bool((np.abs(index[inside] - np.rint(index[inside])) <= _AT_A_VOXEL).all())


def _array_index(
    stored: NDArray[Any], grid: VolumeGrid, points_lps_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return (n, 3) places in the array (slice, row, column), held within its voxels, and which points lie inside."""
    if stored.shape != grid.shape:
        raise InvalidInput(f"Values of shape {stored.shape} do not fit a volume of {grid.shape}.")
    return _index_at(grid, points_lps_mm)


def _index_at(grid: VolumeGrid, points_lps_mm: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    index_from_lps = grid.index_from_lps
    # Index is (column, row, slice), the array (slices, rows, columns).
    index = (points_lps_mm @ index_from_lps[:3, :3].T + index_from_lps[:3, 3])[:, ::-1]
    last = np.array(grid.shape, dtype=np.float64) - 1.0
    inside = ((index >= -0.5) & (index <= last + 0.5)).all(axis=1)
    return np.clip(index, 0.0, last), np.asarray(inside, dtype=np.bool_)


def _sampled(
    stored: NDArray[Any], index: NDArray[np.float64], interpolation: Interpolation, is_present: IsPresent | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values at places (n, 3), and at which of them at least half of what is around is present.

    Between voxels a value is the weighted mean of the present ones alone.
    """
    last = np.array(stored.shape) - 1
    everywhere = np.ones(len(index), np.bool_)
    if interpolation is Interpolation.NEAREST:
        k, j, i = np.minimum(np.floor(index + 0.5).astype(np.intp), last).T
        nearest = np.asarray(stored[k, j, i], dtype=np.float64)
        return nearest, everywhere if is_present is None else is_present(k, j, i)
    low = np.minimum(np.floor(index).astype(np.intp), np.maximum(last - 1, 0))
    high = np.minimum(low + 1, last)
    weight = index - low
    found, present = np.zeros(len(index)), np.zeros(len(index))
    between = (np.abs(weight) > _NO_WEIGHT).any(axis=0)  # a plane along the voxels reads one, two or four, not eight
    for sides in itertools.product(*((0, 1) if across else (0,) for across in between)):
        k, j, i = (high[:, axis] if side else low[:, axis] for axis, side in enumerate(sides))
        share = np.prod([weight[:, a] if side else 1.0 - weight[:, a] for a, side in enumerate(sides)], axis=0)
        found += share * stored[k, j, i]
        if is_present is not None:
            present += share * is_present(k, j, i)
    if is_present is None:
        return found, everywhere
    return found / np.where(present > 0, present, 1.0), present >= _HALF
