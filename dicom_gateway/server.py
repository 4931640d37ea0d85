"""The DICOM listener: acceptor processes that share one listening socket, a thread for each association.

The socket is made once, before the processes are forked, so a port that is in use is told at once and in one place, and
whoever of the acceptors is idle takes the next connection.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
import socket
import threading
import time

from dicom_gateway.association import AcceptorServices, Association
from dicom_gateway.association_seats import AssociationSeats
from dicom_gateway.counters import ProcessCounters
from dicom_gateway.index_client import IndexClient
from dicom_gateway.negotiation import Services, is_known_address
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.archive import OwnerId
from webviewer.config import Settings
from webviewer.core.errors import ConfigError

logger = logging.getLogger(__name__)

DRAIN_S = 5.0
GARBAGE_THRESHOLD = 20_000  # objects: receiving and indexing leave no cycles, so looking for them may be rare
_BACKLOG = 128
_LAST_WORDS_S = 1.0
_TOO_MANY_FILES_WAIT_S = 0.2
_STRANGER_LOG_S = 10.0
_THREAD_STACK_BYTES = 512 * 1024


def listen(host: str, port: int) -> socket.socket:
    """Open the DICOM port; raises ConfigError in words when that is impossible."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=False)
    except OSError as exc:
        raise ConfigError(f"The DICOM port {host}:{port} cannot be opened: {exc.strerror or exc}.") from exc


class Acceptor:
    """One acceptor process's work.

    Parameters
    ----------
    settings
        Of the node.
    listener
        The shared listening socket.
    index
        Client of the indexer.
    counters
        This process's row.
    seats
        Table of the open associations of all acceptors together.
    number
        Of this process among the acceptors, from 0.
    writer
        Name that this process's claims carry.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        index: IndexClient,
        counters: ProcessCounters,
        seats: AssociationSeats,
        *,
        number: int,
        writer: str,
    ) -> None:
        storage = settings.storage
        self._listener = listener
        self._units = SqlStorageUnitOfWorkFactory(make_engine(settings.database))
        self._open: dict[int, tuple[threading.Thread, Association]] = {}
        self._lock = threading.Lock()
        # Connections without an association, those that are still to be rejected included; the oldest comes first. Of
        # one address half of the places, so that it cannot push out the others'.
        self._unassociated: dict[int, Association] = {}
        self._max_unassociated = storage.max_associations * 2
        self._max_unassociated_of_address = storage.max_associations
        self._strangers = 0
        self._strangers_told_s = -_STRANGER_LOG_S
        self._shared = AcceptorServices(
            services=Services(),
            peers=storage.peers,
            owner_of_ae_title=self._owner_of_ae_title,
            new_batch=ObjectStore(storage.storage, writer).batch,
            index=index,
            counters=counters,
            take_seat=lambda ae_title, address: seats.take(number, ae_title, address),
            leave_seat=seats.leave,
            max_pdu_bytes=storage.max_pdu_bytes,
            max_object_bytes=storage.max_object_bytes,
            idle_timeout_s=storage.idle_timeout_s,
            established=self._established,
        )

    def _owner_of_ae_title(self, ae_title: str) -> OwnerId | None:
        with self._units(read_only=True) as unit:
            return unit.archive.owner_of_ae_title(ae_title)

    def run(self) -> None:
        """Accept until SIGTERM; then let open associations end for a while."""
        stopping = threading.Event()

        def stop(_signal: int, _frame: object) -> None:
            if not stopping.is_set():
                stopping.set()
                raise InterruptedError("stop")

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the parent tells us in order
        gc.set_threshold(GARBAGE_THRESHOLD)
        threading.stack_size(_THREAD_STACK_BYTES)
        with contextlib.suppress(InterruptedError):
            while not stopping.is_set():
                self._accept()
        self._listener.close()
        self._drain()

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except InterruptedError:
            raise
        except OSError as exc:
            # Out of file descriptors, or a connection that ended in the queue: neither ends the service.
            logger.warning("accept_failed", extra={"reason": exc.strerror})
            time.sleep(_TOO_MANY_FILES_WAIT_S)
            return
        if not is_known_address(self._shared.peers, str(address[0])):
            connection.close()
            self._tell_of_stranger(str(address[0]))
            return
        connection.setblocking(True)
        association = Association(connection, str(address[0]), self._shared)
        thread = threading.Thread(target=self._serve, args=(association,), name="association", daemon=True)
        with self._lock:
            dropped = self._make_room(association.address)
            self._open[id(association)] = thread, association
            self._unassociated[id(association)] = association
        if dropped is not None:
            logger.warning("connection_dropped", extra={"peer": dropped.address, "reason": "too many without request"})
            dropped.drop()
        thread.start()

    def _make_room(self, address: str) -> Association | None:
        """Return the connection that gives its place to a new one: who is served asks at once, so the oldest."""
        same = [key for key, other in self._unassociated.items() if other.address == address]
        if len(same) >= self._max_unassociated_of_address:
            return self._unassociated.pop(same[0])
        if len(self._unassociated) >= self._max_unassociated:
            return self._unassociated.pop(next(iter(self._unassociated)))
        return None

    def _established(self, association: Association) -> None:
        with self._lock:
            self._unassociated.pop(id(association), None)

    def _tell_of_stranger(self, address: str) -> None:
        self._strangers += 1
        now = time.monotonic()
        if now - self._strangers_told_s >= _STRANGER_LOG_S:  # or whoever scans ports would fill the log
            logger.warning(
                "connection_refused",
                extra={"peer": address, "connections": self._strangers, "reason": "address in no network of peers"},
            )
            self._strangers, self._strangers_told_s = 0, now

    def _serve(self, association: Association) -> None:
        try:
            association.run()
        finally:
            with self._lock:
                self._open.pop(id(association), None)
                self._unassociated.pop(id(association), None)

    def _drain(self) -> None:
        self._wait_for_end(DRAIN_S)
        with self._lock:
            rest = [association for _thread, association in self._open.values()]
        for association in rest:
            association.end()
        self._wait_for_end(_LAST_WORDS_S)

    def _wait_for_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                threads = [thread for thread, _association in self._open.values()]
            if not threads:
                return
            threads[0].join(max(0.0, deadline - time.monotonic()))
