"""Mosaics become frames: their tiles, where these lie, and what is shown where nothing tells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from tests.support.mosaic_files import csa1, csa2, siemens_mosaic, slices, uih_mosaic
from tests.support.phantom_files import compress, make_enhanced_ct, make_mr, to_bytes
from tests.support.stored_image import StoredImage, read_image
from webviewer.dicom.attributes import ImageAttributes, Notice
from webviewer.dicom.decode import decode_frame
from webviewer.dicom.geometry import places_of
from webviewer.dicom.stacks import order_frames
from webviewer.dicom.volume_plan import VolumeSplit
from webviewer.dicom.volume_split import split_volumes

MOSAIC_UNREAD = ("mosaic_without_count", "mosaic_contradiction", "mosaic_uncut")
OBLIQUE = (0.96, 0.0, -0.28, 0.0, 1.0, 0.0)  # its normal is (0.28, 0, 0.96)


def stored(data: bytes) -> StoredImage:
    found = read_image(io.BytesIO(data))
    assert found is not None
    assert ImageAttributes.from_json(found.attributes.to_json()) == found.attributes
    return found


def read(ds: Dataset) -> ImageAttributes:
    return stored(to_bytes(ds)).attributes


def frames_of(data: bytes) -> NDArray[Any]:
    image = stored(data)
    count = image.attributes.number_of_frames
    return np.stack(
        [
            decode_frame(image.frame_bytes(io.BytesIO(data), number), image.attributes, number).values
            for number in range(1, count + 1)
        ]
    )


def positions(image: ImageAttributes) -> NDArray[np.float64]:
    return np.array([image.frame(n).image_position_patient for n in range(1, image.number_of_frames + 1)], float)


def split(images: Sequence[ImageAttributes]) -> VolumeSplit:
    places = [place for number, image in enumerate(images, 1) for place in places_of(image, number, f"1.{number}")]
    owners = [image for image in images for _ in range(image.number_of_frames)]
    return split_volumes(places, owners)


@pytest.mark.parametrize("count", [2, 4, 9, 10, 27, 36])
@pytest.mark.parametrize("form", [csa1, csa2])
def test_each_tile_is_a_frame_with_its_values_and_its_place(count: int, form: Any) -> None:
    values = slices(count, 16, 12)
    step = 3.5 * np.array([0.28, 0.0, 0.96])
    data = to_bytes(siemens_mosaic(values, orientation=OBLIQUE, step=step.tolist(), form=form))
    image = stored(data).attributes
    assert (image.number_of_frames, image.rows, image.columns) == (count, 16, 12)
    assert np.array_equal(frames_of(data), values)
    expected = np.array([-100.0, -90.0, -40.0]) + np.arange(count)[:, None] * step
    assert np.abs(positions(image) - expected).max() < 1e-5
    assert image.notices == (Notice("mosaic", (count,)),)


def test_the_tiles_of_a_mosaic_that_runs_downwards_lie_one_below_another() -> None:
    image = read(siemens_mosaic(slices(9, 16, 16), step=(0.0, 0.0, -5.0), first=(0.0, 0.0, 20.0)))
    assert np.abs(positions(image)[:, 2] - (20.0 - 5.0 * np.arange(9))).max() < 1e-6
    order = order_frames(places_of(image, 1, "1.1")).indices
    assert order == tuple(range(8, -1, -1))  # shown from below upwards, as all slices are


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_a_compressed_mosaic_has_the_same_frames(syntax: str) -> None:
    values = slices(10, 16, 12)
    assert np.array_equal(frames_of(to_bytes(compress(siemens_mosaic(values), syntax))), values)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_mosaic_is_read_in_every_encoding_of_its_header(syntax: str) -> None:
    values = slices(9, 16, 12)
    ds = siemens_mosaic(values)
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    assert np.array_equal(frames_of(to_bytes(ds)), values)


def test_a_mosaic_is_one_volume_that_lies_where_its_slices_lie() -> None:
    step = 4.0 * np.array([0.28, 0.0, 0.96])
    found = split([read(siemens_mosaic(slices(27, 16, 12), orientation=OBLIQUE, step=(-step).tolist()))])
    (plan,) = found.plans
    assert found.refusals == ()
    assert plan.frames == tuple(range(26, -1, -1))
    assert plan.grid.shape == (27, 16, 12)
    last = np.array([-100.0, -90.0, -40.0]) - 26 * step
    assert np.abs(plan.grid.lps_from_index[:3, 3] - last).max() < 1e-4
    assert np.abs(plan.grid.lps_from_index[:3, 2] - step).max() < 1e-4
    assert np.abs(plan.grid.lps_from_index[:3, 0] - 2.5 * np.array([0.96, 0.0, -0.28])).max() < 1e-6
    assert [warning.code for warning in plan.warnings] == ["mosaic"]


def test_mosaics_of_three_times_are_three_volumes() -> None:
    found = split([read(siemens_mosaic(slices(9, 16, 12, time), instance_number=time)) for time in (1, 2, 3)])
    assert [plan.label.text for plan in found.plans] == [f"Axial, 9 slices, acquisition {time}" for time in (1, 2, 3)]
    assert [plan.frames for plan in found.plans] == [tuple(range(9 * time, 9 * time + 9)) for time in range(3)]


def test_mosaics_of_several_b_values_are_named_by_them() -> None:
    images = [read(siemens_mosaic(slices(9, 16, 12), instance_number=n, b_value=b)) for n, b in ((1, "0"), (2, "1000"))]
    assert [plan.label.text for plan in split(images).plans] == [
        "Axial, 9 slices, b = 0 s/mm²",
        "Axial, 9 slices, b = 1000 s/mm²",
    ]


def test_a_mosaic_of_one_slice_is_an_ordinary_image() -> None:
    image = read(siemens_mosaic(slices(1, 16, 12)))
    assert (image.rows, image.columns, image.number_of_frames, image.tiling, image.notices) == (16, 12, 1, None, ())
    assert image.frames[0].image_position_patient == (-100.0, -90.0, -40.0)


def test_a_grid_of_united_imaging_has_no_empty_row_and_says_where_each_slice_lies() -> None:
    values = slices(5, 16, 12)
    data = to_bytes(uih_mosaic(values, step=(0.0, 1.0, 4.0)))
    image = stored(data).attributes
    assert (image.number_of_frames, image.rows, image.columns) == (5, 16, 12)
    assert np.array_equal(frames_of(data), values)
    assert np.abs(positions(image) - ([-100, -90, -40] + np.arange(5)[:, None] * np.array([0, 1, 4]))).max() < 1e-6


# -- what is missing or contradicts --------------------------------------------------------------------------------


def assert_is_a_picture(image: ImageAttributes, code: str, size: tuple[int, int]) -> None:
    assert (image.rows, image.columns, image.number_of_frames, image.tiling) == (*size, 1, None)
    frame = image.frames[0]
    assert (frame.image_position_patient, frame.image_orientation_patient, frame.pixel_spacing) == (None, None, None)
    assert (image.spacing_source, image.patient_orientation, image.frame_of_reference_uid) == ("", None, "")
    assert [notice.code for notice in image.notices] == [code]
    found = split([image])
    assert not found.plans
    assert [refusal.reason.code for refusal in found.refusals] == [f"{code}+for_example"]


def without(ds: Dataset, *groups: int) -> Dataset:
    for group in groups:
        for tag in [element.tag for element in ds if element.tag.group == group]:
            del ds[tag]
    return ds


def with_csa(ds: Dataset, octets: bytes) -> Dataset:
    ds[0x0029, 0x1010].value = octets
    return ds


def test_a_mosaic_that_lost_its_private_elements_is_shown_as_the_picture_it_is() -> None:
    image = read(without(siemens_mosaic(slices(9, 16, 12)), 0x0019, 0x0029))
    assert_is_a_picture(image, "mosaic_without_count", (48, 36))
    assert image.pixel_aspect_ratio == (800, 1000)  # 2.0 mm between rows, 2.5 mm between columns


def test_a_count_that_does_not_divide_the_picture_is_no_count() -> None:
    ds = siemens_mosaic(slices(9, 16, 12))
    ds[0x0019, 0x100A].value = 40
    assert_is_a_picture(read(without(ds, 0x0029)), "mosaic_contradiction", (48, 36))


def test_forty_tiles_in_a_picture_that_is_too_small_are_none() -> None:
    ds = siemens_mosaic(slices(1, 49, 49))
    ds[0x0019, 0x100A].value = 40
    assert_is_a_picture(read(without(ds, 0x0029)), "mosaic_contradiction", (49, 49))


def test_two_counts_that_differ_are_none() -> None:
    ds = siemens_mosaic(slices(9, 16, 12))
    ds[0x0019, 0x100A].value = 8
    assert_is_a_picture(read(ds), "mosaic_contradiction", (48, 36))


@pytest.mark.parametrize("count", ["0", "-4", "2.5", "1e9", "many", "nan"])
def test_a_count_that_is_no_count_of_slices_cuts_nothing(count: str) -> None:
    tags = {"NumberOfImagesInMosaic": ("US", [count]), "SliceNormalVector": ("FD", ["0", "0", "1"])}
    image = read(with_csa(without(siemens_mosaic(slices(9, 16, 12)), 0x0019), csa2(tags)))
    assert image.number_of_frames == 1
    assert image.notices[0].code in MOSAIC_UNREAD


def assert_has_slices_without_places(image: ImageAttributes) -> None:
    assert (image.rows, image.columns, image.number_of_frames) == (16, 12, 9)
    assert image.frame(9).image_position_patient is None
    assert image.frame(9).image_orientation_patient == (1, 0, 0, 0, 1, 0)
    assert image.frame(9).pixel_spacing == (2.0, 2.5)
    assert [refusal.reason.code for refusal in split([image]).refusals] == ["mosaic_order_unknown+for_example"]
    assert order_frames(places_of(image, 1, "1")).indices == tuple(range(9))


def test_slices_whose_direction_is_not_told_have_letters_and_scale_but_no_places() -> None:
    """An anonymiser keeps the count, which PS3.15 names as safe, and takes the CSA header away."""
    assert_has_slices_without_places(read(without(siemens_mosaic(slices(9, 16, 12)), 0x0029)))


@pytest.mark.parametrize(
    "normal", [["0", "0.6", "0.8"], ["0", "0", "0"], ["0", "0", "3"], ["0", "1"], ["x", "0", "1"], []]
)
def test_a_normal_that_contradicts_the_orientation_gives_no_places(normal: list[str]) -> None:
    tags = {"NumberOfImagesInMosaic": ("US", ["9"]), "SliceNormalVector": ("FD", normal)}
    assert_has_slices_without_places(read(with_csa(siemens_mosaic(slices(9, 16, 12)), csa2(tags))))


def test_a_mosaic_without_a_corner_has_slices_without_places() -> None:
    ds = siemens_mosaic(slices(9, 16, 12))
    del ds.ImagePositionPatient
    assert_has_slices_without_places(read(ds))


def test_a_missing_distance_is_taken_from_the_thickness_with_a_caution() -> None:
    ds = siemens_mosaic(slices(9, 16, 12))
    del ds.SpacingBetweenSlices
    image = read(ds)
    assert np.abs(np.diff(positions(image)[:, 2]) - 3.2).max() < 1e-6
    assert image.notices == (Notice("mosaic", (9,)), Notice("spacing_from_thickness", (3.2,)))
    del ds.SliceThickness
    assert_has_slices_without_places(read(ds))


def test_a_grid_of_united_imaging_that_lost_its_places_has_slices_without_places() -> None:
    ds = uih_mosaic(slices(9, 16, 12))
    del ds[0x0065, 0x1051].value[3].ImagePositionPatient
    assert_has_slices_without_places(read(ds))
    del ds[0x0065, 0x1050]
    assert_is_a_picture(read(ds), "mosaic_without_count", (48, 36))


def test_a_moved_block_of_private_elements_is_found() -> None:
    ds = siemens_mosaic(slices(9, 16, 12))
    octets = ds[0x0029, 0x1010].value
    without(ds, 0x0019, 0x0029)
    ds.private_block(0x0029, "SIEMENS MEDCOM HEADER", create=True).add_new(0x08, "CS", "MEDCOM 1")
    ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", octets)
    assert read(ds).number_of_frames == 9


@pytest.mark.parametrize("name", ["SOMEBODY ELSE", "SIEMENS MR HEADER OF ANOTHER", "SIEMENS CSA HEADER 2"])
def test_elements_of_another_maker_at_the_same_place_say_nothing(name: str) -> None:
    ds = make_mr()
    ds.private_block(0x0019, name, create=True).add_new(0x0A, "US", 9)
    ds.private_block(0x0029, name, create=True).add_new(0x10, "OB", csa2({"NumberOfImagesInMosaic": ("US", ["9"])}))
    image = read(ds)
    assert (image.number_of_frames, image.notices) == (1, ())


def test_the_header_of_the_scanner_is_enough_without_the_image_type() -> None:
    ds = siemens_mosaic(slices(9, 16, 12))
    ds.ImageType = ["DERIVED", "PRIMARY", "MOCO", "ND"]
    assert read(ds).number_of_frames == 9
    assert read(without(ds, 0x0019)).number_of_frames == 9


@pytest.mark.parametrize("count", [9, 16, 40])
def test_a_slice_that_kept_the_count_of_the_mosaic_it_was_cut_from_is_a_slice(count: int) -> None:
    ds = make_mr(rows=48, columns=48)
    ds.ImageType = ["DERIVED", "SECONDARY", "M", "ND"]
    expected = read(ds)
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", count)
    assert read(ds) == expected
    assert (expected.number_of_frames, expected.tiling, expected.notices) == (1, None, ())


def with_frames(ds: Dataset, count: int) -> Dataset:
    ds.NumberOfFrames = count
    ds.PixelData = ds.PixelData * count
    return ds


@pytest.mark.parametrize("make", [siemens_mosaic, uih_mosaic])
@pytest.mark.parametrize("count", [2, 5])
def test_a_mosaic_of_many_frames_is_shown_as_the_pictures_they_are(make: Any, count: int) -> None:
    image = read(with_frames(make(slices(9, 16, 12)), count))
    assert (image.number_of_frames, image.rows, image.columns, image.tiling) == (count, 48, 36, None)
    for number in range(1, count + 1):
        frame = image.frame(number)
        assert (frame.image_position_patient, frame.image_orientation_patient) == (None, None)
        assert (frame.pixel_spacing, frame.slice_thickness) == (None, None)
    assert image.notices == (Notice("mosaic_of_frames", (count,)),)
    assert not split([image]).plans


def test_frames_with_places_of_their_own_are_slices_whatever_the_image_type_says() -> None:
    ds = make_enhanced_ct(4)
    expected = read(ds)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
    image = read(ds)
    assert [image.frame(n).image_position_patient for n in range(1, 5)] == [
        expected.frame(n).image_position_patient for n in range(1, 5)
    ]
    assert image.notices == expected.notices
