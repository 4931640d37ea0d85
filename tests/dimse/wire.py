"""A peer that speaks bytes: associations made by hand, so that every rule can be broken."""

from __future__ import annotations

import select
import socket
import struct
from types import TracebackType
from typing import Self

from tests.dimse.node import AE_TITLE

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

Contexts = tuple[tuple[int, str, tuple[str, ...]], ...]
ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 2, 3, 4, 5, 6, 7


def item(kind: int, data: bytes) -> bytes:
    """Return an item or sub-item of a PDU."""
    return struct.pack(">BxH", kind, len(data)) + data


def associate_rq(
    called: bytes = AE_TITLE.encode(),
    calling: bytes = b"TEST",
    contexts: tuple[tuple[int, str, tuple[str, ...]], ...] = (
        (1, CT, (EXPLICIT_LE,)),
        (3, VERIFICATION, (IMPLICIT_LE,)),
    ),
    *,
    version: int = 1,
    application_context: str = APPLICATION_CONTEXT,
    max_pdu: int = 16384,
) -> bytes:
    """Return an A-ASSOCIATE-RQ."""
    items = item(0x10, application_context.encode())
    for context_id, abstract, transfers in contexts:
        items += item(
            0x20,
            struct.pack(">Bxxx", context_id)
            + item(0x30, abstract.encode())
            + b"".join(item(0x40, transfer.encode()) for transfer in transfers),
        )
    items += item(0x50, item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"1.2.3.4"))
    body = struct.pack(">Hxx16s16s32x", version, called.ljust(16), calling.ljust(16)) + items
    return struct.pack(">BxI", 1, len(body)) + body


def pdv(context_id: int, control: int, data: bytes) -> bytes:
    """Return a presentation data value."""
    return struct.pack(">IBB", len(data) + 2, context_id, control) + data


def p_data(*values: bytes) -> bytes:
    """Return a P-DATA-TF."""
    body = b"".join(values)
    return struct.pack(">BxI", P_DATA, len(body)) + body


def element(number: int, value: bytes) -> bytes:
    """Return an element of a command set."""
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(field: int, sop_class: bytes = CT.encode(), sop_instance: bytes = b"", *, data_set: bool = True) -> bytes:
    """Return a command set."""
    elements = element(0x0002, sop_class + b"\0" * (len(sop_class) % 2))
    elements += element(0x0100, struct.pack("<H", field)) + element(0x0110, struct.pack("<H", 7))
    elements += element(0x0700, struct.pack("<H", 0))
    elements += element(0x0800, struct.pack("<H", 1 if data_set else 0x0101))
    if sop_instance:
        elements += element(0x1000, sop_instance + b"\0" * (len(sop_instance) % 2))
    return element(0, struct.pack("<I", len(elements))) + elements


def c_store(sop_instance: bytes, sop_class: bytes = CT.encode()) -> bytes:
    """Return a P-DATA-TF with a C-STORE-RQ command."""
    return p_data(pdv(1, 3, command(0x0001, sop_class, sop_instance)))


class Peer:
    """A connection to a storage node."""

    def __init__(self, port: int, own_address: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(own_address, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes] | None:
        """Return type and body of the next PDU, None when the node has closed."""
        head = self._read(6)
        if head is None:
            return None
        body = self._read(int.from_bytes(head[2:], "big"))
        assert body is not None
        return head[0], body

    def is_silent_for(self, seconds: float) -> bool:
        """Say whether the node sends nothing, and does not close, for so long."""
        readable, _, _ = select.select([self.socket], [], [], seconds)
        return not readable

    def _read(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not more:
                return None
            data += more
        return data

    def associate(self, **parameters: object) -> None:
        """Open an association."""
        self.send(associate_rq(**parameters))  # type: ignore[arg-type]
        answer = self.receive()
        assert answer is not None
        assert answer[0] == ASSOCIATE_AC, answer

    def status(self) -> int:
        """Return the status of the next response."""
        answer = self.receive()
        assert answer is not None
        kind, body = answer
        assert kind == P_DATA, (kind, body)
        data, position = body[6:], 0
        while position < len(data):
            _group, number, length = struct.unpack_from("<HHI", data, position)
            if number == 0x0900:
                return int.from_bytes(data[position + 8 : position + 8 + length], "little")
            position += 8 + length
        raise AssertionError("a response without a status")

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
