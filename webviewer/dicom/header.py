"""The identification and the image attributes of a stored object, read without touching its pixels."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import BinaryIO

from webviewer.dicom.attributes import ImageAttributes


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """What one header may cost."""

    max_header_bytes: int = 64 * 1024**2  # bytes read, large values that nobody needs are skipped unread
    max_inflated_bytes: int = 1024**3  # of a deflated data set
    max_sequence_depth: int = 64
    max_elements: int = 2_000_000


DEFAULT_LIMITS = HeaderLimits()


@dataclass(frozen=True, slots=True)
class Header:
    """Identification, place of the pixels and image attributes; fields as in `webviewer.archive.InstanceRecord`.

    For a deflated transfer syntax the pixel offset counts as if the data set lay inflated in the file, from
    ``data_set_offset_bytes`` on.
    """

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    series_instance_uid: str
    study_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_sex: str
    patient_birth_date: dt.date | None
    study_date: dt.date | None
    study_time: dt.time | None
    accession_number: str
    study_description: str
    referring_physician_name: str
    institution_name: str
    modality: str
    body_part_examined: str
    series_number: int | None
    series_description: str
    instance_number: int | None
    number_of_frames: int
    data_set_offset_bytes: int
    pixel_data_offset_bytes: int | None
    pixel_data_length_bytes: int | None
    image: str | None

    def image_attributes(self) -> ImageAttributes | None:
        """Return the image attributes, None for an object without pixels."""
        return None if self.image is None else ImageAttributes.from_json(self.image)


def read_header(file: BinaryIO, *, limits: HeaderLimits = DEFAULT_LIMITS) -> Header:
    """Return the header of a DICOM file (PS3.10), or of a bare data set whose encoding can be told.

    Raises
    ------
    InvalidInput
        This is no DICOM file, or Study, Series or SOP Instance UID are missing or invalid.
    DataError
        The header is damaged, or over a limit.
    """
    raise NotImplementedError


def read_header_from_data_set(
    file: BinaryIO,
    transfer_syntax_uid: str,
    *,
    data_set_offset_bytes: int = 0,
    limits: HeaderLimits = DEFAULT_LIMITS,
) -> Header:
    """Return the header of a data set without file meta information, as C-STORE carries it.

    ``data_set_offset_bytes`` is where the data set starts in ``file``. Raises as `read_header`.
    """
    raise NotImplementedError
