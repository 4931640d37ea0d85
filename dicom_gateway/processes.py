"""The storage node: one process that starts the indexer, the acceptors and the internal HTTP, and watches them.

Everything is imported before the children are forked and stays shared with them; no thread is started before that. If
one child ends, all end and this process exits with 1: half a storage node helps nobody, and whoever supervises it
starts a whole one, which first settles what was left (`webviewer.adapters.files.ObjectStore.recover`).
"""

from __future__ import annotations

import fcntl
import gc
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dicom_gateway.api import serve as serve_http
from dicom_gateway.api.parts import ApiParts, make_parts
from dicom_gateway.counters import Counter, SharedCounters
from dicom_gateway.event_publisher import EventPublisher
from dicom_gateway.index_client import Doorbell, IndexClient
from dicom_gateway.indexer import IndexServer, IndexWriter
from dicom_gateway.metrics import metrics_text
from dicom_gateway.node_state import NodeState
from dicom_gateway.registration import Description, Registration
from dicom_gateway.server import DRAIN_S, GARBAGE_THRESHOLD, Acceptor, listen
from webviewer import __version__
from webviewer.adapters.db.archive_repository import SqlArchiveRepository
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.disk import disk_id
from webviewer.adapters.files import ObjectStore
from webviewer.adapters.tls import client_context, server_context
from webviewer.archive import OwnerId, StudyId
from webviewer.command_line import ExitCode, StartError, require_database
from webviewer.config import Configuration, Settings
from webviewer.core.errors import NotFound, WebviewerError
from webviewer.core.process import Lifeline, leave_with_parent, share_with_forked
from webviewer.usecases.served_owners import node_identity

logger = logging.getLogger("dicom_gateway.main")  # the name that it has had in the logs

_SIGNALS = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})
_END_S = DRAIN_S + 2.0
_LAST_S = 2.0
_ORPHAN_S = 0.1
_LOCK_WAIT_S = 15.0
_OWNERS_WITHIN_S = 5.0


