"""``/eventQueue``: the WebSocket of events."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Flask, Response, g, request
from flask_sock import Sock
from simple_websocket import Server

from functions.common.app import new_app
from functions.common.guard import current, socket
from functions.common.sockets import MAX_MESSAGE_BYTES, PageSocket, prepare, refuse_socket
from webviewer.accounts import TicketPurpose
from webviewer.bootstrap import Services
from webviewer.core.errors import LimitExceeded, NotSignedIn, Unavailable
from webviewer.protocol.sockets import SUBPROTOCOL, CloseCode


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("events", services)
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": [SUBPROTOCOL], "max_message_size": MAX_MESSAGE_BYTES}

    def register() -> Response | None:
        """Put the page on the list before the handshake: an event that comes just after it must not be missed."""
        if request.endpoint is None:
            return None
        who, page, stack = current(), PageSocket(), ExitStack()
        g.page, g.registration = page, stack
        try:
            stack.enter_context(services.live.register(who.session_id, who.user_id, page))
            # The session may have ended between the ticket and the registration; nobody would tell this socket.
            services.sessions.get_open(who.session_id)
        except NotSignedIn as exc:
            return refuse_socket(request, CloseCode.NOT_SIGNED_IN, str(exc.details.get("reason", exc.code)))
        except LimitExceeded as exc:
            return refuse_socket(request, CloseCode.TOO_MANY, exc.message)
        except Unavailable as exc:
            return refuse_socket(request, CloseCode.GOING_AWAY, exc.message)
        prepare(request)
        return None

    def leave(_error: BaseException | None) -> None:
        stack: ExitStack | None = g.pop("registration", None)
        if stack is not None:
            stack.close()

    app.before_request(register)
    app.teardown_request(leave)

    @socket(TicketPurpose.EVENTS)
    def event_queue(websocket: Server) -> None:
        page: PageSocket = g.page
        page.run(websocket)

    Sock(app).route("/eventQueue")(event_queue)
    return app
