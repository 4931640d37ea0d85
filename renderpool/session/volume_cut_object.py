"""The cut of an object: the connected piece at a point, or all but it.

What lies between two values and was not cut away is connected over the faces of voxels. The voxels around a piece that
are under those values, or absent, go or stay with it: what is seen between voxels is made of both, and a skin would be
left. Those over them belong to something else, which is to keep its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.volume_mask import ALL_SET, unpack
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cut import CutCancelled, IsCancelled, Packed, painted, without
from renderpool.session.volume_runs import Runs
from webviewer.core.errors import Unavailable
from webviewer.dicom.sentence import Sentence, say
from webviewer.dicom.volume import VolumeGrid
from webviewer.protocol.volumes import CutObject

_STORED_MAX = 65535
_NEAR_VOXELS = 3  # of the point: it lies on what is seen, which may be beside the voxels that are meant

Slice = NDArray[np.bool_]


class ObjectCut:
    """A piece, found in what is left, as `renderpool.session.volume_cut.Cut`.

    Parameters
    ----------
    volume
        Whole.
    packed
        What was left before.

    Raises
    ------
    CutCancelled
        When asked whether to go on, the answer was no.
    LimitExceeded
        What lies between the values is in too many pieces.
    Unavailable
        The volume is not there any more.
    """

    def __init__(self, volume: LoadedVolume, step: CutObject, packed: Packed, is_cancelled: IsCancelled) -> None:
        self._shape = volume.grid.shape
        self._keeps = step.keep
        self._is_between = between(volume, step.low, step.high)
        self._is_not_under = between(volume, step.low, np.inf)
        self.note: Sentence | None = None
        runs = Runs(self._shape)
        for number in range(self._shape[0]):
            _check(is_cancelled)
            runs.add_slice(number, self._candidates(number, packed[number]))
        runs.finish()
        seed = _nearest(volume.grid, step.p_lps_mm, runs, lambda number: self._candidates(number, packed[number]))
        self._runs = runs
        if seed is None:
            self.note = say("nothing_connected")
            self._piece: NDArray[np.bool_] | None = None
            return
        labels = runs.labels(lambda: _check(is_cancelled))
        self._piece = labels == labels[seed]
        ends = int(self._piece.argmax()), len(runs) - 1 - int(self._piece[::-1].argmax())
        pitch = self._shape[1] * (self._shape[2] + 1)
        self._low, self._high = (int(runs.first[end]) // pitch for end in ends)

    def kept(self, first: int, end: int, packed: Packed) -> Packed:
        """Return what is left of slices."""
        if self._piece is None or (not self._keeps and (end < self._low or first > self._high + 1)):
            return packed
        grown = [self._painted(number, 1) for number in range(first - 1, end + 1)]
        for one in grown:
            rows = one.copy()
            one[1:] |= rows[:-1]
            one[:-1] |= rows[1:]
        piece = np.zeros((end - first, *self._shape[1:]), np.bool_)
        for number in range(first, end):
            at = number - first
            around = grown[at] | grown[at + 1] | grown[at + 2]
            piece[at] = self._painted(number, 0) | (around & ~self._is_not_under(number))
        return without(packed, ~piece if self._keeps else piece)

    def _candidates(self, number: int, packed: Packed) -> Slice:
        candidates = self._is_between(number)
        if not (packed == ALL_SET).all():
            candidates &= unpack(packed, self._shape[1:])
        return candidates

    def _painted(self, number: int, wider: int) -> Slice:
        """Return the piece's voxels of a slice, (rows, columns), and so many more before and after each run."""
        if self._piece is None or not self._low <= number <= self._high:
            return np.zeros(self._shape[1:], np.bool_)
        runs = self._runs.of_slice(number, self._piece)
        runs[:, 1] -= wider
        runs[:, 2] += wider
        return painted(runs, self._shape[1:])


def between(volume: LoadedVolume, low: float, high: float) -> Callable[[int], Slice]:
    """Return what tells which present voxels of a slice, (rows, columns), lie between two values, both included.

    Raises
    ------
    Unavailable
        The volume is not there any more.
    """
    values, voxels = volume.values, volume.voxels
    if values is None or len(voxels) != volume.grid.shape[0]:
        raise Unavailable("This volume is not there any more.")
    first = max(0, int(np.ceil(np.clip((low - values.intercept) / values.slope, -1, _STORED_MAX + 1))))
    last = min(_STORED_MAX, int(np.floor(np.clip((high - values.intercept) / values.slope, -1, _STORED_MAX + 1))))
    if first > last:
        return lambda _: np.zeros(voxels.shape[1:], np.bool_)
    bottom, height = np.uint16(first), np.uint16(last - first)

    def of_slice(number: int) -> Slice:
        found = np.asarray(voxels[number] - bottom <= height)  # what is under the bottom comes out over the top
        absent = volume.presence.absent_slice(number)
        return found if absent is None else found & ~absent

    return of_slice


def _nearest(
    grid: VolumeGrid, p_lps_mm: tuple[float, float, float], runs: Runs, candidates: Callable[[int], Slice]
) -> int | None:
    """Return the run of the voxel of a piece that is nearest to a point; None if there is none about it."""
    linear, offset = grid.lps_from_index[:3, :3], grid.lps_from_index[:3, 3]
    point = np.linalg.solve(linear, np.array(p_lps_mm) - offset)
    found: tuple[float, int | None] = (np.inf, None)
    middle = np.round(point).astype(int)
    low = np.clip(middle - _NEAR_VOXELS, 0, np.array(grid.shape[::-1]))
    high = np.clip(middle + _NEAR_VOXELS + 1, 0, np.array(grid.shape[::-1]))
    for slice_ in range(int(low[2]), int(high[2])):
        row, column = np.nonzero(candidates(slice_)[low[1] : high[1], low[0] : high[0]])
        if not len(row):
            continue
        index = np.stack([column + low[0], row + low[1], np.full(len(row), slice_)], axis=1)
        distance = np.linalg.norm((index - point) @ linear.T, axis=1)
        at = int(distance.argmin())
        if distance[at] < found[0]:
            found = (float(distance[at]), runs.at(slice_, int(index[at, 1]), int(index[at, 0])))
    return found[1]


def _check(is_cancelled: IsCancelled) -> None:
    if is_cancelled():
        raise CutCancelled
