"""From a frame's bytes as stored to its values: every transfer syntax with images.

Code streams go through `imagecodecs`, which lets other threads run meanwhile. A stream that contradicts the header is
refused, never bent; before anything is allocated its size is checked.

References
----------
PS3.5 section 8 and annexes A, G; PS3.3 C.7.6.3.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DecodeError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.codestream import StreamInfo, describe_stream, j2k_start
from webviewer.dicom.colour import rgb8_of
from webviewer.dicom.colour_table import ColourSpace, StreamColour, decoded_colour
from webviewer.dicom.padding import keep_padding_words
from webviewer.dicom.pixel_module import SUBSAMPLED, native_frame_bits
from webviewer.dicom.transfer_syntaxes import CODECS, EXPLICIT_VR_BIG_ENDIAN, LOSSLESS, Codec, describe_unsupported

MAX_DECODED_BYTES = 1024**3
# A code stream may say much with little (an empty picture), but not everything with nothing.
_FREE_DECODED_BYTES = 64 * 1024**2
_MAX_RATIO = 2000


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A decoded frame.

    ``values`` are stored values, (rows, columns), int8 … uint32, float32 or float64, of a grey image; of a colour image
    (``is_colour``) RGB, (rows, columns, 3), uint8, ready to be shown (YBR and palettes are resolved). ``is_lossy``: the
    code stream itself shows that its encoder changed values, whatever the header says.
    """

    values: NDArray[Any]
    is_colour: bool
    is_lossy: bool = False


def decode_frame(data: bytes | memoryview, attributes: ImageAttributes, frame_number: int = 1) -> DecodedFrame:
    """Return the values of a frame, ready for `webviewer.dicom.lut` (grey) or for showing (colour).

    Values of an uncompressed frame may lie in the memory of ``data``.

    Raises
    ------
    DecodeError
        Refused, short, damaged or contradicting data, in words for the doctor.
    """
    if attributes.refusal:
        raise DecodeError(attributes.refusal, code="refused")
    stored, stream = _decode(data, attributes, frame_number)
    is_lossy = stream is not None and not stream.is_lossless
    space = decoded_colour(
        CODECS[attributes.transfer_syntax_uid],
        StreamColour.SILENT if stream is None else stream.colour,
        attributes.photometric_interpretation,
    )
    if space is ColourSpace.GREY:
        return DecodedFrame(stored, is_colour=False, is_lossy=is_lossy)
    return DecodedFrame(rgb8_of(stored, space, attributes), is_colour=True, is_lossy=is_lossy)


def decode_stored(data: bytes, attributes: ImageAttributes, frame_number: int = 1) -> NDArray[Any]:
    """Return the values as stored, before palette and colour conversion: (rows, columns) or (rows, columns, 3).

    Raises as `decode_frame`, but for refusals.
    """
    return _decode(data, attributes, frame_number)[0]


def stored_picture(attributes: ImageAttributes) -> ImageAttributes:
    """Return the attributes of the stored picture that holds the frames of a compressed mosaic; others as they are."""
    tiling = attributes.tiling
    if tiling is None:
        return attributes
    frames = attributes.frames[:1]
    return replace(attributes, rows=tiling.rows, columns=tiling.columns, number_of_frames=1, frames=frames, tiling=None)


def decode_words(data: bytes, attributes: ImageAttributes, frame_number: int = 1) -> tuple[NDArray[Any], int]:
    """Return whole words with the bits beside the values, (rows, columns) unsigned, and how many bits are known.

    Raises as `decode_stored`.
    """
    whole = replace(
        attributes,
        bits_stored=attributes.bits_allocated,
        high_bit=attributes.bits_allocated - 1,
        pixel_representation=0,
    )
    values, stream = _decode(data, whole, frame_number)
    return values, attributes.bits_allocated if stream is None else stream.precision


