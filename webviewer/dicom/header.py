"""The identification and the image attributes of a stored object, read without touching its pixels."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from webviewer.core.errors import DataError, InvalidInput
from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.dataset import DataSet, PixelElement, Reader, ReadLimits, ValueSpan, looks_explicit
from webviewer.dicom.dates import date_of, time_of
from webviewer.dicom.deflated import InflatedFile
from webviewer.dicom.extract import extract_image_attributes
from webviewer.dicom.transfer_syntaxes import (
    DEFLATED_DATA_SETS,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

DEFAULT_LIMITS = ReadLimits()
DICOMDIR_SOP_CLASS_UID = "1.2.840.10008.1.3.10"
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_MAX_META_ELEMENTS = 64
MAX_OTHER_PATIENT_IDS = 32


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
    number_of_frames: int  # that can be there: 0 without Pixel Data, or where it is shorter than the header says
    data_set_offset_bytes: int
    pixel_data_offset_bytes: int | None
    pixel_data_length_bytes: int | None
    image: str | None
    other_patient_ids: tuple[str, ...] = ()


def read_header(file: BinaryIO, *, limits: ReadLimits = DEFAULT_LIMITS) -> Header:
    """Return the header of a DICOM file (PS3.10), or of a bare data set whose encoding can be told.

    Raises
    ------
    InvalidInput
        This is no DICOM file, or Study, Series or SOP Instance UID are missing or invalid.
    DataError
        The header is damaged, or over a limit.
    """
    try:
        return _header(_scan(file, *_syntax_and_start(file), limits))
    except OSError as exc:
        raise DataError("The file cannot be read.") from exc


def read_header_from_data_set(
    file: BinaryIO,
    transfer_syntax_uid: str,
    *,
    data_set_offset_bytes: int = 0,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> Header:
    """Return the header of a data set without file meta information, as C-STORE carries it.

    ``data_set_offset_bytes`` is where the data set starts in ``file``. Raises as `read_header`.
    """
    try:
        return _header(_scan(file, transfer_syntax_uid, data_set_offset_bytes, limits))
    except OSError as exc:
        raise DataError("The file cannot be read.") from exc


def is_valid_uid(uid: str) -> bool:
    """Tell whether a text is a UID: digits and dots, 64 characters at most (PS3.5 9.1; leading zeros are tolerated)."""
    return 0 < len(uid) <= 64 and _UID.fullmatch(uid) is not None


@dataclass(frozen=True, slots=True)
class _Scan:
    """One pass over the header."""

    ds: DataSet
    transfer_syntax_uid: str
    data_set_offset_bytes: int
    pixels: PixelElement | None
    available_bytes: int | None
    overlay_data: dict[int, ValueSpan]

    def attributes(self) -> ImageAttributes | None:
        return extract_image_attributes(
            self.ds,
            transfer_syntax_uid=self.transfer_syntax_uid,
            pixel_element=None if self.pixels is None else tags.PIXEL_ELEMENTS[self.pixels.tag],
            pixel_vr="" if self.pixels is None else self.pixels.vr,
            available_bytes=self.available_bytes,
            overlay_data=self.overlay_data,
        )


def _syntax_and_start(file: BinaryIO) -> tuple[str, int]:
    transfer_syntax_uid, start = _read_meta(file)
    return transfer_syntax_uid or _guess_transfer_syntax(file, start), start


def _read_meta(file: BinaryIO) -> tuple[str, int]:
    """Return the transfer syntax ("" if not stated) and where the data set starts."""
    file.seek(0)
    head = file.read(132)
    if not head:
        raise InvalidInput("The file is empty.", code="not_dicom")
    start = 132 if head[128:] == b"DICM" else 4 if head[:4] == b"DICM" else 0
    if start == 0 and looks_explicit(file, 0, "<") is None and looks_explicit(file, 0, ">") is None:
        raise InvalidInput("This is no DICOM file.", code="not_dicom")
    file.seek(start)
    block = file.read(16 * 1024)
    position = 0
    uid = ""
    for _ in range(_MAX_META_ELEMENTS):
        if block[position : position + 2] != b"\x02\x00":  # the group of file meta information, always little endian
            break
        vr = block[position + 4 : position + 6]
        is_long = vr in {b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"UR"}
        width, skip = (4, 8) if is_long else (2, 6)
        length = int.from_bytes(block[position + skip : position + skip + width], "little")
        value = position + skip + width
        if value + length > len(block):
            raise DataError("The file meta information is cut off or damaged.")
        stated = block[value : value + length].strip(b" \x00").decode("ascii", "replace")
        if block[position + 2 : position + 4] == b"\x10\x00":
            uid = stated
        elif block[position + 2 : position + 4] == b"\x02\x00" and stated == DICOMDIR_SOP_CLASS_UID:
            raise InvalidInput("This is a DICOMDIR, a table of contents, not an object to store.", code="dicomdir")
        position = value + length
    if start and len(block) == position:
        raise DataError("The file has no data set: it ends after the file meta information.")
    if uid and not is_valid_uid(uid):
        raise InvalidInput("Transfer Syntax UID (0002,0010) is no UID.", code="invalid_uid")
    return uid, start + position


def _guess_transfer_syntax(file: BinaryIO, start: int) -> str:
    little, big = looks_explicit(file, start, "<"), looks_explicit(file, start, ">")
    if little is not None:
        return EXPLICIT_VR_LITTLE_ENDIAN if little else IMPLICIT_VR_LITTLE_ENDIAN
    if big:
        return EXPLICIT_VR_BIG_ENDIAN
    raise InvalidInput("This is no DICOM file: it states no transfer syntax and holds no data set.", code="not_dicom")


def data_set_reader(
    file: BinaryIO,
    transfer_syntax_uid: str,
    start: int,
    limits: ReadLimits,
    *,
    wanted: frozenset[int] = tags.WANTED,
    sequences: frozenset[int] = tags.SEQUENCES,
) -> Reader:
    """Return the reader of a data set that starts at a byte of a file; ``wanted`` and ``sequences`` as of `Reader`."""
    is_deflated = transfer_syntax_uid in DEFLATED_DATA_SETS
    source = cast("BinaryIO", InflatedFile(file, start, limits.max_inflated_bytes)) if is_deflated else file
    order = ">" if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else "<"
    is_explicit = transfer_syntax_uid != IMPLICIT_VR_LITTLE_ENDIAN
    seen = looks_explicit(source, start, order)
    if seen is not None:
        is_explicit = seen  # writers that state one and do the other are common; the bytes decide
    return Reader(source, is_explicit=is_explicit, order=order, limits=limits, wanted=wanted, sequences=sequences)


def _scan(file: BinaryIO, transfer_syntax_uid: str, start: int, limits: ReadLimits) -> _Scan:
    end_of_file = file.seek(0, 2)
    is_deflated = transfer_syntax_uid in DEFLATED_DATA_SETS
    reader = data_set_reader(file, transfer_syntax_uid, start, limits)
    ds = reader.read(start)
    pixels = reader.pixels
    available = None
    if pixels is not None:
        available = pixels.length_bytes
        if available is None:
            available = limits.max_inflated_bytes if is_deflated else end_of_file - pixels.offset_bytes
    # From the data set's own start: a file may get other file meta information before it when it is stored.
    overlay_data = {
        tag: replace(span, offset_bytes=span.offset_bytes - start) for tag, span in reader.overlay_data.items()
    }
    return _Scan(ds, transfer_syntax_uid, start, pixels, available, overlay_data)


def _header(scan: _Scan) -> Header:
    ds, pixels = scan.ds, scan.pixels
    sop_class_uid = ds.code(tags.SOP_CLASS_UID)
    uids = [
        _uid(ds, tags.SOP_INSTANCE_UID, "SOP Instance UID"),
        _uid(ds, tags.SERIES_INSTANCE_UID, "Series Instance UID"),
        _uid(ds, tags.STUDY_INSTANCE_UID, "Study Instance UID"),
    ]
    image = scan.attributes()
    return Header(
        sop_instance_uid=uids[0],
        sop_class_uid=sop_class_uid if is_valid_uid(sop_class_uid) else "",
        transfer_syntax_uid=scan.transfer_syntax_uid,
        series_instance_uid=uids[1],
        study_instance_uid=uids[2],
        patient_id=ds.text(tags.PATIENT_ID, 128),
        issuer_of_patient_id=ds.text(tags.ISSUER_OF_PATIENT_ID, 128),
        patient_name=ds.text(tags.PATIENT_NAME, 256).rstrip("= "),
        patient_sex=ds.code(tags.PATIENT_SEX)[:16],
        patient_birth_date=date_of(ds, tags.PATIENT_BIRTH_DATE),
        study_date=date_of(ds, tags.STUDY_DATE),
        study_time=time_of(ds, tags.STUDY_TIME),
        accession_number=ds.text(tags.ACCESSION_NUMBER, 64),
        study_description=ds.text(tags.STUDY_DESCRIPTION, 256),
        referring_physician_name=ds.text(tags.REFERRING_PHYSICIAN_NAME, 256).rstrip("= "),
        institution_name=ds.text(tags.INSTITUTION_NAME, 256),
        modality=ds.code(tags.MODALITY)[:16],
        body_part_examined=ds.code(tags.BODY_PART_EXAMINED)[:64],
        series_number=_int32(ds, tags.SERIES_NUMBER),
        series_description=ds.text(tags.SERIES_DESCRIPTION, 256),
        instance_number=_int32(ds, tags.INSTANCE_NUMBER),
        number_of_frames=0 if image is None or image.lacks_pixels else image.number_of_frames,
        data_set_offset_bytes=scan.data_set_offset_bytes,
        pixel_data_offset_bytes=None if pixels is None else pixels.offset_bytes,
        pixel_data_length_bytes=None if pixels is None else pixels.length_bytes,
        image=None if image is None else image.to_json(),
        other_patient_ids=_other_patient_ids(ds),
    )


def _other_patient_ids(ds: DataSet) -> tuple[str, ...]:
    """Return Other Patient IDs (0010,1000) and those of the sequence that took its place (0010,1002), each once."""
    listed = [text[:128] for text in ds.texts(tags.OTHER_PATIENT_IDS)]
    items = [item.text(tags.PATIENT_ID, 128) for item in ds.items(tags.OTHER_PATIENT_IDS_SEQUENCE)]
    found = {text.replace("\\", " ").strip() for text in (*listed, *items)} - {""}
    return tuple(sorted(found)[:MAX_OTHER_PATIENT_IDS])


def _uid(ds: DataSet, tag: int, name: str) -> str:
    uid = ds.code(tag)
    if not is_valid_uid(uid):
        state = "is missing" if not uid else "is no UID (digits and dots, 64 characters at most)"
        raise InvalidInput(f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X}) {state}.", code="invalid_uid")
    return uid


def _int32(ds: DataSet, tag: int) -> int | None:
    found = ds.integer(tag)
    return found if found is not None and -(2**31) <= found < 2**31 else None
