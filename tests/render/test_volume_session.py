"""Volumes over the stream: a session on a real device, and its pictures as the NumPy reference says them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.session.asking import MAX_PENDING
from tests.render.house import House, Viewer, pixels_of, wait_until
from tests.render.reference_view import grey_linear
from tests.render.reference_volume import Cut, Vector, cut_volume, report_worst
from tests.render.volume_sources import COLUMNS, ROWS, SpaceSource, even
from tests.support.reference_volume_geometry import along
from webviewer.dicom.sentence import say
from webviewer.protocol.base import ImageReference
from webviewer.protocol.framing import Encoding, FrameFlag
from webviewer.protocol.messages import Close, Progress, ViewError
from webviewer.protocol.questions import Ask, AskError, Measure, Measured, OnImage, OnPlane, Pick
from webviewer.protocol.volumes import (
    MAX_EDIT_POINTS,
    CutObject,
    CutSphere,
    Edit,
    EditNote,
    EditStep,
    Look,
    OpenVolume,
    VolumeFacts,
    VolumeOpened,
)
from webviewer.protocol.windows import WindowValues

SLICES = 40
STEP_MM = 1.5
X_MM, Y_MM, Z_MM = along([0.0])[0]
ORIGIN: Vector = (X_MM, Y_MM, Z_MM)
LATTICE: tuple[Vector, Vector, Vector, Vector] = ((0.75, 0, 0), (0, 0.5, 0), (0, 0, STEP_MM), ORIGIN)
WINDOW = WindowValues(center=300.0, width=2400.0)
MIDDLE = (ORIGIN[0] + COLUMNS / 2 * 0.75, ORIGIN[1] + ROWS / 2 * 0.5, ORIGIN[2] + SLICES / 2 * STEP_MM)


def smooth_pixels(slices: int = SLICES) -> NDArray[np.int16]:
    """Stored values of a smooth thing with a hard edge; the modality's are twice that, less 1000."""
    k, j, i = np.mgrid[:slices, :ROWS, :COLUMNS]
    values = 600 + 300 * np.sin(i / 5) * np.cos(j / 4 + k / 6)
    values[:, :6, 20:] = 1500
    stored: NDArray[np.int16] = values.astype("<i2")
    return stored


def values_hu(pixels: NDArray[np.int16]) -> NDArray[np.float64]:
    return pixels.astype(float) * 2.0 - 1000.0


@pytest.fixture
def source() -> SpaceSource:
    return SpaceSource(smooth_pixels(), even(SLICES, STEP_MM))


def check(payload: bytes, pixels: NDArray[np.int16], cut: Cut) -> None:
    shown = cut_volume(values_hu(pixels), LATTICE, cut)
    expected = np.where(shown.inside, grey_linear(shown.values, WINDOW.center, WINDOW.width), 0)
    worst, where = report_worst(pixels_of(payload), expected, ~shown.undecided)
    assert worst <= 1, where


def oblique(**changes: Any) -> dict[str, Any]:
    turn = math.radians(30)
    return {
        "center_lps_mm": MIDDLE,
        "right_lps": (math.cos(turn), math.sin(turn), 0.0),
        "down_lps": (0.0, 0.0, -1.0),
        "mm_per_px": 0.4,
        "window": WINDOW,
        **changes,
    }


