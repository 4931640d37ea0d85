"""Grey values: literal ones from the standard's formulas, and the whole chain against the independent reference."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.support import reference_pixels as reference
from tests.support.phantom_files import make_ct, make_enhanced_ct, make_grey, make_monochrome1, to_bytes
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, LookupTable, VoiWindow
from webviewer.dicom.header import read_header
from webviewer.dicom.lut import (
    CT_ORGAN_PRESETS,
    VoiChoice,
    default_voi,
    full_dynamic,
    grey8,
    is_inverted,
    modality_values,
    recommended_windows,
)


def attributes_of(ds: Dataset) -> ImageAttributes:
    attributes = read_header(io.BytesIO(to_bytes(ds))).image_attributes()
    assert attributes is not None
    return attributes


def grey(values: list[float], **choice: Any) -> list[int]:
    return [int(v) for v in grey8(np.array(values, np.float32), VoiChoice(**choice))]


def test_linear_is_the_formula_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1 with c = 2048, w = 4096: 0 and below is black, 4095 and above is white.
    assert grey([-1, 0, 2047.5, 4095, 5000], center=2048, width=4096) == [0, 0, 128, 255, 255]
    assert grey([39, 39.5, 39.6, 40], center=40, width=1) == [0, 0, 255, 255]


def test_linear_exact_differs_from_linear() -> None:
    assert grey([-50, 0, 50], center=0, width=100, function="LINEAR_EXACT") == [0, 128, 255]
    assert grey([0, 2.55, 5.1], center=2.55, width=5.1, function="LINEAR_EXACT") == [0, 128, 255]
    assert grey([0, 1], center=1, width=2, function="LINEAR") == [0, 255]
    assert grey([0, 1], center=1, width=2, function="LINEAR_EXACT") == [0, 128]


def test_sigmoid_is_no_line() -> None:
    # 255 / (1 + e^-4) = 250.4; 255 / (1 + e^-2) = 224.6
    assert grey([0, 50, 100, -50, -100], center=0, width=100, function="SIGMOID") == [128, 225, 250, 30, 5]
    assert grey([1e30, -1e30], center=0, width=1e-3, function="SIGMOID") == [255, 0]


def test_a_voi_lut_maps_and_its_ends_go_on() -> None:
    table = LookupTable(first_mapped=-2, bits=12, data=(0, 1024, 4095))
    assert grey([-9, -2, -1.4, 0, 9], lut=table) == [0, 0, 64, 255, 255]


def test_invert_turns_the_grey_over() -> None:
    values = np.array([0, 10, 255], np.float32)
    voi = VoiChoice(127.5, 255, "LINEAR_EXACT")
    assert grey8(values, voi).tolist() == [0, 10, 255]
    assert grey8(values, voi, invert=True).tolist() == [255, 245, 0]


def test_what_is_no_number_is_black() -> None:
    values = np.array([np.nan, np.inf, -np.inf], np.float32)
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        assert grey8(values, VoiChoice(0, 10, function)).tolist() == [0, 255, 0], function


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(40, 400), (-600, 1500), (0.5, 1), (100.3, 0.7), (3, 2), (1e6, 1e5)])
@pytest.mark.parametrize("invert", [False, True])
def test_grey_is_that_of_the_reference_to_one_level(function: str, center: float, width: float, invert: bool) -> None:
    values = np.concatenate(
        [
            np.arange(-1024, 3072, dtype=np.float32),
            np.linspace(center - 2 * width, center + 2 * width, 999, dtype=np.float32),
        ]
    )
    found = grey8(values, VoiChoice(center, width, function), invert=invert)
    truth = reference.grey8(values.astype(np.float64), reference.ReferenceVoi(center, width, function), inverted=invert)
    difference = np.abs(found.astype(int) - truth)
    if function == "LINEAR" and width <= 1:
        assert set(np.unique(difference)) <= {0}
    else:
        assert difference.max() <= 1
        assert difference.mean() < 0.01


def test_modality_values_are_rescaled_by_frame() -> None:
    attributes = attributes_of(make_enhanced_ct(2))
    stored = np.array([[0, 500, 65535]], np.uint16)
    assert modality_values(stored, attributes, 2).tolist() == [[-1000.0, 0.0, 130070.0]]
    assert modality_values(stored, attributes, 2).dtype == np.float32


def test_32_bit_values_lose_nothing_before_the_sum() -> None:
    attributes = replace(
        attributes_of(make_grey(np.zeros((1, 2), np.uint32))),
        frames=(FrameAttributes(rescale_slope=1.0, rescale_intercept=-4294967290.0),),
    )
    assert modality_values(np.array([4294967295, 4294967290], np.uint32), attributes).tolist() == [5.0, 0.0]


def test_a_modality_lut_stands_in_place_of_the_rescale() -> None:
    item = Dataset()
    item.LUTDescriptor = [3, 10, 16]
    item.ModalityLUTType = "OD"
    item.LUTData = np.array([100, 200, 400], "<u2").tobytes()
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "OW"
    ds = make_grey(np.zeros((1, 4), np.uint16), ModalityLUTSequence=Sequence([item]))
    attributes = attributes_of(ds)
    stored = np.array([0, 10, 11, 12, 99], np.uint16)
    assert modality_values(stored, attributes).tolist() == [100.0, 100.0, 200.0, 400.0, 400.0]
    truth = reference.modality_by_table(stored, (100, 200, 400), 10)
    assert modality_values(stored, attributes).tolist() == truth.tolist()


def test_recommendations_are_windows_then_tables() -> None:
    item = Dataset()
    item.LUTDescriptor = [2, 0, 8]
    item.LUTExplanation = "HARDER"
    item.LUTData = np.array([0, 255], "<u2").tobytes()
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "OW"
    ds = make_ct(VOILUTSequence=Sequence([item]))
    ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1500"]
    ds.WindowCenterWidthExplanation = ["SOFT", "LUNG"]
    found = recommended_windows(attributes_of(ds))
    assert [(choice.explanation, choice.center, choice.width) for choice in found[:2]] == [
        ("SOFT", 40.0, 400.0),
        ("LUNG", -600.0, 1500.0),
    ]
    assert found[2].explanation == "HARDER"
    assert found[2].lut == LookupTable(0, 8, (0, 255), "HARDER")


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID", "NONSENSE", ""])
def test_the_voi_function_is_honoured_and_nonsense_is_linear(function: str) -> None:
    attributes = attributes_of(make_ct(VOILUTFunction=function))
    expected = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
    assert recommended_windows(attributes)[0].function == expected.get(function, "LINEAR")


def test_a_linear_window_under_1_is_meant_exactly() -> None:
    attributes = replace(
        attributes_of(make_ct()), frames=(FrameAttributes(windows=(VoiWindow(0.25, 0.5), VoiWindow(1, 1))),)
    )
    assert [choice.function for choice in recommended_windows(attributes)] == ["LINEAR_EXACT", "LINEAR"]


def test_full_dynamic_leaves_padding_out() -> None:
    ds = make_ct(values_hu=np.array([[-3024, 0], [100, 900]], np.int16), PixelPaddingValue=-2000)
    attributes = attributes_of(ds)
    stored = np.array([[-2000, 1024], [1124, 1924]], np.int16)
    values = modality_values(stored, attributes)
    assert full_dynamic(values, attributes) == VoiChoice(450.0, 900.0, "LINEAR_EXACT")
    ranged = replace(attributes, pixel_padding_range_limit=1024)
    assert full_dynamic(values, ranged) == VoiChoice(500.0, 800.0, "LINEAR_EXACT")


def test_full_dynamic_of_flat_padded_and_infinite_images() -> None:
    attributes = attributes_of(make_grey(np.zeros((2, 2), np.uint16)))
    assert full_dynamic(np.full((2, 2), 7, np.float32), attributes) == VoiChoice(7.0, 1.0, "LINEAR_EXACT")
    only_padding = replace(attributes, pixel_padding_value=7)
    assert full_dynamic(np.full((2, 2), 7, np.float32), only_padding) == VoiChoice(7.0, 1.0, "LINEAR_EXACT")
    wild = np.array([np.nan, np.inf, 1, 5], np.float32)
    assert full_dynamic(wild, attributes) == VoiChoice(3.0, 4.0, "LINEAR_EXACT")
    assert full_dynamic(np.array([np.nan], np.float32), attributes) == VoiChoice(0.0, 1.0, "LINEAR_EXACT")


def test_the_window_of_an_object_without_recommendation_fits_its_kind() -> None:
    ct = attributes_of(make_ct(window=None))
    values = np.array([-1000, 3000], np.float32)
    assert default_voi(values, ct) == VoiChoice(40.0, 400.0, "LINEAR")
    byte = attributes_of(make_grey(np.zeros((2, 2), np.uint8)))
    assert default_voi(np.array([10, 20], np.float32), byte) == VoiChoice(127.5, 255.0, "LINEAR_EXACT")
    word = attributes_of(make_grey(np.zeros((2, 2), np.uint16)))
    assert default_voi(np.array([10, 20], np.float32), word) == VoiChoice(15.0, 10.0, "LINEAR_EXACT")
    assert default_voi(values, attributes_of(make_ct())).width == 400.0


def test_what_is_inverted() -> None:
    assert is_inverted(attributes_of(make_monochrome1()))
    assert not is_inverted(attributes_of(make_ct()))
    assert is_inverted(attributes_of(make_ct(PresentationLUTShape="INVERSE")))
    assert not is_inverted(attributes_of(make_ct(PresentationLUTShape="IDENTITY")))


def test_organ_presets_are_those_of_the_doctors_list() -> None:
    assert {(p.name, p.width, p.level) for p in CT_ORGAN_PRESETS} >= {("brain", 80, 40), ("lung", 1500, -600)}
    assert len(CT_ORGAN_PRESETS) == 12
