"""Slices of a volume in the host's memory, and the slabs of them that a device has yet to get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import fold_rows

_FOLDED_AT_ONCE = 32  # slices: what they take while bricks are made of them

NOTHING, ITSELF = -1, -2
"""What shows a slice, if it is no source slice that stands in."""


@dataclass(frozen=True, slots=True)
class VolumeSlab:
    """Voxels for slices from ``first`` on: (slices, rows, columns) uint16, read-only; of what stands in, if it does."""

    first: int
    voxels: NDArray[np.uint16]
    stands_in: bool


@dataclass(frozen=True, slots=True)
class VolumeNews:
    """What changed up to ``revision``; ``is_all`` = nothing newer was left for the next time."""

    revision: int
    slabs: tuple[VolumeSlab, ...]
    is_all: bool


class SourceSlices(Mapping[int, NDArray[np.uint16]]):
    """Source slices that have arrived, where they lie."""

    def __init__(
        self, voxels: NDArray[np.uint16], beside: Mapping[int, NDArray[np.uint16]], places: tuple[int | None, ...]
    ) -> None:
        self.voxels, self._beside, self._places = voxels, beside, places

    def __getitem__(self, source: int) -> NDArray[np.uint16]:
        place = self._places[source]
        return self._beside[source] if place is None else self.voxels[place]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._places)))

    def __len__(self) -> int:
        return len(self._places)


def slabs_of(changed: NDArray[np.int64], shown_by: NDArray[np.int64], given: SourceSlices) -> Iterator[VolumeSlab]:
    """Yield the slabs for slices that changed, rising; ``shown_by`` is what shows each slice of the volume."""

    def alike(item: tuple[int, int]) -> tuple[int, int]:
        position, grid_slice = item
        return grid_slice - position, int(shown_by[grid_slice])

    for _, group in groupby(enumerate(changed.tolist()), alike):
        slices = [grid_slice for _, grid_slice in group]
        source = int(shown_by[slices[0]])
        if source == ITSELF:
            yield _slab(slices[0], given.voxels[slices[0] : slices[-1] + 1], stands_in=False)
        elif source != NOTHING:
            for grid_slice in slices:
                yield _slab(grid_slice, given[source][np.newaxis], stands_in=True)


def _slab(first: int, voxels: NDArray[np.uint16], *, stands_in: bool) -> VolumeSlab:
    voxels = voxels[:]
    voxels.flags.writeable = False
    return VolumeSlab(first, voxels, stands_in)


def folded_slabs(slabs: Sequence[VolumeSlab]) -> Iterator[list[tuple[int, NDArray[np.uint16]]]]:
    """Yield the slices of slabs, numbers of the grid and `fold_rows` of each, some at a time."""
    shown: list[tuple[int, NDArray[np.uint16]]] = []
    last: tuple[int, NDArray[np.uint16]] | None = None  # one that stands in does so for several side by side
    for slab in slabs:
        for grid_slice, voxels in enumerate(slab.voxels, slab.first):
            address = voxels.__array_interface__["data"][0]
            if last is None or last[0] != address:
                last = address, fold_rows(voxels)
            shown.append((grid_slice, last[1]))
            if len(shown) == _FOLDED_AT_ONCE:
                yield shown
                shown = []
    if shown:
        yield shown
