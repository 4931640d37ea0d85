"""Volumes that a device does not take in one texture: cut into chunks. Plain numbers, no OpenGL.

Neighbouring chunks share a layer of voxels, so that every value between voxels is made within one of them; all chunks
of a volume are of one size. ``shaders/volume.glsl`` finds the chunk of a point.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_CHUNKS = 4
"""As in shaders/volume.glsl."""

Shape = tuple[int, int, int]
"""(slices, rows, columns)."""


@dataclass(frozen=True, slots=True)
class ChunkGrid:
    """How a volume is cut: ``counts`` chunks along each axis, one every ``cells`` voxels, each of ``chunk_shape``."""

    counts: Shape
    cells: Shape
    chunk_shape: Shape

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return math.prod(self.counts)

    def corners(self) -> Iterator[Shape]:
        """Yield the first voxel of each chunk, in the order of their numbers: columns first, slices last."""
        for place in itertools.product(*(range(count) for count in self.counts)):
            yield place[0] * self.cells[0], place[1] * self.cells[1], place[2] * self.cells[2]


def cut(shape: Shape, counts: Shape) -> ChunkGrid:
    """Return a volume cut into so many chunks along each axis."""
    cells = [side if count == 1 else max(1, -(-(side - 1) // count)) for side, count in zip(shape, counts, strict=True)]
    sides = [side if count == 1 else step + 1 for side, count, step in zip(shape, counts, cells, strict=True)]
    return ChunkGrid(counts, (cells[0], cells[1], cells[2]), (sides[0], sides[1], sides[2]))


def plan_chunks(shape: Shape, is_taken: Callable[[Shape], bool]) -> ChunkGrid:
    """Return the fewest chunks that a device takes, cut across their longest side.

    Where it takes none, the last one tried: ``is_taken`` says so of its ``chunk_shape``.
    """
    counts = [1, 1, 1]
    while True:
        grid = cut(shape, (counts[0], counts[1], counts[2]))
        if is_taken(grid.chunk_shape):
            return grid
        longest = max(range(3), key=lambda axis: grid.chunk_shape[axis])
        counts[longest] += 1
        if math.prod(counts) > MOST_CHUNKS or grid.chunk_shape[longest] <= 2:
            return grid
