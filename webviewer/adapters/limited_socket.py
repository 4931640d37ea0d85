"""A socket that reports its waits to a `webviewer.core.connections.Connection`, and ends when that one is cut."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import struct
from http import HTTPStatus
from typing import IO, Any, Final

from webviewer.core.connections import Connection, Phase
from webviewer.core.correlation import begin_request, end_request
from webviewer.core.errors import WebviewerError
from webviewer.core.http_errors import error_body, error_headers, status_of
from webviewer.core.octets import ByteSource

logger = logging.getLogger(__name__)

_PIECE_BYTES: Final = 64 * 1024
_MAX_DRAINED_BYTES: Final = 16 * 1024**2
_UNSENT_BYTES: Final = 256 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class LimitedSocket:
    """A connected socket of threads or greenlets.

    Parameters
    ----------
    sock
        The socket; replaced by `replace` where TLS begins.
    """

    connection: Connection
    """Set by the server right after construction: opening it needs `close_line`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        # Bounds the kernel's memory for a client that does not read, and shows the progress of a slow client in steps.
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if option is not None:
            with contextlib.suppress(OSError):  # a Unix socket
                sock.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)

    @property
    def plain(self) -> socket.socket:
        """The socket that is wrapped."""
        return self._sock

    def replace(self, sock: socket.socket) -> None:
        """Go on with TLS over the same connection."""
        self._sock = sock

    @property
    def is_tls(self) -> bool:
        """Whether the connection speaks TLS."""
        return isinstance(self._sock, ssl.SSLSocket)

    def close_line(self, may_answer: bool) -> None:
        """Wake every wait on this socket. Nothing more is received; without an answer nothing more is sent."""
        with contextlib.suppress(OSError):
            if not may_answer:
                # Closing would leave what was not read in the kernel for minutes.
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            # Below TLS, whose state the other thread still needs.
            how = socket.SHUT_RD if may_answer else socket.SHUT_RDWR
            (socket.socket if self.is_tls else type(self._sock)).shutdown(self._sock, how)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive.

        Raises
        ------
        WebviewerError
            The connection was cut in the middle of a request.
        """
        connection, data = self.connection, b""
        connection.receive_begins()
        try:
            data = self._sock.recv(size, flags)
        except OSError:
            if connection.error is None:
                raise
        finally:
            connection.receive_ends(len(data))
        if connection.error is not None and not data and connection.phase in (Phase.HEAD, Phase.REQUEST):
            raise connection.error
        return data

    def send(self, data: bytes, flags: int = 0) -> int:
        """Send a part."""
        connection, sent = self.connection, 0
        connection.send_begins()
        try:
            sent = self._sock.send(data, flags)
        finally:
            connection.send_ends(sent)
        return sent

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send all, in pieces: each one that is taken shows that the client reads."""
        view = memoryview(data).cast("B")
        while len(view):
            view = view[self.send(view[:_PIECE_BYTES], flags) :]  # type: ignore[arg-type]

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int:
        """Send a file, or `count` bytes of it from `offset`; returns how many were sent."""
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            piece = file.read(_PIECE_BYTES if count is None else min(_PIECE_BYTES, count - sent))
            if not piece:
                break
            self.sendall(piece)
            sent += len(piece)
        return sent

    def close(self) -> None:
        """Close, and give the seat back."""
        self.connection.leave()
        self._sock.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def is_drained(body: ByteSource, connection: Connection) -> bool:
    """Read what no view has read of a request's body; return whether the next request can follow on the connection."""
    connection.refuse_body()
    left_bytes = _MAX_DRAINED_BYTES
    try:
        while left_bytes > 0:
            piece = body.read(_PIECE_BYTES)
            if not piece:
                return True
            left_bytes -= len(piece)
    except Exception:  # noqa: BLE001  a late or malformed body whose request has been answered
        logger.debug("body_not_drained")
    return False


def answer_to_no_request(error: WebviewerError, status: HTTPStatus | None = None, *, is_logged: bool = False) -> bytes:
    """Return the whole answer to a request whose head has not been read; the connection must end after it.

    Parameters
    ----------
    error
        The answer.
    status
        Replaces the status of the error.
    is_logged
        Whether the log gets a line with the code of the error; the limits on connections log counts instead.
    """
    correlation_id = begin_request("")
    if is_logged:
        logger.warning(error.code)
    end_request()
    status = status or status_of(error)
    body = json.dumps(error_body(error.code, error.message, error.details, correlation_id)).encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        "Content-Type: application/json",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in error_headers(error).items()),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
