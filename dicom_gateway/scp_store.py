"""Storage (PS3.4 B): a data set is streamed into its file as it comes, and answered when it is on disk and indexed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from dicom_gateway.command import Command
from dicom_gateway.counters import Counter, ProcessCounters
from dicom_gateway.negotiation import Context
from dicom_gateway.status import Status, status_of
from webviewer.archive import OwnerId
from webviewer.core.errors import DuplicateObject, LimitExceeded, WebviewerError
from webviewer.dicom.file_meta import encode_file_meta
from webviewer.dicom.header import is_valid_uid
from webviewer.usecases.receive_instance import (
    Announced,
    Incoming,
    IncomingFiles,
    InstanceIndex,
    receive_announced,
)

logger = logging.getLogger(__name__)


class SyncHelper:
    """A thread that syncs while the association's own thread reads the header; made at the first object."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, action: Callable[[], None]) -> Callable[[], None]:
        """Start `action`; the returned function waits for its end and raises what it raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
            self._thread.start()
        self._work.put(action)
        return self._wait

    def _wait(self) -> None:
        error = self._done.get()
        if error is not None:
            raise error

    def _run(self) -> None:
        while (action := self._work.get()) is not None:
            try:
                action()
            except Exception as exc:  # noqa: BLE001  handed to the thread that waits
                self._done.put(exc)
            else:
                self._done.put(None)

    def close(self) -> None:
        """Let the thread end."""
        self._work.put(None)


@dataclass(frozen=True, slots=True)
class StoreServices:
    """What storing needs, for one association."""

    owner_id: OwnerId
    calling_ae_title: str
    files: IncomingFiles
    index: InstanceIndex
    sync: SyncHelper
    counters: ProcessCounters
    max_object_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a C-STORE is answered."""

    status: Status
    comment: str = ""


class StoreReceiver:
    """Takes one data set. After a refusal the rest of it passes by, so that the answer comes where it is expected.

    Parameters
    ----------
    services
        What storing needs.
    command
        The C-STORE-RQ.
    context
        Its presentation context.
    """

    def __init__(self, services: StoreServices, command: Command, context: Context) -> None:
        self._services = services
        self._command = command
        self._context = context
        self._incoming: Incoming | None = None
        self._header_bytes = 0
        self._waiting: list[memoryview] = []
        self._refusal: Outcome | None = self._objection()
        if self._refusal is None:
            self._open()

    def _objection(self) -> Outcome | None:
        command = self._command
        if command.affected_sop_class_uid != self._context.abstract_syntax:
            return self._told(Status.SOP_CLASS_NOT_SUPPORTED, "SOP class is not that of the presentation context")
        if not is_valid_uid(command.affected_sop_instance_uid):
            return self._told(Status.INVALID_SOP_INSTANCE, "Affected SOP Instance UID is no valid UID")
        return None

    def _open(self) -> None:
        command = self._command
        try:
            self._incoming = self._services.files.create()
            meta = encode_file_meta(
                command.affected_sop_class_uid,
                command.affected_sop_instance_uid,
                self._context.transfer_syntax,
                source_ae_title=self._services.calling_ae_title,
            )
            self._header_bytes = len(meta)
            self._incoming.write_header(meta)
        except WebviewerError as exc:
            self._refuse(exc)

    def feed(self, part: memoryview) -> None:
        """Take the next bytes of the data set; the view must stay valid until `flush`."""
        if self._refusal is None:
            self._waiting.append(part)

    def flush(self) -> None:
        """Write what was fed: called before the receive buffer is used again."""
        waiting = self._waiting
        if not waiting:
            return
        self._waiting = []
        incoming = self._incoming
        if self._refusal is not None or incoming is None:
            return
        try:
            limit = self._services.max_object_bytes
            if incoming.size_bytes + sum(len(part) for part in waiting) > limit:
                raise LimitExceeded(f"The object is larger than {limit} bytes, the most that is taken.")
            incoming.write(waiting)
        except WebviewerError as exc:
            self._refuse(exc)

    def finish(self) -> Outcome:
        """Store what was received and return how to answer. All bytes have been fed."""
        self.flush()
        if self._refusal is not None or self._incoming is None:
            return self._refusal or Outcome(Status.PROCESSING_FAILURE)
        incoming, self._incoming = self._incoming, None
        services, command = self._services, self._command
        services.counters.add(Counter.BYTES, incoming.size_bytes)
        try:
            receipt = receive_announced(
                incoming,
                services.index,
                services.owner_id,
                Announced(
                    command.affected_sop_class_uid,
                    command.affected_sop_instance_uid,
                    self._context.transfer_syntax,
                    self._header_bytes,
                ),
                services.sync.start,
            )
        except Exception as exc:  # noqa: BLE001  every error becomes an answer; the table is total
            return self._refusal_of(exc)
        services.counters.add(Counter.DUPLICATES if receipt.outcome == "duplicate" else Counter.STORED)
        return Outcome(Status.SUCCESS)

    def abandon(self) -> None:
        """Forget what was received: the association ended before the object did."""
        self._waiting = []
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None

    def _refuse(self, error: WebviewerError) -> None:
        self._refusal = self._refusal_of(error)
        self._waiting = []
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None

    def _refusal_of(self, error: Exception) -> Outcome:
        if not isinstance(error, WebviewerError):
            return self._told(status_of(error), "internal error", error)
        reason = "other bytes under a known SOP Instance UID" if isinstance(error, DuplicateObject) else error.message
        return self._told(status_of(error), reason)

    def _told(self, status: Status, reason: str, error: Exception | None = None) -> Outcome:
        """Count and log a refusal, by UIDs only; those in the command may be anything and are checked first."""
        self._services.counters.add(Counter.REFUSED)
        logger.log(
            logging.WARNING if error is None else logging.ERROR,
            "object_refused",
            extra={
                "sop_instance_uid": _shown(self._command.affected_sop_instance_uid),
                "sop_class_uid": _shown(self._command.affected_sop_class_uid),
                "status": f"0x{status:04X}",
                "reason": reason,
            },
            exc_info=error,
        )
        return Outcome(status, reason)


def _shown(uid: str) -> str:
    return uid if is_valid_uid(uid) else f"(no UID, {len(uid)} characters)"
