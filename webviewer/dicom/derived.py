"""New objects made of a stored one: slices of a computed series, and pictures as Secondary Capture.

What says whose study it is comes from a source object; geometry and pixels are the maker's. A CT or MR stays one, other
modalities become Secondary Capture with the place of their plane added, since their own objects demand facts of the
acquisition that a computed plane has not.

References
----------
PS3.3 A.3 (CT), A.4 (MR), A.8.1 (Secondary Capture), C.7.6.2 (Image Plane), C.12.4 and C.7.6.1.1.2 (derivation).
"""

from __future__ import annotations

import io
import math
import unicodedata
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import BinaryIO, Final

from pydicom import config, dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, SecondaryCaptureImageStorage
from pydicom.valuerep import format_number_as_ds, validate_value

from webviewer import __version__
from webviewer.core.errors import DataError, InvalidInput
from webviewer.dicom.derived_grey import GreyLook
from webviewer.dicom.derived_grey_elements import set_grey
from webviewer.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

MAX_SIDE = 4096
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_UNREADABLE = "The series that this would be made of cannot be read again."

# Modules whose facts hold for what is made, too; those with True stand in it even when the source has none (type 2).
_PATIENT: Final = {
    "PatientName": True, "PatientID": True, "PatientBirthDate": True, "PatientSex": True, "IssuerOfPatientID": False,
    "PatientComments": False, "PatientIdentityRemoved": False, "DeidentificationMethod": False,
}  # fmt: skip
_STUDY: Final = {
    "StudyInstanceUID": True, "StudyDate": True, "StudyTime": True, "ReferringPhysicianName": True, "StudyID": True,
    "AccessionNumber": True, "StudyDescription": False, "PatientAge": False, "PatientSize": False,
    "PatientWeight": False,
}  # fmt: skip
_SERIES: Final = {"BodyPartExamined": False, "ProtocolName": False, "PatientPosition": True, "Laterality": False}
_PLACE: Final = {"FrameOfReferenceUID": True, "PositionReferenceIndicator": True}
_LOSSY: Final = {
    "BurnedInAnnotation": False, "LossyImageCompression": False, "LossyImageCompressionRatio": False,
    "LossyImageCompressionMethod": False,
}  # fmt: skip
_CT: Final = {"KVP": True, "AcquisitionNumber": True, "ConvolutionKernel": False}
_MR: Final = {
    "ScanningSequence": False, "SequenceVariant": False, "ScanOptions": True, "MRAcquisitionType": True,
    "RepetitionTime": True, "EchoTime": True, "EchoTrainLength": True, "MagneticFieldStrength": False,
}  # fmt: skip
_KEPT: Final = (
    "SpecificCharacterSet",
    "Modality",
    "SeriesNumber",
    *_PATIENT,
    *_STUDY,
    *_SERIES,
    *_PLACE,
    *_LOSSY,
    *_CT,
    *_MR,
)