def serve(configuration: Configuration, _file: Path | None) -> int:
    """Run the storage node until SIGTERM; returns the exit code."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # of what peers send wrongly we tell ourselves
    return StorageNode(configuration.settings).run()


class StorageNode:
    """The processes of a storage node.

    Parameters
    ----------
    settings
        Of the node.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counters = SharedCounters(settings.storage.acceptors + 1)
        self._state = NodeState()
        self._identity = ""
        self._run = secrets.token_hex(8)
        self._client_tls = client_context(settings.tls)
        server_context(settings.tls)  # what is wrong with it is told before anything runs
        self._children: dict[int, str] = {}
        self._lifeline = Lifeline()
        self._mask: set[signal.Signals | int] = set()

    def run(self) -> int:
        """Start everything, watch it, and end it; returns the exit code."""
        settings = self._settings
        # Signals wait until somebody asks for them: no handler runs in the middle of anything, and a stop that comes
        # while we start is not lost.
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS))
        self._settle()
        dicom = _listen_dicom(settings.storage.dicom_host, settings.storage.dicom_port)
        http = _listen_http(settings.storage.host, settings.storage.port)
        doorbell = Doorbell()
        seats = multiprocessing.get_context("fork").BoundedSemaphore(settings.storage.max_associations)
        gc.collect()
        gc.freeze()  # so that the collector does not touch, and thereby copy, the pages that are shared

        def index() -> None:
            for unused in (dicom, http, doorbell.client_side):
                unused.close()
            gc.set_threshold(GARBAGE_THRESHOLD)
            publisher = self._publisher()
            writer = IndexWriter(self._units(), publisher.stored)
            IndexServer(doorbell.indexer_side, writer, self._counters.row(settings.storage.acceptors)).run()

        def accept(number: int) -> Callable[[], None]:
            def work() -> None:
                for unused in (http, doorbell.indexer_side):
                    unused.close()
                Acceptor(settings, dicom, IndexClient(doorbell.client_side), self._counters.row(number), seats).run()

            return work

        def answer() -> None:
            for unused in (dicom, doorbell.indexer_side):
                unused.close()
            serve_http(http, lambda: self._api_parts(IndexClient(doorbell.client_side)), tls=self._settings.tls)

        def register() -> None:
            for unused in (dicom, http, doorbell.client_side, doorbell.indexer_side):
                unused.close()
            Registration(settings, self._units(), self._state, self._describe(), self._client_tls).run()

        share_with_forked()
        self._start("indexer", index)
        for number in range(settings.storage.acceptors):
            self._start(f"acceptor {number}", accept(number))
        self._start("internal HTTP", answer)
        if settings.node.control_url:  # else an administrator makes this node known by its address
            self._start("registration", register)
        for ours in (dicom, http, doorbell.indexer_side, doorbell.client_side):
            ours.close()
        leave_with_parent(grace_s=_END_S + _LAST_S + 1)
        logger.info(
            "storage_node_ready",
            extra={"dicom_port": settings.storage.dicom_port, "port": settings.storage.port, "version": __version__},
        )
        return self._watch()

    def _settle(self) -> None:
        require_database(self._settings)
        store = ObjectStore(self._settings.storage.storage)
        try:
            store.prepare()
        except WebviewerError as exc:
            raise StartError(exc.message, ExitCode.STORAGE) from exc
        _lock(store)
        engine = make_engine(self._settings.database)
        try:
            with engine.connect() as connection:
                found = store.recover(SqlArchiveRepository(connection).indexed_files)
            self._identity = node_identity(SqlStorageUnitOfWorkFactory(engine))
        finally:
            engine.dispose()
        if found.claims:
            logger.warning("claims_settled", extra={"claims": found.claims, "files_removed": found.files_removed})

    def _start(self, name: str, work: Callable[[], None]) -> None:
        pid = os.fork()
        if pid:
            self._children[pid] = name
            return
        code = 1
        try:
            self._lifeline.forget()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            # Without the parent there is nothing to wait for: what is under way is not acknowledged, and the next node
            # wants the port.
            leave_with_parent(self._lifeline.read_fd, grace_s=_ORPHAN_S)
            work()
            code = 0
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 1
        except BaseException:
            logger.exception("child_failed", extra={"child": name})
        finally:
            logging.shutdown()
            os._exit(code)

    def _watch(self) -> int:
        while True:
            number = signal.sigwait(_SIGNALS)
            if number == signal.SIGCHLD:
                ended = self._reap()
                if ended:
                    logger.error("child_ended", extra={"child": ", ".join(ended)})
                    self._end()
                    return 1
            else:
                logger.info("storage_node_stopping")
                return self._end()

    def _reap(self) -> list[str]:
        ended: list[str] = []
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            name = self._children.pop(pid, None)
            if name is not None:
                ended.append(f"{name} (code {os.waitstatus_to_exitcode(status)})")
        return ended

    def _end(self) -> int:
        """Let associations drain, then the HTTP, and the indexer last: it is what the others wait for."""
        self._signal(signal.SIGTERM, lambda name: name != "indexer")
        self._wait(_END_S, lambda name: name != "indexer")
        self._signal(signal.SIGTERM, lambda _name: True)
        self._wait(_LAST_S, lambda _name: True)
        late = list(self._children.values())
        self._signal(signal.SIGKILL, lambda _name: True)
        self._wait(_LAST_S, lambda _name: True)
        if late:
            logger.warning("children_killed", extra={"children": ", ".join(late)})
        logger.info("storage_node_stopped")
        return 1 if late else 0

    def _signal(self, number: signal.Signals, which: Callable[[str], bool]) -> None:
        for pid, name in self._children.items():
            if which(name):
                os.kill(pid, number)

    def _wait(self, seconds: float, which: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + seconds
        while any(which(name) for name in self._children.values()):
            self._reap()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            if any(which(name) for name in self._children.values()):
                signal.sigtimedwait([signal.SIGCHLD], min(left, 0.2))

    # ---- in the children -------------------------------------------------------------------------------------------

    def _units(self) -> SqlStorageUnitOfWorkFactory:
        return SqlStorageUnitOfWorkFactory(make_engine(self._settings.database))

    def _describe(self) -> Description:
        store = ObjectStore(self._settings.storage.storage)
        return Description(
            self._settings, self._identity, self._run, self._counters, store.free_bytes, units=self._units()
        )

    def _publisher(self) -> EventPublisher:
        units = self._units()

        def counts(owner_id: OwnerId, study_id: StudyId) -> int | None:
            with units(read_only=True) as unit:
                try:
                    return unit.archive.get_study(owner_id, study_id).instance_count
                except NotFound:
                    return None

        return EventPublisher(
            self._settings.node.control_url, self._settings.internal_token, counts, tls=self._client_tls
        )

    def _api_parts(self, index: IndexClient) -> ApiParts:
        settings = self._settings
        units = self._units()
        store = ObjectStore(settings.storage.storage)
        waits_for_owners = bool(settings.node.control_url)

        def counts() -> Mapping[str, int]:
            with units(read_only=True) as unit:
                return unit.archive.counts()

        started_s = time.monotonic()
        told = [""]  # the trouble that the log has

        def problems() -> list[str]:
            found: list[str] = []
            # A control node that is away must not keep out senders whose AE titles are known here: not for long.
            if waits_for_owners and not self._state.has_owners and time.monotonic() - started_s < _OWNERS_WITHIN_S:
                found.append("The list of users has not come from the control node yet.")
            try:
                with units(read_only=True) as unit:
                    unit.archive.ping()
                trouble = ""
            except WebviewerError as exc:
                trouble = exc.message
                found.append("The database cannot be used.")  # whoever asks; the log has what it said, once
            if trouble and trouble != told[0]:
                logger.warning("storage_not_ready", extra={"reason": trouble})
            told[0] = trouble
            try:
                if lack := store.lack_of_room():
                    found.append(lack)
                if not os.access(store.data, os.W_OK):
                    found.append("The storage folder cannot be written.")
            except OSError as exc:
                found.append(f"The storage folder cannot be used: {exc.strerror}.")
            return found

        def status() -> Mapping[str, object]:
            return {
                "version": __version__,
                "uptime_s": int(time.monotonic() - started_s),
                "dicom_port": settings.storage.dicom_port,
                "max_associations": settings.storage.max_associations,
                "open_associations": self._counters.total(Counter.OPEN),
                "stored_since_start": self._counters.total(Counter.STORED),
                "refused_since_start": self._counters.total(Counter.REFUSED),
                "free_bytes": store.free_bytes(),
                "disk_id": disk_id(store.root),
                **counts(),
            }

        return make_parts(
            settings.storage,
            settings.internal_token,
            units,
            index,
            publish=self._publisher().publish,
            problems=problems,
            status=status,
            metrics=lambda: metrics_text(self._counters, store.free_bytes()),
            describe=self._describe(),
            state=self._state,
        )


def _lock(store: ObjectStore) -> None:
    """Wait until no process of an earlier node has the storage, and keep it for this process and its children.

    Settling claims while somebody still commits would remove files that get a row a moment later. The descriptor is
    never closed: the lock ends with the last process that has inherited it.
    """
    fd = os.open(store.claims, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"The storage folder {store.root} is in use by another storage node."
                raise StartError(message, ExitCode.STORAGE) from None
            time.sleep(0.05)
        else:
            return


def _listen_dicom(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except WebviewerError as exc:
        raise StartError(exc.message, ExitCode.PORT_BUSY) from exc


def _listen_http(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as exc:
        message = f"The storage node's HTTP port {host}:{port} cannot be opened: {exc.strerror or exc}."
        raise StartError(message, ExitCode.PORT_BUSY) from exc
