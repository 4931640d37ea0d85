"""The body of a request as a stream of a known length, to be passed on without being held."""

from __future__ import annotations

from flask import Request
from werkzeug.exceptions import HTTPException

from webviewer.core.errors import InvalidInput


class Octets:
    """A body that ends where Content-Length says; reading fails if the sender leaves before.

    Parameters
    ----------
    request
        The request.
    least, most
        Bytes that the body may have.
    """

    def __init__(self, request: Request, least: int, most: int) -> None:
        length = request.content_length
        if length is None:
            raise InvalidInput("The request must say its Content-Length.", code="length_required")
        if not least <= length <= most:
            raise InvalidInput(
                f"Content-Length = {length}: the body has {least} to {most} bytes.",
                code="part_too_long",
                details={"part_bytes": most},
            )
        self.length = length
        self.is_broken = False
        self._left = length
        self._stream = request.stream

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        if not self._left:
            return b""
        try:
            piece: bytes = self._stream.read(self._left if size < 0 else min(size, self._left))
        except HTTPException:  # werkzeug's word for a client that has gone
            piece = b""
        if not piece:
            self.is_broken = True
            raise ConnectionResetError(f"the sender left {self._left} bytes before the end")
        self._left -= len(piece)
        return piece
