"""What tells several images of one place apart: echoes, b-values, kinds of image; and which images show vessels."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from tests.support.phantom_files import make_enhanced_ct, make_mr, to_bytes
from tests.support.reference_volume_geometry import AXIAL, image
from tests.support.stored_image import image_attributes
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.geometry import place_of, places_of
from webviewer.dicom.header import read_header
from webviewer.dicom.volume_split import split_volumes


def read(ds: Dataset) -> ImageAttributes:
    found = image_attributes(read_header(io.BytesIO(to_bytes(ds))))
    assert found is not None
    assert ImageAttributes.from_json(found.to_json()) == found
    return found


def mr(number: int, **elements: Any) -> Dataset:
    ds = make_mr(instance_number=number)
    ds.ImagePositionPatient = ["0", "0", str(4 * (number % 100))]
    ds.ImageOrientationPatient = [str(v) for v in AXIAL]
    ds.PixelSpacing = ["1", "1"]
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def labels(objects: list[Dataset]) -> list[str]:
    images = [read(ds) for ds in objects]
    places = [
        place_of(attributes, 1, int(ds.InstanceNumber), str(ds.SOPInstanceUID))
        for ds, attributes in zip(objects, images, strict=True)
    ]
    return [plan.label.text for plan in split_volumes(places, images).plans]


def test_echoes_of_one_series_are_volumes_of_their_own() -> None:
    objects = [mr(100 * echo + k, EchoTime=str(4.9 * echo)) for k in range(1, 5) for echo in (2, 1)]
    assert labels(objects) == ["Axial, 4 slices, TE 4.9 ms", "Axial, 4 slices, TE 9.8 ms"]


def test_an_echo_that_lacks_a_slice_is_still_told_apart() -> None:
    objects = [mr(100 * echo + k, EchoTime=str(4.9 * echo)) for k in range(1, 6) for echo in (1, 2)]
    del objects[5]
    assert labels(objects) == ["Axial, 5 slices, TE 4.9 ms", "Axial, 4 slices, TE 9.8 ms"]


def test_b_values_and_the_map_made_of_them_are_volumes_of_their_own() -> None:
    trace, adc = ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"], ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
    objects = [mr(100 * b + k, DiffusionBValue=800.0 * b, ImageType=trace) for k in range(1, 4) for b in (1, 0)]
    objects += [mr(900 + k, ImageType=adc) for k in range(1, 4)]
    assert labels(objects) == [
        "Axial, 3 slices, ADC",
        "Axial, 3 slices, b = 0 s/mm², trace-weighted",
        "Axial, 3 slices, b = 800 s/mm², trace-weighted",
    ]


def test_magnitude_and_phase_are_volumes_of_their_own() -> None:
    objects = [
        mr(100 * n + k, ImageType=["ORIGINAL", "PRIMARY", kind]) for k in range(1, 4) for n, kind in enumerate("PM")
    ]
    assert labels(objects) == ["Axial, 3 slices, magnitude", "Axial, 3 slices, phase image"]


def test_unknown_kinds_of_image_are_named_by_the_word_of_the_file() -> None:
    objects = [
        mr(100 * n + k, ImageType=["ORIGINAL", "PRIMARY", kind])
        for k in range(1, 4)
        for n, kind in enumerate(("ODD", "EVEN"))
    ]
    assert labels(objects) == ["Axial, 3 slices, EVEN", "Axial, 3 slices, ODD"]


def enhanced_mr() -> Dataset:
    ds = make_enhanced_ct(6)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "MIXED"]
    for number, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        place, diffusion, echo, kind = Dataset(), Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = ["0", "0", str(5 * (number // 2))]
        diffusion.DiffusionBValue = 0.0 if number % 2 else 1000.0
        echo.EffectiveEchoTime = 62.5
        kind.FrameType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
        group.PlanePositionSequence = DicomSequence([place])
        group.MRDiffusionSequence = DicomSequence([diffusion])
        group.MREchoSequence = DicomSequence([echo])
        group.MRImageFrameTypeSequence = DicomSequence([kind])
    return ds


def test_b_values_of_a_multi_frame_object_are_those_of_its_frames() -> None:
    attributes = read(enhanced_mr())
    assert [frame.b_value for frame in attributes.frames] == [1000.0, 0.0] * 3
    assert {frame.echo_time_ms for frame in attributes.frames} == {62.5}
    assert {frame.image_type for frame in attributes.frames} == {("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE")}
    found = split_volumes(places_of(attributes, 1, "1.2"), [attributes] * 6)
    assert [plan.label.text for plan in found.plans] == [
        "Axial, 3 slices, b = 0 s/mm²",
        "Axial, 3 slices, b = 1000 s/mm²",
    ]
    assert [plan.frames for plan in found.plans] == [(1, 3, 5), (0, 2, 4)]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"AngioFlag": "Y"}, True),
        ({"AngioFlag": "N", "ImageType": ["ORIGINAL", "PRIMARY", "M"]}, False),
        ({"ImageType": ["DERIVED", "SECONDARY", "ANGIO"]}, True),
        ({"TimeOfFlightContrast": "YES"}, True),
        ({"PhaseContrast": "NO"}, False),
        ({}, False),
    ],
)
def test_images_of_vessels_are_known(elements: dict[str, Any], expected: bool) -> None:
    objects = [mr(k, ScanningSequence=["GR", "IR"], **elements) for k in range(1, 4)]
    attributes = read(objects[0])
    assert attributes.is_angiography is expected
    assert attributes.scanning_sequence == "GR\\IR"
    split = split_volumes(
        [place_of(read(ds), 1, k, str(k)) for k, ds in enumerate(objects)], [read(ds) for ds in objects]
    )
    assert [plan.is_angiography for plan in split.plans] == [expected]


def test_objects_stored_before_this_was_known_stay_readable() -> None:
    old = image(frames=(FrameAttributes(image_position_patient=(0.0, 0.0, 1.0)),), b_value=800.0)
    plain = json.loads(old.to_json())
    assert plain["b_value"] == 800.0
    attributes = ImageAttributes.from_plain(plain)
    place = place_of(attributes, 1, 1, "1.2")
    assert (place.b_value, place.frame.echo_time_ms, place.frame.image_type) == (800.0, None, ())


def test_what_a_later_version_knows_is_left_out() -> None:
    plain = json.loads(image().to_json())
    plain["gradient"] = [1, 2]
    plain["frames"][0]["gradient"] = [3]
    assert ImageAttributes.from_plain(plain) == image()
