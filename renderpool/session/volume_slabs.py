"""Slices of a volume in the host's memory, and the slabs of them that a device has yet to get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import fold_rows
from renderpool.engine.volume_mask import ALL_SET
from renderpool.session.volume_presence import SlicePresence, VolumePresence
from renderpool.session.volume_range import Ends, both_ends, ends_of

_FOLDED_AT_ONCE = 32  # slices: what they take while bricks are made of them

NOTHING, ITSELF = -1, -2
"""What shows a slice, if it is no source slice that stands in."""


@dataclass(frozen=True, slots=True)
class VolumeSlab:
    """Voxels for slices from ``first`` on: (slices, rows, columns) uint16, read-only; of what stands in, if it does.

    ``presences`` has one entry for each slice, or none at all where every voxel of the slab is present.
    """

    first: int
    voxels: NDArray[np.uint16]
    stands_in: bool
    presences: tuple[SlicePresence | None, ...] = ()

    @property
    def present(self) -> NDArray[np.uint32] | None:
        """Which voxels are present, as bits of all slices; None = all of them."""
        known = next((one.words for one in self.presences if one is not None), None)
        if known is None:
            return None
        everything = np.full_like(known, ALL_SET)
        return np.stack([everything if one is None else one.words for one in self.presences])

    @property
    def ends(self) -> Ends | None:
        """The lowest and the highest present voxel; None if there is none."""
        if not self.presences:
            return ends_of(self.voxels)
        found: Ends | None = None
        for voxels, presence in zip(self.voxels, self.presences, strict=True):
            found = both_ends(found, ends_of(voxels) if presence is None else presence.ends)
        return found


@dataclass(frozen=True, slots=True)
class VolumeNews:
    """What changed up to ``revision``; ``is_all`` = nothing newer was left for the next time."""

    revision: int
    slabs: tuple[VolumeSlab, ...]
    is_all: bool


class SourceSlices(Mapping[int, NDArray[np.uint16]]):
    """Source slices that have arrived, where they lie, and which of their voxels are present."""

    def __init__(
        self,
        voxels: NDArray[np.uint16],
        beside: Mapping[int, NDArray[np.uint16]],
        places: tuple[int | None, ...],
        presence: VolumePresence,
    ) -> None:
        self.voxels, self._beside, self._places = voxels, beside, places
        self.presence = presence

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
            presences = tuple(map(given.presence.of_slice, slices))
            yield _slab(slices[0], given.voxels[slices[0] : slices[-1] + 1], presences, stands_in=False)
        elif source != NOTHING:
            for grid_slice in slices:
                yield _slab(grid_slice, given[source][np.newaxis], (given.presence.of_source(source),), stands_in=True)


def _slab(
    first: int, voxels: NDArray[np.uint16], presences: tuple[SlicePresence | None, ...], *, stands_in: bool
) -> VolumeSlab:
    voxels = voxels[:]
    voxels.flags.writeable = False
    return VolumeSlab(first, voxels, stands_in, presences if any(presences) else ())


def folded_slabs(
    slabs: Sequence[VolumeSlab], presence: VolumePresence
) -> Iterator[list[tuple[int, NDArray[np.uint16]]]]:
    """Yield the slices of slabs, numbers of the grid and `fold_rows` of each, some at a time."""
    shown: list[tuple[int, NDArray[np.uint16]]] = []
    last: tuple[int, NDArray[np.uint16]] | None = None  # one that stands in does so for several side by side
    for slab in slabs:
        for number, voxels in enumerate(slab.voxels):
            grid_slice = slab.first + number
            address = voxels.__array_interface__["data"][0]
            if last is None or last[0] != address:
                known = slab.presences[number] if slab.presences else None
                last = address, fold_rows(voxels, presence.absent(known))
            shown.append((grid_slice, last[1]))
            if len(shown) == _FOLDED_AT_ONCE:
                yield shown
                shown = []
    if shown:
        yield shown
