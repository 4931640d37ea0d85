"""Which voxels of a volume cuts left, a bit each. Plain NumPy.

Bits of neighbours that are needed together lie in one word: word (w, v) of a slice has those of the rows 3 w to 3 w + 3
and, in each byte, of the columns 7 v to 7 v + 7; the last ones are the first of the next word, too. So a shader takes
the eight voxels around a point with two fetches, for 1.5 bits a voxel: 15 MB for 512 × 512 × 300, and as much in the
device. One of 8 to 7 would save 4 MB, and costs software half as much time again. What combines masks voxel by voxel
(``&``, ``|``, ``~``) does so with whole words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import BRICK_VOXELS
from webviewer.core.errors import InvalidInput

COLUMNS_OF_WORD, ROWS_OF_WORD = 7, 3
"""As in shaders/mask.glsl."""
ALL_SET = np.uint32(0xFFFFFFFF)
_BYTES = 4


class VolumeMask:
    """What is left of a volume; never changed once made.

    Parameters
    ----------
    shape
        Of the volume, (slices, rows, columns).
    packed
        (slices, rows of words, columns of words) uint32, as of `pack`. It is made read-only.

    Raises
    ------
    InvalidInput
        The words are not of this shape.
    """

    def __init__(self, shape: tuple[int, int, int], packed: NDArray[np.uint32]) -> None:
        expected = packed_shape(shape)
        if packed.dtype != np.uint32 or packed.shape != expected:
            raise InvalidInput(
                f"Bits of shape {packed.shape} and type {packed.dtype} are none of a volume of {shape}: "
                f"must be {expected} uint32."
            )
        packed.flags.writeable = False
        self.shape = shape
        self.packed = packed
        self.version = object()
        """Another object for each mask."""
        self.bricks = _bricks_with_any(packed, shape)
        """(slices, rows, columns) of bricks, bool: which have a voxel that is left."""

    @classmethod
    def from_kept(cls, kept: NDArray[np.bool_]) -> VolumeMask:
        """Return the mask that leaves these voxels, (slices, rows, columns) bool."""
        slices, rows, columns = kept.shape
        return cls((slices, rows, columns), pack(kept))

    @property
    def size_bytes(self) -> int:
        """What its bits take."""
        return int(self.packed.nbytes)

    def kept(self, first: int = 0, end: int | None = None) -> NDArray[np.bool_]:
        """Return which voxels of slices are left, (slices, rows, columns) bool."""
        return unpack(self.packed[first:end], (self.shape[1], self.shape[2]))


def packed_shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return how many slices, rows and columns of words the bits of a volume take."""
    slices, rows, columns = shape
    return slices, -(-rows // ROWS_OF_WORD), -(-columns // COLUMNS_OF_WORD)


def pack(voxels: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return voxels (…, rows, columns) bool as bits, (…, rows of words, columns of words) uint32."""
    *outer, rows, columns = voxels.shape
    _, word_rows, word_columns = packed_shape((1, rows, columns))
    # Beyond the ends the last voxel goes on, so that a mask that leaves all has no bit that is not set.
    padded = np.empty((*outer, rows, COLUMNS_OF_WORD * word_columns + 1), dtype=np.uint8)
    padded[..., :columns] = voxels
    padded[..., columns:] = voxels[..., -1:]
    in_rows = np.empty((*outer, ROWS_OF_WORD * word_rows + 1, word_columns), dtype=np.uint8)
    in_rows[..., :rows, :] = padded[..., :-1:COLUMNS_OF_WORD]
    for bit in range(1, COLUMNS_OF_WORD + 1):
        in_rows[..., :rows, :] |= padded[..., bit::COLUMNS_OF_WORD] << np.uint8(bit)
    in_rows[..., rows:, :] = in_rows[..., rows - 1 : rows, :]
    words = np.empty((*outer, word_rows, word_columns, _BYTES), dtype=np.uint8)
    for byte in range(_BYTES):
        words[..., byte] = in_rows[..., byte : byte + ROWS_OF_WORD * word_rows : ROWS_OF_WORD, :]
    return words.view(np.dtype("<u4"))[..., 0].astype(np.uint32, copy=False)


def unpack(packed: NDArray[np.uint32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the voxels (…, rows, columns) bool, of this shape, of bits (…, rows of words, columns of words) uint32."""
    return _columns_of(_rows_of(packed, shape[0]), shape[1])


def bits_at(
    packed: NDArray[np.uint32], slice_: NDArray[np.intp], row: NDArray[np.intp], column: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return the bits of single voxels, (n,) bool, of bits (slices, rows of words, columns of words)."""
    words = packed[slice_, row // ROWS_OF_WORD, column // COLUMNS_OF_WORD]
    bit = column % COLUMNS_OF_WORD + 8 * (row % ROWS_OF_WORD)
    found: NDArray[np.bool_] = (words >> bit.astype(np.uint32)) & np.uint32(1) > 0
    return found


def _rows_of(packed: NDArray[np.uint32], rows: int) -> NDArray[np.uint8]:
    """Return the bits of each row of voxels, (…, rows, columns of words) uint8."""
    *outer, word_rows, word_columns = packed.shape
    in_bytes = np.ascontiguousarray(packed, np.dtype("<u4")).view(np.uint8).reshape(*outer, word_rows, word_columns, -1)
    in_rows = np.moveaxis(in_bytes[..., :ROWS_OF_WORD], -1, -2).reshape(*outer, word_rows * ROWS_OF_WORD, word_columns)
    return in_rows[..., :rows, :]


def _columns_of(in_rows: NDArray[np.uint8], columns: int) -> NDArray[np.bool_]:
    *outer, count = in_rows.shape
    bits = np.unpackbits(in_rows, axis=-1, bitorder="little").reshape(*outer, count, 8)[..., :COLUMNS_OF_WORD]
    found: NDArray[np.bool_] = bits.reshape(*outer, count * COLUMNS_OF_WORD)[..., :columns].view(np.bool_)
    return found


def _bricks_with_any(packed: NDArray[np.uint32], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return of each brick (with the layer that it shares, as `BrickRanges`) whether a bit of it is set."""
    folded = _folded(_rows_of(_folded(packed, 0), shape[1]), 1)
    return np.ascontiguousarray(_folded(_columns_of(folded, shape[2]), 2))


def _folded(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return the bitwise or of each brick's voxels along an axis."""
    values = np.moveaxis(values, axis, 0)
    found = values[::BRICK_VOXELS].copy()
    for offset in range(1, BRICK_VOXELS + 1):  # the last is the first of the next brick
        part = values[offset::BRICK_VOXELS][: len(found)]
        found[: len(part)] |= part
    return np.moveaxis(found, 0, axis)
