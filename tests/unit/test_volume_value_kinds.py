"""Values that do not compare are never in one volume; where that is a guess, a notice says so."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.support.crafted_series import CraftedVolumes, slices, volumes
from tests.support.reference_volume_geometry import AXIAL
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.volume_split import split_volumes

TWENTY = [5.0 * k for k in range(20)]
HALVES = [1] * 10 + [2] * 10
FIRST_TEN, LAST_TEN = list(range(1, 11)), list(range(11, 21))


def of_halves(keyword: str, first: Any, second: Any, **elements: Any) -> CraftedVolumes:
    """Return the volumes of twenty slices, the first ten with one value and the last ten with another."""
    values = [first if half == 1 else second for half in HALVES]
    return volumes(slices(TWENTY, **each(keyword, values), **elements))


def each(keyword: str, values: list[Any]) -> dict[str, Any]:
    return {f"each_{keyword}": values}


def codes(found: CraftedVolumes) -> list[list[str]]:
    return [[words.code for words in plan.warnings] for plan in found.split.plans]


UNITS: dict[str, tuple[str, str, str, dict[str, Any], list[str]]] = {
    "electron density behind HU": ("RescaleType", "HU", "EDW", {}, ["EDW", "HU"]),
    "atomic number behind HU that is not stated": ("RescaleType", "", "Z_EFF", {}, ["HU", "Z_EFF"]),
    "unspecified behind HU": ("RescaleType", "HU", "US", {}, ["10 slices", "HU"]),
    "normalized PET behind activity": ("Units", "BQML", "GML", {"Modality": "PT"}, ["BQML", "GML"]),
    "PET of no unit behind activity": ("Units", "BQML", "", {"Modality": "PT"}, ["10 slices", "BQML"]),
    "PET behind CT": ("Modality", "CT", "PT", {"RescaleType": "HU"}, ["CT", "PT"]),
    "inverted behind upright": (
        "PresentationLUTShape",
        "IDENTITY",
        "INVERSE",
        {},
        ["10 slices", "low values bright"],
    ),
}


@pytest.mark.parametrize("name", UNITS)
def test_values_of_two_meanings_are_two_volumes_named_by_their_meaning(name: str) -> None:
    keyword, first, second, elements, names = UNITS[name]
    found = of_halves(keyword, first, second, **elements)
    assert sorted(found.names) == names
    assert sorted(found.frames) == [FIRST_TEN, LAST_TEN]
    assert codes(found) == [[], []]


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("arrangement", ["each second slice", "one odd slice", "both at each position"])
def test_values_of_two_meanings_are_apart_however_they_are_arranged(name: str, arrangement: str) -> None:
    keyword, first, second, elements, _ = UNITS[name]
    if arrangement == "both at each position":
        # The number of neither is always the first: order alone would mix them.
        pairs = [(first, second) if k % 2 == 0 else (second, first) for k in range(20)]
        positions, values = [z for z in TWENTY for _ in (0, 1)], list(itertools.chain(*pairs))
    elif arrangement == "one odd slice":
        positions, values = TWENTY, [second if k == 9 else first for k in range(20)]
    else:
        positions, values = TWENTY, [(first, second)[k % 2] for k in range(20)]
    found = volumes(slices(positions, **each(keyword, values), **elements))
    assert [{values[number - 1] for number in own if number} for own in sorted(found.frames)] in (
        [{first}],
        [{first}, {second}],
    )
    refused = [(len(r.frames), r.reason.code.split("+")[0]) for r in found.split.refusals]
    is_odd = arrangement == "one odd slice"
    code = "too_few_of_value" if second and second != "US" else "too_few_without_value"
    assert refused == ([(1, code)] if is_odd else [])


def test_a_ct_that_states_hu_in_some_slices_only_is_one_volume() -> None:
    found = of_halves("RescaleType", "HU", "")
    assert found.positions == [TWENTY]
    assert found.codes == []


def test_few_slices_of_each_unit_are_refused_for_their_unit() -> None:
    found = volumes(slices(TWENTY[:4], each_Modality=["CT", "CT", "PT", "PT"]))
    assert [refusal.reason.text for refusal in found.split.refusals] == [
        (
            "Only 2 slices have Modality CT, so their values do not compare with those of other slices; a "
            "volume needs at least 3. This concerns 2 images, for example instance number 1."
        ),
        (
            "Only 2 slices have Modality PT, so their values do not compare with those of other slices; a "
            "volume needs at least 3. This concerns 2 images, for example instance number 3."
        ),
    ]


@pytest.mark.parametrize(
    ("keyword", "usual", "odd", "words"),
    [
        ("ConvolutionKernel", "B30f", "B70f", "Convolution Kernel B70f"),
        ("KVP", "80", "140", "KVP 140"),
        (
            "ImageType",
            ["ORIGINAL", "PRIMARY", "AXIAL"],
            ["ORIGINAL", "PRIMARY", "AXIAL", "ADC"],
            "Image Type AXIAL ADC",
        ),
    ],
)
@pytest.mark.parametrize("first", [0, 9, 18])
def test_two_slices_of_another_kind_are_refused_for_their_kind(
    keyword: str, usual: Any, odd: Any, words: str, first: int
) -> None:
    values = [odd if k in (first, first + 1) else usual for k in range(20)]
    found = volumes(slices(TWENTY, **each(keyword, values)))
    assert found.frames == [[k + 1 for k in range(20) if values[k] == usual]]
    (refusal,) = found.split.refusals
    assert [found.numbers[i] for i in refusal.frames] == [first + 1, first + 2]
    assert refusal.reason.text.startswith(f"Only 2 slices have {words}, so their values do not compare")


@pytest.mark.parametrize("is_interleaved", [True, False])
def test_as_many_kernels_as_there_are_make_volumes(is_interleaved: bool) -> None:
    positions = [5.0 * k for k in range(36)]
    kernels = [f"K{k % 9 if is_interleaved else k // 4}" for k in range(36)]
    found = volumes(slices(positions, each_ConvolutionKernel=kernels))
    assert found.names == [f"kernel K{k}" for k in range(9)]
    assert [{kernels[number - 1] for number in own if number} for own in found.frames] == [{f"K{k}"} for k in range(9)]


def test_slices_without_a_kernel_among_slices_of_one_kernel_stay_with_a_notice() -> None:
    found = of_halves("ConvolutionKernel", "", "B30f")
    assert found.positions == [TWENTY]
    assert found.notices == [
        (
            "10 of 20 images do not state Convolution Kernel. They were taken to be like the others: their "
            "values may not "
            "compare with theirs."
        )
    ]
    found = volumes(slices(TWENTY, each_KVP=[None if k == 7 else "120" for k in range(20)]))
    assert found.notices == [
        "1 of 20 images does not state KVP. It was taken to be like the others: its values may not compare with theirs."
    ]


def test_slices_without_a_kernel_among_slices_of_two_kernels_are_a_volume_of_their_own() -> None:
    kernels = ["", "B30f", "B70f"]
    found = volumes(slices(TWENTY, each_ConvolutionKernel=[kernels[k % 3] for k in range(20)]))
    assert [own[:2] for own in found.frames] == [[1, 4], [2, 5], [3, 6]]


def test_a_kernel_for_each_slice_is_one_volume_with_a_notice() -> None:
    found = volumes(slices(TWENTY, each_ConvolutionKernel=[f"K{k}" for k in range(20)]))
    assert found.positions == [TWENTY]
    assert found.notices == [
        (
            "The slices have 20 different values of Convolution Kernel, each on too few slices for a volume of "
            "its own. "
            "Values of different slices may not compare."
        )
    ]


@pytest.mark.parametrize(("first", "count"), [(10, 10), (10, 1), (0, 1), (3, 5)])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_jump_in_the_plane_is_no_tilt(first: int, count: int, modality: str) -> None:
    beside = [(60.0, 0.0) if first <= k < first + count else (0.0, 0.0) for k in range(20)]
    found = volumes(slices(TWENTY, beside_mm=beside, Modality=modality))
    assert found.codes == ["shifted"]
    assert found.only.warnings[0].numbers[0] == pytest.approx(60.0, abs=0.35)


def test_a_jump_in_the_plane_shears_no_volume() -> None:
    found = volumes(slices(TWENTY, beside_mm=[(0.0, 0.0) if k < 10 else (60.0, 0.0) for k in range(20)]))
    assert found.only.grid.lps_from_index[:3, 2].tolist() == pytest.approx([0.0, 0.0, 5.0], abs=1e-9)
    assert found.only.grid.lps_from_index[:3, 3].tolist() == pytest.approx([30.0, 0.0, 0.0], abs=1e-9)


def test_images_of_no_phase_are_refused_at_their_own_position() -> None:
    found = volumes(slices([z for z in TWENTY for _ in range(3)] + [25.0]))
    (refusal,) = found.split.refusals
    assert refusal.reason.text == (
        "At 25 mm, and maybe elsewhere, the number of images differs from the other positions, and nothing tells to "
        "which volume they belong. This concerns 4 images, for example instance number 16."
    )


@pytest.mark.parametrize(("second", "code"), [("2", "interleaved"), ("1", "interleaved_runs")])
def test_acquisitions_half_a_step_apart_without_a_thickness_have_a_notice(second: str, code: str) -> None:
    halfway = [z + 2.5 for z in TWENTY]
    objects = slices(TWENTY, AcquisitionNumber="1", SliceThickness=None)
    objects += slices(halfway, first_number=21, AcquisitionNumber=second, SliceThickness=None)
    found = volumes(objects)
    assert found.codes == [code]
    assert found.only.warnings[0].numbers == (2.0,)


@pytest.mark.parametrize(
    "elements", [{}, {"each_AcquisitionNumber": [str(k) for k in range(20)]}, {"InstanceNumber": "1"}]
)
def test_slices_one_after_the_other_without_a_thickness_have_no_notice(elements: dict[str, Any]) -> None:
    assert volumes(slices(TWENTY, SliceThickness=None, **elements)).codes == []
    assert volumes(slices(TWENTY[::-1], SliceThickness=None, **elements)).codes == []


@pytest.mark.parametrize("what", ["spacing", "unit"])
def test_a_series_of_a_kind_for_each_frame_is_split_within_a_limit(what: str) -> None:
    """Of 3000 frames that fit none of the others, 2048 are looked at."""
    image = ImageAttributes("1.2.840.10008.1.2.1", 8, 6, 1, 1, "MONOCHROME2", 16, 16, 15, 0, 0, "PixelData", ())
    spacings = [1.002**k if what == "spacing" else 1.0 for k in range(3000)]
    units = [f"U{k:04d}" if what == "unit" else "" for k in range(3000)]
    places = [
        FramePlace(FrameAttributes((0.0, 0.0, float(k)), AXIAL, (mm, mm)), 1, k, f"1.{k}", units=unit)
        for k, (mm, unit) in enumerate(zip(spacings, units, strict=True))
    ]
    split = split_volumes(places, [image] * 3000)
    assert split.plans == ()
    beyond = [refusal for refusal in split.refusals if refusal.reason.code == "too_many_kinds+for_example"]
    assert [refusal.frames for refusal in beyond] == [tuple(range(2048, 3000))]
