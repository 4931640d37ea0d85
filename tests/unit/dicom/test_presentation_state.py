"""What a presentation state says of itself and of the images that it is for."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.support import shared_data
from tests.support.overlay_files import add_overlay, frame_of_lines
from tests.support.phantom_files import ROOT, data_set_bytes, to_bytes
from tests.support.presentation_state_files import BLENDING, make_presentation_state, referenced_image
from webviewer.core.errors import DataError
from webviewer.dicom.header import read_header
from webviewer.dicom.presentation_state import (
    MAX_REFERENCES,
    PRESENTATION_STATE_CLASSES,
    ImageReferenced,
    PresentationState,
    read_presentation_state,
)

SERIES = f"{ROOT}.5"
OWN = f"{ROOT}.9"
IMAGES = {SERIES: [referenced_image(f"{SERIES}.1"), referenced_image(f"{SERIES}.2", [3, 4])]}


# pydicom warns of what these tests write on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def read(ds: Dataset) -> PresentationState:
    file = io.BytesIO(to_bytes(ds))
    header = read_header(file)
    return read_presentation_state(file, header.transfer_syntax_uid, header.data_set_offset_bytes)


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_a_state_names_its_images_its_label_and_its_time(syntax: UID | None) -> None:
    ds = make_presentation_state(IMAGES, series_uid=OWN)
    if syntax is not None:
        ds.file_meta.TransferSyntaxUID = syntax
    assert read(ds) == PresentationState(
        label="LABEL",
        description="A description",
        created_date=dt.date(2024, 3, 7),
        created_time=dt.time(10, 15),
        images=(
            ImageReferenced(SERIES, f"{SERIES}.1"),
            ImageReferenced(SERIES, f"{SERIES}.2", (3, 4)),
        ),
    )


def test_a_blending_state_has_its_images_in_its_blending_sequence() -> None:
    state = read(make_presentation_state(IMAGES, series_uid=OWN, sop_class_uid=BLENDING))
    assert [image.sop_instance_uid for image in state.images] == [f"{SERIES}.1", f"{SERIES}.2"]


def test_a_series_without_images_stands_for_all_of_them() -> None:
    assert read(make_presentation_state({SERIES: []}, series_uid=OWN)).images == (ImageReferenced(SERIES, ""),)


def test_images_outside_of_a_referenced_series_are_found_too() -> None:
    ds = make_presentation_state({}, series_uid=OWN)
    ds.ReferencedImageSequence = Sequence([referenced_image(f"{SERIES}.7")])
    assert read(ds).images == (ImageReferenced("", f"{SERIES}.7"),)


@pytest.mark.parametrize("uid", ["", "../../x", "no uid", "1." * 60])
def test_what_is_no_uid_refers_to_nothing(uid: str) -> None:
    assert read(make_presentation_state({SERIES: [referenced_image(uid)]}, series_uid=OWN)).images == ()


def test_an_empty_state_refers_to_nothing_and_has_no_name() -> None:
    ds = make_presentation_state({}, series_uid=OWN, ContentLabel="", PresentationCreationDate="20241399")
    del ds.ContentDescription, ds.ReferencedSeriesSequence, ds.PresentationCreationTime
    assert read(ds) == PresentationState("", "", None, None, ())


def test_overlays_of_a_state_are_passed_over() -> None:
    ds = add_overlay(make_presentation_state(IMAGES, series_uid=OWN), frame_of_lines(512, 512))
    assert len(read(ds).images) == 2


@pytest.mark.parametrize("frames", [False, True])
def test_more_references_than_anybody_means_are_refused(frames: bool) -> None:
    images = [referenced_image("1.2", range(1, 10_001)), referenced_image("1.3", range(1, 10_001))]
    if not frames:
        images = [referenced_image(f"1.2.{number}") for number in range(MAX_REFERENCES + 1)]
    with pytest.raises(DataError, match="more than 20000 references"):
        read(make_presentation_state({SERIES: images}, series_uid=OWN))


def test_a_state_that_is_cut_is_refused() -> None:
    ds = make_presentation_state(IMAGES, series_uid=OWN)
    data = data_set_bytes(ds)
    with pytest.raises(DataError):
        read_presentation_state(io.BytesIO(data[:-30]), ds.file_meta.TransferSyntaxUID, 0)


REAL = {
    "prLUTs.dcm": (
        "XLUT_P03",
        "scrambled modality lut / voi lut / presentation lut",
        dt.date(2000, 7, 4),
        "imageForPrLUTs.dcm",
    ),
    "prOverlay.dcm": ("OVLY_P01", "six overlays", dt.date(1998, 11, 12), "overlay.dcm"),
}


@pytest.mark.parametrize("name", REAL if shared_data.has_shared_data() else [])
def test_real_states_refer_to_the_images_beside_them(name: str) -> None:
    label, description, date, image_name = REAL[name]
    with shared_data.path_of(f"presentation_state/{name}").open("rb") as file:
        header = read_header(file)
        assert header.sop_class_uid.startswith(PRESENTATION_STATE_CLASSES)
        state = read_presentation_state(file, header.transfer_syntax_uid, header.data_set_offset_bytes)
    with shared_data.path_of(f"presentation_state/{image_name}").open("rb") as file:
        image = read_header(file)
    assert (state.label, state.description, state.created_date) == (label, description, date)
    assert state.images == (ImageReferenced(image.series_instance_uid, image.sop_instance_uid),)
