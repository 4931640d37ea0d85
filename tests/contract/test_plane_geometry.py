"""Planes: radiological orientation, steps, the canvas, and three planes with their crossing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.scene.slab import voxel_step_mm
from tests.support.page_geometry.crossing import CrossingPlanes, start_planes
from tests.support.page_geometry.plane import (
    Plane,
    PlaneAxes,
    PlaneKind,
    nearest_in_volume,
    plane_range,
    standard_frame,
    standard_plane,
)
from tests.support.page_geometry.plane_view import (
    CanvasLine,
    EdgeLetters,
    PlaneLook,
    PlaneView,
    panned,
    resolve_plane,
    zoomed,
)
from tests.support.plane_grids import GRIDS, NAMES, OBLIQUE, SAGITTAL_SCAN, STRAIGHT, TILT, TILTED, TURN, grid_of
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

AXIAL, CORONAL, SAGITTAL = PlaneKind
SQUARE = PlaneLook(200, 200)


def view_of(grid: VolumeGrid, kind: PlaneKind, look: PlaneLook = SQUARE) -> PlaneView:
    return resolve_plane(grid, standard_plane(kind, grid), look)


def seen(view: PlaneView, p_lps: tuple[float, float, float]) -> list[float]:
    return [round(number, 6) + 0.0 for number in view.canvas_at(p_lps)]


@pytest.mark.parametrize(
    ("kind", "letters"),
    [
        (AXIAL, EdgeLetters("A", "L", "P", "R")),
        (CORONAL, EdgeLetters("H", "L", "F", "R")),
        (SAGITTAL, EdgeLetters("H", "P", "F", "A")),
    ],
)
@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_planes_start_in_the_radiological_orientation(grid: VolumeGrid, kind: PlaneKind, letters: EdgeLetters) -> None:
    assert view_of(grid, kind).edge_letters == letters


@pytest.mark.parametrize(
    ("kind", "right_of", "below"),
    [
        (AXIAL, (10.0, 0, 0), (0, 10.0, 0)),
        (CORONAL, (10.0, 0, 0), (0, 0, -10.0)),
        (SAGITTAL, (0, 10.0, 0), (0, 0, -10.0)),
    ],
)
def test_points_of_the_patient_lie_where_the_letters_say(
    kind: PlaneKind, right_of: tuple[float, float, float], below: tuple[float, float, float]
) -> None:
    view = view_of(STRAIGHT, kind, PlaneLook(200, 100, zoom=4.0))
    middle = view.lps_at(100, 50)
    x, y, depth = view.canvas_at(middle + right_of)
    assert (x, y, depth) == pytest.approx((140, 50, 0))
    x, y, depth = view.canvas_at(middle + below)
    assert (x, y, depth) == pytest.approx((100, 90, 0))


def test_depth_grows_away_from_who_looks() -> None:
    assert view_of(STRAIGHT, AXIAL).canvas_at(standard_plane(AXIAL, STRAIGHT).shifted(7).point_lps_mm)[2] == 7
    # An axial plane is seen from the feet, so the head lies behind it; a coronal one from the front.
    assert standard_frame(AXIAL)[:, 2].tolist() == [0, 0, 1]
    assert standard_frame(CORONAL)[:, 2].tolist() == [0, 1, 0]
    assert standard_frame(SAGITTAL)[:, 2].tolist() == [-1, 0, 0]


@pytest.mark.parametrize("kind", PlaneKind)
@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_a_plane_starts_through_a_voxel(grid: VolumeGrid, kind: PlaneKind) -> None:
    plane = standard_plane(kind, grid, PlaneAxes.VOLUME)
    index = grid.index_from_lps @ np.append(plane.point_lps_mm, 1.0)
    assert index[:3] == pytest.approx(np.round(index[:3]), abs=1e-9)


def test_a_straight_canvas_runs_along_the_voxels() -> None:
    view = resolve_plane(STRAIGHT, standard_plane(AXIAL, STRAIGHT), PlaneLook(100, 80))
    assert view.zoom == 2.0
    # The centre of the first canvas pixel is the centre of the first voxel of the middle slice.
    assert view.index_from_canvas(STRAIGHT) @ np.array([0.5, 0.5, 0, 1]) == pytest.approx([0, 0, 10, 1])
    assert view.index_from_canvas(STRAIGHT) @ np.array([99.5, 79.5, 6, 1]) == pytest.approx([99, 79, 12, 1])


def test_a_plane_of_the_acquisition_is_its_slice_though_the_gantry_was_tilted() -> None:
    frame = standard_frame(AXIAL, TILTED, PlaneAxes.VOLUME)
    assert frame[:, 0] == pytest.approx([1, 0, 0])
    assert frame[:, 1] == pytest.approx([0, math.cos(TILT), math.sin(TILT)])
    steps = TILTED.index_from_lps[:3, :3] @ frame[:, :2]
    assert steps[2] == pytest.approx([0, 0], abs=1e-12)


def test_the_axes_of_a_sagittal_scan_are_the_patient_s() -> None:
    for kind in PlaneKind:
        assert standard_frame(kind, SAGITTAL_SCAN, PlaneAxes.VOLUME) == pytest.approx(standard_frame(kind))


def test_the_axes_of_an_oblique_scan_are_the_nearest_of_its_own() -> None:
    assert standard_frame(AXIAL, OBLIQUE, PlaneAxes.VOLUME)[:, 0] == pytest.approx([math.cos(TURN), math.sin(TURN), 0])
    assert standard_frame(CORONAL, OBLIQUE, PlaneAxes.VOLUME)[:, 2] == pytest.approx(
        [-math.sin(TURN), math.cos(TURN), 0]
    )


def test_a_mirrored_volume_gives_the_same_planes() -> None:
    mirrored = grid_of((-0.5, 0, 0), (0, 0.5, 0), (0, 0, 3), (20, 80, 100))
    for kind in PlaneKind:
        assert standard_frame(kind, mirrored, PlaneAxes.VOLUME) == pytest.approx(standard_frame(kind))


@pytest.mark.parametrize(
    ("look", "letters"),
    [
        (PlaneLook(9, 9, rotation_deg=90), EdgeLetters("R", "A", "L", "P")),
        (PlaneLook(9, 9, flip_horizontal=True), EdgeLetters("A", "R", "P", "L")),
        (PlaneLook(9, 9, rotation_deg=90, flip_horizontal=True), EdgeLetters("L", "A", "R", "P")),
        (PlaneLook(9, 9, rotation_deg=30), EdgeLetters("AR", "LA", "PL", "RP")),
    ],
)
def test_letters_follow_the_look(look: PlaneLook, letters: EdgeLetters) -> None:
    assert view_of(STRAIGHT, AXIAL, look).edge_letters == letters


def test_fitting_touches_the_nearer_edges_and_heeds_a_turn() -> None:
    # 50 mm × 40 mm × 60 mm
    assert view_of(STRAIGHT, AXIAL).zoom == 4.0
    assert view_of(STRAIGHT, CORONAL).zoom == pytest.approx(200 / 60)
    assert view_of(STRAIGHT, AXIAL, PlaneLook(100, 200, rotation_deg=90)).zoom == 2.5
    assert view_of(STRAIGHT, AXIAL, PlaneLook(200, 200)).fitted
    assert not view_of(STRAIGHT, AXIAL, PlaneLook(200, 200, zoom=4.0)).fitted


def test_a_turned_plane_keeps_its_size() -> None:
    plane = standard_plane(CORONAL, STRAIGHT).turned(np.array([0.0, 0.0, 1.0]), 45)
    assert resolve_plane(STRAIGHT, plane, SQUARE).zoom == view_of(STRAIGHT, CORONAL).zoom


def test_a_point_goes_to_the_canvas_and_back() -> None:
    look = PlaneLook(311, 200, zoom=3.3, center_lps_mm=(-3.0, 20.0, 130.0), rotation_deg=37, flip_horizontal=True)
    plane = standard_plane(SAGITTAL, OBLIQUE).turned(np.array([0.6, 0.0, 0.8]), 33)
    view = resolve_plane(OBLIQUE, plane, look)
    p_lps = view.lps_at(12.25, 180.5)
    assert plane.normal @ (p_lps - plane.point_lps_mm) == pytest.approx(0, abs=1e-9)
    assert view.canvas_at(p_lps) == pytest.approx((12.25, 180.5, 0))
    assert view.canvas_at(p_lps - 4 * plane.normal)[2] == pytest.approx(-4)
    assert view.mm_per_px == pytest.approx(np.linalg.norm(view.lps_at(1, 0) - view.lps_at(0, 0)))


def test_what_is_under_the_pointer_stays_under_it() -> None:
    look = PlaneLook(300, 200, rotation_deg=20, flip_horizontal=True)
    view = view_of(OBLIQUE, CORONAL, look)
    held = view.lps_at(50, 60)
    moved = view_of(OBLIQUE, CORONAL, panned(look, view, 31, -17))
    assert moved.canvas_at(held) == pytest.approx((81, 43, 0))
    larger = view_of(OBLIQUE, CORONAL, zoomed(look, view, 2.5, 50, 60))
    assert larger.canvas_at(held) == pytest.approx((50, 60, 0))
    assert larger.zoom == pytest.approx(2.5 * view.zoom)


def test_a_pan_outlives_scrolling() -> None:
    look = panned(SQUARE, view_of(STRAIGHT, AXIAL), 10, 20)
    plane = standard_plane(AXIAL, STRAIGHT).shifted(9)
    assert resolve_plane(STRAIGHT, plane, look).lps_at(0, 0)[:2] == pytest.approx(
        resolve_plane(STRAIGHT, plane.shifted(-9), look).lps_at(0, 0)[:2]
    )


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (PlaneLook(0, 10), "canvas of 0 × 10"),
        (PlaneLook(10, 10, zoom=0.0), "zoom of 0.0 pixels per mm is invalid: must be greater than 0"),
        (PlaneLook(10, 10, zoom=math.nan), "zoom of nan"),
        (PlaneLook(10, 10, rotation_deg=math.inf), "turn by inf degrees"),
        (PlaneLook(10, 10, center_lps_mm=(0, math.nan, 0)), "must be three finite numbers"),
    ],
)
def test_a_look_that_cannot_be_is_refused_in_words(look: PlaneLook, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        view_of(STRAIGHT, AXIAL, look)


def test_the_range_goes_from_the_first_slice_to_the_last() -> None:
    along = plane_range(STRAIGHT, np.array([0.0, 0.0, 1.0]))
    assert (along.first_mm, along.last_mm, along.step_mm, along.count) == (100, 157, 3, 20)
    assert [along.number(mm) for mm in (-50, 100, 101.4, 101.6, 157, 900)] == [1, 1, 1, 2, 20, 20]
    assert [along.position_mm(number) for number in (-3, 1, 2, 20, 99)] == [100, 100, 103, 157, 157]


def test_a_chosen_step_makes_other_numbers() -> None:
    along = plane_range(STRAIGHT, np.array([0.0, 0.0, 1.0]), 10)
    assert (along.count, along.number(121), along.position_mm(along.count)) == (6, 3, 150)
    with pytest.raises(InvalidInput, match=r"step of 0 mm is invalid"):
        plane_range(STRAIGHT, np.array([0.0, 0.0, 1.0]), 0)


def across(planes: CrossingPlanes) -> NDArray[np.float64]:
    return np.array([planes.plane(kind).normal for kind in PlaneKind])


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
@pytest.mark.parametrize("kind", PlaneKind)
def test_scrolling_moves_one_plane_by_a_voxel_and_stops_at_the_end(grid: VolumeGrid, kind: PlaneKind) -> None:
    start = start_planes(grid)
    step = voxel_step_mm(grid, start.plane(kind).normal)
    moved = start.scrolled(kind, 2, grid)
    assert moved.plane(kind).position_mm - start.plane(kind).position_mm == pytest.approx(2 * step)
    for other in start.others(kind):
        assert moved.plane(other.kind).position_mm == pytest.approx(other.position_mm)
    along = plane_range(grid, start.plane(kind).normal)
    last = start.scrolled(kind, 10_000, grid).plane(kind).position_mm
    assert along.last_mm - step < last <= along.last_mm + 1e-9
    assert (last - start.plane(kind).position_mm) / step == pytest.approx(
        round((last - start.plane(kind).position_mm) / step)
    )
    assert along.first_mm <= start.scrolled(kind, -10_000, grid).plane(kind).position_mm + 1e-9


def test_scrolling_by_a_chosen_step_and_going_to_a_number() -> None:
    start = start_planes(STRAIGHT)
    assert start.plane(AXIAL).position_mm == 130
    assert start.scrolled(AXIAL, -2, STRAIGHT, 5).plane(AXIAL).position_mm == 120
    assert start.placed(AXIAL, 1, STRAIGHT).plane(AXIAL).position_mm == 100
    assert start.placed(AXIAL, 20, STRAIGHT).plane(AXIAL).position_mm == 157


def test_the_crossing_is_moved_and_held_in_the_volume() -> None:
    start = start_planes(STRAIGHT)
    moved = start.moved(np.array([-20.0, 15.0, 104.0]), STRAIGHT)
    assert [moved.plane(kind).position_mm for kind in PlaneKind] == [104, 15, 20]
    held = start.moved(np.array([-2000.0, 15.0, 104.0]), STRAIGHT)
    assert held.crossing_lps_mm == pytest.approx([-30, 15, 104])
    inside = nearest_in_volume(TILTED, np.array([0.0, 1000.0, 120.0]))
    assert (TILTED.index_from_lps @ np.append(inside, 1))[1] == pytest.approx(79)


def test_turning_the_lines_of_one_plane_turns_the_other_two_about_the_crossing() -> None:
    planes = start_planes(STRAIGHT).turned(AXIAL, 30)
    assert planes.plane(AXIAL).lps_from_frame == pytest.approx(standard_frame(AXIAL))
    assert planes.plane(CORONAL).normal == pytest.approx([-0.5, math.sqrt(0.75), 0])
    assert planes.plane(SAGITTAL).normal == pytest.approx([-math.sqrt(0.75), -0.5, 0])
    assert planes.is_square
    assert planes.crossing_lps_mm is not None
    # Clockwise on the axial canvas: the coronal line, level before, now runs down to the right.
    line = view_of(STRAIGHT, AXIAL).line_of(planes.plane(CORONAL))
    assert line is not None
    left, right = sorted([(line.x0, line.y0), (line.x1, line.y1)])
    assert (right[1] - left[1]) / (right[0] - left[0]) == pytest.approx(math.tan(math.radians(30)))


def test_a_freed_plane_turns_alone() -> None:
    start = start_planes(STRAIGHT)
    freed = start.turned(AXIAL, 30, CORONAL, keep_square=False)
    assert freed.plane(SAGITTAL).normal == pytest.approx(start.plane(SAGITTAL).normal)
    assert freed.plane(CORONAL).normal == pytest.approx([-0.5, math.sqrt(0.75), 0])
    assert not freed.is_square


def test_a_freed_plane_shifts_and_leaves_the_others_where_they_are() -> None:
    freed = start_planes(STRAIGHT).turned(AXIAL, 30, CORONAL, keep_square=False)
    moved = freed.shifted(CORONAL, 4, STRAIGHT)
    assert moved.plane(CORONAL).position_mm - freed.plane(CORONAL).position_mm == pytest.approx(4)
    for kind in (AXIAL, SAGITTAL):
        assert moved.plane(kind).position_mm == pytest.approx(freed.plane(kind).position_mm)


def test_planes_with_no_common_point_left_still_shift() -> None:
    alike = start_planes(STRAIGHT).turned(AXIAL, 90, CORONAL, keep_square=False)
    moved = alike.shifted(AXIAL, 6, STRAIGHT)
    assert moved.plane(AXIAL).position_mm == pytest.approx(136)


@pytest.mark.parametrize("keep", PlaneKind)
def test_freed_planes_become_square_again(keep: PlaneKind) -> None:
    freed = start_planes(OBLIQUE).turned(AXIAL, 30, CORONAL, keep_square=False)
    freed = freed.turned(CORONAL, -20, SAGITTAL, keep_square=False)
    square = freed.squared(keep)
    assert square.is_square
    assert square.plane(keep).lps_from_frame == pytest.approx(freed.plane(keep).lps_from_frame)
    # None is turned farther than it must be.
    assert (across(square) * across(freed)).sum(axis=1).min() > math.cos(math.radians(40))


def test_dragging_the_end_of_a_line_takes_the_line_along_on_a_flipped_canvas_too() -> None:
    start = start_planes(STRAIGHT)
    look = PlaneLook(300, 300, rotation_deg=20, flip_horizontal=True)
    view = resolve_plane(STRAIGHT, start.plane(AXIAL), look)
    line = view.line_of(start.plane(CORONAL))
    assert line is not None
    pointer = (line.x1 - 20, line.y1 + 35)
    planes = start.dragged(AXIAL, CORONAL, view.lps_at(line.x1, line.y1), view.lps_at(*pointer))
    p_lps = view.lps_at(*pointer)
    assert planes.plane(CORONAL).normal @ p_lps == pytest.approx(planes.plane(CORONAL).position_mm)
    assert planes.is_square


def test_planes_stay_square_through_hundreds_of_turns() -> None:
    planes = start_planes(OBLIQUE)
    for number in range(300):
        planes = planes.turned(list(PlaneKind)[number % 3], 0.37 * number)
    assert np.abs(across(planes) @ across(planes).T - np.eye(3)).max() < 1e-9


def test_a_window_is_set_straight_and_all_are_reset() -> None:
    turned = start_planes(STRAIGHT).turned(AXIAL, 30).turned(SAGITTAL, 10).moved(np.array([-5.0, 20, 120]), STRAIGHT)
    straight = turned.oriented(CORONAL, CORONAL, STRAIGHT)
    assert straight.plane(CORONAL).lps_from_frame == pytest.approx(standard_frame(CORONAL))
    assert straight.plane(AXIAL).normal == pytest.approx(turned.plane(AXIAL).normal)
    assert straight.crossing_lps_mm.tolist() == [-5, 20, 120]
    as_axial = turned.oriented(CORONAL, AXIAL, STRAIGHT)
    assert as_axial.plane(CORONAL).lps_from_frame == pytest.approx(standard_frame(AXIAL))
    assert start_planes(STRAIGHT).crossing_lps_mm.tolist() == [-5, 32, 130]


def test_lines_of_the_other_planes_cross_at_the_crossing() -> None:
    planes = start_planes(STRAIGHT)
    view = resolve_plane(STRAIGHT, planes.plane(AXIAL), PlaneLook(200, 100, zoom=2.0))
    x, y, _ = view.canvas_at(planes.crossing_lps_mm)
    sagittal, coronal = view.line_of(planes.plane(SAGITTAL)), view.line_of(planes.plane(CORONAL))
    assert sagittal is not None
    assert coronal is not None
    assert (sagittal.x0, sagittal.x1) == pytest.approx((x, x))
    assert sorted((sagittal.y0, sagittal.y1)) == pytest.approx([0, 100])
    assert (coronal.y0, coronal.y1) == pytest.approx((y, y))
    assert sorted((coronal.x0, coronal.x1)) == pytest.approx([0, 200])


def test_dotted_lines_lie_at_half_the_thickness() -> None:
    planes = start_planes(STRAIGHT)
    view = resolve_plane(STRAIGHT, planes.plane(AXIAL), PlaneLook(200, 100, zoom=2.0))
    y = view.canvas_at(planes.crossing_lps_mm)[1]
    line = view.line_of(planes.plane(CORONAL), 10)
    assert isinstance(line, CanvasLine)
    assert line.y0 == pytest.approx(y + 20)


def test_there_is_no_line_of_a_parallel_plane_or_one_beside_the_canvas() -> None:
    planes = start_planes(STRAIGHT)
    view = resolve_plane(STRAIGHT, planes.plane(AXIAL), PlaneLook(200, 100, zoom=2.0))
    assert view.line_of(planes.plane(AXIAL).shifted(5)) is None
    assert view.line_of(planes.plane(CORONAL), 500) is None
    assert view.line_of(planes.plane(SAGITTAL), -500) is None


def test_a_line_of_an_oblique_plane_lies_in_both() -> None:
    planes = start_planes(TILTED).turned(CORONAL, 25).turned(AXIAL, -40)
    view = resolve_plane(TILTED, planes.plane(SAGITTAL), PlaneLook(300, 200, rotation_deg=15))
    for other in planes.others(SAGITTAL):
        line = view.line_of(other)
        assert line is not None
        for x, y in ((line.x0, line.y0), (line.x1, line.y1)):
            assert other.normal @ view.lps_at(x, y) == pytest.approx(other.position_mm)
            assert min(x, y, 300 - x, 200 - y) == pytest.approx(0, abs=1e-9)


def test_a_point_says_how_far_behind_the_plane_it_is() -> None:
    plane = standard_plane(CORONAL, STRAIGHT)
    assert plane.distance_mm(plane.point_lps_mm + np.array([3.0, 4.5, 9.0])) == pytest.approx(4.5)


def test_planes_hold_their_own_numbers() -> None:
    plane = standard_plane(AXIAL, STRAIGHT)
    assert isinstance(plane, Plane)
    with pytest.raises(ValueError, match="read-only"):
        plane.point_lps_mm[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        plane.lps_from_frame[0, 0] = 1
