"""The mathematics of measuring: shapes against plain geometry, the size of pixels against PS3.3."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from renderpool.scene import measure
from tests.support import shared_data
from tests.support.reference_volume_geometry import image
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, UltrasoundRegion
from webviewer.dicom.measure import PixelScale, picture_scale, pixel_scale, value_unit

MIDDLE = [(5.0, 5.0)]


def points(*pairs: tuple[float, float]) -> measure.Points:
    return np.array(pairs, np.float64)


def of(spacing: tuple[float, float] | None = None, **changes: Any) -> ImageAttributes:
    frame = FrameAttributes(pixel_spacing=spacing)
    if changes.pop("is_in_space", False):
        frame = replace(frame, image_orientation_patient=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    return image(frames=(frame,), **{"spacing_source": "PixelSpacing" if spacing else "", **changes})


def region(x0: int, y0: int, x1: int, y1: int, **changes: Any) -> UltrasoundRegion:
    known = {"spatial_format": 1, "data_type": 1, "units_x": 3, "units_y": 3, "delta_x": 0.05, "delta_y": 0.02}
    return UltrasoundRegion(x0, y0, x1, y1, **{**known, **changes})


# -- shapes ----------------------------------------------------------------------------------------------------------


def test_lengths_add_up() -> None:
    assert measure.length(points((0, 0), (3, 4), (3, 10))) == 11.0
    assert measure.length(points((2, 2), (2, 2))) == 0.0


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 10.0, 89.999, 90.0, 135.0, 179.999999, 180.0])
def test_angles_are_right_to_the_ends(degrees: float) -> None:
    turn = math.radians(degrees)
    corner = points((7, 0), (0, 0), (3 * math.cos(turn), 3 * math.sin(turn)))
    mirrored = corner * [1, -1]
    for shape in (corner, mirrored, corner + 1000.0):
        assert measure.corner_angle_deg(shape) == pytest.approx(degrees, abs=1e-9)
    lines = points((1, 1), (6, 1), (0, 0), (math.cos(turn), math.sin(turn)))
    assert measure.lines_angle_deg(lines) == pytest.approx(min(degrees, 180 - degrees), abs=1e-9)


def test_a_leg_without_length_has_no_angle() -> None:
    assert measure.corner_angle_deg(points((0, 0), (0, 0), (1, 1))) is None
    assert measure.lines_angle_deg(points((0, 0), (1, 1), (2, 2), (2, 2))) is None


def test_boxes_have_their_areas_whichever_corners_are_given() -> None:
    for box in (points((1, 2), (5, 8)), points((5, 2), (1, 8)), points((5, 8), (1, 2))):
        assert measure.area("rectangle", box) == 24.0
        assert measure.perimeter("rectangle", box) == 20.0
        assert measure.area("ellipse", box) == pytest.approx(math.pi * 6)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (3.0, 2.0), (5.0, 0.1), (100.0, 1e-3), (2.0, 0.0)])
def test_the_border_of_an_ellipse_is_that_of_many_chords(a: float, b: float) -> None:
    turn = np.linspace(0, 2 * math.pi, 400_001)
    chords = np.hypot(np.diff(a * np.cos(turn)), np.diff(b * np.sin(turn))).sum()
    assert measure.perimeter("ellipse", points((-a, -b), (a, b))) == pytest.approx(chords, rel=1e-7)


def test_polygons_have_their_areas() -> None:
    assert measure.area("polygon", points((0, 0), (4, 0), (0, 3))) == 6.0
    assert measure.area("polygon", points((0, 3), (4, 0), (0, 0)) + 1e8) == 6.0
    bow_tie = points((0, 0), (2, 2), (2, 0), (0, 2))
    assert measure.area("polygon", bow_tie) == pytest.approx(2.0)
    star = points(*((math.sin(k * 4 * math.pi / 5), -math.cos(k * 4 * math.pi / 5)) for k in range(5)))
    dense = np.linspace(-1, 1, 801)
    taken = _even_odd(star, *np.meshgrid(dense + 1e-5, dense + 1e-5)).mean() * 4 * (801 / 800) ** 2
    assert measure.area("polygon", star) == pytest.approx(taken, rel=6e-3)


def _steps(count: int) -> measure.Points:
    return np.arange(count, dtype=np.float64)


def _even_odd(polygon: measure.Points, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say by the winding of angles, and not by crossings, how often a polygon goes round points: odd = inside."""
    total = np.zeros(x.shape)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        one = np.arctan2(start[1] - y, start[0] - x)
        other = np.arctan2(end[1] - y, end[0] - x)
        total += (other - one + math.pi) % (2 * math.pi) - math.pi
    return np.asarray(np.rint(total / (2 * math.pi)).astype(int) % 2 == 1)


