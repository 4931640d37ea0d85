"""``/v2/admin``: the state of the server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from flask import Flask, Response
from pydantic import BaseModel

from functions.admin import nodes, patients
from functions.common.app import new_app
from functions.common.bodies import answer
from functions.common.guard import administrator
from functions.common.openapi import operation
from webviewer.bootstrap import PRODUCT, Services
from webviewer.core.errors import WebviewerError
from webviewer.placement import Node, NodeKind
from webviewer.usecases.node_status import free_bytes_of

_ASKED_AT_ONCE: Final = 32


class DatabaseAnswer(BaseModel):
    """The database behind the control node."""

    kind: str
    version: str
    problem: str  # why it cannot be used; empty where it can


class NodeStateAnswer(BaseModel):
    """A node and what it says of itself."""

    node_id: int
    kind: str
    address: str
    active: bool
    last_heartbeat_at: dt.datetime | None
    ok: bool
    reason: str
    status: Mapping[str, Any]


class StateAnswer(BaseModel):
    """The state of the server as the console shows it."""

    product: str
    version: str
    started_at: dt.datetime
    uptime_s: int
    database: DatabaseAnswer
    user_count: int
    session_count: int
    websocket_count: int
    free_bytes: int | None
    """Room on the disks of all storage nodes; a disk that several nodes share counts once. None: no node says it."""
    nodes: list[NodeStateAnswer]


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("admin", services)
    nodes.add_routes(app, services)
    patients.add_routes(app, services)
    started_at = services.clock()

    @app.get("/v2/admin/state")
    @administrator
    @operation("State of the server", response=StateAnswer)
    def state() -> Response:
        now = services.clock()
        with services.units(read_only=True) as unit:
            users, sessions = unit.accounts.count(), unit.sessions.count_open(now)
        nodes = _nodes(services)
        return answer(
            StateAnswer(
                product=PRODUCT,
                version=services.version,
                started_at=started_at,
                uptime_s=int((now - started_at).total_seconds()),
                database=DatabaseAnswer(
                    kind=services.settings.database.driver.value,
                    version=_version(services),
                    problem=services.database_watch.state().problem,
                ),
                user_count=users,
                session_count=sessions,
                websocket_count=services.live.count(),
                free_bytes=free_bytes_of(node.status for node in nodes if node.kind == NodeKind.STORAGE),
                nodes=nodes,
            )
        )

    return app


def _version(services: Services) -> str:
    try:
        return services.database_version()
    except WebviewerError:
        return ""


def _nodes(services: Services) -> list[NodeStateAnswer]:
    known = services.placement.nodes()
    if not known:
        return []
    with ThreadPoolExecutor(min(len(known), _ASKED_AT_ONCE), "node-state") as pool:
        return list(pool.map(partial(_state_of, services), known))


def _state_of(services: Services, node: Node) -> NodeStateAnswer:
    # Its facts come even from a node that is not ready; why it is not, only the health question tells.
    said = services.node_probe.status(node.address)
    health = services.node_probe.health(node.address) if said.facts else said
    return NodeStateAnswer(
        node_id=node.node_id,
        kind=node.kind.value,
        address=node.address,
        active=node.is_active,
        last_heartbeat_at=node.last_heartbeat_at,
        ok=said.ok and health.ok,
        reason=health.reason or said.reason,
        status=said.facts,
    )
