"""The storage node: one process that starts the indexer, the acceptors and the internal HTTP, and watches them.

Everything is imported before the children are forked and stays shared with them; no thread is started before that.

- A child that dies is replaced at once. The kernel closes its connections, so its senders send again.
- While the indexer is replaced, the acceptors hold their objects back and then submit them again (`IndexClient`).
- A dead child was a writer: the indexer takes no more of its objects and settles its claims.
- Children that die again and again end the node with exit code 1, without a wait for open associations. Its supervisor
  starts a whole one, which first settles what was left (`webviewer.adapters.files.ObjectStore.recover`).
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import secrets
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dicom_gateway.api import serve as serve_http
from dicom_gateway.api.parts import ApiParts, make_parts
from dicom_gateway.association_seats import AssociationSeats, SeatLimits
from dicom_gateway.counters import Counter, SharedCounters
from dicom_gateway.damage_report import DamageReporter
from dicom_gateway.event_publisher import EventPublisher
from dicom_gateway.file_facts import read_file_facts
from dicom_gateway.index_client import Doorbell, IndexClient
from dicom_gateway.indexer import IndexServer, IndexWriter
from dicom_gateway.metrics import metrics_text
from dicom_gateway.node_state import NodeState
from dicom_gateway.registration import Description, Registration
from dicom_gateway.scrub import NAME as SCRUB
from dicom_gateway.scrub import Pace, Scrub
from dicom_gateway.server import DRAIN_S, GARBAGE_THRESHOLD, Acceptor, listen
from webviewer import __version__
from webviewer.adapters.db.archive_repository import SqlArchiveRepository
from webviewer.adapters.db.database_watch import make_watch
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
from webviewer.usecases.clock import system_clock
from webviewer.usecases.file_by_patient import PatientReader
from webviewer.usecases.served_owners import node_identity
from webviewer.usecases.verify_files import FilesReader

logger = logging.getLogger("dicom_gateway.main")  # the name that it has had in the logs

_SIGNALS = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})
_END_S = DRAIN_S + 2.0
_LAST_S = 2.0
_RESTARTS_WITHIN_S = 60.0
_MAX_RESTARTS = 5  # of children, within that time
_REMEMBERED_WRITERS = 1000  # that have died; a new indexer hears of them again
_INDEXER = "indexer"
_HTTP = "internal HTTP"
_REGISTRATION = "registration"
_ORPHAN_S = 0.1
_LOCK_WAIT_S = 15.0
_OWNERS_WITHIN_S = 5.0


def serve(configuration: Configuration, _file: Path | None) -> int:
    """Run the storage node until SIGTERM; returns the exit code."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # of what peers send wrongly we tell ourselves
    return StorageNode(configuration.settings).run()


@dataclass(frozen=True, slots=True)
class _Role:
    """What a child does, and what its death leaves behind."""

    name: str
    work: Callable[[str], None]  # gets the name of the child as a writer
    acceptor: int = -1  # its number, where it is one


@dataclass(frozen=True, slots=True)
class _Child:
    role: _Role
    writer: str


@dataclass(frozen=True, slots=True)
class _Doors:
    """The open sockets that children inherit. The main process keeps them for the successors of dead children."""

    dicom: socket.socket
    http: socket.socket
    doorbell: Doorbell

    def close_others(self, *kept: socket.socket) -> None:
        """Close, in a child, what it does not serve."""
        for one in (self.dicom, self.http, self.doorbell.client_side, self.doorbell.indexer_side):
            if one not in kept:
                one.close()


