"""Overlays and shutter of one frame as a mask in image space; made where the frame is decoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DecodeError
from webviewer.dicom.aspect import pixel_aspect
from webviewer.dicom.attributes import ImageAttributes, OverlayPlane, Shutter
from webviewer.dicom.decode import decode_words, stored_picture, tile_of
from webviewer.dicom.overlay import count_of_ones, has_bits, overlays_of_frame, pixel_rows
from webviewer.dicom.pixel_module import GREY
from webviewer.dicom.shutter import shade_of_shutter, visible_pixels

_BLACK = (0, 0, 0)
_OVERLAY, _SHUTTER = np.uint8(1), np.uint8(2)
_BLOCK_BITS = 1024**2  # of a plane unpacked at once: 1 MiB


@dataclass(frozen=True, slots=True, eq=False)
class ImageGraphics:
    """What lies over a frame.

    ``mask`` is (rows, columns) uint8, bit 0 = an overlay, bit 1 = covered by the shutter; None = nothing is drawn.
    ``origin`` is the column and row of its first pixel in the image, from 0: overlays may begin outside of the image.
    """

    mask: NDArray[np.uint8] | None
    origin: tuple[int, int]
    has_overlays: bool
    has_shutter: bool
    shutter_shade: tuple[int, int, int]
    lacks_overlay: bool
    ignores_shutter: bool

    @property
    def size_bytes(self) -> int:
        """Memory of the mask."""
        return 0 if self.mask is None else self.mask.nbytes


@dataclass(frozen=True, slots=True)
class _Place:
    """First row and column of an overlay in the image, from 0, and its size."""

    top: int
    left: int
    rows: int
    columns: int


def has_overlay_data(attributes: ImageAttributes, frame_number: int) -> bool:
    """Tell whether a frame has overlays whose bits are to be asked for."""
    return any(has_bits(plane, frame) for plane, frame in overlays_of_frame(attributes, frame_number))


def make_graphics(
    data: bytes | None,
    attributes: ImageAttributes,
    frame_number: int,
    overlay_bits: Iterable[tuple[int, bytes]],
) -> ImageGraphics | None:
    """Return what lies over a frame, None if it has neither overlays nor a shutter.

    The memory is bounded by the size of the image, beside the packed bits of one plane.

    Parameters
    ----------
    data
        The frame as stored: bits beside its values may be overlays. None if only its values are there.
    overlay_bits
        Overlay group and packed bits of each plane, as the storage node sends them. One plane is held at a time.
    """
    shutter = attributes.frame(frame_number).shutter
    planes = [plane for plane, _ in overlays_of_frame(attributes, frame_number)]
    if shutter is None and not planes:
        return None
    hidden, shape_is_lost = _covered(shutter, attributes, frame_number)
    places = {plane.group: _place(plane, attributes, frame_number) for plane in planes if not plane.refusal}
    mask, origin = None, (0, 0)
    drawn, is_cut = 0, False
    if places or hidden is not None:
        mask, origin = _empty_mask(list(places.values()), attributes)
        if hidden is not None:
            left, top = origin
            mask[-top : attributes.rows - top, -left : attributes.columns - left][hidden] = _SHUTTER
        drawn = _draw_pixel_planes(mask, origin, planes, data=data, attributes=attributes, frame_number=frame_number)
        packed = {plane.group: plane for plane in planes if not plane.refusal and plane.bit_position is None}
        for group, bits in overlay_bits:
            plane = packed.pop(group, None)
            if plane is None or len(bits) * 8 < plane.rows * plane.columns:
                continue
            drawn += 1
            inside = _draw_bits(mask, origin, bits, places[group])
            # The tile of a mosaic has its part only: the other tiles have the rest.
            is_cut |= attributes.tiling is None and inside < count_of_ones(bits, plane.rows * plane.columns)
    is_grey = attributes.photometric_interpretation in GREY
    return ImageGraphics(
        mask=None if not drawn and hidden is None else mask,
        origin=origin,
        has_overlays=drawn > 0,
        has_shutter=hidden is not None,
        shutter_shade=_BLACK if shutter is None else shade_of_shutter(shutter, is_grey=is_grey),
        lacks_overlay=is_cut or drawn < len(planes),
        ignores_shutter=shape_is_lost,
    )


def _place(plane: OverlayPlane, attributes: ImageAttributes, frame_number: int) -> _Place:
    """Return the place of a plane in the image, or in the tile of a mosaic."""
    if plane.bit_position is not None:
        return _Place(0, 0, attributes.rows, attributes.columns)
    top, left = plane.origin_row - 1, plane.origin_column - 1
    if attributes.tiling is not None:
        down, across = divmod(frame_number - 1, attributes.tiling.columns // attributes.columns)
        top, left = top - down * attributes.rows, left - across * attributes.columns
    return _Place(top, left, plane.rows, plane.columns)


def _empty_mask(places: list[_Place], attributes: ImageAttributes) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return mask and origin of `ImageGraphics`, nothing drawn: the image and half its size more on each side.

    The tile of a mosaic has no room beside it.
    """
    if attributes.tiling is not None:
        places = []
    top, bottom = _span([(place.top, place.rows) for place in places], attributes.rows)
    left, right = _span([(place.left, place.columns) for place in places], attributes.columns)
    return np.zeros((bottom - top, right - left), np.uint8), (left, top)


