"""Sessions and one-time tickets: what a browser holds is random, what we keep is its hash."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

from webviewer.accounts.users import UserId

SessionId = NewType("SessionId", int)


class SessionEnd(StrEnum):
    """Why a session is over; the page puts it into words."""

    SIGNED_OUT = "signed_out"
    EXPIRED = "expired"
    SWITCHED_OFF = "switched_off"  # the user is not active any more
    CLOSED_BY_ADMINISTRATOR = "closed_by_administrator"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, no secret


class TicketPurpose(StrEnum):
    """The one WebSocket that a ticket opens."""

    EVENTS = "events"
    RENDER = "render"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. Times are aware UTC."""

    session_id: SessionId
    user_id: UserId
    token_hash: bytes = field(repr=False)
    ip_address: str
    created_at: dt.datetime
    last_seen_at: dt.datetime
    expires_at: dt.datetime
    ended_at: dt.datetime | None = None
    end_reason: SessionEnd | None = None
    storage_node_id: int | None = None

    def is_open(self, now: dt.datetime) -> bool:
        """Return whether the session can still be used."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to open one WebSocket once; ``origin`` is that of the page which asked for it."""

    ticket_hash: bytes = field(repr=False)
    session_id: SessionId
    purpose: TicketPurpose
    origin: str | None
    expires_at: dt.datetime


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: SHA-256; with 256 random bits inside it needs no salt and no slow hash."""
    return hashlib.sha256(token.encode()).digest()


class SessionRepository(Protocol):
    """Sessions, inside one unit of work."""

    def add(
        self, user_id: UserId, hashed_token: bytes, ip_address: str, now: dt.datetime, expires_at: dt.datetime
    ) -> Session:
        """Store a new session."""
        ...

    def find_by_hash(self, hashed_token: bytes) -> Session | None:
        """Return the session of a token, ended ones too; None if there never was one."""
        ...

    def get(self, session_id: SessionId) -> Session:
        """Return a session; raises NotFound."""
        ...

    def touch(self, session_id: SessionId, now: dt.datetime, expires_at: dt.datetime) -> None:
        """Note that an open session is in use."""
        ...

    def end(self, session_id: SessionId, reason: SessionEnd, now: dt.datetime) -> bool:
        """End a session; False if it had ended already."""
        ...

    def open_of_user(self, user_id: UserId) -> tuple[Session, ...]:
        """Return the sessions of a user that have not been ended."""
        ...

    def addresses_of_user(self, user_id: UserId) -> frozenset[str]:
        """Return the addresses from which a user has opened sessions that are still kept."""
        ...

    def expired(self, now: dt.datetime) -> tuple[Session, ...]:
        """Return sessions whose time is over but which have not been ended."""
        ...

    def count_open(self, now: dt.datetime) -> int:
        """Return how many sessions can be used now."""
        ...

    def open_ids(
        self, session_ids: Sequence[int], now: dt.datetime, seen_before: dt.datetime | None = None
    ) -> frozenset[int]:
        """Return those of the sessions that can be used now, with ``seen_before`` those last used before."""
        ...

    def set_storage_node(self, session_id: SessionId, node_id: int) -> None:
        """Let a session find its studies on a storage node."""
        ...

    def storage_counts(self, now: dt.datetime) -> dict[int, int]:
        """Return how many sessions that can be used now each storage node has; nodes without one are absent."""
        ...

    def count_without(self, render_nodes: Collection[int], now: dt.datetime) -> int:
        """Return how many sessions that can be used now are drawn by none of these nodes."""
        ...

    def prune(self, ended_before: dt.datetime) -> int:
        """Remove rows of sessions that ended before; returns how many."""
        ...


class TicketRepository(Protocol):
    """Tickets, inside one unit of work."""

    def add(self, ticket: Ticket) -> None:
        """Store a ticket."""
        ...

    def take(self, ticket_hash: bytes, purpose: TicketPurpose) -> Ticket | None:
        """Remove and return the ticket; None if there is none. Two callers never get the same one."""
        ...

    def count(self, session_id: SessionId) -> int:
        """Return how many tickets of the session lie unused."""
        ...

    def prune(self, now: dt.datetime) -> None:
        """Remove tickets whose time is over."""
        ...
