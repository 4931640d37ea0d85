"""Modality values and windows: literal ones from the standard, and the whole chain against a reference."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.support import reference_pixels as reference
from tests.support.phantom_files import make_ct, make_enhanced_ct, make_grey, make_monochrome1, to_bytes
from tests.support.stored_image import image_attributes
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, LookupTable, VoiWindow
from webviewer.dicom.header import read_header
from webviewer.dicom.lut import (
    VoiChoice,
    default_voi,
    full_dynamic,
    is_inverted,
    modality_values,
    recommended_windows,
)


def attributes_of(ds: Dataset) -> ImageAttributes:
    attributes = image_attributes(read_header(io.BytesIO(to_bytes(ds))))
    assert attributes is not None
    return attributes


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


def test_full_dynamic_of_flat_empty_and_infinite_values() -> None:
    assert full_dynamic(np.array([0, 100, 900], np.float32)) == VoiChoice(450.0, 900.0, "LINEAR_EXACT")
    assert full_dynamic(np.full((2, 2), 7, np.float32)) == VoiChoice(7.0, 1.0, "LINEAR_EXACT")
    wild = np.array([np.nan, np.inf, 1, 5], np.float32)
    assert full_dynamic(wild) == VoiChoice(3.0, 4.0, "LINEAR_EXACT")
    for nothing in (np.array([np.nan], np.float32), np.zeros(0, np.float32)):
        assert full_dynamic(nothing) == VoiChoice(0.0, 1.0, "LINEAR_EXACT")


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