class StorageNode:
    """The processes of a storage node.

    Parameters
    ----------
    settings
        Of the node.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        storage = settings.storage
        self._counters = SharedCounters(storage.acceptors + 4)  # indexer, main process, internal HTTP, scrub
        self._main_counters = self._counters.row(storage.acceptors + 1)
        limits = SeatLimits(
            storage.max_associations, storage.ae_title_associations_percent, storage.address_associations_percent
        )
        self._seats = AssociationSeats(limits)
        self._state = NodeState()
        self._identity = ""
        self._run = secrets.token_hex(8)
        self._client_tls = client_context(settings.tls)
        server_context(settings.tls)  # what is wrong with it is told before anything runs
        self._children: dict[int, _Child] = {}
        self._writers = 0  # names given so far
        self._dead_writers: deque[str] = deque(maxlen=_REMEMBERED_WRITERS)
        self._restarted_at_s: deque[float] = deque()
        self._lifeline = Lifeline()
        self._mask: set[signal.Signals | int] = set()

    def run(self) -> int:
        """Start everything, watch it, and end it; returns the exit code."""
        settings = self._settings
        # Signals wait until somebody asks for them: no handler runs in the middle of anything, and a stop that comes
        # while we start is not lost.
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS))
        self._settle()
        doors = _Doors(
            _listen_dicom(settings.storage.dicom_host, settings.storage.dicom_port),
            _listen_http(settings.storage.host, settings.storage.port),
            Doorbell(),
        )
        share_with_forked()
        for role in self._roles(doors):
            self._start(role)
        leave_with_parent(grace_s=_END_S + _LAST_S + 1)
        logger.info(
            "storage_node_ready",
            extra={"dicom_port": settings.storage.dicom_port, "port": settings.storage.port, "version": __version__},
        )
        return self._watch(doors.doorbell)

    def _roles(self, doors: _Doors) -> list[_Role]:
        settings, doorbell = self._settings, doors.doorbell

        def index(_writer: str) -> None:
            doors.close_others(doorbell.indexer_side)
            gc.set_threshold(GARBAGE_THRESHOLD)
            counters = self._counters.row(settings.storage.acceptors)
            policy = settings.storage.patient_conflict_policy
            writer = IndexWriter(self._units(), self._publisher().stored, policy, counters)
            IndexServer(doorbell.indexer_side, writer, counters, self._settle_writer).run()

        def accept(number: int) -> Callable[[str], None]:
            def work(writer: str) -> None:
                doors.close_others(doors.dicom, doorbell.client_side)
                index = IndexClient(doorbell.client_side, writer)
                counters = self._counters.row(number)
                Acceptor(settings, doors.dicom, index, counters, self._seats, number=number, writer=writer).run()

            return work

        def answer(writer: str) -> None:
            doors.close_others(doors.http, doorbell.client_side)
            serve_http(
                doors.http,
                lambda part: self._api_parts(IndexClient(doorbell.client_side, part), part),
                tls=settings.tls,
                writer=writer,
                writer_ended=doorbell.tell_end,
            )

        def register(_writer: str) -> None:
            doors.close_others()
            Registration(settings, self._units(), self._state, self._describe(), self._client_tls).run()

        def scrub(_writer: str) -> None:
            doors.close_others()
            store = ObjectStore(settings.storage.storage)
            pace = Pace(settings.storage.scrub_bytes_per_s, self._counters)
            reader = FilesReader(self._units(), store.open_file, SCRUB, system_clock, pace)
            Scrub(reader, pace, self._counters.row(settings.storage.acceptors + 3), system_clock).run()

        roles = [_Role(_INDEXER, index)]
        roles += [_Role(f"acceptor {number}", accept(number), number) for number in range(settings.storage.acceptors)]
        roles.append(_Role(_HTTP, answer))
        if settings.node.control_url:  # else an administrator makes this node known by its address
            roles.append(_Role(_REGISTRATION, register))
        if settings.storage.scrub_bytes_per_s:
            roles.append(_Role(SCRUB, scrub))
        return roles

    def _settle(self) -> None:
        require_database(self._settings)
        store = ObjectStore(self._settings.storage.storage)
        try:
            store.prepare()
        except WebviewerError as exc:
            raise StartError(exc.message, ExitCode.STORAGE) from exc
        _lock(store.claims)
        engine = make_engine(self._settings.database)
        try:
            with engine.connect() as connection:
                found = store.recover(SqlArchiveRepository(connection).indexed_files)
            self._identity = node_identity(SqlStorageUnitOfWorkFactory(engine))
        finally:
            engine.dispose()
        if found.claims:
            logger.warning("claims_settled", extra={"claims": found.claims, "files_removed": found.files_removed})

    def _start(self, role: _Role) -> None:
        self._writers += 1
        child = _Child(role, str(self._writers))
        pid = os.fork()
        if pid:
            self._children[pid] = child
            logger.info("child_started", extra={"child": role.name, "child_pid": pid})
            return
        code = 1
        try:
            self._lifeline.forget()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            # Without the parent there is nothing to wait for: what is under way is not acknowledged, and the next node
            # wants the port.
            leave_with_parent(self._lifeline.read_fd, grace_s=_ORPHAN_S)
            role.work(child.writer)
            code = 0
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 1
        except BaseException:
            logger.exception("child_failed", extra={"child": role.name})
        finally:
            logging.shutdown()
            os._exit(code)

    def _watch(self, doorbell: Doorbell) -> int:
        while True:
            number = signal.sigwait(_SIGNALS)
            if number == signal.SIGCHLD:
                ended = self._reap()
                for child, code in ended:
                    logger.error("child_ended", extra={"child": child.role.name, "code": code})
                if ended and not self._replace([child for child, _code in ended], doorbell):
                    logger.error("children_end_too_often", extra={"restarts": _MAX_RESTARTS})
                    self._end_at_once()
                    return 1
            else:
                logger.info("storage_node_stopping")
                return self._end()

    def _replace(self, ended: list[_Child], doorbell: Doorbell) -> bool:
        """Start successors of dead children; False if children die too often."""
        now = time.monotonic()
        while self._restarted_at_s and now - self._restarted_at_s[0] > _RESTARTS_WITHIN_S:
            self._restarted_at_s.popleft()
        for child in sorted(ended, key=lambda one: one.role.name != _INDEXER):  # the others wait for the indexer
            if len(self._restarted_at_s) >= _MAX_RESTARTS:
                return False
            self._restarted_at_s.append(now)
            self._main_counters.add(Counter.RESTARTS)
            if child.role.acceptor >= 0:
                self._main_counters.add(Counter.ABORTED, self._seats.release_all(child.role.acceptor))
            if child.role.name == _INDEXER:
                for writer in self._dead_writers:
                    doorbell.tell_end(writer)
            else:
                self._dead_writers.append(child.writer)
                doorbell.tell_end(child.writer)
            self._start(child.role)
        return True

    def _reap(self) -> list[tuple[_Child, int]]:
        """Return the children that have ended, and their exit codes."""
        ended: list[tuple[_Child, int]] = []
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            child = self._children.pop(pid, None)
            if child is not None:
                ended.append((child, os.waitstatus_to_exitcode(status)))
        return ended

    def _end_at_once(self) -> None:
        """Kill all children: their senders see the end of the connection now, and nothing more is acknowledged."""
        self._signal(signal.SIGKILL, lambda _name: True)
        self._wait(_LAST_S, lambda _name: True)

    def _end(self) -> int:
        """Let associations drain, then the HTTP, and the indexer last: it is what the others wait for."""
        self._signal(signal.SIGTERM, lambda name: name != _INDEXER)
        self._wait(_END_S, lambda name: name != _INDEXER)
        self._signal(signal.SIGTERM, lambda _name: True)
        self._wait(_LAST_S, lambda _name: True)
        late = [child.role.name for child in self._children.values()]
        self._signal(signal.SIGKILL, lambda _name: True)
        self._wait(_LAST_S, lambda _name: True)
        if late:
            logger.warning("children_killed", extra={"children": ", ".join(late)})
        logger.info("storage_node_stopped")
        return 1 if late else 0

    def _signal(self, number: signal.Signals, which: Callable[[str], bool]) -> None:
        for pid, child in self._children.items():
            if which(child.role.name):
                os.kill(pid, number)

    def _wait(self, seconds: float, which: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + seconds
        while self._is_any_left(which):
            self._reap()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            if self._is_any_left(which):
                signal.sigtimedwait([signal.SIGCHLD], min(left, 0.2))

    def _is_any_left(self, which: Callable[[str], bool]) -> bool:
        return any(which(child.role.name) for child in self._children.values())

    # ---- in the children -------------------------------------------------------------------------------------------

    def _units(self) -> SqlStorageUnitOfWorkFactory:
        return SqlStorageUnitOfWorkFactory(make_engine(self._settings.database))

    def _settle_writer(self, writer: str) -> None:
        """Settle the claims of a dead writer, in the indexer. A failure leaves them to the next start."""
        store = ObjectStore(self._settings.storage.storage)
        try:
            with self._units()(read_only=True) as unit:
                found = store.recover(unit.archive.indexed_files, dead_writer=writer)
        except Exception:
            logger.exception("claims_not_settled", extra={"writer": writer})
            return
        if found.claims:
            logger.warning("claims_settled", extra={"claims": found.claims, "files_removed": found.files_removed})

    def _describe(self) -> Description:
        store = ObjectStore(self._settings.storage.storage)
        return Description(
            self._settings,
            self._identity,
            self._run,
            self._counters,
            self._seats,
            free_bytes=store.free_bytes,
            units=self._units(),
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

    def _api_parts(self, index: IndexClient, writer: str) -> ApiParts:
        settings = self._settings
        units = self._units()
        store = ObjectStore(settings.storage.storage, writer)
        waits_for_owners = bool(settings.node.control_url)

        own_counters = self._counters.row(settings.storage.acceptors + 2)
        damages = DamageReporter(units, own_counters)
        damages.start()
        watch = make_watch(settings.database)
        watch.ask()  # a node is not called ready before its database was asked
        watch.start()

        def conflicts() -> int | None:
            if watch.state().problem:
                return None
            try:
                with units(read_only=True) as unit:
                    return unit.archive.patient_conflict_count()
            except WebviewerError:
                return None

        started_s = time.monotonic()

        def problems() -> list[str]:
            found: list[str] = []
            # A control node that is away must not keep out senders whose AE titles are known here: not for long.
            if waits_for_owners and not self._state.has_owners and time.monotonic() - started_s < _OWNERS_WITHIN_S:
                found.append("The list of users has not come from the control node yet.")
            # Nothing is asked of the database here: one that hangs would hold up the probe. Its words are in the log.
            if watch.state().problem:
                found.append("The database cannot be used.")
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
                "open_associations": self._seats.count(),
                "stored_since_start": self._counters.total(Counter.STORED),
                "refused_since_start": self._counters.total(Counter.REFUSED),
                "patients_kept_apart_since_start": self._counters.total(Counter.PATIENTS_KEPT_APART),
                "patients_refused_since_start": self._counters.total(Counter.PATIENTS_REFUSED),
                "free_bytes": store.free_bytes(),
                "disk_id": disk_id(store.root),
                **read_file_facts(units, watch).plain(),
            }

        uploads = settings.storage.storage / "uploads"
        uploads.mkdir(exist_ok=True)
        _lock(uploads)  # the predecessor of a killed process may still be in the middle of an object
        parts = make_parts(
            settings.storage,
            settings.internal_token,
            units,
            index,
            publish=self._publisher().publish,
            problems=problems,
            status=status,
            metrics=lambda: metrics_text(
                self._counters, self._seats.count(), store.free_bytes(), conflicts(), read_file_facts(units, watch)
            ),
            describe=self._describe(),
            state=self._state,
            writer=writer,
            on_damage=damages.report,
            on_read=lambda: own_counters.add(Counter.FILES_READ),
        )
        PatientReader(units, store.open_file, parts.publish, parts.series_cache.forget).start()
        return parts


def _lock(folder: Path) -> None:
    """Wait until no earlier process has a folder of the storage, and keep it for this process and its children.

    Settling claims while somebody still commits would remove files that get a row a moment later. The descriptor is
    never closed: the lock ends with the last process that has inherited it.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"The storage folder {folder.parent} is in use by another storage node."
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
