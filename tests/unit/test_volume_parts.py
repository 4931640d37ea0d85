"""Several volumes in one series: split by what differs, named by it; never one acquisition torn apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.support.crafted_series import slices, volumes
from webviewer.dicom.sentence import say

TEN = [5.0 * k for k in range(10)]


def parts(positions: list[list[float]], values: list[dict[str, Any]]) -> list[Dataset]:
    """Return stacks one after the other, each with its own elements."""
    found: list[Dataset] = []
    for own, elements in zip(positions, values, strict=True):
        found += slices(own, first_number=len(found) + 1, **elements)
    return found


DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "thickness": ({"SliceThickness": "5"}, {"SliceThickness": "10"}, ["5 mm", "10 mm"]),
    "kernel": ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}, ["kernel B30f", "kernel B70f"]),
    "kernel of two values": (
        {"ConvolutionKernel": ["I31f", "3"]},
        {"ConvolutionKernel": ["I70f", "3"]},
        ["kernel I31f 3", "kernel I70f 3"],
    ),
    "kernel, missing in one": ({}, {"ConvolutionKernel": "B70f"}, ["Axial, 10 slices, 1 of 2", "kernel B70f"]),
    "tube voltage": ({"KVP": "80"}, {"KVP": "140"}, ["80 kV", "140 kV"]),
    "b-value": ({"DiffusionBValue": 0.0}, {"DiffusionBValue": 800.0}, ["b = 0 s/mm²", "b = 800 s/mm²"]),
    "echo number": ({"EchoNumbers": "1"}, {"EchoNumbers": "2"}, ["echo 1", "echo 2"]),
    "echo time": ({"EchoTime": "4.9"}, {"EchoTime": "9.8"}, ["TE 4.9 ms", "TE 9.8 ms"]),
    "inversion time": ({"InversionTime": "150"}, {"InversionTime": "2500"}, ["TI 150 ms", "TI 2500 ms"]),
    "flip angle": ({"FlipAngle": "5"}, {"FlipAngle": "26"}, ["flip angle 5°", "flip angle 26°"]),
    "kind": (
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "FFE"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "P", "FFE"]},
        ["magnitude", "phase image"],
    ),
    "energy in the image type": (
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "VMI", "40KEV"]},
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "VMI", "70KEV"]},
        ["40KEV", "70KEV"],
    ),
    "time": ({"TemporalPositionIdentifier": "1"}, {"TemporalPositionIdentifier": "2"}, ["time 1", "time 2"]),
    "trigger time": ({"TriggerTime": "0"}, {"TriggerTime": "420"}, ["trigger time 0 ms", "trigger time 420 ms"]),
    "cardiac phase": (
        {"NominalPercentageOfCardiacPhase": 40.0},
        {"NominalPercentageOfCardiacPhase": 75.0},
        ["40 % of the heart cycle", "75 % of the heart cycle"],
    ),
    "acquisition": ({"AcquisitionNumber": "1"}, {"AcquisitionNumber": "2"}, ["acquisition 1", "acquisition 2"]),
    "contrast agent": (
        {},
        {"ContrastBolusAgent": "Iohexol 300"},
        ["Axial, 10 slices, 1 of 2", "contrast agent Iohexol 300"],
    ),
    "gradient": (
        {"DiffusionBValue": 800.0, "DiffusionGradientOrientation": [1.0, 0.0, 0.0]},
        {"DiffusionBValue": 800.0, "DiffusionGradientOrientation": [0.0, 0.6, 0.8]},
        ["gradient (0; 0.6; 0.8)", "gradient (1; 0; 0)"],
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
@pytest.mark.parametrize("is_by_slice", [False, True], ids=["stack after stack", "slice after slice"])
def test_parts_at_the_same_positions_are_named_by_what_differs(name: str, is_by_slice: bool) -> None:
    first, second, names = DIFFERENCES[name]
    objects = parts([TEN, TEN], [first, second])
    if is_by_slice:
        for number, ds in enumerate(ds for pair in zip(objects[:10], objects[10:], strict=True) for ds in pair):
            ds.InstanceNumber = number + 1
    found = volumes(objects)
    expected = [name.replace("Axial, 10 slices, ", "") for name in names]
    told = [found.split.plans[i].label.text for i in range(2)]
    assert [text.removeprefix("Axial, 10 slices").removeprefix(", ") for text in told] == [
        "" if text == "1 of 2" else text for text in expected
    ]
    assert found.positions == [TEN, TEN]
    assert [plan.warnings for plan in found.split.plans] == [(), ()] or "thickness" in name
    for numbers in found.frames:
        own = {(n or 0) % 2 if is_by_slice else (n or 0) > 10 for n in numbers}
        assert len(own) == 1


def test_thickness_and_kernels_make_a_grid_of_volumes() -> None:
    thin = [1.0 * k for k in range(46)]
    found = volumes(
        parts(
            [thin, thin, TEN, TEN],
            [
                {"SliceThickness": thickness, "ConvolutionKernel": kernel}
                for thickness in ("1", "5")
                for kernel in ("B30f", "B70f")
            ],
        )
    )
    assert [plan.label.text for plan in found.split.plans] == [
        "Axial, 46 slices, 1 mm, kernel B30f",
        "Axial, 10 slices, 5 mm, kernel B30f",
        "Axial, 46 slices, 1 mm, kernel B70f",
        "Axial, 10 slices, 5 mm, kernel B70f",
    ]
    assert found.positions == [thin, TEN, thin, TEN]


INTERLEAVED: dict[str, tuple[list[float], list[float], dict[str, Any], dict[str, Any]]] = {
    "thick and thin, between one another": (
        [0.5 + k for k in range(40)],
        [4.0 * k for k in range(10)],
        {"SliceThickness": "1"},
        {"SliceThickness": "5"},
    ),
    "kernels half a step apart": (
        [1.0 * k for k in range(20)],
        [0.5 + k for k in range(20)],
        {"ConvolutionKernel": "B30f"},
        {"ConvolutionKernel": "B70f"},
    ),
    "kernels, one behind the other": (
        [1.0 * k for k in range(20)],
        [20.0 + k for k in range(20)],
        {"ConvolutionKernel": "B30f"},
        {"ConvolutionKernel": "B70f"},
    ),
    "two voltages in turn": (
        [2.0 * k for k in range(9)],
        [1 + 2.0 * k for k in range(9)],
        {"KVP": "80"},
        {"KVP": "140"},
    ),
    "b-values in turn": (
        [2.0 * k for k in range(9)],
        [1 + 2.0 * k for k in range(9)],
        {"DiffusionBValue": 0.0},
        {"DiffusionBValue": 1000.0},
    ),
}


@pytest.mark.parametrize("name", INTERLEAVED)
def test_stacks_that_must_not_mix_are_volumes_though_no_position_repeats(name: str) -> None:
    first, second, one, other = INTERLEAVED[name]
    found = volumes(parts([first, second], [one, other]))
    assert found.positions == [first, second]


HONEST: dict[str, dict[str, Any]] = {
    "acquisition time": {"each_AcquisitionTime": [f"1200{k:02d}.5" for k in range(20)]},
    "acquisition number of each slice": {"each_AcquisitionNumber": [str(k) for k in range(20)]},
    "acquisition number every four slices": {"each_AcquisitionNumber": [str(k // 4) for k in range(20)]},
    "trigger time that rises": {"each_TriggerTime": [str(10 * k) for k in range(20)]},
    "echo time that jitters": {"each_EchoTime": [f"{4.9 + 0.01 * (k % 2):.2f}" for k in range(20)]},
    "thickness that jitters": {"each_SliceThickness": [f"{1.25 - 0.005 * (k % 3):.3f}" for k in range(20)]},
    "thickness of a variable pitch": {"each_SliceThickness": [f"{1 + 0.1 * k:.1f}" for k in range(20)]},
    "thickness of two blocks": {"each_SliceThickness": ["2.5" if k < 8 else "5" for k in range(20)]},
    "voltage that jitters": {"each_KVP": [f"{120 + 0.3 * (k % 2)}" for k in range(20)]},
    "compressed later": {
        "each_ImageType": [["DERIVED" if k > 9 else "ORIGINAL", "PRIMARY", "AXIAL"] for k in range(20)]
    },
    "even slices, then odd ones": {
        "each_AcquisitionNumber": [str(1 + k % 2) for k in range(20)],
        "each_InstanceNumber": [str(1 + k // 2 + 10 * (k % 2)) for k in range(20)],
        "SliceThickness": "4",
    },
    "three passes": {
        "each_AcquisitionNumber": [str(1 + k % 3) for k in range(20)],
        "each_InstanceNumber": [str(100 * (k % 3) + k) for k in range(20)],
        "SliceThickness": "5",
    },
    "shuffled numbers": {"each_InstanceNumber": [str(n) for n in np.random.default_rng(3).permutation(20)]},
    "equal numbers": {"InstanceNumber": "1"},
}


@pytest.mark.parametrize("name", HONEST)
def test_one_acquisition_is_never_torn_apart(name: str) -> None:
    positions = [5.0 * k for k in range(20)]
    found = volumes(slices(positions, **HONEST[name]))
    assert found.positions == [positions]
    assert [code for code in found.codes if code != "thin"] == []


def test_one_acquisition_of_two_passes_that_lacks_a_slice_stays_one() -> None:
    objects = slices(
        [5.0 * k for k in range(20)], each_AcquisitionNumber=[str(1 + k % 2) for k in range(20)], SliceThickness="4"
    )
    del objects[7]
    assert volumes(objects).codes == ["gap"]


SHIFTS = (1.0, 2.0, 2.5, 3.0, 4.5)


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("start", [0, 5, 8])
@pytest.mark.parametrize("evidence", ["number", "runs", "runs against one another"])
def test_acquisitions_that_overlap_are_never_interleaved(shift: float, start: int, evidence: str) -> None:
    first = [5.0 * k for k in range(12)]
    second = [5.0 * (k + start) + shift for k in range(12)]
    elements: list[dict[str, Any]] = [{"SliceThickness": "5"}, {"SliceThickness": "5"}]
    if evidence == "number":
        elements = [{**elements[k], "AcquisitionNumber": str(k + 1)} for k in (0, 1)]
    objects = parts([first, second], elements)
    if evidence == "runs against one another":
        for number, ds in zip(range(24, 12, -1), objects[12:], strict=True):
            ds.InstanceNumber = number
    found = volumes(objects)
    assert found.positions == [first, second]
    codes = [] if evidence == "number" else ["by_runs"]
    assert [[words.code for words in plan.warnings] for plan in found.split.plans] == [codes, codes]


@pytest.mark.parametrize("evidence", ["number", "runs"])
def test_acquisitions_that_share_a_few_positions_are_two_volumes(evidence: str) -> None:
    first, second = [5.0 * k for k in range(12)], [5.0 * (k + 9) for k in range(12)]
    elements = [{"AcquisitionNumber": str(k)} if evidence == "number" else {} for k in (1, 2)]
    assert volumes(parts([first, second], elements)).positions == [first, second]


def test_phases_that_nothing_but_their_order_tells_apart_say_so() -> None:
    found = volumes(parts([TEN, TEN, TEN], [{}, {}, {}]))
    assert found.names == ["phase 1 of 3", "phase 2 of 3", "phase 3 of 3"]
    assert found.frames == [list(range(1, 11)), list(range(11, 21)), list(range(21, 31))]
    assert [[words.text for words in plan.warnings] for plan in found.split.plans] == [
        [
            (
                "3 images lie at each position, and nothing in them tells which belong together. It was assumed that "
                "they follow one another in the same order everywhere."
            )
        ]
    ] * 3


def test_phases_of_times_that_jitter_follow_their_times() -> None:
    times = [[f"{300 * phase + (7 * k) % 5}" for k in range(10)] for phase in (2, 0, 1)]
    found = volumes(parts([TEN] * 3, [{"each_TriggerTime": own} for own in times]))
    assert found.frames == [list(range(11, 21)), list(range(21, 31)), list(range(1, 11))]
    assert [plan.warnings for plan in found.split.plans] == [(), (), ()]


def test_phases_follow_the_clock_where_numbers_contradict_it() -> None:
    objects = parts([TEN, TEN], [{"AcquisitionTime": "100000"}, {"AcquisitionTime": "100500"}])
    for k in range(0, 10, 2):  # a sender numbers some slices the other way round
        objects[k].InstanceNumber, objects[k + 10].InstanceNumber = k + 11, k + 1
    found = volumes(objects)
    times = [
        {int(objects[i].AcquisitionTime) for i in range(20) if objects[i].InstanceNumber in own} for own in found.frames
    ]
    assert times == [{100000}, {100500}]


def test_a_phase_that_ended_early_leaves_the_others_whole() -> None:
    objects = parts([TEN, TEN, TEN[:2]], [{"TemporalPositionIdentifier": str(k)} for k in (1, 2, 3)])
    found = volumes(objects)
    assert found.names == ["time 1", "time 2"]
    assert [(len(r.frames), r.reason.code) for r in found.split.refusals] == [(2, "too_few_alike+for_example")]


def test_phases_of_which_a_slice_is_lost_are_not_mixed() -> None:
    objects = parts([TEN, TEN], [{}, {}])
    for number, ds in enumerate(ds for pair in zip(objects[:10], objects[10:], strict=True) for ds in pair):
        ds.InstanceNumber = number + 1
    del objects[13]
    found = volumes(objects)
    assert found.frames == [[1, 3, 5, 9, 11, 13, 15, 17, 19], [2, 4, 6, 10, 12, 14, 16, 18, 20]]
    assert [[words.code for words in plan.warnings] for plan in found.split.plans] == [
        ["unassigned", "by_order", "gap"],
        ["unassigned", "by_order", "gap"],
    ]


def test_blocks_of_two_thicknesses_in_two_phases_stay_whole() -> None:
    thickness = ["2.5" if k < 4 else "5" for k in range(10)]
    found = volumes(parts([TEN, TEN], [{"AcquisitionNumber": n, "each_SliceThickness": thickness} for n in "12"]))
    assert found.names == ["acquisition 1", "acquisition 2"]
    assert found.positions == [TEN, TEN]


def test_words_of_files_in_names_are_short_and_harmless() -> None:
    bad = "<img src=x>{{0}}$t(axial)" + "K" * 200 + "..."
    found = volumes(parts([TEN, TEN], [{"ConvolutionKernel": bad[:16]}, {"ConvolutionKernel": "B30f."}]))
    assert found.names == ["kernel img src=x 0", "kernel B30f"]
    words = say("kernel", texts=(bad,))
    assert len(words.texts[0]) <= 80
    assert not set("<>{}$") & set(words.text)
    assert say("kernel", texts=("骨 B70f",)).text == "kernel 骨 B70f"


def test_fields_of_view_of_one_series_are_named_by_their_pixels() -> None:
    found = volumes(parts([TEN, TEN], [{"PixelSpacing": ["0.5", "0.5"]}, {"PixelSpacing": ["0.8", "0.8"]}]))
    assert found.names == ["pixels 0.5 × 0.5 mm", "pixels 0.8 × 0.8 mm"]
