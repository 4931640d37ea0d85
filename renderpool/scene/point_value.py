"""The value of a volume at a point of the patient, from the values themselves and never from a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import vector
from renderpool.scene.slab import Interpolation
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

_AT_A_VOXEL = 1e-3  # of a step: nearer to a voxel's centre its own value is shown, and it is none of interpolation


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
) -> PointValue | None:
    """Return the value of the plane through a point, None outside of the volume.

    Parameters
    ----------
    stored
        (slices, rows, columns) of any number type, ``value = stored * slope + intercept``.
    p_lps_mm
        (3,), mm in LPS. The volume ends half a voxel beyond the centres of its outer ones.

    Raises
    ------
    InvalidInput
        The values do not have the grid's shape, or the point is none.
    """
    if stored.shape != grid.shape:
        raise InvalidInput(f"Values of shape {stored.shape} do not fit a volume of {grid.shape}.")
    point = np.append(vector(p_lps_mm, "A point in the patient"), 1.0)
    # Index is (column, row, slice), the array (slices, rows, columns).
    index = (grid.index_from_lps @ point)[2::-1]
    last = np.array(grid.shape, dtype=np.float64) - 1.0
    if (index < -0.5).any() or (index > last + 0.5).any():
        return None
    index = np.clip(index, 0.0, last)
    nearest = np.minimum(np.floor(index + 0.5), last)
    off = np.abs(index - nearest) > _AT_A_VOXEL
    if interpolation is Interpolation.NEAREST or not off.any():
        k, j, i = (int(number) for number in nearest)
        return PointValue(float(stored[k, j, i]) * slope + intercept, interpolated=False)
    low = np.minimum(np.floor(index), np.maximum(last - 1.0, 0.0)).astype(int)
    weight = index - low
    around = stored[low[0] : low[0] + 2, low[1] : low[1] + 2, low[2] : low[2] + 2].astype(np.float64)
    for axis in range(3):  # the first axis that is left goes each time
        around = around[0] * (1.0 - weight[axis]) + (around[1] * weight[axis] if len(around) > 1 else 0.0)
    return PointValue(float(around) * slope + intercept, interpolated=True)
