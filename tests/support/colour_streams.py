"""Colored code streams of a patch, with the markers that senders in the wild write, leave out, or write wrongly."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.support.phantom_files import encode_rle, make_rgb

_COLOURS = [
    *([0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]),
    *([128, 128, 128], [200, 50, 90], [10, 100, 240], [60, 200, 20], [250, 180, 160], [90, 90, 30], [33, 66, 99]),
    [180, 20, 220],
]


def patch() -> NDArray[np.uint8]:
    """Return 16 squares of 16 × 16 pixels, RGB, (64, 64, 3): primaries, greys and mixtures."""
    squares = np.array(_COLOURS, np.uint8).reshape(4, 4, 3)
    return np.repeat(np.repeat(squares, 16, axis=0), 16, axis=1)


def ybr_of(rgb: NDArray[np.uint8], *, is_partial: bool = False) -> NDArray[np.uint8]:
    """Return YCbCr of RGB by the equations of PS3.3 C.7.6.3.1.2, full or partial range, rounded."""
    red, green, blue = (rgb[..., k].astype(np.float64) for k in range(3))
    if is_partial:
        y = 0.2568 * red + 0.5041 * green + 0.0979 * blue + 16
        cb = -0.1482 * red - 0.2910 * green + 0.4392 * blue + 128
        cr = 0.4392 * red - 0.3678 * green - 0.0714 * blue + 128
    else:
        y = 0.2990 * red + 0.5870 * green + 0.1140 * blue
        cb = -0.1687 * red - 0.3313 * green + 0.5000 * blue + 128
        cr = 0.5000 * red - 0.4187 * green - 0.0813 * blue + 128
    return np.clip(np.stack([y, cb, cr], axis=-1) + 0.5, 0, 255).astype(np.uint8)


def coded(photometric: str, syntax: str, stream: bytes, planar_configuration: int = 0) -> Dataset:
    """Return an object of 64 × 64 pixels whose header says ``photometric``, with one encapsulated stream."""
    ds = make_rgb(values=patch(), photometric=photometric)
    ds.PlanarConfiguration = planar_configuration
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    return ds


def native(photometric: str, components: NDArray[np.uint8], planar_configuration: int = 0) -> Dataset:
    """Return an uncompressed object; names with 422 get two pixels for each chroma."""
    ds = make_rgb(values=components, photometric=photometric, planar_configuration=planar_configuration)
    if photometric.endswith("422"):
        ds.PixelData = subsampled(components)
    return ds


def subsampled(components: NDArray[np.uint8]) -> bytes:
    """Return Y Y Cb Cr for each two pixels of a row."""
    pairs = components.reshape(components.shape[0], -1, 2, 3)
    return np.stack([pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]], axis=-1).tobytes()


def rle(components: NDArray[np.uint8]) -> bytes:
    """Return an RLE frame."""
    return encode_rle(components)


def deflated(data: bytes) -> bytes:
    """Return a deflated frame."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()


# -- JPEG --------------------------------------------------------------------------------------------------------------


def jpeg(components: NDArray[np.uint8], **more: Any) -> bytes:
    """Return a baseline stream of components as they are: Adobe transform 0, identifiers R, G, B."""
    return bytes(imagecodecs.jpeg8_encode(components, 100, colorspace="RGB", outcolorspace="RGB", **more))


def jpeg_of_rgb(rgb: NDArray[np.uint8], subsampling: str = "444") -> bytes:
    """Return a baseline stream of YCbCr, which the encoder makes of RGB: JFIF, identifiers 1, 2, 3, two tables."""
    return bytes(imagecodecs.jpeg8_encode(rgb, 100, colorspace="RGB", outcolorspace="YCBCR", subsampling=subsampling))


def without_application_markers(stream: bytes) -> bytes:
    """Return a JPEG stream without JFIF and Adobe markers."""
    found, position = stream[:2], 2
    while stream[position + 1] != 0xDA:
        length = struct.unpack_from(">H", stream, position + 2)[0]
        if not 0xE0 <= stream[position + 1] <= 0xEF:
            found += stream[position : position + 2 + length]
        position += 2 + length
    return found + stream[position:]


def with_segment(stream: bytes, marker: int, body: bytes) -> bytes:
    """Return a JPEG or JPEG-LS stream with one more marker segment at its head."""
    return stream[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + stream[2:]


def with_identifiers(stream: bytes, identifiers: bytes) -> bytes:
    """Return a JPEG stream of three components with other component identifiers."""
    changed, position = bytearray(stream), 2
    while True:
        marker = changed[position + 1]
        if marker in {0xC0, 0xC1}:
            for k in range(3):
                changed[position + 10 + 3 * k] = identifiers[k]
        elif marker == 0xDA:
            for k in range(3):
                changed[position + 5 + 2 * k] = identifiers[k]
            return bytes(changed)
        position += 2 + struct.unpack_from(">H", changed, position + 2)[0]


JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"


def adobe(transform: int) -> bytes:
    """Return the body of an Adobe marker."""
    return b"Adobe\0\x64\0\0\0\0" + bytes([transform])


def jpeg_lossless(components: NDArray[np.uint8]) -> bytes:
    """Return a lossless JPEG stream of components as they are."""
    return bytes(imagecodecs.jpeg8_encode(components, lossless=True))


# -- JPEG-LS -----------------------------------------------------------------------------------------------------------


def jpeg_ls(components: NDArray[np.uint8], near: int = 0) -> bytes:
    """Return a JPEG-LS stream with the SPIFF header of RGB that CharLS writes for all."""
    return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(components), near))


