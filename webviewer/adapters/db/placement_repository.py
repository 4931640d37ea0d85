"""Nodes and the placement of sessions in SQL."""

from __future__ import annotations

import datetime as dt
import json

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from webviewer.adapters.db.control_repositories import PLACEMENT_LOCK, lock
from webviewer.adapters.db.control_tables import node, render_assignment, session
from webviewer.core.errors import Conflict, NotFound
from webviewer.placement import Node, NodeId, NodeKind, NodeReport

_MAX_VERSION = 64


class SqlPlacementRepository:
    """See `webviewer.placement.PlacementRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def note(self, report: NodeReport, now: dt.datetime) -> Node:
        """Make the node known, or note that it was heard of."""
        known = self.find(report.kind, report.identity)
        if known is None or not (known.added_by_hand or known.address == report.address) or self._is_shared(known):
            self.serialize()  # several replicas may hear of it at once
            known = self.find(report.kind, report.identity) or self._adopt(report) or self._insert(report, now)
            self._make_room(known, known.address if known.added_by_hand else report.address, now)
        values: dict[str, object] = {
            "identity": report.identity,
            "last_heartbeat_at": now,
            "failed_at": None,
            "version": report.version[:_MAX_VERSION],
            "facts": json.dumps(report.facts, ensure_ascii=False),
        }
        if not known.added_by_hand:
            values["address"] = report.address
        if not known.added_by_hand or known.scu is None:
            values["scu"] = report.scu
        self._update(known.node_id, **values)
        return self.get(known.node_id)

    def _is_shared(self, known: Node) -> bool:
        """Return whether another row says that its node lives at this address too."""
        others = (node.c.kind == known.kind.value, node.c.address == known.address, node.c.node_id != known.node_id)
        return (
            self._connection.execute(select(node.c.node_id).where(*others, node.c.failed_at.is_(None))).first()
            is not None
        )

    def _adopt(self, report: NodeReport) -> Node | None:
        """Return the row made by hand that stands for this node, None if there is none."""
        where = [node.c.kind == report.kind.value, node.c.address == report.address, node.c.added_by_hand]
        if report.kind is NodeKind.STORAGE:  # its identity says where users' studies are: only a new row may get one
            where.append(node.c.identity.is_(None))
        row = self._connection.execute(select(node).where(*where).order_by(node.c.node_id)).first()
        return None if row is None else _node(row)

    def _insert(self, report: NodeReport, now: dt.datetime) -> Node:
        return self._add(report.kind, report.address, now, identity=report.identity, last_heartbeat_at=now)

    def _make_room(self, known: Node, address: str, now: dt.datetime) -> None:
        """Let no other row say that its node is at this address: one machine's address was given to another."""
        others = (node.c.kind == known.kind.value, node.c.address == address, node.c.node_id != known.node_id)
        if known.kind is NodeKind.RENDER:
            self._connection.execute(delete(node).where(*others, node.c.added_by_hand.is_(False)))
        self._connection.execute(update(node).where(*others).values(failed_at=now))

    def add(self, kind: NodeKind, address: str, now: dt.datetime, node_id: NodeId | None = None) -> Node:
        """Make a node known by hand."""
        self.serialize()
        self._refuse_taken(kind, address, None)
        return self._add(kind, address, now, added_by_hand=True, **({} if node_id is None else {"node_id": node_id}))

    def change(self, node_id: NodeId, *, address: str | None, scu: str | None) -> None:
        """Give a node another address or SCU by hand."""
        self.serialize()
        known = self.get(node_id)
        values: dict[str, object] = {"added_by_hand": True}
        if address is not None and address != known.address:
            self._refuse_taken(known.kind, address, node_id)
            values |= {"address": address, "asked_at": None}
        if scu is not None:
            values["scu"] = scu
        self._update(node_id, **values)

    def set_active(self, node_id: NodeId, *, is_active: bool) -> None:
        """Let a node take sessions, or not."""
        self._update(node_id, is_active=is_active)

    def remove(self, node_id: NodeId) -> None:
        """Remove a node; its sessions are placed anew."""
        self.get(node_id)
        self._connection.execute(delete(node).where(node.c.node_id == node_id))

    def fail(self, node_id: NodeId, now: dt.datetime) -> None:
        """Note that a node was not reached, or has left."""
        self._connection.execute(update(node).where(node.c.node_id == node_id).values(failed_at=now))

    def forget_lost(self, before: dt.datetime) -> int:
        """Remove render nodes that registered by themselves and were last heard of before; returns how many."""
        lost = (node.c.kind == NodeKind.RENDER.value, node.c.added_by_hand.is_(False))
        return self._connection.execute(delete(node).where(*lost, node.c.last_heartbeat_at < before)).rowcount

    def claim_silent(self, now: dt.datetime, heard_before: dt.datetime) -> tuple[Node, ...]:
        """Return render nodes that count as living, but were not heard of since; from now on they count as failed."""
        statement = (
            update(node)
            .where(
                node.c.kind == NodeKind.RENDER.value,
                node.c.failed_at.is_(None),
                node.c.last_heartbeat_at < heard_before,
            )
            .values(failed_at=now)
            .returning(*node.c)
        )
        return tuple(map(_node, self._connection.execute(statement).all()))

    def owners_drawn_by(self, node_id: NodeId) -> tuple[int, ...]:
        """Return the users with a session on a render node."""
        query = select(session.c.user_id).distinct().join(render_assignment)
        return tuple(self._connection.execute(query.where(render_assignment.c.node_id == node_id)).scalars())

    def claim_asking(self, now: dt.datetime, heard_before: dt.datetime, asked_before: dt.datetime) -> tuple[Node, ...]:
        """Return nodes made by hand that nobody heard of nor asked since, and note that the caller asks them now."""
        statement = (
            update(node)
            .where(
                node.c.added_by_hand,
                or_(node.c.last_heartbeat_at.is_(None), node.c.last_heartbeat_at < heard_before),
                or_(node.c.asked_at.is_(None), node.c.asked_at < asked_before),
            )
            .values(asked_at=now)
            .returning(*node.c)
        )
        return tuple(map(_node, self._connection.execute(statement).all()))

    def get(self, node_id: NodeId) -> Node:
        """Return a node."""
        row = self._connection.execute(select(node).where(node.c.node_id == node_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no node with the ID {node_id}.")
        return _node(row)

    def find(self, kind: NodeKind, identity: str) -> Node | None:
        """Return the node that calls itself so, None if there is none."""
        query = select(node).where(node.c.kind == kind.value, node.c.identity == identity)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _node(row)

    def nodes(self, kind: NodeKind | None = None) -> tuple[Node, ...]:
        """Return the nodes by id."""
        query = select(node).order_by(node.c.node_id)
        if kind is not None:
            query = query.where(node.c.kind == kind.value)
        return tuple(map(_node, self._connection.execute(query)))

    def _add(self, kind: NodeKind, address: str, now: dt.datetime, **more: object) -> Node:
        values = {"kind": kind.value, "address": address, "is_active": True, "registered_at": now, **more}
        try:
            with self._connection.begin_nested():
                key = self._connection.execute(insert(node).values(values)).inserted_primary_key
        except IntegrityError as exc:
            raise Conflict(f"There is a node with the ID {more.get('node_id')} already.", code="node_id_taken") from exc
        if key is None:
            raise NotFound("The new node has no id.")
        if "node_id" in more and self._connection.dialect.name == "postgresql":
            following = "SELECT setval(pg_get_serial_sequence('node', 'node_id'), (SELECT max(node_id) FROM node))"
            self._connection.execute(text(following))
        return self.get(NodeId(int(key[0])))

    def _refuse_taken(self, kind: NodeKind, address: str, but: NodeId | None) -> None:
        query = select(node.c.node_id).where(node.c.kind == kind.value, node.c.address == address)
        if but is not None:
            query = query.where(node.c.node_id != but)
        taken = self._connection.execute(query).scalars().first()
        if taken is not None:
            raise Conflict(f"The address {address} is that of node {taken} already.", code="address_taken")

    def _update(self, node_id: NodeId, **values: object) -> None:
        if not self._connection.execute(update(node).where(node.c.node_id == node_id).values(values)).rowcount:
            raise NotFound(f"There is no node with the ID {node_id}.")

    # -- assignments ---------------------------------------------------------------------------------------------------

    def serialize(self) -> None:
        """Let no other transaction place a session until this one ends."""
        lock(self._connection, PLACEMENT_LOCK)

    def assigned(self, session_id: int) -> Node | None:
        """Return the render node of a session, None if it has none."""
        row = self._connection.execute(
            select(node).join(render_assignment).where(render_assignment.c.session_id == session_id)
        ).one_or_none()
        return None if row is None else _node(row)

    def session_counts(self) -> dict[NodeId, int]:
        """Return how many sessions each render node holds; nodes without one are absent."""
        query = select(render_assignment.c.node_id, func.count().label("held")).group_by(render_assignment.c.node_id)
        return {NodeId(row.node_id): row.held for row in self._connection.execute(query)}

    def assign(self, session_id: int, node_id: NodeId, now: dt.datetime) -> None:
        """Give a session to a node, in place of an earlier one."""
        self.release(session_id)
        self._connection.execute(
            insert(render_assignment).values(session_id=session_id, node_id=node_id, assigned_at=now)
        )

    def release(self, session_id: int) -> None:
        """Take a session from its node."""
        self._connection.execute(delete(render_assignment).where(render_assignment.c.session_id == session_id))


def _node(row: Row[tuple[object, ...]]) -> Node:
    facts = json.loads(row.facts)
    return Node(
        node_id=NodeId(row.node_id),
        kind=NodeKind(row.kind),
        address=row.address,
        is_active=row.is_active,
        registered_at=row.registered_at,
        last_heartbeat_at=row.last_heartbeat_at,
        identity=row.identity,
        failed_at=row.failed_at,
        added_by_hand=row.added_by_hand,
        scu=row.scu,
        version=row.version,
        facts=facts if isinstance(facts, dict) else {},
    )
