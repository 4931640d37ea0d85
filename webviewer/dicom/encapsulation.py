"""Where the bytes of each frame lie in a file: native and encapsulated Pixel Data (PS3.5 section 8 and A.4)."""

from __future__ import annotations

import itertools
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

import numpy as np

from webviewer.core.errors import DataError, DecodeError, NotFound
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.deflated import InflatedFile
from webviewer.dicom.pixel_module import native_frame_bits
from webviewer.dicom.transfer_syntaxes import DEFLATED_DATA_SETS, NATIVE

MAX_FRAGMENTS = 1_000_000
MAX_FRAME_BYTES = 1024**3  # of one frame as stored
MAX_INFLATED_BYTES = 1024**3
_ITEM = b"\xfe\xff\x00\xe0"
# How the code stream of a frame begins: JPEG and JPEG-LS, JPEG 2000 (with its SIZ), JP2 and JPEG XL boxes, JPEG XL.
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0c", b"\xff\x0a")


class PixelLocation(Protocol):
    """Where Pixel Data lies; `webviewer.dicom.header.Header` and `webviewer.archive.StoredInstance` are such."""

    @property
    def transfer_syntax_uid(self) -> str:
        """UID of the transfer syntax."""
        ...

    @property
    def data_set_offset_bytes(self) -> int:
        """Where the data set starts."""
        ...

    @property
    def pixel_data_offset_bytes(self) -> int | None:
        """Where the value of Pixel Data starts."""
        ...

    @property
    def pixel_data_length_bytes(self) -> int | None:
        """Length of the value; None = undefined (encapsulated)."""
        ...


@dataclass(frozen=True, slots=True)
class TileBytes:
    """Where the tiles of a native mosaic lie."""

    rows: int  # of a tile
    row_bytes: int  # of a tile
    down: int  # rows of tiles
    across: int  # tiles beside one another
    stride_bytes: int  # a row of the stored picture

    def span(self, first_byte: int, frame_number: int) -> tuple[int, int]:
        """Return (offset, length) in bytes of the rows of a tile with those beside it; of frame 0 all rows."""
        length = self.rows * self.stride_bytes
        if frame_number == 0:
            return first_byte, length * self.down
        return first_byte + (frame_number - 1) // self.across * length, length

    def cut(self, rows: bytes, frame_number: int) -> bytes:
        """Return a tile out of its rows (`span`); frame 0 as it is."""
        if frame_number == 0:
            return rows
        first = (frame_number - 1) % self.across * self.row_bytes
        found = np.frombuffer(rows, np.uint8).reshape(self.rows, self.stride_bytes)
        return found[:, first : first + self.row_bytes].tobytes()


@dataclass(frozen=True, slots=True)
class FrameLocator:
    """The table of all frames of one object, made once by `locate_frames`; immutable, fit for a cache and threads."""

    number_of_frames: int
    frame_bits: int  # of a native frame; 0 for encapsulated data
    first_byte: int  # of native data
    fragments: tuple[tuple[int, int], ...]  # (offset, length) in bytes of encapsulated data
    first_fragments: tuple[int, ...]  # index of the first fragment of each frame that is there, and of the end
    inflate_from: int | None  # where a deflated data set starts; None: read the file as it is
    tiles: TileBytes | None = None  # of a native mosaic: its frames lie beside one another
    is_one_picture: bool = False  # a compressed mosaic: one code stream for all frames

    def spans(self, frame_number: int) -> tuple[tuple[int, int], ...]:
        """Return (offset, length) in bytes of the pieces of a frame, counted from 1.

        For a deflated data set the offsets are those of the inflated one (see `webviewer.dicom.deflated`). The first
        and last byte of a 1-bit frame may hold bits of its neighbours; the piece of a tile holds the tiles beside it.
        Each frame of a compressed mosaic has the pieces of the whole stored picture, and so has frame 0 of any mosaic.

        Raises
        ------
        NotFound
            There is no such frame.
        DecodeError
            The frame is claimed but not there.
        """
        first = 0 if self.tiles is not None or self.is_one_picture else 1
        if not first <= frame_number <= self.number_of_frames:
            raise NotFound(f"There is no frame {frame_number}; the image has {self.number_of_frames}.")
        if self.tiles is not None:
            return (self.tiles.span(self.first_byte, frame_number),)
        if self.frame_bits:
            start_bit = (frame_number - 1) * self.frame_bits
            first, end = start_bit // 8, (start_bit + self.frame_bits + 7) // 8
            return ((self.first_byte + first, end - first),)
        if self.is_one_picture:
            frame_number = 1
        if frame_number >= len(self.first_fragments):
            raise DecodeError(f"The pixel data end before frame {frame_number} of {self.number_of_frames}.")
        return self.fragments[self.first_fragments[frame_number - 1] : self.first_fragments[frame_number]]

    def read(self, file: BinaryIO, frame_number: int) -> bytes:
        """Return a frame's bytes as stored: native bytes (1-bit frames start at bit 0) or one code stream.

        A tile of a native mosaic comes alone, as if it were stored singly; of a compressed one the whole picture comes.

        Raises
        ------
        NotFound
            There is no such frame.
        DecodeError
            The file ends before the frame does.
        """
        return next(self.read_many(file, (frame_number,)))

    def read_many(self, file: BinaryIO, frame_numbers: Iterable[int]) -> Iterator[bytes]:
        """Yield frames one after another; in rising order a deflated data set is inflated once. Raises as `read`."""
        source = file
        if self.inflate_from is not None:
            source = cast("BinaryIO", InflatedFile(file, self.inflate_from, MAX_INFLATED_BYTES))
        for frame_number in frame_numbers:
            spans = self.spans(frame_number)
            if sum(length for _, length in spans) > MAX_FRAME_BYTES:
                raise DecodeError(f"Frame {frame_number} is over the limit of {MAX_FRAME_BYTES} bytes.")
            data = b"".join(_read_span(source, offset, length, frame_number) for offset, length in spans)
            yield self._aligned(data, frame_number)

    def _aligned(self, data: bytes, frame_number: int) -> bytes:
        """Cut a tile out; move a 1-bit frame that starts inside a byte to bit 0 (PS3.5 8.1.1: bits are packed)."""
        if self.tiles is not None:
            return self.tiles.cut(data, frame_number)
        shift = (frame_number - 1) * self.frame_bits % 8
        if shift == 0:
            return data
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[shift : shift + self.frame_bits]
        return np.packbits(bits, bitorder="little").tobytes()


