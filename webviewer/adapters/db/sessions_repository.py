"""Sessions, tickets and the counters of wrong sign-ins in SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, text, update

from webviewer.accounts import (
    Attempt,
    Session,
    SessionEnd,
    SessionId,
    Ticket,
    TicketPurpose,
    UserId,
)
from webviewer.adapters.db.control_tables import render_assignment, session, sign_in_attempt, ticket
from webviewer.core.errors import NotFound

_MOST_IN_A_LIST: Final = 500


class SqlSessionRepository:
    """See `webviewer.accounts.SessionRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, user_id: UserId, hashed_token: bytes, ip_address: str, now: dt.datetime, expires_at: dt.datetime
    ) -> Session:
        """Store a new session."""
        values = {
            "user_id": user_id,
            "token_hash": hashed_token,
            "ip_address": ip_address,
            "created_at": now,
            "last_seen_at": now,
            "expires_at": expires_at,
        }
        key = self._connection.execute(insert(session).values(values)).inserted_primary_key
        if key is None:
            raise NotFound("The new session has no id.")
        return self.get(SessionId(int(key[0])))

    def find_by_hash(self, hashed_token: bytes) -> Session | None:
        """Return the session of a token, ended ones too; None if there never was one."""
        row = self._connection.execute(select(session).where(session.c.token_hash == hashed_token)).one_or_none()
        return None if row is None else _session(row)

    def get(self, session_id: SessionId) -> Session:
        """Return a session."""
        row = self._connection.execute(select(session).where(session.c.session_id == session_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no session with the id {session_id}.")
        return _session(row)

    def touch(self, session_id: SessionId, now: dt.datetime, expires_at: dt.datetime) -> None:
        """Note that an open session is in use."""
        self._connection.execute(
            update(session)
            .where(session.c.session_id == session_id, session.c.ended_at.is_(None), session.c.last_seen_at < now)
            .values(last_seen_at=now, expires_at=expires_at)
        )

    def end(self, session_id: SessionId, reason: SessionEnd, now: dt.datetime) -> bool:
        """End a session; False if it had ended already."""
        statement = (
            update(session)
            .where(session.c.session_id == session_id, session.c.ended_at.is_(None))
            .values(ended_at=now, end_reason=reason.value)
        )
        return self._connection.execute(statement).rowcount == 1

    def open_of_user(self, user_id: UserId) -> tuple[Session, ...]:
        """Return the sessions of a user that have not been ended."""
        return _sessions(
            self._connection.execute(
                select(session).where(session.c.user_id == user_id, session.c.ended_at.is_(None))
            ).all()
        )

    def addresses_of_user(self, user_id: UserId) -> frozenset[str]:
        """Return the addresses from which a user has opened sessions that are still kept."""
        query = select(session.c.ip_address).where(session.c.user_id == user_id).distinct()
        return frozenset(self._connection.execute(query).scalars())

    def expired(self, now: dt.datetime) -> tuple[Session, ...]:
        """Return sessions whose time is over but which have not been ended."""
        return _sessions(
            self._connection.execute(
                select(session).where(session.c.ended_at.is_(None), session.c.expires_at <= now)
            ).all()
        )

    def count_open(self, now: dt.datetime) -> int:
        """Return how many sessions can be used now."""
        return self._connection.execute(select(func.count()).select_from(session).where(*_open(now))).scalar_one()

    def open_ids(
        self, session_ids: Sequence[int], now: dt.datetime, seen_before: dt.datetime | None = None
    ) -> frozenset[int]:
        """Return those of the sessions that can be used now, with ``seen_before`` those last used before."""
        query = select(session.c.session_id).where(*_open(now))
        if seen_before is not None:
            query = query.where(session.c.last_seen_at <= seen_before)
        found: set[int] = set()
        for start in range(0, len(session_ids), _MOST_IN_A_LIST):
            part = session_ids[start : start + _MOST_IN_A_LIST]
            found.update(self._connection.execute(query.where(session.c.session_id.in_(part))).scalars())
        return frozenset(found)

    def set_storage_node(self, session_id: SessionId, node_id: int) -> None:
        """Let a session find its studies on a storage node."""
        self._connection.execute(
            update(session).where(session.c.session_id == session_id).values(storage_node_id=node_id)
        )

    def storage_counts(self, now: dt.datetime) -> dict[int, int]:
        """Return how many sessions that can be used now each storage node has; nodes without one are absent."""
        column = session.c.storage_node_id
        query = select(column, func.count().label("held")).where(column.is_not(None), *_open(now)).group_by(column)
        return {row.storage_node_id: row.held for row in self._connection.execute(query)}

    def count_without(self, render_nodes: Collection[int], now: dt.datetime) -> int:
        """Return how many sessions that can be used now are drawn by none of these nodes."""
        drawn = select(render_assignment.c.session_id).where(render_assignment.c.node_id.in_(render_nodes))
        query = select(func.count()).select_from(session).where(*_open(now), session.c.session_id.not_in(drawn))
        return self._connection.execute(query).scalar_one()

    def prune(self, ended_before: dt.datetime) -> int:
        """Remove rows of sessions that ended before; returns how many."""
        return self._connection.execute(delete(session).where(session.c.ended_at < ended_before)).rowcount


def _open(now: dt.datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return session.c.ended_at.is_(None), session.c.expires_at > now


def _sessions(rows: Iterable[Row[tuple[object, ...]]]) -> tuple[Session, ...]:
    return tuple(map(_session, rows))


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        session_id=row.session_id,
        user_id=row.user_id,
        token_hash=row.token_hash,
        ip_address=row.ip_address,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        end_reason=None if row.end_reason is None else SessionEnd(row.end_reason),
        storage_node_id=row.storage_node_id,
    )


class SqlTicketRepository:
    """See `webviewer.accounts.TicketRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: Ticket) -> None:
        """Store a ticket."""
        self._connection.execute(
            insert(ticket).values(
                ticket_hash=new.ticket_hash,
                session_id=new.session_id,
                purpose=new.purpose.value,
                origin=new.origin,
                expires_at=new.expires_at,
            )
        )

    def take(self, ticket_hash: bytes, purpose: TicketPurpose) -> Ticket | None:
        """Remove and return the ticket; None if there is none."""
        # One statement, so that of two callers exactly one gets the row.
        row = self._connection.execute(
            delete(ticket)
            .where(ticket.c.ticket_hash == ticket_hash, ticket.c.purpose == purpose.value)
            .returning(ticket.c.session_id, ticket.c.origin, ticket.c.expires_at)
        ).one_or_none()
        if row is None:
            return None
        return Ticket(ticket_hash, SessionId(row.session_id), purpose, row.origin, row.expires_at)

    def count(self, session_id: SessionId) -> int:
        """Return how many tickets of the session lie unused."""
        query = select(func.count()).select_from(ticket).where(ticket.c.session_id == session_id)
        return self._connection.execute(query).scalar_one()

    def prune(self, now: dt.datetime) -> None:
        """Remove tickets whose time is over."""
        self._connection.execute(delete(ticket).where(ticket.c.expires_at <= now))


