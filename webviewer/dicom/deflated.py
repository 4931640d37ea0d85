"""A deflated data set (PS3.5 A.5) read as if it lay inflated in its file, piece by piece and under a limit."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from webviewer.core.errors import DataError

_PIECE_BYTES = 256 * 1024


class InflatedFile:
    """Read-only view: positions before ``start`` do not exist, those from it on are of the inflated data set.

    Reading forward costs one pass; going back starts anew. Never more than the piece asked for lies in memory.
    """

    def __init__(self, file: BinaryIO, start: int, max_inflated_bytes: int) -> None:
        self._file = file
        self._start = start
        self._limit = max_inflated_bytes
        self._target = start
        self._restart()

    def _restart(self) -> None:
        self._inflater = zlib.decompressobj(-15)
        self._source_position = self._start
        self._position = self._start

    def seek(self, offset: int) -> int:
        """Go to an absolute position; costs nothing until the next read."""
        self._target = offset
        return offset

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end.

        Raises
        ------
        DataError
            The data are no deflate stream, or grow over the limit.
        """
        if self._target < self._position:
            self._restart()
        while self._position < self._target:
            if not self._piece(min(self._target - self._position, _PIECE_BYTES)):
                return b""
        found = bytearray()
        while len(found) < count:
            piece = self._piece(min(count - len(found), _PIECE_BYTES))
            if not piece:
                break
            found += piece
        self._target = self._position
        return bytes(found)

    def _piece(self, count: int) -> bytes:
        while not self._inflater.eof:
            source = self._inflater.unconsumed_tail
            if not source:
                self._file.seek(self._source_position)
                source = self._file.read(64 * 1024)
                self._source_position += len(source)
            try:
                piece = self._inflater.decompress(source, count)
            except zlib.error as exc:
                raise DataError("The deflated data set is damaged: it cannot be inflated.") from exc
            if piece:
                self._position += len(piece)
                if self._position - self._start > self._limit:
                    raise DataError(f"The deflated data set grows over the limit of {self._limit} bytes; refused.")
                return piece
            if not source:
                return b""
        return b""
