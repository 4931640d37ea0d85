"""The lowest and the highest voxel of a volume. Pure NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TOP = 65535

Ends = tuple[int, int]
"""Two voxel values, both included."""


def ends_of(voxels: NDArray[np.uint16], absent: NDArray[np.bool_] | None = None) -> Ends | None:
    """Return the lowest and the highest voxel; None if there is none.

    Parameters
    ----------
    absent
        Which voxels are absent, same shape: they hold 0 and count nothing. None = none.
    """
    if not voxels.size:
        return None
    if absent is None:
        return int(voxels.min()), int(voxels.max())
    if absent.all():
        return None
    return int(np.where(absent, np.uint16(_TOP), voxels).min()), int(voxels.max())


def both_ends(one: Ends | None, other: Ends | None) -> Ends | None:
    """Return the ends of two ranges together."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
