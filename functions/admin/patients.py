"""``/v2/admin/patient_conflicts``: Study Instance UIDs that several patients share, for the administrator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from flask import Flask, Response
from pydantic import BaseModel, Field, ValidationError

from functions.common.bodies import answer
from functions.common.guard import administrator
from functions.common.openapi import operation
from webviewer.accounts.users import UserId
from webviewer.bootstrap import Services
from webviewer.core.errors import NotFound
from webviewer.placement import Node, NodeKind

_ASKED_AT_ONCE: Final = 32


class ConflictAnswer(BaseModel):
    """A study row whose Study Instance UID another patient's row has, too; it names no patient."""

    node_id: int
    user_id: int
    user_name: str  # empty: there is no such user any more
    study_id: int
    study_instance_uid: str
    instance_count: int
    received_at: dt.datetime


class ConflictsAnswer(BaseModel):
    """Conflicts of all storage nodes, the newest of each first."""

    studies: list[ConflictAnswer]
    total: int  # more than are listed where a node has very many
    silent_nodes: list[int]  # storage nodes that did not answer


class _Row(BaseModel):
    owner_id: int
    study_id: int
    study_instance_uid: str = Field(max_length=64)
    instance_count: int
    received_at: dt.datetime


class _Told(BaseModel):
    studies: list[_Row]
    total: int


def add_routes(app: Flask, services: Services) -> None:
    """Add the route."""

    @app.get("/v2/admin/patient_conflicts")
    @administrator
    @operation("Study Instance UIDs that several patients share", response=ConflictsAnswer)
    def conflicts() -> Response:
        nodes = [node for node in services.placement.nodes() if node.kind is NodeKind.STORAGE]
        told = _ask(services, nodes)
        owners = {row.owner_id for one in told if one is not None for row in one.studies}
        names = dict(_names(services, owners))
        return answer(
            ConflictsAnswer(
                studies=[
                    ConflictAnswer(
                        node_id=node.node_id,
                        user_id=row.owner_id,
                        user_name=names.get(row.owner_id, ""),
                        study_id=row.study_id,
                        study_instance_uid=row.study_instance_uid,
                        instance_count=row.instance_count,
                        received_at=row.received_at,
                    )
                    for node, one in zip(nodes, told, strict=True)
                    if one is not None
                    for row in one.studies
                ],
                total=sum(one.total for one in told if one is not None),
                silent_nodes=[node.node_id for node, one in zip(nodes, told, strict=True) if one is None],
            )
        )


def _ask(services: Services, nodes: list[Node]) -> list[_Told | None]:
    if not nodes:
        return []

    def ask(node: Node) -> _Told | None:
        said = services.node_probe.patient_conflicts(node.address)
        try:
            return _Told.model_validate(said.facts) if said.ok else None
        except ValidationError:
            return None

    with ThreadPoolExecutor(min(len(nodes), _ASKED_AT_ONCE), "node-conflicts") as pool:
        return list(pool.map(ask, nodes))


def _names(services: Services, owners: set[int]) -> Iterator[tuple[int, str]]:
    with services.units(read_only=True) as unit:
        for owner in owners:
            try:
                yield owner, unit.accounts.get(UserId(owner)).user_name
            except NotFound:
                continue
