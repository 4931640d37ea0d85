"""Which render node draws for a session, and which nodes there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webviewer.accounts import SessionId
from webviewer.core.errors import Unavailable
from webviewer.placement import Node, NodeId, NodeKind, choose_node
from webviewer.usecases.clock import Clock
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class Placement:
    """Use cases on nodes and assignments."""

    units: ControlUnitOfWorkFactory
    clock: Clock

    def register_only(self, storage_url: str, render_url: str) -> None:
        """Make the two nodes of the unified build known, and forget nodes of an earlier configuration."""
        now = self.clock()
        with self.units() as unit:
            for kind, address in ((NodeKind.STORAGE, storage_url), (NodeKind.RENDER, render_url)):
                unit.placement.keep_only(kind, frozenset({address}))
                unit.placement.register(kind, address, now)
            unit.commit()

    def heartbeat(self, node_ids: Sequence[NodeId]) -> None:
        """Note that nodes have answered."""
        now = self.clock()
        with self.units() as unit:
            for node_id in node_ids:
                unit.placement.heartbeat(node_id, now)
            unit.commit()

    def nodes(self, kind: NodeKind | None = None) -> tuple[Node, ...]:
        """Return the nodes."""
        with self.units(read_only=True) as unit:
            return unit.placement.nodes(kind)

    def render_node(self, session_id: SessionId) -> Node:
        """Return the render node of a session: the one it has while that lives, else the one with fewest sessions.

        Raises
        ------
        Unavailable
            There is no active render node.
        """
        now = self.clock()
        with self.units(read_only=True) as unit:
            held = unit.placement.assigned(session_id)
            if held is not None and held.is_active and held.is_live(now):
                return held
        with self.units() as unit:
            unit.placement.serialize()
            nodes = unit.placement.nodes(NodeKind.RENDER)
            held = unit.placement.assigned(session_id)
            if held is not None and held.is_active and held.is_live(now):
                return held
            unit.placement.release(session_id)
            chosen = choose_node(nodes, unit.placement.session_counts(), now)
            if chosen is None:
                raise Unavailable("No render node is in service.", code="no_render_node")
            unit.placement.assign(session_id, chosen.node_id, now)
            unit.commit()
        return chosen
