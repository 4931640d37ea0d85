"""Events go into the table, and from it to the open sockets of their owner in every process."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from webviewer.core.errors import WebviewerError
from webviewer.events import KEPT_S, RESYNC, SESSION_ENDED, Event, EventFeed, EventId
from webviewer.usecases.clock import Clock
from webviewer.usecases.live import LiveSockets
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory

logger = logging.getLogger(__name__)

MAX_PUBLISHED_AT_ONCE = 1000
_DELIVERED_AT_ONCE = 32
_SURELY_KEPT_S = KEPT_S - 120.0


@dataclass(frozen=True, slots=True)
class Events:
    """Use cases on events."""

    units: ControlUnitOfWorkFactory
    clock: Clock

    def publish(self, events: Sequence[tuple[int, str, Mapping[str, object]]]) -> None:
        """Publish events of (owner id, type, body)."""
        now = self.clock()
        with self.units() as unit:
            for owner_id, event_type, body in events:
                unit.events.publish(owner_id, event_type, body, now)
            unit.commit()

    def prune(self) -> int:
        """Remove events older than an hour; returns how many."""
        with self.units() as unit:
            removed = unit.events.prune(self.clock() - dt.timedelta(seconds=KEPT_S))
            unit.commit()
        return removed


class EventPump:
    """Reads new events and hands them to this process's sockets; runs in a thread (or greenlet) of its own.

    Parameters
    ----------
    units
        Where the events are.
    live
        Where they go.
    open_feed
        Opens the feed; called again, with a growing pause, after the database was gone.
    clock_s
        Monotonic seconds. After so long without the database that events may have been pruned, pages load anew.
    """

    def __init__(
        self,
        units: ControlUnitOfWorkFactory,
        live: LiveSockets,
        open_feed: Callable[[], EventFeed],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._units = units
        self._live = live
        self._open_feed = open_feed
        self._clock_s = clock_s
        self._read_at_s = clock_s()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-pump", daemon=True)

    def start(self) -> None:
        """Begin with events that are published from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait a little for the thread."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        last_id: EventId | None = None
        pause_s = 0.5
        while not self._stop.is_set():
            try:
                last_id = self._follow(last_id)
                pause_s = 0.5
            except _LostError as lost:
                last_id = lost.last_id
                logger.warning("event_feed_lost", extra={"reason": lost.reason, "again_in_s": pause_s})
                self._stop.wait(pause_s)
                pause_s = min(pause_s * 2, 15.0)

    def _follow(self, last_id: EventId | None) -> EventId | None:
        """Hand events on until told to stop; `_LostError` carries the last id seen, so that none is missed."""
        position = last_id
        feed: EventFeed | None = None
        try:
            feed = self._open_feed()
            if position is None or self._clock_s() - self._read_at_s > _SURELY_KEPT_S:
                with self._units(read_only=True) as unit:
                    position = unit.events.last_id()
                self._live.send_all({"type": RESYNC})
            while not self._stop.is_set():
                position = self._hand_on(position)
                self._read_at_s = self._clock_s()
                # The time limit is a second line of defence: even a lost notification delays an event only so long.
                feed.wait(1.0)
        except WebviewerError as exc:
            raise _LostError(position, exc.message) from exc
        except Exception as exc:  # whatever it is, pages must go on hearing of their studies
            logger.exception("event_pump_crashed")
            raise _LostError(position, type(exc).__name__) from exc
        finally:
            if feed is not None:
                feed.close()
        return position

    def _hand_on(self, position: EventId) -> EventId:
        from_id = position
        while True:
            with self._units(read_only=True) as unit:
                events = unit.events.after(from_id)
            for number, event in enumerate(events):
                if number % _DELIVERED_AT_ONCE == 0:
                    time.sleep(0)  # the sockets' writers run, so that a burst does not look like a page that is slow
                self._deliver(event)
                from_id = event.event_id
            if not events:
                return from_id

    def _deliver(self, event: Event) -> None:
        if event.type == SESSION_ENDED:
            session_id = event.body.get("session_id")
            if isinstance(session_id, int):
                self._live.end_session(session_id, str(event.body.get("reason", "")))
            return
        self._live.send(event.owner_id, {"type": event.type, **event.body})


class _LostError(Exception):
    def __init__(self, last_id: EventId | None, reason: str) -> None:
        super().__init__(reason)
        self.last_id = last_id
        self.reason = reason
