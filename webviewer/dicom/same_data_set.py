"""Whether two data sets are the same object in two encodings: the same elements with the same values.

What may differ: file meta information, group lengths, Data Set Trailing Padding, padding of values, lengths of
sequences and items and their delimiters, VRs that are written or not, byte order, deflation, the order of elements, and
an empty Basic Offset Table in the place of a filled one.

What may not: values, present or absent elements, Specific Character Set, and the compression of pixels. Pixels that
were compressed again are another encoding of the object, also without loss: bytes are compared, not decoded pixels.

Both data sets are read once, side by side, in blocks. Work is bounded; what costs more counts as different.
"""

from __future__ import annotations

import re
from array import array
from typing import BinaryIO, NamedTuple, cast

from webviewer.core.errors import DataError
from webviewer.dicom.dataset import UNDEFINED, ReadLimits, looks_explicit
from webviewer.dicom.deflated import InflatedFile
from webviewer.dicom.element_walk import BLOCK_BYTES, Element, Encoding, Items, Level, Walk, Work, begins_with_item
from webviewer.dicom.transfer_syntaxes import (
    DEFLATED_DATA_SETS,
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)

_MAX_ELEMENTS = 4_000_000  # heads of both data sets; sorting a level reads its heads again
_MAX_SORTED = 200_000
_READ_AGAIN = 4  # times the size of both, which levels out of order and unknown private values take
_SPARE_BYTES = 64 * 1024**2
_IN_MEMORY_BYTES = 64 * 1024  # longer values are compared in blocks
_PADS = b" \0"
_SINGLE_TEXTS = frozenset(("LT", "ST", "UR", "UT"))
_MULTIPLE_TEXTS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"))
_PAD_BEFORE_NEXT_VALUE = re.compile(rb"[ \0]+\\")
_WORD_CODES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), "H"),
    **dict.fromkeys(("UL", "SL", "OL", "FL", "OF"), "I"),
    **dict.fromkeys(("UV", "SV", "OV", "FD", "OD"), "Q"),
}
# VRs of one group hold the same bytes: a road without VRs gives back another one of the group.
_GROUPS = {
    **dict.fromkeys(_SINGLE_TEXTS | _MULTIPLE_TEXTS, "text"),
    **dict.fromkeys(("OB", "OW", "US", "SS"), "words"),
    **dict.fromkeys(("UL", "SL", "OL"), "long words"),
    **dict.fromkeys(("FL", "OF"), "floats"),
    **dict.fromkeys(("FD", "OD"), "doubles"),
    **dict.fromkeys(("UV", "SV", "OV"), "very long words"),
}


class _Different(Exception):
    """The data sets are not the same."""


class EncodedDataSet(NamedTuple):
    """A data set in a seekable file: its transfer syntax, and the byte where it starts behind the file meta."""

    file: BinaryIO
    transfer_syntax_uid: str
    start: int


def is_same_data_set(one: EncodedDataSet, other: EncodedDataSet) -> bool:
    """Tell whether two data sets hold the same values.

    Returns
    -------
    bool
        False also where one of them is damaged, or costs more to compare than is allowed.
    """
    syntaxes = {one.transfer_syntax_uid, other.transfer_syntax_uid}
    if len(syntaxes) > 1 and not syntaxes <= NATIVE:
        return False
    limits = ReadLimits()
    sizes = sum(
        limits.max_inflated_bytes if side.transfer_syntax_uid in DEFLATED_DATA_SETS else side.file.seek(0, 2)
        for side in (one, other)
    )
    work = Work(
        elements=_MAX_ELEMENTS,
        read_bytes=_READ_AGAIN * sizes + _SPARE_BYTES,
        sorted_elements=_MAX_SORTED,
        depth=limits.max_sequence_depth,
    )
    try:
        _compare_levels(_top_level(one, limits, work), _top_level(other, limits, work))
    except (_Different, DataError):
        return False
    return True


def _top_level(side: EncodedDataSet, limits: ReadLimits, work: Work) -> Level:
    file, syntax, start = side
    is_deflated = syntax in DEFLATED_DATA_SETS
    source = cast("BinaryIO", InflatedFile(file, start, limits.max_inflated_bytes)) if is_deflated else file
    order = ">" if syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    seen = looks_explicit(source, start, order)  # some writers state one encoding and write another
    is_explicit = syntax != IMPLICIT_VR_LITTLE_ENDIAN if seen is None else seen
    return Level(Walk(source, start, work, is_deflated=is_deflated), start, None, Encoding(is_explicit, order), 0)


def _compare_levels(one: Level, other: Level) -> None:
    """Raise `_Different` unless all elements are the same; both levels are then at their ends."""
    while True:
        mine, theirs = one.next(), other.next()
        if mine is None and theirs is None:
            return
        if mine is None or theirs is None or mine.tag != theirs.tag:
            break
        one.position, other.position = _compare_elements(one, mine, other, theirs)
    # Elements out of order break PS3.5 7.1, and whoever writes such an object anew sorts them.
    rest, their_rest = one.rest_by_tag(), other.rest_by_tag()
    if [element.tag for element in rest] != [element.tag for element in their_rest]:
        raise _Different
    for mine, theirs in zip(rest, their_rest, strict=True):
        _compare_elements(one, mine, other, theirs)


