"""Sessions and the scheduler, with a real renderer: latest wins, light then still, bounded, stale frames dropped."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from renderpool.session import painters as painters_module
from renderpool.session import scheduler as scheduler_module
from renderpool.session.flight import MAX_IN_FLIGHT
from renderpool.session.painter import paint
from renderpool.session.source import FrameKey
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_warm_up import VolumeWarmUp
from tests.render.house import WAIT_S, House, Viewer, pixels_of, wait_until
from tests.render.reference_view import grey_linear, worst
from tests.render.sources import COLUMNS, ROWS, MemorySource, values_of
from webviewer.core.errors import DataError, WebviewerError
from webviewer.protocol.base import ImageReference
from webviewer.protocol.framing import Encoding, FrameFlag, FrameHeader
from webviewer.protocol.messages import Ack, Close, Open, Opened, View, ViewError
from webviewer.protocol.windows import WindowFullDynamic, WindowValues


def test_the_first_image_is_shown_lossless_in_its_recommended_window(house: House) -> None:
    viewer = Viewer(house)
    assert viewer.open() == Opened(cell=0, series_id=1, frame_count=5)
    viewer.view(1)
    header, payload = viewer.next_frame()
    assert (header.revision, header.sequence, header.cell, header.instance_id, header.frame_number) == (1, 1, 0, 1, 1)
    assert header.flags == FrameFlag.STILL | FrameFlag.LOSSLESS | FrameFlag.FITTED
    assert header.encoding is Encoding.PNG
    assert (header.window_center, header.window_width, header.zoom) == (40.0, 400.0, 1.0)
    assert (header.center_x, header.center_y) == (COLUMNS / 2, ROWS / 2)
    assert worst(pixels_of(payload), grey_linear(values_of(1).astype(float), 40, 400)) <= 1


def test_a_view_before_the_series_is_known_is_answered_when_it_is(house: House) -> None:
    viewer = Viewer(house)
    viewer.view(3, instance_id=2)
    viewer.session.handle(Open(cell=0, series_id=1))
    assert viewer.next_frame()[0].revision == 3


def test_windows_by_numbers_and_full_dynamic_are_drawn_and_reported(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, window=WindowValues(center=10, width=50, function="SIGMOID"))
    header, _ = viewer.next_frame()
    assert (header.window_center, header.window_width) == (10.0, 50.0)
    viewer.view(2, window=WindowFullDynamic())
    header, payload = viewer.next_frame()
    values = values_of(1)
    assert header.window_width == values.max() - values.min()
    assert pixels_of(payload).min() == 0
    assert pixels_of(payload).max() == 255


def test_what_was_drawn_for_a_light_frame_is_not_drawn_again_for_the_still_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, bool]] = []

    def counting(renderer: Any, image: Any, view: View, light: Any, recommended: Any) -> Any:
        drawn.append((view.revision, light is not None))
        return paint(renderer, image, view, light, recommended)

    monkeypatch.setattr(painters_module, "paint", counting)
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1)
    viewer.next_still()
    # The other is so small that a light frame takes fewer samples than the still one.
    for revision, zoom in ((2, 1.5), (20, 0.2)):
        viewer.view(revision, moving=True, zoom=zoom, instance_id=2)
        _, payload = viewer.next_still()
        viewer.view(revision + 10, zoom=zoom, instance_id=2)
        assert np.array_equal(pixels_of(payload), pixels_of(viewer.next_still()[1])), "as if it had not moved"
    assert [kind for revision, kind in drawn if revision == 2] == [True]
    assert [kind for revision, kind in drawn if revision == 20] == [True, False]


def test_no_still_comes_while_the_view_moves_on(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1)
    viewer.next_still()
    for revision in range(2, 12):
        viewer.view(revision, moving=True, zoom=1 + revision / 10)
        viewer.next_frame()
        time.sleep(0.02)
    viewer.next_still()
    stills = [header.revision for header in viewer.all_frames if FrameFlag.STILL in header.flags]
    assert stills == [1, 11]


def test_the_latest_view_wins_under_a_flood_and_nothing_queues_up(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1)
    viewer.next_still()
    for revision in range(2, 2002):
        viewer.view(revision, moving=True, zoom=1 + revision / 1000)
    header, _ = viewer.next_still()
    assert header.revision == 2001
    revisions = [header.revision for header in viewer.all_frames]
    assert revisions == sorted(revisions)
    assert len(revisions) < 500


def test_an_older_view_that_comes_late_is_ignored(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    viewer.view(9, instance_id=2)
    assert viewer.next_still()[0].instance_id == 2
    viewer.view(8, instance_id=3)
    viewer.view(10, instance_id=4)
    assert viewer.next_still()[0].instance_id == 4
    assert [header.revision for header in viewer.all_frames] == [9, 10]


def test_a_viewer_that_does_not_acknowledge_gets_two_frames_and_no_more(house: House) -> None:
    viewer = Viewer(house, acknowledges=False)
    viewer.open()
    for revision in range(1, 6):
        viewer.view(revision, moving=True, zoom=revision)
        time.sleep(0.15)
    assert len(viewer.all_frames) == MAX_IN_FLIGHT
    viewer.session.handle(Ack(sequence=2))
    wait_until(lambda: len(viewer.all_frames) > MAX_IN_FLIGHT)
    assert viewer.all_frames[-1].revision == 5, "the newest view, not those that were waited through"


def test_an_acknowledgement_of_a_frame_that_was_never_sent_changes_nothing(house: House) -> None:
    viewer = Viewer(house, acknowledges=False)
    viewer.open()
    viewer.session.handle(Ack(sequence=4_000_000_000))
    for revision in range(1, 5):
        viewer.view(revision, moving=True, zoom=revision)
        time.sleep(0.12)
    assert len(viewer.all_frames) == MAX_IN_FLIGHT


def test_a_frame_of_a_closed_cell_does_not_go_out(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    house.source.gate.clear()
    viewer.view(1)
    viewer.session.handle(Close(cell=0))
    house.source.gate.set()
    viewer.open(cell=1)
    viewer.view(2, cell=1)
    assert viewer.next_still()[0].cell == 1
    assert len(viewer.all_frames) == 1


def test_a_stale_frame_is_dropped(house: House) -> None:
    """A light frame drawn for a revision whose still, or a later one, has gone out already."""
    from renderpool.engine.encode import EncodedPicture
    from renderpool.session.job import Job, Pace
    from renderpool.session.painting import Painting
    from renderpool.session.quality import LEVELS, QualityControl

    viewer = Viewer(house)
    viewer.open()
    viewer.view(5)
    viewer.next_still()
    image = house.store.get(house.source.series(7, 1), (1, 1))
    assert image is not None
    painting = Painting(np.zeros((4, 4), np.uint8), math.nan, math.nan, 1.0)
    picture = EncodedPicture(b"x", "image/jpeg", lossless=False)

    def drawn(revision: int, light: bool) -> bool:
        view = View(cell=0, revision=revision, width_px=4, height_px=4)
        job = Job(0, 1, view, image, LEVELS[0] if light else None, Pace(QualityControl()))
        with house.scheduler._lock:
            return viewer.session.drawn(job, painting, picture, 0.001)

    assert not drawn(5, light=True)
    assert not drawn(4, light=False)
    assert drawn(6, light=True)
    assert [header.revision for header in viewer.all_frames] == [5, 6]


def test_an_image_that_cannot_be_decoded_is_said_in_words_and_the_others_go_on(
    make_house: Callable[..., House],
) -> None:
    house = make_house(MemorySource(bad=frozenset({2})))
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, instance_id=2)
    error = viewer.next_message(ViewError)
    assert error == ViewError(
        cell=0,
        revision=1,
        code="data_error",
        message="This image is damaged: its pixel data end early.",
        image=ImageReference(instance_id=2, frame_number=1),
    )
    viewer.view(2, instance_id=3)
    assert viewer.next_still()[0].instance_id == 3
    viewer.view(3, instance_id=2)
    assert viewer.next_message(ViewError).revision == 3


def test_a_damaged_stored_file_is_said_with_the_numbers_of_its_sentence(make_house: Callable[..., House]) -> None:
    class Damaged(MemorySource):
        def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
            damage = DataError("Cut.", code="stored_file_size", details={"numbers": [4, 9]})
            for key, frame in super().frames(owner_id, keys):
                yield key, damage if key[0] == 2 else frame

    viewer = Viewer(make_house(Damaged()))
    viewer.open()
    viewer.view(1, instance_id=2)
    error = viewer.next_message(ViewError)
    assert (error.code, error.numbers, error.message) == ("stored_file_size", (4.0, 9.0), "Cut.")
    viewer.view(2, instance_id=3)
    assert viewer.next_still()[0].instance_id == 3
    viewer.view(3, instance_id=2)  # now it is known already
    assert viewer.next_message(ViewError).numbers == (4.0, 9.0)


def test_an_image_of_another_series_is_refused(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, instance_id=1001)
    error = viewer.next_message(ViewError)
    assert (error.code, error.message) == ("not_found", "This image is not in the series.")
    assert house.source.loads_of((1001, 1)) == 0


def test_a_series_of_another_owner_is_refused(house: House) -> None:
    viewer = Viewer(house, owner_id=8)
    viewer.session.handle(Open(cell=0, series_id=1))
    assert viewer.next_message(ViewError).code == "not_found"


def test_the_storage_node_away_is_said_and_the_next_wish_asks_again(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    house.source.away = True
    viewer.view(1)
    assert viewer.next_message(ViewError).code == "unavailable"
    house.source.away = False
    viewer.view(2)
    assert viewer.next_still()[0].revision == 2


def test_scrolling_over_images_that_load_slowly_still_shows_movement_and_ends_at_the_last(
    make_house: Callable[..., House],
) -> None:
    house = make_house(MemorySource(count=30), budget_bytes=0)
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, instance_id=1)
    viewer.next_still()
    gates = house.source.gates = {2: threading.Event(), 19: threading.Event()}
    viewer.view(2, instance_id=2, moving=True)
    for revision in range(3, 20):
        viewer.view(revision, instance_id=revision, moving=True)
    gates[2].set()
    assert viewer.next_frame()[0].instance_id == 2, "what came is shown, although the wish had moved on"
    gates[19].set()
    assert viewer.next_still()[0].instance_id == 19
    assert house.source.asked == [((1, 1),), ((2, 1),), ((19, 1),)], "one load at a time for a cell"


def test_many_cells_of_one_session_all_get_their_pictures(house: House) -> None:
    viewer = Viewer(house)
    for cell in range(16):
        viewer.open(cell=cell)
        viewer.view(1, cell=cell)
    cells = {viewer.next_still()[0].cell for _ in range(16)}
    assert cells == set(range(16))


def test_a_busy_viewer_does_not_starve_another(house: House) -> None:
    busy, calm = Viewer(house), Viewer(house)
    busy.open()
    calm.open()
    busy.view(1)
    busy.next_still()
    calm.view(1)
    until = time.monotonic() + WAIT_S
    revision = 2
    while calm.frames.empty():
        assert time.monotonic() < until
        busy.view(revision, moving=True, width_px=1500, height_px=1200, zoom=10 + revision % 7)
        revision += 1
        while not busy.frames.empty():
            busy.next_frame()
    assert calm.next_still()[0].revision == 1


def test_a_reconnect_with_the_same_wishes_gives_the_same_picture(house: House) -> None:
    def show() -> tuple[FrameHeader, bytes]:
        viewer = Viewer(house)
        viewer.open()
        viewer.view(17, instance_id=4, zoom=3.0, center_x=20, center_y=10, rotation_deg=30)
        header, payload = viewer.next_still()
        house.scheduler.close_session(viewer.session)
        return header, payload

    (first, picture), (second, same) = show(), show()
    assert picture == same
    assert (first.revision, second.revision, second.sequence) == (17, 17, 1)


def test_a_closed_session_gets_nothing_more(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    house.source.gate.clear()
    viewer.view(1)
    house.scheduler.close_session(viewer.session)
    house.source.gate.set()
    viewer.view(2)
    other = Viewer(house)
    other.open()
    other.view(1)
    other.next_still()  # drawn after what the closed one wished would have been
    assert viewer.all_frames == []
    assert house.scheduler.session_count == 1


def test_a_still_frame_that_would_keep_a_line_with_a_cap_busy_goes_out_lossy_and_is_not_called_lossless(
    make_house: Callable[..., House],
) -> None:
    bytes_per_s = 10_000
    house = make_house(MemorySource(), bandwidth=bytes_per_s)
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, width_px=600, height_px=480, zoom=6.0, rotation_deg=30)
    header, payload = viewer.next_still()
    assert (header.encoding, FrameFlag.LOSSLESS in header.flags) == (Encoding.JPEG, False)
    assert len(payload) <= bytes_per_s
    viewer.view(2, width_px=40, height_px=32)
    header, payload = viewer.next_still()
    assert (header.encoding, FrameFlag.LOSSLESS in header.flags) == (Encoding.PNG, True)


class SlowEncoder:
    """Stands before the encoder of still frames that are 600 pixels wide, and lets them through when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._encode = vars(scheduler_module)["encode"]
        monkeypatch.setattr(scheduler_module, "encode", self)

    def __call__(self, painting: Any, light: Any, limit_bytes: int | None) -> Any:
        if light is None and painting.pixels.shape[1] == 600:
            self.reached.set()
            assert self.go_on.wait(WAIT_S)
        return self._encode(painting, light, limit_bytes)


