"""Headers: what is read, what is refused, and that no lie does more than be named."""

from __future__ import annotations

import datetime as dt
import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from tests.support.phantom_files import (
    compress,
    data_set_bytes,
    make_ct,
    make_enhanced_ct,
    make_grey,
    make_monochrome1,
    make_mr,
    make_palette,
    to_bytes,
)
from tests.support.stored_image import image_attributes
from webviewer.core.errors import DataError, InvalidInput
from webviewer.dicom.attributes import ImageAttributes, VoiWindow
from webviewer.dicom.dataset import ReadLimits
from webviewer.dicom.header import Header, is_valid_uid, read_header, read_header_from_data_set
from webviewer.dicom.transfer_syntaxes import is_video

EXPLICIT = "1.2.840.10008.1.2.1"


def header_of(ds: Dataset) -> Header:
    return read_header(io.BytesIO(to_bytes(ds)))


def attributes_of(ds: Dataset) -> ImageAttributes:
    attributes = image_attributes(header_of(ds))
    assert attributes is not None
    return attributes


def element(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in {"OB", "OW", "SQ", "UN", "UT"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


UIDS = (
    element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.7\0")
    + element(0x00080018, "UI", b"1.2.3.4\0")
    + element(0x0020000D, "UI", b"1.2.3\0")
    + element(0x0020000E, "UI", b"1.2.3.5\0")
)


def test_identification_of_a_ct_slice_is_read() -> None:
    header = header_of(make_ct(instance_number=7))
    assert header.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
    assert header.transfer_syntax_uid == EXPLICIT
    assert header.patient_name == "Phantom^Anna"
    assert header.patient_id == "PH-1"
    assert header.patient_birth_date == dt.date(1970, 1, 2)
    assert header.patient_sex == "F"
    assert header.study_date == dt.date(2024, 3, 5)
    assert header.study_time == dt.time(10, 11, 12)
    assert header.accession_number == "ACC-1"
    assert header.study_description == "Phantom study"
    assert header.series_description == "Phantom series 1"
    assert header.referring_physician_name == "Referrer^Rita"
    assert header.institution_name == "Phantom hospital"
    assert header.body_part_examined == "CHEST"
    assert (header.modality, header.series_number, header.instance_number) == ("CT", 1, 7)
    assert header.number_of_frames == 1
    assert header.pixel_data_length_bytes == 64 * 64 * 2


def test_the_pixel_offset_points_to_the_first_pixel() -> None:
    values = np.arange(12, dtype=np.int16).reshape(3, 4)
    data = to_bytes(make_ct(values_hu=values))
    header = read_header(io.BytesIO(data))
    assert header.pixel_data_offset_bytes is not None
    found = np.frombuffer(data, "<i2", 12, header.pixel_data_offset_bytes)
    assert found.tolist() == [1024 + k for k in range(12)]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, EXPLICIT])
def test_every_native_encoding_gives_the_same_header(syntax: str) -> None:
    ds = make_mr(transfer_syntax_uid=syntax)
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    header = header_of(ds)
    plain = header_of(make_mr())
    assert image_attributes(header) == ImageAttributes(
        **{
            **{name: getattr(image_attributes(plain), name) for name in ImageAttributes.__slots__},
            "transfer_syntax_uid": syntax,
        }
    )
    assert header.patient_name == plain.patient_name


def test_a_data_set_from_the_network_is_read_at_its_offset() -> None:
    data = b"\xaa" * 77 + data_set_bytes(make_ct(transfer_syntax_uid=ImplicitVRLittleEndian))
    header = read_header_from_data_set(io.BytesIO(data), ImplicitVRLittleEndian, data_set_offset_bytes=77)
    assert header.data_set_offset_bytes == 77
    assert header.pixel_data_offset_bytes == len(data) - 64 * 64 * 2
    assert header.patient_name == "Phantom^Anna"


