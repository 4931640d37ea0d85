"""A reader of headers that trusts nothing: bounded in bytes, depth and count, and it never follows a length blindly.

It keeps only the values of `webviewer.dicom.elements` and stops at the pixels. pydicom would read the same, at several
times the cost and with a recursion as deep as the sender wishes; its character set tables are used here.

References
----------
PS3.5 sections 7.1 to 7.5 (encoding), 6.1 (character repertoires).
"""

from __future__ import annotations

import math
import re
import struct
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from webviewer.core.errors import DataError
from webviewer.dicom import elements as tags

CHUNK_BYTES = 64 * 1024
MAX_VALUE_BYTES = 16 * 1024**2
MAX_NUMBERS_BYTES = 1024**2
UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
SHORT_VRS = {vr: vr.decode() for vr in b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()}
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")
_ESCAPES = re.compile("\x1b[$()*+,./-]*[0-~]")  # ISO 2022 designations that a codec left standing
_DELIMITERS = {0x5C, 0x5E, 0x3D, 0x0D, 0x0A, 0x09, 0x0C}  # \ ^ = and line ends end a code extension


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What reading one header may cost."""

    max_header_bytes: int = 64 * 1024**2  # bytes read; large values that nobody needs are skipped unread
    max_inflated_bytes: int = 1024**3  # of a deflated data set
    max_sequence_depth: int = 64
    max_elements: int = 2_000_000


class DataSet:
    """The kept elements of one data set or sequence item, with readers that return None for what is no such value."""

    __slots__ = ("encodings", "order", "values")

    def __init__(self, order: str) -> None:
        self.order = order  # "<" or ">"
        self.values: dict[int, tuple[str, bytes | list[DataSet]]] = {}
        self.encodings: tuple[str, ...] = ()

    def __contains__(self, tag: int) -> bool:
        return tag in self.values

    def raw(self, tag: int) -> bytes | None:
        """Return the octets of a value."""
        entry = self.values.get(tag)
        return entry[1] if entry is not None and isinstance(entry[1], bytes) else None

    def vr(self, tag: int) -> str:
        """Return the VR as encoded, empty for Implicit VR."""
        entry = self.values.get(tag)
        return entry[0] if entry is not None else ""

    def items(self, tag: int) -> list[DataSet]:
        """Return the items of a sequence, empty if it is missing."""
        entry = self.values.get(tag)
        return entry[1] if entry is not None and isinstance(entry[1], list) else []

    def text(self, tag: int, max_characters: int = 1024) -> str:
        """Return a text as Unicode, without padding and control characters, cut to a length."""
        raw = self.raw(tag)
        if not raw:
            return ""
        if raw.isascii() and b"\x1b" not in raw:
            decoded = raw[: max_characters * 4].decode("ascii")
        else:
            decoded = _ESCAPES.sub("", _decoded(raw[: max_characters * 8], self.encodings))
        return _CONTROL.sub(" ", decoded.strip(" \x00")).strip()[:max_characters]

    def code(self, tag: int, default: str = "") -> str:
        """Return the first value of a CS or UI in ASCII."""
        raw = self.raw(tag)
        if not raw:
            return default
        first = raw.split(b"\\", 1)[0].strip(b" \x00")[:128].decode("ascii", "replace")
        return _CONTROL.sub(" ", first) or default

    def texts(self, tag: int) -> list[str]:
        """Return the values of a text with several."""
        return [part.strip() for part in self.text(tag, 64 * 1024).split("\\")] if tag in self.values else []

    def numbers(self, tag: int) -> list[float] | None:
        """Return all numbers, None if the element is missing, empty, or holds anything that is no finite number."""
        raw = self.raw(tag)
        if not raw or len(raw) > MAX_NUMBERS_BYTES:
            return None
        vr = self.vr(tag)
        letter = _FORMATS.get(vr)
        if letter is None and vr in {"", "UN", "OB", "OW"}:
            letter = _FORMATS.get(tags.BINARY_VR.get(tag, ""))
        try:
            if letter is not None:
                size = struct.calcsize(letter)
                count = len(raw) // size
                if count == 0:
                    return None
                found = [float(v) for v in struct.unpack(f"{self.order}{count}{letter}", raw[: count * size])]
            else:
                found = [float(part) for part in raw.strip(b" \x00").split(b"\\")]
        except ValueError:
            return None
        return found if all(map(math.isfinite, found)) else None

    def number(self, tag: int) -> float | None:
        """Return the first number."""
        found = self.numbers(tag)
        return found[0] if found else None

    def integer(self, tag: int) -> int | None:
        """Return the first number if it is whole and fits 64 bits."""
        found = self.number(tag)
        return int(found) if found is not None and found.is_integer() and abs(found) < 2**63 else None


def _decoded(raw: bytes, encodings: tuple[str, ...]) -> str:
    names = encodings or ("iso8859",)
    if len(names) == 1 and b"\x1b" not in raw:
        try:
            return raw.decode(names[0], "replace")
        except (LookupError, ValueError):
            return raw.decode("latin-1")
    # pydicom is loaded when a text needs it: the render node reads none, and it would be a quarter of its start
    from pydicom.charset import decode_bytes

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a broken escape sequence is shown as replacement characters
            return decode_bytes(raw, list(names), _DELIMITERS)
    except (LookupError, ValueError, AssertionError, IndexError):
        return raw.decode("latin-1")


def _encodings(raw: bytes | None) -> tuple[str, ...]:
    """Return Python codecs of Specific Character Set; what is unknown falls away, common misspellings are read."""
    if not raw:
        return ()
    from pydicom.charset import python_encoding  # see `_decoded`

    found = []
    for position, part in enumerate(raw.decode("ascii", "replace").strip(" \x00").split("\\")):
        name = part.strip().upper()
        if not name:
            if position == 0:
                found.append("iso8859")
            continue
        digits = re.sub(r"^ISO[ _-]?(2022)?[ _-]*IR[ _-]*", "", name)
        for candidate in (name, f"ISO_IR {digits}", f"ISO 2022 IR {digits}"):
            codec = python_encoding.get(candidate)
            if codec is not None:
                found.append(codec)
                break
    return tuple(found)


class _Window:
    """A sliding view of a file: a bounded number of bytes is ever read, skipped ones are not."""

    __slots__ = ("_file", "_left", "base", "buffer")

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit
        self.buffer = b""
        self.base = 0

    def holds(self, start: int, count: int) -> bool:
        """Bring ``count`` bytes from ``start`` into the buffer; False if the file ends before."""
        if start >= self.base and start + count <= self.base + len(self.buffer):
            return True
        if self._left <= 0:
            raise DataError("The header is larger than the limit for headers; this object is refused.")
        end = self.base + len(self.buffer)
        kept = (
            self.buffer[start - self.base :] if self.base <= start < end else b""
        )  # so that reading goes forward only
        self._file.seek(start + len(kept))
        fresh = self._file.read(max(count - len(kept), CHUNK_BYTES))
        self.buffer = kept + fresh
        self.base = start
        self._left -= max(len(fresh), 1)
        return len(self.buffer) >= count


@dataclass(slots=True)
class PixelElement:
    """The pixel element that ended the header."""

    tag: int
    vr: str
    offset_bytes: int
    length_bytes: int | None  # None = undefined


@dataclass(frozen=True, slots=True)
class ValueSpan:
    """The place of a value that is too large to be kept with the header."""

    vr: str  # as encoded, empty for Implicit VR
    offset_bytes: int
    length_bytes: int


class Reader:
    """One pass over a data set up to its pixels.

    Parameters
    ----------
    file
        Seekable; positions are absolute.
    is_explicit, order
        The encoding of the data set: VR written or not, ``"<"`` or ``">"``.
    limits
        Bounds; passing one raises DataError.
    wanted, sequences
        The tags that are kept, and those of them that are sequences.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        is_explicit: bool,
        order: str,
        limits: ReadLimits,
        wanted: frozenset[int] = tags.WANTED,
        sequences: frozenset[int] = tags.SEQUENCES,
    ) -> None:
        self._window = _Window(file, limits.max_header_bytes)
        self._is_explicit = is_explicit
        self._order = order
        self._limits = limits
        self._wanted, self._sequences = wanted, sequences
        self._elements_left = limits.max_elements
        self._encodings: tuple[str, ...] = ()
        self._tag_length = struct.Struct(f"{order}HHI")
        self._tag_vr_length = struct.Struct(f"{order}HH2sH")
        self._long = struct.Struct(f"{order}I")
        self.pixels: PixelElement | None = None
        self.overlay_data: dict[int, ValueSpan] = {}
        self.end = 0

    def read(self, start: int) -> DataSet:
        """Return the kept elements from ``start`` to the pixels or the end.

        Sets ``pixels``, ``end`` and ``overlay_data``: the places of Overlay Data (60xx,3000) by tag.
        """
        data_set = DataSet(self._order)
        self.end = self._read_elements(data_set, start, None, self._is_explicit, 0)
        return data_set

    @property
    def elements_read(self) -> int:
        """How many elements were read so far, also where reading failed."""
        return self._limits.max_elements - max(self._elements_left, 0)

    @property
    def reach_bytes(self) -> int:
        """The byte of the file or of the inflated data up to which was read or skipped."""
        return self._window.base + len(self._window.buffer)

    def _element(self, position: int, is_explicit: bool) -> tuple[int, str, int, int] | None:
        """Return tag, VR, length and value offset; None at the end of the file."""
        window = self._window
        if not window.holds(position, 8):
            if window.holds(position, 1):
                raise DataError(f"The data set is cut off in the middle of an element, at byte {position}.")
            return None
        self._elements_left -= 1
        if self._elements_left < 0:
            raise DataError(f"The header has more than {self._limits.max_elements} elements; this object is refused.")
        local = position - window.base
        if not is_explicit:
            group, element, length = self._tag_length.unpack_from(window.buffer, local)
            return group << 16 | element, "", length, position + 8
        group, element, vr, short = self._tag_vr_length.unpack_from(window.buffer, local)
        if vr in SHORT_VRS:
            return group << 16 | element, SHORT_VRS[vr], short, position + 8
        if group == 0xFFFE or not (vr.isalpha() and vr.isupper()):
            # Items and delimiters never have a VR; some writers leave it out elsewhere too.
            (length,) = self._long.unpack_from(window.buffer, local + 4)
            return group << 16 | element, "", length, position + 8
        if not window.holds(position, 12):
            raise DataError(f"The data set is cut off in the middle of an element, at byte {position}.")
        (length,) = self._long.unpack_from(window.buffer, position - window.base + 8)
        return group << 16 | element, vr.decode(), length, position + 12

    def _read_elements(  # noqa: PLR0912  one loop for all kinds of elements
        self, data_set: DataSet, position: int, end: int | None, is_explicit: bool, depth: int
    ) -> int:
        """Keep wanted elements into ``data_set`` until ``end``, an item delimiter, the pixels or the end of file."""
        window = self._window
        while end is None or position < end:
            if is_explicit:
                position = self._read_short_elements(data_set, position, end)
                if position == end:
                    break
            found = self._element(position, is_explicit)
            if found is None:
                if depth:
                    raise DataError(f"The data set is cut off inside a sequence, at byte {position}.")
                return position
            tag, vr, length, value = found
            if tag == _ITEM_END and depth:
                return value
            if tag in tags.PIXEL_ELEMENTS and not depth:
                self.pixels = PixelElement(tag, vr, value, None if length == UNDEFINED else length)
                return value
            if tag in self._sequences and (length == UNDEFINED or vr in {"SQ", "UN", ""}):
                inner = is_explicit and vr != "UN"  # PS3.5 6.2.2: UN of undefined length is implicit inside
                items, position = self._read_items(value, length, inner, depth + 1)
                data_set.values[tag] = ("SQ", items)
            elif length == UNDEFINED:
                position = self._skip_sequence(value, is_explicit and vr != "UN", depth + 1)
            elif tag in self._wanted and length <= MAX_VALUE_BYTES and tag not in self._sequences:
                if not window.holds(value, length):
                    raise DataError(f"The data set is cut off in the value of ({tag >> 16:04X},{tag & 0xFFFF:04X}).")
                local = value - window.base
                octets = window.buffer[local : local + length]
                data_set.values[tag] = (vr, octets)
                position = value + length
                if tag == tags.SPECIFIC_CHARACTER_SET:
                    self._encodings = data_set.encodings = _encodings(octets)
            else:
                position = value + length
                if length and not window.holds(position - 1, 1):
                    raise DataError(f"The data set is cut off in the value of ({tag >> 16:04X},{tag & 0xFFFF:04X}).")
                if tag in tags.OVERLAY_DATA and not depth:
                    self.overlay_data[tag] = ValueSpan(vr, value, length)
        return position

    def _read_short_elements(self, data_set: DataSet, position: int, end: int | None) -> int:
        """Keep or skip elements with a short explicit VR that lie whole in the window; return where another one starts.

        They are nearly all elements of a header. What is special in any way is left to `_read_elements`.
        """
        buffer, base = self._window.buffer, self._window.base
        if position < base:
            return position
        here = position - base
        last = len(buffer) if end is None else min(len(buffer), end - base)
        unpack, wanted, values = self._tag_vr_length.unpack_from, self._wanted, data_set.values
        first_left = left = self._elements_left
        while here + 8 <= last and left:
            group, element, vr, length = unpack(buffer, here)
            name = SHORT_VRS.get(vr)
            after = here + 8 + length
            if name is None or after > last or group >= 0x7FE0:
                break
            left -= 1
            tag = group << 16 | element
            if tag in wanted:
                if tag in self._sequences or tag == tags.SPECIFIC_CHARACTER_SET:
                    left += 1
                    break
                values[tag] = name, buffer[here + 8 : after]
            here = after
        self._elements_left -= first_left - left
        return base + here

    def _check_depth(self, depth: int) -> None:
        if depth > self._limits.max_sequence_depth:
            raise DataError(
                f"Sequences are nested deeper than {self._limits.max_sequence_depth} levels; this object is refused."
            )

    def _read_items(self, position: int, length: int, is_explicit: bool, depth: int) -> tuple[list[DataSet], int]:
        self._check_depth(depth)
        items: list[DataSet] = []
        end = None if length == UNDEFINED else position + length
        while end is None or position < end:
            found = self._element(position, False)
            if found is None:
                raise DataError(f"The data set is cut off inside a sequence, at byte {position}.")
            tag, _, item_length, value = found
            if tag == _SEQUENCE_END:
                return items, value
            if tag != _ITEM:
                raise DataError(f"A sequence holds something that is no item, at byte {position}.")
            item = DataSet(self._order)
            item.encodings = self._encodings
            item_end = None if item_length == UNDEFINED else value + item_length
            position = self._read_elements(item, value, item_end, is_explicit, depth)
            items.append(item)
        return items, position

    def _skip_sequence(self, position: int, is_explicit: bool, depth: int) -> int:
        """Walk over a sequence of undefined length without keeping anything; no recursion, however deep it is."""
        inside_item = False
        stack: list[tuple[bool, bool]] = []  # what to return to: inside an item, explicit
        while True:
            found = self._element(position, inside_item and is_explicit)
            if found is None:
                raise DataError(f"The data set is cut off inside a sequence, at byte {position}.")
            tag, vr, length, value = found
            if not inside_item:
                if tag == _SEQUENCE_END:
                    position = value
                    if not stack:
                        return position
                    inside_item, is_explicit = stack.pop()
                elif tag != _ITEM:
                    raise DataError(f"A sequence holds something that is no item, at byte {position}.")
                elif length == UNDEFINED:
                    inside_item, position = True, value
                else:
                    position = value + length
            elif tag == _ITEM_END:
                inside_item, position = False, value
            elif length == UNDEFINED:
                stack.append((True, is_explicit))
                self._check_depth(depth + len(stack))
                inside_item, is_explicit, position = False, is_explicit and vr != "UN", value
            else:
                position = value + length


def looks_explicit(file: BinaryIO, start: int, order: str) -> bool | None:
    """Tell from the first element whether VRs are written; None if nothing there looks like a data set."""
    file.seek(start)
    head = file.read(8)
    if len(head) < 8:
        return None
    group = int.from_bytes(head[:2], "little" if order == "<" else "big")
    if group == 0 or group > 0x0018 or group == 0x0001:
        return None
    vr = head[4:6]
    if vr in SHORT_VRS or vr in LONG_VRS:
        return True
    length = struct.unpack(f"{order}I", head[4:])[0]
    return False if length < 0x10000 or length == UNDEFINED else None
