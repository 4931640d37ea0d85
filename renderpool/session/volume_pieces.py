"""The connected pieces of a plane, with their sizes; see `renderpool.session.volume_runs`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderpool.session.volume_cut import painted
from renderpool.session.volume_runs import Runs

Plane = NDArray[np.bool_]
Numbers = NDArray[np.int64]


class Pieces:
    """Pieces of pixels that share sides, numbered from 0.

    Parameters
    ----------
    plane
        (rows, columns), bool.
    """

    def __init__(self, plane: Plane) -> None:
        self._shape = (int(plane.shape[0]), int(plane.shape[1]))
        runs = Runs((1, *self._shape))
        runs.add_slice(0, plane)
        runs.finish()
        self._runs = runs.of_slice(0, np.ones(len(runs), np.bool_))
        row, first, end = self._runs.T
        firsts, self._of_run = np.unique(runs.labels(lambda: None), return_inverse=True)
        count = len(firsts)
        self.pixels: Numbers = np.bincount(self._of_run, weights=end - first, minlength=count).astype(np.int64)
        """(pieces,), how many they have."""
        self.low: Numbers = np.full((count, 2), np.iinfo(np.int64).max)
        """(pieces, 2), their first row and column."""
        self.high: Numbers = np.full((count, 2), -1)
        """(pieces, 2), their last row and column."""
        for axis, (least, most) in enumerate(((row, row), (first, end - 1))):
            np.minimum.at(self.low[:, axis], self._of_run, least)
            np.maximum.at(self.high[:, axis], self._of_run, most)

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def sides(self) -> Numbers:
        """(pieces, 2): rows and columns of the boxes around them."""
        return self.high - self.low + 1

    def count_in(self, plane: Plane) -> Numbers:
        """Return of each piece how many of its pixels are set in a plane, (pieces,)."""
        before = np.zeros((self._shape[0], self._shape[1] + 1), np.int64)
        np.cumsum(plane, axis=1, out=before[:, 1:])
        row, first, end = self._runs.T
        inside = before[row, end] - before[row, first]
        return np.bincount(self._of_run, weights=inside, minlength=len(self)).astype(np.int64)

    def painted(self, chosen: Plane | Numbers) -> Plane:
        """Return the pixels of some pieces, told by (pieces,) bool or their numbers."""
        is_chosen = np.zeros(len(self), np.bool_)
        is_chosen[chosen] = True
        return painted(self._runs[is_chosen[self._of_run]], self._shape)


def from_border(plane: Plane) -> Plane:
    """Return what is connected with the border of a plane, or would be if all around it were set."""
    pieces = Pieces(np.pad(plane, 1, constant_values=True))
    return pieces.painted(np.array([0]))[1:-1, 1:-1]