def test_an_explicit_data_set_under_an_implicit_name_is_read_as_it_is() -> None:
    data = data_set_bytes(make_ct())
    header = read_header_from_data_set(io.BytesIO(data), ImplicitVRLittleEndian)
    assert header.pixel_data_length_bytes == 64 * 64 * 2


def test_a_file_without_preamble_and_meta_is_read() -> None:
    header = read_header(io.BytesIO(data_set_bytes(make_ct(transfer_syntax_uid=ImplicitVRLittleEndian))))
    assert header.transfer_syntax_uid == ImplicitVRLittleEndian
    assert header.data_set_offset_bytes == 0


def test_an_object_without_pixels_has_no_image() -> None:
    header = read_header(io.BytesIO(UIDS))
    assert header.image is None
    assert header.number_of_frames == 0
    assert header.pixel_data_offset_bytes is None


@pytest.mark.parametrize(
    ("charset", "raw", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
        ("ISO IR 192", "Łódź^Ewa".encode(), "Łódź^Ewa"),
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
        ("NO SUCH SET", b"Doe^Jane", "Doe^Jane"),
        ("ISO_IR 192", b"Bad\xff\xfe^Bytes", "Bad��^Bytes"),
        ("", b"Caf\xe9^", "Café^"),
        ("ISO_IR 192", b"A\x00B\x1fC^D\x7f", "A B C^D"),
    ],
)
def test_names_become_unicode(charset: str, raw: bytes, name: str) -> None:
    charset_value = charset.encode() + b" " * (len(charset) % 2)
    padded = raw + b" " * (len(raw) % 2)
    data = element(0x00080005, "CS", charset_value) + UIDS + element(0x00100010, "PN", padded)
    header = read_header_from_data_set(io.BytesIO(data), EXPLICIT)
    assert header.patient_name == name


def test_a_name_of_5000_characters_is_cut() -> None:
    ds = make_ct(patient_name="X" * 63)
    data = to_bytes(ds).replace(element(0x00100010, "PN", b"X" * 63 + b" "), element(0x00100010, "PN", b"Y" * 5000))
    assert read_header(io.BytesIO(data)).patient_name == "Y" * 256


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (b"20240229", dt.date(2024, 2, 29)),
        (b"20230229", None),
        (b"2024.01.02", dt.date(2024, 1, 2)),
        (b"yesterday ", None),
    ],
)
def test_a_date_that_is_none_is_left_out(value: bytes, date: dt.date | None) -> None:
    data = to_bytes(make_ct()).replace(element(0x00080020, "DA", b"20240305"), element(0x00080020, "DA", value))
    assert read_header(io.BytesIO(data)).study_date == date


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (b"10", dt.time(10)),
        (b"101112.123456", dt.time(10, 11, 12, 123456)),
        (b"10:11:12", dt.time(10, 11, 12)),
        (b"250000", None),
        (b"235960", dt.time(23, 59, 59)),
    ],
)
def test_times_in_all_their_forms(value: bytes, time: dt.time | None) -> None:
    padded = value + b" " * (len(value) % 2)
    data = to_bytes(make_ct()).replace(element(0x00080030, "TM", b"101112"), element(0x00080030, "TM", padded))
    assert read_header(io.BytesIO(data)).study_time == time