@dataclass(frozen=True, slots=True)
class NewInstance:
    """Which object of which new series is made, and of what it tells to be derived."""

    sop_instance_uid: str
    series_instance_uid: str
    series_description: str
    instance_number: int
    derivation_description: str
    made_at: datetime
    series_number: int
    source_lossy: bool = False  # its code streams show a loss, also where the source's header does not say so


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels row by row, little endian: of 16 bits, or red, green and blue of 8 bits.

    Raises
    ------
    InvalidInput
        The bytes do not fill the rows, or a side is longer than ``MAX_SIDE``.
    """

    rows: int
    columns: int
    data: bytes
    is_colour: bool = False
    is_signed: bool = False

    def __post_init__(self) -> None:
        if not (1 <= self.rows <= MAX_SIDE and 1 <= self.columns <= MAX_SIDE):
            raise InvalidInput(
                f"A picture of {self.columns} × {self.rows} pixels is invalid: must have 1 to {MAX_SIDE} a side."
            )
        expected = self.rows * self.columns * (3 if self.is_colour else 2)
        if len(self.data) != expected:
            raise InvalidInput(
                f"{len(self.data)} bytes of pixels do not fit {self.columns} × {self.rows} of them: "
                f"expected {expected}."
            )


@dataclass(frozen=True, slots=True)
class PlaneFacts:
    """Where a computed slice lies and what its values are: ``value = stored * slope + intercept``.

    ``pixel_padding_value`` is the stored value of pixels that have none (PS3.3 C.7.5.1.1.2).
    """

    image_position_patient: tuple[float, float, float]
    image_orientation_patient: tuple[float, float, float, float, float, float]
    pixel_spacing: tuple[float, float]  # mm: between rows, between columns
    slice_thickness: float
    spacing_between_slices: float
    rescale_slope: float
    rescale_intercept: float
    rescale_type: str
    grey: GreyLook
    pixel_padding_value: int | None = None


def read_source(file: BinaryIO) -> Dataset:
    """Return what a new object takes over from a stored one; its pixels are not read.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they repeat values, and those name patients
            found = dcmread(file, stop_before_pixels=True, specific_tags=list(_KEPT))
            for _ in found.iterall():  # what is broken is found here, not when it is written
                pass
    except (InvalidDicomError, ValueError, KeyError, AttributeError, NotImplementedError, RecursionError) as exc:
        raise DataError(_UNREADABLE) from exc
    if not found.get("StudyInstanceUID"):
        raise DataError(_UNREADABLE)
    return found


def plane_object(source: Dataset, new: NewInstance, facts: PlaneFacts, pixels: Pixels) -> bytes:
    """Return a file with a computed slice of 16 bits.

    Parameters
    ----------
    source
        From `read_source`.

    Raises
    ------
    InvalidInput
        Pixels in colour, a number that is none, or a padding value that no pixel can have.
    """
    if pixels.is_colour:
        raise InvalidInput("A computed slice is grey, not in colour.")
    modality = str(source.get("Modality", ""))
    made = _common(source, new)
    made.SOPClassUID = {"CT": CTImageStorage, "MR": MRImageStorage}.get(modality, SecondaryCaptureImageStorage)
    made.ImageType = ["DERIVED", "SECONDARY", "MPR"]
    made.Modality = modality or "OT"
    _copy(made, source, _PLACE)
    # Without one, what was made together lies in one place all the same.
    made.FrameOfReferenceUID = made.FrameOfReferenceUID or UID(f"{new.series_instance_uid}.1")
    if modality == "CT":
        _copy(made, source, _CT)
    elif modality == "MR":
        _copy(made, source, _MR)
        made.ScanningSequence = made.get("ScanningSequence") or "RM"
        made.SequenceVariant = made.get("SequenceVariant") or "NONE"
    else:
        made.ConversionType = "WSD"
        made.PatientOrientation = None
    _set_plane(made, facts)
    _set_pixels(made, pixels)
    _set_padding(made, facts.pixel_padding_value, pixels)
    set_grey(made, facts.grey)
    return _encoded(made)


def picture_object(source: Dataset, new: NewInstance, pixels: Pixels) -> bytes:
    """Return a Secondary Capture file with a picture in colour; raises InvalidInput if it is grey."""
    if not pixels.is_colour:
        raise InvalidInput("A picture is in colour, not grey.")
    made = _common(source, new)
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.Modality = str(source.get("Modality", "")) or "OT"
    made.ConversionType = "WSD"
    made.PatientOrientation = None
    _set_pixels(made, pixels)
    return _encoded(made)


def _common(source: Dataset, new: NewInstance) -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    for names in (_PATIENT, _STUDY, _SERIES, _LOSSY):
        _copy(made, source, names)
    if new.source_lossy:
        made.LossyImageCompression = "01"  # once lossy, always lossy (PS3.3 C.7.6.1.1.5)
    date, time = new.made_at.strftime("%Y%m%d"), new.made_at.strftime("%H%M%S")
    made.InstanceCreationDate = made.ContentDate = made.SeriesDate = date
    made.InstanceCreationTime = made.ContentTime = made.SeriesTime = time
    made.SOPInstanceUID = new.sop_instance_uid
    made.SeriesInstanceUID = new.series_instance_uid
    made.SeriesNumber = new.series_number
    made.SeriesDescription = _one_line(new.series_description.replace("\\", "/"))[:64]
    made.InstanceNumber = new.instance_number
    made.DerivationDescription = new.derivation_description[:1024]
    if "BodyPartExamined" not in made and "Laterality" not in made:
        made.Laterality = None  # whether the part is one of a pair is not known
    if made.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethod" not in made:
        made.DeidentificationMethod = "Not stated by the source"
    made.Manufacturer = "Web DICOM Viewer"
    made.SoftwareVersions = __version__
    return made