def test_a_plane_over_the_stream_is_what_the_reference_says(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    opened = viewer.open_volume()
    assert isinstance(opened, VolumeOpened)
    assert (opened.series_id, opened.volume, opened.shape, opened.modality) == (1, 0, (SLICES, ROWS, COLUMNS), "CT")
    x, y, z = ORIGIN
    assert opened.lps_from_index == (0.75, 0, 0, x, 0, 0.5, 0, y, 0, 0, STEP_MM, z)
    assert [choice.number for choice in opened.volumes] == [0]
    viewer.plane(3, **oblique())
    header, payload = viewer.next_still()
    assert (header.cell, header.revision, header.instance_id, header.frame_number) == (0, 3, 0, 0)
    assert header.flags == FrameFlag.STILL | FrameFlag.LOSSLESS
    assert header.encoding is Encoding.PNG
    assert (header.zoom, header.center_x, header.center_y) == (1 / 0.4, 0, 0)
    assert (header.window_center, header.window_width) == (WINDOW.center, WINDOW.width)
    turn = math.radians(30)
    cut = Cut(header.width_px, header.height_px, 0.4, MIDDLE, (math.cos(turn), math.sin(turn), 0), (0, 0, -1))
    check(payload, source.pixels, cut)


def test_a_camera_shows_the_volume_ever_finer_and_a_point_of_it_is_picked(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    facts = viewer.next_message(VolumeFacts)
    while not facts.whole:
        facts = viewer.next_message(VolumeFacts)
    assert (facts.unit, facts.lowest, facts.highest) == ("HU", *(values_hu(source.pixels).min(), 2000.0))
    look = next(preset.look for preset in facts.presets if preset.look.mode == "mip")
    viewer.camera(1, target_lps_mm=MIDDLE, look=look)
    header, payload = viewer.next_still()
    assert header.flags == FrameFlag.STILL | FrameFlag.LOSSLESS
    assert (header.width_px, header.height_px, header.zoom) == (80, 64, 2.0)
    pixels = pixels_of(payload)
    assert pixels.ndim == 2, "of grey tables a third of the bytes"
    assert pixels[32, 56] == pixels.max() > 200, "the hard edge is the brightest"
    assert pixels[0, 0].max() == 0, "beside the volume"
    picked = viewer.ask(5, Pick(x_px=56.5, y_px=32.5))
    assert picked.question == 5
    assert picked.p_lps_mm is not None
    assert picked.p_lps_mm[0] == pytest.approx(MIDDLE[0] + 8.25, abs=0.1)
    assert picked.p_lps_mm[1] < ORIGIN[1] + 6 * 0.5
    assert picked.p_lps_mm[2] == pytest.approx(MIDDLE[2] - 0.25, abs=0.1)
    assert viewer.ask(6, Pick(x_px=0.0, y_px=0.0)).p_lps_mm is None


# -- while it loads ----------------------------------------------------------------------------------------------------


def test_a_coarse_picture_comes_first_and_again_when_more_has_come_until_it_is_whole(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    source.hold_after = 6  # of the first request: every 8th slice
    source.gate.clear()
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    viewer.plane(1, **oblique())
    assert source.waits.wait(20)
    header, _ = viewer.next_frame()
    assert header.flags == FrameFlag.COARSE
    assert header.encoding is Encoding.JPEG
    source.gate.set()
    header, payload = viewer.next_still()
    assert header.flags == FrameFlag.STILL | FrameFlag.LOSSLESS
    turn = math.radians(30)
    cut = Cut(header.width_px, header.height_px, 0.4, MIDDLE, (math.cos(turn), math.sin(turn), 0), (0, 0, -1))
    check(payload, source.pixels, cut)
    flags = [header.flags for header in viewer.all_frames]
    assert flags[-1] == FrameFlag.STILL | FrameFlag.LOSSLESS
    assert FrameFlag.STILL | FrameFlag.LOSSLESS not in flags[:-1], "no picture at rest while slices are missing"
    assert {header.revision for header in viewer.all_frames} == {1}


def test_the_page_is_told_how_far_it_is_and_what_the_values_are_twice(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    source.gate.clear()
    source.hold_after = 6
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    assert source.waits.wait(20)
    source.hold_after = 20
    source.gate.set()
    source.waits.clear()
    wait_until(lambda: source.sent >= 8)
    source.gate.clear()
    first = viewer.next_message(VolumeFacts)
    assert not first.whole
    assert sum(first.histogram) > 0
    source.gate.set()
    told = [first]
    while not told[-1].whole:
        told.append(viewer.next_message(VolumeFacts))
    assert [facts.whole for facts in told] == [False, True]
    other = Viewer(make_house(source))
    other.open_volume()
    progress = [other.next_message(Progress)]
    while progress[-1].loaded < progress[-1].total:
        progress.append(other.next_message(Progress))
    assert [message.loaded for message in progress] == sorted(message.loaded for message in progress)
    assert progress[-1].total == SLICES


def test_a_volume_that_is_there_is_told_of_at_once_and_read_once_for_two(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    house = make_house(source)
    first, second = Viewer(house), Viewer(house)
    first.open_volume()
    first.plane(1, **oblique())
    _, payload = first.next_still()
    asked = len(source.asked)
    second.open_volume()
    assert second.next_message(Progress) == Progress(cell=0, loaded=SLICES, total=SLICES)
    assert second.next_message(VolumeFacts).whole
    second.plane(1, **oblique())
    assert second.next_still()[1] == payload
    assert len(source.asked) == asked
    assert house.volumes.loads == 1


def test_the_latest_plane_wins_and_a_moving_one_is_followed_by_the_one_at_rest(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    viewer.plane(1, **oblique())
    viewer.next_still()
    viewer.all_frames.clear()
    for revision in range(2, 1002):
        viewer.plane(revision, **oblique(mm_per_px=0.2 + revision / 5000, moving=True))
    header, payload = viewer.next_still()
    assert header.revision == 1001
    revisions = [header.revision for header in viewer.all_frames]
    assert revisions == sorted(revisions)
    assert len(revisions) < 300
    assert FrameFlag.STILL not in viewer.all_frames[0].flags
    viewer.plane(2000, **oblique(mm_per_px=0.2 + 1001 / 5000))
    assert viewer.next_still()[1] == payload


def test_another_node_shows_the_same_picture_after_the_same_messages(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    pictures = []
    for _ in range(2):
        viewer = Viewer(make_house(source))
        viewer.open_volume()
        viewer.plane(7, **oblique(slab="mip", thickness_mm=6.0))
        plane = viewer.next_still()[1]
        viewer.camera(8, target_lps_mm=MIDDLE)
        pictures.append((plane, viewer.next_still()[1]))
    assert pictures[0] == pictures[1]


# -- ends --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["close", "leave", "images", "other"])
def test_the_hold_goes_with_the_cell(make_house: Callable[..., House], source: SpaceSource, way: str) -> None:
    house = make_house(source, keep_volumes=False)
    viewer = Viewer(house)
    viewer.open_volume()
    viewer.plane(1, **oblique())
    viewer.next_still()
    assert house.volumes.in_use_bytes() == 2 * source.pixels.size
    if way == "close":
        viewer.session.handle(Close(cell=0))
    elif way == "leave":
        house.scheduler.close_session(viewer.session)
    elif way == "images":
        viewer.open()
    else:
        viewer.session.handle(OpenVolume(cell=0, series_id=1, volume=5))
    wait_until(lambda: len(house.volumes) == 0)
    assert house.volumes.size_bytes == 0


@pytest.mark.parametrize("way", ["close", "leave"])
def test_a_volume_that_nobody_waits_for_any_more_is_not_loaded_on(
    make_house: Callable[..., House], source: SpaceSource, way: str
) -> None:
    source.gate.clear()
    house = make_house(source)
    viewer = Viewer(house)
    viewer.open_volume()
    viewer.plane(1, **oblique())
    assert source.waits.wait(20)
    if way == "close":
        viewer.session.handle(Close(cell=0))
    else:
        house.scheduler.close_session(viewer.session)
    wait_until(lambda: len(house.volumes) == 0)
    source.gate.set()
    time.sleep(0.3)
    assert (house.volumes.size_bytes, viewer.all_frames) == (0, [])


def test_images_and_a_volume_take_a_cell_over_from_each_other(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    for turn in range(3):
        viewer.open()
        viewer.plane(5)  # it was on its way
        viewer.view(1, instance_id=3, zoom=1.0 + turn)
        header, _ = viewer.next_still()
        assert (header.instance_id, header.revision) == (3, 1)
        viewer.open_volume()
        viewer.view(6, instance_id=3)
        viewer.plane(1, **oblique())
        header, _ = viewer.next_still()
        assert (header.instance_id, header.revision) == (0, 1)


def test_a_volume_that_is_not_there_or_does_not_fit_is_refused_in_words(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    one_bytes = 2 * source.pixels.size
    house = make_house(source, volume_bytes=one_bytes)
    first, second = Viewer(house), Viewer(house)
    first.session.handle(OpenVolume(cell=2, series_id=1, volume=3))
    error = first.next_message(ViewError)
    assert (error.cell, error.revision, error.code, error.numbers) == (2, 0, "no_such_volume", (3, 1))
    first.plane(4, cell=2)
    assert first.next_message(ViewError).revision == 4
    first.open_volume()
    second.session.handle(OpenVolume(cell=0, series_id=2, volume=0))
    error = second.next_message(ViewError)
    assert error.code == "volumes_full"
    assert say(error.code, *error.numbers).text == error.message
    first.session.handle(Close(cell=0))
    wait_until(lambda: house.volumes.in_use_bytes() == 0)
    second.open_volume(series_id=2)
    second.plane(1, **oblique())
    second.next_still()
    small = Viewer(make_house(source, volume_bytes=one_bytes - 1))
    small.session.handle(OpenVolume(cell=0, series_id=1))
    error = small.next_message(ViewError)
    assert error.code == "volume_too_big"
    assert say(error.code, *error.numbers).text == error.message


def test_a_load_that_fails_is_said_to_all_who_look_at_it_and_opening_again_works(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    source.gate.clear()
    source.hold_after = 6
    source.longest_hang_s = 1.0
    house = make_house(source)
    viewers = [Viewer(house), Viewer(house)]
    for viewer in viewers:
        viewer.open_volume()
        viewer.plane(3, **oblique())
    for viewer in viewers:
        error = viewer.next_message(ViewError)
        assert (error.code, error.revision, error.image) == ("unavailable", 3, None)
        assert error.message == "The storage node does not answer."
    assert house.volumes.in_use_bytes() == 0
    viewers[0].plane(4, **oblique())
    assert viewers[0].next_message(ViewError).revision == 4
    source.gate.set()
    for viewer in viewers:
        viewer.open_volume()
    assert viewers[0].next_still()[0].revision == 4
    assert viewers[1].next_still()[0].revision == 3


def test_a_wish_that_cannot_be_drawn_is_refused_and_the_cell_goes_on(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    viewer.plane(1, **oblique(down_lps=(1.0, 0.0, 0.0)))
    error = viewer.next_message(ViewError)
    assert (error.code, error.revision, error.image) == ("invalid_input", 1, None)
    viewer.plane(2, **oblique())
    assert viewer.next_still()[0].revision == 2


# -- questions ---------------------------------------------------------------------------------------------------------


def line_on_image(instance_id: int, *points: tuple[float, float]) -> Measure:
    image = ImageReference(instance_id=instance_id, frame_number=1)
    return Measure(on=OnImage(image=image), shape="line" if len(points) > 1 else "point", points=points)


def test_questions_about_images_and_planes_are_answered_from_what_is_stored(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open()
    found = viewer.ask(1, line_on_image(2, (4.5, 5.5)))
    assert (found.question, found.values, found.unit) == (1, (values_hu(source.pixels)[1, 5, 4],), "HU")
    found = viewer.ask(2, line_on_image(2, (0.0, 0.0), (4.0, 0.0)))
    assert (found.length, found.length_unit) == (4 * 0.75, "mm")
    viewer.open_volume(cell=1)
    on = OnPlane(origin_lps_mm=ORIGIN, right_lps=(1.0, 0.0, 0.0), down_lps=(0.0, 1.0, 0.0))
    found = viewer.ask(3, Measure(on=on, shape="point", points=((4 * 0.75, 5 * 0.5),)), cell=1)
    while isinstance(found, AskError):  # until the slices are there
        assert found.code == "volume_loading"
        found = viewer.ask(3, Measure(on=on, shape="point", points=((4 * 0.75, 5 * 0.5),)), cell=1)
    assert found.values == pytest.approx((values_hu(source.pixels)[0, 5, 4],))
    for cell, what in ((0, Pick(x_px=1, y_px=1)), (3, Pick(x_px=1, y_px=1)), (1, line_on_image(2, (0, 0)))):
        refused = viewer.ask(4, what, cell=cell)
        assert (refused.cell, refused.question, refused.code) == (cell, 4, "not_open")
    assert viewer.ask(5, line_on_image(99, (0, 0))).code == "not_found"


def test_of_one_question_the_newest_is_answered_and_too_many_are_refused(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open()
    source.gate.clear()
    viewer.session.handle(Ask(cell=0, question=1, what=line_on_image(1, (0, 0), (1, 0))))
    for length in range(2, 200):
        viewer.session.handle(Ask(cell=0, question=1, what=line_on_image(1, (0, 0), (length, 0))))
    for question in range(2, 2 + MAX_PENDING):
        viewer.session.handle(Ask(cell=0, question=question, what=line_on_image(1, (0, 0), (1, 0))))
    refused = viewer.next_message(AskError)
    assert (refused.question, refused.code) == (1 + MAX_PENDING, "limit_exceeded")
    source.gate.set()
    answers = [viewer.next_message(Measured) for _ in range(MAX_PENDING)]
    assert [answer.question for answer in answers] == list(range(1, 1 + MAX_PENDING))
    assert answers[0].length == pytest.approx(199 * 0.75)


# -- edits -------------------------------------------------------------------------------------------------------------

BRIGHT = (ORIGIN[0] + 26 * 0.75, ORIGIN[1] + 2 * 0.5, MIDDLE[2])
HOLE = CutSphere(centers_lps_mm=(BRIGHT,), radius_mm=4.0)
PIECE = CutObject(p_lps_mm=BRIGHT, low=1900.0, high=2100.0)


def mip_of(viewer: Viewer) -> Look:
    facts = viewer.next_message(VolumeFacts)
    look: Look = next(preset.look for preset in facts.presets if preset.look.mode == "mip")
    return look


def test_what_was_cut_away_is_not_seen_not_picked_and_comes_back(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    look = mip_of(viewer)
    viewer.session.handle(Edit(cell=0, number=1, step=HOLE))
    viewer.session.handle(Edit(cell=0, number=2, step=PIECE))
    pictures = []
    for revision, edits in enumerate((0, 1, 2, 1, 0), 1):
        viewer.camera(revision, target_lps_mm=BRIGHT, look=look, edits=edits)
        header, payload = viewer.next_still()
        assert header.revision == revision
        pictures.append(payload)
    uncut, hole, both, hole_again, uncut_again = (pixels_of(payload).astype(int) for payload in pictures)
    assert np.array_equal(uncut, uncut_again)
    assert np.array_equal(hole, hole_again)
    assert uncut[32, 40] == uncut.max() > 200
    assert (hole <= uncut).all()
    assert hole[32, 40] < uncut[32, 40] - 50
    assert both.max() < uncut.max() - 50, "the whole bright piece is gone"
    viewer.camera(9, target_lps_mm=BRIGHT, look=look, edits=1)
    viewer.next_still()
    picked = viewer.ask(1, Pick(x_px=40.5, y_px=32.5)).p_lps_mm
    assert picked is None or picked[1] > BRIGHT[1] + 3.9


def test_edits_are_replayed_on_another_node_while_it_loads(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    pictures = []
    for _ in range(2):
        source.gate.clear()
        source.hold_after = 6
        viewer = Viewer(make_house(source))
        viewer.open_volume()
        steps: tuple[EditStep, ...] = (HOLE, PIECE)
        for number, step in enumerate(steps, 1):
            viewer.session.handle(Edit(cell=0, number=number, step=step))
        viewer.camera(4, target_lps_mm=MIDDLE, edits=2)
        assert source.waits.wait(20)
        source.gate.set()
        pictures.append(viewer.next_still()[1])
        assert {header.revision for header in viewer.all_frames} == {4}
    assert pictures[0] == pictures[1]


def test_an_edit_takes_the_place_of_its_number_and_of_those_after_it(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    look = mip_of(viewer)
    wish: dict[str, Any] = {"target_lps_mm": BRIGHT, "look": look}
    viewer.session.handle(Edit(cell=0, number=1, step=PIECE))
    viewer.session.handle(Edit(cell=0, number=2, step=HOLE))
    viewer.session.handle(Edit(cell=0, number=1, step=HOLE))
    viewer.camera(1, **wish, edits=1)
    _, payload = viewer.next_still()
    viewer.camera(2, **wish, edits=2)
    error = viewer.next_message(ViewError)
    assert (error.code, error.revision) == ("invalid_input", 2)
    viewer.session.handle(Edit(cell=0, number=3, step=HOLE))
    assert viewer.next_message(ViewError).message == "Edit 3 cannot follow edit 1: none may be left out."
    viewer.camera(3, **wish, edits=1)
    assert viewer.next_still()[1] == payload
    viewer.open_volume()  # the same again: what was cut stays
    viewer.camera(4, **wish, edits=1)
    assert viewer.next_still()[1] == payload


def test_edits_have_a_bound(make_house: Callable[..., House], source: SpaceSource) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    step = CutSphere(centers_lps_mm=(BRIGHT,) * 256, radius_mm=1.0)
    most = MAX_EDIT_POINTS // 256
    for number in range(1, most + 2):
        viewer.session.handle(Edit(cell=0, number=number, step=step))
    error = viewer.next_message(ViewError)
    assert (error.code, error.edit) == ("limit_exceeded", most + 1)
    viewer.camera(1, target_lps_mm=BRIGHT, edits=most)  # without the one that was not taken
    assert viewer.next_still()[0].revision == 1


def test_of_several_edits_the_one_that_cannot_be_made_is_named(
    make_house: Callable[..., House], source: SpaceSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderpool.session.volume_runs.MAX_RUNS", 3)
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    viewer.camera(1, target_lps_mm=BRIGHT)
    viewer.next_still()
    steps: tuple[EditStep, ...] = (HOLE, PIECE, HOLE.model_copy(update={"radius_mm": 2.0}))
    for number, step in enumerate(steps, 1):
        viewer.session.handle(Edit(cell=0, number=number, step=step))
    viewer.camera(2, target_lps_mm=BRIGHT, edits=3)
    error = viewer.next_message(ViewError)
    assert (error.code, error.revision, error.edit) == ("too_many_pieces", 2, 2)
    viewer.session.handle(Edit(cell=0, number=2, step=steps[2]))
    viewer.camera(3, target_lps_mm=BRIGHT, edits=2)
    assert viewer.next_still()[0].revision == 3


def test_an_edit_that_cut_nothing_is_told_of_once(make_house: Callable[..., House], source: SpaceSource) -> None:
    viewer = Viewer(make_house(source))
    viewer.open_volume()
    beside = CutObject(p_lps_mm=BRIGHT, low=5000.0, high=6000.0)
    steps: tuple[EditStep, ...] = (HOLE, beside)
    for number, step in enumerate(steps, 1):
        viewer.session.handle(Edit(cell=0, number=number, step=step))
    for revision, edits in enumerate((2, 1, 0, 2), 1):
        viewer.camera(revision, target_lps_mm=BRIGHT, edits=edits)
        viewer.next_still()
    notes = [message for message in viewer.messages.queue if isinstance(message, EditNote)]
    assert [(note.cell, note.number, note.note.code) for note in notes] == [(0, 2, "nothing_connected")]


def test_images_that_were_added_are_there_after_opening_again(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    source.count = 30
    house = make_house(source)
    viewer = Viewer(house)
    assert viewer.open_volume().shape[0] == 30
    viewer.session.handle(Edit(cell=0, number=1, step=HOLE))
    viewer.camera(1, target_lps_mm=MIDDLE, edits=1)
    viewer.next_still()
    source.count = SLICES
    viewer.camera(2, target_lps_mm=MIDDLE, edits=1, moving=True)
    assert viewer.open_volume().shape[0] == SLICES
    other = Viewer(make_house(source))
    other.open_volume()
    other.session.handle(Edit(cell=0, number=1, step=HOLE))
    other.camera(2, target_lps_mm=MIDDLE, edits=1)
    expected = other.next_still()[1]
    while viewer.next_still()[1] != expected:  # of fewer slices still
        pass
    wait_until(lambda: len(house.volumes) == 1)
    assert not [message for message in viewer.messages.queue if isinstance(message, ViewError)]
