"""Display shutters: which pixels they leave, and what becomes of numbers that cannot be true."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.support import shared_data
from tests.support.overlay_files import add_shutter
from tests.support.phantom_files import make_enhanced_ct, make_grey, to_bytes
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import ImageAttributes, Shutter
from webviewer.dicom.shutter import shade_of_shutter, visible_pixels

ROWS, COLUMNS = 20, 30
RECTANGLE = {
    "ShutterLeftVerticalEdge": 4,
    "ShutterRightVerticalEdge": 25,
    "ShutterUpperHorizontalEdge": 3,
    "ShutterLowerHorizontalEdge": 18,
}


def shutter_of(shape: str | list[str], **keywords: Any) -> Shutter:
    ds = add_shutter(make_grey(np.zeros((ROWS, COLUMNS), np.uint8)), shape, **keywords)
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    assert ImageAttributes.from_json(found.attributes.to_json()) == found.attributes
    shutter = found.attributes.frame(1).shutter
    assert shutter is not None
    return shutter


def reference(shape: str, ds: dict[str, Any], aspect: float = 1.0) -> NDArray[np.bool_]:
    """Pixel by pixel, as the standard describes each shape; rows and columns from 1."""
    visible = np.zeros((ROWS, COLUMNS), bool)
    for row in range(1, ROWS + 1):
        for column in range(1, COLUMNS + 1):
            if shape == "RECTANGULAR":
                inside = (
                    ds["ShutterLeftVerticalEdge"] <= column <= ds["ShutterRightVerticalEdge"]
                    and ds["ShutterUpperHorizontalEdge"] <= row <= ds["ShutterLowerHorizontalEdge"]
                )
            elif shape == "CIRCULAR":
                center = ds["CenterOfCircularShutter"]
                inside = math.hypot((row - center[0]) * aspect, column - center[1]) <= ds["RadiusOfCircularShutter"]
            else:
                inside = _in_polygon(row, column, ds["VerticesOfThePolygonalShutter"])
            visible[row - 1, column - 1] = inside
    return visible


def _in_polygon(row: float, column: float, vertices: list[int]) -> bool:
    points = list(zip(vertices[::2], vertices[1::2], strict=True))
    crossings = 0
    for (row_a, column_a), (row_b, column_b) in zip(points, points[1:] + points[:1], strict=True):
        cross = (row - row_a) * (column_b - column_a) - (column - column_a) * (row_b - row_a)
        between = min(row_a, row_b) <= row <= max(row_a, row_b) and min(column_a, column_b) <= column <= max(
            column_a, column_b
        )
        if cross == 0 and between:
            return True
        if (row_a > row) != (row_b > row):
            crossings += column < column_a + (row - row_a) / (row_b - row_a) * (column_b - column_a)
    return crossings % 2 == 1


CIRCLE = {"CenterOfCircularShutter": [9, 14], "RadiusOfCircularShutter": 7}
SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("RECTANGULAR", RECTANGLE),
    ("RECTANGULAR", RECTANGLE | {"ShutterLeftVerticalEdge": -5, "ShutterRightVerticalEdge": 400}),
    ("CIRCULAR", CIRCLE),
    ("CIRCULAR", CIRCLE | {"CenterOfCircularShutter": [-3, 14], "RadiusOfCircularShutter": 12}),
    ("POLYGONAL", {"VerticesOfThePolygonalShutter": [2, 2, 2, 20, 15, 28, 18, 5]}),
    ("POLYGONAL", {"VerticesOfThePolygonalShutter": [1, 1, 1, 30, 20, 30, 20, 1]}),
    ("POLYGONAL", {"VerticesOfThePolygonalShutter": [-40, 10, 60, 10, 10, 90]}),
    ("POLYGONAL", {"VerticesOfThePolygonalShutter": [2, 2, 18, 2, 10, 15, 18, 28, 2, 28]}),
]


@pytest.mark.parametrize(("shape", "keywords"), SHAPES)
def test_a_shape_leaves_the_pixels_whose_centres_lie_in_it(shape: str, keywords: dict[str, Any]) -> None:
    shutter = shutter_of(shape, **keywords)
    assert not shutter.is_doubtful
    assert np.array_equal(visible_pixels(shutter, ROWS, COLUMNS), reference(shape, keywords))


def test_a_circle_is_round_where_pixels_are_not_square() -> None:
    shutter = shutter_of("CIRCULAR", **CIRCLE)
    assert np.array_equal(visible_pixels(shutter, ROWS, COLUMNS, 2.0), reference("CIRCULAR", CIRCLE, 2.0))


def test_several_shapes_leave_what_lies_in_all_of_them() -> None:
    shutter = shutter_of(["RECTANGULAR", "CIRCULAR"], **RECTANGLE, **CIRCLE)
    both = reference("RECTANGULAR", RECTANGLE) & reference("CIRCULAR", CIRCLE)
    assert np.array_equal(visible_pixels(shutter, ROWS, COLUMNS), both)


def test_edges_that_were_exchanged_name_the_same_rectangle() -> None:
    changed = RECTANGLE | {"ShutterLeftVerticalEdge": 25, "ShutterRightVerticalEdge": 4}
    assert shutter_of("RECTANGULAR", **changed) == shutter_of("RECTANGULAR", **RECTANGLE)


@pytest.mark.parametrize(
    ("shape", "keywords"),
    [
        ("RECTANGULAR", {}),
        ("RECTANGULAR", {"ShutterLeftVerticalEdge": 4, "ShutterRightVerticalEdge": 9}),
        ("CIRCULAR", CIRCLE | {"RadiusOfCircularShutter": 0}),
        ("CIRCULAR", CIRCLE | {"RadiusOfCircularShutter": -4}),
        ("CIRCULAR", {"RadiusOfCircularShutter": 4}),
        ("CIRCULAR", {"CenterOfCircularShutter": [3], "RadiusOfCircularShutter": 4}),
        ("POLYGONAL", {}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [3, 4]}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [3, 4, 9, 9]}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [3, 4, 9, 9, 5]}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [1, 1, 5, 5, 9, 9]}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [k % 7 for k in range(2 * 1025)]}),
    ],
)
def test_a_shape_that_cannot_be_true_hides_nothing_and_is_doubtful(shape: str, keywords: dict[str, Any]) -> None:
    shutter = shutter_of(shape, **keywords)
    assert shutter.is_doubtful
    assert visible_pixels(shutter, ROWS, COLUMNS).all()


def test_of_two_shapes_the_one_that_can_be_true_counts() -> None:
    shutter = shutter_of(["CIRCULAR", "RECTANGULAR"], RadiusOfCircularShutter=0, **RECTANGLE)
    assert shutter.is_doubtful
    assert np.array_equal(visible_pixels(shutter, ROWS, COLUMNS), reference("RECTANGULAR", RECTANGLE))


@pytest.mark.parametrize("shape", ["BITMAP", "", "TRIANGULAR"])
def test_other_shapes_are_no_shutter_of_an_image(shape: str) -> None:
    ds = add_shutter(make_grey(np.zeros((ROWS, COLUMNS), np.uint8)), shape, **RECTANGLE)
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    assert found.attributes.frame(1).shutter is None


def test_each_frame_of_an_enhanced_object_has_its_own_shutter() -> None:
    ds = make_enhanced_ct(3)
    for number, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        if number < 2:
            item = add_shutter(
                Dataset(), "CIRCULAR", CenterOfCircularShutter=[5, 5], RadiusOfCircularShutter=number + 3
            )
            group.FrameDisplayShutterSequence = Sequence([item])
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    again = ImageAttributes.from_json(found.attributes.to_json())
    shutters = [again.frame(number).shutter for number in (1, 2, 3)]
    assert [shutter and shutter.circle for shutter in shutters] == [(5, 5, 3), (5, 5, 4), None]


def test_a_shared_shutter_lies_over_all_frames() -> None:
    ds = make_enhanced_ct(2)
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.FrameDisplayShutterSequence = Sequence([add_shutter(Dataset(), "RECTANGULAR", **RECTANGLE)])
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    assert all(found.attributes.frame(number).shutter for number in (1, 2))


@pytest.mark.parametrize(
    ("keywords", "is_grey", "shade"),
    [
        ({}, True, (0, 0, 0)),
        ({"ShutterPresentationValue": 65535}, True, (255, 255, 255)),
        ({"ShutterPresentationValue": 32896}, False, (128, 128, 128)),
        ({"ShutterPresentationColorCIELabValue": [65535, 32896, 32896]}, False, (255, 255, 255)),
        ({"ShutterPresentationColorCIELabValue": [0, 32896, 32896]}, True, (0, 0, 0)),
        ({"ShutterPresentationColorCIELabValue": [35000], "ShutterPresentationValue": 257}, False, (1, 1, 1)),
        (
            {"ShutterPresentationColorCIELabValue": [65535, 32896, 32896], "ShutterPresentationValue": 0},
            True,
            (0, 0, 0),
        ),
    ],
)
def test_a_shutter_has_the_shade_that_the_object_states(
    keywords: dict[str, Any], is_grey: bool, shade: tuple[int, int, int]
) -> None:
    assert shade_of_shutter(shutter_of("CIRCULAR", **CIRCLE, **keywords), is_grey=is_grey) == shade


def test_a_shutter_can_be_the_red_of_srgb() -> None:
    # sRGB (255, 0, 0) is L* 54.29, a* 80.81, b* 69.89 under D50.
    red = [round(54.29 / 100 * 65535), round((80.81 + 128) / 255 * 65535), round((69.89 + 128) / 255 * 65535)]
    shade = shade_of_shutter(shutter_of("CIRCULAR", **CIRCLE, ShutterPresentationColorCIELabValue=red), is_grey=False)
    assert np.abs(np.subtract(shade, (255, 0, 0))).max() <= 1


@pytest.mark.parametrize("name", ["xray_dx_cr_mg/OutOfBoundsOverlay.dcm"] if shared_data.has_shared_data() else [])
def test_a_real_shutter_as_large_as_its_image_hides_nothing(name: str) -> None:
    with shared_data.path_of(name).open("rb") as file:
        found = read_image(file)
    assert found is not None
    shutter = found.attributes.frame(1).shutter
    assert shutter is not None
    assert visible_pixels(shutter, 788, 1318).all()
