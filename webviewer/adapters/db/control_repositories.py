"""The authorization log and events in SQL."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, text

from webviewer.adapters.db.control_tables import audit, event
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.errors import InvalidInput, NotFound
from webviewer.events import MAX_EVENT_BYTES, Event, EventId

EVENT_CHANNEL: Final = "webviewer_events"

# Keys of PostgreSQL's advisory locks, held until the transaction ends; SQLite has one writer anyway.
_EVENT_LOCK: Final = 0x57454201
PLACEMENT_LOCK: Final = 0x57454202


def lock(connection: Connection, key: int) -> None:
    """Take an advisory lock that only one transaction holds at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


class SqlAuditRepository:
    """See `webviewer.audit.AuditRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entry: AuditEntry) -> None:
        """Write an entry."""
        details = json.dumps({key.value: value for key, value in entry.details.items()}, ensure_ascii=False)
        self._connection.execute(
            insert(audit).values(
                event=entry.event.value,
                at=entry.at,
                user_id=entry.user_id,
                user_name=entry.user_name,
                details=details,
            )
        )

    def newest(self, limit: int) -> tuple[AuditEntry, ...]:
        """Return the newest entries, newest first."""
        rows = self._connection.execute(select(audit).order_by(audit.c.audit_id.desc()).limit(limit))
        return tuple(
            AuditEntry(
                event=AuditEvent(row.event),
                at=row.at,
                user_id=row.user_id,
                user_name=row.user_name,
                details={AuditDetail(key): value for key, value in json.loads(row.details).items()},
            )
            for row in rows
        )


class SqlEventRepository:
    """See `webviewer.events.EventRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def publish(self, owner_id: int, event_type: str, body: Mapping[str, object], now: dt.datetime) -> EventId:
        """Add an event; it goes out once the unit is committed."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        if len(content) > MAX_EVENT_BYTES:
            raise InvalidInput(f"An event of {len(content)} characters is over the limit of {MAX_EVENT_BYTES}.")
        # Ids are given before the commit; without the lock a later id could be seen first and an earlier one be missed.
        lock(self._connection, _EVENT_LOCK)
        values = {"owner_id": owner_id, "type": event_type, "body": content, "created_at": now}
        key = self._connection.execute(insert(event).values(values)).inserted_primary_key
        if key is None:
            raise NotFound("The new event has no id.")
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text(f"NOTIFY {EVENT_CHANNEL}"))
        return EventId(int(key[0]))

    def after(self, event_id: EventId, limit: int = 1000) -> tuple[Event, ...]:
        """Return the events after this one, oldest first."""
        query = select(event).where(event.c.event_id > event_id).order_by(event.c.event_id).limit(limit)
        return tuple(
            Event(EventId(row.event_id), row.owner_id, row.type, json.loads(row.body))
            for row in self._connection.execute(query)
        )

    def last_id(self) -> EventId:
        """Return the id of the newest event, 0 if there is none."""
        return EventId(self._connection.execute(select(func.max(event.c.event_id))).scalar_one() or 0)

    def prune(self, before: dt.datetime) -> int:
        """Remove events older than this; returns how many."""
        return self._connection.execute(delete(event).where(event.c.created_at < before)).rowcount
