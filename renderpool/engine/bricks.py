"""What a ray may leave out: the range of values of each brick of a volume, and how far the next one that shows is.

Pure NumPy. A brick is 8 × 8 × 8 cells between voxel centres, so 9 × 9 × 9 voxels: neighbours share a layer of them, and
every trilinear value inside a brick lies in its range. Absent voxels are in no range: a brick of nothing else has a
lowest value over its highest. Measured on llvmpipe: bricks of 16 cost a quarter of a frame,
of 4 gain nothing and take ten times as long to judge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import InvalidInput

BRICK_VOXELS = 8
"""Cells of a brick along each axis; as in shaders/ray_cast.frag.glsl."""
MAX_DISTANCE = 12
"""The longest distance told, in bricks: farther ones take a ray two leaps."""
_STORED_MAX = 65535
_ROUNDING = 1

Interval = tuple[float, float]
"""Stored values (low, high); both ends excluded, as opacity is zero there."""


class BrickRanges:
    """The lowest and the highest stored value of each brick, known slab by slab.

    Parameters
    ----------
    shape
        Of the volume, (slices, rows, columns). What was not added yet counts as stored value 0, as in the texture.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.volume_shape = shape
        slices, rows, columns = (-(-count // BRICK_VOXELS) for count in shape)
        self.shape = (slices, rows, columns)
        """(slices, rows, columns) of bricks."""
        self.version = object()
        """Another object after each change."""
        self._lowest = np.full(self.shape, _STORED_MAX, dtype=np.uint16)
        self._highest = np.zeros(self.shape, dtype=np.uint16)
        self._seen = np.zeros(shape[0], dtype=np.bool_)
        self._known_lowest: tuple[object, int] = (None, 0)
        self.is_padded = False
        """Whether voxels may be absent: values between present ones are quotients then, and ranges as much wider as
        these may be off."""

    def add_slices(self, first: int, values: NDArray[np.uint16], present: NDArray[np.bool_] | None = None) -> None:
        """Take in the stored values of slices from ``first`` (0-based) on, (slices, rows, columns) uint16.

        A slice that is added again may only widen the ranges. ``present`` tells which voxels are; the others hold 0.

        Raises
        ------
        InvalidInput
            Another shape or dtype, or slices outside the volume.
        """
        slices, rows, columns = self.volume_shape
        if values.dtype != np.uint16 or values.ndim != 3 or values.shape[1:] != (rows, columns):
            raise InvalidInput(
                f"Slices of shape {values.shape} and type {values.dtype} do not fit: "
                f"must be (slices, {rows}, {columns}) uint16."
            )
        end = first + len(values)
        if not 0 <= first <= end <= slices:
            raise InvalidInput(f"Slices {first} to {end - 1} are outside 0 to {slices - 1}.")
        if first == end:
            return
        if present is not None:
            self.is_padded = True
        lowest_values = values if present is None else np.where(present, values, np.uint16(_STORED_MAX))
        # Slice 8 k belongs to the layers k - 1 and k.
        for layer in range(max(0, (first - 1) // BRICK_VOXELS), (end - 1) // BRICK_VOXELS + 1):
            begin = layer * BRICK_VOXELS
            part = slice(max(0, begin - first), begin + BRICK_VOXELS + 1 - first)
            _reduce_layer(lowest_values[part], np.minimum, self._lowest[layer])
            _reduce_layer(values[part], np.maximum, self._highest[layer])
        self._seen[first:end] = True
        self.version = object()

    def add_folded(self, folded: Sequence[tuple[int, NDArray[np.uint16]]]) -> None:
        """Take in slices by number (0-based), each as `fold_rows` made it: `add_slices` for several that lie apart."""
        layers: dict[int, list[NDArray[np.uint16]]] = {}
        for number, rows in folded:
            layers.setdefault(number // BRICK_VOXELS, []).append(rows)
            if number % BRICK_VOXELS == 0 and number > 0:
                layers.setdefault(number // BRICK_VOXELS - 1, []).append(rows)
        for layer, members in layers.items():
            if layer == self.shape[0]:  # the last slice lies where the next layer would begin
                continue
            for which, (extreme, ranges) in enumerate(((np.minimum, self._lowest), (np.maximum, self._highest))):
                rows = members[0][which]
                for index, more in enumerate(members[1:]):
                    rows = extreme(rows, more[which], out=rows if index else None)
                _reduce_columns(rows, extreme, ranges[layer])
        self._seen[[number for number, _ in folded]] = True
        self.version = object()

    @property
    def lowest_present(self) -> int:
        """The lowest stored value of a present voxel, or less; 0 where there is none."""
        if self._known_lowest[0] is not self.version:
            found = int(self._lowest_seen().min())
            self._known_lowest = (self.version, found if found < _STORED_MAX else 0)
        return self._known_lowest[1]

    @property
    def has_present(self) -> NDArray[np.bool_]:
        """Of each brick whether a voxel is present, (slices, rows, columns) of bricks, bool."""
        found: NDArray[np.bool_] = self._lowest_seen() <= self._highest
        return found

    @property
    def lowest(self) -> NDArray[np.uint16]:
        """Of each brick, (slices, rows, columns) of bricks, uint16."""
        lowest = self._lowest_seen()
        return lowest - (lowest > 0) * np.uint16(_ROUNDING) if self.is_padded else lowest

    def _lowest_seen(self) -> NDArray[np.uint16]:
        lowest = self._lowest.copy()
        if not self._seen.all():
            for layer in range(self.shape[0]):
                begin = layer * BRICK_VOXELS
                if not self._seen[begin : begin + BRICK_VOXELS + 1].all():
                    lowest[layer] = 0
        return lowest

    @property
    def highest(self) -> NDArray[np.uint16]:
        """Of each brick, (slices, rows, columns) of bricks, uint16."""
        highest = self._highest.copy()
        return highest + (highest < _STORED_MAX) * np.uint16(_ROUNDING) if self.is_padded else highest

    def occupied(self, intervals: Sequence[Interval]) -> NDArray[np.bool_]:
        """Return which bricks hold values, between voxels too, inside one of the intervals of stored values.

        Returns
        -------
        (slices, rows, columns) of bricks, bool.
        """
        found = np.zeros(self.shape, dtype=np.bool_)
        lowest, highest = self.lowest, self.highest
        for low, high in intervals:
            found |= (highest > low) & (lowest < high)
        return found & self.has_present if self.is_padded else found


def fold_rows(values: NDArray[np.uint16], absent: NDArray[np.bool_] | None = None) -> NDArray[np.uint16]:
    """Return the lowest and the highest values of a slice, folded to rows of bricks; any thread.

    Best right after the slice was written, while it lies in the processor's cache.

    Parameters
    ----------
    values
        (rows, columns) uint16.
    absent
        Which of them are absent and hold 0; None = none.

    Returns
    -------
    (2, rows of bricks, columns), uint16: lowest, highest.
    """
    rows, columns = values.shape
    whole = rows // BRICK_VOXELS
    folded = np.empty((2, -(-rows // BRICK_VOXELS), columns), np.uint16)
    lowest_values = values if absent is None else np.where(absent, np.uint16(_STORED_MAX), values)
    for extreme, source, out in ((np.minimum, lowest_values, folded[0]), (np.maximum, values, folded[1])):
        blocks = source[: whole * BRICK_VOXELS].reshape(whole, BRICK_VOXELS, columns)
        extreme.reduce(blocks, axis=1, out=out[:whole])
        if whole < len(out):
            extreme.reduce(source[whole * BRICK_VOXELS :], axis=0, out=out[whole])
        below = source[BRICK_VOXELS::BRICK_VOXELS]  # the last row of a brick is the first of the next
        extreme(out[: len(below)], below, out=out[: len(below)])
    return folded


def _reduce_columns(rows: NDArray[np.uint16], extreme: np.ufunc, ranges: NDArray[np.uint16]) -> None:
    """Fold (rows of bricks, columns) into (rows, columns) of bricks, in place."""
    bricks_across = ranges.shape[1]
    for offset in range(BRICK_VOXELS + 1):
        part = rows[:, offset::BRICK_VOXELS][:, :bricks_across]
        extreme(ranges[:, : part.shape[1]], part, out=ranges[:, : part.shape[1]])


def _reduce_layer(values: NDArray[np.uint16], extreme: np.ufunc, ranges: NDArray[np.uint16]) -> None:
    """Fold slices of one layer into its (rows, columns) of bricks, in place: slices, then rows, then columns."""
    folded = extreme.reduce(values, axis=0)
    bricks_down = ranges.shape[0]
    rows = np.empty((bricks_down, folded.shape[1]), dtype=np.uint16)
    rows[:] = folded[::BRICK_VOXELS]
    for offset in range(1, BRICK_VOXELS + 1):  # the last is the first row of the next brick
        part = folded[offset::BRICK_VOXELS][:bricks_down]
        extreme(rows[: len(part)], part, out=rows[: len(part)])
    _reduce_columns(rows, extreme, ranges)


def distance_field(occupied: NDArray[np.bool_], limit: int = MAX_DISTANCE) -> NDArray[np.uint8]:
    """Return how many bricks it is to the nearest occupied one, diagonal steps counting as one; 0 = occupied itself.

    At a brick of distance d all bricks less than d away along every axis are empty.

    Parameters
    ----------
    occupied
        (slices, rows, columns), bool.
    limit
        The longest distance told, 1 to 255.

    Returns
    -------
    The same shape, uint8.
    """
    reached = occupied.astype(np.uint8)
    distance = 1 - reached
    for _ in range(1, limit):
        reached = _grown(reached)
        if reached.all():
            break
        distance += reached == 0
    return distance


def _grown(cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 0/1 cells with all 26 neighbours of each 1 set."""
    for axis in range(3):
        grown = cells.copy()
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        grown[tuple(ahead)] |= cells[tuple(behind)]
        grown[tuple(behind)] |= cells[tuple(ahead)]
        cells = grown
    return cells
