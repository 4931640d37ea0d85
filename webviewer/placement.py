"""Which render node draws for a session: a row, kept until the session ends or the node dies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType, Protocol

NodeId = NewType("NodeId", int)

LIVE_S: Final = 30.0  # a node that was not heard of for so long is taken as dead


class NodeKind(StrEnum):
    """What a node does."""

    STORAGE = "storage"
    RENDER = "render"


@dataclass(frozen=True, slots=True)
class Node:
    """A node as registered; ``address`` is the root of its internal HTTP."""

    node_id: NodeId
    kind: NodeKind
    address: str
    is_active: bool
    last_heartbeat_at: dt.datetime

    def is_live(self, now: dt.datetime) -> bool:
        """Return whether the node was heard of lately."""
        return (now - self.last_heartbeat_at).total_seconds() < LIVE_S


class PlacementRepository(Protocol):
    """Nodes and assignments, inside one unit of work."""

    def register(self, kind: NodeKind, address: str, now: dt.datetime) -> Node:
        """Make the node known, or note that it is back."""
        ...

    def heartbeat(self, node_id: NodeId, now: dt.datetime) -> None:
        """Note that the node answered."""
        ...

    def nodes(self, kind: NodeKind | None = None) -> tuple[Node, ...]:
        """Return the nodes by id."""
        ...

    def keep_only(self, kind: NodeKind, addresses: frozenset[str]) -> None:
        """Remove nodes of this kind at other addresses; their sessions are placed anew."""
        ...

    def serialize(self) -> None:
        """Let no other transaction place a session until this one ends, so that two never pick by the same counts."""
        ...

    def assigned(self, session_id: int) -> Node | None:
        """Return the render node of a session, None if it has none."""
        ...

    def session_counts(self) -> dict[NodeId, int]:
        """Return how many sessions each render node holds; nodes without one are absent."""
        ...

    def assign(self, session_id: int, node_id: NodeId, now: dt.datetime) -> None:
        """Give a session to a node, in place of an earlier one."""
        ...

    def release(self, session_id: int) -> None:
        """Take a session from its node."""
        ...


def choose_node(nodes: tuple[Node, ...], session_counts: dict[NodeId, int], now: dt.datetime) -> Node | None:
    """Return the active node with the fewest sessions, live ones first; None if no node is active."""
    active = [node for node in nodes if node.is_active]
    if not active:
        return None
    return min(active, key=lambda node: (not node.is_live(now), session_counts.get(node.node_id, 0), node.node_id))