class SqlAttemptRepository:
    """See `webviewer.accounts.AttemptRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def serialize(self, key: bytes) -> None:
        """Let no other transaction count these attempts until this one ends."""
        # A lock on rows would not do: the first attempts, all at once, find none. SQLite has one writer anyway.
        if self._connection.dialect.name == "postgresql":
            number = int.from_bytes(key[:8], "big", signed=True)
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": number})

    def find(self, key: bytes) -> Attempt | None:
        """Return a counter, None if it was never needed."""
        query = select(sign_in_attempt).where(sign_in_attempt.c.attempt_key == key)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Attempt(row.attempt_key, row.failures, row.last_at, row.blocked_until)

    def put(self, attempt: Attempt) -> None:
        """Store a counter in place of the one with its key."""
        values = {"failures": attempt.failures, "last_at": attempt.last_at, "blocked_until": attempt.blocked_until}
        statement = update(sign_in_attempt).where(sign_in_attempt.c.attempt_key == attempt.key).values(values)
        if not self._connection.execute(statement).rowcount:
            self._connection.execute(insert(sign_in_attempt).values(attempt_key=attempt.key, **values))

    def forget(self, key: bytes) -> None:
        """Remove a counter."""
        self._connection.execute(delete(sign_in_attempt).where(sign_in_attempt.c.attempt_key == key))

    def count(self) -> int:
        """Return how many counters there are."""
        return int(self._connection.execute(select(func.count()).select_from(sign_in_attempt)).scalar_one())

    def prune(self, before: dt.datetime) -> None:
        """Remove counters last used before."""
        self._connection.execute(delete(sign_in_attempt).where(sign_in_attempt.c.last_at < before))
