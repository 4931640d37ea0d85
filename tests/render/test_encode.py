"""Pictures as they go out, read back by another library."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from renderpool.engine.encode import encode_jpeg, encode_light, encode_png, encode_still


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (13, 1), (101, 257), (33, 65, 3), (1, 1, 3), (512, 512)])
def test_a_png_holds_exactly_the_pixels(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    picture = Image.open(io.BytesIO(encode_png(pixels)))
    assert picture.mode == ("L" if len(shape) == 2 else "RGB")
    assert np.array_equal(np.asarray(picture), pixels)


def test_a_png_of_a_part_of_an_array_holds_that_part() -> None:
    pixels = np.arange(100, dtype=np.uint8).reshape(10, 10)[2:8, 1:9]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.parametrize("shape", [(65, 63), (65, 63, 3)])
def test_a_jpeg_is_near_the_pixels(shape: tuple[int, ...]) -> None:
    ramp = np.linspace(0, 255, 65 * 63).reshape(65, 63).astype(np.uint8)
    pixels = ramp if len(shape) == 2 else np.stack([ramp, ramp[::-1], ramp], axis=2)
    picture = Image.open(io.BytesIO(encode_jpeg(pixels, 95, full_colour=True)))
    assert np.abs(np.asarray(picture).astype(int) - pixels).max() <= 8


def test_a_grey_still_is_lossless_however_large() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 300)).astype(np.uint8)
    picture = encode_still(pixels, lossless_limit_bytes=10)
    assert (picture.media_type, picture.lossless) == ("image/png", True)


def test_a_large_colour_still_is_a_good_jpeg_and_says_so() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    picture = encode_still(pixels, lossless_limit_bytes=100_000)
    assert (picture.media_type, picture.lossless) == ("image/jpeg", False)
    small = encode_still(pixels[:50, :50], lossless_limit_bytes=100_000)
    assert (small.media_type, small.lossless) == ("image/png", True)


def test_a_light_frame_is_a_jpeg_that_is_smaller_at_lower_quality() -> None:
    pixels = np.random.default_rng(1).normal(128, 20, (200, 200)).clip(0, 255).astype(np.uint8)
    assert encode_light(pixels, 80).media_type == "image/jpeg"
    assert len(encode_light(pixels, 35).data) < len(encode_light(pixels, 80).data)


def test_a_light_frame_keeps_colours_at_full_resolution_where_it_is_said() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, ::2] = (200, 40, 40)
    pixels[:, 1::2] = (40, 40, 200)
    errors = []
    for full_colour in (True, False):
        picture = encode_light(pixels, 95, full_colour=full_colour)
        found = np.asarray(Image.open(io.BytesIO(picture.data))).astype(int)
        errors.append(np.abs(found - pixels).mean())
    assert errors[0] < 3
    assert errors[1] > 30, "halved, the columns take each other's colour"


def test_a_still_over_what_the_line_carries_is_the_best_jpeg_that_fits() -> None:
    pixels = np.random.default_rng(3).normal(128, 12, (256, 256)).clip(0, 255).astype(np.uint8)
    sizes = {quality: len(encode_jpeg(pixels, quality, full_colour=True)) for quality in (95, 85, 70, 50, 35)}
    limit = (sizes[85] + sizes[70]) // 2
    picture = encode_still(pixels, 10**9, limit)
    assert (len(picture.data), picture.media_type, picture.lossless) == (sizes[70], "image/jpeg", False)
    assert len(encode_still(pixels, 10**9, 1).data) == sizes[35], "if nothing fits, the lightest"
    assert encode_still(pixels, 10**9, 10**6).lossless
