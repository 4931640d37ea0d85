"""Which voxels of a volume cuts left, a bit each. Plain NumPy.

Bits of neighbours along a row that are needed together lie in one byte: byte b of a row has those of the columns 7 b to
7 b + 7, the last of which is the first of the next byte, too. So a shader takes the eight voxels around a point with
four fetches, not eight, for 8/7 of a bit a voxel: 11 MB for 512 × 512 × 300, and as much in the device. What combines
masks voxel by voxel (``&``, ``|``, ``~``) does so with whole bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import BRICK_VOXELS
from webviewer.core.errors import InvalidInput

COLUMNS_OF_BYTE = 7
"""As in shaders/mask.glsl."""


class VolumeMask:
    """What is left of a volume; never changed once made.

    Parameters
    ----------
    shape
        Of the volume, (slices, rows, columns).
    packed
        (slices, rows, bytes) uint8, as of `pack`. It is made read-only.

    Raises
    ------
    InvalidInput
        The bytes are not of this shape.
    """

    def __init__(self, shape: tuple[int, int, int], packed: NDArray[np.uint8]) -> None:
        slices, rows, columns = shape
        if packed.dtype != np.uint8 or packed.shape != (slices, rows, bytes_of_row(columns)):
            raise InvalidInput(
                f"Bits of shape {packed.shape} and type {packed.dtype} are none of a volume of {shape}: "
                f"must be ({slices}, {rows}, {bytes_of_row(columns)}) uint8."
            )
        packed.flags.writeable = False
        self.shape = shape
        self.packed = packed
        self.version = object()
        """Another object for each mask."""
        self.bricks = bricks_with_any(packed, columns)
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
        return unpack(self.packed[first:end], self.shape[2])


def bytes_of_row(columns: int) -> int:
    """Return how many bytes the bits of a row take."""
    return -(-columns // COLUMNS_OF_BYTE)


def pack(voxels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return voxels (…, columns) bool as bits, (…, bytes) uint8."""
    columns = voxels.shape[-1]
    count = bytes_of_row(columns)
    padded = np.empty((*voxels.shape[:-1], COLUMNS_OF_BYTE * count + 1), dtype=np.uint8)
    padded[..., :columns] = voxels
    padded[..., columns:] = voxels[..., -1:]  # so that a mask that leaves all has no bit that is not set
    packed = padded[..., :-1:COLUMNS_OF_BYTE].copy()
    for bit in range(1, COLUMNS_OF_BYTE + 1):
        packed |= padded[..., bit::COLUMNS_OF_BYTE][..., :count] << np.uint8(bit)
    return packed


def unpack(packed: NDArray[np.uint8], columns: int) -> NDArray[np.bool_]:
    """Return the voxels (…, columns) bool of bits (…, bytes) uint8."""
    *outer, count = packed.shape
    bits = np.unpackbits(packed, axis=-1, bitorder="little").reshape(*outer, count, 8)[..., :COLUMNS_OF_BYTE]
    found: NDArray[np.bool_] = bits.reshape(*outer, count * COLUMNS_OF_BYTE)[..., :columns].view(np.bool_)
    return found


def bricks_with_any(packed: NDArray[np.uint8], columns: int) -> NDArray[np.bool_]:
    """Return of each brick (with the layer that it shares, as `BrickRanges`) whether a bit of it is set."""
    folded = _folded(_folded(packed, 0), 1)
    return _folded(unpack(folded, columns), 2)


def _folded(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return the bitwise or of each brick's voxels along an axis."""
    values = np.moveaxis(values, axis, 0)
    found = values[::BRICK_VOXELS].copy()
    for offset in range(1, BRICK_VOXELS + 1):  # the last is the first of the next brick
        part = values[offset::BRICK_VOXELS][: len(found)]
        found[: len(part)] |= part
    return np.moveaxis(found, 0, axis)
