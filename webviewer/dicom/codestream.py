"""What a code stream says of itself: size, precision, sign. Read before decoding, so that a lie allocates nothing.

References
----------
ISO/IEC 10918-1 annex B (JPEG), 14495-1 annex C (JPEG-LS), 15444-1 annex A and I (JPEG 2000).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from webviewer.core.errors import DecodeError
from webviewer.dicom.transfer_syntaxes import Codec

_MAX_TILES = 65535
_START_OF_SCAN = 0xDA
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Facts of one code stream."""

    codec: Codec
    rows: int
    columns: int
    components: int
    precision: int
    is_signed: bool = False
    is_lossless: bool = False
    is_ycbcr: bool | None = None  # JPEG colour: True or False where the stream says so, None where it does not


def describe_stream(data: bytes) -> StreamInfo:
    """Return what a JPEG, JPEG-LS, JPEG 2000 or HTJ2K stream says of itself.

    Raises
    ------
    DecodeError
        It is none of them, or its head is damaged.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:4] == b"\xff\x4f\xff\x51":
            return _jpeg_2000(data, 0)
        if data[4:8] == b"jP  ":
            start = data.find(b"\xff\x4f\xff\x51")
            if start >= 0:
                return _jpeg_2000(data, start)
    except (struct.error, IndexError) as exc:
        raise DecodeError("The compressed image data are damaged: their head is cut off.") from exc
    raise DecodeError("The compressed image data are damaged: they begin like no known format.")


def _jpeg(data: bytes) -> StreamInfo:
    position = 2
    has_jfif = False
    adobe_transform: int | None = None
    while True:
        if data[position] != 0xFF:
            raise DecodeError("The JPEG data are damaged: a marker is missing.")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _NO_LENGTH:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = position + 4
        if marker == 0xE0 and data[body : body + 4] == b"JFIF":
            has_jfif = True
        elif marker == 0xEE and data[body : body + 5] == b"Adobe" and length >= 14:
            adobe_transform = data[body + 11]
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
            return _jpeg_frame(data, body, marker, has_jfif=has_jfif, adobe_transform=adobe_transform)
        elif marker == _START_OF_SCAN:
            raise DecodeError("The JPEG data are damaged: the scan begins before the size is stated.")
        position += 2 + length


def _jpeg_frame(data: bytes, body: int, marker: int, *, has_jfif: bool, adobe_transform: int | None) -> StreamInfo:
    precision, rows, columns, components = struct.unpack_from(">BHHB", data, body)
    parts = [data[body + 6 + 3 * k : body + 9 + 3 * k] for k in range(components)]
    is_ycbcr: bool | None = None
    if components == 3:
        identifiers = bytes(part[0] for part in parts)
        is_subsampled = parts[0][1] != parts[1][1]
        if adobe_transform is not None:
            is_ycbcr = adobe_transform == 1
        elif has_jfif or is_subsampled:
            is_ycbcr = True
        elif identifiers == b"RGB":
            is_ycbcr = False
    return StreamInfo(
        codec=Codec.JPEG_LS if marker == 0xF7 else Codec.JPEG,
        rows=rows,
        columns=columns,
        components=components,
        precision=precision,
        is_lossless=marker in {0xC3, 0xF7},
        is_ycbcr=is_ycbcr,
    )


def _jpeg_2000(data: bytes, start: int) -> StreamInfo:
    capabilities, x1, y1, x0, y0, tile_x, tile_y, _, _, components = struct.unpack_from(">HIIIIIIIIH", data, start + 6)
    depths = [struct.unpack_from(">BBB", data, start + 42 + 3 * k) for k in range(min(components, 4))]
    if not depths or tile_x == 0 or tile_y == 0 or x1 <= x0 or y1 <= y0:
        raise DecodeError("The JPEG 2000 data are damaged: their size makes no sense.")
    if -(-x1 // tile_x) * -(-y1 // tile_y) > _MAX_TILES:
        raise DecodeError("The JPEG 2000 data are damaged: they claim more tiles than the format has.")
    if any(depth != depths[0] for depth in depths) or depths[0][1:] != (1, 1):
        raise DecodeError("The JPEG 2000 data have components of unlike size or depth, which is not supported.")
    return StreamInfo(
        codec=Codec.HTJ2K if capabilities & 0x4000 else Codec.JPEG_2000,
        rows=y1 - y0,
        columns=x1 - x0,
        components=components,
        precision=(depths[0][0] & 0x7F) + 1,
        is_signed=bool(depths[0][0] & 0x80),
        is_lossless=_is_reversible(data, start),
    )


def _is_reversible(data: bytes, start: int) -> bool:
    """Tell from the coding style (COD) whether the wavelet is the reversible one; it may still have been cut."""
    position = start + 2
    while data[position] == 0xFF and data[position + 1] != 0x90:
        marker = data[position + 1]
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker == 0x52:
            return data[position + 13] == 1
        position += 2 + length
    return False
