"""Mosaics: all slices of a volume as tiles of one picture (Siemens, United Imaging), unfolded into frames.

No standard describes them. The count of slices and their order come from private elements. Where those are missing or
contradict the picture, it is shown as it is stored, without letters, scale and places, with a notice that says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, Notice, Tiling
from webviewer.dicom.csa import CsaValues, csa_number, csa_numbers, read_csa
from webviewer.dicom.dataset import DataSet
from webviewer.dicom.pixel_module import GREY
from webviewer.dicom.private_elements import is_reserved_by
from webviewer.dicom.slice_geometry import Vector, moved, normal_of, slice_distance

MAX_SLICES = 1024
_LEAST_TILE_PX = 8  # no scanner makes smaller slices: a picture with smaller tiles is none of so many
_SAME_DIRECTION = 1e-3
_SIEMENS_MARK, _UIH_MARK = "MOSAIC", "VFRAME"  # values of Image Type
_MARKS = frozenset({_SIEMENS_MARK, _UIH_MARK})


@dataclass(frozen=True, slots=True)
class _Layout:
    """The tiles of a mosaic: their count, size and places. ``positions`` is None where the order is not known."""

    count: int
    rows: int
    columns: int
    positions: tuple[Vector, ...] | None
    b_value: float | None
    notices: tuple[Notice, ...]


def unfolded(image: ImageAttributes, ds: DataSet) -> ImageAttributes:
    """Return the attributes of a mosaic with its slices as frames; other images as they are. Never raises."""
    read = _reader_of(image, ds)
    if read is None or image.refusal:
        return image
    if image.number_of_frames != 1:
        is_mosaic = _MARKS & set(image.frames[0].image_type) and not _has_places_of_frames(image)
        return _as_picture(image, Notice("mosaic_of_frames", (image.number_of_frames,))) if is_mosaic else image
    found = read(image, ds)
    if isinstance(found, Notice):
        # A count alone, which contradicts the picture, is no sign that it is a mosaic.
        return _as_picture(image, found) if _MARKS & set(image.frames[0].image_type) else image
    if found.count == 1:
        return image
    if not _can_be_cut(image):
        return _as_picture(image, Notice("mosaic_uncut"))
    frame = image.frames[0]
    if frame.b_value is None:
        frame = replace(frame, b_value=found.b_value)
    if found.positions is None:
        notice = Notice("mosaic_order_unknown", (found.count,))
        frames: tuple[FrameAttributes, ...] = (replace(frame, image_position_patient=None),)
        image = replace(image, notices=(*image.notices, notice), volume_refusal=notice)
    else:
        frames = tuple(replace(frame, image_position_patient=position) for position in found.positions)
        image = replace(image, notices=(*image.notices, *found.notices))
    return replace(
        image,
        rows=found.rows,
        columns=found.columns,
        number_of_frames=found.count,
        frames=frames,
        tiling=Tiling(image.rows, image.columns),
    )


def folded(image: ImageAttributes, most_frames: int) -> ImageAttributes:
    """Return a mosaic as the picture that is stored, for a series with more slices than can be listed."""
    tiling = image.tiling
    if tiling is None:
        return image
    whole = replace(
        image,
        rows=tiling.rows,
        columns=tiling.columns,
        number_of_frames=1,
        frames=image.frames[:1],
        tiling=None,
        is_folded=True,
        notices=(),
    )
    return _as_picture(whole, Notice("mosaics_too_many", (most_frames,)))


def _reader_of(image: ImageAttributes, ds: DataSet) -> Callable[[ImageAttributes, DataSet], _Layout | Notice] | None:
    kinds = image.frames[0].image_type
    if _UIH_MARK in kinds:
        return _uih
    # The public count alone is no sign: software that cuts mosaics leaves it in each of the slices.
    if _SIEMENS_MARK in kinds or (csa_number(_csa_of(ds), "NumberOfImagesInMosaic") or 0) > 1:
        return _siemens
    return None


def _has_places_of_frames(image: ImageAttributes) -> bool:
    """Tell whether each frame states a place of its own, so that frames are slices and no mosaics."""
    places = {frame.image_position_patient for frame in image.frames}
    return None not in places and len(places) == image.number_of_frames


def _can_be_cut(image: ImageAttributes) -> bool:
    """Tell whether whole bytes of grey values lie in the picture as rows and columns say."""
    is_plain = image.pixel_element == "PixelData" and not image.is_byte_swapped and image.bits_allocated % 8 == 0
    return is_plain and image.samples_per_pixel == 1 and image.photometric_interpretation in GREY


def _as_picture(image: ImageAttributes, notice: Notice) -> ImageAttributes:
    """Return a mosaic that cannot be unfolded as one picture: a length or a letter is true in no two of its tiles."""
    frame = image.frames[0]
    aspect = image.pixel_aspect_ratio
    if frame.pixel_spacing is not None:
        between_rows, between_columns = frame.pixel_spacing
        aspect = round(1000 * between_rows / between_columns), 1000
    return replace(
        image,
        frames=tuple(
            replace(
                one,
                image_position_patient=None,
                image_orientation_patient=None,
                pixel_spacing=None,
                slice_thickness=None,
            )
            for one in image.frames
        ),
        spacing_source="",
        imager_pixel_spacing=None,
        pixel_aspect_ratio=aspect,
        patient_orientation=None,
        frame_of_reference_uid="",
        notices=(*image.notices, notice),
        volume_refusal=notice,
    )


# -- Siemens ---------------------------------------------------------------------------------------------------------


def _siemens(image: ImageAttributes, ds: DataSet) -> _Layout | Notice:
    csa = _csa_of(ds)
    told = {count for count in (_public_count(ds), csa_number(csa, "NumberOfImagesInMosaic")) if count}
    if not told:
        return Notice("mosaic_without_count")
    count = told.pop()
    across = math.ceil(math.sqrt(count)) if 1 <= count <= MAX_SLICES and float(count).is_integer() else 0
    size = _tile_size(image, across, across)
    if told or size is None:
        return Notice("mosaic_contradiction", (count, image.columns, image.rows))
    spacing_mm, notices = slice_distance(ds, image.frames[0])
    positions = None
    if spacing_mm is not None:
        positions = _places(image, int(count), size, csa_numbers(csa, "SliceNormalVector"), abs(spacing_mm))
    b_value = csa_number(csa, "B_value")
    return _Layout(int(count), *size, positions, b_value, (Notice("mosaic", (count,)), *notices))


def _public_count(ds: DataSet) -> float | None:
    """Return the count of slices that Siemens writes beside the CSA header, None if it is not there."""
    if not is_reserved_by(ds, tags.SIEMENS_MR_CREATOR, "SIEMENS MR HEADER"):
        return None
    return ds.number(tags.SIEMENS_IMAGES_IN_MOSAIC)


def _csa_of(ds: DataSet) -> CsaValues:
    for creator, header in zip(tags.PRIVATE_CREATORS_0029, tags.CSA_IMAGE_HEADERS, strict=True):
        if is_reserved_by(ds, creator, "SIEMENS CSA HEADER"):
            return read_csa(ds.raw(header) or b"")
    return {}


def _places(
    image: ImageAttributes, count: int, size: tuple[int, int], normal: tuple[float, ...] | None, spacing_mm: float
) -> tuple[Vector, ...] | None:
    """Return the place of the first pixel of each tile, None if anything for it is missing or contradicts the rest.

    Image Position (Patient) is the corner of a single slice as large as the whole mosaic, with the same middle as the
    true slice. The sign of the CSA's normal says in which direction the tiles follow one another; the direction itself
    is that of Image Orientation (Patient), which is more exact.
    """
    frame = image.frames[0]
    corner, orientation, spacing = frame.image_position_patient, frame.image_orientation_patient, frame.pixel_spacing
    if corner is None or orientation is None or spacing is None or normal is None or len(normal) != 3:
        return None
    row, column, across = orientation[:3], orientation[3:], normal_of(orientation)
    along = sum(a * b for a, b in zip(across, normal, strict=True))
    if abs(math.hypot(*normal) - 1) > 0.05 or abs(along) < (1 - _SAME_DIRECTION) * math.hypot(*normal):
        return None
    first = moved(corner, row, (image.columns - size[1]) / 2 * spacing[1])
    first = moved(first, column, (image.rows - size[0]) / 2 * spacing[0])
    return tuple(moved(first, across, k * math.copysign(spacing_mm, along)) for k in range(count))


# -- United Imaging --------------------------------------------------------------------------------------------------


def _uih(image: ImageAttributes, ds: DataSet) -> _Layout | Notice:
    count = ds.integer(tags.UIH_SLICES_IN_VOLUME)
    if count is None:
        return Notice("mosaic_without_count")
    across = math.ceil(math.sqrt(count)) if 1 <= count <= MAX_SLICES else 0
    size = _tile_size(image, -(-count // across) if across else 0, across)
    if size is None:
        return Notice("mosaic_contradiction", (count, image.columns, image.rows))
    positions = _stated_places(ds.items(tags.UIH_SLICES), count)
    return _Layout(count, *size, positions, ds.number(tags.UIH_B_VALUE), (Notice("mosaic", (count,)),))


def _stated_places(items: Sequence[DataSet], count: int) -> tuple[Vector, ...] | None:
    found: list[Vector] = []
    for item in items[: count + 1]:
        position = item.numbers(tags.IMAGE_POSITION_PATIENT)
        if position is None or len(position) != 3:
            return None
        found.append((position[0], position[1], position[2]))
    return tuple(found) if len(found) == count else None


# -- both ------------------------------------------------------------------------------------------------------------


def _tile_size(image: ImageAttributes, down: int, across: int) -> tuple[int, int] | None:
    """Return rows and columns of a tile, None if so many do not fill the picture."""
    if not down or not across or image.rows % down or image.columns % across:
        return None
    size = image.rows // down, image.columns // across
    return size if min(size) >= _LEAST_TILE_PX else None
