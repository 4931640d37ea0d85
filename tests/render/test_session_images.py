"""Loading, keeping and fetching ahead the images of sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.render.house import WAIT_S, House, Viewer, wait_until
from tests.render.sources import COLUMNS, ROWS, MemorySource
from webviewer.protocol.messages import (
    Close,
    Open,
    Progress,
)


def test_two_sessions_share_one_cached_image(house: House) -> None:
    first, second = Viewer(house), Viewer(house)
    for viewer in (first, second):
        viewer.open()
        viewer.view(1)
        viewer.next_still()
    assert house.source.loads_of((1, 1)) == 1


def test_one_load_serves_all_who_wait_for_it(house: House) -> None:
    house.source.gate.clear()
    viewers = [Viewer(house) for _ in range(4)]
    for viewer in viewers:
        viewer.open()
        viewer.view(1, instance_id=3)
    house.source.gate.set()
    for viewer in viewers:
        assert viewer.next_still()[0].instance_id == 3
    assert house.source.loads_of((3, 1)) == 1


def test_the_first_image_is_fetched_alone_then_the_series_outwards(make_house: Callable[..., House]) -> None:
    house = make_house(MemorySource(count=40))
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, instance_id=20)
    viewer.next_still()
    wait_until(lambda: len(house.cache) == 40)
    assert house.source.asked[0] == ((20, 1),)
    assert [key[0] for key in house.source.asked[1]][:6] == [21, 19, 22, 18, 23, 17]
    assert sorted(key[0] for keys in house.source.asked for key in keys) == list(range(1, 41))
    progress = viewer.next_message(Progress)
    while progress.loaded < 40:
        progress = viewer.next_message(Progress)
    assert progress == Progress(cell=0, loaded=40, total=40)


def test_closing_a_cell_ends_its_prefetching(make_house: Callable[..., House]) -> None:
    house = make_house(MemorySource(count=200))
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1)
    viewer.next_still()
    house.source.gate.clear()
    viewer.session.handle(Close(cell=0))
    asked = len(house.source.asked)
    house.source.gate.set()
    time.sleep(0.3)
    assert len(house.source.asked) <= asked + 1
    assert len(house.cache) < 200


def test_a_bad_image_in_a_series_does_not_end_its_prefetching(make_house: Callable[..., House]) -> None:
    house = make_house(MemorySource(count=60, bad=frozenset(range(2, 30))))
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1)
    viewer.next_still()
    wait_until(lambda: len(house.cache) == 60 - 28)


def test_the_cache_keeps_its_budget_and_a_large_series_is_fetched_around_the_current_image(
    make_house: Callable[..., House],
) -> None:
    image_bytes = ROWS * COLUMNS * 2
    house = make_house(MemorySource(count=100), budget_bytes=20 * image_bytes)
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, instance_id=50)
    viewer.next_still()
    wait_until(lambda: len(house.cache) >= 12)
    time.sleep(0.1)
    assert house.cache.size_bytes <= 20 * image_bytes
    assert {key[0] for keys in house.source.asked for key in keys} == set(range(45, 57))


def test_without_a_cache_images_are_shown_and_nothing_is_kept(make_house: Callable[..., House]) -> None:
    house = make_house(MemorySource(), budget_bytes=0)
    viewer = Viewer(house)
    viewer.open()
    for revision in (1, 2, 3):
        viewer.view(revision, instance_id=revision)
        assert viewer.next_still()[0].instance_id == revision
    viewer.view(4, instance_id=3, zoom=2)
    viewer.next_still()
    assert (len(house.cache), house.source.asked) == (0, [((1, 1),), ((2, 1),), ((3, 1),)])


def test_a_cell_that_is_opened_over_and_over_asks_for_one_series_at_a_time_and_ends_at_the_newest(house: House) -> None:
    viewer = Viewer(house)
    house.source.series_gate.clear()
    for turn in range(50):
        viewer.session.handle(Open(cell=0, series_id=1))
        if turn % 2:
            viewer.session.handle(Close(cell=0))
    viewer.session.handle(Open(cell=0, series_id=2))
    viewer.view(1)
    assert len(house.source.series_asked) <= 1
    house.source.series_gate.set()
    assert viewer.next_still()[0].instance_id == 1001
    assert house.source.series_asked == [1, 2]


def test_of_a_cell_that_is_opened_over_and_over_at_most_two_images_are_loaded_at_a_time(house: House) -> None:
    viewer = Viewer(house)
    house.source.gate.clear()
    for turn in range(10):
        viewer.open(series_id=1 + turn % 2)
        viewer.view(turn + 1, instance_id=(1001 if turn % 2 else 1) + turn // 2)
    wait_until(lambda: len(house.source.asked) == 2)
    house.source.gate.set()
    header, _ = viewer.next_still()
    assert (header.revision, header.instance_id) == (10, 1005)


def test_an_image_that_is_wished_does_not_wait_behind_queued_prefetches(house: House) -> None:
    series = house.source.series(7, 1)
    gates = house.source.gates = {1: threading.Event(), 2: threading.Event()}
    settled = [threading.Event() for _ in range(3)]
    for number, instance in enumerate((1, 2, 3)):  # two threads prefetch: the third batch is queued
        assert house.store.prefetch(7, series, [(instance, 1)], settled[number].set)
    wait_until(lambda: len(house.source.asked) == 2)
    assert house.store.load_blocking(7, series, (3, 1), timeout_s=10).key == (3, 1)
    for gate in gates.values():
        gate.set()
    assert all(event.wait(WAIT_S) for event in settled)
    assert house.source.loads_of((3, 1)) == 1


def test_the_first_image_is_asked_for_alone_and_the_others_once_it_is_shown(house: House) -> None:
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1, instance_id=3)
    house.source.gates = {key: threading.Event() for key in (1, 2, 4, 5)}
    viewer.next_still()
    for gate in house.source.gates.values():
        gate.set()
    wait_until(lambda: len(house.cache) == 5)
    assert house.source.asked[0] == ((3, 1),)