def jpeg_ls_with_spiff_colour(components: NDArray[np.uint8], colour: int) -> bytes:
    """Return a JPEG-LS stream whose SPIFF header names another color space."""
    stream = bytearray(jpeg_ls(components))
    start = stream.index(b"SPIFF\0")
    assert stream[start + 18] == 10, "RGB"
    stream[start + 18] = colour
    return bytes(stream)


def jpeg_ls_with_hp_transform(rgb: NDArray[np.uint8]) -> bytes:
    """Return a JPEG-LS stream with the first transform of Hewlett-Packard: R - G, G, B - G about 128."""
    wide = rgb.astype(np.int64)
    red, green, blue = wide[..., 0], wide[..., 1], wide[..., 2]
    changed = np.stack([(red - green + 128) % 256, green, (blue - green + 128) % 256], axis=-1).astype(np.uint8)
    stream = without_application_markers(jpeg_ls(changed))
    return with_segment(stream, 0xE8, b"mrfx\x01")


# -- JPEG 2000, JPEG XL ------------------------------------------------------------------------------------------------


def jpeg_2000(components: NDArray[np.uint8], *, transform: bool, reversible: bool = True, **more: Any) -> bytes:
    """Return a JPEG 2000 stream, with or without the multiple component transform (RCT or ICT)."""
    keywords: dict[str, Any] = {"codecformat": "J2K", "level": 0} | more
    return bytes(imagecodecs.jpeg2k_encode(components, mct=transform, reversible=reversible, **keywords))


def jpeg_2000_grey(values: NDArray[np.uint8]) -> bytes:
    """Return a reversible JPEG 2000 stream of one component."""
    return bytes(imagecodecs.jpeg2k_encode(values, codecformat="J2K", level=0, reversible=True))


def jp2_that_says_sycc(jp2: bytes) -> bytes:
    """Return a JP2 file whose color box names sYCC (18) in place of sRGB (16)."""
    start = jp2.index(b"colr")
    assert jp2[start + 7 : start + 11] == bytes([0, 0, 0, 16])
    return jp2[: start + 10] + b"\x12" + jp2[start + 11 :]


def htj2k(components: NDArray[np.uint8], *, transform: bool, reversible: bool = True) -> bytes:
    """Return an HTJ2K stream, with or without the multiple component transform."""
    return bytes(imagecodecs.htj2k_encode(components, rgb=transform, reversible=reversible))


def jpeg_xl(components: NDArray[np.uint8], **more: Any) -> bytes:
    """Return a JPEG XL stream, lossless unless a distance is given; the encoder always states sRGB."""
    return bytes(imagecodecs.jpegxl_encode(components, **(more or {"lossless": True})))


def jpeg_xl_of_jpeg(stream: bytes) -> bytes:
    """Return a JPEG stream recompressed, in a container with what rebuilds the JPEG file."""
    return bytes(imagecodecs.jpegxl_encode_jpeg(stream))


def bare_jpeg_xl(container: bytes) -> bytes:
    """Return the code stream out of the boxes of a container."""
    found, position = b"", 0
    while position < len(container):
        size, kind = struct.unpack_from(">I4s", container, position)
        end = len(container) if size == 0 else position + size
        if kind == b"jxlc":
            return container[position + 8 : end]
        if kind == b"jxlp":
            found += container[position + 12 : end]
        position = end
    return found


def jpeg_xl_head_of_unknown_colour() -> bytes:
    """Return the head of a JPEG XL stream, 64 × 64 pixels of three components whose color only an ICC profile says.

    The encoder here always states sRGB, so the fields are written one by one; no picture follows.
    """
    fields = [  # value, bits
        *((1, 1), (7, 5), (1, 3)),  # small, rows / 8 - 1, square
        *((0, 1), (0, 1)),  # not all default, no extra fields
        *((0, 1), (0, 2), (1, 1), (0, 2)),  # integers, 8 bits, 16-bit buffers suffice, no extra channels
        *((0, 1), (0, 1), (1, 1), (2, 2), (1, 4)),  # not XYB; not default, an ICC profile, color space 2 + 1: unknown
        *((0, 2), (1, 1)),  # no extensions, default transform
    ]
    number, position = 0, 0
    for value, bits in fields:
        number |= value << position
        position += bits
    return b"\xff\x0a" + number.to_bytes((position + 7) // 8, "little")
