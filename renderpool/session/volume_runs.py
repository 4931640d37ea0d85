"""Voxels of a volume as runs along its rows, and which runs hang together: few numbers in place of many voxels.

Voxels that share a face are connected. Runs are kept in the order of their rows, so those of the next row, or of the
same row of the next slice, that touch one are found by bisection: nothing else has to be stored of what is connected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import LimitExceeded
from webviewer.dicom.sentence import say

MAX_RUNS = 24_000_000
"""A volume of 512 × 512 × 300 has a few millions of what a doctor points at, less than 40 of noise.

So many take 192 MB, and 480 MB while it is found which hang together (measured: 20 bytes a run).
"""

_RUNS_AT_ONCE = 250_000  # of which neighbours are looked for: some 40 MB

Whole = NDArray[Any]
"""int32, or int64 of volumes so large."""


class Runs:
    """Runs of a volume.

    Parameters
    ----------
    shape
        (slices, rows, columns).
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        slices, rows, columns = shape
        # Ends of a row are apart from beginnings of the next one: a place is row * (columns + 1) + column.
        self._pitch = columns + 1
        self._dtype = np.int32 if (slices + 1) * rows * self._pitch < 2**31 else np.int64
        self._count = 0
        self.first: Whole = np.empty(0, self._dtype)
        """Places of first voxels, rising."""
        self.end: Whole = np.empty(0, self._dtype)
        """Places after last voxels, rising."""

    def add_slice(self, number: int, voxels: NDArray[np.bool_]) -> None:
        """Take in the runs of a slice, (rows, columns) bool; slices in their order.

        Raises
        ------
        LimitExceeded
            There are too many runs.
        """
        rows, columns = voxels.shape
        padded = np.zeros(rows * self._pitch + 1, np.bool_)  # a place that is empty before and after each row
        padded[1:].reshape(rows, self._pitch)[:, :columns] = voxels
        changes = np.flatnonzero(padded[1:] != padded[:-1])
        self._count += len(changes) // 2
        if self._count > MAX_RUNS:
            words = say("too_many_pieces", MAX_RUNS)
            raise LimitExceeded(words.text, code=words.code, details=words.details)
        if self._count > len(self.first):
            self._resize(self._count + self._count // 4)
        changes += number * rows * self._pitch
        self.first[self._count - len(changes) // 2 : self._count] = changes[::2]
        self.end[self._count - len(changes) // 2 : self._count] = changes[1::2]

    def finish(self) -> None:
        """Make what was added ready to be searched."""
        self._resize(self._count)

    def _resize(self, count: int) -> None:
        # In place: the system moves pages, nothing is there twice, and what is not written takes no memory.
        self.first.resize(count, refcheck=False)
        self.end.resize(count, refcheck=False)

    def __len__(self) -> int:
        return len(self.first)

    def at(self, slice_: int, row: int, column: int) -> int | None:
        """Return the run that a voxel lies in."""
        place = (slice_ * self.shape[1] + row) * self._pitch + column
        run = int(np.searchsorted(self.end, place, side="right"))
        return run if run < len(self) and self.first[run] <= place else None

    def labels(self, go_on: Callable[[], None]) -> Whole:
        """Return of each run the number of the first one that it is connected with, (runs,); itself, maybe.

        Slices are gone through some at a time: what touches what is known of those few only.

        Parameters
        ----------
        go_on
            Called now and then; may raise to end it.
        """
        slices, rows, _ = self.shape
        label: Whole = np.arange(len(self), dtype=self._dtype)
        begins = np.searchsorted(self.first, np.arange(slices + 1) * (rows * self._pitch)).tolist()
        first_slice = 0
        while first_slice < slices:
            go_on()
            end_slice = first_slice + 1
            while end_slice < slices and begins[end_slice + 1] - begins[first_slice] <= _RUNS_AT_ONCE:
                end_slice += 1
            self._join(label, begins[first_slice], begins[end_slice])
            first_slice = end_slice
        # A label may be that of one which was joined with a lower one since. Those before a run are done with already.
        for begin in range(0, len(label), _RUNS_AT_ONCE):
            go_on()
            some = label[begin : begin + _RUNS_AT_ONCE]
            while not np.array_equal(joined := label[some], some):
                some[:] = joined
        return label

    def _join(self, label: Whole, begin: int, end: int) -> None:
        """Join some runs, next to one another, with what they touch in the rows and slices that follow."""
        rows = self.shape[1]
        number: Whole = np.arange(begin, end, dtype=self._dtype)
        row = self.first[begin:end] // self._pitch % rows
        for runs, rows_on in ((number[row < rows - 1], 1), (number, rows)):
            one, other = self._touching(runs, rows_on)
            while len(one):
                one, other = _roots(label, one), _roots(label, other)
                is_apart = one != other
                one, other = one[is_apart], other[is_apart]
                high = np.maximum(one, other)
                np.minimum.at(label, high, np.minimum(one, other))  # all at once: each to its lowest neighbour
                while not np.array_equal(joined := label[label[high]], label[high]):
                    label[high] = joined

    def _touching(self, runs: Whole, rows_on: int) -> tuple[Whole, Whole]:
        """Return pairs of a run and one so many rows on that touches it."""
        shift = self._dtype(rows_on * self._pitch)
        # Those that end after the first voxel and begin before the end.
        low: Whole = np.searchsorted(self.end, self.first[runs] + shift, side="right").astype(self._dtype)
        high: Whole = np.searchsorted(self.first, self.end[runs] + shift, side="left").astype(self._dtype)
        counts: Whole = high - low
        before = np.cumsum(counts, dtype=self._dtype) - counts
        return np.repeat(runs, counts), np.arange(counts.sum(), dtype=self._dtype) + np.repeat(low - before, counts)

    def of_slice(self, number: int, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the chosen runs of a slice, (runs, 3): row, first column, end."""
        slice_pitch = self.shape[1] * self._pitch
        low, high = np.searchsorted(self.first, [number * slice_pitch, (number + 1) * slice_pitch]).tolist()
        at = np.flatnonzero(chosen[low:high]) + low
        place = self.first[at].astype(np.int64) - number * slice_pitch
        row, column = np.divmod(place, self._pitch)
        return np.stack([row, column, column + self.end[at] - self.first[at]], axis=1)


def _roots(label: Whole, runs: Whole) -> Whole:
    """Return the first run of the piece of each run, as far as it is known."""
    root: Whole = label[runs]
    while not np.array_equal(above := label[root], root):
        root = above
    label[runs] = root
    return root
