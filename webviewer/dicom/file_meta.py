"""File Meta Information (PS3.10 7.1) as we write it before a data set that came without."""

from __future__ import annotations

import struct
from typing import Final

IMPLEMENTATION_CLASS_UID: Final = "2.25.304913926643551983084786442725057208344"
IMPLEMENTATION_VERSION_NAME: Final = "WEBVIEWER_1"

_PREAMBLE = b"\x00" * 128 + b"DICM"


def encode_file_meta(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, *, source_ae_title: str = ""
) -> bytes:
    """Return preamble, prefix and File Meta Information.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax_uid
        Of the data set that follows.
    source_ae_title
        The calling AE title; (0002,0016) is left out when empty.

    References
    ----------
    PS3.10 7.1 "DICOM File Meta Information": always Explicit VR Little Endian.
    """
    elements = struct.pack("<HH2sHI2s", 0x0002, 0x0001, b"OB", 0, 2, b"\x00\x01")
    elements += _uid(0x0002, sop_class_uid)
    elements += _uid(0x0003, sop_instance_uid)
    elements += _uid(0x0010, transfer_syntax_uid)
    elements += _uid(0x0012, IMPLEMENTATION_CLASS_UID)
    elements += _text(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME)
    if source_ae_title:
        elements += _text(0x0016, b"AE", source_ae_title)
    return _PREAMBLE + struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(elements)) + elements


def _uid(element: int, value: str) -> bytes:
    encoded = value.encode("ascii")
    return _element(element, b"UI", encoded + b"\x00" * (len(encoded) % 2))


def _text(element: int, vr: bytes, value: str) -> bytes:
    # Only the default character repertoire may stand here (PS3.10 7.1).
    encoded = "".join(letter if " " <= letter <= "~" else "?" for letter in value).encode("ascii")
    return _element(element, vr, encoded + b" " * (len(encoded) % 2))


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value
