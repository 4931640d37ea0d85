"""Facts that a code stream states: size, precision, sign, color, loss. `decode` reads them before it allocates.

References
----------
ISO/IEC 10918-1 annex B (JPEG), 10918-3 annex F (SPIFF), 10918-5 (JFIF), 14495-1 annex C (JPEG-LS), 15444-1 annex A and
I (JPEG 2000), 18181-1 (JPEG XL).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from webviewer.core.errors import DecodeError
from webviewer.dicom.colour_table import StreamColour
from webviewer.dicom.jpeg_xl import CODESTREAM_SIGNATURE, CONTAINER_SIGNATURE, read_jpeg_xl_head
from webviewer.dicom.transfer_syntaxes import Codec

_MAX_TILES = 65535
_START_OF_SCAN = 0xDA
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_LOSSLESS_FRAME, _JPEG_LS_FRAME = 0xC3, 0xF7
_J2K_START = b"\xff\x4f\xff\x51"
_SPIFF_YCBCR = 3  # of BT.601 in full range, as JFIF


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Facts of one code stream.

    ``is_lossless`` is False where the stream shows that its encoder changed values. A reversible JPEG 2000 stream that
    was cut, or a lossy predecessor of the image, cannot be seen here: Lossy Image Compression (0028,2110) says it.
    """

    codec: Codec
    rows: int
    columns: int
    components: int
    precision: int
    is_signed: bool = False
    is_lossless: bool = False
    colour: StreamColour = StreamColour.SILENT


