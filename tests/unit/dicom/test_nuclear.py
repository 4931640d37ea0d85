"""Nuclear medicine: slices out of one object, with the place in its detector; and what is no slice."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ImplicitVRLittleEndian, NuclearMedicineImageStorage, RLELossless

from tests.support.phantom_files import base, compress, set_pixels, to_bytes
from tests.support.shared_data import files_under
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import ImageAttributes, Notice
from webviewer.dicom.geometry import comparable, places_of
from webviewer.dicom.nuclear import MAX_FRAMES
from webviewer.dicom.stacks import order_frames
from webviewer.dicom.volume_plan import VolumeSplit
from webviewer.dicom.volume_split import split_volumes

FIRST = (-100.5, -90.0, 300.25)
OBLIQUE = (0.96, 0.0, -0.28, 0.0, 1.0, 0.0)  # its normal is (0.28, 0, 0.96)


def spect(
    frames: int = 5,
    *,
    kind: str = "RECON TOMO",
    orientation: Sequence[float] | None = (1, 0, 0, 0, 1, 0),
    position: Sequence[float] | None = FIRST,
    spacing: float | None = 4.5,
    vectors: dict[str, list[int]] | None = None,
    **more: Any,
) -> Dataset:
    """Return a reconstructed SPECT of 8 × 6 pixels, its place in the detector, its slices numbered from 1."""
    ds = base(sop_class_uid=NuclearMedicineImageStorage, modality="NM", **more)
    ds.ImageType = ["ORIGINAL", "PRIMARY", kind, "EMISSION"]
    ds.FrameOfReferenceUID = "1.2.3"
    ds.PixelSpacing = ["4.5", "4.0"]
    ds.SliceThickness = "5"
    if spacing is not None:
        ds.SpacingBetweenSlices = str(spacing)
    detector = Dataset()
    if position is not None:
        detector.ImagePositionPatient = [str(v) for v in position]
    if orientation is not None:
        detector.ImageOrientationPatient = [str(v) for v in orientation]
    ds.NumberOfDetectors = 1
    ds.DetectorInformationSequence = DicomSequence([detector])
    ds.FrameIncrementPointer = [0x00540080]
    for keyword, values in ({"SliceVector": list(range(1, frames + 1))} | (vectors or {})).items():
        setattr(ds, keyword, values)
    ds.NumberOfSlices = max(vectors.get("SliceVector", [frames])) if vectors else frames
    return set_pixels(ds, np.arange(frames * 48, dtype=np.uint16).reshape(frames, 8, 6))


def read(ds: Dataset) -> ImageAttributes:
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    assert ImageAttributes.from_json(found.attributes.to_json()) == found.attributes
    return found.attributes


def positions(image: ImageAttributes) -> NDArray[np.float64]:
    return np.array([image.frame(n).image_position_patient for n in range(1, image.number_of_frames + 1)], float)


def split(*images: ImageAttributes) -> VolumeSplit:
    places = [place for number, image in enumerate(images, 1) for place in places_of(image, number, f"1.{number}")]
    return split_volumes(places, [image for image in images for _ in range(image.number_of_frames)])


def codes(image: ImageAttributes) -> list[str]:
    return [notice.code for notice in image.notices]


def refusals(*images: ImageAttributes) -> list[str]:
    found = split(*images)
    assert not found.plans
    return [refusal.reason.code.removesuffix("+for_example") for refusal in found.refusals]


@pytest.mark.parametrize("spacing", [4.5, -4.5])
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), OBLIQUE])
def test_slices_follow_the_normal_of_rows_and_columns_from_the_detectors_position(
    spacing: float, orientation: tuple[float, ...]
) -> None:
    image = read(spect(spacing=spacing, orientation=orientation))
    normal = np.cross(np.array(orientation[:3], float), np.array(orientation[3:], float))
    expected = np.array(FIRST) + np.arange(5)[:, None] * spacing * normal
    assert np.abs(positions(image) - expected).max() < 1e-9
    assert image.frame(3).image_orientation_patient == orientation
    assert (image.place_source, image.is_orientation_assumed, codes(image)) == ("", False, ["places_from_first"])
    (plan,) = split(image).plans
    assert (plan.has_letters, plan.is_placed, len(plan.frames)) == (True, True, 5)
    assert plan.grid.shape == (5, 8, 6)


def test_a_negative_spacing_of_axial_slices_begins_at_the_head() -> None:
    image = read(spect(spacing=-4.5))
    assert positions(image)[:, 2].tolist() == [300.25, 295.75, 291.25, 286.75, 282.25]
    (plan,) = split(image).plans
    assert plan.frames == (4, 3, 2, 1, 0)


def test_the_slice_vector_says_which_slice_a_frame_is() -> None:
    image = read(spect(vectors={"SliceVector": [3, 1, 5, 2, 4]}))
    assert positions(image)[:, 2].tolist() == [309.25, 300.25, 318.25, 304.75, 313.75]


@pytest.mark.parametrize("vector", [[1, 2, 3], [0, 1, 2, 3, 4], [1, 1, 1, 1, 70000]])
def test_a_slice_vector_that_cannot_be_true_is_replaced_by_the_order_of_frames(vector: list[int]) -> None:
    ds = spect()
    ds.SliceVector = [min(v, 65535) for v in vector]
    if max(vector) > 65535:
        del ds.SliceVector
    assert positions(read(ds))[:, 2].tolist() == [300.25, 304.75, 309.25, 313.75, 318.25]


def test_time_slots_of_a_gated_study_are_volumes_named_by_them() -> None:
    vectors = {"TimeSlotVector": [1] * 4 + [2] * 4 + [3] * 4, "SliceVector": [1, 2, 3, 4] * 3}
    image = read(spect(12, kind="RECON GATED TOMO", vectors=vectors))
    found = split(image)
    assert [plan.label.text for plan in found.plans] == [f"Axial, 4 slices, time slot {slot}" for slot in (1, 2, 3)]
    assert [plan.frames for plan in found.plans] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)]


def test_energy_windows_of_the_same_slices_are_volumes_of_their_own() -> None:
    vectors = {"EnergyWindowVector": [1] * 4 + [2] * 4, "SliceVector": [1, 2, 3, 4] * 2}
    found = split(read(spect(8, vectors=vectors))).plans
    assert [plan.frames for plan in found] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert [plan.label.text for plan in found] == [f"Axial, 4 slices, energy window {window}" for window in (1, 2)]


def test_rounds_of_slices_without_a_vector_follow_one_another() -> None:
    ds = spect(8, kind="RECON GATED TOMO")
    del ds.SliceVector
    ds.NumberOfSlices = 4
    assert positions(read(ds))[:, 2].tolist() == [300.25, 304.75, 309.25, 313.75] * 2


@pytest.mark.parametrize("spacing", [None, 0.0, 1e9])
def test_a_missing_spacing_is_the_thickness_with_a_caution(spacing: float | None) -> None:
    image = read(spect(spacing=spacing))
    assert positions(image)[:, 2].tolist() == [300.25, 305.25, 310.25, 315.25, 320.25]
    assert image.notices == (Notice("places_from_first"), Notice("spacing_from_thickness", (5.0,)))


def test_slices_without_any_distance_are_no_volume() -> None:
    ds = spect(spacing=None)
    del ds.SliceThickness
    assert refusals(read(ds)) == ["no_slice_distance"]


def test_slices_without_a_position_are_a_volume_somewhere() -> None:
    image = read(spect(position=None))
    assert (image.place_source, codes(image)) == ("FrameOrder", ["place_unknown"])
    (plan,) = split(image).plans
    assert (plan.has_letters, plan.is_placed, plan.label.text) == (True, False, "Axial, 5 slices")
    assert [warning.code for warning in plan.warnings] == ["place_unknown"]


def test_slices_without_an_orientation_are_a_volume_without_letters() -> None:
    image = read(spect(orientation=None, position=None))
    assert codes(image) == ["orientation_assumed", "place_unknown"]
    (plan,) = split(image).plans
    assert (plan.has_letters, plan.is_placed) == (False, False)
    assert plan.label.text == "Orientation unknown, 5 slices"
    assert read(spect(orientation=None)).is_orientation_assumed


def test_objects_without_a_position_are_not_laid_into_one_another() -> None:
    images = [read(spect(frames, position=None, instance_number=frames)) for frames in (5, 4)]
    assert [plan.frames for plan in split(*images).plans] == [(0, 1, 2, 3, 4), (5, 6, 7, 8)]
    places = [place for number, image in enumerate(images, 1) for place in places_of(image, number, f"1.{number}")]
    assert order_frames(comparable(places)).indices == tuple(range(9))


@pytest.mark.parametrize(
    ("kind", "code"), [("TOMO", "projections"), ("GATED TOMO", "projections"), ("DYNAMIC", "planar")]
)
def test_projections_are_no_volume_and_say_so(kind: str, code: str) -> None:
    image = read(spect(kind=kind))
    assert refusals(image) == [code]
    assert image.frame(2).image_position_patient is None


def test_a_position_beside_the_detector_is_taken_where_the_detector_has_none() -> None:
    ds = spect(orientation=None, position=None)
    ds.ImagePositionPatient = ["1", "2", "3"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    assert positions(read(ds))[:, 2].tolist() == [3.0, 7.5, 12.0, 16.5, 21.0]


def test_the_first_detector_with_a_place_counts() -> None:
    ds = spect()
    ds.DetectorInformationSequence.insert(0, Dataset())
    assert positions(read(ds))[0].tolist() == list(FIRST)


def test_objects_of_one_slice_each_lie_where_their_detectors_say() -> None:
    images = [read(spect(1, position=(0, 0, 4.5 * k), instance_number=k)) for k in (1, 2, 3)]
    assert [image.notices for image in images] == [()] * 3
    (plan,) = split(*images).plans
    assert plan.positions_mm == (4.5, 9.0, 13.5)


def test_a_compressed_object_that_claims_a_million_slices_gets_no_list_of_them() -> None:
    ds = compress(spect(), RLELossless)
    ds.NumberOfFrames = MAX_FRAMES + 1
    del ds.SliceVector, ds.NumberOfSlices
    ds.PixelData = ds.PixelData + bytes(10 * MAX_FRAMES)
    assert len(read(ds).frames) == 1


def test_an_implicit_header_gives_the_same_places() -> None:
    ds = spect(transfer_syntax_uid=ImplicitVRLittleEndian)
    assert np.array_equal(positions(read(ds)), positions(read(spect())))


@pytest.mark.parametrize("path", [p for p in files_under("nm_pet") if p.name == "NM-MONO2-16-13x-heart.dcm"])
def test_a_real_long_axis_of_a_heart_is_a_volume_without_letters(path: Path) -> None:
    found = read_image(io.BytesIO(path.read_bytes()))
    assert found is not None
    (plan,) = split(found.attributes).plans
    assert plan.label.text == "Orientation unknown, 13 slices"
    assert plan.grid.spacing_mm == pytest.approx((6.231669, 3.11583, 3.11583))
    assert not plan.has_letters
