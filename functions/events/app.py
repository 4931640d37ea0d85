"""``/eventQueue``: the WebSocket of events."""

from __future__ import annotations

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import Server

from functions.common.app import new_app
from functions.common.guard import current, socket
from functions.common.sockets import MAX_MESSAGE_BYTES, PageSocket, prepare, say_goodbye
from webviewer.accounts import TicketPurpose
from webviewer.bootstrap import Services
from webviewer.core.errors import LimitExceeded, NotSignedIn, Unavailable
from webviewer.protocol.messages import SUBPROTOCOL, CloseCode


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("events", services)
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": [SUBPROTOCOL], "max_message_size": MAX_MESSAGE_BYTES}
    app.before_request(lambda: prepare(request))
    sock = Sock(app)

    @socket(TicketPurpose.EVENTS)
    def event_queue(websocket: Server) -> None:
        who = current()
        page = PageSocket(websocket)
        try:
            with services.live.register(who.session_id, who.user_id, page):
                # The session may have ended between the ticket and the registration; nobody would tell this socket.
                services.sessions.get_open(who.session_id)
                page.run()
        except NotSignedIn as exc:
            say_goodbye(websocket, CloseCode.NOT_SIGNED_IN, str(exc.details.get("reason", exc.code)))
        except LimitExceeded as exc:
            say_goodbye(websocket, CloseCode.TOO_MANY, exc.message)
        except Unavailable as exc:
            say_goodbye(websocket, CloseCode.GOING_AWAY, exc.message)

    sock.route("/eventQueue")(event_queue)
    return app
