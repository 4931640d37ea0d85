"""Images that state a Slice Location and no position: a stack with cautions, and what must not become one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.support.phantom_files import make_ct, make_enhanced_ct, make_grey, to_bytes
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.geometry import comparable, places_of
from webviewer.dicom.stacks import order_frames
from webviewer.dicom.volume_plan import VolumeSplit
from webviewer.dicom.volume_split import split_volumes


def at(location: str | None, **changes: Any) -> Dataset:
    """Return a CT slice without a position; ``changes`` set or, as None, remove elements."""
    ds = make_ct(instance_number=changes.pop("number", 1))
    del ds.ImagePositionPatient
    if location is not None:
        ds.SliceLocation = location
    for keyword, value in changes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def read(ds: Dataset) -> ImageAttributes:
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    assert ImageAttributes.from_json(found.attributes.to_json()) == found.attributes
    return found.attributes


def split(*objects: Dataset) -> VolumeSplit:
    images = [read(ds) for ds in objects]
    places = [place for n, image in enumerate(images, 1) for place in places_of(image, n, f"1.{n}")]
    return split_volumes(places, [image for image in images for _ in range(image.number_of_frames)])


def test_slice_locations_make_a_volume_with_a_caution_and_without_letters() -> None:
    (plan,) = split(*(at(location, number=n) for n, location in enumerate(("10", "2.5", "5", "7.5")))).plans
    assert plan.frames == (1, 2, 3, 0)
    assert plan.positions_mm == (2.5, 5.0, 7.5, 10.0)
    assert (plan.grid.spacing_mm, plan.grid.shape) == ((2.5, 0.7, 0.7), (4, 64, 64))
    assert (plan.label.text, plan.has_letters, plan.is_placed) == ("Axial, 4 slices", False, False)
    assert plan.warnings[0].code == "slice_location"


def test_positions_run_along_the_normal_of_a_stated_orientation() -> None:
    image = read(at("-12.5", ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"]))
    assert image.frames[0].image_position_patient == (12.5, 0.0, 0.0)  # the normal is (-1, 0, 0)
    assert (image.place_source, image.is_orientation_assumed) == ("SliceLocation", False)


def test_a_missing_orientation_is_taken_for_axial_and_said() -> None:
    image = read(at("7", ImageOrientationPatient=None))
    assert image.frames[0].image_orientation_patient == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert image.is_orientation_assumed
    assert [notice.code for notice in image.notices] == ["slice_location", "orientation_assumed"]
    slices = [at(str(n), number=n, ImageOrientationPatient=None) for n in (1, 2, 3)]
    assert split(*slices).plans[0].label.text == "Orientation unknown, 3 slices"


def test_letters_of_the_image_are_an_orientation() -> None:
    image = read(at("7", ImageOrientationPatient=None, PatientOrientation=["P", "F"]))
    assert image.frames[0].image_orientation_patient == (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    assert not image.is_orientation_assumed
    assert read(at("7", ImageOrientationPatient=None, PatientOrientation=["PL", "F"])).is_orientation_assumed


def test_slices_without_the_size_of_their_pixels_are_no_volume() -> None:
    found = split(*(at(str(n), number=n, PixelSpacing=None) for n in (1, 2, 3)))
    assert [refusal.reason.code for refusal in found.refusals] == ["no_spacing+for_example"]


@pytest.mark.parametrize("location", [None, "", "1e9", "x"])
def test_what_is_no_slice_location_gives_no_place(location: str | None) -> None:
    ds = at(None)
    if location is not None:
        ds.add_new(0x00201041, "LO", location)
    assert read(ds).frames[0].image_position_patient is None


def test_a_stated_position_is_believed_before_a_slice_location() -> None:
    image = read(make_ct(SliceLocation="999", position=(1, 2, 3)))
    assert image.frames[0].image_position_patient == (1.0, 2.0, 3.0)
    assert (image.place_source, image.notices) == ("", ())


def test_slices_at_one_location_are_no_volume() -> None:
    assert not split(*(at("5", number=n) for n in (1, 2, 3))).plans


@pytest.mark.parametrize("image_type", [["ORIGINAL", "PRIMARY", "LOCALIZER"], ["DERIVED", "SECONDARY", "LOCALIZER"]])
def test_a_scout_is_given_no_place(image_type: list[str]) -> None:
    assert read(at("5", ImageType=image_type)).place_source == ""


def test_a_radiograph_is_given_no_place() -> None:
    ds = make_grey(np.zeros((8, 8), np.uint16))
    ds.Modality, ds.SliceLocation = "CR", "5"
    assert read(ds).place_source == ""


def test_a_multi_frame_object_is_given_no_place() -> None:
    ds = make_enhanced_ct(4)
    ds.SliceLocation = "5"
    assert read(ds).place_source == ""


def test_slices_with_and_without_a_position_make_volumes_of_their_own() -> None:
    stated = [make_ct(instance_number=n) for n in (1, 2, 3, 4)]
    located = [at(str(n), number=n) for n in (5, 6, 7)]
    found = split(*stated, *located)
    assert sorted(plan.frames for plan in found.plans) == [(0, 1, 2, 3), (4, 5, 6)]
    places = [place for n, ds in enumerate(stated + located, 1) for place in places_of(read(ds), n, f"1.{n}")]
    assert order_frames(comparable(places)).indices == tuple(range(7))


def test_the_display_order_of_slice_locations_alone_goes_by_them() -> None:
    places = [place for n, mm in enumerate((9, 3, 6), 1) for place in places_of(read(at(str(mm))), n, f"1.{n}")]
    assert order_frames(comparable(places)).indices == (1, 2, 0)