def locate_frames(file: BinaryIO, location: PixelLocation, attributes: ImageAttributes) -> FrameLocator:
    """Return the frame table; reads the item headers of encapsulated data once.

    Raises
    ------
    DecodeError
        There are no pixels, they are refused, or the fragments cannot be told apart.
    """
    if attributes.refusal:
        raise DecodeError(attributes.refusal, code="refused")
    first_byte = location.pixel_data_offset_bytes
    if first_byte is None:
        raise DecodeError("This object has no pixel data.")
    syntax = location.transfer_syntax_uid
    inflate_from = location.data_set_offset_bytes if syntax in DEFLATED_DATA_SETS else None
    frames = attributes.number_of_frames
    if syntax in NATIVE:
        if location.pixel_data_length_bytes is None:
            raise DecodeError("The pixel data are packed in items although their transfer syntax is uncompressed.")
        bits = native_frame_bits(
            attributes.rows,
            attributes.columns,
            attributes.samples_per_pixel,
            attributes.bits_allocated,
            attributes.photometric_interpretation,
        )
        return FrameLocator(frames, bits, first_byte, (), (), inflate_from, tiles=_tile_bytes(attributes))
    table, offsets = _scan_fragments(file, first_byte, location.pixel_data_length_bytes)
    is_one = attributes.tiling is not None
    starts = _first_fragments(file, table, offsets, 1 if is_one else frames)
    return FrameLocator(frames, 0, first_byte, tuple(table), starts, inflate_from, is_one_picture=is_one)


def _tile_bytes(attributes: ImageAttributes) -> TileBytes | None:
    tiling = attributes.tiling
    if tiling is None:
        return None
    width = attributes.bits_allocated // 8 * attributes.samples_per_pixel
    return TileBytes(
        rows=attributes.rows,
        row_bytes=attributes.columns * width,
        down=tiling.rows // attributes.rows,
        across=tiling.columns // attributes.columns,
        stride_bytes=tiling.columns * width,
    )


def _read_span(file: BinaryIO, offset: int, length: int, frame_number: int) -> bytes:
    try:
        file.seek(offset)
        data = file.read(length)
    except (OSError, DataError) as exc:
        raise DecodeError(f"Frame {frame_number} cannot be read: {exc}") from exc
    if len(data) < length:
        raise DecodeError(
            f"The file ends in the middle of frame {frame_number}: {length - len(data)} bytes are missing."
        )
    return data


def _scan_fragments(file: BinaryIO, start: int, total: int | None) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """Return (offset, length) of all fragments and the Basic Offset Table."""
    file.seek(start)
    head = file.read(8)
    if head[:4] != _ITEM:
        raise DecodeError("The pixel data are not packed in items although their transfer syntax is compressed.")
    table_bytes = struct.unpack("<I", head[4:])[0] if len(head) == 8 else 0
    if table_bytes > 8 * MAX_FRAGMENTS:
        raise DecodeError(f"The table of frames is {table_bytes} bytes long, over the limit.")
    raw = file.read(table_bytes)
    offsets = struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])
    position = start + 8 + table_bytes
    end = None if total is None else start + total
    fragments: list[tuple[int, int]] = []
    while end is None or position < end:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8 or head[:4] != _ITEM:
            break  # the delimiter; without one the file is cut off, and the frames that are there can still be seen
        length = struct.unpack("<I", head[4:])[0]
        if length == 0xFFFFFFFF:
            break
        fragments.append((position + 8, length))
        if len(fragments) > MAX_FRAGMENTS:
            raise DecodeError(f"The pixel data are in more than {MAX_FRAGMENTS} pieces.")
        position += 8 + length
    if not fragments:
        raise DecodeError("The pixel data are empty: they hold no fragment.")
    return fragments, offsets


def _first_fragments(
    file: BinaryIO, fragments: list[tuple[int, int]], offsets: tuple[int, ...], frames: int
) -> tuple[int, ...]:
    """Return the index of the first fragment of each frame, and the end: from the offset table, else from the data."""
    count = len(fragments)
    if frames == 1:
        return (0, count)
    items = [offset - 8 for offset, _ in fragments]
    if len(offsets) == frames and offsets[0] == 0:
        found = []
        for offset in offsets:
            index = bisect_left(items, items[0] + offset)
            if index == count or items[index] != items[0] + offset:
                break
            found.append(index)
        if len(found) == frames and all(a < b for a, b in itertools.pairwise(found)):
            return (*found, count)
    if count == frames:
        return tuple(range(count + 1))
    starts = []
    for index, (offset, _) in enumerate(fragments):
        file.seek(offset)
        if file.read(4).startswith(_STARTS):
            starts.append(index)
    # Fewer streams than frames: the end is missing. More: a beginning was seen where none is, so nothing is certain.
    if starts and starts[0] == 0 and len(starts) <= frames:
        return (*starts, count)
    raise DecodeError(f"The {count} pieces of the pixel data cannot be told apart as {frames} frames.")
