"""Association negotiation (PS3.8 7.1, PS3.7 D): who may come in, and what is spoken. The PDUs are pynetdicom's."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import sop_class
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext

from webviewer.config import PeerRule
from webviewer.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

APPLICATION_CONTEXT_NAME = "1.2.840.10008.3.1.1.1"
VERIFICATION_SOP_CLASS = "1.2.840.10008.1.1"
MAX_ASSOCIATE_BYTES = 512 * 1024  # 128 contexts with 40 transfer syntaxes take about 150 KB

# Retired ways to wrap a data set in mail or XML, and video that flows in real time: nothing that C-STORE carries.
_NOT_STORABLE = frozenset(
    {
        "1.2.840.10008.1.2.6.1",
        "1.2.840.10008.1.2.6.2",
        "1.2.840.10008.1.2.7.1",
        "1.2.840.10008.1.2.7.2",
        "1.2.840.10008.1.2.7.3",
    }
)

# SOP classes with "Storage" in their names that store no object: the directory of a medium, and commitment.
_NO_STORAGE = frozenset({"1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"})
_CALLED, _CALLING = slice(10, 26), slice(26, 42)  # AE titles in an A-ASSOCIATE-RQ (PS3.8 Table 9-11)

_ACCEPTANCE = 0x00
_ABSTRACT_SYNTAX_NOT_SUPPORTED = 0x03
_TRANSFER_SYNTAXES_NOT_SUPPORTED = 0x04


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21), and words for the log."""

    result: int
    source: int
    reason: int
    words: str


APPLICATION_CONTEXT_NOT_SUPPORTED = Rejection(1, 1, 2, "application context name not supported")
CALLING_AE_NOT_RECOGNIZED = Rejection(1, 1, 3, "calling AE title not recognized")
CALLED_AE_NOT_RECOGNIZED = Rejection(1, 1, 7, "called AE title not recognized")
PROTOCOL_VERSION_NOT_SUPPORTED = Rejection(1, 2, 2, "protocol version not supported")
TEMPORARY_CONGESTION = Rejection(2, 3, 1, "temporary congestion")
LOCAL_LIMIT_EXCEEDED = Rejection(2, 3, 2, "local limit exceeded")


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Request:
    """What an A-ASSOCIATE-RQ asks for; an AE title that cannot be one (PS3.5 6.2) is empty."""

    calling_ae_title: str
    called_ae_title: str
    application_context_name: str
    protocol_version: int
    peer_max_pdu_bytes: int  # 0: without limit
    primitive: A_ASSOCIATE


class Services:
    """What is accepted: every storage SOP class in every transfer syntax, and Verification."""

    def __init__(self) -> None:
        self.transfer_syntaxes = frozenset(str(uid) for uid in AllTransferSyntaxes) | frozenset(
            uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"
        )
        self.transfer_syntaxes -= _NOT_STORABLE
        # pynetdicom's are the current ones; archives also hold what was made before a class was retired.
        self.storage_sop_classes = frozenset(str(uid) for uid in sop_class._STORAGE_CLASSES.values()) | frozenset(
            uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class" and "Storage" in entry[0]
        )
        self.storage_sop_classes -= _NO_STORAGE
        self._echo_syntaxes = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})

    def transfer_syntaxes_for(self, abstract_syntax: str) -> frozenset[str]:
        """Return the transfer syntaxes that are accepted for a SOP class, none for one that is not served."""
        if abstract_syntax in self.storage_sop_classes:
            return self.transfer_syntaxes
        return self._echo_syntaxes if abstract_syntax == VERIFICATION_SOP_CLASS else frozenset()


def parse_request(data: bytes) -> Request:
    """Parse an A-ASSOCIATE-RQ PDU, its six bytes of head included.

    Raises
    ------
    ValueError
        It is damaged.
    """
    called, calling = _ae_title(data[_CALLED]), _ae_title(data[_CALLING])
    plain = bytearray(data)
    # A title that is none is for us to reject; pynetdicom would refuse the whole PDU.
    plain[_CALLED], plain[_CALLING] = (title.encode().ljust(16) if title else b"?" * 16 for title in (called, calling))
    try:
        pdu = A_ASSOCIATE_RQ()
        pdu.decode(bytes(plain))
        primitive = pdu.to_primitive()
        # the setters of pynetdicom would put a default in the place of what is missing
        request = Request(
            calling_ae_title=calling,
            called_ae_title=called,
            application_context_name=str(primitive.application_context_name or ""),
            protocol_version=pdu.protocol_version or 0,
            peer_max_pdu_bytes=int(primitive.maximum_length_received or 0),
            primitive=primitive,
        )
    except Exception as exc:
        raise ValueError(f"the A-ASSOCIATE-RQ cannot be read ({type(exc).__name__})") from exc
    if not primitive.presentation_context_definition_list:
        raise ValueError("the A-ASSOCIATE-RQ proposes no presentation context")
    return request


