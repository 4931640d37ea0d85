"""Presence of the voxels of a loaded volume: one bit a voxel, for the slices where padding makes some absent.

Absent voxels hold 0 in the volume; only what stands here tells them from voxels whose value is 0. A volume without
padding has nothing here. Threads: decoding threads put source slices in, the thread of the load puts slices of the
grid, any thread reads; each entry is written once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.volume_mask import ALL_SET, bits_at, pack, packed_shape, unpack
from renderpool.session.volume_range import Ends, ends_of


@dataclass(frozen=True, slots=True)
class SlicePresence:
    """A slice in which some voxels are absent.

    Parameters
    ----------
    words
        Which are present, (rows of words, columns of words) uint32, as `renderpool.engine.volume_mask.pack` has it.
    ends
        The lowest and the highest present voxel; None = all are absent.
    """

    words: NDArray[np.uint32]
    ends: Ends | None

    @classmethod
    def of(cls, voxels: NDArray[np.uint16], absent: NDArray[np.bool_]) -> SlicePresence:
        """Return it of the voxels of a slice, (rows, columns)."""
        words = pack(~absent)
        words.flags.writeable = False
        return cls(words, ends_of(voxels, absent))


class VolumePresence:
    """The slices of one volume in which voxels are absent.

    Parameters
    ----------
    shape
        Of the volume, (slices, rows, columns).
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._sources: dict[int, SlicePresence] = {}
        self._slices: dict[int, SlicePresence] = {}

    @property
    def is_padded(self) -> bool:
        """Whether any voxel that came is absent."""
        return bool(self._sources or self._slices)

    @property
    def is_nothing_present(self) -> bool:
        """Whether every voxel of every slice of the grid is absent."""
        slices = list(self._slices.values())
        return len(slices) == self._shape[0] and all(one.ends is None for one in slices)

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return len(self._sources.keys() | self._slices.keys()) * 4 * int(np.prod(packed_shape(self._shape)[1:]))

    def put_source(self, source: int, presence: SlicePresence) -> None:
        """Keep the presence of a source slice."""
        self._sources[source] = presence

    def put_slice(self, grid_slice: int, presence: SlicePresence) -> None:
        """Keep the presence of a slice of the grid."""
        self._slices[grid_slice] = presence

    def of_source(self, source: int) -> SlicePresence | None:
        """Return the presence of a source slice; None = all of it is present."""
        return self._sources.get(source)

    def of_slice(self, grid_slice: int) -> SlicePresence | None:
        """Return the presence of a slice of the grid; None = all of it is present, or it has not come."""
        return self._slices.get(grid_slice)

    def absent(self, presence: SlicePresence | None) -> NDArray[np.bool_] | None:
        """Return which voxels of a slice are absent, (rows, columns); None = none."""
        return None if presence is None else ~unpack(presence.words, self._shape[1:])

    def absent_slice(self, grid_slice: int) -> NDArray[np.bool_] | None:
        """Return which voxels of a slice of the grid are absent, (rows, columns); None = none."""
        return self.absent(self.of_slice(grid_slice))

    def absent_of_sources(self, *sources: int) -> dict[int, NDArray[np.bool_]]:
        """Return which voxels of source slices are absent, without slices that have none."""
        found = {source: self.absent(self.of_source(source)) for source in sources}
        return {source: absent for source, absent in found.items() if absent is not None}

    def reader(self) -> PresenceReader | None:
        """Return what tells of single voxels of the grid as they are now; None = all are present."""
        return PresenceReader(self._shape, dict(self._slices)) if self._slices else None

    def forget_sources(self) -> None:
        """Let go of what is known of source slices: those of the grid are complete."""
        self._sources = {}

    def clear(self) -> None:
        """Let go of everything."""
        self._sources, self._slices = {}, {}


class PresenceReader:
    """Which single voxels of a volume are present."""

    def __init__(self, shape: tuple[int, int, int], slices: dict[int, SlicePresence]) -> None:
        self._words = np.full(packed_shape(shape), ALL_SET)
        for grid_slice, presence in slices.items():
            self._words[grid_slice] = presence.words

    def __call__(self, slice_: NDArray[np.intp], row: NDArray[np.intp], column: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell of voxels, three arrays (n,) of indices from 0."""
        return bits_at(self._words, slice_, row, column)