def tile_of(values: NDArray[Any], attributes: ImageAttributes, frame_number: int) -> NDArray[Any]:
    """Return one frame, (rows, columns), of the values of a mosaic's stored picture, (rows, columns)."""
    rows, columns = attributes.rows, attributes.columns
    down, across = divmod(frame_number - 1, values.shape[1] // columns)
    tile = values[down * rows : (down + 1) * rows, across * columns : (across + 1) * columns]
    return np.ascontiguousarray(tile)


def _decode(
    data: bytes | memoryview, attributes: ImageAttributes, frame_number: int
) -> tuple[NDArray[Any], StreamInfo | None]:
    words = describe_unsupported(attributes.transfer_syntax_uid)
    if words:
        raise DecodeError(words, code="refused")
    decoded_bytes = _decoded_bytes(attributes)
    if decoded_bytes > MAX_DECODED_BYTES:
        raise DecodeError(f"A frame of {decoded_bytes} bytes is over the limit of {MAX_DECODED_BYTES}.")
    codec = CODECS[attributes.transfer_syntax_uid]
    if codec is not Codec.NATIVE and attributes.tiling is not None:
        values, stream = _decode(data, stored_picture(attributes), 1)
        return tile_of(values, attributes, frame_number), stream
    if codec is not Codec.NATIVE and decoded_bytes > max(_FREE_DECODED_BYTES, _MAX_RATIO * len(data)):
        raise DecodeError(
            f"{len(data)} bytes of image data cannot hold {attributes.rows} × {attributes.columns} pixels."
        )
    if codec is Codec.NATIVE:
        return _native(data, attributes), None
    data = bytes(data)
    if codec is Codec.RLE:
        return _rle(data, attributes), None
    if codec is Codec.DEFLATED_FRAME:
        return _native(_inflated(data, attributes), attributes), None
    stream = describe_stream(data)
    _check_stream(stream, codec, attributes)
    if codec is Codec.JPEG_XL:
        return _jpeg_xl(data, attributes), stream
    try:
        values = _decode_stream(data, stream)
    except (RuntimeError, ValueError, TypeError, MemoryError, NotImplementedError) as exc:
        raise DecodeError(f"Frame {frame_number} is damaged: its {stream.codec} data cannot be decoded.") from exc
    return _as_header_says(values, stream, attributes), stream


def _decoded_bytes(attributes: ImageAttributes) -> int:
    depth = max(attributes.bits_allocated, 8) // 8
    return attributes.rows * attributes.columns * attributes.samples_per_pixel * depth


def _stored_dtype(attributes: ImageAttributes) -> np.dtype[Any]:
    if attributes.pixel_element == "FloatPixelData":
        return np.dtype(np.float32)
    if attributes.pixel_element == "DoubleFloatPixelData":
        return np.dtype(np.float64)
    kind = "i" if attributes.pixel_representation == 1 and attributes.bits_allocated > 1 else "u"
    return np.dtype(f"{kind}{max(attributes.bits_allocated, 8) // 8}")


def _masked(values: NDArray[Any], attributes: ImageAttributes) -> NDArray[Any]:
    """Return values cut to Bits Stored below High Bit, sign-extended where Pixel Representation says so."""
    dtype = _stored_dtype(attributes)
    if dtype.kind == "f" or attributes.bits_allocated == 1:
        return values
    allocated, stored, high_bit = attributes.bits_allocated, attributes.bits_stored, attributes.high_bit
    if stored == allocated:
        return values.view(dtype) if values.dtype.itemsize == dtype.itemsize else values.astype(dtype)
    unsigned = values.view(f"u{dtype.itemsize}")
    if dtype.kind == "u" and high_bit == stored - 1:
        kept: NDArray[Any] = unsigned & dtype.type((1 << stored) - 1)
        return keep_padding_words(kept, unsigned, attributes)
    # Up to the top, then down again: the second shift fills with the sign, or with zeros.
    raised = unsigned << unsigned.dtype.type(allocated - 1 - high_bit)
    lowered: NDArray[Any] = raised.view(dtype)
    lowered >>= dtype.type(allocated - stored)
    return keep_padding_words(lowered, unsigned, attributes)


def _native(data: bytes | memoryview, attributes: ImageAttributes) -> NDArray[Any]:
    rows, columns, samples = attributes.rows, attributes.columns, attributes.samples_per_pixel
    photometric = attributes.photometric_interpretation
    bits = native_frame_bits(rows, columns, samples, attributes.bits_allocated, photometric)
    if len(data) < (bits + 7) // 8:
        raise DecodeError(f"The image data are {len(data)} bytes, but {(bits + 7) // 8} are needed.")
    if attributes.bits_allocated == 1:
        packed = np.frombuffer(data, np.uint8, (bits + 7) // 8)
        return _shaped(np.unpackbits(packed, count=bits, bitorder="little"), attributes)
    dtype = _stored_dtype(attributes)
    is_big = attributes.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
    if attributes.is_byte_swapped:
        data = _swapped(data)
    count = bits // attributes.bits_allocated
    values = np.frombuffer(data, dtype.newbyteorder(">" if is_big else "<"), count).astype(dtype, copy=False)
    values = _masked(values, attributes)
    if photometric in SUBSAMPLED:
        # Y1 Y2 Cb Cr for each two pixels of a row (PS3.3 C.7.6.3.1.2): both take the same chroma.
        pairs = values.reshape(rows, (columns + 1) // 2, 4)
        full = np.stack([pairs[..., [0, 2, 3]], pairs[..., [1, 2, 3]]], axis=2)
        return np.ascontiguousarray(full.reshape(rows, -1, 3)[:, :columns])
    return _shaped(values, attributes, is_planar=attributes.planar_configuration == 1)


def _swapped(data: bytes | memoryview) -> bytes:
    """Undo the byte order of words that hold bytes (8-bit pixels as OW in big endian)."""
    if len(data) % 2:
        raise DecodeError("8-bit pixels in big endian words are supported for frames of even length only.")
    return np.frombuffer(data, ">u2").astype("<u2").tobytes()


def _shaped(values: NDArray[Any], attributes: ImageAttributes, *, is_planar: bool = False) -> NDArray[Any]:
    rows, columns, samples = attributes.rows, attributes.columns, attributes.samples_per_pixel
    if samples == 1:
        return values.reshape(rows, columns)
    if is_planar:
        return np.ascontiguousarray(np.moveaxis(values.reshape(samples, rows, columns), 0, -1))
    return values.reshape(rows, columns, samples)


def _rle(data: bytes, attributes: ImageAttributes) -> NDArray[Any]:
    dtype = _stored_dtype(attributes)
    count = attributes.rows * attributes.columns * attributes.samples_per_pixel
    segments = int.from_bytes(data[:4], "little")
    expected = attributes.samples_per_pixel * dtype.itemsize
    if segments != expected:
        raise DecodeError(f"The RLE data have {segments} segments; the header calls for {expected}.")
    octets = _rle_octets(data, segments, dtype.itemsize)
    if attributes.bits_allocated == 1 and len(octets) < count:
        return _native(bytes(octets), attributes)  # bits were packed before they were compressed
    if len(octets) < count * dtype.itemsize:
        raise DecodeError(f"The RLE data hold {len(octets)} bytes of {count * dtype.itemsize}.")
    values = np.frombuffer(octets, dtype.newbyteorder("<"), count).astype(dtype, copy=False)
    return _shaped(_masked(values, attributes), attributes, is_planar=True)


def _rle_octets(data: bytes, segments: int, width: int) -> bytes:
    """Return little endian values, sample plane by sample plane, of byte planes that come highest byte first (annex G).

    The places of the segments are checked here: `imagecodecs.dicomrle_decode` follows them out of the data.
    """
    places = np.frombuffer(data, "<u4", segments + 1, 0)[1:].tolist() if len(data) >= 64 else []
    ends = [*places[1:], len(data)]
    if not places or places[0] < 64 or any(start >= end for start, end in zip(places, ends, strict=True)):
        raise DecodeError("The RLE data are damaged: their segments lie outside them.")
    try:
        planes = [
            np.frombuffer(imagecodecs.packbits_decode(data[start:end]), np.uint8)
            for start, end in zip(places, ends, strict=True)
        ]
    except (RuntimeError, ValueError, TypeError, MemoryError) as exc:
        raise DecodeError("The RLE data are damaged and cannot be decoded.") from exc
    count = min(plane.size for plane in planes)
    samples = [np.stack([p[:count] for p in reversed(planes[k : k + width])], -1) for k in range(0, segments, width)]
    return np.stack(samples).tobytes()


def _inflated(data: bytes, attributes: ImageAttributes) -> bytes:
    bits = native_frame_bits(
        attributes.rows,
        attributes.columns,
        attributes.samples_per_pixel,
        attributes.bits_allocated,
        attributes.photometric_interpretation,
    )
    try:
        return zlib.decompressobj(-15).decompress(data, (bits + 7) // 8)
    except zlib.error as exc:
        raise DecodeError("The deflated image data are damaged.") from exc


def _jpeg_xl(data: bytes, attributes: ImageAttributes) -> NDArray[Any]:
    dtype = np.dtype(f"u{max(attributes.bits_allocated, 8) // 8}")
    shape: tuple[int, ...] = (attributes.rows, attributes.columns)
    if attributes.samples_per_pixel == 3:
        shape += (3,)
    try:
        values = imagecodecs.jpegxl_decode(data, numthreads=1, out=np.empty(shape, dtype))
    except (RuntimeError, ValueError, TypeError, MemoryError) as exc:
        raise DecodeError("The JPEG XL data are damaged, or not as the header says.") from exc
    return _masked(values, attributes)


def _check_stream(stream: StreamInfo, codec: Codec, attributes: ImageAttributes) -> None:
    jpeg_2000 = {Codec.JPEG_2000, Codec.HTJ2K}
    if stream.codec is not codec and not (stream.codec in jpeg_2000 and codec in jpeg_2000):
        raise DecodeError(f"The image says that it is {codec}, but its data are {stream.codec}.")
    if (stream.rows, stream.columns) != (attributes.rows, attributes.columns):
        raise DecodeError(
            f"The header says {attributes.rows} rows × {attributes.columns} columns, but the image data hold "
            f"{stream.rows} × {stream.columns}."
        )
    if stream.components != attributes.samples_per_pixel:
        raise DecodeError(
            f"The header says {attributes.samples_per_pixel} samples per pixel, but the image data hold "
            f"{stream.components}."
        )
    if stream.precision > max(attributes.bits_allocated, 8):
        raise DecodeError(
            f"The header says {attributes.bits_allocated} bits allocated, but the image data hold {stream.precision}."
        )


def _decode_stream(data: bytes, stream: StreamInfo) -> NDArray[Any]:
    if stream.codec in {Codec.JPEG, Codec.JPEG_LS} and b"\xff\xd9" not in data[-4096:]:
        # Only padding follows the end marker. Of a stream that was cut the JPEG decoder would invent the rest, and the
        # one for JPEG-LS searches for the end for seconds.
        raise DecodeError(f"The {stream.codec} data are cut off: their end is missing.")
    if stream.codec is Codec.JPEG:
        # Not `jpeg_decode`: it may go on to `ljpeg_decode`, which a damaged stream can crash.
        # It has the accurate integer DCT alone, which is at most one level off (`test_jpeg_accuracy.py`).
        space = "YCBCR" if stream.components == 3 else None
        values = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)
    elif stream.codec is Codec.JPEG_LS:
        values = imagecodecs.jpegls_decode(data)
    else:
        # For HTJ2K too: `htj2k_decode` is faster, but a damaged stream can keep it busy for ever, and of an
        # irreversible wavelet it lets overshooting values wrap round.
        # Without the boxes of JP2: the header takes their place (PS3.5 A.4.4), and a color box of sYCC would be undone.
        values = imagecodecs.jpeg2k_decode(data[j2k_start(data) or 0 :], numthreads=1)
    expected: tuple[int, ...] = (stream.rows, stream.columns)
    if stream.components > 1:
        expected += (stream.components,)
    if values.shape != expected:
        raise ValueError("unexpected shape")
    return np.ascontiguousarray(values)


def _as_header_says(values: NDArray[Any], stream: StreamInfo, attributes: ImageAttributes) -> NDArray[Any]:
    """Return decoded values in the dtype of the header.

    Of a lossless stream the bits outside Bits Stored are cut away, and the header decides about the sign. A lossy one
    may overshoot Bits Stored a little, which is no other value; there only a contradiction about the sign is mended,
    within the precision of the stream.
    """
    dtype = _stored_dtype(attributes)
    is_signed = dtype.kind == "i"
    is_exact = stream.is_lossless and attributes.transfer_syntax_uid in LOSSLESS
    if is_exact or (is_signed != stream.is_signed and stream.codec is Codec.JPEG):
        return _masked(_resized(values, dtype), attributes)
    if is_signed == stream.is_signed:
        return values.astype(dtype)
    return _masked(
        _resized(values, dtype),
        replace(attributes, bits_stored=stream.precision, high_bit=stream.precision - 1),
    )


def _resized(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values.astype(np.dtype(f"u{dtype.itemsize}"), copy=False))
