"""Presentation states by code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from tests.support.phantom_files import base

GRAYSCALE = "1.2.840.10008.5.1.4.1.1.11.1"
BLENDING = "1.2.840.10008.5.1.4.1.1.11.4"


def referenced_image(uid: str, frames: Sequence[int] = ()) -> Dataset:
    """Return an item of Referenced Image Sequence."""
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    item.ReferencedSOPInstanceUID = uid
    if frames:
        item.ReferencedFrameNumber = list(frames)
    return item


def referenced_series(series: Mapping[str, Sequence[Dataset]]) -> DicomSequence:
    """Return a Referenced Series Sequence of images by Series Instance UID."""
    items = []
    for uid, images in series.items():
        item = Dataset()
        item.SeriesInstanceUID = uid
        if images:
            item.ReferencedImageSequence = DicomSequence(images)
        items.append(item)
    return DicomSequence(items)


def make_presentation_state(
    series: Mapping[str, Sequence[Dataset]], *, series_uid: str, sop_class_uid: str = GRAYSCALE, **more: Any
) -> Dataset:
    """Return a presentation state for images; a blending one has them in its Blending Sequence."""
    elements: dict[str, Any] = {
        "ContentLabel": "LABEL",
        "ContentDescription": "A description",
        "PresentationCreationDate": "20240307",
        "PresentationCreationTime": "1015",
    } | more
    ds = base(sop_class_uid=sop_class_uid, modality="PR", series_uid=series_uid, series_number=9, **elements)
    if sop_class_uid == BLENDING:
        part = Dataset()
        part.StudyInstanceUID = ds.StudyInstanceUID
        part.ReferencedSeriesSequence = referenced_series(series)
        ds.BlendingSequence = DicomSequence([part])
    else:
        ds.ReferencedSeriesSequence = referenced_series(series)
    return ds
