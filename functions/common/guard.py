"""Who may call what. Default deny: a view without a mark needs a session.

Marks, set under the route::

    @app.get("/v2/about")
    @public
    def about() -> ...

``public``          anybody
``signed_in``       a session; the default, may be left out
``administrator``   a session of an administrator
``internal``        a node of ours: ``Authorization: Bearer <internal token>``
``monitor``         any program, which cannot know that token, but no browser
``socket(purpose)`` a WebSocket with a ticket for this purpose; the view runs only when the ticket was good

A view asks `current()` who calls. Requests that change something carry the session's CSRF token, and none may come
from a page of another site.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, ParamSpec, TypeVar

from flask import Flask, Request, Response, current_app, g, request

from functions.common.peer import Peers
from functions.common.sockets import offered_ticket, refuse_socket
from webviewer.accounts import TicketPurpose
from webviewer.adapters.wsgi import connection_of
from webviewer.bootstrap import Services
from webviewer.core.callers import refuse_browser, require_token
from webviewer.core.errors import LimitExceeded, NotSignedIn, PermissionDenied, Unavailable
from webviewer.protocol.sockets import CloseCode
from webviewer.usecases.sessions import SignedIn

SESSION_COOKIE: Final = "webviewer_session"
CSRF_HEADER: Final = "X-CSRF-Token"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MARK: Final = "__webviewer_access__"

P = ParamSpec("P")
R = TypeVar("R")


class Level(Enum):
    """Who may call a view."""

    PUBLIC = auto()
    SIGNED_IN = auto()
    ADMINISTRATOR = auto()
    INTERNAL = auto()
    MONITOR = auto()
    SOCKET = auto()


@dataclass(frozen=True, slots=True)
class Access:
    """The mark of a view."""

    level: Level
    purpose: TicketPurpose | None = None


DEFAULT: Final = Access(Level.SIGNED_IN)


def _marked(access: Access) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, _MARK, access)
        return view

    return mark


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Let anybody call the view."""
    return _marked(Access(Level.PUBLIC))(view)


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """Let users with a session call the view."""
    return _marked(DEFAULT)(view)


def administrator(view: Callable[P, R]) -> Callable[P, R]:
    """Let administrators call the view."""
    return _marked(Access(Level.ADMINISTRATOR))(view)


def internal(view: Callable[P, R]) -> Callable[P, R]:
    """Let nodes of ours call the view."""
    return _marked(Access(Level.INTERNAL))(view)


def monitor(view: Callable[P, R]) -> Callable[P, R]:
    """Let monitors and probes call the view."""
    return _marked(Access(Level.MONITOR))(view)


def socket(purpose: TicketPurpose) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a WebSocket with a ticket for this purpose reach the view."""
    return _marked(Access(Level.SOCKET, purpose))


def access_of(view: object) -> Access:
    """Return the mark of a view."""
    found = getattr(view, _MARK, DEFAULT)
    return found if isinstance(found, Access) else DEFAULT


def current() -> SignedIn:
    """Return who makes the request.

    Raises
    ------
    NotSignedIn
        The view is public and there is no session.
    """
    who: SignedIn | None = g.get("who")
    if who is None:
        raise NotSignedIn("Sign in first.")
    return who


def csrf_token_of(session_token: str) -> str:
    """Return the CSRF token of a session: made from its token, so that nothing more has to be kept."""
    digest = hmac.digest(session_token.encode(), b"webviewer csrf", hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def install(app: Flask, services: Services, peers: Peers) -> None:
    """Check every request of the app before its view."""

    def check() -> Response | None:
        if request.endpoint is None:
            return None  # the router answers: not found, wrong method
        access = access_of(current_app.view_functions.get(request.endpoint))
        if access.level is Level.INTERNAL:
            refuse_browser(request.headers.keys())
            require_token(request.headers.get("Authorization", ""), services.settings.internal_token)
            _admit("node", is_node=True)
            return None
        if access.level is Level.MONITOR:
            refuse_browser(request.headers.keys())
            return None
        if access.level is Level.SOCKET:
            return _check_socket(services, peers, access.purpose)
        if request.method not in _SAFE_METHODS:
            peers.refuse_foreign_page(request)
        if access.level is Level.PUBLIC:
            return None
        token = request.cookies.get(SESSION_COOKIE, "")
        if not token:
            raise NotSignedIn("Sign in first.")
        g.who = services.sessions.authenticate(token)
        _admit(g.who.user_id)
        if request.method not in _SAFE_METHODS:
            _require_csrf(request, token)
        if access.level is Level.ADMINISTRATOR and not g.who.is_administrator:
            raise PermissionDenied("Only an administrator may do this.")
        return None

    app.before_request(check)


def _admit(key: Hashable, *, is_node: bool = False) -> None:
    """Give the connection of the request an authenticated seat."""
    connection = connection_of(request.environ)
    if connection is not None:
        connection.admit(key, is_node=is_node)


def _require_csrf(request: Request, session_token: str) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token_of(session_token).encode()):
        raise PermissionDenied(f"The request lacks the session's {CSRF_HEADER}.", code="csrf")


def _check_socket(services: Services, peers: Peers, purpose: TicketPurpose | None) -> Response | None:
    ticket = offered_ticket(request)
    if ticket is None or purpose is None:
        raise NotSignedIn("A ticket must be offered among the subprotocols.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise PermissionDenied("A page of another site may not do this.", code="cross_origin")
    try:
        g.who = services.tickets.redeem(
            ticket, purpose, request.headers.get("Origin"), origin_is_own=peers.is_own_origin(request)
        )
        _admit(g.who.user_id)
    except NotSignedIn as exc:
        # A page never sees the status of a refused handshake, only a close code: so the handshake is done first.
        return refuse_socket(request, CloseCode.NOT_SIGNED_IN, str(exc.details.get("reason", exc.code)))
    except (LimitExceeded, Unavailable) as exc:
        return refuse_socket(request, CloseCode.TOO_MANY, exc.message)
    return None
