"""A DICOMDIR made from index rows (PS3.3 annex F, PS3.10, PS3.11 general purpose), one file at a time.

Records are encoded as they are added and linked at the end, so that a study of tens of thousands of objects costs some
hundred bytes each. What the index does not know of an object without pixels is read from its own header.
"""

from __future__ import annotations

import datetime as dt
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import DIRECTORY_RECORDERS
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from webviewer.archive import Series, StoredInstance, Study
from webviewer.core.regular_file import open_regular
from webviewer.dicom.file_meta import encode_file_meta

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

# What stands in for an attribute that must have a value and has none in the object.
UNKNOWN_DATE = "19000101"
UNKNOWN_TIME = "000000"
UNKNOWN_PATIENT_ID = "UNKNOWN"

_LONG_VRS = frozenset({"OB", "OW", "SQ", "UN", "UT", "UC", "UR", "OD", "OF", "OL", "OV"})
_IN_USE = 0xFFFF
_RECORD_TYPES = {
    "RTDoseStorage": "RT DOSE",
    "RTStructureSetStorage": "RT STRUCTURE SET",
    "RTPlanStorage": "RT PLAN",
    "RTIonPlanStorage": "RT PLAN",
    "KeyObjectSelectionDocumentStorage": "KEY OBJECT DOC",
    "MRSpectroscopyStorage": "SPECTROSCOPY",
    "RawDataStorage": "RAW DATA",
    "SpatialRegistrationStorage": "REGISTRATION",
    "DeformableSpatialRegistrationStorage": "REGISTRATION",
    "SpatialFiducialsStorage": "FIDUCIAL",
    "RealWorldValueMappingStorage": "VALUE MAP",
    "StereometricRelationshipStorage": "STEREOMETRIC",
    "SurfaceSegmentationStorage": "SURFACE",
    "SurfaceScanMeshStorage": "SURFACE SCAN",
    "SurfaceScanPointCloudStorage": "SURFACE SCAN",
    "TractographyResultsStorage": "TRACT",
    "ContentAssessmentResultsStorage": "ASSESSMENT",
    "EncapsulatedPDFStorage": "ENCAP DOC",
    "EncapsulatedCDAStorage": "ENCAP DOC",
    "EncapsulatedSTLStorage": "ENCAP DOC",
    "EncapsulatedOBJStorage": "ENCAP DOC",
    "EncapsulatedMTLStorage": "ENCAP DOC",
    "BasicStructuredDisplayStorage": "PRESENTATION",
    "XAXRFGrayscaleSoftcopyPresentationStateStorage": "PRESENTATION",
    "ProcedureLogStorage": "SR DOCUMENT",
    "SpectaclePrescriptionReportStorage": "SR DOCUMENT",
    "MacularGridThicknessAndVolumeReportStorage": "SR DOCUMENT",
}
_RECORD_TYPE_ENDINGS = (
    ("WaveformStorage", "WAVEFORM"),
    ("ReportStorage", "SR DOCUMENT"),
    ("SRStorage", "SR DOCUMENT"),
    ("SoftcopyPresentationStateStorage", "PRESENTATION"),
    ("TreatmentRecordStorage", "RT TREAT RECORD"),
    ("TreatmentSummaryRecordStorage", "RT TREAT RECORD"),
    ("MeasurementsStorage", "MEASUREMENT"),
)
# What records of objects without pixels may take from the object; nothing else of the file is kept.
_WANTED = [
    "SpecificCharacterSet",
    "SOPClassUID",
    "InstanceNumber",
    "ContentDate",
    "ContentTime",
    "ContentLabel",
    "ContentDescription",
    "ContentCreatorName",
    "CompletionFlag",
    "VerificationFlag",
    "VerifyingObserverSequence",
    "ConceptNameCodeSequence",
    "DocumentTitle",
    "HL7InstanceIdentifier",
    "MIMETypeOfEncapsulatedDocument",
    "PresentationCreationDate",
    "PresentationCreationTime",
    "ReferencedSeriesSequence",
    "BlendingSequence",
    "DoseSummationType",
    "StructureSetLabel",
    "StructureSetDate",
    "StructureSetTime",
    "RTPlanLabel",
    "RTPlanDate",
    "RTPlanTime",
    "TreatmentDate",
    "TreatmentTime",
    "ImageType",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "DataPointRows",
    "DataPointColumns",
    "ReferencedImageEvidenceSequence",
]


def record_type_of(sop_class_uid: str) -> str:
    """Return the directory record type of a storage SOP class; IMAGE for all that is not listed otherwise."""
    keyword = UID(sop_class_uid).keyword
    if keyword in _RECORD_TYPES:
        return _RECORD_TYPES[keyword]
    for ending, record_type in _RECORD_TYPE_ENDINGS:
        if keyword.endswith(ending):
            return record_type
    return "IMAGE"


