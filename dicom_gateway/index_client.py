"""How other processes and threads of the storage node reach the indexer, the one writer of new objects."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading

from dicom_gateway.index_wire import decode_outcome, encode_request
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.core.errors import OutOfResources
from webviewer.usecases.receive_instance import OUTCOME_UNKNOWN

_REPLY_BYTES = 64 * 1024
_REPLY_TIMEOUT_S = 120  # longer than the index waits for a lock; a reply that does not come ends the association


class Doorbell:
    """Where clients ask for connections: a socket pair that is made before the processes are forked.

    A client makes a pair of sockets and sends one of them here; so no name in the file system can be guessed, is too
    long, or stays behind.
    """

    def __init__(self) -> None:
        self.indexer_side, self.client_side = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class IndexClient:
    """Submits objects to the indexer and waits until they are committed. Safe for threads, and across ``fork``.

    Parameters
    ----------
    doorbell
        The clients' side.
    """

    def __init__(self, doorbell: socket.socket) -> None:
        self._doorbell = doorbell
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._pid = os.getpid()

    def submit(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | KnownObject:
        """Index an object durably, or return what is known under its SOP Instance UID.

        Raises
        ------
        OutOfResources
            The index does not take it now; with the code `OUTCOME_UNKNOWN` nobody knows whether it has.
        DataError
            The index cannot hold what the object says.
        """
        connection = self._take()
        try:
            connection.sendall(encode_request(owner_id, record))
            reply = _read_message(connection)
        except OSError as exc:
            connection.close()
            raise OutOfResources(f"The indexer does not answer: {exc.strerror or exc}.", code=OUTCOME_UNKNOWN) from exc
        self._give_back(connection)
        return decode_outcome(reply)

    def _take(self) -> socket.socket:
        with self._lock:
            if self._pid != os.getpid():
                # A forked child must not talk over its parent's connections.
                self._idle, self._pid = [], os.getpid()
            if self._idle:
                return self._idle.pop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._doorbell, [b"c"], [theirs.fileno()])
        except OSError as exc:
            ours.close()
            raise OutOfResources(f"The indexer is not there: {exc.strerror or exc}.") from exc
        # The kernel's own timeout: that of Python's sockets costs a poll before each call.
        wait = struct.pack("@ll", _REPLY_TIMEOUT_S, 0)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
        return ours

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            with contextlib.suppress(OSError):
                connection.close()


def _read_message(connection: socket.socket) -> bytes:
    # There is never more than one reply under way, so nothing of another can come with it.
    data = b""
    length = 0
    while len(data) < 4 or len(data) < 4 + length:
        more = connection.recv(_REPLY_BYTES)
        if not more:
            raise ConnectionResetError(f"closed after {len(data)} bytes of a reply")
        data += more
        length = int.from_bytes(data[:4], "little")
    return data[4:]
