"""Where a session is drawn, and where its studies are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from webviewer.accounts import SessionId, UserId
from webviewer.core.errors import Unavailable
from webviewer.placement import ONLINE_S, Node, NodeId, NodeKind, choose_node
from webviewer.usecases.clock import Clock
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory

STORAGE_SILENT: Final = (
    "The storage node that keeps your studies does not answer. Try again in a minute; if it lasts, tell your "
    "administrator."
)


def storage_unavailable() -> Unavailable:
    """Return the refusal for users of a storage node that is gone."""
    return Unavailable(STORAGE_SILENT, code="storage_unavailable")


def storage_for(unit: ControlUnitOfWork, user_id: UserId | None, now: dt.datetime) -> NodeId | None:
    """Return the storage node of a user, or of a session without one; inside a unit that is serialized.

    A user keeps the node that the administrator gave; one without gets the live, active node with the fewest users.
    A session without a user gets the one with the fewest sessions. None while there is no such node.
    """
    if user_id is None:
        counts = {NodeId(node): held for node, held in unit.sessions.storage_counts(now).items()}
        chosen = choose_node(unit.placement.nodes(NodeKind.STORAGE), counts, now)
        return None if chosen is None else chosen.node_id
    account = unit.accounts.get(user_id)
    if account.storage_node_id is not None:
        return NodeId(account.storage_node_id)
    node_id = storage_with_fewest_users(unit, now)
    if node_id is not None:
        unit.accounts.set_storage_node(user_id, node_id)
    return node_id


def storage_with_fewest_users(unit: ControlUnitOfWork, now: dt.datetime) -> NodeId | None:
    """Return the live, active storage node for a new user; inside a unit that is serialized."""
    counts = {NodeId(node): users for node, users in unit.accounts.storage_counts().items()}
    chosen = choose_node(unit.placement.nodes(NodeKind.STORAGE), counts, now)
    return None if chosen is None else chosen.node_id


def place_session(unit: ControlUnitOfWork, session_id: SessionId, user_id: UserId | None, now: dt.datetime) -> None:
    """Give a new session its storage node and the render node with the fewest sessions, as far as there are any."""
    unit.placement.serialize()
    storage = storage_for(unit, user_id, now)
    if storage is not None:
        unit.sessions.set_storage_node(session_id, storage)
    chosen = choose_node(unit.placement.nodes(NodeKind.RENDER), unit.placement.session_counts(), now)
    if chosen is not None:
        unit.placement.assign(session_id, chosen.node_id, now)


@dataclass(frozen=True, slots=True)
class Placement:
    """Use cases on the place of sessions.

    Parameters
    ----------
    units, clock
        Where the rows are, and the time.
    started_at
        Since when this process runs. Where no control node ran for a while no node could be heard of; until they had
        the time to report, silence says nothing.
    """

    units: ControlUnitOfWorkFactory
    clock: Clock
    started_at: dt.datetime | None = None

    def nodes(self, kind: NodeKind | None = None) -> tuple[Node, ...]:
        """Return the nodes."""
        with self.units(read_only=True) as unit:
            return unit.placement.nodes(kind)

    def render_node(self, session_id: SessionId, *, but: NodeId | None = None) -> Node:
        """Return the render node of a session: the one it has while that lives, else the one with fewest sessions.

        Where no other lives, the one it has is the best guess: it may be about to come back.

        Parameters
        ----------
        session_id
            The session.
        but
            A node that did not answer just now: another one is better, if there is one.

        Raises
        ------
        Unavailable
            There is no active render node.
        """
        now = self.clock()
        with self.units(read_only=True) as unit:
            held = unit.placement.assigned(session_id)
        if held is not None and held.node_id != but and self._is_kept(held, now):
            return held
        with self.units() as unit:
            unit.placement.serialize()
            held = unit.placement.assigned(session_id)
            if held is not None and held.node_id != but and self._is_kept(held, now):
                return held
            others = [node for node in unit.placement.nodes(NodeKind.RENDER) if node.node_id != but]
            chosen = choose_node(others, unit.placement.session_counts(), now)
            if chosen is None and held is not None and held.is_active:
                return held
            if chosen is None:
                raise Unavailable("No render node is in service. Try again in a minute.", code="no_render_node")
            unit.placement.assign(session_id, chosen.node_id, now)
            unit.commit()
        return chosen

    def storage_node(self, session_id: SessionId) -> Node:
        """Return the node that keeps the studies of a session.

        Raises
        ------
        Unavailable
            It is offline, or there is none.
        """
        now = self.clock()
        with self.units(read_only=True) as unit:
            session = unit.sessions.get(session_id)
            node = None if session.storage_node_id is None else unit.placement.get(NodeId(session.storage_node_id))
        if node is None:
            node = self._first_storage(session_id, session.user_id, now)
        if not self._may_answer(node, now):
            raise storage_unavailable()
        return node

    def node_failed(self, node_id: NodeId) -> None:
        """Note that a node was not reached: until it is heard of again its sessions are placed on others."""
        with self.units() as unit:
            unit.placement.fail(node_id, self.clock())
            unit.commit()

    def _first_storage(self, session_id: SessionId, user_id: UserId | None, now: dt.datetime) -> Node:
        with self.units() as unit:
            unit.placement.serialize()
            node_id = storage_for(unit, user_id, now)
            if node_id is None:
                raise Unavailable("No storage node is in service. Try again in a minute.", code="no_storage_node")
            unit.sessions.set_storage_node(session_id, node_id)
            unit.commit()
            return unit.placement.get(node_id)

    def _is_kept(self, node: Node, now: dt.datetime) -> bool:
        return node.is_active and self._may_answer(node, now)

    def _may_answer(self, node: Node, now: dt.datetime) -> bool:
        if node.failed_at is not None or node.last_heartbeat_at is None:
            return False
        is_young = self.started_at is not None and (now - self.started_at).total_seconds() < ONLINE_S
        return is_young or node.is_online(now)
