"""Which pixels are padding (PS3.3 C.7.5.1.1.2), in files as scanners, anonymisers and careless senders write them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from tests.support.phantom_files import compress, make_grey, make_rgb, to_bytes
from tests.support.stored_image import read_image
from webviewer.dicom.decode import decode_frame
from webviewer.dicom.padding import PaddingRange, absent_pixels, padding_range

VALUE, LIMIT = 0x00280120, 0x00280121


def absent_in(ds: Dataset, frame_number: int = 1) -> list[Any] | None:
    """Return which pixels of a frame are absent, after the file was read and decoded."""
    data = io.BytesIO(to_bytes(ds))
    found = read_image(data)
    assert found is not None
    stored = decode_frame(found.frame_bytes(data, frame_number), found.attributes, frame_number).values
    absent = absent_pixels(stored, found.attributes)
    return None if absent is None else absent.astype(int).tolist()


def grey(pixels: Any, dtype: Any, value: tuple[str, Any] | None, limit: tuple[str, Any] | None = None) -> Dataset:
    """Return a grey image whose padding elements are written with these VRs."""
    ds = make_grey(np.array([pixels], dtype))
    for tag, known in ((VALUE, value), (LIMIT, limit)):
        if known is not None:
            ds.add_new(tag, *known)
    return ds


@pytest.mark.parametrize(
    ("pixels", "dtype", "value", "expected"),
    [
        ([0, 1, -1], np.int16, ("SS", 0), [1, 0, 0]),
        ([0, 1, 65535], np.uint16, ("US", 0), [1, 0, 0]),
        ([-2000, 0, 2000], np.int16, ("SS", -2000), [1, 0, 0]),
        ([-2000, 0, 2000], np.int16, ("US", 63536), [1, 0, 0]),  # the wrong VR, the same two bytes
        ([-32768, 0, 32767], np.int16, ("US", 32768), [1, 0, 0]),
        ([63536, 0, 2000], np.uint16, ("SS", -2000), [1, 0, 0]),
        ([65535, 32767, 0], np.uint16, ("SS", -1), [1, 0, 0]),
        ([255, 0, 128], np.uint8, ("US", 255), [1, 0, 0]),
        ([0, 1, 2], np.uint16, ("US", 7), None),
        ([0, 1, 2], np.uint16, ("US", None), None),
        ([0, 1, 2], np.uint16, None, None),
    ],
)
def test_the_padding_value_is_read_as_pixels_are_whatever_its_vr(
    pixels: list[int], dtype: Any, value: tuple[str, Any], expected: list[int] | None
) -> None:
    assert absent_in(grey(pixels, dtype, value)) == (None if expected is None else [expected])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_every_transfer_syntax_tells_the_same(syntax: UID) -> None:
    ds = grey([-2000, 0, 5], np.int16, ("SS", -2000))
    ds.file_meta.TransferSyntaxUID = syntax
    assert absent_in(ds) == [[1, 0, 0]]


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (-5, -3, [0, 1, 1, 1, 0, 0]),  # the limit above the value, as MONOCHROME2 has it
        (-3, -5, [0, 1, 1, 1, 0, 0]),  # and below it
        (-6, 0, [1, 1, 1, 1, 1, 0]),
        (-4, -4, [0, 0, 1, 0, 0, 0]),
    ],
)
def test_a_range_includes_both_of_its_ends(value: int, limit: int, expected: list[int]) -> None:
    ds = grey([-6, -5, -4, -3, 0, 1], np.int16, ("SS", value), ("SS", limit))
    assert absent_in(ds) == [expected]


def test_a_range_limit_without_a_value_is_no_padding() -> None:
    assert absent_in(grey([0, 1], np.int16, None, ("SS", 1))) is None


def test_a_pattern_of_bits_stored_is_the_signed_number_that_it_is() -> None:
    ds = make_grey(np.array([[-2000, 48, 2047]], np.int16), bits_stored=12)
    ds.add_new(VALUE, "US", 2096)  # 0x830: -2000 in 12 bits, and no number that 12 signed bits have
    assert absent_in(ds) == [[1, 0, 0]]


@pytest.mark.parametrize("is_compressed", [False, True], ids=["uncompressed", "RLE"])
def test_a_padding_word_beyond_bits_stored_is_never_the_anatomy_that_its_lower_bits_spell(is_compressed: bool) -> None:
    """12 bits, padded with 63536: cut to 12 bits that is 2096, which bone has as well."""
    ds = make_grey(np.array([[63536, 2096, 100]], np.uint16))
    ds.BitsStored, ds.HighBit = 12, 11
    ds.add_new(VALUE, "US", 63536)
    if is_compressed:
        compress(ds, RLELossless)
    assert absent_in(ds) == [[1, 0, 0]]
    del ds[VALUE]
    assert absent_in(ds) is None


def test_each_frame_of_one_object_has_its_padding() -> None:
    ds = make_grey(np.array([[[0, 3]], [[3, 3]], [[4, 0]]], np.uint16))
    ds.add_new(VALUE, "US", 0)
    assert [absent_in(ds, number) for number in (1, 2, 3)] == [[[1, 0]], None, [[0, 1]]]


def test_colour_has_no_padding() -> None:
    ds = make_rgb()
    ds.add_new(VALUE, "US", 0)
    data = io.BytesIO(to_bytes(ds))
    found = read_image(data)
    assert found is not None
    assert padding_range(found.attributes) is None


def floats(element: str, pixels: list[float]) -> Dataset:
    ds = make_grey(np.array([[0] * len(pixels)], np.uint16))
    is_double = element == "DoubleFloatPixelData"
    del ds["PixelData"]
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        del ds[keyword]
    ds.BitsAllocated = 64 if is_double else 32
    tag, vr, dtype = (0x7FE00009, "OD", "<f8") if is_double else (0x7FE00008, "OF", "<f4")
    ds.add_new(tag, vr, np.array(pixels, dtype).tobytes())
    return ds


@pytest.mark.parametrize(
    ("element", "value", "limit", "vr"),
    [
        ("FloatPixelData", 0x00280122, 0x00280124, "FL"),
        ("DoubleFloatPixelData", 0x00280123, 0x00280125, "FD"),
    ],
)
def test_floats_have_padding_elements_of_their_own(element: str, value: int, limit: int, vr: str) -> None:
    pixels = [0.1, -3.5, -1.0, float("nan"), 2.0]
    ds = floats(element, pixels)
    assert absent_in(ds) == [[0, 0, 0, 1, 0]]  # what is no number is absent in any case
    ds.add_new(value, vr, 0.1)
    assert absent_in(ds) == [[1, 0, 0, 1, 0]]
    ds.add_new(limit, vr, -1.0)
    assert absent_in(ds) == [[1, 0, 1, 1, 0]]
    ds.add_new(VALUE, "US", 2)  # which is of whole numbers
    assert absent_in(ds) == [[1, 0, 1, 1, 0]]
    ds.add_new(value, vr, float("nan"))
    assert absent_in(ds) == [[0, 0, 0, 1, 0]]


def test_brightness_decides_nothing() -> None:
    pixels: NDArray[np.int16] = np.array([[-32768, 0, 32767]], np.int16)
    assert PaddingRange(-32768, -32768).holds(pixels).tolist() == [[True, False, False]]
    assert PaddingRange(32767, 32767).holds(pixels).tolist() == [[False, False, True]]
    assert PaddingRange(-1, 1).holds(pixels).tolist() == [[False, True, False]]
