"""One association, from its first byte to its last: the upper layer's states as an acceptor sees them.

===== ======================================================= =======================================
state meaning (PS3.8 9.2.1)                                    what may come
===== ======================================================= =======================================
Sta2  transport open, awaiting A-ASSOCIATE-RQ (ARTIM runs)     A-ASSOCIATE-RQ; else A-ABORT
Sta6  established, ready for data transfer                     P-DATA-TF, A-RELEASE-RQ, A-ABORT
Sta13 awaiting the transport's end (ARTIM runs)                anything, unread
===== ======================================================= =======================================

Sta3 and Sta8 (awaiting the local user) last no longer than a function call here. A PDU that has no place in its state
is answered as action AA-8 says: A-ABORT of the service provider, then Sta13. However an association ends, the object
that was under way leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dicom_gateway.association_seats import SeatRefusal
from dicom_gateway.command import MAX_COMMAND_BYTES, Command, CommandField, encode_response, parse_command
from dicom_gateway.counters import Counter, ProcessCounters
from dicom_gateway.negotiation import (
    APPLICATION_CONTEXT_NAME,
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_NOT_RECOGNIZED,
    CALLING_AE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    MAX_ASSOCIATE_BYTES,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    TEMPORARY_CONGESTION,
    VERIFICATION_SOP_CLASS,
    Context,
    Rejection,
    Request,
    Services,
    is_allowed,
    negotiate,
    parse_request,
    rejection_pdu,
)
from dicom_gateway.pdu import (
    AbortReason,
    ConnectionEnded,
    IdleTimeout,
    PduStream,
    PduType,
    ProtocolViolation,
    abort,
    data_pdus,
    release_reply,
)
from dicom_gateway.scp_echo import answer_echo
from dicom_gateway.scp_store import StoreReceiver, StoreServices
from dicom_gateway.status import Status
from webviewer.adapters.files import FileBatch
from webviewer.archive import OwnerId
from webviewer.config import PeerRule
from webviewer.core.errors import Unavailable
from webviewer.usecases.receive_instance import InstanceIndex

logger = logging.getLogger(__name__)

_SERVICE_PROVIDER = 2
_END_WAIT_S = 2.0  # in Sta13, for the peer to close
_MAX_ARTIM_S = 5.0


class State(StrEnum):
    """States of the upper layer by their names in the standard."""

    AWAITING_ASSOCIATE = "Sta2"
    ESTABLISHED = "Sta6"
    AWAITING_END = "Sta13"


@dataclass(frozen=True, slots=True)
class AcceptorServices:
    """What all associations of a process share."""

    services: Services
    peers: Sequence[PeerRule]
    owner_of_ae_title: Callable[[str], OwnerId | None]
    new_batch: Callable[[], FileBatch]
    index: InstanceIndex
    counters: ProcessCounters
    take_seat: Callable[[str, str], int | SeatRefusal]  # of a calling AE title and an address
    leave_seat: Callable[[int], None]
    max_pdu_bytes: int
    max_object_bytes: int
    idle_timeout_s: float
    established: Callable[[Association], None]


class Association:
    """Serves one connection in the thread that calls `run`.

    Parameters
    ----------
    connection
        The accepted socket.
    address
        The peer's IP address.
    shared
        What all associations of this process share.
    """

    def __init__(self, connection: socket.socket, address: str, shared: AcceptorServices) -> None:
        self._socket = connection
        self.address = address
        self._shared = shared
        self._state = State.AWAITING_ASSOCIATE
        self._stream: PduStream | None = None
        self._contexts: dict[int, Context] = {}
        self._request: Request | None = None
        self._store: StoreServices | None = None
        self._receiver: StoreReceiver | None = None
        self._command: Command | None = None
        self._command_bytes = bytearray()
        self._message_context = 0
        self._ending = threading.Event()
        self._seat = -1

    def run(self) -> None:
        """Serve the connection to its end; never raises."""
        released = False
        try:
            self._stream = PduStream(self._socket)
            if self._associate(self._stream):
                released = self._serve(self._stream)
        except ConnectionEnded:
            pass
        except IdleTimeout:
            logger.info("association_timed_out", extra=self._facts())
            self._abort(AbortReason.NOT_SPECIFIED)
        except ProtocolViolation as exc:
            logger.warning("association_aborted", extra={**self._facts(), "reason": str(exc)})
            self._abort(exc.reason)
        except Exception:
            logger.exception("association_failed", extra=self._facts())
            self._abort(AbortReason.NOT_SPECIFIED)
        finally:
            self._clean_up()
            if self._seat >= 0:
                if not released:
                    self._shared.counters.add(Counter.ABORTED)
                self._shared.leave_seat(self._seat)

    def end(self) -> None:
        """Make the association end now; called from another thread when the node stops."""
        self._ending.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def drop(self) -> None:
        """Make room: end a connection without an association at once; called from another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    # ---- Sta2 ------------------------------------------------------------------------------------------------------

    def _associate(self, stream: PduStream) -> bool:
        stream.set_deadline(min(self._shared.idle_timeout_s, _MAX_ARTIM_S))  # a trickle does not stop the ARTIM timer
        kind, length = stream.read_header()
        if kind != PduType.ASSOCIATE_RQ:
            # Whoever speaks another language is not answered in ours at length.
            raise ProtocolViolation(_reason_of_unexpected(kind), f"PDU type {kind:#04x} in {self._state}")
        if not 68 <= length <= MAX_ASSOCIATE_BYTES:
            raise ProtocolViolation(
                AbortReason.INVALID_PARAMETER_VALUE,
                f"A-ASSOCIATE-RQ of {length} bytes; 68 to {MAX_ASSOCIATE_BYTES} are allowed",
            )
        body = stream.read(length)
        try:
            request = parse_request(b"\x01\x00" + length.to_bytes(4, "big") + body)
        except ValueError as exc:
            raise ProtocolViolation(AbortReason.INVALID_PARAMETER_VALUE, str(exc)) from exc
        self._request = request
        rejection, owner_id = self._judge(request)
        if rejection is None:
            rejection = self._seat_or_rejection(request)
        if rejection is not None or owner_id is None:
            self._reject(stream, rejection or CALLED_AE_NOT_RECOGNIZED)
            return False
        answer, self._contexts = negotiate(self._shared.services, request, self._shared.max_pdu_bytes)
        self._store = StoreServices(
            owner_id=owner_id,
            calling_ae_title=request.calling_ae_title,
            files=self._shared.new_batch(),
            index=self._shared.index,
            counters=self._shared.counters,
            max_object_bytes=self._shared.max_object_bytes,
        )
        stream.set_timeout(self._shared.idle_timeout_s)
        stream.send(answer)
        self._state = State.ESTABLISHED
        self._shared.established(self)
        self._shared.counters.add(Counter.ASSOCIATIONS)
        logger.info("association_accepted", extra=self._facts())
        return True

    def _seat_or_rejection(self, request: Request) -> Rejection | None:
        seat = self._shared.take_seat(request.calling_ae_title, self.address)
        if not isinstance(seat, SeatRefusal):
            self._seat = seat
            return None
        if seat is not SeatRefusal.NODE:
            self._shared.counters.add(Counter.PEER_LIMITED)
        return replace(LOCAL_LIMIT_EXCEEDED, words=f"{LOCAL_LIMIT_EXCEEDED.words}: {seat}")

    def _judge(self, request: Request) -> tuple[Rejection | None, OwnerId | None]:
        if not request.protocol_version & 0x0001:
            return PROTOCOL_VERSION_NOT_SUPPORTED, None
        if request.application_context_name != APPLICATION_CONTEXT_NAME:
            return APPLICATION_CONTEXT_NOT_SUPPORTED, None
        # Who may not come learns nothing about which AE titles exist.
        if not request.calling_ae_title or not is_allowed(self._shared.peers, request.calling_ae_title, self.address):
            return CALLING_AE_NOT_RECOGNIZED, None
        if not request.called_ae_title:
            return CALLED_AE_NOT_RECOGNIZED, None
        try:
            owner_id = self._shared.owner_of_ae_title(request.called_ae_title)
        except Unavailable as exc:
            logger.error("index_unavailable", extra={"reason": exc.message})
            return TEMPORARY_CONGESTION, None
        return (None, owner_id) if owner_id is not None else (CALLED_AE_NOT_RECOGNIZED, None)

    def _reject(self, stream: PduStream, rejection: Rejection) -> None:
        self._shared.counters.add(Counter.REJECTED)
        logger.warning("association_rejected", extra={**self._facts(), "reason": rejection.words})
        stream.send(rejection_pdu(rejection))
        self._await_end()

    # ---- Sta6 ------------------------------------------------------------------------------------------------------

    def _serve(self, stream: PduStream) -> bool:
        while True:
            kind, length = stream.read_header()
            if kind == PduType.P_DATA_TF:
                self._take_data_pdu(stream, length)
            elif kind == PduType.RELEASE_RQ:
                self._check_length(kind, length)
                if self._receiver is not None or self._command_bytes:
                    raise ProtocolViolation(AbortReason.UNEXPECTED_PDU, "A-RELEASE-RQ inside a message")
                stream.read(4)
                stream.send(release_reply())
                self._await_end()
                return True
            elif kind == PduType.ABORT:
                self._check_length(kind, length)
                logger.info("association_aborted_by_peer", extra=self._facts())
                return False
            else:
                raise ProtocolViolation(_reason_of_unexpected(kind), f"PDU type {kind:#04x} in {self._state}")

    def _check_length(self, kind: int, length: int) -> None:
        if length != 4:
            raise ProtocolViolation(
                AbortReason.INVALID_PARAMETER_VALUE, f"PDU type {kind:#04x} of {length} bytes; it has 4"
            )

    def _take_data_pdu(self, stream: PduStream, length: int) -> None:
        if not 6 <= length <= self._shared.max_pdu_bytes:
            raise ProtocolViolation(
                AbortReason.INVALID_PARAMETER_VALUE,
                f"P-DATA-TF of {length} bytes; 6 to {self._shared.max_pdu_bytes} are agreed",
            )
        while length:
            if length < 6:
                raise ProtocolViolation(
                    AbortReason.INVALID_PARAMETER_VALUE, "a presentation data value is cut by the end of its PDU"
                )
            value_length, context_id, control = stream.read_fragment_header()
            if not 2 <= value_length <= length - 4:
                raise ProtocolViolation(
                    AbortReason.INVALID_PARAMETER_VALUE,
                    f"a presentation data value of {value_length} bytes in {length} bytes of its PDU",
                )
            length -= 4 + value_length
            is_command, is_last = bool(control & 0x01), bool(control & 0x02)
            if is_command:
                self._take_command(stream, value_length - 2, context_id, is_last)
            else:
                self._take_data(stream, value_length - 2, context_id, is_last)

    def _take_command(self, stream: PduStream, count: int, context_id: int, is_last: bool) -> None:
        if self._command is not None:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PARAMETER, "a command where a data set is expected")
        if context_id not in self._contexts:
            raise ProtocolViolation(
                AbortReason.INVALID_PARAMETER_VALUE, f"presentation context {context_id} was not accepted"
            )
        if self._command_bytes and context_id != self._message_context:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PARAMETER, "one message in two presentation contexts")
        if len(self._command_bytes) + count > MAX_COMMAND_BYTES:
            raise ProtocolViolation(
                AbortReason.INVALID_PARAMETER_VALUE, f"a command set of more than {MAX_COMMAND_BYTES} bytes"
            )
        self._message_context = context_id
        self._command_bytes += stream.read(count)
        if not is_last:
            return
        try:
            command = parse_command(self._command_bytes)
        except ValueError as exc:
            raise ProtocolViolation(AbortReason.INVALID_PARAMETER_VALUE, f"no command set: {exc}") from exc
        self._command_bytes = bytearray()
        if command.command_field == CommandField.C_STORE_RQ and not command.has_data_set:
            raise ProtocolViolation(AbortReason.INVALID_PARAMETER_VALUE, "a C-STORE-RQ without a data set")
        if not command.has_data_set:
            self._answer(stream, command)
            return
        self._command = command
        if command.command_field == CommandField.C_STORE_RQ and self._store is not None:
            self._receiver = StoreReceiver(self._store, command, self._contexts[context_id])
            stream.before_refill = self._receiver.flush

    def _take_data(self, stream: PduStream, count: int, context_id: int, is_last: bool) -> None:
        command = self._command
        if command is None:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PARAMETER, "a data set where a command is expected")
        if context_id != self._message_context:
            raise ProtocolViolation(AbortReason.UNEXPECTED_PARAMETER, "one message in two presentation contexts")
        receiver = self._receiver
        if receiver is None:
            stream.skip(count)
        else:
            while count:
                part = stream.take(count)
                count -= len(part)
                receiver.feed(part)
        if is_last:
            self._command = None
            stream.before_refill = None
            self._answer(stream, command)

    def _answer(self, stream: PduStream, command: Command) -> None:
        receiver, self._receiver = self._receiver, None
        context_id = self._message_context
        if receiver is not None:
            outcome = receiver.finish()
            response = encode_response(command, outcome.status, outcome.comment)
        elif command.command_field == CommandField.C_CANCEL_RQ:
            return  # nothing runs that could be cancelled (PS3.7 9.3.2.3)
        elif (
            command.command_field == CommandField.C_ECHO_RQ
            and self._contexts[context_id].abstract_syntax == VERIFICATION_SOP_CLASS
        ):
            response = answer_echo(command)
        else:
            response = encode_response(command, Status.UNRECOGNIZED_OPERATION, "only C-STORE and C-ECHO are served")
        request = self._request
        stream.send(data_pdus(context_id, response, request.peer_max_pdu_bytes if request is not None else 0))
        if receiver is not None:
            receiver.tidy()

    # ---- Sta13 -----------------------------------------------------------------------------------------------------

    def _abort(self, reason: AbortReason) -> None:
        if self._stream is None:
            return
        with contextlib.suppress(ConnectionEnded, IdleTimeout):
            self._stream.send(abort(_SERVICE_PROVIDER, reason))
            self._await_end()

    def _await_end(self) -> None:
        # The side that has spoken last waits for the other to close, or the last bytes may be lost to a reset; not for
        # ever, and whatever still comes is not looked at.
        self._state = State.AWAITING_END
        if self._stream is None:
            return
        self._stream.before_refill = None
        self._stream.set_timeout(_END_WAIT_S)
        deadline = time.monotonic() + _END_WAIT_S
        with contextlib.suppress(ConnectionEnded, IdleTimeout, OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while time.monotonic() < deadline:
                self._stream.take(65536)

    def _clean_up(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            logger.warning("object_cut_off", extra=self._facts())
            receiver.abandon()
        if self._store is not None:
            self._store.files.close()
        self._socket.close()

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"peer": self.address, "state": str(self._state)}
        if self._request is not None:
            facts["calling_ae"] = _printable(self._request.calling_ae_title)
            facts["called_ae"] = _printable(self._request.called_ae_title)
        return facts


def _reason_of_unexpected(kind: int) -> AbortReason:
    return AbortReason.UNEXPECTED_PDU if 0x01 <= kind <= 0x07 else AbortReason.UNRECOGNIZED_PDU


def _printable(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:16])
