"""Objects made of stored ones: what they keep of their source, and what the standard's checker says of them."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.support.phantom_files import make_ct, make_mr, to_bytes
from tests.support.shared_data import data_folder, has_shared_data
from webviewer.core.errors import DataError, InvalidInput
from webviewer.core.uid import new_uid
from webviewer.dicom.attributes import ImageAttributes, LookupTable, VoiWindow
from webviewer.dicom.derived import (
    NewInstance,
    Pixels,
    PlaneFacts,
    free_series_number,
    picture_object,
    plane_object,
    read_source,
)
from webviewer.dicom.derived_grey import GreyLook, grey_look
from webviewer.dicom.header import read_header
from webviewer.dicom.lut import VoiChoice, is_inverted, recommended_windows

GREY = GreyLook((VoiWindow(40.0, 400.0),))
FACTS = PlaneFacts((0.1, 0.2, -3e-17), (1, 0, 0, 0, 0, -1), (0.7, 0.7), 3.0, 3.0, 1.0, -1024.0, "", GREY)
PLANE = Pixels(3, 4, bytes(24), is_signed=True)
# What the checker says of a source, too, is the source's.
FOLDERS = ("ct_series", "mr_series", "nm_pet", "enhanced_multiframe", "gantry_tilt_oblique", "ultrasound", "charset")


def new_instance(description: str = "MPR") -> NewInstance:
    made_at = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
    return NewInstance(new_uid(), new_uid(), description, 1, "Planes", made_at, 201)


def source_of(ds: Dataset) -> Dataset:
    return read_source(io.BytesIO(to_bytes(ds)))


def errors_of(data: bytes, folder: Path) -> set[str]:
    (folder / "x.dcm").write_bytes(data)
    result = subprocess.run(["dciodvfy", str(folder / "x.dcm")], capture_output=True, errors="replace", check=False)
    return {line for line in result.stderr.splitlines() if line.startswith("Error")}


@pytest.mark.parametrize("ds", [make_ct(), make_mr()], ids=["ct", "mr"])
def test_objects_of_generated_sources_are_as_valid_as_those(ds: Dataset, tmp_path: Path) -> None:
    own, source = errors_of(to_bytes(ds), tmp_path), source_of(ds)
    for data in (plane_object(source, new_instance(), FACTS, PLANE), picture_of(source)):
        assert errors_of(data, tmp_path) - own == set()
        assert dcmread(io.BytesIO(data)).StudyInstanceUID == ds.StudyInstanceUID


@pytest.mark.parametrize("folder", FOLDERS if has_shared_data() else ())
@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom about what the sources have
def test_objects_of_real_sources_are_as_valid_as_those(folder: str, tmp_path: Path) -> None:
    shared = data_folder()
    assert shared is not None
    files = [path for path in sorted((shared / folder).rglob("*")) if path.is_file()]
    checked = 0
    for path in files[:: max(1, len(files) // 6)]:
        try:
            source = read_source(io.BytesIO(path.read_bytes()))
        except DataError:
            continue
        own = errors_of(path.read_bytes(), tmp_path)
        for data in (plane_object(source, new_instance(), FACTS, PLANE), picture_of(source)):
            assert errors_of(data, tmp_path) - own == set(), path.name
            made, stored = dcmread(io.BytesIO(data)), dcmread(path, stop_before_pixels=True)
            assert str(made.PatientName) == str(stored.get("PatientName", "") or "")
            assert made.StudyInstanceUID == stored.StudyInstanceUID
            checked += 1
    assert checked


@pytest.mark.parametrize(("is_signed", "vr", "value"), [(True, "SS", -1025), (False, "US", 65535)])
@pytest.mark.parametrize("ds", [make_ct(), make_mr()], ids=["ct", "mr"])
def test_a_padding_value_is_one_that_pixels_can_have(
    ds: Dataset, is_signed: bool, vr: str, value: int, tmp_path: Path
) -> None:
    own, source, pixels = errors_of(to_bytes(ds), tmp_path), source_of(ds), Pixels(3, 4, bytes(24), is_signed=is_signed)
    data = plane_object(source, new_instance(), replace(FACTS, pixel_padding_value=value), pixels)
    assert errors_of(data, tmp_path) - own == set()
    made = dcmread(io.BytesIO(data))
    assert (made["PixelPaddingValue"].VR, made.PixelPaddingValue) == (vr, value)
    assert "PixelPaddingValue" not in dcmread(io.BytesIO(plane_object(source, new_instance(), FACTS, pixels)))
    for wrong in (40000, -40000) if is_signed else (-1, 65536):
        with pytest.raises(InvalidInput, match="pixel padding value"):
            plane_object(source, new_instance(), replace(FACTS, pixel_padding_value=wrong), pixels)


def picture_of(source: Dataset) -> bytes:
    return picture_object(source, new_instance(), Pixels(3, 5, bytes(45), is_colour=True))


def test_a_name_in_another_character_set_becomes_unicode() -> None:
    ds = make_ct(patient_name="Äneas^Rüdiger")
    ds.SpecificCharacterSet = "ISO_IR 100"
    made = dcmread(io.BytesIO(plane_object(source_of(ds), new_instance("Coronal, às 3 mm"), FACTS, PLANE)))
    assert made.SpecificCharacterSet == "ISO_IR 192"
    assert str(made.PatientName) == "Äneas^Rüdiger"
    assert made.SeriesDescription == "Coronal, às 3 mm"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("line one\nline two", "line one line two"),
        ("\x1b[31mred\x00", "[31mred"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("a\\b", "a/b"),
        ("Größe 冠状面", "Größe 冠状面"),
    ],
)
def test_a_name_has_one_line_and_no_control_characters(text: str, name: str, tmp_path: Path) -> None:
    source = source_of(make_ct())
    data = plane_object(source, new_instance(text), FACTS, PLANE)
    assert dcmread(io.BytesIO(data)).SeriesDescription == name
    assert errors_of(data, tmp_path) == errors_of(plane_object(source, new_instance(), FACTS, PLANE), tmp_path)


@pytest.mark.filterwarnings("ignore:The value length", "ignore:Invalid value for VR AS")
def test_a_broken_number_of_the_patient_is_kept_and_a_broken_age_is_not() -> None:
    ds = make_ct(patient_id="9" * 70)
    ds.add_new("PatientAge", "AS", "0Y")
    made = dcmread(io.BytesIO(plane_object(source_of(ds), new_instance(), FACTS, PLANE)))
    assert made.PatientID == "9" * 70
    assert "PatientAge" not in made


def test_a_series_stands_behind_its_source() -> None:
    source = source_of(make_ct(series_number=4))
    assert free_series_number(source, {4, 5}) == 401
    assert free_series_number(source, {4, 401, 402, 404}) == 403
    made = dcmread(io.BytesIO(plane_object(source, replace(new_instance(), series_number=403), FACTS, PLANE)))
    assert made.SeriesNumber == 403


def test_planes_of_a_source_without_a_place_lie_in_one_place_together() -> None:
    ds = make_ct()
    del ds.FrameOfReferenceUID
    new = new_instance()
    made = dcmread(io.BytesIO(plane_object(source_of(ds), new, FACTS, PLANE)))
    assert made.FrameOfReferenceUID == f"{new.series_instance_uid}.1"


@pytest.mark.parametrize("data", [b"", b"no DICOM", bytes(200)])
def test_what_is_no_source_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="cannot be read again"):
        read_source(io.BytesIO(data))


@pytest.mark.parametrize("arguments", [(0, 4, b""), (4097, 1, bytes(8194)), (3, 4, bytes(23)), (3, 4, bytes(25))])
def test_pixels_that_do_not_fill_their_rows_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput):
        Pixels(*arguments)


def test_a_plane_is_grey_and_a_picture_in_colour() -> None:
    source = source_of(make_ct())
    with pytest.raises(InvalidInput, match="grey, not in colour"):
        plane_object(source, new_instance(), FACTS, Pixels(1, 1, bytes(3), is_colour=True))
    with pytest.raises(InvalidInput, match="in colour, not grey"):
        picture_object(source, new_instance(), PLANE)


TABLE = LookupTable(-500, 12, tuple(range(0, 4096, 2)), "bone")
LOOKS = {
    "two windows": GreyLook((VoiWindow(40, 400, "soft tissue"), VoiWindow(-600.5, 1500.25, ""))),
    "sigmoid": GreyLook((VoiWindow(100, 900),), "SIGMOID"),
    "a map from 0 to 1": GreyLook((VoiWindow(0.5, 1.0),), "LINEAR_EXACT"),
    "narrower than 1": GreyLook((VoiWindow(0.0007, 0.0014),), "LINEAR_EXACT"),
    "a table": GreyLook((), luts=(TABLE,)),
    "a full table from below 0": GreyLook((), luts=(LookupTable(-32768, 16, tuple(range(65536))),)),
    "a long table from below 0": GreyLook((), luts=(LookupTable(-1024, 16, tuple(range(40000))),)),
    "a window and two tables": GreyLook((VoiWindow(1, 2),), luts=(TABLE, LookupTable(0, 8, tuple(range(256))))),
    "light air": GreyLook((VoiWindow(40, 400),), is_inverted=True),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_a_look_is_written_as_the_standard_has_it_and_read_again(look: GreyLook, modality: str, tmp_path: Path) -> None:
    source = source_of(make_ct() if modality != "MR" else make_mr())
    source.Modality = modality
    data = plane_object(source, new_instance(), replace(FACTS, grey=look), PLANE)
    assert errors_of(data, tmp_path) == set()
    text = read_header(io.BytesIO(data)).image
    assert text is not None
    made = ImageAttributes.from_json(text)
    choices = recommended_windows(made)
    assert is_inverted(made) == look.is_inverted
    found = grey_look(choices, is_inverted=is_inverted(made))
    assert (found.windows, found.function) == (look.windows, look.function)
    assert [(table.first_mapped, table.explanation) for table in found.luts] == [
        (table.first_mapped, table.explanation) for table in look.luts
    ]
    for read, wished in zip(found.luts, look.luts, strict=True):
        assert read.bits in {8, 16}
        grey = np.array(wished.data) / (2**wished.bits - 1)
        assert np.abs(np.array(read.data) / (2**read.bits - 1) - grey).max() <= 0.5 / 65535


def test_a_name_of_a_window_is_one_value_and_short() -> None:
    look = GreyLook((VoiWindow(40, 400, "soft\\tissue" + "!" * 90), VoiWindow(1, 2)))
    made = dcmread(io.BytesIO(plane_object(source_of(make_ct()), new_instance(), replace(FACTS, grey=look), PLANE)))
    assert made.WindowCenterWidthExplanation == ["soft/tissue" + "!" * 53, ""]


def test_a_look_keeps_what_one_object_can_say() -> None:
    windows = [VoiChoice(0.5, 0.8, "LINEAR_EXACT"), VoiChoice(40, 400, "LINEAR"), VoiChoice(1, 2, "LINEAR_EXACT")]
    long = LookupTable(0, 16, tuple(range(65536)))
    look = grey_look([*windows, *(VoiChoice(lut=long) for _ in range(3))], is_inverted=False)
    assert look == GreyLook((VoiWindow(0.5, 0.8), VoiWindow(1, 2)), "LINEAR_EXACT", (long, long))


@pytest.mark.parametrize(
    ("windows", "function", "luts"),
    [
        ((), "LINEAR", ()),
        ((VoiWindow(0.5, 0.5),), "LINEAR", ()),
        ((VoiWindow(0.5, 0.0),), "SIGMOID", ()),
        ((VoiWindow(float("nan"), 1.0),), "LINEAR", ()),
        ((VoiWindow(1.0, 1.0),), "CUBIC", ()),
        ((VoiWindow(1.0, 1.0),) * 33, "LINEAR", ()),
        ((), "LINEAR", (LookupTable(0, 8, ()),)),
        ((), "LINEAR", (LookupTable(0, 16, tuple(range(65536))),) * 3),
    ],
)
def test_what_is_no_look_is_refused(windows: Any, function: str, luts: Any) -> None:
    with pytest.raises(InvalidInput, match="invalid"):
        GreyLook(windows, function, luts)


def test_a_loss_that_only_the_code_streams_show_is_said_in_what_is_made() -> None:
    new = NewInstance(
        new_uid(), new_uid(), "MPR", 1, "Planes", datetime(2026, 11, 27, 8, 0, tzinfo=UTC), 201, source_lossy=True
    )
    made = dcmread(io.BytesIO(plane_object(source_of(make_ct()), new, FACTS, PLANE)))
    assert made.LossyImageCompression == "01"
    plain = dcmread(io.BytesIO(plane_object(source_of(make_ct()), new_instance(), FACTS, PLANE)))
    assert "LossyImageCompression" not in plain
