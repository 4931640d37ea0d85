"""``/v2/admin/nodes``: the nodes of the system (manual 3.8)."""

from __future__ import annotations

import datetime as dt
import time
from typing import Annotated, Literal

from flask import Flask, Response
from pydantic import BaseModel, Field

from functions.common.bodies import Body, answer, read_body
from functions.common.guard import administrator, current
from functions.common.openapi import operation
from webviewer.bootstrap import Services
from webviewer.placement import MAX_ADDRESS, NodeId, NodeKind
from webviewer.usecases.list_studies import MAX_ID
from webviewer.usecases.nodes import Actor, NodeView

Kind = Literal["storage", "render"]


class NodeAnswer(BaseModel):
    """A node: its availability is its state, whether it takes sessions its status."""

    node_id: int
    kind: Kind
    address: str
    state: Literal["online", "offline"]
    status: Literal["active", "inactive"]
    sessions: int
    scu: str | None
    version: str
    last_heartbeat_at: dt.datetime | None


class NodesAnswer(BaseModel):
    """All nodes by their numbers."""

    nodes: list[NodeAnswer]


class NewNodeBody(Body):
    """A node to be made known; the next number is taken where none is given."""

    node_id: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    address: Annotated[str, Field(max_length=MAX_ADDRESS)]
    kind: Kind


class NodeChangeBody(Body):
    """What changes of a node; what is left out stays."""

    address: Annotated[str, Field(max_length=MAX_ADDRESS)] | None = None
    scu: Annotated[str, Field(max_length=64)] | None = None
    active: bool | None = None


class PingAnswer(BaseModel):
    """Whether a node answered, after how many milliseconds, and why it is not well."""

    ok: bool
    ms: float
    reason: str


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes to the console's app."""

    @app.get("/v2/admin/nodes")
    @administrator
    @operation("The nodes of the system", response=NodesAnswer)
    def list_nodes() -> Response:
        return answer(NodesAnswer(nodes=[_plain(view) for view in services.nodes.all()]))

    @app.post("/v2/admin/nodes")
    @administrator
    @operation("Make a node known", request=NewNodeBody, response=NodeAnswer, status=201)
    def add_node() -> Response:
        body = read_body(NewNodeBody)
        node_id = None if body.node_id is None else NodeId(body.node_id)
        node = services.nodes.add(NodeKind(body.kind), body.address, _actor(), node_id)
        return answer(_plain(services.nodes.get(node.node_id)), 201)

    @app.put("/v2/admin/nodes/<int:node_id>")
    @administrator
    @operation("Change a node", request=NodeChangeBody, response=NodeAnswer)
    def change_node(node_id: int) -> Response:
        body = read_body(NodeChangeBody)
        services.nodes.change(NodeId(node_id), _actor(), address=body.address, scu=body.scu, is_active=body.active)
        return answer(_plain(services.nodes.get(NodeId(node_id))))

    @app.delete("/v2/admin/nodes/<int:node_id>")
    @administrator
    @operation("Remove a node", status=204)
    def remove_node(node_id: int) -> Response:
        services.nodes.remove(NodeId(node_id), _actor())
        return Response(status=204)

    @app.post("/v2/admin/nodes/<int:node_id>/ping")
    @administrator
    @operation("Ask a node whether it is well", response=PingAnswer)
    def ping_node(node_id: int) -> Response:
        node = services.nodes.get(NodeId(node_id)).node
        began_s = time.perf_counter()
        said = services.node_probe.health(node.address)
        ms = round((time.perf_counter() - began_s) * 1000, 1)
        return answer(PingAnswer(ok=said.ok, ms=ms, reason=said.reason))


def _actor() -> Actor:
    who = current()
    return Actor(who.user_id, who.user_name)


def _plain(view: NodeView) -> NodeAnswer:
    node = view.node
    return NodeAnswer(
        node_id=node.node_id,
        kind="storage" if node.kind is NodeKind.STORAGE else "render",
        address=node.address,
        state="online" if view.is_online else "offline",
        status="active" if node.is_active else "inactive",
        sessions=view.sessions,
        scu=node.scu,
        version=node.version,
        last_heartbeat_at=node.last_heartbeat_at,
    )
