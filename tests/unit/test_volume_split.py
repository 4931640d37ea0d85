"""Volumes of a series: landmarks at known millimetres, what a doctor is told, and what is no volume."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from renderpool.engine.volume_mask import packed_shape
from tests.support.phantom_files import make_enhanced_ct, make_rgb, to_bytes
from tests.support.reference_volume_geometry import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    Orientation,
    along,
    field,
    image,
    lps_of_pixel,
    pixels,
    stack,
    tilted,
)
from tests.support.stored_image import image_attributes
from webviewer.core.errors import LimitExceeded
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.geometry import FramePlace, place_of, places_of
from webviewer.dicom.header import read_header
from webviewer.dicom.sentence import Sentence
from webviewer.dicom.stacks import order_frames
from webviewer.dicom.volume_plan import VolumePlan, VolumeSplit, check_memory
from webviewer.dicom.volume_slices import resample_slab
from webviewer.dicom.volume_split import split_volumes

Origins = Sequence[Sequence[float]]
ONE_LEFT = "Only 1 slice fits together by direction, size, position and kind of image; a volume needs at least 3."
EVEN = [0.0, 3.0, 6.0, 9.0, 12.0]
LEANING = (0.0, 0.5, 1.25)  # a step that has a part across the normal


def split(places: list[FramePlace], **changes: Any) -> VolumeSplit:
    return split_volumes(places, [image(**changes)] * len(places))


def texts(sentences: Sequence[Sentence]) -> tuple[str, ...]:
    return tuple(sentence.text for sentence in sentences)


def only(places: list[FramePlace], **changes: Any) -> VolumePlan:
    found = split(places, **changes)
    assert found.refusals == ()
    assert found.reason is None
    (plan,) = found.plans
    return plan


SHAPES: dict[str, tuple[Origins, Orientation, tuple[float, float]]] = {
    "axial": (along(EVEN), AXIAL, (0.75, 0.5)),
    "sagittal": (along(EVEN, (1, 0, 0)), SAGITTAL, (1.0, 1.0)),
    "coronal": (along(EVEN, (0, -1, 0)), CORONAL, (0.9, 0.9)),
    "gantry tilt of 20°": (along(EVEN), tilted(20), (0.5, 0.5)),
    "reversed order": (along(EVEN[::-1]), AXIAL, (0.5, 0.5)),
    "0.5 × 0.5 × 3 mm": (along([3.0 * k for k in range(7)]), AXIAL, (0.5, 0.5)),
    "missing slices": (along([0.0, 2.5, 5.0, 12.5, 15.0, 20.0]), AXIAL, (0.5, 0.5)),
    "uneven": (along([0.0, 2.0, 5.3, 8.0, 10.9, 14.0]), AXIAL, (0.5, 0.5)),
    "uneven under a tilted gantry": (along([0.0, 2.0, 5.3, 8.0, 10.9, 14.0]), tilted(-15), (0.5, 0.5)),
    "aslant": (along(EVEN, LEANING), AXIAL, (0.5, 0.7)),
    "oblique": (along(EVEN, (0.48, 0.6, 0.64)), (0.8, 0.0, -0.6, -0.36, 0.8, -0.48), (0.4, 0.8)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_landmark_is_found_again_where_it_lies(name: str) -> None:
    places = stack(*SHAPES[name])
    plan = only(places)
    assert plan.grid.shape[1:] == (6, 8)
    assert sorted(plan.frames) == list(range(len(places)))
    assert list(plan.positions_mm) == sorted(plan.positions_mm)
    index_from_lps = plan.grid.index_from_lps
    assert np.linalg.det(plan.grid.lps_from_index[:3, :3]) > 0
    landmarks = 0
    for source, grid_slice in enumerate(plan.sampling.grid_slice_of_source):
        frame = places[plan.frames[source]].frame
        for column, row in ((0, 0), (7, 0), (0, 5), (7, 5), (3.3, 2.8)):
            lps = lps_of_pixel(frame, column, row)
            found = index_from_lps @ np.array([*lps, 1.0])
            assert found[:2] == pytest.approx([column, row], abs=1e-6)
            if grid_slice is not None:
                assert found[2] == pytest.approx(grid_slice, abs=1e-6)
                assert plan.grid.lps_from_index @ np.array([column, row, grid_slice, 1.0]) == pytest.approx(
                    [*lps, 1.0], abs=1e-6
                )
                landmarks += 1
    assert landmarks >= 10


@pytest.mark.parametrize("name", SHAPES)
def test_an_even_field_is_found_everywhere_between_the_slices_too(name: str) -> None:
    places = stack(*SHAPES[name])
    plan = only(places)
    slices, rows, columns = plan.grid.shape
    sources = np.array([pixels(places[i].frame, rows, columns) for i in plan.frames]).astype(np.float32)
    volume = np.empty(plan.grid.shape, np.float32)
    resample_slab(plan.sampling, sources, 0, volume)
    k, j, i = np.mgrid[0:slices, 0:rows, 0:columns]
    lps = np.stack([i, j, k, np.ones_like(i)], -1) @ plan.grid.lps_from_index.T
    assert np.abs(volume - field(lps[..., :3])).max() < 0.05  # 2e-3 mm of the field, and the digits of float32


def test_rows_and_columns_are_not_confused() -> None:
    plan = only(stack(along(EVEN), AXIAL, (0.75, 0.5)))
    assert plan.grid.spacing_mm == pytest.approx((3.0, 0.75, 0.5))
    assert plan.grid.lps_from_index[:3, 0].tolist() == pytest.approx([0.5, 0, 0])
    assert plan.grid.lps_from_index[:3, 1].tolist() == pytest.approx([0, 0.75, 0])


def test_a_tilted_gantry_is_sheared_and_said() -> None:
    plan = only(stack(*SHAPES["gantry tilt of 20°"]))
    assert plan.grid.lps_from_index[:3, 2].tolist() == pytest.approx([0, 0, 3.0], abs=1e-9)
    assert plan.positions_mm[1] - plan.positions_mm[0] == pytest.approx(3 * math.cos(math.radians(20)))
    assert texts(plan.warnings) == (
        "The gantry was tilted by 20°. The volume is sheared accordingly: places and lengths in it are true.",
    )
    aslant = only(stack(*SHAPES["aslant"]), modality="MR")
    assert aslant.warnings[0].text.startswith("The slices are stacked aslant, by 21.8°.")


def test_a_gap_is_named_in_words() -> None:
    plan = only(stack(along([5.0, 7.5, 10.0, 12.5, 20.0, 22.5, 27.5])))
    assert texts(plan.warnings) == (
        "Between 12.5 mm and 20 mm 2 slices are missing: values there are interpolated.",
        "Between 22.5 mm and 27.5 mm 1 slice is missing: values there are interpolated.",
    )
    many = [float(k) for k in range(40) if k % 5 != 4]
    assert texts(only(stack(along(many))).warnings[5:]) == ("In 2 further gaps up to 35 mm 2 slices are missing.",)


def test_uneven_spacing_is_said() -> None:
    (words,) = only(stack(*SHAPES["uneven"])).warnings
    assert words.text == ("The slices are unevenly spaced, 2 mm to 3.3 mm: values are interpolated at steps of 2.8 mm.")


def test_slices_that_drift_sideways_are_said() -> None:
    origins = [(x + drift, y, z) for (x, y, z), drift in zip(along(EVEN), (0, 0, 2, 0, 0), strict=True)]
    (words,) = only(stack(origins)).warnings
    assert words.text.startswith("The slices are shifted against one another by up to 2 mm:")


def test_thin_slices_far_apart_are_said() -> None:
    frames = [
        FramePlace(FrameAttributes((0.0, 0.0, 10.0 * k), AXIAL, (1.0, 1.0), slice_thickness=1.0), 1, k, f"1.{k}")
        for k in range(4)
    ]
    assert texts(only(frames).warnings) == (
        "Slices 1 mm thick lie 10 mm apart: what is between them was not measured.",
    )


def test_two_phases_are_two_volumes_with_names() -> None:
    places = [p for time in (2, 1) for p in stack(along(EVEN), time=time, first_number=10 * time)]
    found = split(places)
    assert [plan.label.text for plan in found.plans] == ["Axial, 5 slices, time 1", "Axial, 5 slices, time 2"]
    assert [plan.frames for plan in found.plans] == [(5, 6, 7, 8, 9), (0, 1, 2, 3, 4)]
    assert found.plans[0].grid == found.plans[1].grid
    shown = [i for plan in found.plans for i in plan.frames]
    assert tuple(shown) == order_frames(places).indices


def test_a_slice_that_one_phase_lacks_is_a_gap_in_that_phase_only() -> None:
    places = stack(along(EVEN), time=1) + stack(along(EVEN), time=2, first_number=6)
    del places[7]
    found = split(places)
    assert [plan.frames for plan in found.plans] == [(0, 1, 2, 3, 4), (5, 6, 7, 8)]
    assert [len(plan.warnings) for plan in found.plans] == [0, 1]
    assert "Between 3 mm and 9 mm 1 slice is missing" in found.plans[1].warnings[0].text
    assert found.plans[0].grid.shape == found.plans[1].grid.shape


def test_four_b_values_and_three_directions_of_one() -> None:
    places = [
        place
        for number, b in enumerate((1000.0, 0.0, 500.0, 1000.0, 50.0))
        for place in stack(along(EVEN), first_number=1 + 10 * number, b_value=b)
    ]
    assert [plan.label.text for plan in split(places).plans] == [
        "Axial, 5 slices, b = 0 s/mm²",
        "Axial, 5 slices, b = 50 s/mm²",
        "Axial, 5 slices, b = 500 s/mm²",
        "Axial, 5 slices, b = 1000 s/mm², phase 1 of 2",
        "Axial, 5 slices, b = 1000 s/mm², phase 2 of 2",
    ]


def test_echoes_known_by_their_number_only() -> None:
    places = [place for start in (1, 100) for place in stack(along(EVEN), first_number=start)]
    assert [plan.label.text for plan in split(places).plans] == [
        "Axial, 5 slices, phase 1 of 2",
        "Axial, 5 slices, phase 2 of 2",
    ]


def test_two_acquisitions_that_overlap_are_two_volumes() -> None:
    places = stack(along([0, 1, 2, 3, 4, 5]), acquisition_number=1)
    places += stack(along([4, 5, 6, 7, 8, 9]), acquisition_number=2, first_number=7)
    found = split(places)
    assert [plan.label.text for plan in found.plans] == [
        "Axial, 6 slices, acquisition 1",
        "Axial, 6 slices, acquisition 2",
    ]
    assert [plan.positions_mm for plan in found.plans] == [(0, 1, 2, 3, 4, 5), (4, 5, 6, 7, 8, 9)]
    assert tuple(i for plan in found.plans for i in plan.frames) == order_frames(places).indices


def test_dimension_indices_tell_the_echoes_of_a_multi_frame_object() -> None:
    frames = tuple(
        FrameAttributes((0.0, 0.0, float(z)), AXIAL, (1.0, 1.0), dimension_index_values=(1, z, 2 if echo == 0 else 1))
        for z in (1, 2, 3)
        for echo in (0, 1)
    )
    enhanced = image(number_of_frames=6, frames=frames)
    found = split_volumes(places_of(enhanced, 1, "1.2"), [enhanced] * 6)
    assert [plan.frames for plan in found.plans] == [(1, 3, 5), (0, 2, 4)]


def test_an_enhanced_object_is_one_volume_from_its_functional_groups() -> None:
    attributes = image_attributes(read_header(io.BytesIO(to_bytes(make_enhanced_ct(4)))))
    assert attributes is not None
    places = [place_of(attributes, number, 1, "1.2") for number in range(1, 5)]
    found = split_volumes(places, [attributes] * 4)
    (plan,) = found.plans
    assert plan.frames == (3, 2, 1, 0)
    assert plan.grid.spacing_mm == pytest.approx((2.0, 0.5, 0.25))
    assert plan.grid.lps_from_index[:3, 3].tolist() == pytest.approx([-4, -8, 94])
    assert plan.label.text == "Axial, 4 slices"


def test_orientations_are_volumes_of_their_own() -> None:
    places = stack(along(EVEN)) + stack(along(EVEN, (1, 0, 0)), SAGITTAL) + stack(along(EVEN, (0, 1, 0)), CORONAL)
    found = split(places)
    assert [plan.label.text for plan in found.plans] == ["Axial, 5 slices", "Sagittal, 5 slices", "Coronal, 5 slices"]
    assert found.refusals == ()


def test_pictures_that_lie_across_one_another_are_no_phases() -> None:
    turned: Orientation = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0)
    found = split(stack(along(EVEN)) + stack(along(EVEN), turned, first_number=6))
    assert [plan.phase_count for plan in found.plans] == [1, 1]
    assert [plan.label.text for plan in found.plans] == ["Axial, 5 slices, 1 of 2", "Axial, 5 slices, 2 of 2"]


def test_two_frames_of_reference_are_no_stack() -> None:
    places = stack(along([0, 1, 2])) + stack(along([3, 4, 5]), first_number=4)
    images = [image(frame_of_reference_uid="1.1")] * 3 + [image(frame_of_reference_uid="1.2")] * 3
    found = split_volumes(places, images)
    assert [plan.label.text for plan in found.plans] == ["Axial, 3 slices, 0 to 2 mm", "Axial, 3 slices, 3 to 5 mm"]


def test_a_position_that_cannot_be_true_is_said() -> None:
    found = split(stack([(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 1e300)]))
    assert [plan.frames for plan in found.plans] == [(0, 1, 2)]
    assert [(r.frames, r.reason.text) for r in found.refusals] == [
        (
            (3,),
            (
                "The position of these images in the patient cannot be true: it is more than 100 m away. "
                "This concerns 1 image: instance number 4."
            ),
        )
    ]


def test_frames_in_display_order_make_the_same_volumes() -> None:
    # Both nodes split frames in display order, with the instance numbers of the files.
    random = np.random.default_rng(7)
    for _ in range(100):
        places, images = _anything(random)
        order = order_frames(places).indices
        shown = [replace(places[i], sop_instance_uid=f"{number:09d}") for number, i in enumerate(order)]
        found = split_volumes(shown, [images[i] for i in order])
        assert {tuple(order[i] for i in plan.frames) for plan in found.plans} == {
            plan.frames for plan in split_volumes(places, images).plans
        }


def test_bright_and_dark_pictures_are_no_stack() -> None:
    images = [image()] * 3 + [image(photometric_interpretation="MONOCHROME1")] * 3
    assert [plan.frames for plan in split_volumes(stack(along(range(6))), images).plans] == [(0, 1, 2), (3, 4, 5)]


def test_stacks_of_one_direction_far_apart_are_volumes_of_their_own() -> None:
    places = stack(along([*range(300, 310), *range(5), 900.0]))
    found = split(places)
    assert [plan.label.text for plan in found.plans] == ["Axial, 5 slices", "Axial, 10 slices"]
    reason = f"{ONE_LEFT} This concerns 1 image: instance number 16."
    told = (f"1 image of this series is in no volume. {reason}",)
    assert [texts(plan.warnings) for plan in found.plans] == [told, told]
    assert [(r.frames, r.reason.text) for r in found.refusals] == [((15,), reason)]


def test_a_picture_of_another_size_is_left_out_and_said() -> None:
    places = stack(along(EVEN))
    images = [image()] * 4 + [image(rows=3)]
    found = split_volumes(places, images)
    assert [plan.frames for plan in found.plans] == [(0, 1, 2, 3)]
    assert [(r.frames, r.reason.text) for r in found.refusals] == [
        ((4,), f"{ONE_LEFT} This concerns 1 image: instance number 5.")
    ]


SIX_DIRECTIONS = (
    "The slices are not parallel: they lie in 6 directions, at most 1 in each; a volume needs at least 3 parallel ones."
)
NO_VOLUMES: dict[str, tuple[list[FramePlace], dict[str, Any], str]] = {
    "too few": (stack(along([0, 1])), {}, "Only 2 slices lie in this direction; a volume needs at least 3."),
    "no place": (
        stack(along(EVEN), None),
        {},
        "These images do not say where in the patient they lie, so they are no volume.",
    ),
    "out of this world": (
        stack([(0, 0, -1e300), (0, 0, 1e300), (0, -1e6, 0)]),
        {},
        "The position of these images in the patient cannot be true: it is more than 100 m away.",
    ),
    "no pixel spacing": (
        stack(along(EVEN), spacing=None),
        {},
        "These images do not say how large their pixels are, so they are no volume.",
    ),
    "color": (
        stack(along(EVEN)),
        {"photometric_interpretation": "RGB", "samples_per_pixel": 3},
        "These images are in color; a volume is made of gray values.",
    ),
    "palette": (
        stack(along(EVEN)),
        {"photometric_interpretation": "PALETTE COLOR"},
        "These images are in color; a volume is made of gray values.",
    ),
    "cine": (
        stack(along([7.0] * 4)),
        {},
        "All 4 images lie at one position, as in a film, so they are no volume.",
    ),
    "more images than two at most positions": (
        stack(along([0, 0, 0, 1, 2, 2, 2, 2, 3, 3])),
        {},
        (
            "Several images lie at the same position (0 mm, and maybe others), and nothing tells which of them "
            "belong together."
        ),
    ),
    "two positions": (
        stack(along([0, 0, 0, 1, 1, 1])),
        {},
        "The 6 images lie at only 2 positions; a volume needs at least 3.",
    ),
    "turned a little": (
        [p for k in range(4) for p in stack(along([3.0 * k]), tilted(k * 0.8), first_number=k + 1)],
        {},
        "The slices are not parallel: they are turned by up to 1.2° against their mean direction.",
    ),
    "radial": (
        [
            p
            for k in range(6)
            for p in stack(
                [(0, 0, 0)],
                (math.cos(k / 4), math.sin(k / 4), 0.0, 0.0, 0.0, -1.0),
                first_number=k + 1,
            )
        ],
        {},
        SIX_DIRECTIONS,
    ),
    "fan": (
        [p for k in range(6) for p in stack(along([3.0 * k]), tilted(k * 8), first_number=k + 1)],
        {},
        SIX_DIRECTIONS,
    ),
    "localizer": (
        stack(along([0])) + stack(along([0, 9], (1, 0, 0)), SAGITTAL) + stack(along([0], (0, 1, 0)), CORONAL),
        {},
        "These are localizer images in 3 directions, at most 2 in each; a volume needs at least 3 parallel ones.",
    ),
    "sizes": (
        [p for k in range(4) for p in stack(along([k]), spacing=(1.0 + k, 1.0 + k), first_number=k + 1)],
        {},
        "The images have 4 different sizes or pixel spacings, so they do not fit on one another.",
    ),
    "far apart": (
        stack(along([0.0, 1.0, 100.0, 101.0, 400.0])),
        {},
        "The slices lie too far apart: between 101 mm and 400 mm alone 298 are missing.",
    ),
    "refused": (
        stack(along(EVEN)),
        {"refusal": "This image has no pixel data."},
        "These images cannot be shown, so they are no volume.",
    ),
    "video": (
        stack(along(EVEN)),
        {"refusal": "This is a video: it is not shown here yet.", "transfer_syntax_uid": "1.2.840.10008.1.2.4.102"},
        "This is a video; a volume is made of single images.",
    ),
    "nothing": ([], {}, "There are no images that could be a volume."),
}


@pytest.mark.parametrize("name", NO_VOLUMES)
def test_what_is_no_volume_says_why(name: str) -> None:
    places, changes, reason = NO_VOLUMES[name]
    found = split(places, **changes)
    assert found.plans == ()
    assert found.reason is not None
    numbers = [place.instance_number for place in places if place.instance_number is not None]
    example = f" This concerns {len(places)} images, for example instance number {min(numbers, default=0)}."
    assert found.reason.text == reason + (example if places else "")
    assert sorted(i for refusal in found.refusals for i in refusal.frames) == list(range(len(places)))


def test_a_color_file_is_refused() -> None:
    attributes = image_attributes(read_header(io.BytesIO(to_bytes(make_rgb()))))
    assert attributes is not None
    found = split_volumes(places_of(attributes, 1, "1.2"), [attributes])
    assert found.reason is not None
    assert found.reason.text == (
        "These images are in color; a volume is made of gray values. This concerns 1 image: instance number 1."
    )


def test_every_frame_is_in_one_volume_or_one_refusal() -> None:
    random = np.random.default_rng(5)
    for _ in range(200):
        places, images = _anything(random)
        found = split_volumes(places, images)
        told = [i for plan in found.plans for i in plan.frames] + [i for r in found.refusals for i in r.frames]
        assert sorted(told) == list(range(len(places)))
        assert all(refusal.reason.text for refusal in found.refusals)
        assert (found.reason is not None) == (not found.plans)
        assert len({plan.label.text for plan in found.plans}) == len(found.plans)


def _anything(random: np.random.Generator) -> tuple[list[FramePlace], list[ImageAttributes]]:
    places: list[FramePlace] = []
    for _ in range(int(random.integers(1, 5))):
        orientation = [AXIAL, CORONAL, SAGITTAL, tilted(10), None][random.integers(5)]
        positions = random.choice([0, 1, 2, 3, 5, 7.5, 8, 11], int(random.integers(1, 9)))
        places += stack(
            along(positions.tolist(), random.normal(0, 1, 3).tolist()),
            orientation,
            first_number=int(random.integers(1, 9)),
            time=[None, 1, 2][random.integers(3)],
        )
    sizes = random.choice([6, 6, 6, 7], len(places))
    return places, [image(rows=int(rows)) for rows in sizes]


def test_memory_is_known_before_a_pixel_is_read() -> None:
    plan = only(stack(along([float(k) for k in range(300)])), rows=2048, columns=1024)
    assert plan.memory_bytes == 300 * 2048 * 1024 * 2
    check_memory(plan, plan.memory_bytes)
    with pytest.raises(LimitExceeded) as caught:
        check_memory(plan, 512 * 1024**2)
    assert caught.value.message == (
        "This volume of 300 slices of 1024 × 2048 pixels needs 1.17 GiB of memory, more than the 0.5 GiB that a volume "
        "may have here."
    )
    assert caught.value.details == {
        "needed_bytes": plan.memory_bytes,
        "budget_bytes": 512 * 1024**2,
        "numbers": [300, 1024, 2048, 1.17, 0.5],
    }
    uneven = only(stack(*SHAPES["uneven"]))
    assert uneven.memory_bytes == (6 + 6) * 6 * 8 * 2


@pytest.mark.parametrize(("rows", "columns"), [(512, 512), (6, 8), (5, 9), (1, 1)])
def test_bits_of_voxels_that_may_be_absent_are_part_of_the_memory(rows: int, columns: int) -> None:
    """A word of presence has 3 rows and 7 columns of voxels, as `renderpool.engine.volume_mask` packs them."""
    places = stack(along([float(k) for k in range(7)]))
    plain = only(places, rows=rows, columns=columns)
    padded = only(places, rows=rows, columns=columns, pixel_padding_value=-2000, pixel_representation=1)
    words = packed_shape((7, rows, columns))
    assert padded.memory_bytes == plain.memory_bytes + 4 * words[0] * words[1] * words[2]
