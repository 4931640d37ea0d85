"""Series that headers contradict: accepted with a notice of the assumption, or refused with the true reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.support.crafted_series import slices, volumes
from tests.support.phantom_files import make_rgb

TWELVE = [5.0 * k for k in range(12)]


def uids(count: int, *, of: str = "1.2.3") -> list[str]:
    return [f"{of}.{k + 1}" for k in range(count)]


def test_a_frame_of_reference_of_each_slice_is_one_volume_and_said() -> None:
    found = volumes(slices(TWELVE, each_FrameOfReferenceUID=uids(12)))
    assert found.positions == [TWELVE]
    assert found.notices == [
        (
            "12 images have 12 different Frame of Reference UIDs. Their positions fit together, so they were taken to"
            " lie in one frame of reference."
        )
    ]


def test_some_slices_with_a_frame_of_reference_of_their_own_join_the_others() -> None:
    own = ["1.2.3.1"] * 12
    own[3], own[8] = "1.2.3.2", "1.2.3.3"
    found = volumes(slices(TWELVE, each_FrameOfReferenceUID=own))
    assert found.positions == [TWELVE]
    assert found.codes == ["own_frames_of_reference"]


@pytest.mark.parametrize("missing", [1, 4, 11])
def test_slices_without_a_frame_of_reference_join_the_others(missing: int) -> None:
    found = volumes(slices(TWELVE, each_FrameOfReferenceUID=[""] * missing + ["1.2.3"] * (12 - missing)))
    assert found.positions == [TWELVE]
    assert found.notices[0].startswith(f"{missing} of 12 images ha")
    assert found.codes == ["no_frame_of_reference"]


def test_no_frame_of_reference_at_all_needs_no_notice() -> None:
    assert volumes(slices(TWELVE, FrameOfReferenceUID="")).codes == []


def test_a_frame_of_reference_of_each_slice_and_two_kernels_are_two_volumes() -> None:
    objects = slices(TWELVE, each_FrameOfReferenceUID=uids(12), ConvolutionKernel="B30f")
    objects += slices(TWELVE, each_FrameOfReferenceUID=uids(12, of="1.9"), ConvolutionKernel="B70f", first_number=13)
    found = volumes(objects)
    assert found.names == ["kernel B30f", "kernel B70f"]
    assert found.positions == [TWELVE, TWELVE]
    assert [[words.code for words in plan.warnings] for plan in found.split.plans] == [["own_frames_of_reference"]] * 2


@pytest.mark.parametrize("second", [TWELVE, [60.0 + z for z in TWELVE], [2.5 + z for z in TWELVE]])
def test_two_frames_of_reference_of_several_slices_stay_two_volumes(second: list[float]) -> None:
    objects = slices(TWELVE, FrameOfReferenceUID="1.2.1") + slices(second, FrameOfReferenceUID="1.2.2", first_number=13)
    found = volumes(objects)
    assert found.positions == [TWELVE, second]
    assert [plan.warnings for plan in found.split.plans] == [(), ()]


def test_frames_of_reference_whose_positions_do_not_fit_are_refused_for_that() -> None:
    beside = [(300.0 * (k % 2), 170.0 * (k % 3)) for k in range(6)]
    found = volumes(slices(TWELVE[:6], each_FrameOfReferenceUID=uids(6), beside_mm=beside))
    assert found.split.plans == ()
    assert found.split.reason is not None
    assert found.split.reason.text == (
        "The images lie in 6 frames of reference, at most 1 of them in each, and their positions do not fit together;"
        " a volume needs at least 3. This concerns 6 images, for example instance number 1."
    )


DOUBLES: dict[str, tuple[list[float], list[int | None], str]] = {
    "one in the middle": ([25.0], [13], "instance number 13."),
    "one at the end": ([55.0], [13], "instance number 13."),
    "one at the beginning": ([0.0], [13], "instance number 13."),
    "three": ([10.0, 30.0, 35.0], [13, 14, 15], "instance numbers 13, 14, 15."),
    "three side by side": ([10.0, 15.0, 20.0], [13, 14, 15], "instance numbers 13, 14, 15."),
    "within rounding": ([25.01], [13], "instance number 13."),
    "the same slice twice more": ([25.0, 25.0], [13, 14], "instance number"),
    "five of twelve": ([5.0, 15.0, 25.0, 35.0, 45.0], [13, 14, 15, 16, 17], "instance numbers 13, 14, 15, 16, 17."),
}


@pytest.mark.parametrize("name", DOUBLES)
def test_slices_stored_twice_are_left_out_and_named(name: str) -> None:
    positions, numbers, words = DOUBLES[name]
    found = volumes(slices(TWELVE) + slices(positions, first_number=13))
    assert found.positions == [TWELVE]
    assert found.frames == [list(range(1, 13))]
    assert found.codes == ["doubled"]
    assert words in found.notices[0]
    left_out = [found.numbers[i] for refusal in found.split.refusals for i in refusal.frames]
    assert sorted(number or 0 for number in left_out) == numbers
    assert found.order.index(13) > 0


def test_slices_stored_twice_are_named_by_the_volume_at_whose_end_of_a_vast_gap_they_lie() -> None:
    far = [5000.0 + z for z in TWELVE]
    found = volumes(slices([*TWELVE, *far]) + slices([55.0, 5000.0, 5005.0], first_number=25))
    assert found.positions == [TWELVE, far]
    assert [[(one.code, one.texts) for one in plan.warnings] for plan in found.split.plans] == [
        [("doubled", ("25",))],
        [("doubled", ("26, 27",))],
    ]


def test_a_copy_with_a_smaller_instance_number_is_the_first() -> None:
    objects = slices(TWELVE, first_number=10) + slices([25.0], first_number=2)
    found = volumes(objects)
    assert found.frames == [[10, 11, 12, 13, 14, 2, 16, 17, 18, 19, 20, 21]]
    assert found.notices == [
        (
            "At 1 position more than one image is stored. The first image was taken and the others left out: instance "
            "number 15."
        )
    ]


def test_copies_without_instance_numbers_are_said_without() -> None:
    objects = slices(TWELVE) + slices([25.0])
    for ds in objects:
        ds.InstanceNumber = None
    assert volumes(objects).codes == ["doubled_unnumbered"]


def test_of_copies_the_one_like_the_other_slices_is_kept() -> None:
    objects = slices(TWELVE, first_number=5, SliceThickness="5")
    objects += slices([25.0, 30.0], first_number=1, SliceThickness="2")
    found = volumes(objects)
    assert found.frames == [list(range(5, 17))]
    assert "instance numbers 1, 2." in found.notices[0]


def test_every_slice_stored_twice_is_two_volumes() -> None:
    found = volumes(slices(TWELVE) + slices(TWELVE, first_number=13))
    assert found.names == ["phase 1 of 2", "phase 2 of 2"]
    assert found.frames == [list(range(1, 13)), list(range(13, 25))]


def test_slices_of_small_animals_are_no_doubles() -> None:
    positions = [0.01 * k for k in range(30)]
    found = volumes(slices(positions, SliceThickness="0.01", PixelSpacing=["0.01", "0.01"]))
    assert found.positions == [positions]
    assert found.codes == []


def beside(count: int, mm: float, seed: int) -> list[tuple[float, float]]:
    random = np.random.default_rng(seed)
    return [(round(float(x), 3), round(float(y), 3)) for x, y in random.uniform(-mm, mm, (count, 2))]


def furthest(points: list[tuple[float, float]], positions: list[float], *, is_shear_removed: bool = True) -> float:
    """Return the largest distance of two slices in the plane, once an even shear is taken away."""
    line = np.stack([np.ones(len(positions)), positions if is_shear_removed else np.zeros(len(positions))], axis=1)
    off = np.array(points) - line @ np.linalg.lstsq(line, np.array(points), rcond=None)[0]
    return max(float(np.hypot(*(a - b))) for a in off for b in off)


@pytest.mark.parametrize("mm", [0.02, 0.06, 0.1, 0.3, 2.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_slices_that_jitter_in_their_plane_are_said_from_a_tenth_of_a_millimetre(mm: float, seed: int) -> None:
    points = beside(12, mm, seed)
    # By 2 mm the nearest line leans by more than 0.5°, and slices so far beside it are no tilt.
    expected = furthest(points, TWELVE, is_shear_removed=mm < 2)
    found = volumes(slices(TWELVE, beside_mm=points))
    if expected < 0.1:
        assert found.codes == []
    elif expected > 0.101:
        assert found.codes == ["shifted"]
        assert found.only.warnings[-1].numbers[0] == pytest.approx(expected, rel=0.01, abs=0.051)


def test_a_shear_is_corrected_and_its_jitter_is_said() -> None:
    straight = [(0.3 * k, 1.7 * k) for k in range(12)]
    assert volumes(slices(TWELVE, beside_mm=straight)).codes == ["tilted"]
    points = [(x + 0.4 * (k == 5), y) for k, (x, y) in enumerate(straight)]
    found = volumes(slices(TWELVE, beside_mm=points))
    assert found.codes == ["tilted", "shifted"]
    assert found.only.warnings[1].numbers[0] == pytest.approx(furthest(points, TWELVE), abs=0.01)


def test_a_spacing_that_contradicts_the_positions_changes_nothing() -> None:
    for spacing in ("-5", "1", "40", "0"):
        found = volumes(slices(TWELVE, SpacingBetweenSlices=spacing))
        assert found.only.grid.spacing_mm[0] == pytest.approx(5.0)
        assert found.codes == []


def test_orientations_rounded_to_four_digits_are_one() -> None:
    ones = [["0.9998", "0.0175", f"{0.0001 * (k % 2):.4f}", "-0.0175", "0.9998", "0"] for k in range(12)]
    found = volumes(slices(TWELVE, each_ImageOrientationPatient=ones))
    assert found.codes == []
    assert len(found.only.frames) == 12


def scout(number: int, **elements: Any) -> Dataset:
    (ds,) = slices([0.0], first_number=number, **elements)
    ds.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
    return ds


def test_scouts_dose_pages_and_screens_are_left_out_for_their_own_reasons() -> None:
    objects = slices(TWELVE, first_number=10)
    objects += [scout(1), make_rgb(instance_number=2), *slices([700.0], first_number=3, Rows=6)]
    page = slices([0.0], first_number=4)[0]
    del page.ImagePositionPatient, page.ImageOrientationPatient
    objects.append(page)
    found = volumes(objects)
    assert found.positions == [TWELVE]
    assert found.codes == [
        "left_out+color+for_example",
        "left_out+no_place+for_example",
        "left_out+too_few_alike+for_example",
        "left_out+too_few_alike+for_example",
    ], "each volume says what is not in it"
    reasons = {found.numbers[refusal.frames[0]]: refusal.reason.code for refusal in found.split.refusals}
    assert reasons == {
        1: "too_few_alike+for_example",
        2: "color+for_example",
        3: "too_few_alike+for_example",
        4: "no_place+for_example",
    }


REFUSALS: dict[str, tuple[list[Dataset], str]] = {
    "no place": (
        list(slices(TWELVE, first_number=31, ImagePositionPatient=None)),
        (
            "These images do not say where in the patient they lie, so they are no volume. This concerns 12 images, "
            "for example instance number 31."
        ),
    ),
    "two positions, many images": (
        slices([0.0, 5.0] * 6, first_number=7),
        (
            "The 12 images lie at only 2 positions; a volume needs at least 3. This concerns 12 images, for example "
            "instance number 7."
        ),
    ),
    "two slices": (
        slices([0.0, 5.0], first_number=7),
        (
            "Only 2 slices lie in this direction; a volume needs at least 3. This concerns 2 images, for example "
            "instance number 7."
        ),
    ),
    "two images in two directions": (
        [scout(5), *slices([0.0], first_number=6)],
        "There are only 2 images; a volume needs at least 3. This concerns 2 images, for example instance number 5.",
    ),
    "bright and dark": (
        [
            *slices([0.0, 10.0], first_number=1),
            *slices([5.0, 15.0], first_number=3, PhotometricInterpretation="MONOCHROME1"),
        ],
        (
            "Only 2 slices fit together by direction, size, position and kind of image; a volume needs at least 3. "
            "This concerns 4 images, for example instance number 1."
        ),
    ),
    "a film at one position": (
        slices([5.0] * 9, first_number=101),
        (
            "All 9 images lie at one position, as in a film, so they are no volume. This concerns 9 images, for "
            "example instance number 101."
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_names_the_true_reason_the_number_of_images_and_one_of_them(name: str) -> None:
    objects, words = REFUSALS[name]
    found = volumes(objects)
    assert found.split.plans == ()
    assert found.split.reason is not None
    assert found.split.reason.text == words
