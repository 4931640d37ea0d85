"""Storage (PS3.4 B): a data set is streamed into its file as it comes, and answered when it is on disk and indexed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dicom_gateway.command import Command
from dicom_gateway.counters import Counter, ProcessCounters
from dicom_gateway.negotiation import Context
from dicom_gateway.status import Status, status_of
from webviewer.adapters.files import FileBatch
from webviewer.archive import OwnerId
from webviewer.core.errors import DuplicateObject, LimitExceeded, WebviewerError
from webviewer.dicom.file_meta import encode_file_meta
from webviewer.dicom.header import Header, is_valid_uid
from webviewer.usecases.receive_instance import (
    Announced,
    Incoming,
    InstanceIndex,
    header_of_beginning,
    receive_announced,
)

logger = logging.getLogger(__name__)

_BEGINNING_BYTES = 32 * 1024  # holds the header of nearly every object


@dataclass(frozen=True, slots=True)
class StoreServices:
    """What storing needs, for one association."""

    owner_id: OwnerId
    calling_ae_title: str
    files: FileBatch
    index: InstanceIndex
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
        self._meta = b""
        self._header: Header | None = None
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
            self._meta = encode_file_meta(
                command.affected_sop_class_uid,
                command.affected_sop_instance_uid,
                self._context.transfer_syntax,
                source_ae_title=self._services.calling_ae_title,
            )
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
            if incoming.size_bytes:
                incoming.write(waiting)
                return
            beginning = b"".join((self._meta, *waiting)) if len(waiting[0]) < _BEGINNING_BYTES else b""
            incoming.write([self._meta, *waiting])
            if not beginning:
                beginning = self._meta + waiting[0][:_BEGINNING_BYTES]
            self._header = header_of_beginning(beginning, self._announced())
        except WebviewerError as exc:
            self._refuse(exc)

    def _announced(self) -> Announced:
        command = self._command
        return Announced(
            command.affected_sop_class_uid,
            command.affected_sop_instance_uid,
            self._context.transfer_syntax,
            len(self._meta),
        )

    def finish(self) -> Outcome:
        """Store what was received and return how to answer. All bytes have been fed."""
        self.flush()
        if self._refusal is not None or self._incoming is None:
            return self._refusal or Outcome(Status.PROCESSING_FAILURE)
        incoming, self._incoming = self._incoming, None
        services = self._services
        services.counters.add(Counter.BYTES, incoming.size_bytes)
        try:
            receipt = receive_announced(
                services.files, incoming, services.index, services.owner_id, self._announced(), header=self._header
            )
        except Exception as exc:  # noqa: BLE001  every error becomes an answer; the table is total
            return self._refusal_of(exc)
        services.counters.add(Counter.DUPLICATES if receipt.outcome == "duplicate" else Counter.STORED)
        return Outcome(Status.SUCCESS)

    def tidy(self) -> None:
        """Do what the sender need not wait for; called once it has its answer."""
        self._services.files.tidy()

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
        reason = (
            "another object under a known SOP Instance UID" if isinstance(error, DuplicateObject) else error.message
        )
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
