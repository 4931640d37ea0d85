"""In which order the slices of a volume are loaded, and for which slices each is the nearest when it comes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import BRICK_VOXELS

# Parts of a brick: each slice stands in for others in its own bricks only, whose ranges hold its values anyway.
_COARSE_STRIDES = (BRICK_VOXELS, BRICK_VOXELS // 2)
_LEAST_IN_LEVEL = 4  # slices: fewer are no picture


def load_levels(count: int) -> list[list[int]]:
    """Return 0 … count - 1 in the order of loading: every 8th and the last, then every 4th, then the rest."""
    levels: list[list[int]] = []
    seen: set[int] = set()
    for stride in (*(stride for stride in _COARSE_STRIDES if count >= _LEAST_IN_LEVEL * stride), 1):
        level = [source for source in range(count) if source % stride == 0 or source == count - 1]
        levels.append([source for source in level if source not in seen])
        seen.update(level)
    return levels


def regions_of(index: NDArray[np.float64], slices: int) -> list[tuple[int, int]]:
    """Return which slices of the grid each source slice is the nearest for, when it comes in its turn: first, end."""
    regions = [(0, 0)] * len(index)
    there: list[int] = []
    for level in load_levels(len(index)):
        there = sorted([*there, *level])
        middles = (index[there[1:]] + index[there[:-1]]) / 2
        # Of two equally far the earlier: its values are in the bricks of the middle anyway.
        ends = [*(np.floor(middles).astype(int) + 1).tolist(), slices]
        begins = [0, *ends[:-1]]
        own = set(level)
        for source, begin, end in zip(there, begins, ends, strict=True):
            if source in own:
                regions[source] = (begin, end)
    return regions


def one_of_each_layer(first: int, end: int) -> Iterator[int]:
    """Yield slices of a run that together lie in all layers of bricks which the run lies in."""
    shared = range(-(-first // BRICK_VOXELS) * BRICK_VOXELS, end, BRICK_VOXELS)  # each in two layers
    yield from shared or (first,)
