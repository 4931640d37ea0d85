"""Lookup tables of a header: modality, VOI, palettes and segmented palettes (PS3.3 C.11.1.1, C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import LookupTable
from webviewer.dicom.dataset import DataSet

MAX_TABLES = 32
_PALETTE = (
    (tags.RED_DESCRIPTOR, tags.RED_DATA, tags.RED_SEGMENTED),
    (tags.GREEN_DESCRIPTOR, tags.GREEN_DATA, tags.GREEN_SEGMENTED),
    (tags.BLUE_DESCRIPTOR, tags.BLUE_DATA, tags.BLUE_SEGMENTED),
)


def modality_table(ds: DataSet, *, is_signed: bool) -> LookupTable | None:
    """Return the first Modality LUT, None if there is none or it is damaged."""
    for item in ds.items(tags.MODALITY_LUT)[:1]:
        return _table(item, is_signed=is_signed, explanation_tag=tags.MODALITY_LUT_TYPE)
    return None


def lookup_tables(ds: DataSet, sequence: int, *, is_signed: bool) -> tuple[LookupTable, ...]:
    """Return the tables of a LUT sequence; damaged ones fall away."""
    found = (_table(item, is_signed=is_signed) for item in ds.items(sequence)[:MAX_TABLES])
    return tuple(table for table in found if table is not None)


def palette_tables(ds: DataSet) -> tuple[LookupTable, LookupTable, LookupTable] | None:
    """Return red, green and blue tables, plain or expanded from segments; None unless all three are sound."""
    found = []
    for descriptor_tag, data_tag, segmented_tag in _PALETTE:
        descriptor = _descriptor(ds, descriptor_tag, is_signed=False)
        if descriptor is None:
            return None
        entries, first, bits = descriptor
        raw, segmented = ds.raw(data_tag), ds.raw(segmented_tag)
        if raw:
            values = _values(raw, entries, bits, ds.order)
        elif segmented:
            values = _expand_segments(segmented, entries, bits, ds.order)
        else:
            return None
        if values is None:
            return None
        found.append(LookupTable(first, bits, tuple(values.tolist())))
    red, green, blue = found
    return red, green, blue


def _table(item: DataSet, *, is_signed: bool, explanation_tag: int = tags.LUT_EXPLANATION) -> LookupTable | None:
    descriptor = _descriptor(item, tags.LUT_DESCRIPTOR, is_signed=is_signed)
    raw = item.raw(tags.LUT_DATA)
    if descriptor is None or not raw:
        return None
    entries, first, bits = descriptor
    values = _values(raw, entries, bits, item.order)
    if values is None:
        return None
    return LookupTable(first, bits, tuple(values.tolist()), item.text(explanation_tag, 64))


def _descriptor(ds: DataSet, tag: int, *, is_signed: bool) -> tuple[int, int, int] | None:
    """Return number of entries, first mapped value and bits of an entry."""
    numbers = ds.numbers(tag)
    if numbers is None or len(numbers) != 3:
        return None
    entries, first, bits = (int(v) for v in numbers)
    entries = entries & 0xFFFF or 0x10000  # 0 stands for 2^16
    if is_signed and first >= 0x8000:
        first -= 0x10000
    bits = 16 if bits == 0 else bits  # seen in the field; the data tell
    return (entries, first, bits) if 1 <= bits <= 16 else None


def _values(raw: bytes, entries: int, bits: int, order: str) -> NDArray[np.uint16] | None:
    """Return the entries; 8-bit ones may lie one to a byte or one to a word."""
    if len(raw) >= entries * 2:
        return np.frombuffer(raw, f"{order}u2", entries).astype(np.uint16)
    if bits <= 8 and len(raw) >= entries:
        return np.frombuffer(raw, np.uint8, entries).astype(np.uint16)
    return None


def _expand_segments(raw: bytes, entries: int, bits: int, order: str) -> NDArray[np.uint16] | None:
    """Return the table of discrete, linear and indirect segments (PS3.3 C.7.9.2); None if they break rules."""
    is_bytes = bits <= 8
    data: list[int] = list(raw) if is_bytes else np.frombuffer(raw, f"{order}u2", len(raw) // 2).tolist()
    table: list[int] = []
    try:
        _expand(data, 0, None, table, entries, is_bytes=is_bytes, may_jump=True)
    except IndexError:
        return None
    return np.array(table[:entries], np.uint16) if len(table) >= entries else None


def _expand(
    data: list[int],
    position: int,
    segments: int | None,
    table: list[int],
    entries: int,
    *,
    is_bytes: bool,
    may_jump: bool,
) -> None:
    """Append to ``table``; raises IndexError where the segments end early or contradict themselves."""
    done = 0
    while (segments is None or done < segments) and len(table) < entries:
        kind, length = data[position], data[position + 1]
        position += 2
        if kind == 0:
            piece = data[position : position + length]
            if len(piece) < length:
                raise IndexError
            table.extend(piece)
            position += length
        elif kind == 1:
            start, end = table[-1], data[position]
            position += 1
            steps = np.arange(1, length + 1)
            table.extend(np.rint(start + (end - start) * steps / max(length, 1)).astype(int).tolist())
        elif kind == 2 and may_jump:  # an indirect segment must not point to another
            width = 4 if is_bytes else 2
            parts = data[position : position + width]
            target = sum(part << (8 if is_bytes else 16) * k for k, part in enumerate(parts))
            position += width
            _expand(data, target, length, table, entries, is_bytes=is_bytes, may_jump=False)
        else:
            raise IndexError
        done += 1