def _draw_pixel_planes(
    mask: NDArray[np.uint8],
    origin: tuple[int, int],
    planes: list[OverlayPlane],
    *,
    data: bytes | None,
    attributes: ImageAttributes,
    frame_number: int,
) -> int:
    """Draw the planes whose bits lie in Pixel Data and return their number."""
    positions = [plane.bit_position for plane in planes if plane.bit_position is not None and not plane.refusal]
    if data is None or not positions:
        return 0
    try:
        words, known_bits = decode_words(data, attributes, frame_number)
    except DecodeError:
        return 0  # the image itself can be shown
    # A decoder that was given fewer bits than a word has did not keep the others.
    positions = [position for position in positions if position < known_bits]
    if words.dtype.kind not in "ui":
        return 0
    left, top = origin
    target = mask[-top : attributes.rows - top, -left : attributes.columns - left]
    for position in positions:
        target |= (words >> words.dtype.type(position) & words.dtype.type(1)).astype(np.uint8) * _OVERLAY
    return len(positions)


def _draw_bits(mask: NDArray[np.uint8], origin: tuple[int, int], bits: bytes, place: _Place) -> int:
    """Draw the part of a packed plane that lies in the mask and return how many of its bits are set.

    Only rows of that part are unpacked, `_BLOCK_BITS` at a time: a plane can be a thousand times larger than its image.
    """
    left, top = origin
    above, before = place.top - top, place.left - left
    first_row, last_row = max(-above, 0), min(place.rows, mask.shape[0] - above)
    first_column, last_column = max(-before, 0), min(place.columns, mask.shape[1] - before)
    if first_column >= last_column:
        return 0
    step, count = max(_BLOCK_BITS // place.columns, 1), 0
    for row in range(first_row, last_row, step):
        end = min(row + step, last_row)
        part = pixel_rows(bits, row, end, place.columns)[:, first_column:last_column]
        target = mask[row + above : end + above, first_column + before : last_column + before]
        target |= part * _OVERLAY
        count += int(np.count_nonzero(part))
    return count


def _covered(
    shutter: Shutter | None, attributes: ImageAttributes, frame_number: int
) -> tuple[NDArray[np.bool_] | None, bool]:
    """Return the covered pixels, None if none are, and whether a shape of the shutter cannot be true.

    A shutter that covers all of an image is no shutter: the image is shown.
    """
    if shutter is None:
        return None, False
    picture = stored_picture(attributes)
    visible = visible_pixels(shutter, picture.rows, picture.columns, pixel_aspect(attributes, frame_number))
    if attributes.tiling is not None:
        visible = tile_of(visible, attributes, frame_number)
    if not visible.any():
        return None, True
    return (None if visible.all() else ~visible), shutter.is_doubtful


def _span(spans: list[tuple[int, int]], size: int) -> tuple[int, int]:
    """Return first and last + 1 of the rows (or columns) that image and overlays take: at most half a size more."""
    margin = size // 2
    first = min([0, *(start for start, _ in spans)])
    last = max([size, *(start + length for start, length in spans)])
    return max(first, -margin), min(last, size + margin)