@dataclass(slots=True)
class _Record:
    head: bytes  # encoded item content before and after the two links, links excluded
    record_type: str
    children: list[_Record] = field(default_factory=list)
    key: object = None


class DicomDirectory:
    """Collects the records of a medium; `encode` gives the DICOMDIR.

    Files are added patient by patient, study by study, series by series; what was added under the same number before is
    found again.

    Parameters
    ----------
    data_folder
        Where stored files lie, to read from objects without pixels what their record needs.
    """

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder
        self._patients: list[_Record] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, study: Study, series: Series, instance: StoredInstance, file_id: Sequence[str]) -> None:
        """Add one file of the medium.

        Parameters
        ----------
        study, series, instance
            Rows of the index.
        file_id
            Components of the file's place on the medium, each of at most 8 characters A-Z, 0-9, _.
        """
        patient = self._under(self._patients, study.patient_on_media, "PATIENT", _patient(study))
        of_study = self._under(patient.children, study.study_id, "STUDY", _study(study))
        number = len(of_study.children) + 1
        of_series = self._under(of_study.children, series.series_id, "SERIES", _series(series, number))
        record_type = record_type_of(instance.sop_class_uid)
        number = len(of_series.children) + 1
        keys = b""
        if record_type != "IMAGE":
            keys = self._keys_of_object(instance, record_type, number)
            if not keys:
                record_type = "IMAGE"  # its own kind needs what the object lacks; the file must still be found
        if record_type == "IMAGE":
            shown = instance.instance_number if instance.instance_number is not None else number
            keys = _element(0x0020, 0x0013, "IS", str(shown))
        reference = (
            _element(0x0004, 0x1500, "CS", "\\".join(file_id))
            + _element(0x0004, 0x1510, "UI", instance.sop_class_uid)
            + _element(0x0004, 0x1511, "UI", instance.sop_instance_uid)
            + _element(0x0004, 0x1512, "UI", instance.transfer_syntax_uid)
        )
        of_series.children.append(_Record(_start(record_type) + reference + keys, record_type))
        self._count += 1

    def encode(self) -> bytes:
        """Return the whole file."""
        meta = encode_file_meta(
            MEDIA_STORAGE_DIRECTORY, pydicom.uid.generate_uid(prefix="2.25."), EXPLICIT_VR_LITTLE_ENDIAN
        )
        file_set_id = _element(0x0004, 0x1130, "CS", "DICOM")
        # Four elements of fixed size stand between the file-set ID and the first item.
        first_offset = len(meta) + len(file_set_id) + 12 + 12 + 10 + 12
        flat = list(_flatten(self._patients))
        offsets: dict[int, int] = {}
        position = first_offset
        for record, _ in flat:
            offsets[id(record)] = position
            position += 8 + _LINKS_BYTES + len(record.head)
        root_first = offsets[id(self._patients[0])] if self._patients else 0
        root_last = offsets[id(self._patients[-1])] if self._patients else 0
        out = BytesIO()
        out.write(meta + file_set_id)
        out.write(_element(0x0004, 0x1200, "UL", struct.pack("<I", root_first)))
        out.write(_element(0x0004, 0x1202, "UL", struct.pack("<I", root_last)))
        out.write(_element(0x0004, 0x1212, "US", struct.pack("<H", 0)))
        out.write(struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, position - first_offset))
        for record, following in flat:
            lower = offsets[id(record.children[0])] if record.children else 0
            links = (
                _element(0x0004, 0x1400, "UL", struct.pack("<I", offsets[id(following)] if following else 0))
                + _element(0x0004, 0x1410, "US", struct.pack("<H", _IN_USE))
                + _element(0x0004, 0x1420, "UL", struct.pack("<I", lower))
            )
            out.write(struct.pack("<HHI", 0xFFFE, 0xE000, len(links) + len(record.head)))
            out.write(links + record.head)
        return out.getvalue()

    @staticmethod
    def _under(records: list[_Record], key: object, record_type: str, head: bytes) -> _Record:
        if records and records[-1].key == key:
            return records[-1]
        for record in records:
            if record.key == key:
                return record
        records.append(_Record(_start(record_type) + head, record_type, key=key))
        return records[-1]

    def _keys_of_object(self, instance: StoredInstance, record_type: str, number: int) -> bytes:
        """Return the encoded keys of a record of an object without pixels; empty where the object lacks them."""
        try:
            descriptor = open_regular(self._data_folder / instance.file_name)
            with os.fdopen(descriptor, "rb") as file, pydicom.config.disable_value_validation():
                source = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_WANTED)
                source.SOPClassUID = instance.sop_class_uid
                _invent(source, record_type, instance.instance_number or number)
                record = DIRECTORY_RECORDERS[record_type](source)
                if "SpecificCharacterSet" in source:
                    record.SpecificCharacterSet = source.SpecificCharacterSet
                return _encode(record)
        except (OSError, InvalidDicomError, ValueError, KeyError, AttributeError, TypeError, struct.error):
            return b""


