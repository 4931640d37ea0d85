"""Planes of voxels made smaller and larger by boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.bool_]


def shrunk(plane: Plane, sides: tuple[int, int]) -> Plane:
    """Return where a box of (rows, columns), odd numbers, about a voxel is all set; outside of the plane nothing is."""
    return ~_spread(~plane, sides, outside=True)


def grown(plane: Plane, sides: tuple[int, int]) -> Plane:
    """Return where a box of (rows, columns), odd numbers, about a voxel has one that is set."""
    return _spread(plane, sides, outside=False)


def _spread(plane: Plane, sides: tuple[int, int], *, outside: bool) -> Plane:
    for axis, side in enumerate(sides):
        margin = [(0, 0), (0, 0)]
        margin[axis] = (side // 2, side // 2)
        spread = np.moveaxis(np.pad(plane, margin, constant_values=outside), axis, 0)
        reach = 1  # so many from a voxel on are in it: doubled each time
        while reach < side:
            step = min(reach, side - reach)
            spread = spread[:-step] | spread[step:]
            reach += step
        plane = np.moveaxis(spread, 0, axis)
    return np.ascontiguousarray(plane)