@pytest.mark.parametrize(
    ("uid", "is_valid"),
    [
        ("1.2.3", True),
        ("1" * 64, True),
        ("1" * 65, False),
        ("", False),
        ("..", False),
        ("../../x", False),
        ("/abs", False),
        ("1..2", False),
        ("1.2.", False),
        ("1.2.3\n", False),
        ("1.2.٣", False),
    ],
)
def test_what_is_a_uid(uid: str, is_valid: bool) -> None:
    assert is_valid_uid(uid) is is_valid


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", ["../../etc/passwd", "", "." * 64, "1.2.3\x001"])
def test_an_object_without_a_sound_uid_is_refused(keyword: str, value: str) -> None:
    tag = {"StudyInstanceUID": 0x0020000D, "SeriesInstanceUID": 0x0020000E, "SOPInstanceUID": 0x00080018}[keyword]
    raw = value.encode()
    raw += b"\0" * (len(raw) % 2)
    old = {0x0020000D: b"1.2.3\0", 0x0020000E: b"1.2.3.5\0", 0x00080018: b"1.2.3.4\0"}[tag]
    data = UIDS.replace(element(tag, "UI", old), element(tag, "UI", raw))
    with pytest.raises(InvalidInput, match="UID"):
        read_header_from_data_set(io.BytesIO(data), EXPLICIT)


def lie(**elements: Any) -> str:
    """Return the refusal of a CT slice of which some elements lie."""
    ds = make_ct()
    for keyword, value in elements.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    attributes = attributes_of(ds)
    assert attributes.number_of_frames == 1  # never a list as long as the lie
    return attributes.refusal


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Rows": 0}, "Rows (0028,0010) is 0; 1 to 65535 is allowed"),
        ({"Rows": None}, "Rows (0028,0010) is missing"),
        ({"Columns": None}, "Columns (0028,0011) is missing"),
        ({"Rows": 65535, "Columns": 65535}, "65535 rows × 65535 columns, but there are only 8192 bytes"),
        ({"BitsAllocated": 12}, "Bits Allocated (0028,0100) is 12"),
        ({"BitsAllocated": 65535}, "Bits Allocated (0028,0100) is 65535"),
        ({"BitsStored": 17}, "Bits Stored (0028,0101) is 17, more than Bits Allocated"),
        ({"HighBit": 31}, "High Bit (0028,0102) is 31, for 16 bits stored in 16"),
        ({"HighBit": 3}, "High Bit (0028,0102) is 3"),
        ({"SamplesPerPixel": 3}, "Samples per Pixel (0028,0002) is 3, which does not go with MONOCHROME2"),
        ({"SamplesPerPixel": 65535}, "Samples per Pixel (0028,0002) is 65535"),
        ({"PixelRepresentation": 7}, "Pixel Representation (0028,0103) is 7"),
        ({"PhotometricInterpretation": "HSV"}, "'HSV' is not supported"),
        ({"NumberOfFrames": 1000}, "claims 1000 frames of 64 rows × 64 columns"),
        ({"NumberOfFrames": 2**31 - 1}, "Number of Frames (0028,0008) is 2147483647"),
        ({"NumberOfFrames": 0}, "Number of Frames (0028,0008) is 0"),
        ({"RescaleSlope": "0"}, "Rescale Slope (0028,1053) is 0"),
        ({"RescaleSlope": "1e38"}, "Rescale Slope (0028,1053) is 1e+38, and slopes are from 1e-12 to 1e+09"),
        ({"RescaleSlope": "1e-38"}, "Rescale Slope (0028,1053) is 1e-38"),
    ],
)
def test_a_lie_in_the_header_is_named(elements: dict[str, Any], words: str) -> None:
    assert words in lie(**elements)


@pytest.mark.parametrize("element", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("text", ["NaN", "inf", "1e999", "none", "NaN\\1"])
def test_a_rescale_that_is_no_number_is_not_taken_as_none(element: str, text: str) -> None:
    ds = make_ct()
    ds.add_new(element, "LO", text)
    assert "Rescale Slope (0028,1053) is 0 or no number" in attributes_of(ds).refusal
    ds.add_new(element, "LO", "2\\inf")  # only the first one counts
    assert attributes_of(ds).refusal == ""
    frame = attributes_of(ds).frame(1)
    assert (frame.rescale_slope if element == "RescaleSlope" else frame.rescale_intercept) == 2.0


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowWidth": "0"},
        {"WindowWidth": "-5"},
        {"PixelSpacing": ["0", "0"]},
        {"ImageOrientationPatient": ["0"] * 6},
        {"SliceThickness": "-1"},
        {"PixelAspectRatio": ["0", "1"]},
        {"PlanarConfiguration": 0},
        {"RescaleSlope": None},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"RescaleSlope": "-1e-9"},
    ],
)
def test_what_only_an_annotation_lies_about_is_left_out_and_the_image_shown(elements: dict[str, Any]) -> None:
    assert lie(**elements) == ""


