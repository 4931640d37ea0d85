"""Tickets, single pictures, and the relay of the stream. The owner is always the user of the session."""

from __future__ import annotations

import contextlib
from typing import Literal

from flask import Flask, Response, request
from pydantic import BaseModel

from functions.common.app import new_app
from functions.common.bodies import answer, read_body
from functions.common.guard import current, socket
from functions.common.openapi import operation
from functions.common.placed import at_render_node
from functions.common.sockets import HandledResponse, begin_socket, refuse_socket
from functions.render.relay import Relay
from functions.render.upstream import Stream, Upstream, open_upstream
from webviewer.accounts import TicketPurpose
from webviewer.bootstrap import Services
from webviewer.core.errors import LimitExceeded, NotSignedIn, Unavailable
from webviewer.placement import Node
from webviewer.protocol.sockets import CloseCode
from webviewer.protocol.surfaces import SurfaceWish
from webviewer.usecases.sessions import SignedIn

_MAX_PICTURE_BYTES = 128 * 1024**2
_SURFACE_WITHIN_S = 300.0  # the volume may have to be loaded first
_PASSED_HEADERS = ("ETag", "Cache-Control")
STORAGE_HEADER = "X-Webviewer-Storage"  # where the render node finds the studies


class TicketAnswer(BaseModel):
    """A ticket for one WebSocket, good once and for 30 s."""

    ticket: str


class ThumbnailQuery(BaseModel):
    """What may be asked of a thumbnail; the render node checks the values."""

    size: int = 160
    overlays: bool = True
    shutters: bool = True


class RenderedQuery(BaseModel):
    """What may be asked of a rendered frame; the render node checks the values."""

    width: int | None = None
    height: int | None = None
    window_center: float | None = None
    window_width: float | None = None
    format: Literal["png", "jpeg"] = "png"
    overlays: bool = True
    shutters: bool = True


def create_app(services: Services) -> Flask:
    """Return the function's app."""
    app = new_app("render", services)

    @app.post("/v2/render/ticket")
    @operation("Get a ticket for /eventQueue/render", response=TicketAnswer)
    def ticket() -> Response:
        origin = request.headers.get("Origin")
        return answer(TicketAnswer(ticket=services.tickets.issue(current().session_id, TicketPurpose.RENDER, origin)))

    @app.get("/v2/render/series/<int:series_id>/thumbnail")
    @operation("The middle image of a series, small", query=ThumbnailQuery, media_type="image/jpeg")
    def thumbnail(series_id: int) -> Response:
        return _picture(services, f"/series/{series_id}/thumbnail", tuple(ThumbnailQuery.model_fields))

    @app.get("/v2/render/instances/<int:instance_id>/frames/<int:frame_number>/rendered")
    @operation("One frame as a picture", query=RenderedQuery, media_type="image/png")
    def rendered(instance_id: int, frame_number: int) -> Response:
        path = f"/instances/{instance_id}/frames/{frame_number}/rendered"
        return _picture(services, path, tuple(RenderedQuery.model_fields))

    @app.post("/v2/render/series/<int:series_id>/volumes/<int:volume>/surface")
    @operation("The surface of a volume at a level, as STL", request=SurfaceWish, media_type="model/stl")
    def surface(series_id: int, volume: int) -> Response:
        return _surface(services, f"/series/{series_id}/volumes/{volume}/surface")

    @app.route("/eventQueue/render", websocket=True)
    @socket(TicketPurpose.RENDER)
    def stream() -> Response:
        return _stream(services)

    return app


def _picture(services: Services, path: str, names: tuple[str, ...]) -> Response:
    """Pass a picture through; it is private to the user, and asked for again with its ETag."""
    who = current()
    storage = services.placement.storage_node(who.session_id)
    query = [(name, request.args[name]) for name in names if name in request.args]
    headers = {STORAGE_HEADER: storage.address}
    if "If-None-Match" in request.headers:
        headers["If-None-Match"] = request.headers["If-None-Match"]

    def ask(node: Node) -> Response:
        client = services.node_clients.render(node.address)
        url = f"/internal/v1/render/owners/{who.user_id}{path}"
        with client.open("GET", url, query=query, headers=headers) as found:
            body = b"" if found.status == 304 else found.read(_MAX_PICTURE_BYTES)
            response = Response(body, found.status)
            response.headers["Content-Type"] = found.headers.get("Content-Type", "application/octet-stream")
            for name in _PASSED_HEADERS:
                if name in found.headers:
                    response.headers[name] = found.headers[name]
            return response

    return at_render_node(services, who.session_id, ask)


def _surface(services: Services, path: str) -> Response:
    """Pass a file on while it is made; an error comes before its first byte."""
    who = current()
    storage = services.placement.storage_node(who.session_id)
    wish = read_body(SurfaceWish).model_dump_json().encode()
    headers = {STORAGE_HEADER: storage.address, "Content-Type": "application/json"}

    def ask(node: Node) -> Response:
        client = services.node_clients.render(node.address)
        url = f"/internal/v1/render/owners/{who.user_id}{path}"
        found = client.open("POST", url, body=wish, headers=headers, read_timeout_s=_SURFACE_WITHIN_S)
        response = Response(found.pieces(), found.status)
        response.call_on_close(found.close)
        for name in ("Content-Type", "Content-Length", "Cache-Control"):
            if name in found.headers:
                response.headers[name] = found.headers[name]
        return response

    return at_render_node(services, who.session_id, ask)


def _stream(services: Services) -> Response:
    who = current()
    try:
        storage = services.placement.storage_node(who.session_id)
        upstream = at_render_node(services, who.session_id, lambda node: _open(services, who, node, storage))
    except Unavailable as exc:
        # Close codes are all that a page learns of a socket that did not come to be: shake hands, then say it.
        return refuse_socket(request, CloseCode.NODE_LOST, exc.message)
    with contextlib.closing(upstream):
        return _relay(services, who, upstream)


def _open(services: Services, who: SignedIn, node: Node, storage: Node) -> Upstream:
    key = request.headers.get("Sec-WebSocket-Key", "")
    wanted = Stream(who.user_id, who.session_id, storage.address, key)
    return open_upstream(node.address, services.settings.internal_token, wanted, services.node_clients.tls)


def _relay(services: Services, who: SignedIn, upstream: Upstream) -> Response:
    begin_socket(request)
    relay = Relay(request.environ["gunicorn.socket"], upstream)
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
