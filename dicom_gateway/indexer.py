"""The one writer of new objects: all that wait are indexed in one transaction, and answered after its commit.

While a commit is on its way to the disk, more requests gather; they are the next group. So the cost of a durable commit
is shared by as many objects as are waiting, and a single sender waits for nobody.
"""

from __future__ import annotations

import datetime as dt
import logging
import selectors
import signal
import socket
import struct
from collections.abc import Callable, Sequence

from dicom_gateway.counters import Counter, ProcessCounters
from dicom_gateway.index_wire import MAX_MESSAGE_BYTES, decode_request, encode_outcome
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.core.errors import OutOfResources, WebviewerError
from webviewer.usecases.receive_instance import OUTCOME_UNKNOWN
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

logger = logging.getLogger(__name__)

MAX_GROUP = 256
_RECEIVE_BYTES = 256 * 1024

Publish = Callable[[Sequence[tuple[OwnerId, Receipt]]], None]


class IndexWriter:
    """Turns requests into committed rows; knows nothing of sockets.

    Parameters
    ----------
    units
        Transactions on the index.
    publish
        Told of what was stored, after the commit.
    """

    def __init__(self, units: StorageUnitOfWorkFactory, publish: Publish) -> None:
        self._units = units
        self._publish = publish

    def write(self, group: Sequence[tuple[OwnerId, InstanceRecord]]) -> list[Receipt | KnownObject | Exception]:
        """Index a group in one transaction and return, per object, a receipt or an error; never raises."""
        outcomes = self._write_once(group)
        if outcomes is None and len(group) > 1:
            # One object that the database does not take must not take the others with it. Only what was rolled back
            # may be written again: what was committed would come back as known, and its receiver take it for a copy.
            singly = [self._write_once([one]) for one in group]
            outcomes = [_not_taken() if one is None else one[0] for one in singly]
        elif outcomes is None:
            outcomes = [_not_taken()]
        stored = [
            (owner_id, outcome)
            for (owner_id, _record), outcome in zip(group, outcomes, strict=True)
            if isinstance(outcome, Receipt) and outcome.outcome == "stored"
        ]
        if stored:
            self._publish(stored)
        return outcomes

    def _write_once(
        self, group: Sequence[tuple[OwnerId, InstanceRecord]]
    ) -> list[Receipt | KnownObject | Exception] | None:
        """Return what became of each object; None if the group was rolled back because of what is in it."""
        committing = False
        try:
            with self._units() as unit:
                outcomes = unit.archive.add_instances(group, dt.datetime.now(dt.UTC))
                committing = True
                unit.commit()
        except WebviewerError as exc:
            logger.error("index_write_failed", extra={"reason": exc.message, "objects": len(group)})
            code = OUTCOME_UNKNOWN if committing else None
            return [OutOfResources(exc.message, code=code) for _ in group]
        except Exception:
            logger.exception("index_write_broken", extra={"objects": len(group)})
            if committing:
                return [OutOfResources("The index failed in its commit.", code=OUTCOME_UNKNOWN) for _ in group]
            return None
        return outcomes


def _not_taken() -> OutOfResources:
    # What is wrong with the index is ours and can be mended: no sender hears that its object cannot be understood.
    return OutOfResources("The index does not take this object; the storage node's log says why.")


class _Client:
    """A connection of an `IndexClient`; it has at most one request under way."""

    __slots__ = ("buffer", "connection")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.buffer = bytearray()

    def receive(self) -> bytes | None:
        """Take what has come; return a whole request if there is one. Raises ConnectionError at the end."""
        try:
            data = self.connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return None
        if not data:
            raise ConnectionResetError("closed")
        self.buffer += data
        if len(self.buffer) < 4:
            return None
        (length,) = struct.unpack_from("<I", self.buffer)
        if length > MAX_MESSAGE_BYTES:
            raise ConnectionAbortedError(f"a message of {length} bytes")
        if len(self.buffer) < 4 + length:
            return None
        text = bytes(self.buffer[4 : 4 + length])
        self.buffer = bytearray()
        return text


class IndexServer:
    """Gathers requests from clients and answers them.

    Parameters
    ----------
    doorbell
        The indexer's side of `dicom_gateway.index_client.Doorbell`.
    writer
        Writes groups.
    counters
        This process's row.
    """

    def __init__(self, doorbell: socket.socket, writer: IndexWriter, counters: ProcessCounters) -> None:
        self._doorbell = doorbell
        self._writer = writer
        self._counters = counters
        self._selector = selectors.DefaultSelector()
        self._selector.register(doorbell, selectors.EVENT_READ, None)
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM and no client is left waiting, or until all other processes are gone."""

        def stop(_signal: int, _frame: object) -> None:
            self._stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        waiting: list[tuple[_Client, OwnerId, InstanceRecord]] = []
        while not self._stopping:
            waiting += self._gather(0.0 if waiting else 0.5)
            if waiting:
                group, waiting = waiting[:MAX_GROUP], waiting[MAX_GROUP:]
                self._commit(group)

    def _gather(self, timeout_s: float) -> list[tuple[_Client, OwnerId, InstanceRecord]]:
        requests: list[tuple[_Client, OwnerId, InstanceRecord]] = []
        for key, _events in self._selector.select(timeout_s):
            client = key.data
            if client is None:
                self._welcome()
                continue
            try:
                text = client.receive()
                if text is not None:
                    requests.append((client, *decode_request(text)))
            except (OSError, ValueError, TypeError, KeyError) as exc:
                if not isinstance(exc, ConnectionResetError):
                    logger.error("index_client_dropped", extra={"reason": type(exc).__name__})
                self._drop(client)
        return requests

    def _welcome(self) -> None:
        message, fds, _flags, _address = socket.recv_fds(self._doorbell, 16, 4)
        if not message and not fds:
            self._stopping = True  # nobody is left who could ring
            return
        for fd in fds:
            connection = socket.socket(fileno=fd)
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, _Client(connection))

    def _drop(self, client: _Client) -> None:
        if client.connection.fileno() < 0:
            return  # already, while it was waiting for its group
        self._selector.unregister(client.connection)
        client.connection.close()

    def _commit(self, group: Sequence[tuple[_Client, OwnerId, InstanceRecord]]) -> None:
        outcomes = self._writer.write([(owner_id, record) for _client, owner_id, record in group])
        self._counters.add(Counter.COMMITS)
        for (client, _owner_id, _record), outcome in zip(group, outcomes, strict=True):
            try:
                client.connection.sendall(encode_outcome(outcome))
            except OSError:
                # The client is gone: its object is in the index, and its claim goes at the next start.
                self._drop(client)
