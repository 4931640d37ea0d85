"""Command sets of DIMSE messages (PS3.7 6.3.1): a handful of elements in Implicit VR Little Endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from dicom_gateway.status import Status

NO_DATA_SET = 0x0101
MAX_COMMAND_BYTES = 16 * 1024

_COMMENT_LETTERS = 64  # (0000,0902) is a Long String


class CommandField(IntEnum):
    """Values of Command Field (0000,0100) that are served here (PS3.7 E.1)."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    C_CANCEL_RQ = 0x0FFF


@dataclass(frozen=True, slots=True)
class Command:
    """What a command set says."""

    command_field: int
    message_id: int
    has_data_set: bool
    affected_sop_class_uid: str
    affected_sop_instance_uid: str


def parse_command(data: bytes | bytearray) -> Command:
    """Return a parsed command set.

    Raises
    ------
    ValueError
        It is not a command set: the message says what is missing.
    """
    values: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise ValueError("it ends inside the head of an element")
        group, element, length = struct.unpack_from("<HHI", data, position)
        position += 8
        if group != 0x0000:
            raise ValueError(f"it has an element of group {group:04X}")
        if position + length > len(data):
            raise ValueError(f"element (0000,{element:04X}) is longer than the command set")
        values[element] = bytes(data[position : position + length])
        position += length
    command_field = _unsigned_short(values, 0x0100)
    return Command(
        command_field=command_field,
        message_id=_unsigned_short(values, 0x0120 if command_field == CommandField.C_CANCEL_RQ else 0x0110),
        has_data_set=_unsigned_short(values, 0x0800) != NO_DATA_SET,
        affected_sop_class_uid=_uid(values.get(0x0002, b"")),
        affected_sop_instance_uid=_uid(values.get(0x1000, b"")),
    )


def encode_response(command: Command, status: Status, comment: str = "") -> bytes:
    """Return the command set that answers a request.

    Parameters
    ----------
    command
        The request.
    status
        Its outcome.
    comment
        Words for a failure, at most 64 letters are sent; never identifying data.
    """
    elements = b""
    if command.affected_sop_class_uid:
        elements += _element(0x0002, _even(command.affected_sop_class_uid.encode("ascii"), b"\x00"))
    elements += _element(0x0100, struct.pack("<H", command.command_field | 0x8000))
    elements += _element(0x0120, struct.pack("<H", command.message_id))
    elements += _element(0x0800, struct.pack("<H", NO_DATA_SET))
    elements += _element(0x0900, struct.pack("<H", status))
    if comment:
        safe = comment.encode("ascii", "replace").replace(b"\\", b"/")[:_COMMENT_LETTERS]
        elements += _element(0x0902, _even(safe, b" "))
    if command.affected_sop_instance_uid:
        elements += _element(0x1000, _even(command.affected_sop_instance_uid.encode("ascii"), b"\x00"))
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def _unsigned_short(values: dict[int, bytes], element: int) -> int:
    value = values.get(element, b"")
    if len(value) != 2:
        raise ValueError(f"element (0000,{element:04X}) is missing or not two bytes long")
    return int.from_bytes(value, "little")


def _uid(value: bytes) -> str:
    # What is not ASCII is no UID: it becomes "?" and is refused where UIDs are checked.
    return value.rstrip(b"\x00 ").decode("ascii", "replace").replace("\ufffd", "?")


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0x0000, element, len(value)) + value


def _even(value: bytes, pad: bytes) -> bytes:
    return value + pad * (len(value) % 2)
