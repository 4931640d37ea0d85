"""Tickets, single pictures, and the relay of the stream. The owner is always the user of the session."""

from __future__ import annotations

import contextlib
import threading
from typing import Literal

from flask import Flask, Response, request
from pydantic import BaseModel

from functions.common.app import new_app
from functions.common.bodies import answer
from functions.common.guard import current, socket
from functions.common.openapi import operation
from functions.common.sockets import HandledResponse, refuse_socket
from functions.render.activity import SessionUse
from functions.render.relay import Relay, Upstream, open_upstream
from webviewer.accounts import TicketPurpose
from webviewer.adapters.nodes import NodeClient
from webviewer.bootstrap import Services
from webviewer.core.errors import LimitExceeded, NotSignedIn, Unavailable
from webviewer.protocol.messages import CloseCode
from webviewer.usecases.sessions import SignedIn

_MAX_PICTURE_BYTES = 128 * 1024**2
_PASSED_HEADERS = ("ETag", "Cache-Control")


class TicketAnswer(BaseModel):
    """A ticket for one WebSocket, good once and for 30 s."""

    ticket: str


class ThumbnailQuery(BaseModel):
    """What may be asked of a thumbnail; the render node checks the values."""

    size: int = 160


class RenderedQuery(BaseModel):
    """What may be asked of a rendered frame; the render node checks the values."""

    width: int | None = None
    height: int | None = None
    window_center: float | None = None
    window_width: float | None = None
    format: Literal["png", "jpeg"] = "png"


class NodeClients:
    """One client with kept connections for each render node."""

    def __init__(self, internal_token: str) -> None:
        self._token = internal_token
        self._lock = threading.Lock()
        self._clients: dict[str, NodeClient] = {}

    def of(self, address: str) -> NodeClient:
        """Return the client of a node's address."""
        with self._lock:
            client = self._clients.get(address)
            if client is None:
                client = NodeClient(address, self._token, node="render node", read_timeout_s=60.0)
                self._clients[address] = client
            return client


def create_app(services: Services) -> Flask:
    """Return the function's app."""
    app = new_app("render", services)
    clients = NodeClients(services.settings.internal_token)

    @app.post("/v2/render/ticket")
    @operation("Get a ticket for /eventQueue/render", response=TicketAnswer)
    def ticket() -> Response:
        origin = request.headers.get("Origin")
        return answer(TicketAnswer(ticket=services.tickets.issue(current().session_id, TicketPurpose.RENDER, origin)))

    @app.get("/v2/render/series/<int:series_id>/thumbnail")
    @operation("The middle image of a series, small", query=ThumbnailQuery, media_type="image/jpeg")
    def thumbnail(series_id: int) -> Response:
        return _picture(services, clients, f"/series/{series_id}/thumbnail", tuple(ThumbnailQuery.model_fields))

    @app.get("/v2/render/instances/<int:instance_id>/frames/<int:frame_number>/rendered")
    @operation("One frame as a picture", query=RenderedQuery, media_type="image/png")
    def rendered(instance_id: int, frame_number: int) -> Response:
        path = f"/instances/{instance_id}/frames/{frame_number}/rendered"
        return _picture(services, clients, path, tuple(RenderedQuery.model_fields))

    @app.route("/eventQueue/render", websocket=True)
    @socket(TicketPurpose.RENDER)
    def stream() -> Response:
        return _stream(services)

    return app


def _picture(services: Services, clients: NodeClients, path: str, names: tuple[str, ...]) -> Response:
    """Pass a picture through; it is private to the user, and asked for again with its ETag."""
    who = current()
    node = services.placement.render_node(who.session_id)
    query = [(name, request.args[name]) for name in names if name in request.args]
    known = request.headers.get("If-None-Match")
    found = clients.of(node.address).open(
        "GET",
        f"/internal/v1/render/owners/{who.user_id}{path}",
        query=query,
        headers={} if known is None else {"If-None-Match": known},
    )
    with found:
        body = b"" if found.status == 304 else found.read(_MAX_PICTURE_BYTES)
        response = Response(body, found.status)
        response.headers["Content-Type"] = found.headers.get("Content-Type", "application/octet-stream")
        for name in _PASSED_HEADERS:
            if name in found.headers:
                response.headers[name] = found.headers[name]
        return response


def _stream(services: Services) -> Response:
    who = current()
    try:
        node = services.placement.render_node(who.session_id)
        upstream = open_upstream(
            node.address,
            services.settings.internal_token,
            owner_id=who.user_id,
            websocket_key=request.headers.get("Sec-WebSocket-Key", ""),
        )
    except Unavailable as exc:
        # Close codes are all that a page learns of a socket that did not come to be: shake hands, then say it.
        return refuse_socket(request, CloseCode.NODE_LOST, exc.message)
    with contextlib.closing(upstream):
        return _relay(services, who, upstream)


def _relay(services: Services, who: SignedIn, upstream: Upstream) -> Response:
    use = SessionUse(services.sessions.keep_open, who.session_id, services.clock)
    relay = Relay(request.environ["gunicorn.socket"], upstream, use.note)
    try:
        with services.live.register(who.session_id, who.user_id, relay):
            # The session may have ended between the ticket and the registration; nobody would tell this socket.
            services.sessions.get_open(who.session_id)
            relay.run()
    except NotSignedIn as exc:
        return refuse_socket(request, CloseCode.NOT_SIGNED_IN, str(exc.details.get("reason", exc.code)))
    except LimitExceeded as exc:
        return refuse_socket(request, CloseCode.TOO_MANY, exc.message)
    except Unavailable as exc:
        return refuse_socket(request, CloseCode.GOING_AWAY, exc.message)
    return HandledResponse()