def describe_stream(data: bytes) -> StreamInfo:
    """Return the facts of a JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL stream.

    Raises
    ------
    DecodeError
        It is none of them, or its head is damaged.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        start = j2k_start(data)
        if start is not None:
            return _jpeg_2000(data, start)
    except (struct.error, IndexError) as exc:
        raise DecodeError("The compressed image data are damaged: their head is cut off.") from exc
    if data.startswith((CODESTREAM_SIGNATURE, CONTAINER_SIGNATURE)):
        return _jpeg_xl(data)
    raise DecodeError("The compressed image data are damaged: they begin like no known format.")


def j2k_start(data: bytes) -> int | None:
    """Return where a JPEG 2000 code stream begins, behind the boxes of JP2 if there are any; None if it is none."""
    if data.startswith(_J2K_START):
        return 0
    found = data.find(_J2K_START) if data[4:8] == b"jP  " else -1
    return found if found >= 0 else None


def _jpeg_xl(data: bytes) -> StreamInfo:
    head = read_jpeg_xl_head(data)
    return StreamInfo(
        codec=Codec.JPEG_XL,
        rows=head.rows,
        columns=head.columns,
        components=head.components,
        precision=head.precision,
        is_lossless=head.is_lossless,
        colour=StreamColour.RGB if head.states_rgb else StreamColour.SILENT,
    )


@dataclass(slots=True)
class _JpegMarkers:
    """Marker segments of a JPEG or JPEG-LS stream up to its first scan."""

    frame: bytes = b""
    frame_marker: int = 0
    has_jfif: bool = False
    adobe_transform: int | None = None
    spiff_colour: int | None = None
    has_hp_transform: bool = False


def _jpeg(data: bytes) -> StreamInfo:
    position = 2
    found = _JpegMarkers()
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
        body = data[position + 4 : position + 2 + length]
        if marker == _START_OF_SCAN:
            return _jpeg_frame(found, body)
        _note_marker(found, marker, body)
        position += 2 + length


def _note_marker(found: _JpegMarkers, marker: int, body: bytes) -> None:
    if marker == 0xE0 and body[:4] == b"JFIF":
        found.has_jfif = True
    elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
        found.adobe_transform = body[11]
    elif marker == 0xE8 and body[:6] == b"SPIFF\0" and len(body) >= 19:
        found.spiff_colour = body[18]
    elif marker == 0xE8 and body[:4] == b"mrfx" and len(body) >= 5:
        found.has_hp_transform = body[4] != 0
    elif marker == _JPEG_LS_FRAME or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
        found.frame_marker, found.frame = marker, body


def _jpeg_frame(found: _JpegMarkers, scan: bytes) -> StreamInfo:
    if not found.frame:
        raise DecodeError("The JPEG data are damaged: the scan begins before the size is stated.")
    precision, rows, columns, components = struct.unpack_from(">BHHB", found.frame)
    is_jpeg_ls = found.frame_marker == _JPEG_LS_FRAME
    near = scan[1 + 2 * scan[0]] if is_jpeg_ls else 0
    return StreamInfo(
        codec=Codec.JPEG_LS if is_jpeg_ls else Codec.JPEG,
        rows=rows,
        columns=columns,
        components=components,
        precision=precision,
        is_lossless=found.frame_marker == _LOSSLESS_FRAME or (is_jpeg_ls and near == 0),
        colour=_jpeg_colour(found) if components == 3 else StreamColour.SILENT,
    )


def _jpeg_colour(found: _JpegMarkers) -> StreamColour:
    """Return what the markers of a stream of three components say of its color, the strongest evidence first.

    1. The transform of Hewlett-Packard: our JPEG-LS decoder undoes it. SPIFF names YCbCr. A SPIFF header of RGB proves
       nothing: encoders on CharLS write it for every three components.
    2. A lossless encoder makes no transform. Its library writes Adobe and JFIF markers all the same: they say nothing.
    3. The Adobe marker states the transform of the encoder.
    4. Subsampled components are chroma, which RGB does not have.
    5. The component identifiers R, G, B. They contradict JFIF (1, 2, 3), which some encoders write in front of all.
    6. JFIF has no other three components than YCbCr.
    7. Different quantization tables for the first and the second component are those of luminance and chrominance.
    """
    if found.has_hp_transform:
        return StreamColour.RGB
    if found.spiff_colour == _SPIFF_YCBCR:
        return StreamColour.YBR
    if found.frame_marker in {_LOSSLESS_FRAME, _JPEG_LS_FRAME}:
        return StreamColour.SILENT
    if found.adobe_transform is not None:
        return StreamColour.RGB if found.adobe_transform == 0 else StreamColour.YBR
    identifiers, sampling, tables = (bytes(found.frame[6 + 3 * k + field] for k in range(3)) for field in range(3))
    if sampling[0] != sampling[1]:
        return StreamColour.YBR
    if identifiers == b"RGB":
        return StreamColour.RGB
    return StreamColour.YBR if found.has_jfif or tables[0] != tables[1] else StreamColour.SILENT


def _jpeg_2000(data: bytes, start: int) -> StreamInfo:
    capabilities, x1, y1, x0, y0, tile_x, tile_y, _, _, components = struct.unpack_from(">HIIIIIIIIH", data, start + 6)
    depths = [struct.unpack_from(">BBB", data, start + 42 + 3 * k) for k in range(min(components, 4))]
    if not depths or tile_x == 0 or tile_y == 0 or x1 <= x0 or y1 <= y0:
        raise DecodeError("The JPEG 2000 data are damaged: their size makes no sense.")
    if -(-x1 // tile_x) * -(-y1 // tile_y) > _MAX_TILES:
        raise DecodeError("The JPEG 2000 data are damaged: they claim more tiles than the format has.")
    if any(depth != depths[0] for depth in depths) or depths[0][1:] != (1, 1):
        raise DecodeError("The JPEG 2000 data have components of unlike size or depth, which is not supported.")
    has_transform, is_reversible = _coding_style(data, start)
    return StreamInfo(
        codec=Codec.HTJ2K if capabilities & 0x4000 else Codec.JPEG_2000,
        rows=y1 - y0,
        columns=x1 - x0,
        components=components,
        precision=(depths[0][0] & 0x7F) + 1,
        is_signed=bool(depths[0][0] & 0x80),
        is_lossless=is_reversible,
        colour=StreamColour.RGB if has_transform and components == 3 else StreamColour.SILENT,
    )


def _coding_style(data: bytes, start: int) -> tuple[bool, bool]:
    """Return whether there is a multiple component transform, and whether the wavelet is the reversible one (COD)."""
    position = start + 2
    while data[position] == 0xFF and data[position + 1] != 0x90:
        marker = data[position + 1]
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker == 0x52:
            return data[position + 8] == 1, data[position + 13] == 1
        position += 2 + length
    return False, False
