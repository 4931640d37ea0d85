"""Small valid DICOM objects made by code, so that a bare clone proves the same things as the shared data.

Every function returns a `pydicom.Dataset` with file meta; `to_bytes` makes the file. Pixels are deterministic.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from itertools import count
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

ROOT = "1.2.826.0.1.3680043.8.498.7"  # under pydicom's own root; for tests only
STUDY_UID = f"{ROOT}.1"
SERIES_UID = f"{ROOT}.1.1"
FRAME_OF_REFERENCE_UID = f"{ROOT}.1.0"


def ct_values(rows: int = 64, columns: int = 64, instance_number: int = 1) -> NDArray[np.int16]:
    """Return a disc of water with a bone and a lung spot in air, HU, (rows, columns); differs from slice to slice."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    radius = min(rows, columns) * 0.45
    cy, cx = (rows - 1) / 2, (columns - 1) / 2
    values = np.full((rows, columns), -1000.0)
    values[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = 20.0 + instance_number
    values[(y - cy * 0.7) ** 2 + (x - cx * 0.8) ** 2 <= (radius * 0.2) ** 2] = 900.0
    values[(y - cy * 1.3) ** 2 + (x - cx * 1.3) ** 2 <= (radius * 0.25) ** 2] = -700.0
    values += (x * 3 + y * 5) % 17
    return values.astype(np.int16)


def base(
    *,
    sop_class_uid: str,
    modality: str,
    study_uid: str = STUDY_UID,
    series_uid: str = SERIES_UID,
    sop_instance_uid: str | None = None,
    instance_number: int | None = 1,
    series_number: int | None = 1,
    patient_name: str = "Phantom^Anna",
    patient_id: str = "PH-1",
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
    **elements: Any,
) -> Dataset:
    """Return a data set with patient, study, series and identification; ``elements`` are further keywords."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = sop_instance_uid or f"{series_uid}.{instance_number or 0}"
    ds.StudyInstanceUID = study_uid
    ds.SeriesInstanceUID = series_uid
    ds.Modality = modality
    ds.PatientName = patient_name
    ds.PatientID = patient_id
    ds.PatientBirthDate = "19700102"
    ds.PatientSex = "F"
    ds.StudyDate = "20240305"
    ds.StudyTime = "101112"
    ds.AccessionNumber = "ACC-1"
    ds.StudyDescription = "Phantom study"
    ds.SeriesDescription = f"Phantom series {series_number}"
    ds.ReferringPhysicianName = "Referrer^Rita"
    ds.InstitutionName = "Phantom hospital"
    ds.StudyID = "1"
    ds.SeriesNumber = series_number
    ds.InstanceNumber = instance_number
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    ds.file_meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    ds.file_meta.MediaStorageSOPInstanceUID = UID(ds.SOPInstanceUID)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.file_meta.MediaStorageSOPInstanceUID = UID(ds.SOPInstanceUID)
    return ds


def set_pixels(
    ds: Dataset,
    frames: NDArray[Any],
    *,
    bits_stored: int | None = None,
    photometric: str = "MONOCHROME2",
    planar_configuration: int = 0,
) -> Dataset:
    """Put native pixels in: (rows, columns), (frames, rows, columns), or with a last axis of 3 for colour.

    Colour is told by ``photometric`` (anything but MONOCHROME1, MONOCHROME2 and PALETTE COLOR).
    """
    is_colour = photometric not in {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}
    stack = frames[np.newaxis] if frames.ndim == (3 if is_colour else 2) else frames
    bits = stack.dtype.itemsize * 8
    ds.SamplesPerPixel = 3 if is_colour else 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = stack.shape[1:3]
    ds.BitsAllocated = bits
    ds.BitsStored = bits_stored or bits
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 1 if stack.dtype.kind == "i" else 0
    if is_colour:
        ds.PlanarConfiguration = planar_configuration
        if planar_configuration == 1:
            stack = np.moveaxis(stack, -1, 1)
    if stack.shape[0] > 1:
        ds.NumberOfFrames = stack.shape[0]
    data = np.ascontiguousarray(stack).astype(stack.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    return ds


def make_ct(
    *,
    rows: int = 64,
    columns: int = 64,
    instance_number: int = 1,
    pixel_spacing: tuple[float, float] = (0.7, 0.7),
    slice_step_mm: float = 1.25,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    position: Sequence[float] | None = None,
    window: tuple[float, float] | None = (40, 400),
    values_hu: NDArray[np.int16] | None = None,
    **identification: Any,
) -> Dataset:
    """Return a 16-bit signed CT slice; stored values are HU + 1024 with Rescale Intercept -1024."""
    ds = base(sop_class_uid=CTImageStorage, modality="CT", instance_number=instance_number, **identification)
    values = ct_values(rows, columns, instance_number) if values_hu is None else values_hu
    normal = np.cross(np.array(orientation[:3], float), np.array(orientation[3:], float))
    origin = np.array([-columns * pixel_spacing[1] / 2, -rows * pixel_spacing[0] / 2, 0.0])
    place = origin + normal * slice_step_mm * (instance_number - 1) if position is None else np.array(position, float)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.BodyPartExamined = "CHEST"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = FRAME_OF_REFERENCE_UID
    ds.ImagePositionPatient = [f"{v:.6g}" for v in place]
    ds.ImageOrientationPatient = [f"{v:.6g}" for v in orientation]
    ds.PixelSpacing = [f"{v:.6g}" for v in pixel_spacing]
    ds.SliceThickness = f"{slice_step_mm:.6g}"
    ds.KVP = "120"
    ds.RescaleSlope = "1"
    ds.RescaleIntercept = "-1024"
    ds.RescaleType = "HU"
    if window is not None:
        ds.WindowCenter, ds.WindowWidth = str(window[0]), str(window[1])
    return set_pixels(ds, (values.astype(np.int32) + 1024).astype(np.int16))


def make_ct_series(n: int, *, series_uid: str = SERIES_UID, series_number: int = 1, **parameters: Any) -> list[Dataset]:
    """Return ``n`` CT slices along the normal, instance numbers from 1; parameters as `make_ct`."""
    return [
        make_ct(series_uid=series_uid, series_number=series_number, instance_number=k, **parameters)
        for k in range(1, n + 1)
    ]


def make_mr(*, rows: int = 64, columns: int = 48, instance_number: int = 1, **identification: Any) -> Dataset:
    """Return a 12-bit unsigned MR slice in 16 bits with anisotropic pixels 1.5 × 0.75 mm, sagittal."""
    ds = base(sop_class_uid=MRImageStorage, modality="MR", instance_number=instance_number, **identification)
    y, x = np.mgrid[0:rows, 0:columns]
    values = ((x * 61 + y * 37 + instance_number * 11) % 4096).astype(np.uint16)
    ds.FrameOfReferenceUID = FRAME_OF_REFERENCE_UID
    ds.PatientPosition = "HFS"
    ds.ImagePositionPatient = [str(float(instance_number - 1) * 3), "-20", "40"]
    ds.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
    ds.PixelSpacing = ["1.5", "0.75"]
    ds.SliceThickness = "3"
    ds.WindowCenter, ds.WindowWidth = "1000", "2000"
    return set_pixels(ds, values, bits_stored=12)


def rgb_values(rows: int = 32, columns: int = 48) -> NDArray[np.uint8]:
    """Return a colour ramp, (rows, columns, 3)."""
    y, x = np.mgrid[0:rows, 0:columns]
    return np.stack([x * 5 % 256, y * 7 % 256, (x + y) * 3 % 256], axis=-1).astype(np.uint8)


def make_rgb(
    *, values: NDArray[Any] | None = None, planar_configuration: int = 0, photometric: str = "RGB", **more: Any
) -> Dataset:
    """Return a secondary capture in colour."""
    ds = base(sop_class_uid=SecondaryCaptureImageStorage, modality="OT", ConversionType="WSD", **more)
    pixels = rgb_values() if values is None else values
    return set_pixels(ds, pixels, photometric=photometric, planar_configuration=planar_configuration)


def make_palette(*, rows: int = 16, columns: int = 16, **identification: Any) -> Dataset:
    """Return an 8-bit PALETTE COLOR image: red rises, green falls, blue is the square, tables of 16 bits."""
    ds = base(sop_class_uid=SecondaryCaptureImageStorage, modality="OT", ConversionType="WSD", **identification)
    index = np.arange(256)
    red, green, blue = index * 257, (255 - index) * 257, (index * index // 255) * 257
    for name, table in (("Red", red), ("Green", green), ("Blue", blue)):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", table.astype("<u2").tobytes())
    values = (np.arange(rows * columns) * 7 % 256).astype(np.uint8).reshape(rows, columns)
    return set_pixels(ds, values, photometric="PALETTE COLOR")


def make_monochrome1(*, rows: int = 40, columns: int = 40, **identification: Any) -> Dataset:
    """Return a DX image with MONOCHROME1, 10 bits in 16, and detector spacing only."""
    ds = base(sop_class_uid=DigitalXRayImageStorageForPresentation, modality="DX", **identification)
    y, x = np.mgrid[0:rows, 0:columns]
    ds.ImagerPixelSpacing = ["0.2", "0.2"]
    ds.PresentationLUTShape = "INVERSE"
    ds.WindowCenter, ds.WindowWidth = "512", "1024"
    return set_pixels(ds, ((x * 25 + y * 3) % 1024).astype(np.uint16), bits_stored=10, photometric="MONOCHROME1")


def make_grey(values: NDArray[Any], *, bits_stored: int | None = None, **identification: Any) -> Dataset:
    """Return a secondary capture of any grey values, one frame or several, 8 to 32 bits, signed or not."""
    is_multi_frame = values.ndim == 3
    sop_class = SecondaryCaptureImageStorage
    if is_multi_frame:
        sop_class = (
            MultiFrameGrayscaleByteSecondaryCaptureImageStorage
            if values.dtype.itemsize == 1
            else MultiFrameGrayscaleWordSecondaryCaptureImageStorage
        )
    ds = base(sop_class_uid=sop_class, modality="OT", ConversionType="WSD", **identification)
    return set_pixels(ds, values, bits_stored=bits_stored)


def make_enhanced_ct(n: int = 4, *, rows: int = 32, columns: int = 32, **identification: Any) -> Dataset:
    """Return an Enhanced CT whose frames lie from head to foot (so: against display order) with a window each."""
    ds = base(sop_class_uid=EnhancedCTImageStorage, modality="CT", **identification)
    ds.FrameOfReferenceUID = FRAME_OF_REFERENCE_UID
    measures, orientation, transform = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = ["0.5", "0.25"], "2"
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = "2", "-1000", "HU"
    shared = Dataset()
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PlaneOrientationSequence = DicomSequence([orientation])
    shared.PixelValueTransformationSequence = DicomSequence([transform])
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for k in range(n):
        group, place, voi, content = Dataset(), Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = ["-4", "-8", str(100 - 2 * k)]
        voi.WindowCenter, voi.WindowWidth = str(40 + k), "400"
        content.InStackPositionNumber, content.StackID = k + 1, "1"
        group.PlanePositionSequence = DicomSequence([place])
        group.FrameVOILUTSequence = DicomSequence([voi])
        group.FrameContentSequence = DicomSequence([content])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    stack = np.stack([(ct_values(rows, columns, k) // 2 + 500) for k in range(1, n + 1)]).astype(np.uint16)
    set_pixels(ds, stack)
    ds.NumberOfFrames = n
    return ds


def compress(ds: Dataset, transfer_syntax_uid: str, *, has_offset_table: bool = True) -> Dataset:
    """Encapsulate the native pixels of ``ds`` in place: JPEG-LS, RLE, JPEG lossless or JPEG baseline (8 bit)."""
    is_colour = ds.SamplesPerPixel == 3
    kind = "i" if ds.PixelRepresentation else "u"
    shape = [int(ds.get("NumberOfFrames", 1)), ds.Rows, ds.Columns] + ([3] if is_colour else [])
    count = int(np.prod(shape))
    frames = np.frombuffer(ds.PixelData, f"<{kind}{ds.BitsAllocated // 8}", count).reshape(shape)
    coded = [_encode(frame, transfer_syntax_uid, int(ds.BitsStored)) for frame in frames]
    ds.PixelData = encapsulate(coded, has_bot=has_offset_table)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    return ds


def _encode(frame: NDArray[Any], transfer_syntax_uid: str, bits_stored: int) -> bytes:
    unsigned = frame.view(f"u{frame.dtype.itemsize}")
    if transfer_syntax_uid == JPEGLSLossless:
        return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(unsigned)))
    if transfer_syntax_uid in {JPEGLossless, JPEGLosslessSV1}:
        return bytes(
            imagecodecs.jpeg_encode(np.ascontiguousarray(unsigned), lossless=True, bitspersample=max(bits_stored, 8))
        )
    if transfer_syntax_uid == JPEGBaseline8Bit:
        return bytes(imagecodecs.jpeg_encode(np.ascontiguousarray(unsigned), level=95))
    if transfer_syntax_uid == RLELossless:
        return encode_rle(unsigned)
    raise ValueError(f"no encoder for {transfer_syntax_uid}")


def encode_rle(frame: NDArray[Any]) -> bytes:
    """Return an RLE frame (PS3.5 annex G): one PackBits segment for each byte plane, the highest byte first."""
    planes = frame[..., np.newaxis] if frame.ndim == 2 else frame
    segments = []
    for sample in range(planes.shape[2]):
        octets = np.ascontiguousarray(planes[:, :, sample]).astype(frame.dtype.newbyteorder(">")).view(np.uint8)
        width = frame.dtype.itemsize
        for byte in range(width):
            rows = octets[:, byte::width]
            coded = b"".join(bytes(imagecodecs.packbits_encode(row.tobytes())) for row in rows)
            segments.append(coded + b"\0" * (len(coded) % 2))
    offsets, position = [], 64
    for segment in segments:
        offsets.append(position)
        position += len(segment)
    header = np.array([len(segments), *offsets] + [0] * (15 - len(segments)), "<u4").tobytes()
    return header + b"".join(segments)


def to_bytes(ds: Dataset) -> bytes:
    """Return the file: preamble, file meta information, data set."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    buffer = io.BytesIO()
    if syntax.is_transfer_syntax:
        dcmwrite(buffer, ds, enforce_file_format=True)
        return buffer.getvalue()
    # Newer than this pydicom, which writes no file for it: written as another one of the same encoding, then renamed.
    stand_in = JPEGBaseline8Bit
    ds.file_meta.TransferSyntaxUID = stand_in
    dcmwrite(buffer, ds, enforce_file_format=True)
    ds.file_meta.TransferSyntaxUID = syntax
    data = buffer.getvalue()
    old, new = _meta_uid(stand_in), _meta_uid(syntax)
    (length,) = struct.unpack_from("<I", data, 140)  # File Meta Information Group Length
    data = data[:140] + struct.pack("<I", length + len(new) - len(old)) + data[144:]
    return data.replace(old, new, 1)


def _meta_uid(uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value


def data_set_bytes(ds: Dataset) -> bytes:
    """Return the bare data set in the transfer syntax of its file meta, as C-STORE carries it."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    buffer = io.BytesIO()
    bare = Dataset()
    bare.update(ds)
    dcmwrite(buffer, bare, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    return buffer.getvalue()


def one_of_each_kind(root: str) -> dict[str, bytes]:
    """Return files of all kinds by name, in one study and a series each: images, compressed ones, and documents.

    Parameters
    ----------
    root
        UID under which those of the study and its series stand.
    """
    number = count(1)

    def place() -> dict[str, Any]:
        return {"study_uid": root, "series_uid": f"{root}.{next(number)}"}

    report = base(sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11", modality="SR", **place())
    document = base(sop_class_uid="1.2.840.10008.5.1.4.1.1.104.1", modality="DOC", **place())
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocument = b"%PDF-"
    made = {
        "ct": make_ct(**place()),
        "mr": make_mr(**place()),
        "rgb": make_rgb(**place()),
        "palette": make_palette(**place()),
        "monochrome1": make_monochrome1(**place()),
        "enhanced": make_enhanced_ct(**place()),
        "rle": compress(make_ct(**place()), RLELossless),
        "jpeg_ls": compress(make_ct(**place()), JPEGLSLossless),
        "report": report,
        "document": document,
    }
    return {name: to_bytes(ds) for name, ds in made.items()}
