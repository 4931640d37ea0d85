"""How other processes and threads of the storage node reach the indexer, the one writer of new objects."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
from dataclasses import dataclass

from dicom_gateway.index_wire import decode_outcome, encode_request
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.core.errors import OutOfResources
from webviewer.usecases.receive_instance import OUTCOME_UNKNOWN

logger = logging.getLogger(__name__)

_REPLY_BYTES = 64 * 1024
_REPLY_TIMEOUT_S = 120  # longer than the index waits for a lock; a reply that does not come ends the association
_SUCCESSOR_TIMEOUT_S = 30  # for the reply of an indexer that was started in the place of one that died
_TRIES = 3  # an object that the indexer dies of must not stop it for ever
_RING = b"c"
_WRITER_ENDED = b"e"


class Doorbell:
    """Where clients ask for connections: a socket pair that is made before the processes are forked.

    A client makes a pair of sockets and sends one of them here; so no name in the file system can be guessed, is too
    long, or stays behind. The node's main process keeps both sides open: what clients send here while the indexer is
    restarted waits for the next one.
    """

    def __init__(self) -> None:
        self.indexer_side, self.client_side = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def tell_end(self, writer: str) -> None:
        """Tell the indexer that a writer has died: it takes no more of its objects and settles its claims."""
        try:
            self.client_side.send(_WRITER_ENDED + writer.encode(), socket.MSG_DONTWAIT)
        except OSError as exc:
            logger.error("writer_end_not_told", extra={"writer": writer, "reason": exc.strerror})


@dataclass(frozen=True, slots=True)
class DoorbellMessage:
    """One message of the doorbell: a writer's new connection, or the end of a writer."""

    writer: str
    connections: tuple[socket.socket, ...]
    has_ended: bool


def receive_message(indexer_side: socket.socket) -> DoorbellMessage | None:
    """Take one message from the doorbell; None when nobody is left who could ring."""
    text, fds, _flags, _address = socket.recv_fds(indexer_side, 128, 4)
    if not text and not fds:
        return None
    connections = tuple(socket.socket(fileno=fd) for fd in fds)
    return DoorbellMessage(text[1:].decode("ascii", "replace"), connections, text[:1] == _WRITER_ENDED)


class IndexClient:
    """Submits objects to the indexer and waits until they are committed. Safe for threads, and across ``fork``.

    Parameters
    ----------
    doorbell
        The clients' side.
    writer
        Name under which the claims of the submitted objects were made; see `webviewer.adapters.files`.
    """

    def __init__(self, doorbell: socket.socket, writer: str = "") -> None:
        self._doorbell = doorbell
        self._writer = writer
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._pid = os.getpid()

    def submit(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | KnownObject:
        """Index an object durably, or return what is known under its SOP Instance UID.

        When the indexer dies, the same request goes to its successor. That is safe: an object which the first indexer
        has committed comes back as known under its own file name.

        Raises
        ------
        OutOfResources
            The index does not take it now; with the code `OUTCOME_UNKNOWN` nobody knows whether it has.
        DataError
            The index cannot hold what the object says.
        """
        request = encode_request(owner_id, record)
        lost: OSError | None = None
        for _ in range(_TRIES):
            connection = self._take(is_first=lost is None)
            try:
                connection.sendall(request)
                reply = _read_message(connection)
            except ConnectionError as exc:
                connection.close()
                self.close()  # the other idle connections led to the same process
                lost = exc
                logger.warning("indexer_lost", extra={"reason": exc.strerror or str(exc)})
            except OSError as exc:
                connection.close()
                raise _outcome_unknown(exc) from exc
            else:
                if lost is None:
                    self._give_back(connection)
                else:
                    connection.close()  # its limit of time is that of a successor
                return decode_outcome(reply)
        raise _outcome_unknown(lost) from lost

    def _take(self, *, is_first: bool) -> socket.socket:
        """Return a connection; a new one with a shorter limit of time where the request has lost its first indexer."""
        with self._lock:
            if self._pid != os.getpid():
                # A forked child must not talk over its parent's connections.
                self._idle, self._pid = [], os.getpid()
            if self._idle and is_first:
                return self._idle.pop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._doorbell, [_RING + self._writer.encode()], [theirs.fileno()])
        except OSError as exc:
            ours.close()
            if not is_first:
                raise _outcome_unknown(exc) from exc
            raise OutOfResources(f"The indexer is not there: {exc.strerror or exc}.") from exc
        # The kernel's own timeout: that of Python's sockets costs a poll before each call.
        wait = struct.pack("@ll", _REPLY_TIMEOUT_S if is_first else _SUCCESSOR_TIMEOUT_S, 0)
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


def _outcome_unknown(error: OSError | None) -> OutOfResources:
    reason = "" if error is None else f": {error.strerror or error}"
    return OutOfResources(f"The indexer does not answer{reason}.", code=OUTCOME_UNKNOWN)


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
