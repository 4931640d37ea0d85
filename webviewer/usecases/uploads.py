"""What an upload may look like: rules that both edges (the browser's and the storage node's) hold."""

from __future__ import annotations

from typing import Final

from webviewer.core.errors import InvalidInput
from webviewer.core.octets import AnnouncedOctets, ByteSource
from webviewer.usecases.list_studies import invalid_field

PART_BYTES: Final = 16 * 1024**2
MAX_NAME_LENGTH: Final = 1024
_MAX_OFFSET_DIGITS = 18


def upload_name_from(text: str) -> str:
    """Return the name of an uploaded file; raises InvalidInput, which does not repeat it: it may name a patient."""
    if not 1 <= len(text) <= MAX_NAME_LENGTH:
        raise invalid_field("name", f"{len(text)} characters", f"has 1 to {MAX_NAME_LENGTH} characters")
    return text


def part_offset_from(text: str) -> int:
    """Return where a part starts in its upload; raises InvalidInput."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_OFFSET_DIGITS):
        raise invalid_field("offset", text, "is a whole number from 0")
    return int(text)


def announced_part(source: ByteSource, length_bytes: int | None, *, least_bytes: int = 1) -> AnnouncedOctets:
    """Return the body that brings a part or a small file.

    Parameters
    ----------
    source
        What the sender sends.
    length_bytes
        What its request says as Content-Length; None if it says nothing.
    least_bytes
        The least that the body may have; the most is `PART_BYTES`.

    Raises
    ------
    InvalidInput
        The length is missing or not one that a part may have.
    """
    if length_bytes is None:
        raise InvalidInput("The request must say its Content-Length.", code="length_required")
    if not least_bytes <= length_bytes <= PART_BYTES:
        raise InvalidInput(
            f"Content-Length = {length_bytes}: the body has {least_bytes} to {PART_BYTES} bytes.",
            code="part_too_long",
            details={"part_bytes": PART_BYTES},
        )
    return AnnouncedOctets(source, length_bytes)
