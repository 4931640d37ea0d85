"""View arithmetic: where the image lies on the canvas."""

from __future__ import annotations

import numpy as np
import pytest

from renderpool.scene.grey import VoiFunction, grey_map
from renderpool.scene.view import ImageExtent, Placement, fit_zoom, resolve, scale_view, supersampling
from webviewer.core.errors import InvalidInput
from webviewer.dicom.attributes import LookupTable
from webviewer.dicom.lut import VoiChoice


def on_canvas(extent: ImageExtent, placement: Placement, x: float, y: float) -> list[float]:
    point = resolve(extent, placement).canvas_from_image @ np.array([x, y, 1.0])
    return [round(float(value), 9) for value in point[:2]]


def test_a_fitted_image_touches_the_nearer_edges() -> None:
    extent, placement = ImageExtent(200, 100), Placement(400, 400)
    assert on_canvas(extent, placement, 0, 0) == [0, 100]
    assert on_canvas(extent, placement, 200, 100) == [400, 300]


def test_fitting_heeds_tall_pixels() -> None:
    assert fit_zoom(ImageExtent(100, 100, pixel_aspect=2.0), 400, 400) == 2.0
    assert on_canvas(ImageExtent(100, 100, pixel_aspect=2.0), Placement(400, 400), 100, 100) == [300, 400]


def test_fitting_heeds_a_turn() -> None:
    assert fit_zoom(ImageExtent(200, 100), 400, 400, rotation_deg=90) == 2.0
    assert fit_zoom(ImageExtent(200, 100), 100, 400, rotation_deg=-90) == 1.0
    assert fit_zoom(ImageExtent(100, 100), 400, 400, rotation_deg=45) == pytest.approx(400 / (100 * 2**0.5))


def test_a_quarter_turn_takes_the_upper_left_corner_to_the_upper_right() -> None:
    assert on_canvas(ImageExtent(100, 100), Placement(100, 100, rotation_deg=90), 0, 0) == [100, 0]
    assert on_canvas(ImageExtent(100, 100), Placement(100, 100, rotation_deg=-90), 0, 0) == [0, 100]


def test_flipping_is_about_the_vertical_axis_and_comes_first() -> None:
    assert on_canvas(ImageExtent(100, 100), Placement(100, 100, flip_horizontal=True), 0, 10) == [100, 10]
    turned = Placement(100, 100, flip_horizontal=True, rotation_deg=90)
    assert on_canvas(ImageExtent(100, 100), turned, 0, 0) == [100, 100]


def test_the_wished_point_lies_in_the_middle() -> None:
    placement = Placement(300, 200, zoom=4, center_x=12.5, center_y=40, rotation_deg=33, flip_horizontal=True)
    assert on_canvas(ImageExtent(100, 100, 1.5), placement, 12.5, 40) == [150, 100]


def test_zoom_is_canvas_pixels_for_each_column_and_rows_are_stretched() -> None:
    placement = Placement(100, 100, zoom=3, center_x=0, center_y=0)
    assert on_canvas(ImageExtent(10, 10, 0.5), placement, 1, 1) == [53, 51.5]


def test_a_reduced_picture_shows_the_same_part_of_the_image() -> None:
    view = resolve(ImageExtent(100, 80), Placement(500, 400, zoom=7, center_x=20, center_y=30, rotation_deg=20))
    small = scale_view(view, 250, 200)
    corner = small.image_from_canvas @ np.array([250, 200, 1])
    assert corner == pytest.approx(view.image_from_canvas @ np.array([500, 400, 1]))
    assert small.zoom == 3.5


@pytest.mark.parametrize(
    ("zoom", "count"), [(10, 1), (1, 1), (0.999, 2), (0.5, 2), (1 / 3, 3), (0.3, 4), (0.125, 8), (0.01, 8)]
)
def test_samples_follow_the_zoom(zoom: float, count: int) -> None:
    assert supersampling(zoom) == count


@pytest.mark.parametrize(
    "extent", [ImageExtent(0, 5), ImageExtent(5, 0), ImageExtent(5, 5, 0.0), ImageExtent(5, 5, float("nan"))]
)
def test_an_impossible_image_is_refused(extent: ImageExtent) -> None:
    with pytest.raises(InvalidInput):
        resolve(extent, Placement(10, 10))


def test_a_window_without_width_or_an_unknown_function_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Window Width 0 is invalid"):
        grey_map(VoiChoice(center=1, width=0), inverted=False)
    for function in ("CUBIC", "LUT", ""):
        with pytest.raises(InvalidInput, match="must be LINEAR, LINEAR_EXACT or SIGMOID"):
            grey_map(VoiChoice(center=1, width=1, function=function), inverted=False)
    with pytest.raises(InvalidInput, match="VOI LUT of 0 entries"):
        grey_map(VoiChoice(lut=LookupTable(0, 8, ())), inverted=False)


def test_a_voi_lut_says_the_range_that_it_maps() -> None:
    grey = grey_map(VoiChoice(lut=LookupTable(-100, 10, tuple(range(0, 1024, 2)))), inverted=True)
    assert (grey.function, grey.center, grey.width, grey.inverted) == (VoiFunction.LUT, 156.0, 512.0, True)
