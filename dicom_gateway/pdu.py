"""The bytes of an association: PDUs in and out of a socket (PS3.8 9.3).

What negotiates (A-ASSOCIATE) is parsed and built by pynetdicom; this module moves what flows afterwards, and moves it
through one fixed buffer, so that an association costs the same memory for an object of any size.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from enum import IntEnum

_BUFFER_BYTES = 256 * 1024
LEAST_BYTES_A_SECOND = 1024
_TCP_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class PduType(IntEnum):
    """First byte of a PDU (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


class AbortReason(IntEnum):
    """Reason of an A-ABORT whose source is the service provider (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER_VALUE = 6


class ConnectionEnded(Exception):
    """The peer closed the connection, or it was reset."""


class IdleTimeout(Exception):
    """Nothing came within the time that is allowed."""


class ProtocolViolation(Exception):
    """The peer broke a rule of PS3.8; it is answered with an A-ABORT of this reason."""

    def __init__(self, reason: AbortReason, what: str) -> None:
        super().__init__(what)
        self.reason = reason


class PduStream:
    """Reads from a blocking socket through one fixed buffer.

    Parameters
    ----------
    connection
        The socket. Its kernel timeouts are set here.

    Notes
    -----
    ``before_refill`` is called before the buffer is overwritten: whoever holds views of it must let go of them then.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._start = 0
        self._end = 0
        self.before_refill: Callable[[], None] | None = None
        self._patience_s = 0.0
        self._deadline_s: float | None = None
        self._waited_s = 0.0  # for the peer, since the message under way began to come
        self._received_bytes = 0  # of it
        # The answer to a C-STORE is small and must not wait for an acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def set_timeout(self, seconds: float) -> None:
        """Limit how long one wait for the peer may last.

        The kernel's timeout spares a poll before each receive, which Python's own ``settimeout`` makes. As long, and a
        second for each `LEAST_BYTES_A_SECOND`, all waits of one message together may last: a peer that sends byte by
        byte would otherwise keep its place for ever.
        """
        self._set_kernel_timeout(seconds)
        self._patience_s = seconds
        self._deadline_s = None

    def set_deadline(self, seconds: float) -> None:
        """Limit how long everything may last that is received from now on, until `set_timeout`."""
        self.set_timeout(seconds)
        self._deadline_s = time.monotonic() + seconds

    def _set_kernel_timeout(self, seconds: float) -> None:
        whole = int(seconds)
        value = struct.pack("@ll", whole, int((seconds - whole) * 1e6) or (1 if whole == 0 else 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)

    def _refill(self) -> None:
        if self.before_refill is not None:
            self.before_refill()
        begin = time.monotonic()
        if self._deadline_s is not None:
            if begin >= self._deadline_s:
                raise IdleTimeout
            self._set_kernel_timeout(self._deadline_s - begin)
        try:
            count = self._socket.recv_into(self._buffer)
            if _TCP_QUICKACK is not None:
                # Senders with Nagle's algorithm hold the rest of a PDU back until this acknowledgement; the kernel
                # forgets the wish after each use.
                self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)
        except BlockingIOError as exc:
            raise IdleTimeout from exc
        except OSError as exc:
            raise ConnectionEnded(exc.strerror or "connection lost") from exc
        if count == 0:
            raise ConnectionEnded("closed by the peer")
        self._start, self._end = 0, count
        if self._received_bytes:  # the wait for the first bytes of a message is that of a peer with nothing to send
            self._waited_s += time.monotonic() - begin
            if self._waited_s > self._patience_s + self._received_bytes / LEAST_BYTES_A_SECOND:
                raise IdleTimeout
        self._received_bytes += count

    def take(self, limit: int) -> memoryview:
        """Return at least one and at most `limit` of the next bytes; the view is valid until the next refill."""
        if self._start == self._end:
            self._refill()
        start = self._start
        self._start = min(start + limit, self._end)
        return self._buffer[start : self._start]

    def read(self, count: int) -> bytes:
        """Return exactly `count` bytes; for small things."""
        if self._end - self._start >= count:
            start = self._start
            self._start += count
            return bytes(self._buffer[start : self._start])
        parts = bytearray()
        while len(parts) < count:
            parts += self.take(count - len(parts))
        return bytes(parts)

    def read_header(self) -> tuple[int, int]:
        """Return type and length of the next PDU."""
        header = self.read(6)
        return header[0], int.from_bytes(header[2:], "big")

    def read_fragment_header(self) -> tuple[int, int, int]:
        """Return length (with its two leading bytes), context id and control byte of a presentation data value."""
        header = self.read(6)
        return int.from_bytes(header[:4], "big"), header[4], header[5]

    def skip(self, count: int) -> None:
        """Let bytes pass unread."""
        while count:
            count -= len(self.take(count))

    def send(self, data: bytes) -> None:
        """Send all of the bytes. They answer a message, so what comes next is another one."""
        self._waited_s, self._received_bytes = 0.0, 0
        try:
            self._socket.sendall(data)
        except BlockingIOError as exc:
            raise IdleTimeout from exc
        except OSError as exc:
            raise ConnectionEnded(exc.strerror or "connection lost") from exc


def release_reply() -> bytes:
    """Return an A-RELEASE-RP PDU (PS3.8 9.3.7)."""
    return struct.pack(">BxII", PduType.RELEASE_RP, 4, 0)


def abort(source: int, reason: int) -> bytes:
    """Return an A-ABORT PDU (PS3.8 9.3.8); source 0 is the service user, 2 the service provider."""
    return struct.pack(">BxIxxBB", PduType.ABORT, 4, source, reason)


def data_pdus(context_id: int, command: bytes, peer_max_pdu_bytes: int) -> bytes:
    """Return a command as P-DATA-TF PDUs that the peer's maximum length allows (PS3.8 9.3.5; 0 is without limit)."""
    room = max(1, (peer_max_pdu_bytes or len(command) + 6) - 6)
    pdus = bytearray()
    for start in range(0, len(command), room):
        part = command[start : start + room]
        control = 0x03 if start + room >= len(command) else 0x01  # bit 0: command, bit 1: last fragment
        pdus += struct.pack(">BxIIBB", PduType.P_DATA_TF, len(part) + 6, len(part) + 2, context_id, control) + part
    return bytes(pdus)
