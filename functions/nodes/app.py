"""The control node's internal port: nodes register and publish events, a monitor reads metrics."""

from __future__ import annotations

from typing import Annotated

from flask import Flask, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from functions.common.app import new_app
from functions.common.bodies import Body, answer, read_body
from functions.common.guard import internal, monitor, public
from functions.common.peer import Peers
from functions.common.readiness import Readiness
from functions.nodes.where import stream_headers
from webviewer.bootstrap import Services
from webviewer.config import Function
from webviewer.placement import HEARTBEAT_S, MAX_ADDRESS, MAX_IDENTITY, MAX_OWNER, NodeId, NodeKind, NodeReport
from webviewer.usecases.events import MAX_PUBLISHED_AT_ONCE
from webviewer.usecases.list_studies import MAX_ID
from webviewer.usecases.nodes import Actor, NodeView

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_SESSIONS_TOLD = 100_000

# Beyond these a database fails instead of finding nothing; no text of a node has control characters.
RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
Printable = Annotated[str, Field(max_length=64, pattern=r"^[\x20-\x7e]*$")]
Identity = Annotated[str, Field(max_length=MAX_IDENTITY, pattern=r"^[\x21-\x7e]+$")]


class PublishedEvent(BaseModel):
    """An event from a node: its type, its owner, and whatever the page shall get beside them."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    owner_id: RowId


class PublishBody(Body):
    """Events to publish."""

    events: Annotated[list[PublishedEvent], Field(max_length=MAX_PUBLISHED_AT_ONCE)]


class ReportBody(BaseModel):
    """What a node says of itself; a later version may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: NodeKind
    identity: Identity
    address: Annotated[str, Field(max_length=MAX_ADDRESS)]
    version: Printable = ""
    run: Printable = ""
    scu: Annotated[str, Field(max_length=16)] | None = None
    sessions_used: Annotated[list[RowId], Field(max_length=MAX_SESSIONS_TOLD)] = []
    highest_owner: Annotated[int, Field(ge=0, le=MAX_OWNER)] = 0
    facts: dict[str, object] = {}


class HeardAnswer(BaseModel):
    """What a node is told in answer."""

    node_id: int
    active: bool
    heartbeat_s: float
    owners_digest: str | None


class LeaveBody(BaseModel):
    """Which node stops."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: NodeKind
    identity: Identity


class ActiveBody(Body):
    """Whether a node takes sessions."""

    active: bool


def create_app(services: Services) -> Flask:
    """Return the app of the internal port; it is never mounted on the public one."""
    app = new_app("internal", services, max_body_bytes=MAX_BODY_BYTES)
    readiness = Readiness(services)

    @app.get("/metrics")
    @monitor  # it cannot know the nodes' token, and nothing here names a person
    def metrics() -> Response:
        return Response(services.metrics.text(), mimetype="text/plain; version=0.0.4")

    @app.get("/internal/v1/health")
    @monitor  # a probe of the platform cannot know the token either
    def health() -> tuple[Response, int]:
        reasons = readiness.reasons()
        return jsonify(ready=not reasons, reasons=reasons), 503 if reasons else 200

    if Function.NODES in services.settings.control.functions:
        _node_routes(app, services)
        _controller_routes(app, services)
        _where_route(app, services)
    return app


def _node_routes(app: Flask, services: Services) -> None:
    @app.post("/internal/v1/nodes")
    @internal
    def hear() -> Response:
        body = read_body(ReportBody)
        heard = services.nodes.hear(
            NodeReport(
                kind=body.kind,
                identity=body.identity,
                address=body.address,
                version=body.version,
                run=body.run,
                scu=body.scu,
                sessions_used=body.sessions_used,
                highest_owner=body.highest_owner,
                facts=body.facts,
            )
        )
        return answer(
            HeardAnswer(
                node_id=heard.node.node_id,
                active=heard.node.is_active,
                heartbeat_s=HEARTBEAT_S,
                owners_digest=heard.owners_digest,
            )
        )

    @app.post("/internal/v1/nodes/leave")
    @internal
    def leave() -> Response:
        body = read_body(LeaveBody)
        services.nodes.leave(body.kind, body.identity)
        return Response(status=204)

    @app.get("/internal/v1/nodes/<int:node_id>/owners")
    @internal
    def owners(node_id: int) -> Response:
        found = services.owners.of(NodeId(node_id))
        listed = [{"owner_id": owner.owner_id, "ae_titles": list(owner.ae_titles)} for owner in found.owners]
        return jsonify(digest=found.digest, owners=listed)

    @app.post("/internal/v1/events")
    @internal
    def publish() -> Response:
        body = read_body(PublishBody)
        services.events.publish([(one.owner_id, one.type, one.model_extra or {}) for one in body.events])
        return Response(status=204)


def _controller_routes(app: Flask, services: Services) -> None:
    @app.get("/internal/v1/scaling")
    @internal
    def scaling() -> Response:
        found = services.nodes.scaling()
        return jsonify(nodes=[_plain(view) for view in found.nodes], sessions=found.sessions, waiting=found.waiting)

    @app.put("/internal/v1/nodes/<int:node_id>")
    @internal
    def set_active(node_id: int) -> Response:
        services.nodes.change(NodeId(node_id), Actor(), is_active=read_body(ActiveBody).active)
        return jsonify(_plain(services.nodes.get(NodeId(node_id))))


def _where_route(app: Flask, services: Services) -> None:
    peers: Peers = app.extensions["peers"]

    @app.get("/internal/v1/where")
    @public  # the ticket that the browser brought is the proof; Nginx passes it on
    def where() -> Response:
        return Response(status=200, headers=stream_headers(services, peers))


def _plain(view: NodeView) -> dict[str, object]:
    return {
        "node_id": view.node.node_id,
        "identity": view.node.identity,
        "address": view.node.address,
        "active": view.node.is_active,
        "online": view.is_online,
        "sessions": view.sessions,
        "registered_at": view.node.registered_at.isoformat(),
    }
