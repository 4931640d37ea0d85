"""Head of a JPEG XL code stream: size, depth, color, and whether it can be lossless. Used by `codestream`.

`imagecodecs` returns none of these facts, and the transfer syntax may be wrong about loss. A stream in XYB is lossy
under every transfer syntax, and so is a stream of DCT coefficients, for example a recompressed JPEG file.

References
----------
ISO/IEC 18181-1 annexes B (bit reader), D (headers), E (color encoding), F (frame header); 18181-2 (container).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from webviewer.core.errors import DecodeError

CODESTREAM_SIGNATURE: Final = b"\xff\x0a"
CONTAINER_SIGNATURE: Final = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
_HEAD_BYTES: Final = 4096  # more than the fields read here can take
_MAX_BOXES: Final = 1024
_RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # columns to rows
_GREY, _XYB, _UNKNOWN = 1, 2, 3
_CUSTOM: Final = 2  # white point or primaries with numbers of their own

# U32: (bits, offset) for each of the four selectors.
_SIZE: Final = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: Final = ((0, 0), (0, 1), (4, 2), (6, 18))
_BITS: Final = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_BITS: Final = ((0, 32), (0, 16), (0, 24), (6, 1))
_EXTRA_CHANNELS: Final = ((0, 0), (0, 1), (4, 2), (12, 1))
_CHROMATICITY: Final = ((19, 0), (19, 524288), (20, 1048576), (21, 2097152))


@dataclass(frozen=True, slots=True)
class JpegXlHead:
    """Facts of the head of a JPEG XL stream; rows and columns as decoded, with the orientation applied."""

    rows: int
    columns: int
    components: int  # 1 or 3, without extra channels
    precision: int
    is_lossless: bool  # the head shows no XYB, no DCT and no recompressed JPEG
    states_rgb: bool  # the color encoding is RGB; False where it is unknown, or grey


class _Bits:
    """Bits of a stream, the lowest of each byte first; IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self._length = len(data) * 8
        self._position = 0

    def take(self, count: int) -> int:
        end = self._position + count
        if end > self._length:
            raise IndexError
        found = (self._number >> self._position) & ((1 << count) - 1)
        self._position = end
        return found

    def flag(self) -> bool:
        return self.take(1) == 1

    def u32(self, choices: tuple[tuple[int, int], ...]) -> int:
        count, offset = choices[self.take(2)]
        return self.take(count) + offset

    def u64(self) -> int:
        selector = self.take(2)
        if selector == 0:
            return 0
        if selector == 1:
            return 1 + self.take(4)
        if selector == 2:
            return 17 + self.take(8)
        found, shift = self.take(12), 12
        while self.flag():
            if shift == 60:
                return found | self.take(4) << shift
            found |= self.take(8) << shift
            shift += 8
        return found

    def align(self) -> None:
        self._position += -self._position % 8


def read_jpeg_xl_head(data: bytes) -> JpegXlHead:
    """Return facts of the head of a bare code stream or of one in a container.

    Raises
    ------
    DecodeError
        It is neither, is cut off, has extra channels (such as transparency), or says a size of nothing.
    """
    stream, is_recompressed_jpeg = _code_stream(data)
    if stream[:2] != CODESTREAM_SIGNATURE:
        raise DecodeError("The JPEG XL data are damaged: they begin like no JPEG XL stream.")
    try:
        return _head(_Bits(stream[2:_HEAD_BYTES]), is_recompressed_jpeg=is_recompressed_jpeg)
    except IndexError as exc:
        raise DecodeError("The JPEG XL data are damaged: their head is cut off.") from exc