def test_a_picture_that_takes_long_to_encode_does_not_hold_up_another_viewer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SlowEncoder(monkeypatch)
    slow, quick = Viewer(house), Viewer(house)
    slow.open()
    quick.open()
    slow.view(1, width_px=600)
    assert encoder.reached.wait(WAIT_S)
    for revision in range(1, 6):
        quick.view(revision, zoom=revision)
        assert quick.next_still()[0].revision == revision
    assert slow.all_frames == []
    encoder.go_on.set()
    assert slow.next_still()[0].revision == 1


def test_a_moving_frame_overtakes_a_still_one_that_takes_long_which_is_dropped_then(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SlowEncoder(monkeypatch)
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, width_px=600)
    assert encoder.reached.wait(WAIT_S)
    viewer.view(2, moving=True)
    assert viewer.next_frame()[0].revision == 2
    encoder.go_on.set()
    assert viewer.next_still()[0].revision == 2
    assert [header.revision for header in viewer.all_frames] == [2, 2]


def test_shaders_of_volumes_are_compiled_once_there_is_nothing_to_draw(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[None] = []
    steps: list[None] = []
    go_on = threading.Event()
    warm_up_steps = VolumePainter.warm_up_steps

    def noting(painter: VolumePainter) -> Iterator[None]:
        for step in warm_up_steps(painter):
            steps.append(None)
            assert len(steps) != 2 or go_on.wait(20)
            yield step
        done.append(None)

    monkeypatch.setattr(VolumePainter, "warm_up_steps", noting)
    ticks = itertools.count()  # each step is costly: the driver has nothing on its disk
    viewer = Viewer(make_house(warm_up=VolumeWarmUp(cpu_clock_s=lambda: float(next(ticks)))))
    viewer.open()
    for revision in range(1, 16):
        viewer.view(revision, zoom=1 + revision / 10)
        viewer.next_still()
        time.sleep(0.1)
    assert steps == [], "who comes with images does not wait for it"
    wait_until(lambda: len(steps) > 1)
    viewer.view(100)
    go_on.set()
    viewer.next_still()
    assert done == [], "who comes in the middle of it waits for one shader, not for all"
    wait_until(lambda: len(done) == 1)
    viewer.view(101)
    viewer.next_still()
    time.sleep(1.5)
    assert len(done) == 1
