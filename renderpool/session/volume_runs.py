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
"""192 MB of them; a volume of 512 × 512 × 300 has a few millions of what a doctor points at, less than 40 of noise."""


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
        self._parts: list[Whole] = []
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
        self._parts.append((changes + number * rows * self._pitch).astype(self._dtype))

    def finish(self) -> None:
        """Make what was added ready to be searched."""
        changes = np.concatenate([np.empty(0, self._dtype), *self._parts])
        self._parts = []
        self.first, self.end = changes[::2].copy(), changes[1::2].copy()

    def __len__(self) -> int:
        return len(self.first)

    def at(self, slice_: int, row: int, column: int) -> int | None:
        """Return the run that a voxel lies in."""
        place = (slice_ * self.shape[1] + row) * self._pitch + column
        run = int(np.searchsorted(self.end, place, side="right"))
        return run if run < len(self) and self.first[run] <= place else None

    def labels(self, go_on: Callable[[], None]) -> Whole:
        """Return of each run the number of the first one that it is connected with, (runs,); itself, maybe.

        Pieces are joined with their lowest neighbour, all at once, until none has one: some ten rounds.

        Parameters
        ----------
        go_on
            Called now and then; may raise to end it.
        """
        rows = self.shape[1]
        number: Whole = np.arange(len(self), dtype=self._dtype)
        row = self.first // self._pitch % rows
        next_row, next_slice = self._touching(number[row < rows - 1], 1), self._touching(number, rows)
        one = np.concatenate([next_row[0], next_slice[0]])
        other = np.concatenate([next_row[1], next_slice[1]])
        label = number
        while len(one):
            go_on()
            np.minimum.at(label, np.maximum(one, other), np.minimum(one, other))
            while not np.array_equal(joined := label[label], label):
                label = joined
            one, other = label[one], label[other]
            is_apart = one != other
            one, other = one[is_apart], other[is_apart]
        return label

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
