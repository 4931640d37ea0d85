"""A session from its token to its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from webviewer.accounts import Account, Session, SessionEnd, SessionId, UserId, token_hash
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.errors import NotSignedIn
from webviewer.events import SESSION_ENDED
from webviewer.usecases.clock import Clock
from webviewer.usecases.node_status import NoCalls, NodeCalls
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory

TOUCH_EVERY_S = 60.0
KEEP_ENDED_DAYS = 90

_WORDS = {
    SessionEnd.SIGNED_OUT: "You have signed out.",
    SessionEnd.EXPIRED: "Your session was not used for a long time.",
    SessionEnd.SWITCHED_OFF: "This account is switched off. Ask your administrator.",
    SessionEnd.CLOSED_BY_ADMINISTRATOR: "Your session was closed by the administrator.",
    SessionEnd.PASSWORD_CHANGED: "The password of this account was changed.",
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who makes a request: what the functions may know of the session and its user."""

    session_id: SessionId
    user_id: UserId
    user_name: str
    is_administrator: bool
    expires_at: dt.datetime


def signed_in(session: Session, account: Account) -> SignedIn:
    """Return the public facts of a session."""
    return SignedIn(
        session.session_id, account.user_id, account.user_name, account.is_administrator, session.expires_at
    )


def ended_error(reason: SessionEnd | None) -> NotSignedIn:
    """Return the refusal for a session that is over; ``details.reason`` tells the page which words to show."""
    known = reason or SessionEnd.EXPIRED
    return NotSignedIn(
        f"Your session has ended. {_WORDS[known]}", code="session_ended", details={"reason": known.value}
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that has just ended, and the address of the render node that drew for it."""

    session_id: SessionId
    reason: SessionEnd
    render_address: str | None


def end_session(unit: ControlUnitOfWork, session: Session, reason: SessionEnd, now: dt.datetime) -> Ended | None:
    """End a session inside a unit of work: log entry, event to its open pages, its place on a render node.

    Returns
    -------
    Ended | None
        For `close_streams` once the unit is committed; None if it had ended already: nothing is logged twice.
    """
    drawn_by = unit.placement.assigned(session.session_id)
    if not unit.sessions.end(session.session_id, reason, now):
        return None
    account = unit.accounts.get(session.user_id)
    details = {AuditDetail.SESSION_ID: str(session.session_id), AuditDetail.IP_ADDRESS: session.ip_address}
    if reason is SessionEnd.EXPIRED:
        kind = AuditEvent.SESSION_EXPIRED
    else:
        kind = AuditEvent.SESSION_CLOSED
        details[AuditDetail.REASON] = reason.value.replace("_", " ")
    unit.audit.add(AuditEntry(kind, now, account.user_id, account.user_name, details))
    unit.placement.release(session.session_id)
    body = {"session_id": session.session_id, "reason": reason.value}
    unit.events.publish(session.user_id, SESSION_ENDED, body, now)
    return Ended(session.session_id, reason, None if drawn_by is None else drawn_by.address)


def close_streams(calls: NodeCalls, ended: Iterable[Ended | None]) -> None:
    """Tell the render nodes of sessions that have ended; returns at once."""
    for one in ended:
        if one is not None and one.render_address is not None:
            calls.close_streams(one.render_address, one.session_id, one.reason.value)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Use cases on sessions."""

    units: ControlUnitOfWorkFactory
    clock: Clock
    idle_s: int
    calls: NodeCalls = field(default_factory=NoCalls)

    def authenticate(self, token: str) -> SignedIn:
        """Return whose session the token is, and note (at most once a minute) that it is in use.

        Raises
        ------
        NotSignedIn
            Unknown token, or the session has ended; says why.
        """
        now = self.clock()
        with self.units(read_only=True) as unit:
            session = unit.sessions.find_by_hash(token_hash(token))
            if session is None:
                raise NotSignedIn("Sign in first.")
            account = unit.accounts.get(session.user_id)
        if not session.is_open(now):
            raise ended_error(session.end_reason)
        if not account.is_active:
            raise ended_error(SessionEnd.SWITCHED_OFF)
        return signed_in(self._noted(session, now), account)

    def keep_open_all(self, session_ids: Sequence[int]) -> frozenset[int]:
        """Note (at most once a minute) that sessions are in use; returns those that are open."""
        now = self.clock()
        with self.units(read_only=True) as unit:
            are_open = unit.sessions.open_ids(session_ids, now)
            stale = unit.sessions.open_ids(tuple(are_open), now, now - dt.timedelta(seconds=TOUCH_EVERY_S))
        if stale:
            with self.units() as unit:
                for session_id in sorted(stale):
                    unit.sessions.touch(SessionId(session_id), now, now + dt.timedelta(seconds=self.idle_s))
                unit.commit()
        return are_open

    def _noted(self, session: Session, now: dt.datetime) -> Session:
        if (now - session.last_seen_at).total_seconds() < TOUCH_EVERY_S:
            return session
        with self.units() as unit:
            unit.sessions.touch(session.session_id, now, now + dt.timedelta(seconds=self.idle_s))
            unit.commit()
            return unit.sessions.get(session.session_id)

    def get_open(self, session_id: SessionId) -> SignedIn:
        """Return an open session by its id.

        Raises
        ------
        NotSignedIn
            It has ended.
        """
        with self.units(read_only=True) as unit:
            session = unit.sessions.get(session_id)
            account = unit.accounts.get(session.user_id)
        if not session.is_open(self.clock()) or not account.is_active:
            raise ended_error(session.end_reason)
        return signed_in(session, account)

    def end(self, session_id: SessionId, reason: SessionEnd) -> None:
        """End a session; nothing happens if it has ended already."""
        with self.units() as unit:
            ended = end_session(unit, unit.sessions.get(session_id), reason, self.clock())
            unit.commit()
        close_streams(self.calls, [ended])

    def expire(self) -> int:
        """End the sessions whose time is over; returns how many.

        Called every few seconds by each replica; the first one ends a session, the others find it ended.
        """
        now = self.clock()
        with self.units(read_only=True) as unit:
            over = unit.sessions.expired(now)
        if not over:
            return 0
        with self.units() as unit:
            ended = [end_session(unit, session, SessionEnd.EXPIRED, now) for session in unit.sessions.expired(now)]
            unit.commit()
        close_streams(self.calls, ended)
        return sum(one is not None for one in ended)

    def prune(self) -> int:
        """Remove rows of sessions that ended long ago; returns how many."""
        with self.units() as unit:
            removed = unit.sessions.prune(self.clock() - dt.timedelta(days=KEEP_ENDED_DAYS))
            unit.commit()
        return removed

    def count_open(self) -> int:
        """Return how many sessions can be used now."""
        with self.units(read_only=True) as unit:
            return unit.sessions.count_open(self.clock())
