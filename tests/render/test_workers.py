"""Threads that owners share: nobody's work holds up another's, nor do regions, cuts and series hold up values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from renderpool.session import asking
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.questions import Measurement, measure_on_plane
from renderpool.session.workers import FairPool, Turnstile, Workers
from tests.render.house import House, Viewer, wait_until
from tests.render.volume_sources import COLUMNS, ROWS, SpaceSource, even, random_pixels
from webviewer.protocol.messages import Close
from webviewer.protocol.questions import Ask, AskError, Measure, Measured, OnPlane
from webviewer.protocol.volumes import VolumeFacts

SLICES = 40


class Held:
    """Calls that go on until they are let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.lock = threading.Lock()
        self.running: list[str] = []
        self.done: list[str] = []

    def call(self, name: str) -> Callable[[], None]:
        def hold() -> None:
            with self.lock:
                self.running.append(name)
            self.gate.wait(20)
            with self.lock:
                self.running.remove(name)
                self.done.append(name)

        return hold


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held()
    yield made
    made.gate.set()


def test_of_one_owner_so_many_run_at_once_and_others_come_between_his(held: Held) -> None:
    pool = FairPool("test", 1, most_per_owner=1)
    for name in ("a1", "a2", "a3"):
        assert pool.submit("a", held.call(name))
    wait_until(lambda: held.running == ["a1"])
    pool.submit("b", held.call("b1"))
    pool.submit("c", held.call("c1"))
    held.gate.set()
    wait_until(lambda: len(held.done) == 5)
    assert held.done == ["a1", "a2", "b1", "c1", "a3"]
    pool.close()
    assert not pool.submit("a", held.call("late"))


def test_a_thread_is_left_for_others_however_much_one_asks_for(held: Held) -> None:
    pool = FairPool("test", 2, most_per_owner=1)
    for name in ("a1", "a2", "a3"):
        pool.submit("a", held.call(name))
    pool.submit("b", held.call("b1"))
    wait_until(lambda: sorted(held.running) == ["a1", "b1"])
    pool.close()


def test_a_call_that_fails_ends_no_thread_and_keeps_no_seat() -> None:
    pool = FairPool("test", 1, most_per_owner=1)
    done = threading.Event()

    def fail() -> None:
        raise RuntimeError("of the test")

    pool.submit("a", fail)
    pool.submit("a", done.set)
    assert done.wait(20)
    pool.close()


def test_turns_go_round_and_who_gives_up_waits_no_longer() -> None:
    gate = Turnstile(1, turn_s=0.0)
    assert gate.enter("a", lambda: True)
    assert not gate.is_over("a"), "nobody waits"
    assert not gate.enter("b", lambda: False)
    entered: list[str] = []
    waiting = threading.Thread(target=lambda: entered.append("c") if gate.enter("c", lambda: True) else None)
    waiting.start()
    wait_until(lambda: gate.is_over("a"))
    gate.leave("a")
    waiting.join(20)
    assert entered == ["c"]
    assert not gate.is_over("c")


@pytest.mark.parametrize("kind", ["measure", "cut", "make"])
def test_what_takes_long_holds_up_no_values_and_no_leaving(
    kind: str, make_house: Callable[..., House], held: Held
) -> None:
    house = make_house(SpaceSource(random_pixels(SLICES), even(SLICES)))
    workers: Workers = house.scheduler._workers
    for owner in range(8):
        assert getattr(workers, kind)(owner, held.call(f"{owner}"))
    viewer = Viewer(house)
    viewer.open_volume()
    assert viewer.next_message(VolumeFacts) is not None
    viewer.session.handle(Close(cell=0))
    wait_until(lambda: house.volumes.in_use_bytes() == 0)


# -- regions -----------------------------------------------------------------------------------------------------------


def all_of(slices: int, thickness_mm: float) -> Measure:
    """Everything that there is of a slab as long as the volume, some millions of values."""
    on = OnPlane(
        origin_lps_mm=(-20.0, -30.0, slices * 0.75),
        right_lps=(1.0, 0.0, 0.0),
        down_lps=(0.0, 1.0, 0.0),
        slab="aip",
        thickness_mm=thickness_mm,
    )
    return Measure(on=on, shape="rectangle", points=((-1e6, -1e6), (1e6, 1e6)))


def whole_viewer(house: House) -> Viewer:
    viewer = Viewer(house)
    viewer.open_volume()
    while not viewer.next_message(VolumeFacts).whole:
        pass
    return viewer


def test_a_region_is_given_up_when_its_window_is_closed(make_house: Callable[..., House]) -> None:
    viewer = whole_viewer(make_house(SpaceSource(random_pixels(SLICES), even(SLICES))))
    long = all_of(SLICES, 1000.0)  # through 2,000 layers
    viewer.session.handle(Ask(cell=0, question=1, what=long))
    viewer.session.handle(Close(cell=0))
    answer = viewer.next_message((AskError, Measured))
    assert (answer.type, answer.question, answer.code) == ("ask_error", 1, "not_open")


def test_a_region_that_is_asked_anew_is_given_up(make_house: Callable[..., House]) -> None:
    viewer = whole_viewer(make_house(SpaceSource(random_pixels(SLICES), even(SLICES))))
    viewer.session.handle(Ask(cell=0, question=1, what=all_of(SLICES, 1000.0)))
    viewer.session.handle(Ask(cell=0, question=1, what=all_of(SLICES, 0.0)))
    answer = viewer.next_message((AskError, Measured))
    assert isinstance(answer, Measured)
    assert answer.statistics is not None
    assert answer.statistics.count == ROWS * COLUMNS


def test_a_region_that_waits_goes_with_its_session(
    make_house: Callable[..., House], held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_mm: list[float] = []

    def measure(volume: LoadedVolume, what: Measure, *more: Any) -> Measurement:
        assert isinstance(what.on, OnPlane)
        found = measure_on_plane(volume, what, *more)
        measured_mm.append(what.on.thickness_mm)
        return found

    monkeypatch.setattr(asking, "measure_on_plane", measure)
    house = make_house(SpaceSource(random_pixels(SLICES), even(SLICES)))
    viewer, other = whole_viewer(house), whole_viewer(house)
    for owner in range(2):
        house.scheduler._workers.measure(owner, held.call(f"{owner}"))
    viewer.session.handle(Ask(cell=0, question=1, what=all_of(SLICES, 1000.0)))
    other.session.handle(Ask(cell=0, question=1, what=all_of(SLICES, 0.0)))
    house.scheduler.close_session(viewer.session)
    held.gate.set()
    assert isinstance(other.next_message((AskError, Measured)), Measured)
    assert measured_mm == [0.0], "nothing is measured to its end for a session that has gone"