def test_a_window_of_no_width_falls_away() -> None:
    ds = make_ct()
    ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["0", "1500"]
    ds.WindowCenterWidthExplanation = ["broken", "lung"]
    assert attributes_of(ds).frame(1).windows == (VoiWindow(-600.0, 1500.0, "lung"),)


def test_encapsulated_frames_that_the_file_cannot_hold_are_refused() -> None:
    ds = compress(make_ct(), "1.2.840.10008.1.2.5")
    ds.NumberOfFrames = 900_000
    attributes = attributes_of(ds)
    assert "claims 900000 frames, but the file cannot hold as many" in attributes.refusal
    assert attributes.number_of_frames == 1


def test_spacing_comes_from_the_best_source_and_says_which() -> None:
    assert attributes_of(make_ct()).spacing_source == "PixelSpacing"
    detector = attributes_of(make_monochrome1())
    assert detector.spacing_source == "ImagerPixelSpacing"
    assert detector.frame(1).pixel_spacing == (0.2, 0.2)
    both = make_monochrome1(PixelSpacing=["0.2", "0.2"])
    assert attributes_of(both).spacing_source == "ImagerPixelSpacing"
    calibrated = make_monochrome1(PixelSpacing=["0.15", "0.15"])
    assert attributes_of(calibrated).spacing_source == "PixelSpacing"
    film = make_grey(np.zeros((4, 4), np.uint8), NominalScannedPixelSpacing=["0.1", "0.1"])
    assert attributes_of(film).spacing_source == "NominalScannedPixelSpacing"
    nothing = attributes_of(make_grey(np.zeros((4, 4), np.uint8)))
    assert (nothing.spacing_source, nothing.frame(1).pixel_spacing) == ("", None)


def region(delta: float, spatial_format: int = 1, units: int = 3) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = spatial_format, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 0, 0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 9, 9
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta, delta * 2
    return item


def test_ultrasound_is_calibrated_only_by_regions_that_agree() -> None:
    one = make_grey(
        np.zeros((10, 10), np.uint8), SequenceOfUltrasoundRegions=Sequence([region(0.02), region(0.5, 3, 4)])
    )
    attributes = attributes_of(one)
    assert attributes.spacing_source == "Ultrasound"
    assert attributes.frame(1).pixel_spacing == pytest.approx((0.4, 0.2))
    assert [r.spatial_format for r in attributes.ultrasound_regions] == [1, 3]
    two = make_grey(np.zeros((10, 10), np.uint8), SequenceOfUltrasoundRegions=Sequence([region(0.02), region(0.03)]))
    assert attributes_of(two).spacing_source == ""


def test_functional_groups_of_an_enhanced_ct_reach_each_frame() -> None:
    attributes = attributes_of(make_enhanced_ct(3))
    assert attributes.number_of_frames == 3
    assert [frame.image_position_patient for frame in attributes.frames] == [
        (-4.0, -8.0, 100.0),
        (-4.0, -8.0, 98.0),
        (-4.0, -8.0, 96.0),
    ]
    second = attributes.frame(2)
    assert second.pixel_spacing == (0.5, 0.25)
    assert (second.rescale_slope, second.rescale_intercept, second.rescale_type) == (2.0, -1000.0, "HU")
    assert second.windows == (VoiWindow(41.0, 400.0),)
    assert (second.stack_id, second.in_stack_position_number) == ("1", 2)


