"""Events in the table, and the feed that tells of them."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Engine

from webviewer.adapters.db.event_feed import make_event_feed
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory
from webviewer.core.errors import InvalidInput, OutOfResources
from webviewer.events import EventFeed, EventId
from webviewer.usecases.events import EventPump
from webviewer.usecases.live import LiveSockets

NOW = dt.datetime(2026, 3, 14, 10, 9, 49, tzinfo=dt.UTC)


@pytest.fixture
def feed(engine: Engine) -> Iterator[EventFeed]:
    made = make_event_feed(engine)
    yield made
    made.close()


def publish(engine: Engine, *numbers: int) -> None:
    with SqlControlUnitOfWorkFactory(engine)() as unit:
        for number in numbers:
            unit.events.publish(7, "study_changed", {"study_id": number}, NOW)
        unit.commit()


def test_the_feed_is_quiet_until_something_is_published(engine: Engine, feed: EventFeed) -> None:
    assert feed.wait(0.2) is False
    publish(engine, 1)
    assert feed.wait(2) is True
    assert feed.wait(0.2) is False


def test_the_feed_wakes_a_waiter(engine: Engine, feed: EventFeed) -> None:
    timer = threading.Timer(0.2, publish, (engine, 1))
    timer.start()
    assert feed.wait(5) is True
    timer.join()


def test_events_are_read_in_order_after_an_id(engine: Engine) -> None:
    units = SqlControlUnitOfWorkFactory(engine)
    publish(engine, 1, 2, 3)
    with units(read_only=True) as unit:
        events = unit.events.after(EventId(0))
        assert [event.body["study_id"] for event in events] == [1, 2, 3]
        assert [event.body["study_id"] for event in unit.events.after(events[1].event_id)] == [3]
        assert unit.events.last_id() == events[2].event_id
        assert (events[0].owner_id, events[0].type) == (7, "study_changed")


def test_what_is_not_committed_is_not_published(engine: Engine, feed: EventFeed) -> None:
    with SqlControlUnitOfWorkFactory(engine)() as unit:
        unit.events.publish(7, "study_changed", {}, NOW)
    assert feed.wait(0.3) is False
    with SqlControlUnitOfWorkFactory(engine)(read_only=True) as unit:
        assert unit.events.last_id() == 0


def test_ids_become_visible_in_their_order_however_slow_a_writer_is(engine: Engine) -> None:
    units = SqlControlUnitOfWorkFactory(engine)
    first_has_id, seen = threading.Event(), []

    def slow() -> None:
        with units() as unit:
            unit.events.publish(7, "study_changed", {"study_id": 1}, NOW)
            first_has_id.set()
            threading.Event().wait(0.5)
            unit.commit()

    thread = threading.Thread(target=slow)
    thread.start()
    first_has_id.wait(5)
    publish(engine, 2)
    with units(read_only=True) as unit:
        seen = [event.body["study_id"] for event in unit.events.after(EventId(0))]
    thread.join()
    assert seen == [1, 2]


def test_old_events_are_removed_and_ids_never_come_back(engine: Engine) -> None:
    units = SqlControlUnitOfWorkFactory(engine)
    publish(engine, 1, 2)
    with units() as unit:
        assert unit.events.prune(NOW) == 0
        assert unit.events.prune(NOW + dt.timedelta(seconds=1)) == 2
        unit.commit()
    publish(engine, 3)
    with units(read_only=True) as unit:
        assert [event.event_id for event in unit.events.after(EventId(0))] == [3]


def test_an_event_too_large_for_a_page_is_refused(engine: Engine) -> None:
    with SqlControlUnitOfWorkFactory(engine)() as unit, pytest.raises(InvalidInput, match="over the limit of 65536"):
        unit.events.publish(7, "study_changed", {"pad": "x" * 70_000}, NOW)


class Page:
    """Remembers what a page is told."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, object]] = []

    def send(self, message: Mapping[str, object]) -> None:
        self.told.append(message)

    def end(self, reason: str) -> None:
        pass

    def leave(self) -> None:
        pass


@pytest.mark.parametrize("away_s", [60.0, 3600.0])
def test_after_a_gap_a_page_gets_what_it_missed_or_is_told_to_load_anew(engine: Engine, away_s: float) -> None:
    """Events older than an hour are not kept: nobody can say what was among them."""
    now_s = 0.0
    is_cut = threading.Event()

    class Cut:
        """A feed whose connection the test cuts."""

        def __init__(self) -> None:
            self._feed = make_event_feed(engine)

        def wait(self, timeout_s: float) -> bool:
            if is_cut.is_set():
                raise OutOfResources("The database connection for events is gone.")
            return self._feed.wait(min(timeout_s, 0.1))

        def close(self) -> None:
            self._feed.close()

    def open_feed() -> EventFeed:
        if is_cut.is_set():
            raise OutOfResources("The database connection for events is gone.")
        return Cut()

    live, page = LiveSockets(), Page()
    pump = EventPump(SqlControlUnitOfWorkFactory(engine), live, open_feed, lambda: now_s)
    pump.start()
    time.sleep(0.5)

    def wait_for(count: int) -> list[Mapping[str, object]]:
        deadline = time.monotonic() + 15
        while len(page.told) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return page.told

    with live.register(1, 7, page):
        publish(engine, 1)
        assert wait_for(1) == [{"type": "study_changed", "study_id": 1}]
        is_cut.set()
        time.sleep(0.5)
        publish(engine, 2)
        now_s = away_s
        is_cut.clear()
        back = {"type": "study_changed", "study_id": 2} if away_s < 3000 else {"type": "resync"}
        assert wait_for(2)[1:] == [back]
        publish(engine, 3)
        assert wait_for(3)[2:] == [{"type": "study_changed", "study_id": 3}]
    pump.stop()
