"""Pixels to PNG and JPEG.

Measured on a 1024² frame: a grey PNG by the Up filter and isal's deflate costs no more than a JPEG.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FILTER_UP = 2
_GREY, _RGB = 0, 2  # PNG colour types
_ZLIB_WINDOW_BITS = 15
_STILL_QUALITIES = (95, 85, 70, 50, 35)  # of a still that may not be lossless, the best first


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A picture as it goes out: ``media_type`` "image/png" or "image/jpeg"."""

    data: bytes
    media_type: str
    lossless: bool


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG of (height, width) grey or (height, width, 3) RGB, uint8, without loss.

    Every row is filtered "Up" (minus the row above, modulo 256), which suits smooth pictures and is one NumPy
    subtraction.
    """
    height, width = pixels.shape[:2]
    row_bytes = width * (1 if pixels.ndim == 2 else 3)
    rows = np.ascontiguousarray(pixels).reshape(height, row_bytes)
    filtered = np.empty((height, row_bytes + 1), dtype=np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    body = isal_zlib.compress(filtered, level=1, wbits=_ZLIB_WINDOW_BITS)
    colour_type = _GREY if pixels.ndim == 2 else _RGB
    head = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", head), _chunk(b"IDAT", body), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)))


def encode_jpeg(pixels: NDArray[np.uint8], quality: int, *, full_colour: bool = False) -> bytes:
    """Return a baseline JPEG of grey or RGB pixels; ``full_colour`` keeps colour at full resolution (4:4:4)."""
    if pixels.ndim == 2:
        data: Any = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels)[:, :, np.newaxis], quality=quality, colorspace="GRAY", colorsubsampling="Gray"
        )
    else:
        subsampling = "444" if full_colour else "420"
        data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=quality, colorspace="RGB", colorsubsampling=subsampling
        )
    return bytes(data)


def encode_still(
    pixels: NDArray[np.uint8], lossless_limit_bytes: int, limit_bytes: int | None = None
) -> EncodedPicture:
    """Return the picture at rest: lossless where the limits allow it.

    Parameters
    ----------
    pixels
        (height, width) grey or (height, width, 3) RGB, uint8.
    lossless_limit_bytes
        A colour picture whose PNG is larger becomes a JPEG of quality 95 in 4:4:4.
    limit_bytes
        What a slow line may carry, None = anything: the best JPEG that fits instead of a larger picture; if none fits,
        the lightest.
    """
    data = encode_png(pixels)
    fits_colour = pixels.ndim == 2 or len(data) <= lossless_limit_bytes
    if fits_colour and (limit_bytes is None or len(data) <= limit_bytes):
        return EncodedPicture(data, "image/png", lossless=True)
    for quality in _STILL_QUALITIES:
        data = encode_jpeg(pixels, quality, full_colour=True)
        if limit_bytes is None or len(data) <= limit_bytes:
            break
    return EncodedPicture(data, "image/jpeg", lossless=False)


def encode_light(pixels: NDArray[np.uint8], quality: int, *, full_colour: bool = False) -> EncodedPicture:
    """Return the picture while moving: a JPEG; ``full_colour`` as of `encode_jpeg`."""
    return EncodedPicture(encode_jpeg(pixels, quality, full_colour=full_colour), "image/jpeg", lossless=False)
