"""What cuts of a volume have in common: each turns bits of what is left into others, a few slices at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.volume_mask import ALL_SET, VolumeMask, pack, packed_shape
from renderpool.session.loaded_volume import LoadedVolume
from webviewer.core.errors import Unavailable
from webviewer.dicom.sentence import Sentence
from webviewer.dicom.volume import VolumeGrid

SLICES_AT_ONCE = 8
_LOOK_AGAIN_S = 0.1


class CutCancelled(Exception):
    """Nobody wants it any more."""


IsCancelled = Callable[[], bool]
Packed = NDArray[np.uint32]
Slices = NDArray[np.bool_]


class Cut(Protocol):
    """One step of editing, ready to be done."""

    note: Sentence | None
    """What the doctor should know of it, once it was done."""

    def kept(self, first: int, end: int, packed: Packed) -> Packed:
        """Return what is left of the slices of a run, as bits, of what was left of them before."""
        ...


def whole(grid: VolumeGrid) -> Packed:
    """Return the bits of a volume of which nothing was cut away."""
    return np.full(packed_shape(grid.shape), ALL_SET)


def apply(cut: Cut, grid: VolumeGrid, packed: Packed, is_cancelled: IsCancelled) -> VolumeMask:
    """Return what a cut leaves.

    Raises
    ------
    CutCancelled
        When asked whether to go on, the answer was no.
    """
    out = np.empty_like(packed)
    for first in range(0, grid.shape[0], SLICES_AT_ONCE):
        if is_cancelled():
            raise CutCancelled
        end = min(first + SLICES_AT_ONCE, grid.shape[0])
        out[first:end] = cut.kept(first, end, packed[first:end])
    return VolumeMask(grid.shape, out)


def wait_until_whole(volume: LoadedVolume, is_cancelled: IsCancelled) -> None:
    """Wait until all values of a volume are there.

    Raises
    ------
    CutCancelled
        When asked whether to go on, the answer was no.
    WebviewerError
        They will not be.
    """
    while not volume.is_whole:
        if volume.error is not None:
            raise volume.error
        if volume.is_dropped:
            raise Unavailable("This volume is not there any more.")
        if is_cancelled():
            raise CutCancelled
        time.sleep(_LOOK_AGAIN_S)


def without(packed: Packed, removed: Slices) -> Packed:
    """Return bits less some voxels, (slices, rows, columns) bool."""
    return packed & ~pack(removed)


def with_more(packed: Packed, restored: Slices) -> Packed:
    """Return bits and some voxels more, (slices, rows, columns) bool."""
    return packed | pack(restored)


def painted(runs: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which voxels of lines lie in one of the runs, which may overlap.

    Parameters
    ----------
    runs
        (runs, 3): line, first voxel, end; ends may lie outside of the line.
    shape
        (lines, voxels of a line).
    """
    lines, length = shape
    changes = np.zeros((lines, length + 1), np.int16)
    line, first, end = runs[:, 0], np.clip(runs[:, 1], 0, length), np.clip(runs[:, 2], 0, length)
    np.add.at(changes, (line, first), 1)
    np.add.at(changes, (line, np.maximum(first, end)), -1)
    covered: NDArray[np.bool_] = np.add.accumulate(changes, axis=1, dtype=np.int16)[:, :length] > 0
    return covered