def test_groups_that_do_not_match_the_frames_give_no_places() -> None:
    ds = make_enhanced_ct(3)
    del ds.PerFrameFunctionalGroupsSequence[2]
    attributes = attributes_of(ds)
    assert len(attributes.frames) == 1
    assert attributes.frame(3).image_position_patient is None


def test_attributes_survive_json() -> None:
    for ds in (make_ct(), make_palette(), make_enhanced_ct(2), make_monochrome1()):
        attributes = attributes_of(ds)
        assert ImageAttributes.from_json(attributes.to_json()) == attributes


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"rows": 1}', '{"frames": 3}', "\x00"])
def test_json_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        ImageAttributes.from_json(text)


def nested(depth: int, tag: int = 0x00082112) -> bytes:
    opened = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return opened * depth


@pytest.mark.parametrize("tag", [0x00082112, 0x00283010, 0x52009229])
def test_sequences_10000_deep_are_refused(tag: int) -> None:
    data = element(0x00080016, "UI", b"1.2.3\0") + nested(10_000, tag)
    with pytest.raises(DataError, match="nested deeper than 64 levels"):
        read_header_from_data_set(io.BytesIO(data), EXPLICIT)


def test_a_header_over_its_limit_is_refused() -> None:
    data = UIDS + element(0x00280008, "IS", b"1 ") * 5000
    with pytest.raises(DataError, match="more than 100 elements"):
        read_header_from_data_set(io.BytesIO(data), EXPLICIT, limits=ReadLimits(max_elements=100))
    with pytest.raises(DataError, match="larger than the limit"):
        read_header_from_data_set(io.BytesIO(data * 100), EXPLICIT, limits=ReadLimits(max_header_bytes=65536))


def test_a_large_private_value_is_skipped_unread() -> None:
    data = UIDS + element(0x00291010, "OB", bytes(40 * 1024**2)) + element(0x00280010, "US", b"\x04\0")
    tracemalloc.start()
    header = read_header_from_data_set(io.BytesIO(data), EXPLICIT, limits=ReadLimits(max_header_bytes=1024**2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header.image is None
    assert peak < 2 * 1024**2


def deflated(data_set: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(data_set) + deflater.flush()


def test_a_deflated_data_set_is_read_and_a_bomb_is_not() -> None:
    plain = data_set_bytes(make_ct())
    header = read_header_from_data_set(
        io.BytesIO(b"meta" + deflated(plain)), DeflatedExplicitVRLittleEndian, data_set_offset_bytes=4
    )
    assert header.patient_name == "Phantom^Anna"
    assert header.pixel_data_offset_bytes == 4 + len(plain) - 64 * 64 * 2
    bomb = deflated(UIDS + element(0x00291010, "OB", bytes(64 * 1024**2)))
    tracemalloc.start()
    with pytest.raises(DataError, match="grows over the limit"):
        read_header_from_data_set(
            io.BytesIO(bomb), DeflatedExplicitVRLittleEndian, limits=ReadLimits(max_inflated_bytes=16 * 1024**2)
        )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024**2


def test_every_cut_of_a_file_is_read_or_refused_with_words() -> None:
    data = to_bytes(compress(make_enhanced_ct(2, rows=8, columns=8), "1.2.840.10008.1.2.5"))
    outcomes = set()
    for end in range(0, len(data), 7):
        try:
            outcomes.add(type(read_header(io.BytesIO(data[:end]))).__name__)
        except (InvalidInput, DataError) as exc:
            outcomes.add(type(exc).__name__)
    assert outcomes == {"InvalidInput", "DataError", "Header"}


def make_dx(patient_orientation: object, **more: object) -> Dataset:
    """Make a radiograph: it has no Image Orientation (Patient), its letters stand in Patient Orientation."""
    ds = make_grey(np.arange(48, dtype=np.uint16).reshape(6, 8))
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.Modality = "DX"
    if patient_orientation is not None:
        ds.PatientOrientation = patient_orientation
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (["L", "F"], ("L", "F")),
        (["AF", "R"], ("AF", "R")),
        (["PLH", "FP"], ("PLH", "FP")),
    ],
)
def test_a_radiograph_keeps_the_letters_of_its_rows_and_columns(stored: list[str], expected: tuple[str, str]) -> None:
    attributes = attributes_of(make_dx(stored))
    assert attributes.frame(1).image_orientation_patient is None
    assert attributes.patient_orientation == expected
    assert ImageAttributes.from_json(attributes.to_json()).patient_orientation == expected


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "L",
        ["L", ""],
        ["L", "R"],
        ["L", "L"],
        ["LR", "F"],
        ["LL", "F"],
        ["X", "F"],
        ["L", "F", "A"],
        ["LE", "D"],
    ],
)
def test_letters_that_cannot_be_true_are_left_out(stored: object) -> None:
    assert attributes_of(make_dx(stored)).patient_orientation is None


