"""The private header of Siemens MR images (CSA Image Header Info): a table of named values, read under limits.

It is no DICOM encoding and has no public specification; the layout is known from images. Both forms begin with a
count of tags, little endian, the second form (``SV10``) after eight bytes of its own. A tag is 84 bytes: name (64
characters), multiplicity, VR, a type, count of items and a mark. An item is four numbers and its text, which is padded
to a multiple of four bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

MAX_TAGS = 1000
MAX_ITEMS = 10_000  # of the whole header; real ones have some hundreds
MAX_VALUES = 1024  # of one tag: slices of a mosaic
_SECOND_FORM = b"SV10"
_COUNTS = struct.Struct("<II")
_TAG = struct.Struct("<64si4siii")
_ITEM = struct.Struct("<iiii")

CsaValues = Mapping[str, tuple[str, ...]]
"""Texts of each tag by its name."""


def read_csa(header: bytes) -> CsaValues:
    """Return the values of a header, empty where it is none; of a header that is cut off, the tags before the cut.

    Never raises.
    """
    try:
        return _read(header)
    except struct.error:  # shorter than its two counts
        return {}


def csa_number(values: CsaValues, name: str) -> float | None:
    """Return the only number of a tag, None if it has none or several."""
    found = csa_numbers(values, name)
    return found[0] if found is not None and len(found) == 1 else None


def csa_numbers(values: CsaValues, name: str) -> tuple[float, ...] | None:
    """Return all numbers of a tag, None if it has none, or one of them is no finite number."""
    try:
        found = tuple(float(text) for text in values.get(name, ()))
    except ValueError:
        return None
    return found if found and all(map(math.isfinite, found)) else None


def _read(header: bytes) -> dict[str, tuple[str, ...]]:
    is_second = header.startswith(_SECOND_FORM)
    position = 8 if is_second else 0
    tags, _ = _COUNTS.unpack_from(header, position)
    position += _COUNTS.size
    found: dict[str, tuple[str, ...]] = {}
    if not 0 < tags <= MAX_TAGS:
        return found
    items_left = MAX_ITEMS
    items_of_first = 0
    for number in range(tags):
        if position + _TAG.size > len(header):
            return found
        name, multiplicity, _, _, items, _ = _TAG.unpack_from(header, position)
        position += _TAG.size
        if number == 0:
            items_of_first = items
        items_left -= items
        if items < 0 or items_left < 0:
            return found
        values: list[str] = []
        for _ in range(items):
            if position + _ITEM.size > len(header):
                return found
            first, second, _, _ = _ITEM.unpack_from(header, position)
            position += _ITEM.size
            # The first form writes the length with the number of items of the first tag added.
            length = second if is_second else first - items_of_first
            if length < 0 or position + length > len(header):
                if is_second:
                    return found
                break  # of the first form the remaining items of a tag are not there
            values.append(_text(header[position : position + length]))
            position += (length + 3) // 4 * 4
        wanted = multiplicity if multiplicity > 0 else items
        found.setdefault(_text(name), tuple(text for text in values[: min(wanted, MAX_VALUES)] if text))
    return found


def _text(octets: bytes) -> str:
    return octets.split(b"\0", 1)[0].decode("latin-1").strip()