def _ae_title(field: bytes) -> str:
    # Some senders pad with NUL; inside a title neither it nor any other control character can be, nor a backslash.
    title = field.strip(b" \0")
    return title.decode("ascii") if all(b" "[0] <= letter <= b"~"[0] for letter in title) and b"\\" not in title else ""


def is_known_address(peers: Sequence[PeerRule], address: str) -> bool:
    """Say whether anybody at all may come from an address."""
    ip = _ip(address)
    return any(ip in ipaddress.ip_network(rule.network, strict=False) for rule in peers)


def is_allowed(peers: Sequence[PeerRule], calling_ae_title: str, address: str) -> bool:
    """Say whether a calling AE title may come from an address: by default nobody may."""
    ip = _ip(address)
    return any(
        rule.calling_ae in {"*", calling_ae_title} and ip in ipaddress.ip_network(rule.network, strict=False)
        for rule in peers
    )


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def negotiate(services: Services, request: Request, max_pdu_bytes: int) -> tuple[bytes, dict[int, Context]]:
    """Return the A-ASSOCIATE-AC PDU and the accepted contexts by their ids.

    Of several transfer syntaxes in one context the first that is known is taken: the sender's order is its wish, and
    what it sends is stored as it is.
    """
    accepted: dict[int, Context] = {}
    results = []
    for proposed in request.primitive.presentation_context_definition_list:
        abstract_syntax = str(proposed.abstract_syntax)
        known = services.transfer_syntaxes_for(abstract_syntax)
        chosen = next((str(uid) for uid in proposed.transfer_syntax if str(uid) in known), None)
        answer = PresentationContext()
        answer.context_id = proposed.context_id
        answer.abstract_syntax = UID(abstract_syntax)
        if chosen is not None:
            answer.result = _ACCEPTANCE
            accepted[(proposed.context_id or 0)] = Context(abstract_syntax, chosen)
        else:
            answer.result = _TRANSFER_SYNTAXES_NOT_SUPPORTED if known else _ABSTRACT_SYNTAX_NOT_SUPPORTED
        answer.transfer_syntax = [UID(chosen or (str(proposed.transfer_syntax[0]) if proposed.transfer_syntax else ""))]
        results.append(answer)
    reply = A_ASSOCIATE()
    reply.application_context_name = UID(APPLICATION_CONTEXT_NAME)
    # The reserved fields repeat the request (PS3.8 Table 9-17).
    reply.calling_ae_title = request.primitive.calling_ae_title
    reply.called_ae_title = request.primitive.called_ae_title
    reply.result = 0x00
    reply.result_source = 0x01
    reply.presentation_context_definition_results_list = results
    reply.user_information = _user_information(request, accepted, max_pdu_bytes)
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(reply)
    return bytes(pdu.encode()), accepted


def _user_information(request: Request, accepted: dict[int, Context], max_pdu_bytes: int) -> list[Any]:
    maximum = MaximumLengthNotification()
    maximum.maximum_length_received = max_pdu_bytes
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    items: list[Any] = [maximum, implementation, version]
    served = {context.abstract_syntax for context in accepted.values()}
    for item in request.primitive.user_information:
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation) and str(item.sop_class_uid) in served:
            # We receive and never send (PS3.7 D.3.3.4): the requestor may be SCU, not SCP.
            role = SCP_SCU_RoleSelectionNegotiation()
            role.sop_class_uid = item.sop_class_uid
            role.scu_role = bool(item.scu_role)
            role.scp_role = False
            if role.scu_role:
                items.append(role)
        elif isinstance(item, AsynchronousOperationsWindowNegotiation):
            window = AsynchronousOperationsWindowNegotiation()  # one operation at a time, its default
            window.maximum_number_operations_invoked = 1
            window.maximum_number_operations_performed = 1
            items.append(window)
    return items


def rejection_pdu(rejection: Rejection) -> bytes:
    """Return an A-ASSOCIATE-RJ PDU."""
    pdu = A_ASSOCIATE_RJ()
    pdu.result = rejection.result
    pdu.source = rejection.source
    pdu.reason_diagnostic = rejection.reason
    return bytes(pdu.encode())
