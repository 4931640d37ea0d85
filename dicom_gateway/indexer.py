"""The one writer of new objects: all that wait are indexed in one transaction, and answered after its commit.

When a writer (an acceptor, say) has died, the indexer takes nothing more from it and settles its claims: it alone knows
which of the dead writer's objects it will never commit.

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
from dicom_gateway.index_client import receive_message
from dicom_gateway.index_wire import MAX_MESSAGE_BYTES, decode_request, encode_outcome
from webviewer.adapters.files import is_part_of
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.config import PatientConflictPolicy
from webviewer.core.errors import AnotherPatient, OutOfResources, WebviewerError
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
    policy
        What becomes of an object of another patient than the study's.
    counters
        Count objects of other patients; None where nobody reads them.
    """

    def __init__(
        self,
        units: StorageUnitOfWorkFactory,
        publish: Publish,
        policy: PatientConflictPolicy = PatientConflictPolicy.KEEP_APART,
        counters: ProcessCounters | None = None,
    ) -> None:
        self._units = units
        self._publish = publish
        self._policy = policy
        self._counters = counters

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
        self._tell_conflicts(group, outcomes)
        if stored:
            self._publish(stored)
        return outcomes

    def _tell_conflicts(
        self,
        group: Sequence[tuple[OwnerId, InstanceRecord]],
        outcomes: Sequence[Receipt | KnownObject | Exception],
    ) -> None:
        """Log and count objects of another patient than the study's: numbers and UIDs alone, no names."""
        for (owner_id, record), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Receipt) and outcome.kept_apart is not None:
                logger.warning(
                    "patient_kept_apart",
                    extra={
                        "owner_id": owner_id,
                        "study_id": outcome.study_id,
                        "other_study_ids": list(outcome.kept_apart.study_ids),
                        "attributes": list(outcome.kept_apart.attributes),
                        "sop_instance_uid": record.sop_instance_uid,
                    },
                )
                self._count(Counter.PATIENTS_KEPT_APART)
            elif isinstance(outcome, AnotherPatient):
                logger.warning(
                    "patient_refused",
                    extra={"owner_id": owner_id, "sop_instance_uid": record.sop_instance_uid, **outcome.details},
                )
                self._count(Counter.PATIENTS_REFUSED)

    def _count(self, counter: Counter) -> None:
        if self._counters is not None:
            self._counters.add(counter)

    def _write_once(
        self, group: Sequence[tuple[OwnerId, InstanceRecord]]
    ) -> list[Receipt | KnownObject | Exception] | None:
        """Return what became of each object; None if the group was rolled back because of what is in it."""
        committing = False
        try:
            with self._units() as unit:
                outcomes = unit.archive.add_instances(group, dt.datetime.now(dt.UTC), self._policy)
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

    __slots__ = ("buffer", "connection", "writer")

    def __init__(self, connection: socket.socket, writer: str) -> None:
        self.connection = connection
        self.writer = writer
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
    settle
        Settles the claims of a dead writer; must not raise.
    """

    def __init__(
        self,
        doorbell: socket.socket,
        writer: IndexWriter,
        counters: ProcessCounters,
        settle: Callable[[str], None],
    ) -> None:
        self._doorbell = doorbell
        self._writer = writer
        self._settle = settle
        self._ended: set[str] = set()  # writers, by the names that `settle` got
        self._waiting: list[tuple[_Client, OwnerId, InstanceRecord]] = []
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
        while not self._stopping:
            self._gather(0.0 if self._waiting else 0.5)
            if self._waiting:
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                self._commit(group)

    def _gather(self, timeout_s: float) -> None:
        for key, _events in self._selector.select(timeout_s):
            client = key.data
            if client is None:
                self._answer_door()
                continue
            if client.connection.fileno() < 0:
                continue  # its writer has ended in this very round
            try:
                text = client.receive()
                if text is not None:
                    self._waiting.append((client, *decode_request(text)))
            except (OSError, ValueError, TypeError, KeyError) as exc:
                if not isinstance(exc, ConnectionResetError):
                    logger.error("index_client_dropped", extra={"reason": type(exc).__name__})
                self._drop(client)

    def _answer_door(self) -> None:
        message = receive_message(self._doorbell)
        if message is None:
            self._stopping = True  # nobody is left who could ring
        elif message.has_ended:
            self._end_writer(message.writer)
        else:
            for connection in message.connections:
                if any(is_part_of(message.writer, ended) for ended in self._ended):
                    connection.close()
                    continue
                connection.setblocking(False)
                self._selector.register(connection, selectors.EVENT_READ, _Client(connection, message.writer))

    def _end_writer(self, writer: str) -> None:
        self._ended.add(writer)
        self._waiting = [one for one in self._waiting if not is_part_of(one[0].writer, writer)]
        clients = [key.data for key in self._selector.get_map().values() if key.data is not None]
        for client in clients:
            if is_part_of(client.writer, writer):
                self._drop(client)
        self._settle(writer)

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