@pytest.mark.parametrize("seed", range(12))
def test_masks_of_polygons_are_even_odd(seed: int) -> None:
    random = np.random.default_rng(seed)
    polygon = random.uniform(-2, 14, (random.integers(3, 9), 2))
    xs, ys = _steps(14) + 0.5, _steps(11) * 0.9 + 0.3
    mask = measure.lattice_mask("polygon", polygon, xs, ys)
    assert np.array_equal(mask, _even_odd(polygon, *np.meshgrid(xs, ys)))
    dense = np.linspace(-2, 14, 401)
    taken = _even_odd(polygon, *np.meshgrid(dense, dense)).sum() * (16 / 400) ** 2
    assert measure.area("polygon", polygon) == pytest.approx(taken, rel=0.02, abs=0.3)


def test_masks_of_boxes_hold_what_lies_inside() -> None:
    xs = ys = _steps(6) + 0.5
    box = points((4.6, 1.2), (1.5, 3.5))
    assert measure.lattice_mask("rectangle", box, xs, ys).sum() == 4 * 3  # 1.5 lies on its edge: inside
    ellipse = measure.lattice_mask("ellipse", points((0, 0), (6, 4)), xs, ys)
    for row in range(6):
        for column in range(6):
            assert ellipse[row, column] == (((column - 2.5) / 3) ** 2 + ((row - 1.5) / 2) ** 2 <= 1)
    assert not measure.lattice_mask("ellipse", points((1, 1), (5, 1)), xs, ys).any()


# -- the size of a pixel ---------------------------------------------------------------------------------------------


def test_pixel_spacing_is_rows_first() -> None:
    assert pixel_scale(of((0.4, 0.25)), 1, MIDDLE) == PixelScale(0.25, 0.4, "mm", "patient")


def test_without_spacing_there_are_pixels_of_their_own_aspect() -> None:
    assert pixel_scale(of(), 1, MIDDLE) == PixelScale(1.0, 1.0, "px", "none")
    assert pixel_scale(of(pixel_aspect_ratio=(4, 3)), 1, MIDDLE) == PixelScale(1.0, 4 / 3, "px", "none")


def test_the_doctors_own_calibration_goes_before_all() -> None:
    stated = of((0.4, 0.2), ultrasound_regions=(region(0, 0, 9, 9),))
    assert pixel_scale(stated, 1, MIDDLE, 0.3) == PixelScale(0.3, 0.6, "mm", "calibrated")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spacing_source": "ImagerPixelSpacing", "modality": "DX"}, (1.0, "detector")),
        ({"spacing_source": "NominalScannedPixelSpacing", "modality": "CR"}, (1.0, "detector")),
        (
            {"spacing_source": "ImagerPixelSpacing", "modality": "MG", "estimated_magnification": 1.25},
            (0.8, "patient"),
        ),
        ({"modality": "CR"}, (1.0, "detector")),  # nothing says that it was corrected
        ({"modality": "CR", "pixel_spacing_calibration_type": "GEOMETRY"}, (1.0, "patient")),
        ({"modality": "DX", "pixel_spacing_calibration_type": "FIDUCIAL"}, (1.0, "calibrated")),
        ({"modality": "DX", "imager_pixel_spacing": (1.5, 1.5)}, (1.0, "patient")),  # another one: it was corrected
        ({"modality": "MG", "is_in_space": True}, (1.0, "patient")),  # tomosynthesis
        ({"modality": "MR", "estimated_magnification": 2.0}, (1.0, "patient")),
    ],
)
def test_projections_say_what_mm_rest_on(changes: dict[str, Any], expected: tuple[float, str]) -> None:
    found = pixel_scale(of((1.0, 1.0), **changes), 1, MIDDLE)
    assert (found.x, found.y, found.unit, found.source) == (expected[0], expected[0], "mm", expected[1])


def test_regions_of_ultrasound_hold_their_own_scale() -> None:
    two = of(
        ultrasound_regions=(
            region(0, 0, 639, 479, spatial_format=0, units_x=0, units_y=0, delta_x=1.0, delta_y=1.0),
            region(0, 0, 99, 99),
            region(100, 0, 199, 99, delta_x=-0.1, delta_y=0.1),
            region(0, 100, 199, 199, spatial_format=2, units_x=4),
        )
    )
    assert pixel_scale(two, 1, [(0, 0), (100, 99)]) == PixelScale(0.5, 0.2, "mm", "region")
    assert pixel_scale(two, 1, [(150, 50)]) == PixelScale(1.0, 1.0, "mm", "region")
    for crossing in ([(50, 50), (150, 50)], [(50, 150)], [(50, 50), (50, 150)], [(300, 300)]):
        assert pixel_scale(two, 1, crossing).unit == "px"
    # A spacing beside the regions is that of one of them.
    assert pixel_scale(replace(two, spacing_source="PixelSpacing"), 1, [(300, 300)]).source == "none"


