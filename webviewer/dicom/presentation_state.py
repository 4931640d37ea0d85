"""References of softcopy presentation states: which images each is for, and what it is called.

References
----------
PS3.3 C.11.11 (Presentation State Relationship), C.11.14 (Blending), C.11.22 and C.11.23 (volumetric), C.12.1.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from webviewer.core.errors import DataError
from webviewer.dicom import elements as tags
from webviewer.dicom.dataset import DataSet, ReadLimits
from webviewer.dicom.dates import date_of, time_of
from webviewer.dicom.header import data_set_reader, is_valid_uid

PRESENTATION_STATE_CLASSES = "1.2.840.10008.5.1.4.1.1.11."
"""All SOP Class UIDs of softcopy presentation states begin so (PS3.6 annex A)."""

MAX_REFERENCES = 20_000
"""Images and frame numbers of one state together."""

STATE_LIMITS = ReadLimits(max_header_bytes=16 * 1024**2, max_inflated_bytes=64 * 1024**2, max_elements=400_000)

_REFERENCED_SERIES = 0x00081115
_REFERENCED_IMAGE = 0x00081140
_REFERENCED_SOP_INSTANCE_UID = 0x00081155
_REFERENCED_FRAME_NUMBER = 0x00081160
_BLENDING = 0x00700402
_ADVANCED_BLENDING = 0x00701B01
_VOLUMETRIC_INPUT = 0x00701201
_CONTENT_LABEL = 0x00700080
_CONTENT_DESCRIPTION = 0x00700081
_CREATION_DATE = 0x00700082
_CREATION_TIME = 0x00700083
_SEQUENCES = frozenset({_REFERENCED_SERIES, _REFERENCED_IMAGE, _BLENDING, _ADVANCED_BLENDING, _VOLUMETRIC_INPUT})
_WANTED = _SEQUENCES | {
    tags.SPECIFIC_CHARACTER_SET,
    tags.SERIES_INSTANCE_UID,
    _REFERENCED_SOP_INSTANCE_UID,
    _REFERENCED_FRAME_NUMBER,
    _CONTENT_LABEL,
    _CONTENT_DESCRIPTION,
    _CREATION_DATE,
    _CREATION_TIME,
}


@dataclass(frozen=True, slots=True)
class ImageReferenced:
    """An image that a presentation state is for. No frame numbers = all frames; no SOP Instance UID = all images."""

    series_instance_uid: str  # empty where the state does not name it
    sop_instance_uid: str
    frame_numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PresentationState:
    """Name, time and references of a presentation state."""

    label: str
    description: str
    created_date: dt.date | None
    created_time: dt.time | None
    images: tuple[ImageReferenced, ...]


@dataclass(slots=True)
class StateCost:
    """The work that reading a presentation state took, also where it failed."""

    elements: int = 0
    size_bytes: int = 0  # read, skipped or inflated
    references: int = 0  # images and frame numbers


def read_presentation_state(
    file: BinaryIO,
    transfer_syntax_uid: str,
    data_set_offset_bytes: int,
    *,
    limits: ReadLimits = STATE_LIMITS,
    max_references: int = MAX_REFERENCES,
    cost: StateCost | None = None,
) -> PresentationState:
    """Return name, time and references of a presentation state.

    Parameters
    ----------
    cost
        Takes the work that was done, also where it failed.

    Raises
    ------
    DataError
        The file is damaged, or over a limit.
    OSError
        The file cannot be read now.
    """
    reader = data_set_reader(
        file, transfer_syntax_uid, data_set_offset_bytes, limits, wanted=_WANTED, sequences=_SEQUENCES
    )
    spent = StateCost() if cost is None else cost
    try:
        ds = reader.read(data_set_offset_bytes)
    finally:
        spent.elements = reader.elements_read
        spent.size_bytes = max(reader.reach_bytes - data_set_offset_bytes, 0)
    images: dict[ImageReferenced, None] = {}
    for image in _references(ds):
        spent.references += 1 + len(image.frame_numbers)
        if spent.references > max_references:
            raise DataError(f"A presentation state has more than {max_references} references; it is refused.")
        images[image] = None
    return PresentationState(
        label=ds.text(_CONTENT_LABEL, 16),
        description=ds.text(_CONTENT_DESCRIPTION, 64),
        created_date=date_of(ds, _CREATION_DATE),
        created_time=time_of(ds, _CREATION_TIME),
        images=tuple(images),
    )


def _references(ds: DataSet) -> Iterator[ImageReferenced]:
    for group in (ds, *ds.items(_BLENDING), *ds.items(_ADVANCED_BLENDING), *ds.items(_VOLUMETRIC_INPUT)):
        for series in group.items(_REFERENCED_SERIES):
            yield from _images_of(series, series.code(tags.SERIES_INSTANCE_UID), may_be_all=True)
        own_series = "" if group is ds else group.code(tags.SERIES_INSTANCE_UID)
        yield from _images_of(group, own_series, may_be_all=False)


def _images_of(group: DataSet, series_instance_uid: str, *, may_be_all: bool) -> Iterator[ImageReferenced]:
    series = series_instance_uid if is_valid_uid(series_instance_uid) else ""
    items = group.items(_REFERENCED_IMAGE)
    if not items and may_be_all and series:
        yield ImageReferenced(series, "")
    for item in items:
        uid = item.code(_REFERENCED_SOP_INSTANCE_UID)
        if is_valid_uid(uid):
            numbers = item.numbers(_REFERENCED_FRAME_NUMBER) or []
            frames = tuple(int(number) for number in numbers if 1 <= number < 2**31)
            yield ImageReferenced(series, uid, frames)
