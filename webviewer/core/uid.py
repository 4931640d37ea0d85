"""DICOM UIDs. Anyone may import this room."""

from __future__ import annotations

import re
import uuid

MAX_UID_LENGTH = 64

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")


def new_uid() -> str:
    """Make a globally unique UID under the UUID root.

    Returns
    -------
    str
        ``2.25.`` and the decimal value of a random UUID, at most 44 characters.

    References
    ----------
    PS3.5 B.2 "UUID derived UID".
    """
    return f"2.25.{uuid.uuid4().int}"


def is_valid_uid(text: str) -> bool:
    """Say whether ``text`` follows the rules of a UID: digits and dots, no leading zeros, at most 64 characters.

    References
    ----------
    PS3.5 9.1 "UID encoding rules".
    """
    return len(text) <= MAX_UID_LENGTH and _UID.fullmatch(text) is not None
