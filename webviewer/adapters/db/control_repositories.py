"""The authorization log, events, and the placement of sessions in SQL."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from webviewer.adapters.db.control_tables import audit, event, node, render_assignment
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.errors import InvalidInput, NotFound
from webviewer.events import MAX_EVENT_BYTES, Event, EventId
from webviewer.placement import Node, NodeId, NodeKind

EVENT_CHANNEL: Final = "webviewer_events"

# Keys of PostgreSQL's advisory locks, held until the transaction ends; SQLite has one writer anyway.
_EVENT_LOCK: Final = 0x57454201
_PLACEMENT_LOCK: Final = 0x57454202


def _lock(connection: Connection, key: int) -> None:
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
        _lock(self._connection, _EVENT_LOCK)
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


class SqlPlacementRepository:
    """See `webviewer.placement.PlacementRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register(self, kind: NodeKind, address: str, now: dt.datetime) -> Node:
        """Make the node known, or note that it is back."""
        where = (node.c.kind == kind.value, node.c.address == address)
        known = update(node).where(*where).values(last_heartbeat_at=now)
        if not self._connection.execute(known).rowcount:
            values = {
                "kind": kind.value,
                "address": address,
                "is_active": True,
                "registered_at": now,
                "last_heartbeat_at": now,
            }
            try:
                with self._connection.begin_nested():
                    self._connection.execute(insert(node).values(values))
            except IntegrityError:  # another replica was faster
                self._connection.execute(known)
        return _node(self._connection.execute(select(node).where(*where)).one())

    def heartbeat(self, node_id: NodeId, now: dt.datetime) -> None:
        """Note that the node answered."""
        self._connection.execute(update(node).where(node.c.node_id == node_id).values(last_heartbeat_at=now))

    def nodes(self, kind: NodeKind | None = None) -> tuple[Node, ...]:
        """Return the nodes by id."""
        query = select(node).order_by(node.c.node_id)
        if kind is not None:
            query = query.where(node.c.kind == kind.value)
        return tuple(map(_node, self._connection.execute(query)))

    def keep_only(self, kind: NodeKind, addresses: frozenset[str]) -> None:
        """Remove nodes of this kind at other addresses; their sessions are placed anew."""
        self._connection.execute(delete(node).where(node.c.kind == kind.value, node.c.address.not_in(addresses)))

    def serialize(self) -> None:
        """Let no other transaction place a session until this one ends."""
        _lock(self._connection, _PLACEMENT_LOCK)

    def assigned(self, session_id: int) -> Node | None:
        """Return the render node of a session, None if it has none."""
        row = self._connection.execute(
            select(node).join(render_assignment).where(render_assignment.c.session_id == session_id)
        ).one_or_none()
        return None if row is None else _node(row)

    def session_counts(self) -> dict[NodeId, int]:
        """Return how many sessions each render node holds; nodes without one are absent."""
        query = select(render_assignment.c.node_id, func.count().label("held")).group_by(render_assignment.c.node_id)
        return {NodeId(row.node_id): row.held for row in self._connection.execute(query)}

    def assign(self, session_id: int, node_id: NodeId, now: dt.datetime) -> None:
        """Give a session to a node, in place of an earlier one."""
        self.release(session_id)
        self._connection.execute(
            insert(render_assignment).values(session_id=session_id, node_id=node_id, assigned_at=now)
        )

    def release(self, session_id: int) -> None:
        """Take a session from its node."""
        self._connection.execute(delete(render_assignment).where(render_assignment.c.session_id == session_id))


def _node(row: Row[tuple[object, ...]]) -> Node:
    return Node(NodeId(row.node_id), NodeKind(row.kind), row.address, row.is_active, row.last_heartbeat_at)