def free_series_number(source: Dataset, taken: Collection[int]) -> int:
    """Return a number that stands behind the source's in a list: the first free one after its hundredfold."""
    try:
        number = int(source.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        number = 0
    first = number * 100 + 1 if 0 <= number < 10_000_000 else 1
    return next(one for one in count(first) if one not in taken)


def _one_line(text: str) -> str:
    """Return a text without control characters and line ends, which an LO must not have (PS3.5 6.2)."""
    return "".join(" " if unicodedata.category(one) in _NO_TEXT else one for one in text).strip()


def _copy(made: Dataset, source: Dataset, names: dict[str, bool]) -> None:
    """Take elements over, texts as Unicode; what is invalid or empty is left out where it may be missing."""
    for name, is_needed in names.items():
        element = source.get_item(name) and source[name]
        if element is None or element.is_empty:
            if is_needed:
                setattr(made, name, None)
            continue
        value = element.value
        if element.VR in _TEXTS:
            value = [str(part) for part in value] if element.VM > 1 else str(value)
        try:
            validate_value(element.VR, value, config.RAISE)
        except (ValueError, TypeError, AttributeError):
            if not is_needed:
                continue
        with config.disable_value_validation():  # who it is must not get lost by a name that is too long
            made.add_new(element.tag, element.VR, value)


def _set_plane(made: Dataset, facts: PlaneFacts) -> None:
    made.ImagePositionPatient = _decimals(facts.image_position_patient)
    made.ImageOrientationPatient = _decimals(facts.image_orientation_patient)
    made.PixelSpacing = _decimals(facts.pixel_spacing)
    made.SliceThickness = _decimals([facts.slice_thickness])[0]
    made.SpacingBetweenSlices = _decimals([facts.spacing_between_slices])[0]
    made.RescaleSlope, made.RescaleIntercept = _decimals([facts.rescale_slope, facts.rescale_intercept])
    made.RescaleType = facts.rescale_type[:16] or ("HU" if made.Modality == "CT" else "US")


def _decimals(numbers: Iterable[float]) -> list[str]:
    found = [float(number) for number in numbers]
    if not all(map(math.isfinite, found)):
        raise InvalidInput(f"Numbers {found} are invalid: each must be finite.")
    return [format_number_as_ds(number) for number in found]


def _set_pixels(made: Dataset, pixels: Pixels) -> None:
    made.SamplesPerPixel = 3 if pixels.is_colour else 1
    made.PhotometricInterpretation = "RGB" if pixels.is_colour else "MONOCHROME2"
    if pixels.is_colour:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns = pixels.rows, pixels.columns
    made.BitsAllocated = made.BitsStored = 8 if pixels.is_colour else 16
    made.HighBit = made.BitsAllocated - 1
    made.PixelRepresentation = int(pixels.is_signed)
    padding = b"\x00" * (len(pixels.data) % 2)
    made.add_new("PixelData", "OB" if pixels.is_colour else "OW", pixels.data + padding)


def _set_padding(made: Dataset, value: int | None, pixels: Pixels) -> None:
    if value is None:
        return
    low, high = (-32768, 32767) if pixels.is_signed else (0, 65535)
    if not low <= value <= high:
        raise InvalidInput(f"A pixel padding value of {value} is invalid: must be {low} to {high}, as pixels are.")
    made.add_new("PixelPaddingValue", "SS" if pixels.is_signed else "US", value)


def _encoded(made: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    made.file_meta = meta
    out = io.BytesIO()
    dcmwrite(out, made, enforce_file_format=True)
    return out.getvalue()