def _code_stream(data: bytes) -> tuple[bytes, bool]:
    """Return the start of the code stream, and whether a box holds what a JPEG file is rebuilt from."""
    if not data.startswith(CONTAINER_SIGNATURE):
        return data[:_HEAD_BYTES], False
    position, found, has_jpeg = 0, b"", False
    for _ in range(_MAX_BOXES):
        if position + 8 > len(data):
            break
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:
            if position + 16 > len(data):
                break
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        end = len(data) if size == 0 else position + size
        if end < position + head:
            break
        has_jpeg = has_jpeg or kind == b"jbrd"
        if kind == b"jxlc" and not found:
            found = data[position + head : min(end, position + head + _HEAD_BYTES)]
        elif kind == b"jxlp" and len(found) < _HEAD_BYTES:
            found += data[position + head + 4 : min(end, position + head + 4 + _HEAD_BYTES)]
        position = end
    return found, has_jpeg


def _head(bits: _Bits, *, is_recompressed_jpeg: bool) -> JpegXlHead:
    columns, rows = _size(bits)
    orientation, precision, is_xyb, space = 1, 8, True, 0
    can_read_frame = True
    if not bits.flag():  # all_default
        has_extra_fields = bits.flag()
        if has_extra_fields:
            orientation = 1 + bits.take(3)
            if bits.flag():
                _size(bits)  # intrinsic size
            if bits.flag() or bits.flag():  # preview, animation: several frames
                raise DecodeError("The JPEG XL data hold a preview or an animation, which is not supported.")
        is_float = bits.flag()
        precision = bits.u32(_FLOAT_BITS if is_float else _BITS)
        if is_float:
            bits.take(4)
        bits.flag()  # modular_16bit_buffers
        if bits.u32(_EXTRA_CHANNELS):
            raise DecodeError("The JPEG XL data hold extra channels (such as transparency), which is not supported.")
        is_xyb = bits.flag()
        space, can_read_frame = _colour_encoding(bits)
        if has_extra_fields and not bits.flag():  # tone mapping
            bits.take(16 + 16 + 1 + 16)
        can_read_frame = can_read_frame and bits.u64() == 0  # extensions
    is_dct = False
    if can_read_frame and not is_xyb:
        is_dct = _is_first_frame_dct(bits)
    if orientation > 4:
        rows, columns = columns, rows
    return JpegXlHead(
        rows=rows,
        columns=columns,
        components=1 if space == _GREY else 3,
        precision=precision,
        is_lossless=not (is_xyb or is_dct or is_recompressed_jpeg),
        states_rgb=space not in {_GREY, _UNKNOWN},
    )


def _size(bits: _Bits) -> tuple[int, int]:
    """Return columns and rows."""
    is_small = bits.flag()
    rows = 8 * (1 + bits.take(5)) if is_small else bits.u32(_SIZE)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return rows * over // under, rows
    return (8 * (1 + bits.take(5)) if is_small else bits.u32(_SIZE)), rows


def _colour_encoding(bits: _Bits) -> tuple[int, bool]:
    """Return the color space, and whether what follows can be read: an ICC profile is entropy coded."""
    if bits.flag():  # all_default: sRGB
        return 0, True
    has_icc = bits.flag()
    space = bits.u32(_ENUM)
    if has_icc:
        return space, False
    if space != _XYB:
        if bits.u32(_ENUM) == _CUSTOM:
            _skip_chromaticities(bits, 1)
        if space != _GREY and bits.u32(_ENUM) == _CUSTOM:
            _skip_chromaticities(bits, 3)
        if bits.flag():
            bits.take(24)  # gamma
        else:
            bits.u32(_ENUM)  # transfer function
    bits.u32(_ENUM)  # rendering intent
    return space, True


def _skip_chromaticities(bits: _Bits, count: int) -> None:
    for _ in range(2 * count):
        bits.u32(_CHROMATICITY)


def _is_first_frame_dct(bits: _Bits) -> bool:
    if not bits.flag():  # custom transform data: without XYB only the weights of up-sampling
        masks = bits.take(3)
        for mask, numbers in ((1, 15), (2, 55), (4, 210)):
            if masks & mask:
                bits.take(16 * numbers)
    bits.align()
    if bits.flag():  # all_default: a regular frame of DCT coefficients
        return True
    bits.take(2)  # frame_type
    return not bits.flag()  # encoding: 0 DCT, 1 modular