def test_letters_of_an_animal_mean_something_else_and_are_left_out() -> None:
    ds = make_dx(["R", "P"], AnatomicalOrientationType="QUADRUPED")
    assert attributes_of(ds).patient_orientation is None
    assert attributes_of(make_dx(["R", "P"], AnatomicalOrientationType="BIPED")).patient_orientation == ("R", "P")


def test_attributes_stored_before_there_were_letters_stay_readable() -> None:
    text = attributes_of(make_dx(None)).to_json()
    assert "patient_orientation" not in text
    assert ImageAttributes.from_json(text).patient_orientation is None


@pytest.mark.parametrize(
    ("transfer_syntax_uid", "expected"),
    [
        ("1.2.840.10008.1.2.4.100", True),  # MPEG2
        ("1.2.840.10008.1.2.4.102", True),  # MPEG-4
        ("1.2.840.10008.1.2.4.107", True),  # HEVC
        ("1.2.840.10008.1.2.7.1", True),  # live
        ("1.2.840.10008.1.2.5", False),
        (EXPLICIT, False),
        ("1.2.3", False),
    ],
)
def test_a_film_is_told_apart_from_what_cannot_be_decoded(transfer_syntax_uid: str, expected: bool) -> None:
    assert is_video(transfer_syntax_uid) is expected


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-bigEnd", "DICOMDIR-empty.dcm"])
def test_a_dicomdir_is_no_object_to_store(name: str) -> None:
    file = Path(pydicom.data.__file__).parent / "test_files/dicomdirtests" / name
    with file.open("rb") as opened, pytest.raises(InvalidInput, match="This is a DICOMDIR"):
        read_header(opened)


def test_frames_whose_pixel_data_are_missing_or_too_short_are_not_counted() -> None:
    whole = make_enhanced_ct(200, rows=8, columns=8)
    assert header_of(whole).number_of_frames == 200

    header_only = make_enhanced_ct(200, rows=8, columns=8)
    del header_only.PixelData
    short = make_enhanced_ct(200, rows=8, columns=8)
    short.PixelData = short.PixelData[: 137 * 8 * 8 * 2]
    lying = make_ct(rows=16, columns=16)
    lying.Rows = 4096
    for ds, reason in (
        (header_only, "This image has no pixel data."),
        (short, "The header claims 200 frames of 8 rows × 8 columns, but there are only 17536 bytes of pixel data."),
        (lying, "The header claims 4096 rows × 16 columns, but there are only 512 bytes of pixel data."),
    ):
        header, attributes = header_of(ds), attributes_of(ds)
        assert (header.number_of_frames, attributes.number_of_frames, attributes.lacks_pixels) == (0, 1, True)
        assert attributes.refusal == reason
        assert len(attributes.frames) == 1

    cut = compress(make_ct(rows=16, columns=16), RLELossless)
    cut.NumberOfFrames = 5000
    assert header_of(cut).number_of_frames == 0
