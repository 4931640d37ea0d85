"""Digests of stored files: made while a file is received, compared whenever it is read.

XXH3 with 128 bits finds accidents (a failing disk, a copy that was cut). It is no protection against forgers: a person
who may write to the storage folder may write to the index too. A CT slice of 512 KiB takes 0.02 ms.

Beside the digest of the whole file each block of 1 MiB has a digest of its own, so that one frame of a large file is
verified without a reading of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import xxhash

BLOCK_BYTES: Final = 1024**2
_SCHEME: Final = "xxh3-128:"
_BLOCK_DIGEST_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The digests of one file.

    Attributes
    ----------
    whole
        ``xxh3-128:`` and 32 hexadecimal digits, as ``xxh128sum`` prints them.
    blocks
        16 hexadecimal digits for each block of 1 MiB: the first half of its XXH3-128. Empty for a file of one block.
    """

    whole: str
    blocks: str = ""

    def has_block(self, number: int, digest: str) -> bool:
        """Tell whether a block, counted from 0, has this digest."""
        first = number * 2 * _BLOCK_DIGEST_BYTES
        return digest != "" and self.blocks[first : first + 2 * _BLOCK_DIGEST_BYTES] == digest


class FileHasher:
    """Takes the bytes of a file in order and returns its digests."""

    __slots__ = ("_block", "_blocks", "_in_block_bytes", "_whole")

    def __init__(self) -> None:
        self._whole = xxhash.xxh3_128()
        self._block: xxhash.xxh3_128 | None = None  # of the first block the state of the whole file serves
        self._blocks = ""
        self._in_block_bytes = 0

    def update(self, part: bytes | memoryview) -> None:
        """Append bytes."""
        view = memoryview(part)
        while view:
            taken = view[: BLOCK_BYTES - self._in_block_bytes]
            self._whole.update(taken)
            if self._block is not None:
                self._block.update(taken)
            self._in_block_bytes += len(taken)
            if self._in_block_bytes == BLOCK_BYTES:
                self._end_block()
            view = view[len(taken) :]

    def _end_block(self) -> None:
        self._blocks += _first_half(self._whole if self._block is None else self._block)
        self._block = xxhash.xxh3_128()
        self._in_block_bytes = 0

    def digest(self) -> FileDigest:
        """Return the digests of all that came."""
        blocks = self._blocks
        if self._block is not None and self._in_block_bytes:
            blocks += _first_half(self._block)
        has_several = len(blocks) > 2 * _BLOCK_DIGEST_BYTES
        return FileDigest(_SCHEME + self._whole.hexdigest(), blocks if has_several else "")


def block_digest(parts: Iterable[bytes | memoryview]) -> str:
    """Return the digest of a block, as it stands in `FileDigest.blocks`."""
    state = xxhash.xxh3_128()
    for part in parts:
        state.update(part)
    return _first_half(state)


def _first_half(state: xxhash.xxh3_128) -> str:
    return state.hexdigest()[: 2 * _BLOCK_DIGEST_BYTES]
