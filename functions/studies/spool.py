"""Bodies of uploads, taken in whole before the storage node is asked.

A slow or silent sender costs a greenlet and some disk here, never a thread of the storage node, which has few.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from flask import Request

from webviewer.adapters.wsgi import connection_of, hang_up
from webviewer.core.errors import TooSlow, WebviewerError
from webviewer.core.octets import AnnouncedOctets, ByteSource, drain

PIECE_BYTES: Final = 64 * 1024
_IN_MEMORY_BYTES: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Spooled:
    """What arrived of a body, to be read from its start; it is whole unless `cut` says why it is not."""

    file: IO[bytes]
    size_bytes: int
    cut: ConnectionError | TimeoutError | None


class _InTime:
    """A source that raises TimeoutError when a piece does not come in time."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        try:
            return self._source.read(size)
        except TooSlow as exc:
            raise TimeoutError(exc.message) from exc


def body_of(request: Request) -> ByteSource:
    """Return the octets of a request, which may come at the pace of a slow line."""
    connection = connection_of(request.environ)
    if connection is not None:
        connection.expect_upload()
    return _InTime(request.environ["wsgi.input"])


@contextmanager
def spooled(body: AnnouncedOctets) -> Iterator[Spooled]:
    """Take a body in; it is dropped at the end.

    Parameters
    ----------
    body
        Of a request, with time limits (`body_of`).

    Yields
    ------
    Spooled
        All of it, or what came before the sender left or fell silent.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        size_bytes = 0
        cut: ConnectionError | TimeoutError | None = None
        try:
            while piece := body.read(PIECE_BYTES):
                file.write(piece)
                size_bytes += len(piece)
        except (ConnectionError, TimeoutError) as error:
            cut = error
        file.seek(0)
        yield Spooled(file, size_bytes, cut)


def drain_refused(request: Request) -> None:
    """Read what is left of a refused body, so that the sender sees the answer; a slow one is hung up on."""
    try:
        drain(_InTime(request.environ["wsgi.input"]), request.content_length or 0)
    except (OSError, WebviewerError):
        hang_up(request.environ)
