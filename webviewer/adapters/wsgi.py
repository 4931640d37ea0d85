"""What WSGI does not offer of a request's connection, by gunicorn's own key; without gunicorn nothing happens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from webviewer.core.connections import Connection
from webviewer.core.errors import InvalidInput
from webviewer.core.octets import ByteSource

_PIECE_BYTES = 64 * 1024
_FORGOTTEN_PIECES = 16
_FORGET_S = 0.05  # without a byte: what follows a broken chunk is on its way already

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_checked_bodies(application: Application, malformed: tuple[type[Exception], ...]) -> Application:
    """Return the application with bodies whose broken framing (RFC 9112 7.1) is the sender's fault.

    A connection ends after a refusal of a chunked request: nobody knows where the next request would begin.

    Parameters
    ----------
    application
        Answers `InvalidInput` with 400.
    malformed
        Errors that the server raises while a body is read which is not in the form of a chunked body.
    """

    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" not in environ:
            return application(environ, start_response)
        source = environ["wsgi.input"]
        environ["wsgi.input"] = _CheckedBody(source, malformed)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if int(status[:3]) >= HTTPStatus.BAD_REQUEST:
                source.failed = True  # how gunicorn notes that the connection ends after the answer
                _forget_received(environ)
            return start_response(status, headers, *more)

        return application(environ, start)

    return checked


def _forget_received(environ: Mapping[str, Any]) -> None:
    """Read what has come of a request that is refused: closing a connection with it unread would lose the answer."""
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return
    limit_s = connection.gettimeout()
    with suppress(OSError, ValueError):
        connection.settimeout(_FORGET_S)
        for _ in range(_FORGOTTEN_PIECES):
            if not connection.recv(_PIECE_BYTES):
                break
    with suppress(OSError):
        connection.settimeout(limit_s)


class _CheckedBody:
    """The body of a request; reading it raises InvalidInput where its framing is broken."""

    def __init__(self, source: ByteSource, malformed: tuple[type[Exception], ...]) -> None:
        self._source = source
        self._malformed = malformed

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, all for -1, none at the end."""
        try:
            return self._source.read(size)
        except self._malformed as error:
            # The words of the server repeat what was sent.
            words = "The body of the request is not framed as HTTP wants it: a chunk is malformed or cut off."
            raise InvalidInput(words, code="malformed_body") from error


def hang_up(environ: Mapping[str, Any]) -> None:
    """Read no more: the answer still goes out, then the connection ends, and nobody waits for the rest of a body."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def connection_of(environ: Mapping[str, Any]) -> Connection | None:
    """Return the connection that a request came on; None without gunicorn, as in a test of an app alone."""
    return getattr(environ.get("gunicorn.socket"), "connection", None)