def test_one_scale_for_all_of_a_picture_is_that_of_regions_that_agree() -> None:
    alike = (region(0, 0, 99, 99, delta_y=0.05), region(100, 0, 199, 99, delta_x=0.05, delta_y=-0.05))
    assert picture_scale(of(ultrasound_regions=alike), 1) == PixelScale(0.5, 0.5, "mm", "region")
    graph = region(0, 100, 199, 199, spatial_format=2, units_x=4)
    assert picture_scale(of(ultrasound_regions=(*alike, graph)), 1).source == "region"
    other = region(100, 100, 199, 199, delta_x=0.1, delta_y=0.1)
    assert picture_scale(of(ultrasound_regions=(*alike, other)), 1).source == "none"
    assert picture_scale(of(ultrasound_regions=(graph,)), 1).source == "none"
    # Seen with square pixels, but half as high in the patient: no bar is right in every direction.
    assert picture_scale(of(ultrasound_regions=(region(0, 0, 99, 99, delta_y=0.025),)), 1).source == "none"
    assert picture_scale(of((0.4, 0.25)), 1) == PixelScale(0.25, 0.4, "mm", "patient")
    assert picture_scale(of(pixel_aspect_ratio=(4, 3)), 1) == PixelScale(1.0, 4 / 3, "px", "none")


def test_of_regions_over_one_another_the_upper_one_counts() -> None:
    def scale(*regions: UltrasoundRegion) -> PixelScale:
        return pixel_scale(of(ultrasound_regions=regions), 1, [(20, 20)])

    spectral = region(10, 10, 40, 40, spatial_format=3, units_x=4, units_y=7)
    assert scale(region(0, 0, 99, 99), spectral).unit == "px"
    assert scale(region(0, 0, 99, 99, flags=1), spectral).unit == "mm"
    assert scale(spectral, region(15, 15, 30, 30)).unit == "mm"
    assert scale(region(0, 0, 99, 99, delta_x=0.0)).unit == "px"


@pytest.mark.parametrize(
    ("changes", "rescale_type", "unit"),
    [
        ({"modality": "CT"}, "HU", "HU"),
        ({"modality": "CT"}, "", "HU"),
        ({"modality": "CT"}, "US", ""),
        ({"modality": "MR"}, "", ""),
        ({"modality": "PT", "units": "BQML"}, "", "Bq/ml"),
        ({"modality": "PT", "units": "GML"}, "US", "g/ml"),
        ({"modality": "CR"}, "OD", "OD"),
    ],
)
def test_values_have_the_unit_that_the_file_states(changes: dict[str, Any], rescale_type: str, unit: str) -> None:
    assert value_unit(image(frames=(FrameAttributes(rescale_type=rescale_type),), **changes)) == unit


# -- real files ------------------------------------------------------------------------------------------------------


def _stored(name: str) -> ImageAttributes:
    with shared_data.path_of(name).open("rb") as file:
        stored = read_image(file)
    assert stored is not None
    return stored.attributes


@shared_data.required
@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        # What pydicom reads of them: regions in cm per pixel, Imager Pixel Spacing and magnification.
        ("ultrasound/ybrFull-RLE.dcm", (100, 100), (0.09536785180637355, 0.09536785180637355, "region")),
        ("ultrasound/ybrFull-RLE.dcm", (20, 100), (1.0, 1.0, "none")),
        ("ultrasound/Issue16.dcm", (100, 100), (0.2857142857142857, 0.22857142857142857, "region")),
        ("ultrasound/Issue16.dcm", (100, 390), (1.0, 536 / 670, "none")),  # over seconds
        ("xray_dx_cr_mg/OutOfBoundsOverlay.dcm", (9, 9), (0.0814692308, 0.0814692308, "patient")),  # magnified 1.0433
        ("xray_dx_cr_mg/dx_image.dcm", (9, 9), (1.201199999999, 1.2, "detector")),
        ("xray_dx_cr_mg/RG3_J2KR.dcm", (9, 9), (1.0, 1.0, "none")),
    ],
)
def test_real_pictures_state_their_scale(
    name: str, at: tuple[float, float], expected: tuple[float, float, str]
) -> None:
    found = pixel_scale(_stored(name), 1, [at])
    x, y, source = expected
    assert (found.unit, found.source) == ("px" if source == "none" else "mm", source)
    assert found.x == pytest.approx(x, rel=1e-8)
    if not name.startswith("ultrasound"):
        assert picture_scale(_stored(name), 1) == found, "the bar beside a picture says what a ruler does"
    if name != "ultrasound/Issue16.dcm" or source != "none":
        assert found.y == pytest.approx(y, rel=1e-8)
