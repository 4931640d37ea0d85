"""Overlay planes: geometry from the header, and bits as pixels.

An overlay that cannot be drawn keeps a ``refusal``, so that the cell says so:

- ``size``: it states no size;
- ``limit``: it is larger than `MAX_PLANE_BITS`, or the planes before it and it are larger than `MAX_OVERLAY_BITS`;
- ``short``: it has fewer bits than its size calls for;
- ``layout``: its bits are not packed one by one;
- ``bits``: it claims bits of Pixel Data that belong to the values, or that are not there;
- ``compressed``: its bits lie in pixel data that were compressed with loss.

References
----------
PS3.3 C.9.2 (Overlay Plane), C.9.3 (Multi-frame Overlay); PS3.5 8.1.2 (overlays in Pixel Data, retired), 8.1.3.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import MAX_OVERLAY_BITS, MAX_PLANE_BITS, ImageAttributes, OverlayPlane
from webviewer.dicom.dataset import DataSet, ValueSpan
from webviewer.dicom.elements import OVERLAY_GROUPS, OverlayElement, overlay_tag
from webviewer.dicom.pixel_module import PixelModule
from webviewer.dicom.transfer_syntaxes import EXPLICIT_VR_BIG_ENDIAN, LOSSY

_FAR = 2**15  # Overlay Origin is of 16 bits
_COUNT_BYTES = 64 * 1024


def read_overlays(
    ds: DataSet, overlay_data: Mapping[int, ValueSpan], pixel: PixelModule, transfer_syntax_uid: str
) -> tuple[OverlayPlane, ...]:
    """Return the overlay planes of a data set, at most one for each of the 16 groups; never raises.

    Parameters
    ----------
    overlay_data
        Places of Overlay Data by tag.
    pixel
        The image that the planes lie over.
    transfer_syntax_uid
        Of the data set.
    """
    found: list[OverlayPlane] = []
    left_bits = MAX_OVERLAY_BITS
    for group in OVERLAY_GROUPS:
        span = overlay_data.get(overlay_tag(group, OverlayElement.DATA))
        is_described = all(
            overlay_tag(group, element) in ds for element in (OverlayElement.ROWS, OverlayElement.COLUMNS)
        )
        if span is not None and span.length_bytes:
            plane = _plane_of_data(ds, group, span, pixel, transfer_syntax_uid)
            bits = 0 if plane.refusal else plane.rows * plane.columns
            if bits > left_bits:
                plane, bits = _plane(ds, group, pixel, refusal="limit"), 0
            left_bits -= bits
            found.append(plane)
        elif is_described:
            found.append(_plane_of_pixels(ds, group, pixel, transfer_syntax_uid))
    return tuple(found)


def _integer(ds: DataSet, group: int, element: OverlayElement) -> int | None:
    return ds.integer(overlay_tag(group, element))


def _size(ds: DataSet, group: int) -> tuple[int | None, int | None]:
    """Return Overlay Rows and Overlay Columns, None for what is missing or no size."""
    found = [_integer(ds, group, element) for element in (OverlayElement.ROWS, OverlayElement.COLUMNS)]
    rows, columns = (side if side is not None and 1 <= side <= 65535 else None for side in found)
    return rows, columns


def _plane(
    ds: DataSet, group: int, pixel: PixelModule, *, refusal: str = "", **facts: int | bool | None
) -> OverlayPlane:
    origin = ds.numbers(overlay_tag(group, OverlayElement.ORIGIN))
    sound = origin is not None and len(origin) >= 2 and all(abs(v) <= _FAR for v in origin[:2])
    row, column = (round(origin[0]), round(origin[1])) if origin and sound else (1, 1)
    rows, columns = _size(ds, group)
    return OverlayPlane(
        group=group,
        rows=rows or pixel.rows,
        columns=columns or pixel.columns,
        origin_row=row,
        origin_column=column,
        refusal=refusal,
        **facts,  # type: ignore[arg-type]  # numbers, texts and None by name
    )


def _plane_of_data(
    ds: DataSet, group: int, span: ValueSpan, pixel: PixelModule, transfer_syntax_uid: str
) -> OverlayPlane:
    """Return a plane that has Overlay Data; of what it states of bits in Pixel Data nothing counts."""
    rows, columns = _size(ds, group)
    bits = (rows or pixel.rows) * (columns or pixel.columns)
    # A missing size is taken from the image, if there is one bit for each of its pixels.
    is_sized = bool(rows and columns) or (bits + 15) // 16 * 2 == (span.length_bytes + 1) // 2 * 2
    if not is_sized:
        return _plane(ds, group, pixel, refusal="size")
    if bits > MAX_PLANE_BITS:
        return _plane(ds, group, pixel, refusal="limit")
    if span.length_bytes * 8 < bits:
        return _plane(ds, group, pixel, refusal="short")
    allocated = _integer(ds, group, OverlayElement.BITS_ALLOCATED) or 1
    frames = _integer(ds, group, OverlayElement.NUMBER_OF_FRAMES)
    origin = _integer(ds, group, OverlayElement.IMAGE_FRAME_ORIGIN)
    if frames is None:
        # Without the module of multi-frame overlays one plane lies over all frames, unless there is one for each.
        has_all = pixel.number_of_frames > 1 and span.length_bytes * 8 >= bits * pixel.number_of_frames
        frames = pixel.number_of_frames if has_all else 1
        if origin is None and has_all:
            origin = 1
    elif origin is None:
        origin = 1
    if allocated > 1 and span.length_bytes * 8 >= bits * max(frames, 1) * allocated:
        return _plane(ds, group, pixel, refusal="layout")
    return _plane(
        ds,
        group,
        pixel,
        # As many as it claims: the cell says that a frame lacks its overlay where the bits end early.
        number_of_frames=max(frames, 1),
        image_frame_origin=None if origin is None else max(origin, 1),
        first_byte=span.offset_bytes,
        length_bytes=span.length_bytes,
        is_byte_swapped=transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN and span.vr == "OW",
    )


def _plane_of_pixels(ds: DataSet, group: int, pixel: PixelModule, transfer_syntax_uid: str) -> OverlayPlane:
    """Return a plane whose bits lie in unused bits of Pixel Data (retired, but in archives)."""
    rows, columns = _size(ds, group)
    position = _integer(ds, group, OverlayElement.BIT_POSITION)
    if (rows, columns) != (pixel.rows, pixel.columns):
        return _plane(ds, group, pixel, refusal="size")
    lowest = pixel.high_bit - pixel.bits_stored + 1
    is_free = position is not None and (position > pixel.high_bit or 0 <= position < lowest)
    if position is None or not is_free or position >= pixel.bits_allocated or pixel.samples_per_pixel != 1:
        return _plane(ds, group, pixel, refusal="bits")
    if transfer_syntax_uid in LOSSY:
        return _plane(ds, group, pixel, refusal="compressed")
    return _plane(ds, group, pixel, bit_position=position)


def overlay_frame(plane: OverlayPlane, frame_number: int) -> int | None:
    """Return which frame of a plane, from 0, lies over a frame of the image, from 1; None if none does."""
    if plane.image_frame_origin is None:
        return 0
    frame = frame_number - plane.image_frame_origin
    return frame if 0 <= frame < plane.number_of_frames else None


def has_bits(plane: OverlayPlane, frame: int) -> bool:
    """Tell whether Overlay Data has all bits of a frame of a plane, from 0."""
    bits = plane.rows * plane.columns
    return plane.first_byte is not None and not plane.refusal and (frame + 1) * bits <= plane.length_bytes * 8


def overlays_of_frame(attributes: ImageAttributes, frame_number: int) -> list[tuple[OverlayPlane, int]]:
    """Return the planes over a frame of the image, from 1, each with its own frame, from 0.

    The tiles of a mosaic lie under the planes of the stored picture.
    """
    number = frame_number if attributes.tiling is None else 1
    frames = ((plane, overlay_frame(plane, number)) for plane in attributes.overlays)
    return [(plane, frame) for plane, frame in frames if frame is not None]


def bits_of_frame(data: bytes, first_bit: int, count: int) -> bytes:
    """Return ``count`` packed bits from ``first_bit`` on, the first of them in the lowest bit of the first byte.

    ``data`` are packed in the same order, lowest bit first (PS3.5 8.1.3).
    """
    start, shift = divmod(first_bit, 8)
    octets = np.frombuffer(data, np.uint8)[start:]
    size = (count + 7) // 8
    if shift:
        following = np.append(octets[1:], np.uint8(0))[: len(octets)]
        octets = (octets >> np.uint8(shift)) | (following << np.uint8(8 - shift))
    return octets[:size].tobytes()


def swapped_words(data: bytes) -> bytes:
    """Return data with the two bytes of each word exchanged; a last odd byte is half a word."""
    return np.frombuffer(data + b"\0" * (len(data) % 2), np.uint16).byteswap().tobytes()


def pixel_rows(bits: bytes, first: int, last: int, columns: int) -> NDArray[np.uint8]:
    """Return rows ``first`` to ``last`` - 1 of a packed plane as 0 and 1, (rows, columns)."""
    first_byte, shift = divmod(first * columns, 8)
    count = (last - first) * columns
    octets = np.frombuffer(bits, np.uint8)[first_byte : first_byte + (shift + count + 7) // 8]
    return np.unpackbits(octets, count=shift + count, bitorder="little")[shift:].reshape(last - first, columns)


def count_of_ones(bits: bytes, count: int) -> int:
    """Return how many of the first ``count`` packed bits are set."""
    whole, rest = divmod(count, 8)
    view = memoryview(bits)
    found = sum(
        int.from_bytes(view[start : min(start + _COUNT_BYTES, whole)]).bit_count()
        for start in range(0, whole, _COUNT_BYTES)
    )
    return found + ((bits[whole] & (1 << rest) - 1).bit_count() if rest else 0)
