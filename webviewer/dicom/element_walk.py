"""Walk over all elements of a data set, pixels included, without keeping values; `same_data_set` uses two of them.

It trusts nothing: elements, bytes, depth and the entries of sorted lists are bounded by one `Work` for both walks.

References
----------
PS3.5 sections 7.1 to 7.5 (encoding), 6.2.2 (UN), A.4 (encapsulated pixels).
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from webviewer.core.errors import DataError
from webviewer.dicom.dataset import LONG_VRS, SHORT_VRS, UNDEFINED

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
TRAILING_PADDING = 0xFFFCFFFC
BLOCK_BYTES = 256 * 1024
_WINDOW_BYTES = 64 * 1024
_HEAD_BYTES = 8


class Encoding(NamedTuple):
    """How elements are written: with VRs or without, ``"<"`` or ``">"``."""

    is_explicit: bool
    order: str


IMPLICIT_LITTLE_ENDIAN = Encoding(is_explicit=False, order="<")  # also inside of UN (PS3.5 6.2.2)


class Element(NamedTuple):
    """Head of an element; ``vr`` is empty where none is written, ``length`` may be `UNDEFINED`."""

    tag: int
    vr: str
    length: int
    value: int  # position of the value in the file, or in the inflated data
    encoding: Encoding  # of the data set that it lies in

    @property
    def end(self) -> int:
        """Position after a value of defined length."""
        return self.value + self.length


class Work:
    """What a comparison may still cost; spending more raises DataError."""

    def __init__(self, *, elements: int, read_bytes: int, sorted_elements: int, depth: int) -> None:
        self._elements, self._read_bytes, self._sorted = elements, read_bytes, sorted_elements
        self.max_depth = depth

    def spend_element(self) -> None:
        """Count one head of an element."""
        self._elements -= 1
        if self._elements < 0:
            raise DataError("The data set has too many elements to be compared.")

    def spend_bytes(self, count: int) -> None:
        """Count bytes that are read or inflated."""
        self._read_bytes -= count
        if self._read_bytes < 0:
            raise DataError("The data set takes too many reads to be compared.")

    def spend_sorted(self) -> None:
        """Count one entry of a sorted list."""
        self._sorted -= 1
        if self._sorted < 0:
            raise DataError("The data set has too many elements that are out of order to be compared.")

    def check_depth(self, depth: int) -> None:
        """Raise DataError for sequences that are nested too deep."""
        if depth > self.max_depth:
            raise DataError(f"Sequences are nested deeper than {self.max_depth} levels.")


class Walk:
    """Reads heads and values of one data set through a window that goes forward.

    Parameters
    ----------
    file
        Seekable; positions are absolute. Going back in deflated data inflates anew and counts as reading.
    start
        Where the data set starts.
    is_deflated
        Whether ``file`` inflates.
    work
        Shared by both walks of a comparison.
    """

    def __init__(self, file: BinaryIO, start: int, work: Work, *, is_deflated: bool) -> None:
        self._file = file
        self._start = start
        self._is_deflated = is_deflated
        self._window = b""
        self._base = 0
        self.work = work

    def read(self, position: int, count: int) -> bytes:
        """Return up to ``count`` bytes, fewer only at the end of the file; at most `BLOCK_BYTES` at once."""
        offset = position - self._base
        if not 0 <= offset <= len(self._window) - count:
            self._fill(position, count)
            offset = 0
        return self._window[offset : offset + count]

    def _fill(self, position: int, count: int) -> None:
        end = self._base + len(self._window)
        kept = self._window[position - self._base :] if self._base <= position < end else b""
        if self._is_deflated and position + len(kept) < end:
            self.work.spend_bytes(end - self._start)
        self._file.seek(position + len(kept))
        fresh = self._file.read(max(count - len(kept), _WINDOW_BYTES))
        self.work.spend_bytes(len(fresh) + 1)
        self._window, self._base = kept + fresh, position

    def element(self, position: int, encoding: Encoding) -> Element | None:
        """Return the head at a position; None at the end of the file, where up to seven zeros may be left."""
        self.work.spend_element()
        head = self.read(position, _HEAD_BYTES)
        if len(head) < _HEAD_BYTES:
            if head.strip(b"\0"):
                raise DataError(f"The data set is cut off in the middle of an element, at byte {position}.")
            return None
        group, number = struct.unpack_from(f"{encoding.order}HH", head)
        tag = group << 16 | number
        value = position + _HEAD_BYTES
        vr = head[4:6]
        if encoding.is_explicit and group != 0xFFFE:
            if vr in SHORT_VRS:
                return Element(
                    tag, SHORT_VRS[vr], struct.unpack_from(f"{encoding.order}H", head, 6)[0], value, encoding
                )
            # A VR that nobody knows is written like a long one (PS3.5 7.1.2); some writers leave the VR out.
            if vr in LONG_VRS or (vr.isalpha() and vr.isupper()):
                width = self.read(value, 4)
                if len(width) < 4:
                    raise DataError(f"The data set is cut off in the middle of an element, at byte {position}.")
                length = struct.unpack(f"{encoding.order}I", width)[0]
                return Element(tag, vr.decode(), length, value + 4, encoding)
        return Element(tag, "", struct.unpack_from(f"{encoding.order}I", head, 4)[0], value, encoding)

    def skip_undefined(self, position: int, encoding: Encoding, depth: int) -> int:
        """Return the position after items of a value of undefined length; no recursion, however deep it is."""
        inside_item = False
        stack: list[Encoding] = []
        while True:
            found = self.element(position, encoding if inside_item else encoding._replace(is_explicit=False))
            if found is None:
                raise DataError(f"The data set is cut off inside a sequence, at byte {position}.")
            position = found.value if found.length == UNDEFINED else found.end
            if not inside_item:
                if found.tag == SEQUENCE_END:
                    position = found.value
                    if not stack:
                        return position
                    encoding = stack.pop()
                    inside_item = True
                elif found.tag != ITEM:
                    raise DataError(f"A sequence holds something that is no item, at byte {position}.")
                else:
                    inside_item = found.length == UNDEFINED
            elif found.tag == ITEM_END:
                inside_item, position = False, found.value
            elif found.length == UNDEFINED:
                stack.append(encoding)
                self.work.check_depth(depth + len(stack))
                inside_item, encoding = False, inside(found)


class Level:
    """The elements of one data set or item in their order, without those that say nothing of its contents.

    Parameters
    ----------
    walk
        Where it lies.
    position, end
        Of its first element; after its last one, None for an undefined length or the whole data set.
    encoding
        Of its elements.
    depth
        0 for the data set itself.
    """

    def __init__(self, walk: Walk, position: int, end: int | None, encoding: Encoding, depth: int) -> None:
        self.walk = walk
        self.position = position
        self.depth = depth
        self._end = end
        self._encoding = encoding

    def next(self) -> Element | None:
        """Return the next element without going on; None at the end, and `position` is then after it."""
        while self._end is None or self.position < self._end:
            found = self.walk.element(self.position, self._encoding)
            if found is None:
                if self.depth:
                    raise DataError(f"The data set is cut off inside a sequence, at byte {self.position}.")
                return None
            if found.tag == ITEM_END and self.depth:
                self.position = found.value
                return None
            if not _says_nothing(found, self.depth):
                return found
            if found.length == UNDEFINED:
                raise DataError(f"An element that has a length has none, at byte {self.position}.")
            self.position = found.end
        if self._end is not None and self.position > self._end:
            raise DataError(f"An element reaches beyond its item, at byte {self._end}.")
        return None

    def rest_by_tag(self) -> list[Element]:
        """Return the elements that are left, by their tags; goes to the end."""
        rest: list[Element] = []
        while (found := self.next()) is not None:
            self.walk.work.spend_sorted()
            rest.append(found)
            if found.length == UNDEFINED:
                self.position = self.walk.skip_undefined(found.value, inside(found), self.depth + 1)
            else:
                self.position = found.end
        rest.sort(key=lambda one: one.tag)
        return rest


class Items:
    """The items of a sequence, or the fragments of encapsulated pixels.

    Parameters
    ----------
    walk
        Where they lie.
    element
        The sequence.
    """

    def __init__(self, walk: Walk, element: Element) -> None:
        self._walk = walk
        self.encoding = inside(element)
        self.position = element.value
        self._end = None if element.length == UNDEFINED else element.end

    def next(self, *, may_end_with_file: bool = False) -> Element | None:
        """Return the head of the next item, None after the last; `position` must be after the item before."""
        if self._end is not None and self.position >= self._end:
            return None
        found = self._walk.element(self.position, self.encoding._replace(is_explicit=False))
        if found is None:
            if may_end_with_file:
                return None
            raise DataError(f"The data set is cut off inside a sequence, at byte {self.position}.")
        if found.tag == SEQUENCE_END:
            self.position = found.value
            return None
        if found.tag != ITEM:
            raise DataError(f"A sequence holds something that is no item, at byte {self.position}.")
        return found

    def level(self, item: Element, depth: int) -> Level:
        """Return the elements of an item."""
        end = None if item.length == UNDEFINED else item.end
        return Level(self._walk, item.value, end, self.encoding, depth)


def inside(element: Element) -> Encoding:
    """Return the encoding of what lies in a sequence (PS3.5 6.2.2: UN is implicit and little endian inside)."""
    return IMPLICIT_LITTLE_ENDIAN if element.vr == "UN" else element.encoding


def begins_with_item(walk: Walk, element: Element) -> bool:
    """Tell whether a value that may be anything looks like the items of a sequence."""
    head = walk.read(element.value, 4)
    item = struct.pack(f"{inside(element).order}HH", ITEM >> 16, ITEM & 0xFFFF)
    return element.length >= _HEAD_BYTES and head == item


def _says_nothing(element: Element, depth: int) -> bool:
    """Tell whether an element is a group length (PS3.5 7.2), padding (PS3.10 7.2) or astray file meta information."""
    tag = element.tag
    return tag & 0xFFFF == 0 or tag == TRAILING_PADDING or (tag >> 16 == 0x0002 and not depth)
