"""Voxels of 16 bits with one slope and intercept, against the modality values of the slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.reference_volume_geometry import image
from webviewer.core.errors import DataError
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, LookupTable
from webviewer.dicom.decode import decode_frame
from webviewer.dicom.lut import modality_values
from webviewer.dicom.volume_values import (
    VolumeValues,
    needs_value_range,
    plan_values,
    to_voxels,
    value_range,
    word_voxels,
)


def slope(number: float, intercept: float = 0.0, units: str = "") -> tuple[FrameAttributes, ...]:
    return (FrameAttributes(rescale_slope=number, rescale_intercept=intercept, rescale_type=units),)


def voxels(values: VolumeValues, position: int, stored: Any, own: ImageAttributes) -> NDArray[np.uint16]:
    out = np.full(np.shape(stored), 777, np.uint16)
    to_voxels(values, position, np.asarray(stored), own, 1, out=out)
    return out


def meant(values: VolumeValues, found: NDArray[np.uint16]) -> NDArray[np.float64]:
    return found.astype(np.float64) * values.slope + values.intercept


def test_unsigned_values_are_kept_as_they_are_stored() -> None:
    own = image(pixel_representation=0, bits_stored=12, high_bit=11, frames=slope(1.5, -1024))
    values = plan_values([own] * 3, [1, 1, 1])
    assert values == VolumeValues(1.5, -1024.0, (0, 0, 0))
    assert values.is_exact
    assert values.note is None
    assert voxels(values, 1, np.array([[0, 1, 4095, 65535]], np.uint16), own).tolist() == [[0, 1, 4095, 65535]]


def test_signed_values_are_shifted() -> None:
    own = image(frames=slope(2, -10, "HU"))
    values = plan_values([own] * 2, [1, 1])
    assert values == VolumeValues(2.0, -10.0 - 65536.0, (32768, 32768), "HU")
    stored = np.array([[-32768, -1, 0, 32767]], np.int16)
    found = voxels(values, 0, stored, own)
    assert found.tolist() == [[0, 32767, 32768, 65535]]
    assert meant(values, found).tolist() == modality_values(stored, own).tolist()


@pytest.mark.parametrize(
    ("bits", "signed", "stored"),
    [
        (8, 0, np.array([[0, 128, 255]], np.uint8)),
        (8, 1, np.array([[-128, 0, 127]], np.int8)),
        (1, 0, np.array([[0, 1, 1]], np.uint8)),
    ],
)
def test_bytes_and_bits_keep_their_values(bits: int, signed: int, stored: NDArray[Any]) -> None:
    own = image(bits_allocated=bits, bits_stored=bits, high_bit=bits - 1, pixel_representation=signed)
    values = plan_values([own], [1])
    assert values.is_exact
    assert meant(values, voxels(values, 0, stored, own)).tolist() == stored.tolist()


def test_a_slice_in_signed_and_one_in_unsigned_numbers_share_a_scale() -> None:
    signed = image(bits_stored=12, high_bit=11)
    unsigned = image(bits_stored=12, high_bit=11, pixel_representation=0)
    values = plan_values([signed, unsigned], [1, 1])
    assert values.is_exact
    assert meant(values, voxels(values, 0, np.array([[-2048, 2047]], np.int16), signed)).tolist() == [[-2048, 2047]]
    assert meant(values, voxels(values, 1, np.array([[0, 4095]], np.uint16), unsigned)).tolist() == [[0, 4095]]


def test_intercepts_that_differ_by_whole_steps_stay_exact() -> None:
    slices = [
        image(pixel_representation=0, bits_stored=12, high_bit=11, bits_allocated=16, frames=slope(0.5, intercept))
        for intercept in (-512, 0)
    ]
    values = plan_values(slices, [1, 1])
    assert values.is_exact
    assert meant(values, voxels(values, 0, np.array([[0, 7]], np.uint16), slices[0])).tolist() == [[-512, -508.5]]
    assert meant(values, voxels(values, 1, np.array([[0, 7]], np.uint16), slices[1])).tolist() == [[0, 3.5]]


def test_intercepts_that_differ_by_half_a_step_are_quantised() -> None:
    slices = [image(pixel_representation=0, bits_stored=12, frames=slope(1, intercept)) for intercept in (0, 0.5)]
    values = plan_values(slices, [1, 1])
    assert not values.is_exact
    stored = np.array([[0, 7, 4095]], np.uint16)
    for position, intercept in enumerate((0, 0.5)):
        found = meant(values, voxels(values, position, stored, slices[position]))
        assert np.abs(found - (stored + intercept)).max() <= values.slope / 2 + 1e-9


def test_a_slope_of_its_own_for_each_slice_is_quantised_over_the_whole_range() -> None:
    slices = [image(frames=slope(s, 0, "BQML")) for s in (0.5, 1.25, 0.1)]
    values = plan_values(slices, [1, 1, 1])
    assert not values.is_exact
    assert values.slope == pytest.approx(1.25)
    assert values.note is not None
    assert values.note.text == "Values of this volume are rounded to steps of 1.25."
    random = np.random.default_rng(3)
    for position, own in enumerate(slices):
        stored = random.integers(-32768, 32767, (9, 11), endpoint=True, dtype=np.int16)
        true = stored.astype(np.float64) * own.frame(1).rescale_slope
        assert np.abs(meant(values, voxels(values, position, stored, own)) - true).max() <= values.slope / 2 + 1e-9
    finer = plan_values(slices, [1, 1, 1], (0.0, 6553.5))
    assert finer.slope == pytest.approx(0.1)


def test_a_modality_lut_is_looked_up() -> None:
    table = LookupTable(first_mapped=10, bits=16, data=(100, 40000, 65535))
    own = image(pixel_representation=0, modality_lut=table, frames=slope(9, 9))
    values = plan_values([own], [1])
    assert values == VolumeValues(1.0, 0.0, (0,))
    assert voxels(values, 0, np.array([[0, 10, 11, 12, 99]], np.uint16), own).tolist() == [
        [100, 100, 40000, 65535, 65535]
    ]


def test_a_falling_slope_becomes_a_rising_one() -> None:
    own = image(frames=slope(-1, 5))
    values = plan_values([own], [1])
    assert values.slope == pytest.approx(1.0)
    stored = np.array([[-32768, 0, 32767]], np.int16)
    assert meant(values, voxels(values, 0, stored, own)).tolist() == [[32773, 5, -32762]]


@pytest.mark.parametrize("dtype", ["uint32", "int32", "float32", "float64"])
def test_more_than_16_bits_need_the_range_of_the_pixels(dtype: str) -> None:
    kind = np.dtype(dtype)
    element = {"float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}.get(dtype, "PixelData")
    bits = kind.itemsize * 8
    own = image(
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        pixel_element=element,
        pixel_representation=int(kind.kind == "i"),
        frames=slope(0.001, 1.0),
    )
    assert needs_value_range([own])
    stored = np.array([[1000, 2000], [70000, 131072]]).astype(kind)
    reach = value_range(stored, own, 1)
    assert reach == pytest.approx((2.0, 132.072))
    assert reach is not None
    values = plan_values([own], [1], reach)
    assert np.abs(meant(values, voxels(values, 0, stored, own)) - (stored * 0.001 + 1)).max() <= values.slope / 2 + 1e-9
    with pytest.raises(DataError, match="not known"):
        plan_values([own], [1])


def absent_of(
    values: VolumeValues, stored: Any, own: ImageAttributes, position: int = 0
) -> tuple[list[Any], list[Any] | None]:
    """Return voxels, and which of them are absent."""
    out = np.full(np.shape(stored), 777, np.uint16)
    absent = to_voxels(values, position, np.asarray(stored), own, 1, out=out)
    return out.tolist(), None if absent is None else absent.tolist()


def test_what_is_no_number_is_absent() -> None:
    own = image(bits_allocated=32, bits_stored=32, high_bit=31, pixel_element="FloatPixelData")
    stored = np.array([[np.nan, -np.inf, 0.0, 10.0, np.inf]], np.float32)
    assert value_range(stored, own, 1) == (0.0, 10.0)
    assert value_range(stored[:, :2], own, 1) is None
    values = plan_values([own], [1], (0.0, 10.0))
    assert absent_of(values, stored, own) == ([[0, 0, 0, 65535, 0]], [[True, True, False, False, True]])
    assert absent_of(values, stored[:, 2:4], own) == ([[0, 65535]], None)
    assert plan_values([own], [1], (4.0, 4.0)).slope == 1.0
    with pytest.raises(DataError, match="no range"):
        plan_values([own], [1], (0.0, float("inf")))


def test_padding_is_absent_dark_or_bright_alone_or_as_a_range() -> None:
    bright = image(pixel_representation=0, pixel_padding_value=63536, frames=slope(1, -1024))
    assert absent_of(plan_values([bright], [1]), np.array([[63536, 63535, 12]], np.uint16), bright) == (
        [[0, 63535, 12]],
        [[True, False, False]],
    )
    ranged = image(pixel_representation=0, pixel_padding_value=65535, pixel_padding_range_limit=65000)
    assert absent_of(plan_values([ranged], [1]), np.array([[64999, 65000, 65535]], np.uint16), ranged) == (
        [[64999, 0, 0]],
        [[False, True, True]],
    )
    dark = image(pixel_padding_value=-2000)
    assert absent_of(plan_values([dark], [1]), np.array([[-2000, -1999]], np.int16), dark) == (
        [[0, 30769]],
        [[True, False]],
    )
    zero = image(pixel_padding_value=0)
    assert absent_of(plan_values([zero], [1]), np.array([[0, -32768, 968]], np.int16), zero) == (
        [[0, 0, 33736]],
        [[True, False, False]],
    )
    assert absent_of(plan_values([zero], [1]), np.array([[1, -1]], np.int16), zero) == ([[32769, 32767]], None)


def test_each_slice_has_its_own_padding() -> None:
    slices = [image(pixel_padding_value=padding) for padding in (0, -5, None)]
    values, stored = plan_values(slices, [1] * 3), np.array([[0, -5, 7]], np.int16)
    assert [absent_of(values, stored, own, k)[1] for k, own in enumerate(slices)] == [
        [[True, False, False]],
        [[False, True, False]],
        None,
    ]


def test_padding_is_a_stored_value_before_rescale_and_modality_table() -> None:
    halved = image(pixel_padding_value=10, frames=slope(0.5, -3.0))
    assert absent_of(plan_values([halved], [1]), np.array([[10, 16]], np.int16), halved)[1] == [[True, False]]
    # Two stored values that the table makes the same: only one of them is padding.
    looked_up = image(pixel_representation=0, pixel_padding_value=1, modality_lut=LookupTable(0, 16, (40, 40, 70)))
    found = absent_of(plan_values([looked_up], [1]), np.array([[0, 1, 2]], np.uint16), looked_up)
    assert found == ([[40, 0, 70]], [[False, True, False]])
    # Steps of a quantised volume.
    images = [image(pixel_padding_value=0, frames=slope(number)) for number in (1.0, 1.5)]
    values = plan_values(images, [1, 1])
    assert not values.is_exact
    assert absent_of(values, np.array([[0, 100]], np.int16), images[1], 1)[1] == [[True, False]]


def test_padding_is_no_end_of_the_range_that_steps_divide() -> None:
    float_image = image(
        bits_allocated=32, bits_stored=32, high_bit=31, pixel_element="FloatPixelData", float_padding_value=-9999.0
    )
    stored = np.array([[-9999.0, 0.25, 0.75]], np.float32)
    assert value_range(stored, float_image, 1) == (0.25, 0.75)
    assert value_range(stored[:, :1], float_image, 1) is None
    found = absent_of(plan_values([float_image], [1], (0.25, 0.75)), stored, float_image)
    assert found == ([[0, 0, 65535]], [[True, False, False]])
    integer = image(bits_allocated=32, bits_stored=32, high_bit=31, pixel_padding_value=-(2**31))
    assert value_range(np.array([[-(2**31), 5, 70000]], np.int32), integer, 1) == (5.0, 70000.0)


@pytest.mark.parametrize("limit", [None, 3, -40, 2047, -2048])
@pytest.mark.parametrize("padding", [0, 5, -40, 2047, -2048])
@pytest.mark.parametrize(("bits", "signed"), [(12, 1), (12, 0), (16, 1), (16, 0)])
def test_words_have_the_absent_voxels_that_decoding_gives(
    bits: int, signed: int, padding: int, limit: int | None
) -> None:
    def stored(value: int | None) -> int | None:
        return value if signed or value is None else value % (1 << bits)

    own = image(
        rows=16,
        columns=64,
        bits_stored=bits,
        high_bit=bits - 1,
        pixel_representation=signed,
        pixel_padding_value=stored(padding),
        pixel_padding_range_limit=stored(limit),
        frames=slope(1.0, -7.0),
    )
    words = np.random.default_rng(bits).integers(0, 65536, (16, 64)).astype(np.uint16)
    words[3:9, 5:40] = padding % 65536
    words[2, :9] = np.arange(-45, -36) % 65536
    values = plan_values([own, own], [1, 1])
    how, found = word_voxels(values, 1, own), words.copy()
    assert how is not None
    absent = how.apply(found)
    out = np.empty_like(words)
    expected = to_voxels(values, 1, decode_frame(words.tobytes(), own).values, own, 1, out=out)
    assert np.array_equal(found, out)
    assert absent is not None
    assert expected is not None
    assert np.array_equal(absent, expected)


def test_words_without_padding_among_them_have_no_absent_voxels() -> None:
    own = image(rows=2, columns=3, pixel_padding_value=-2000)
    how = word_voxels(plan_values([own], [1]), 0, own)
    assert how is not None
    words = np.array([[0, 1, 2], [3, 4, 5]], np.uint16)
    assert how.apply(words) is None
    assert words.tolist() == [[32768, 32769, 32770], [32771, 32772, 32773]]


@pytest.mark.parametrize("intercepts", [(-1024.0, -1024.0), (0.0, -300.0)])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [1, 7, 12, 15, 16])
def test_words_become_the_voxels_that_decoding_gives(bits: int, signed: int, intercepts: tuple[float, float]) -> None:
    slices = [
        image(
            rows=16,
            columns=8,
            bits_stored=bits,
            high_bit=bits - 1,
            pixel_representation=signed,
            frames=slope(1.0, intercept),
        )
        for intercept in intercepts
    ]
    values = plan_values(slices, [1, 1])
    words = np.random.default_rng(bits).integers(0, 65536, (16, 8)).astype(np.uint16)  # with what overlays left above
    words[0, :2] = 0, 65535
    for position, own in enumerate(slices):
        how = word_voxels(values, position, own)
        if not values.is_exact:  # 16 bits and two intercepts have no room
            assert how is None
            continue
        assert how is not None
        found = words.copy()
        how.apply(found)
        assert np.array_equal(found, voxels(values, position, decode_frame(words.tobytes(), own).values, own))


@pytest.mark.parametrize(
    "changes",
    [
        {"transfer_syntax_uid": "1.2.840.10008.1.2.2"},
        {"transfer_syntax_uid": "1.2.840.10008.1.2.4.80"},
        {"bits_allocated": 8, "bits_stored": 8, "high_bit": 7},
        {"bits_stored": 12, "high_bit": 15},
        {"bits_stored": 12, "high_bit": 11, "pixel_padding_value": -3000},  # words beyond Bits Stored
        {"modality_lut": LookupTable(0, 16, (1, 2, 3))},
        {"refusal": "No."},
        {"is_byte_swapped": True},
        {"photometric_interpretation": "PALETTE COLOR"},
    ],
)
def test_words_that_need_more_are_decoded(changes: dict[str, Any]) -> None:
    values = VolumeValues(1.0, 0.0, (32768,))
    assert word_voxels(values, 0, image()) is not None
    assert word_voxels(values, 0, image(**changes)) is None
    assert word_voxels(VolumeValues(1.0, 0.0, None), 0, image()) is None


@pytest.mark.parametrize(("number", "intercept"), [(1e5, 0.0), (-1e5, 0.0), (1.0, 2e9), (1e30, 0.0), (1e300, 1e300)])
def test_values_that_no_window_reaches_are_refused_in_words(number: float, intercept: float) -> None:
    own = image(frames=slope(number, intercept))
    with pytest.raises(DataError, match=r"may be as large as .*: windows and curves reach to 1e\+09"):
        plan_values([own] * 2, [1, 1])
    assert plan_values([image(frames=slope(1e4))] * 2, [1, 1]).is_exact


def test_a_range_that_no_window_reaches_is_refused_in_words() -> None:
    own = image(bits_allocated=32, bits_stored=32, high_bit=31, frames=slope(1.0))
    with pytest.raises(DataError, match=r"may be as large as 3\.4e\+38"):
        plan_values([own] * 2, [1, 1], (-3.4e38, 12.0))


@pytest.mark.parametrize("number", [1e-38, -1e-30])
def test_values_that_no_window_tells_apart_are_refused_in_words(number: float) -> None:
    with pytest.raises(DataError, match="only: no window is as narrow"):
        plan_values([image(frames=slope(number))] * 2, [1, 1])
    assert plan_values([image(frames=slope(1e-14))] * 2, [1, 1]).is_exact
