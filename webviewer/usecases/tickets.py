"""One-time tickets: how a WebSocket, which the cookie does not reach, proves whose it is."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from webviewer.accounts import SessionId, Ticket, TicketPurpose, token_hash
from webviewer.core.errors import LimitExceeded, NotSignedIn, PermissionDenied
from webviewer.usecases.clock import Clock
from webviewer.usecases.sessions import SignedIn, ended_error, signed_in
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory

LIFETIME_S = 30
MAX_UNUSED = 32
TICKET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Tickets:
    """Use cases on tickets."""

    units: ControlUnitOfWorkFactory
    clock: Clock

    def issue(self, session_id: SessionId, purpose: TicketPurpose, origin: str | None) -> str:
        """Return a new ticket for a socket of this session.

        Parameters
        ----------
        session_id
            The session that the ticket stands for.
        purpose
            The one socket it opens.
        origin
            ``Origin`` of the request, None if it had none; the socket must come from the same.

        Raises
        ------
        LimitExceeded
            Too many tickets of this session lie unused.
        """
        now = self.clock()
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        with self.units() as unit:
            unit.tickets.prune(now)
            if unit.tickets.count(session_id) >= MAX_UNUSED:
                raise LimitExceeded(f"This session has {MAX_UNUSED} unused tickets already.", resets_in_s=LIFETIME_S)
            expires_at = now + dt.timedelta(seconds=LIFETIME_S)
            unit.tickets.add(Ticket(token_hash(ticket), session_id, purpose, origin, expires_at))
            unit.commit()
        return ticket

    def redeem(self, ticket: str, purpose: TicketPurpose, origin: str | None, *, origin_is_own: bool) -> SignedIn:
        """Use a ticket up and return whose it is.

        Parameters
        ----------
        ticket
            What the page offers.
        purpose
            The socket that is opened.
        origin
            ``Origin`` of the handshake. A proxy may hide the name by which the page knows us, so it is compared with
            the origin of the request that fetched the ticket, which had its own protection.
        origin_is_own
            Whether ``origin`` is absent or our own name; decides for a ticket that was fetched without an origin.

        Raises
        ------
        NotSignedIn
            Unknown, used or too old, or its session has ended.
        PermissionDenied
            Another site's page uses it.
        """
        now = self.clock()
        with self.units() as unit:
            found = unit.tickets.take(token_hash(ticket), purpose)
            unit.commit()
            if found is None or found.expires_at <= now:
                raise NotSignedIn("This ticket is unknown, used or too old.", code="bad_ticket")
            session = unit.sessions.get(found.session_id)
            account = unit.accounts.get(session.user_id)
        allowed = origin_is_own if found.origin is None else origin == found.origin
        if not allowed:
            raise PermissionDenied("This ticket was made for a page of another site.", code="cross_origin")
        if not session.is_open(now) or not account.is_active:
            raise ended_error(session.end_reason)
        return signed_in(session, account)
