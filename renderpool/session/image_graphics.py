"""Overlays and shutter of one frame as a mask in image space; made where the frame is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DecodeError
from webviewer.dicom.aspect import pixel_aspect
from webviewer.dicom.attributes import ImageAttributes, OverlayPlane, Shutter
from webviewer.dicom.decode import decode_words, stored_picture, tile_of
from webviewer.dicom.overlay import overlays_of_frame, pixels_of_bits
from webviewer.dicom.pixel_module import GREY
from webviewer.dicom.shutter import shade_of_shutter, visible_pixels

_BLACK = (0, 0, 0)
_OVERLAY, _SHUTTER = np.uint8(1), np.uint8(2)


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


@dataclass(frozen=True, slots=True, eq=False)
class _PlacedOverlay:
    """Pixels of an overlay, (rows, columns); row and column of the first one in the image, from 0."""

    top: int
    left: int
    pixels: NDArray[np.bool_]


def has_overlay_data(attributes: ImageAttributes, frame_number: int) -> bool:
    """Tell whether a frame has overlays whose bits are to be asked for."""
    return any(
        plane.first_byte is not None and not plane.refusal for plane, _ in overlays_of_frame(attributes, frame_number)
    )


def make_graphics(
    data: bytes | None, attributes: ImageAttributes, frame_number: int, overlay_bits: Mapping[int, bytes]
) -> ImageGraphics | None:
    """Return what lies over a frame, None if it has neither overlays nor a shutter.

    Parameters
    ----------
    data
        The frame as stored: bits beside its values may be overlays. None if only its values are there.
    overlay_bits
        Packed bits by overlay group, as the storage node sends them.
    """
    shutter = attributes.frame(frame_number).shutter
    planes = [plane for plane, _ in overlays_of_frame(attributes, frame_number)]
    if shutter is None and not planes:
        return None
    drawn = list(_drawn(planes, data, attributes, frame_number, overlay_bits))
    hidden, shape_is_lost = _covered(shutter, attributes, frame_number)
    mask, origin, is_cut = _mask(drawn, hidden, attributes)
    is_grey = attributes.photometric_interpretation in GREY
    return ImageGraphics(
        mask=mask,
        origin=origin,
        has_overlays=bool(drawn),
        has_shutter=hidden is not None,
        shutter_shade=_BLACK if shutter is None else shade_of_shutter(shutter, is_grey=is_grey),
        lacks_overlay=is_cut or len(drawn) < len(planes),
        ignores_shutter=shape_is_lost,
    )


def _drawn(
    planes: list[OverlayPlane],
    data: bytes | None,
    attributes: ImageAttributes,
    frame_number: int,
    overlay_bits: Mapping[int, bytes],
) -> Iterator[_PlacedOverlay]:
    words, known_bits = None, 0
    for plane in planes:
        if plane.refusal:
            continue
        if plane.bit_position is None:
            pixels = pixels_of_bits(overlay_bits.get(plane.group, b""), plane.rows, plane.columns)
            if pixels is not None:
                yield _placed(plane, pixels, attributes, frame_number)
            continue
        if words is None and data is not None:
            try:
                words, known_bits = decode_words(data, attributes, frame_number)
            except DecodeError:
                data = None  # the image itself can be shown
        # A codec that was told of fewer bits than a word has did not keep the others.
        if words is not None and plane.bit_position < known_bits and words.dtype.kind in "ui":
            bits = words >> words.dtype.type(plane.bit_position) & words.dtype.type(1)
            yield _PlacedOverlay(0, 0, bits.astype(np.bool_))


def _placed(
    plane: OverlayPlane, pixels: NDArray[np.bool_], attributes: ImageAttributes, frame_number: int
) -> _PlacedOverlay:
    """Return a plane in the place that its origin says; a tile of a mosaic has its part of it only."""
    top, left = plane.origin_row - 1, plane.origin_column - 1
    if attributes.tiling is None:
        return _PlacedOverlay(top, left, pixels)
    down, across = divmod(frame_number - 1, attributes.tiling.columns // attributes.columns)
    top, left = top - down * attributes.rows, left - across * attributes.columns
    rows = slice(max(-top, 0), max(attributes.rows - top, 0))
    columns = slice(max(-left, 0), max(attributes.columns - left, 0))
    part = pixels[rows, columns]
    return _PlacedOverlay(max(top, 0), max(left, 0), part) if part.size else _PlacedOverlay(0, 0, part)


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


def _mask(
    drawn: list[_PlacedOverlay], hidden: NDArray[np.bool_] | None, attributes: ImageAttributes
) -> tuple[NDArray[np.uint8] | None, tuple[int, int], bool]:
    """Return mask and origin of `ImageGraphics`, and whether overlays are cut because they lie too far outside."""
    if not drawn and hidden is None:
        return None, (0, 0), False
    top, bottom = _span([(one.top, one.pixels.shape[0]) for one in drawn], attributes.rows)
    left, right = _span([(one.left, one.pixels.shape[1]) for one in drawn], attributes.columns)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    if hidden is not None:
        mask[-top : attributes.rows - top, -left : attributes.columns - left][hidden] = _SHUTTER
    is_cut = False
    for one in drawn:
        first_row, first_column = one.top - top, one.left - left
        inside = one.pixels[max(-first_row, 0) :, max(-first_column, 0) :]
        target = mask[max(first_row, 0) :, max(first_column, 0) :]
        rows, columns = (min(sides) for sides in zip(inside.shape, target.shape, strict=True))
        inside = inside[:rows, :columns]
        target[:rows, :columns][inside] |= _OVERLAY
        is_cut = is_cut or bool(np.count_nonzero(inside) < np.count_nonzero(one.pixels))
    return mask, (left, top), is_cut


def _span(spans: list[tuple[int, int]], size: int) -> tuple[int, int]:
    """Return first and last + 1 of the rows (or columns) that image and overlays take: at most half a size more."""
    margin = size // 2
    first = min([0, *(start for start, _ in spans)])
    last = max([size, *(start + length for start, length in spans)])
    return max(first, -margin), min(last, size + margin)
