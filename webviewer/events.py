"""What happens on the server and concerns an open page: rows that every replica hands to the sockets of their owner."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NewType, Protocol

EventId = NewType("EventId", int)

SESSION_ENDED: Final = "session_ended"
RENDER_NODE_LOST: Final = "render_node_lost"
RESYNC: Final = "resync"  # events may have been missed: the page loads anew what it shows
KEPT_S: Final = 3600
MAX_EVENT_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``body`` is what the page gets beside ``type``; it names ids only, never a patient."""

    event_id: EventId
    owner_id: int
    type: str
    body: Mapping[str, object]


class EventRepository(Protocol):
    """Events, inside one unit of work. Ids grow in the order of the commits."""

    def publish(self, owner_id: int, event_type: str, body: Mapping[str, object], now: dt.datetime) -> EventId:
        """Add an event; it goes out once the unit is committed."""
        ...

    def after(self, event_id: EventId, limit: int = 1000) -> tuple[Event, ...]:
        """Return the events after this one, oldest first."""
        ...

    def last_id(self) -> EventId:
        """Return the id of the newest event, 0 if there is none."""
        ...

    def prune(self, before: dt.datetime) -> int:
        """Remove events older than this; returns how many."""
        ...


class EventFeed(Protocol):
    """Tells that there may be new events, however they were written."""

    def wait(self, timeout_s: float) -> bool:
        """Return True once something may have been committed, False after the time."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