def _compare_elements(one: Level, mine: Element, other: Level, theirs: Element) -> tuple[int, int]:
    """Raise `_Different` unless the values are the same; returns the positions after both."""
    vr = _common_vr(mine, theirs)
    undefined = UNDEFINED in (mine.length, theirs.length)
    if vr == "SQ" or (undefined and vr == "UN"):
        return _compare_sequences(one, mine, other, theirs)
    if undefined:
        if mine.length != theirs.length:
            raise _Different
        return _compare_fragments(one.walk, mine, other.walk, theirs)
    if _is_same_value(one.walk, mine, other.walk, theirs, vr):
        return mine.end, theirs.end
    # A private sequence that neither side knows may have other lengths inside.
    if vr == "UN" and begins_with_item(one.walk, mine) and begins_with_item(other.walk, theirs):
        return _compare_sequences(one, mine, other, theirs)
    raise _Different


def _common_vr(mine: Element, theirs: Element) -> str:
    """Return the VR of both, as far as one side or the dictionary knows it, else UN."""
    written = [one.vr for one in (mine, theirs) if one.vr not in {"", "UN"}]
    if not written:
        return _dictionary_vr(mine.tag)
    if len({_GROUPS.get(vr, vr) for vr in written}) > 1:
        raise _Different
    return written[0]


def _dictionary_vr(tag: int) -> str:
    from pydicom.datadict import dictionary_VR  # loaded where two objects are compared: it is slow to load

    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return vr[:2]  # of "OB or OW" and "US or SS" either will do


def _compare_sequences(one: Level, mine: Element, other: Level, theirs: Element) -> tuple[int, int]:
    depth = one.depth + 1
    one.walk.work.check_depth(depth)
    items, their_items = Items(one.walk, mine), Items(other.walk, theirs)
    while True:
        item, their_item = items.next(), their_items.next()
        if item is None or their_item is None:
            if item is not their_item:
                raise _Different
            return items.position, their_items.position
        level, their_level = items.level(item, depth), their_items.level(their_item, depth)
        _compare_levels(level, their_level)
        items.position, their_items.position = level.position, their_level.position


def _compare_fragments(walk: Walk, mine: Element, their_walk: Walk, theirs: Element) -> tuple[int, int]:
    """Compare encapsulated pixels (PS3.5 A.4), fragment by fragment."""
    fragments, their_fragments = Items(walk, mine), Items(their_walk, theirs)
    is_offset_table = True
    while True:
        fragment = fragments.next(may_end_with_file=True)
        their_fragment = their_fragments.next(may_end_with_file=True)
        if fragment is None or their_fragment is None:
            if fragment is not their_fragment:
                raise _Different
            return fragments.position, their_fragments.position
        if UNDEFINED in (fragment.length, their_fragment.length):
            raise _Different
        may_be_empty = is_offset_table and 0 in (fragment.length, their_fragment.length)
        if not may_be_empty and not _is_same_value(walk, fragment, their_walk, their_fragment, "OB"):
            raise _Different
        is_offset_table = False
        fragments.position, their_fragments.position = fragment.end, their_fragment.end


def _is_same_value(walk: Walk, mine: Element, their_walk: Walk, theirs: Element, vr: str) -> bool:
    group = _GROUPS.get(vr, "")
    if group != "text":
        if not _may_be_padded(mine.length, theirs.length):
            return False
    elif max(mine.length, theirs.length) <= _IN_MEMORY_BYTES:
        return _text(walk, mine, vr) == _text(their_walk, theirs, vr)
    common = min(mine.length, theirs.length)
    for at in range(0, common, BLOCK_BYTES):
        count = min(BLOCK_BYTES, common - at)
        if _block(walk, mine, at, count) != _block(their_walk, theirs, at, count):
            return False
    longer_walk, longer = (walk, mine) if mine.length > common else (their_walk, theirs)
    pads = b"\0" if group and group != "text" else _PADS
    for at in range(common, longer.length, BLOCK_BYTES):
        if _block(longer_walk, longer, at, min(BLOCK_BYTES, longer.length - at)).strip(pads):
            return False
    return True


def _may_be_padded(length: int, other: int) -> bool:
    """Tell whether lengths differ by no more than the byte that makes an odd value even (PS3.5 7.1.1)."""
    shorter, longer = min(length, other), max(length, other)
    return shorter == longer or (longer - shorter == 1 and shorter % 2 == 1)


def _text(walk: Walk, element: Element, vr: str) -> bytes:
    octets = _block(walk, element, 0, element.length)
    if vr in _MULTIPLE_TEXTS:
        octets = _PAD_BEFORE_NEXT_VALUE.sub(rb"\\", octets)
    return octets.rstrip(_PADS)


def _block(walk: Walk, element: Element, at: int, count: int) -> bytes:
    """Return bytes of a value in little endian order; raises DataError where the file ends before."""
    octets = walk.read(element.value + at, count)
    if len(octets) < count:
        raise DataError("The data set is cut off in a value.")
    if element.encoding.order == "<":
        return octets
    code = _WORD_CODES.get(element.vr or _dictionary_vr(element.tag), "")
    if not code:
        return octets
    words = array(code)
    whole = count - count % words.itemsize
    words.frombytes(octets[:whole])
    words.byteswap()
    return words.tobytes() + octets[whole:]
