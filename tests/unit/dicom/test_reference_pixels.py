"""The reference itself, against values worked out by hand: what measures others must be right first."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.reference_pixels import ReferenceView, ReferenceVoi, canvas_grey8, canvas_rgb8, fit_zoom, grey

IDENTITY = ReferenceVoi(127.5, 255, "LINEAR_EXACT")
IMAGE = np.array([[10, 20, 30], [40, 50, 60]], float)


def canvas(view: ReferenceView, image: np.ndarray = IMAGE, aspect: float = 1.0) -> list[list[int]]:
    return [[int(v) for v in row] for row in canvas_grey8(image, IDENTITY, view, pixel_aspect=aspect)]


def test_one_to_one_is_the_image() -> None:
    assert canvas(ReferenceView(3, 2, zoom=1)) == [[10, 20, 30], [40, 50, 60]]


def test_outside_is_black_whatever_the_window() -> None:
    assert canvas(ReferenceView(5, 2, zoom=1)) == [[0, 10, 20, 30, 0], [0, 40, 50, 60, 0]]
    inverted = canvas_grey8(IMAGE, IDENTITY, ReferenceView(5, 2, zoom=1), inverted=True)
    assert inverted[0].tolist() == [0, 245, 235, 225, 0]


def test_flip_then_clockwise_turn() -> None:
    assert canvas(ReferenceView(3, 2, zoom=1, flip_horizontal=True)) == [[30, 20, 10], [60, 50, 40]]
    assert canvas(ReferenceView(2, 3, zoom=1, rotation_deg=90)) == [[40, 10], [50, 20], [60, 30]]
    both = ReferenceView(2, 3, zoom=1, rotation_deg=90, flip_horizontal=True)
    assert canvas(both) == [[60, 30], [50, 20], [40, 10]]


def test_magnified_bilinear_and_nearest() -> None:
    row = np.array([[0, 100]], float)
    assert canvas(ReferenceView(4, 2, zoom=2), row)[0] == [0, 25, 75, 100]
    assert canvas(ReferenceView(4, 2, zoom=2, interpolation="nearest"), row)[0] == [0, 0, 100, 100]


def test_minified_is_the_mean() -> None:
    image = np.array([[0, 100, 200, 240], [0, 100, 200, 240]], float)
    assert canvas(ReferenceView(2, 1, zoom=0.5), image) == [[50, 220]]


def test_tall_pixels_are_shown_tall_and_fit() -> None:
    view = ReferenceView(3, 8, zoom=1)
    assert [row[0] for row in canvas(view, aspect=4.0)] == [10, 10, 14, 21, 29, 36, 40, 40]
    assert fit_zoom(2, 3, 4.0, ReferenceView(30, 40)) == 5.0
    assert fit_zoom(2, 3, 4.0, ReferenceView(40, 30, rotation_deg=90)) == pytest.approx(5.0)


def test_the_centre_moves_the_image() -> None:
    assert canvas(ReferenceView(3, 2, zoom=1, center_x=2.5)) == [[20, 30, 0], [50, 60, 0]]


def test_colour() -> None:
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    assert canvas_rgb8(rgb, ReferenceView(2, 1, zoom=1)).tolist() == rgb.tolist()
    assert canvas_rgb8(rgb, ReferenceView(2, 1, zoom=1), inverted=True)[0, 0].tolist() == [254, 253, 252]


def test_window_functions_at_their_corners() -> None:
    x = np.array([0.0, 39.5, 40.0, 100.0])
    assert grey(x, ReferenceVoi(40, 1, "LINEAR")).tolist() == [0.0, 0.0, 255.0, 255.0]
    assert grey(np.array([2048.0]), ReferenceVoi(2048, 4096, "LINEAR"))[0] == pytest.approx((0.5 / 4095 + 0.5) * 255)
    assert grey(np.array([0.0, 2.0]), ReferenceVoi(lut=(0, 4095), lut_bits=12)).tolist() == [0.0, 255.0]
    with pytest.raises(ValueError, match="no such VOI LUT function"):
        grey(x, ReferenceVoi(40, 1, "CUBIC"))