_LINKS_BYTES = 12 + 10 + 12


def _flatten(records: Sequence[_Record]) -> Iterator[tuple[_Record, _Record | None]]:
    """Yield all records depth first, each with its following sibling."""
    for index, record in enumerate(records):
        yield record, records[index + 1] if index + 1 < len(records) else None
        yield from _flatten(record.children)


def _start(record_type: str) -> bytes:
    return _element(0x0004, 0x1430, "CS", record_type)


def _element(group: int, element: int, vr: str, value: str | bytes) -> bytes:
    """Encode one element in Explicit VR Little Endian."""
    raw = value.encode("utf-8") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\0" if vr in {"UI", "OB"} else b" "
    if vr in _LONG_VRS:
        return struct.pack("<HH2sHI", group, element, vr.encode(), 0, len(raw)) + raw
    return struct.pack("<HH2sH", group, element, vr.encode(), len(raw)) + raw


def _charset(*texts: str) -> bytes:
    """Return Specific Character Set where a text needs it."""
    return b"" if all(text.isascii() for text in texts) else _element(0x0008, 0x0005, "CS", "ISO_IR 192")


def _clean(text: str, limit: int) -> str:
    """Return a text without control characters and backslashes, cut to the longest that its VR allows."""
    return "".join(" " if ord(sign) < 32 or sign == "\\" else sign for sign in text).strip()[:limit]


def _date(value: dt.date | None) -> str:
    return f"{value.year:04d}{value.month:02d}{value.day:02d}" if value else UNKNOWN_DATE


def _patient(study: Study) -> bytes:
    name, patient_id = _clean(study.patient_name, 194), _clean(study.patient_id, 64) or UNKNOWN_PATIENT_ID
    return (
        _charset(name, patient_id) + _element(0x0010, 0x0010, "PN", name) + _element(0x0010, 0x0020, "LO", patient_id)
    )


def _study(study: Study) -> bytes:
    description, accession = _clean(study.study_description, 64), _clean(study.accession_number, 16)
    time = study.study_time.strftime("%H%M%S") if study.study_time else UNKNOWN_TIME
    return (
        _charset(description, accession)
        + _element(0x0008, 0x0020, "DA", _date(study.study_date))
        + _element(0x0008, 0x0030, "TM", time)
        + _element(0x0008, 0x0050, "SH", accession)
        + _element(0x0008, 0x1030, "LO", description)
        + _element(0x0020, 0x000D, "UI", study.study_instance_uid)
        + _element(0x0020, 0x0010, "SH", str(study.study_id))
    )


def _series(series: Series, number: int) -> bytes:
    description = _clean(series.series_description, 64)
    shown = series.series_number if series.series_number is not None else number
    return (
        _charset(description)
        + _element(0x0008, 0x0060, "CS", _clean(series.modality, 16) or "OT")
        + _element(0x0008, 0x103E, "LO", description)
        + _element(0x0020, 0x000E, "UI", series.series_instance_uid)
        + _element(0x0020, 0x0011, "IS", str(shown))
    )


def _invent(source: Dataset, record_type: str, number: int) -> None:
    """Fill what a record of this type must have and the object leaves empty."""
    stand_ins: dict[str, object] = {
        "InstanceNumber": number,
        "ContentDate": UNKNOWN_DATE,
        "ContentTime": UNKNOWN_TIME,
        "ContentLabel": "UNKNOWN",
        "PresentationCreationDate": UNKNOWN_DATE,
        "PresentationCreationTime": UNKNOWN_TIME,
        "CompletionFlag": "PARTIAL",
        "VerificationFlag": "UNVERIFIED",
        "DoseSummationType": "PLAN",
        "StructureSetLabel": "UNKNOWN",
        "RTPlanLabel": "UNKNOWN",
        "MIMETypeOfEncapsulatedDocument": "application/octet-stream",
    }
    for keyword, value in stand_ins.items():
        if not source.get(keyword):
            setattr(source, keyword, value)
    if record_type in {"ENCAP DOC"} and "ConceptNameCodeSequence" not in source:
        source.ConceptNameCodeSequence = []


def _encode(record: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = False
    write_dataset(buffer, record)
    return bytes(buffer.getvalue())
