"""Every shared file against what independent decoders say of it (``expected.json``).

Lossless values must be identical. Lossy ones may differ by ``LOSSY_TOLERANCE``; `expected.json` has only hashes and
statistics, so minimum, maximum and mean are compared where a hash differs. In fact all lossy frames of the set are
identical too, and `test_no_lossy_frame_needs_its_tolerance` keeps it so.

Files whose header lies are refused, in words; `REFUSED` names each with its reason. Nothing is left out in silence.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import shared_data
from tests.support.stored_image import StoredImage, image_attributes, read_image
from webviewer.core.errors import DataError, DecodeError, InvalidInput
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.colour import palette_rgb
from webviewer.dicom.decode import decode_frame, decode_stored
from webviewer.dicom.geometry import places_of
from webviewer.dicom.header import read_header
from webviewer.dicom.lut import modality_values
from webviewer.dicom.stacks import order_frames

# What a viewer must not show, because the file contradicts itself or ends early, and the words that say so. Some
# decoders survive these by inventing pixels; a doctor must be told instead.
REFUSED = {
    "broken/2026-05-26-oob-monochrome-46341.dcm": "there are only 9330 bytes of pixel data",
    "broken/GH340.dcm": "Bits Allocated (0028,0100) is 12",
    "broken/JPEG2000-embedded-sequence-delimiter.dcm": "more tiles than the format has",
    "broken/MR_truncated.dcm": "62 bytes are missing",
    "broken/badVR.dcm": "Number of Frames (0028,0008) is no number",
    "broken/dwv-test_no-number-rows.dcm": "Rows (0028,0010) is missing",
    "broken/synthetic_cut_in_pixels.dcm": "The file ends in the middle of frame 1",
    "broken/synthetic_encapsulated_no_fragments.dcm": "they hold no fragment",
    "broken/synthetic_j2k_dims_differ.dcm": "the image data hold 64 × 64",
    "broken/synthetic_j2k_truncated.dcm": "cannot be decoded",
    "broken/synthetic_jls_truncated.dcm": "their end is missing",
    "broken/synthetic_jpeg_truncated.dcm": "their end is missing",
    "broken/synthetic_lying_frames.dcm": "claims 1000 frames",
    "broken/synthetic_lying_rows.dcm": "claims 4096 rows",
    "broken/synthetic_no_image_tags.dcm": "Rows (0028,0010) is missing",
    "broken/synthetic_no_pixel_data.dcm": "This image has no pixel data",
    "broken/synthetic_rescale_slope_zero.dcm": "Rescale Slope (0028,1053) is 0",
    "broken/synthetic_rle_truncated.dcm": "The RLE data are damaged",
    "broken/synthetic_wrong_transfer_syntax.dcm": "says that it is JPEG, but its data are JPEG 2000",
    "broken/synthetic_zero_rows.dcm": "Rows (0028,0010) is 0",
    "charset/chrJapMulti.dcm": "This image has no pixel data",
    "charset/chrJapMultiExplicitIR6.dcm": "This image has no pixel data",
    "charset/chrKoreanMulti.dcm": "This image has no pixel data",
    "video/synthetic_h264_high41_mp4.dcm": "This is a video",
    "video/synthetic_h264_high41_ts.dcm": "This is a video",
    "video/synthetic_hevc_main51_mp4.dcm": "This is a video",
    "video/synthetic_mpeg2_mp_ml.dcm": "This is a video",
}

# No DICOM object that can be filed: what is said when they are sent or uploaded.
NOT_STORED = {
    "broken/GH340.dcm": "SOP Instance UID (0008,0018) is missing",
    "broken/UN_sequence.dcm": "SOP Instance UID (0008,0018) is missing",
    "broken/bad_sequence.dcm": "SOP Instance UID (0008,0018) is no UID",
    "broken/empty_charset_LEI.dcm": "SOP Instance UID (0008,0018) is missing",
    "broken/meta_missing_tsyntax.dcm": "This is no DICOM file",
    "broken/no_meta.dcm": "This is no DICOM file",
    "broken/no_meta_group_length.dcm": "SOP Instance UID (0008,0018) is missing",
    "broken/no_preamble_dicm_in_data": "This is no DICOM file",
    "broken/rtplan_truncated.dcm": "cut off in the value of (300A,00B0)",
    "broken/synthetic_bad_uid.dcm": "SOP Instance UID (0008,0018) is no UID",
    "broken/synthetic_cut_in_header.dcm": "cut off in the value of (0019,1003)",
    "broken/synthetic_empty.dcm": "The file is empty",
    "broken/synthetic_html_named.dcm": "This is no DICOM file",
    "broken/synthetic_meta_only.dcm": "The file has no data set",
    "broken/synthetic_nested_300.dcm": "nested deeper than 64 levels",
    "broken/synthetic_png_named.dcm": "This is no DICOM file",
    "broken/synthetic_preamble_only.dcm": "The file has no data set",
    "broken/synthetic_random_bytes.dcm": "This is no DICOM file",
    "broken/synthetic_text_named.dcm": "This is no DICOM file",
    "charset/chrSQEncoding.dcm": "SOP Instance UID (0008,0018) is missing",
    "charset/chrSQEncoding1.dcm": "SOP Instance UID (0008,0018) is missing",
    "sr/sr-circle.dcm": "SOP Instance UID (0008,0018) is missing",
    "transfer_syntaxes/HTJ2KLossless_08_RGB.dcm": "Series Instance UID (0020,000E) is missing",
    "transfer_syntaxes/HTJ2K_08_RGB.dcm": "Series Instance UID (0020,000E) is missing",
    "transfer_syntaxes/JLSL_08_07_0_1F.dcm": "Series Instance UID (0020,000E) is missing",
    "transfer_syntaxes/JLSL_16_15_1_1F.dcm": "Series Instance UID (0020,000E) is missing",
    "transfer_syntaxes/JLSL_RGB_ILV0.dcm": "SOP Instance UID (0008,0018) is missing",
    "transfer_syntaxes/JLSL_RGB_ILV1.dcm": "SOP Instance UID (0008,0018) is missing",
    "transfer_syntaxes/JLSL_RGB_ILV2.dcm": "SOP Instance UID (0008,0018) is missing",
    "transfer_syntaxes/JPEGLSNearLossless_08.dcm": "Series Instance UID (0020,000E) is missing",
    "transfer_syntaxes/JPEGLSNearLossless_16.dcm": "Series Instance UID (0020,000E) is missing",
    "transfer_syntaxes/jpeg2000-multiframe-multifragments.dcm": "SOP Instance UID (0008,0018) is no UID",
}

# The header says otherwise than expected.json on purpose: what is there instead, and why.
OTHER_NAMES = {
    # Escape sequences that the charset of the file does not know are no part of a name.
    "charset/chrGB2312.dcm": "Zhang^XiaoDong=张^小东",
}

LOSSY_TOLERANCE = 2


def _frames() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path, facts in shared_data.expected()["files"].items():
        frames = (facts.get("pixels") or {}).get("per_frame") or {}
        found.extend((path, key) for key in frames if path not in REFUSED)
    return found


def _having(key: str) -> list[str]:
    return [path for path, facts in shared_data.expected()["files"].items() if facts.get(key) and path not in REFUSED]


def _facts(path: str) -> dict[str, Any]:
    facts: dict[str, Any] = shared_data.expected()["files"][path]
    return facts


def _image(path: str) -> StoredImage:
    with shared_data.path_of(path).open("rb") as file:
        image = read_image(file)
    assert image is not None
    return image


def _data(path: str, frame_number: int) -> tuple[bytes, ImageAttributes]:
    image = _image(path)
    with shared_data.path_of(path).open("rb") as file:
        return image.frame_bytes(file, frame_number), image.attributes


@cache
def _hash(path: str, frame_number: int) -> tuple[str, str, tuple[int, ...], float, float, float]:
    values = decode_stored(*_data(path, frame_number), frame_number)
    return (
        _sha256(values),
        str(values.dtype),
        values.shape,
        float(values.min()),
        float(values.max()),
        float(values.mean()),
    )


def _sha256(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()).hexdigest()


@pytest.mark.parametrize(("path", "key"), _frames())
def test_stored_values_are_those_of_the_reference_decoders(path: str, key: str) -> None:
    truth = _facts(path)["pixels"]["per_frame"][key]
    digest, dtype, shape, low, high, mean = _hash(path, int(key) + 1)
    assert (dtype, list(shape)) == (truth["dtype"], truth["shape"])
    if digest == truth["sha256"]:
        return
    assert truth["lossy"], "the values of a lossless image differ"
    assert abs(low - truth["min"]) <= LOSSY_TOLERANCE
    assert abs(high - truth["max"]) <= LOSSY_TOLERANCE
    assert abs(mean - truth["mean"]) <= 0.1


@shared_data.required
def test_no_lossy_frame_needs_its_tolerance() -> None:
    others = [
        (path, key)
        for path, key in _frames()
        if _hash(path, int(key) + 1)[0] != _facts(path)["pixels"]["per_frame"][key]["sha256"]
    ]
    assert others == []


@pytest.mark.parametrize("path", _having("rgb_frame0"))
def test_ybr_becomes_the_rgb_of_the_reference(path: str) -> None:
    frame = decode_frame(*_data(path, 1))
    assert frame.is_colour
    assert _sha256(frame.values) == _facts(path)["rgb_frame0"]["sha256"]


@pytest.mark.parametrize("path", _having("palette_rgb_frame0"))
def test_palette_color_becomes_the_rgb_of_the_reference(path: str) -> None:
    data, attributes = _data(path, 1)
    rgb = palette_rgb(decode_stored(data, attributes), attributes)
    assert _sha256(rgb) == _facts(path)["palette_rgb_frame0"]["sha256"]
    shown = decode_frame(data, attributes).values
    shift = 8 if rgb.dtype == np.uint16 else 0
    assert np.array_equal(shown, rgb >> shift)


@pytest.mark.parametrize("path", _having("modality_values_frame0"))
def test_modality_values_have_the_range_and_mean_of_the_reference(path: str) -> None:
    data, attributes = _data(path, 1)
    values = modality_values(decode_stored(data, attributes), attributes)
    truth = _facts(path)["modality_values_frame0"]
    found = [float(values.min()), float(values.max()), float(values.mean(dtype=np.float64))]
    assert found == pytest.approx([truth["min"], truth["max"], truth["mean"]], rel=1e-6, abs=1e-3)


def _present(table: dict[str, str]) -> list[tuple[str, str]]:
    return list(table.items()) if shared_data.has_shared_data() else []


@pytest.mark.parametrize(("path", "words"), _present(REFUSED))
def test_what_cannot_be_shown_is_refused_with_words(path: str, words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_frame(*_data(path, 1))
    assert words in caught.value.message


@pytest.mark.parametrize(("path", "words"), _present(NOT_STORED))
def test_what_is_no_object_is_not_stored_and_it_is_said_why(path: str, words: str) -> None:
    with shared_data.path_of(path).open("rb") as file, pytest.raises((InvalidInput, DataError)) as caught:
        read_header(file)
    assert words in caught.value.message


def _is_directory(path: str) -> bool:
    facts = _facts(path)
    return "dicomdir" in facts or facts.get("sop_class_uid") == "1.2.840.10008.1.3.10"


@pytest.mark.parametrize("path", [path for path in sorted(shared_data.expected()["files"]) if _is_directory(path)])
def test_a_dicomdir_is_no_object_to_store(path: str) -> None:
    with shared_data.path_of(path).open("rb") as file, pytest.raises(InvalidInput, match="This is a DICOMDIR"):
        read_header(file)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(shared_data.expected()["files"]) if path not in NOT_STORED and not _is_directory(path)],
)
def test_a_header_is_read_as_the_reference_reads_it(path: str) -> None:
    facts = _facts(path)
    with shared_data.path_of(path).open("rb") as file:
        header = read_header(file)
    attributes = image_attributes(header)
    truth = facts.get("header") or {}
    for found, keyword in (
        (header.study_instance_uid, "StudyInstanceUID"),
        (header.series_instance_uid, "SeriesInstanceUID"),
        (header.sop_instance_uid, "SOPInstanceUID"),
        (header.patient_id, "PatientID"),
        (header.modality, "Modality"),
    ):
        if truth.get(keyword) and not path.startswith("broken/"):
            assert found == truth[keyword].strip(), keyword
    if truth.get("PatientName") and not path.startswith("broken/"):
        assert header.patient_name == OTHER_NAMES.get(path, truth["PatientName"].strip())
    if facts.get("transfer_syntax_uid"):
        assert header.transfer_syntax_uid == facts["transfer_syntax_uid"]
    if attributes is None or path in REFUSED:
        return
    assert attributes.refusal == ""
    assert ImageAttributes.from_json(attributes.to_json()) == attributes
    for found_number, keyword in (
        (attributes.rows, "Rows"),
        (attributes.columns, "Columns"),
        (attributes.bits_stored, "BitsStored"),
        (attributes.high_bit, "HighBit"),
    ):
        if truth.get(keyword) is not None:
            assert found_number == truth[keyword], keyword
    geometry = facts.get("geometry")
    if geometry and path != "broken/synthetic_pixel_spacing_zero.dcm":
        frame = attributes.frame(1)
        for found_vector, key in (
            (frame.image_position_patient, "position"),
            (frame.image_orientation_patient, "orientation"),
            (frame.pixel_spacing, "pixel_spacing"),
        ):
            if geometry[key]:
                assert found_vector == pytest.approx(geometry[key], abs=1e-6), key


def _series() -> list[Any]:
    return [s for s in shared_data.expected()["series"] if s["one_orientation"]]


@pytest.mark.parametrize("series", _series(), ids=lambda series: str(series["directory"]))
def test_a_series_is_ordered_by_position(series: dict[str, Any]) -> None:
    names, places = [], []
    for path in shared_data.files_under(series["directory"]):
        with path.open("rb") as file:
            header = read_header(file)
        attributes = image_attributes(header)
        if header.series_instance_uid == series["series_instance_uid"] and attributes is not None:
            of_file = places_of(attributes, header.instance_number, header.sop_instance_uid)
            places.extend(of_file)
            names.extend([path.name] * len(of_file))
    order = order_frames(places)
    assert len(order.indices) == series["files"]
    shown = [names[index] for index in order.indices]
    phases = series["files"] // series["distinct_positions"]
    if phases == 1:
        assert shown == [entry["file"] for entry in series["order_by_position"]]
        assert order.rule == "by position along the slice normal"
    else:
        distance = {entry["file"]: entry["distance"] for entry in series["order_by_position"]}
        count = series["distinct_positions"]
        for phase in range(phases):
            stack = [distance[name] for name in shown[phase * count : (phase + 1) * count]]
            assert stack == sorted(stack)
            assert len(set(stack)) == count
        assert order.rule == f"by position along the slice normal, {phases} phases one after another"


@shared_data.required
def test_ultrasound_regions_are_read_as_the_reference_reads_them() -> None:
    for path in _having("us_regions"):
        found = _image(path).attributes.ultrasound_regions
        truth = _facts(path)["us_regions"]
        assert [(r.min_x0, r.max_y1, r.units_x, r.delta_x) for r in found] == [
            (t["RegionLocationMinX0"], t["RegionLocationMaxY1"], t["PhysicalUnitsXDirection"], t["PhysicalDeltaX"])
            for t in truth
        ], path
