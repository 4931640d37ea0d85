"""The camera: where its rays run, how it turns, its standard orientations and angles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.page_geometry.camera import Camera, CameraView, Projection, camera_at, start_camera
from tests.support.page_geometry.orientations import (
    STANDARD_ORIENTATIONS,
    CameraAngles,
    angles_of,
    cube_faces,
    frame_from_angles,
    standard_orientation,
)
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

# The phantom and the camera of the measurements.
PHANTOM = VolumeGrid((300, 512, 512), np.diag([0.7, 0.7, 1.25, 1.0]))
TARGET = np.array([178.85, 178.85, 186.875])
AWAY0 = np.array([0.5, -0.8, 0.25]) / np.linalg.norm([0.5, -0.8, 0.25])


def scene_camera() -> Camera:
    eye = TARGET + 900 * AWAY0
    return camera_at(eye.tolist(), TARGET.tolist(), (0, 0, 1), 28.0)


def ray_of_the_scene(x: float, y: float) -> NDArray[np.float64]:
    """The direction of a ray of scene.json on 512 × 512, said a second time: by angles, as VTK has it."""
    forward = -AWAY0
    right = np.array([forward[1], -forward[0], 0.0])
    right /= np.linalg.norm(right)
    up = np.array(
        [
            right[1] * forward[2] - right[2] * forward[1],
            right[2] * forward[0] - right[0] * forward[2],
            right[0] * forward[1] - right[1] * forward[0],
        ]
    )
    half = math.tan(math.radians(14))
    direction = forward + (x / 256 - 1) * half * right - (y / 256 - 1) * half * up
    return np.asarray(direction / np.linalg.norm(direction))


@pytest.mark.parametrize("pixel", [(0.5, 0.5), (511.5, 0.5), (0.5, 511.5), (256, 256), (100.5, 400.5)])
def test_the_camera_of_the_scene_is_reproduced(pixel: tuple[float, float]) -> None:
    camera = scene_camera()
    assert camera.distance_mm == pytest.approx(900)
    assert camera.eye_lps_mm == pytest.approx(TARGET + 900 * AWAY0)
    origin, direction = CameraView(camera, 512, 512).ray_at(*pixel)
    assert origin == pytest.approx(camera.eye_lps_mm)
    assert direction == pytest.approx(ray_of_the_scene(*pixel))


def test_the_turntable_of_the_scene_goes_round_the_patient_s_long_axis() -> None:
    camera = scene_camera().turntable(36)
    c, s = math.cos(math.radians(36)), math.sin(math.radians(36))
    eye = TARGET + 900 * np.array([c * AWAY0[0] - s * AWAY0[1], s * AWAY0[0] + c * AWAY0[1], AWAY0[2]])
    assert camera.eye_lps_mm == pytest.approx(eye)
    assert camera.lps_from_frame == pytest.approx(camera_at(eye.tolist(), TARGET.tolist(), (0, 0, 1)).lps_from_frame)


@pytest.mark.parametrize("projection", Projection)
@pytest.mark.parametrize("size", [(400, 300), (300, 500), (256, 256)])
def test_a_point_goes_to_the_canvas_and_back(projection: Projection, size: tuple[int, int]) -> None:
    camera = replace(
        start_camera(PHANTOM, projection).turntable(33).rolled(20), zoom=1.7, pan_x_mm=12.0, pan_y_mm=-30.0
    )
    view = CameraView(camera, *size)
    for p_lps in PHANTOM.corners_lps_mm:
        found = view.canvas_at(p_lps)
        assert found is not None
        assert view.lps_at(*found) == pytest.approx(p_lps)
        origin, direction = view.ray_at(found[0], found[1])
        assert np.cross(direction, p_lps - origin) == pytest.approx([0, 0, 0], abs=1e-6)


@pytest.mark.parametrize("projection", Projection)
def test_depth_grows_away_from_the_viewer(projection: Projection) -> None:
    view = CameraView(start_camera(PHANTOM, projection), 200, 200)
    near = view.lps_at(60, 80, -100)
    far = view.lps_at(60, 80, 100)
    _, direction = view.ray_at(60, 80)
    assert direction @ (far - near) > 100
    assert np.cross(direction, far - near) == pytest.approx([0, 0, 0], abs=1e-9)
    # A step of depth is a millimetre at the target.
    step = (view.lps_at(100, 100, 1e-4) - view.lps_at(100, 100, -1e-4)) / 2e-4
    assert step == pytest.approx(view.camera.away, abs=1e-6)


def test_what_lies_behind_the_eye_is_not_on_the_canvas() -> None:
    camera = scene_camera()
    assert CameraView(camera, 512, 512).canvas_at(camera.eye_lps_mm - 10 * camera.away) is None
    assert CameraView(camera, 512, 512).canvas_at(camera.eye_lps_mm + 10 * camera.away) is not None


@pytest.mark.parametrize("projection", Projection)
@pytest.mark.parametrize("size", [(400, 300), (300, 400)])
def test_the_patient_stays_in_view_however_he_is_turned(projection: Projection, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(11)
    camera = start_camera(PHANTOM, projection)
    for _ in range(40):
        axis = rng.normal(size=3)
        camera = camera.orbited(axis / np.linalg.norm(axis), float(rng.uniform(-180, 180)))
        view = CameraView(camera, *size)
        around = rng.normal(size=(8, 3))
        # The longest side of the volume is 375 mm.
        for direction in around / np.linalg.norm(around, axis=1)[:, None]:
            found = view.canvas_at(TARGET + 187.5 * direction)
            assert found is not None
            assert 0 <= found[0] <= size[0]
            assert 0 <= found[1] <= size[1]


def test_the_start_fills_the_canvas() -> None:
    view = CameraView(start_camera(PHANTOM), 500, 400)
    assert view.mm_per_px * 400 == pytest.approx(1.2 * 375)


def test_the_target_keeps_its_size_when_the_projection_changes() -> None:
    camera = start_camera(PHANTOM)
    parallel = CameraView(camera, 300, 200)
    perspective = CameraView(camera.projected(Projection.PERSPECTIVE), 300, 200)
    for offset in (camera.lps_from_frame[:, 0], camera.up):
        p_lps = camera.target_lps_mm + 40 * offset
        assert parallel.canvas_at(p_lps) == pytest.approx(perspective.canvas_at(p_lps))


STANDARD = {
    # from where, what is at the right edge, what is at the upper edge
    "A": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "P": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    "L": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "R": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "H": ((0, 0, 1), (-1, 0, 0), (0, -1, 0)),
    "F": ((0, 0, -1), (1, 0, 0), (0, -1, 0)),
    "LAO": ((math.sqrt(0.5), -math.sqrt(0.5), 0), (math.sqrt(0.5), math.sqrt(0.5), 0), (0, 0, 1)),
    "RAO": ((-math.sqrt(0.5), -math.sqrt(0.5), 0), (math.sqrt(0.5), -math.sqrt(0.5), 0), (0, 0, 1)),
}


@pytest.mark.parametrize("name", STANDARD_ORIENTATIONS)
def test_standard_orientations_look_from_where_they_are_called(name: str) -> None:
    viewer, right, up = STANDARD[name]
    frame = standard_orientation(name)
    assert -frame[:, 2] == pytest.approx(viewer)
    assert frame[:, 0] == pytest.approx(right)
    assert -frame[:, 1] == pytest.approx(up)
    assert np.linalg.det(frame) == pytest.approx(1)


def test_an_oblique_orientation_takes_its_angle() -> None:
    frame = standard_orientation("LAO", 30)
    assert -frame[:, 2] == pytest.approx([0.5, -math.sqrt(0.75), 0])
    assert standard_orientation("RAO", 90) == pytest.approx(standard_orientation("R"))


def test_an_unknown_orientation_is_refused_in_words() -> None:
    with pytest.raises(InvalidInput, match="Orientation 'X' is invalid: must be one of A, P, L, R, H, F, LAO, RAO"):
        standard_orientation("X")


def test_cranial_angulation_looks_from_above() -> None:
    frame = frame_from_angles(CameraAngles(0, 30, 0))
    assert -frame[:, 2] == pytest.approx([0, -math.sqrt(0.75), 0.5])
    assert frame[:, 0] == pytest.approx([1, 0, 0])
    assert -frame[:, 1] == pytest.approx([0, 0.5, math.sqrt(0.75)])


def test_roll_turns_the_picture_clockwise() -> None:
    camera = start_camera(PHANTOM).oriented(frame_from_angles(CameraAngles(0, 0, 90)))
    # The head, up before, is at the right of the picture.
    found = CameraView(camera, 200, 200).canvas_at(camera.target_lps_mm + np.array([0, 0, 50.0]))
    assert found is not None
    assert (found[0] > 100, round(found[1], 6)) == (True, 100)
    assert start_camera(PHANTOM).rolled(90).lps_from_frame == pytest.approx(camera.lps_from_frame)


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (45, 0, 0), (-135, 20, 10), (170, -89, -120), (30, -45, 179), (-90, 60, -5)]
)
def test_angles_that_were_set_are_told_again(angles: tuple[float, float, float]) -> None:
    camera = start_camera(PHANTOM).oriented(frame_from_angles(CameraAngles(*angles)))
    found = angles_of(camera)
    assert (found.rotation_deg, found.angulation_deg, found.roll_deg) == pytest.approx(angles, abs=1e-6)


@pytest.mark.parametrize("name", ["H", "F"])
def test_angles_straight_from_head_or_feet_give_the_same_picture_again(name: str) -> None:
    camera = start_camera(PHANTOM).oriented(standard_orientation(name))
    assert frame_from_angles(angles_of(camera)) == pytest.approx(camera.lps_from_frame, abs=1e-9)
    assert angles_of(camera).angulation_deg == (90 if name == "H" else -90)


def test_angles_beyond_head_and_feet_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"angulation of 91 degrees is invalid: must be from -90 \(feet\) to 90"):
        frame_from_angles(CameraAngles(0, 91, 0))
    with pytest.raises(InvalidInput, match="must be finite"):
        frame_from_angles(CameraAngles(math.nan, 0, 0))


@pytest.mark.parametrize("drag", [(20.0, 0.0), (0.0, 20.0), (-15.0, 10.0)])
def test_the_near_side_follows_the_pointer(drag: tuple[float, float]) -> None:
    camera = start_camera(PHANTOM).orbited(np.array([0.6, 0.0, 0.8]), 50)
    view = CameraView(camera, 300, 200)
    near = camera.target_lps_mm - 60 * camera.away
    moved = CameraView(camera.turned_by_drag(*drag, view), 300, 200).canvas_at(near)
    assert moved is not None
    way = np.array(moved[:2]) - (150, 100)
    assert way @ drag / np.linalg.norm(way) / np.linalg.norm(drag) == pytest.approx(1)


def test_a_drag_over_the_canvas_is_half_a_turn_and_a_drag_of_nothing_is_none() -> None:
    camera = start_camera(PHANTOM)
    view = CameraView(camera, 300, 200)
    assert camera.turned_by_drag(200, 0, view).lps_from_frame == pytest.approx(standard_orientation("P"))
    assert camera.turned_by_drag(0, 0, view) is camera
    assert camera.turned_by_drag(math.nan, 0, view) is camera


def test_the_frame_stays_square_through_a_thousand_drags() -> None:
    camera = start_camera(PHANTOM)
    view = CameraView(camera, 300, 200)
    for number in range(1000):
        camera = camera.turned_by_drag(math.sin(number) * 9, math.cos(3 * number) * 7, view)
    assert camera.lps_from_frame.T @ camera.lps_from_frame == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("projection", Projection)
def test_a_pan_moves_the_picture_with_the_pointer_and_nothing_else(projection: Projection) -> None:
    camera = start_camera(PHANTOM, projection).turntable(20).zoomed(2)
    before = CameraView(camera, 300, 200)
    after = CameraView(camera.panned(25, -40, before), 300, 200)
    for p_lps in PHANTOM.corners_lps_mm:
        old, new = before.canvas_at(p_lps), after.canvas_at(p_lps)
        assert old is not None
        assert new is not None
        assert (new[0] - old[0], new[1] - old[1], new[2] - old[2]) == pytest.approx((25, -40, 0), abs=1e-6)


@pytest.mark.parametrize("projection", Projection)
def test_zooming_enlarges_about_the_middle(projection: Projection) -> None:
    camera = start_camera(PHANTOM, projection)
    p_lps = PHANTOM.corners_lps_mm[3]
    old = CameraView(camera, 300, 200).canvas_at(p_lps)
    new = CameraView(camera.zoomed(3), 300, 200).canvas_at(p_lps)
    assert old is not None
    assert new is not None
    assert (new[0] - 150, new[1] - 100) == pytest.approx((3 * (old[0] - 150), 3 * (old[1] - 100)))
    assert camera.zoomed(1e9).zoom == 1000
    assert camera.zoomed(1e-9).zoom == 0.01
    with pytest.raises(InvalidInput, match="zoom by 0 is invalid"):
        camera.zoomed(0)


def test_a_picked_point_comes_to_the_middle_and_everything_turns_about_it() -> None:
    camera = start_camera(PHANTOM).panned(30, 30, CameraView(start_camera(PHANTOM), 300, 200))
    centered = camera.centered_on((100.0, 120.0, 90.0))
    for turned in (centered, centered.turntable(70), centered.rolled(33)):
        found = CameraView(turned, 300, 200).canvas_at((100.0, 120.0, 90.0))
        assert found == pytest.approx((150, 100, 0), abs=1e-9)


def test_the_cube_shows_the_faces_that_are_turned_to_the_viewer() -> None:
    camera = start_camera(PHANTOM)
    assert [face.letter for face in cube_faces(camera)] == ["A"]
    face = cube_faces(camera)[0]
    assert face.corners == ((-1, -1), (1, -1), (1, 1), (-1, 1))
    assert face.facing == 1
    oblique = cube_faces(camera.oriented(frame_from_angles(CameraAngles(30, 10, 0))))
    assert [face.letter for face in oblique] == ["H", "L", "A"]
    # The left face is seen at the right, its letter upright: its upper edge is above its lower.
    left = oblique[1]
    assert np.mean([x for x, _ in left.corners]) > 0.3
    assert left.corners[0][1] < left.corners[3][1]


def test_a_click_on_a_face_turns_it_to_the_viewer() -> None:
    camera = start_camera(PHANTOM).orbited(np.array([0.0, 0.6, 0.8]), 100)
    for face in cube_faces(camera):
        turned = camera.oriented(standard_orientation(face.letter))
        assert cube_faces(turned)[-1].letter == face.letter
        assert cube_faces(turned)[-1].facing == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"extent_mm": 0.0}, "sees 0.0 mm is invalid"),
        ({"zoom": 2000.0}, "zoom of 2000.0 is invalid: must be from 0.01 to 1000"),
        ({"view_angle_deg": 0.0}, "view angle of 0.0 degrees is invalid: must be from 1 to 120"),
        ({"pan_x_mm": math.inf}, "pan must be finite"),
    ],
)
def test_a_camera_that_cannot_be_is_refused_in_words(change: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        replace(start_camera(PHANTOM), **change)  # type: ignore[arg-type]


def test_a_camera_needs_a_direction_and_a_canvas() -> None:
    with pytest.raises(InvalidInput, match="from the eye to the target"):
        camera_at((1, 2, 3), (1, 2, 3), (0, 0, 1))
    with pytest.raises(InvalidInput, match="across the view and upwards"):
        camera_at((0, 0, 10), (0, 0, 0), (0, 0, 1))
    with pytest.raises(InvalidInput, match="canvas of 0 × 5 pixels"):
        CameraView(start_camera(PHANTOM), 0, 5)
