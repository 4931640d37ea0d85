"""The nodes of a system, and which render node draws for a session: a row, kept until it ends or the node dies."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType, Protocol

from webviewer.core.errors import InvalidInput

NodeId = NewType("NodeId", int)

HEARTBEAT_S: Final = 3.0
ONLINE_S: Final = 10.0  # a node that was not heard of for so long is offline
FORGOTTEN_S: Final = 600.0  # an offline render node that registered by itself is removed after it

MAX_NODE_ID: Final = 2**31 - 1
MAX_ADDRESS: Final = 255
MAX_IDENTITY: Final = 253
MAX_OWNER: Final = 2**53 - 1  # numbers of users that a page can hold
_ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})", re.ASCII)
_IDENTITY = re.compile(r"[\x21-\x7e]{1,253}", re.ASCII)
_SCU = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?", re.ASCII)


class NodeKind(StrEnum):
    """What a node does."""

    STORAGE = "storage"
    RENDER = "render"


@dataclass(frozen=True, slots=True)
class Node:
    """A node as registered; ``address`` is the root of its internal HTTP.

    ``identity`` is what the node calls itself (None until it was heard of); ``failed_at`` tells that it left, or that
    somebody did not reach it, after it was heard of last.
    """

    node_id: NodeId
    kind: NodeKind
    address: str
    is_active: bool
    registered_at: dt.datetime
    last_heartbeat_at: dt.datetime | None
    identity: str | None = None
    failed_at: dt.datetime | None = None
    added_by_hand: bool = False
    scu: str | None = None
    version: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def is_online(self, now: dt.datetime) -> bool:
        """Return whether the node was heard of lately and nobody has failed to reach it since."""
        if self.failed_at is not None or self.last_heartbeat_at is None:
            return False
        return (now - self.last_heartbeat_at).total_seconds() < ONLINE_S

    def takes_sessions(self, now: dt.datetime) -> bool:
        """Return whether new sessions may be given to the node."""
        return self.is_active and self.is_online(now)


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a node says of itself, at its registration and at each heartbeat.

    ``run`` is another text at each start: it tells a node that has two addresses from two nodes with one identity.
    ``highest_owner`` is the highest number of a user whose studies a storage node has, 0 where there are none.
    """

    kind: NodeKind
    identity: str
    address: str
    version: str = ""
    run: str = ""
    scu: str | None = None
    sessions_used: Sequence[int] = ()
    highest_owner: int = 0
    facts: Mapping[str, object] = field(default_factory=dict)


class PlacementRepository(Protocol):
    """Nodes and assignments, inside one unit of work."""

    def note(self, report: NodeReport, now: dt.datetime) -> Node:
        """Make the node known, or note that it was heard of: it is online.

        A row without identity at its address, made by hand, becomes this node's. What was entered by hand stays.
        """
        ...

    def add(self, kind: NodeKind, address: str, now: dt.datetime, node_id: NodeId | None = None) -> Node:
        """Make a node known by hand; raises Conflict when the number or the address of its kind is taken."""
        ...

    def change(self, node_id: NodeId, *, address: str | None, scu: str | None) -> None:
        """Give a node another address or SCU by hand; None leaves it. Raises Conflict when the address is taken."""
        ...

    def set_active(self, node_id: NodeId, *, is_active: bool) -> None:
        """Let a node take sessions, or not."""
        ...

    def remove(self, node_id: NodeId) -> None:
        """Remove a node; its sessions are placed anew."""
        ...

    def fail(self, node_id: NodeId, now: dt.datetime) -> None:
        """Note that a node was not reached, or has left: it is offline until it is heard of again."""
        ...

    def forget_lost(self, before: dt.datetime) -> int:
        """Remove render nodes that registered by themselves and were last heard of before; returns how many."""
        ...

    def claim_silent(self, now: dt.datetime, heard_before: dt.datetime) -> tuple[Node, ...]:
        """Return render nodes that count as living, but were not heard of since; from now on they count as failed."""
        ...

    def owners_drawn_by(self, node_id: NodeId) -> tuple[int, ...]:
        """Return the users with a session on a render node."""
        ...

    def claim_asking(self, now: dt.datetime, heard_before: dt.datetime, asked_before: dt.datetime) -> tuple[Node, ...]:
        """Return nodes made by hand that nobody heard of nor asked since, and note that the caller asks them now."""
        ...

    def get(self, node_id: NodeId) -> Node:
        """Return a node; raises NotFound."""
        ...

    def find(self, kind: NodeKind, identity: str) -> Node | None:
        """Return the node that calls itself so, None if there is none."""
        ...

    def nodes(self, kind: NodeKind | None = None) -> tuple[Node, ...]:
        """Return the nodes by id."""
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


def choose_node(nodes: Sequence[Node], counts: Mapping[NodeId, int], now: dt.datetime) -> Node | None:
    """Return the node with the lowest count among those that take sessions; None if there is none."""
    fit = [node for node in nodes if node.takes_sessions(now)]
    return min(fit, key=lambda node: (counts.get(node.node_id, 0), node.node_id), default=None)


def check_address(address: str) -> str:
    """Return the address of a node if it follows the rule, else raise InvalidInput.

    Examples
    --------
    >>> check_address("http://10.0.0.7:8081")
    'http://10.0.0.7:8081'
    """
    plain = address.removesuffix("/")
    found = _ADDRESS.fullmatch(plain)
    if found is None or len(plain) > MAX_ADDRESS or not 0 < int(found["port"]) < 65536:
        raise InvalidInput(
            f"Address {address[:MAX_ADDRESS]!r} is invalid: it must be like http://<IP-address>:<port> (or https://).",
            code="invalid_address",
        )
    return plain


def check_identity(identity: str) -> str:
    """Return what a node calls itself if it follows the rule, else raise InvalidInput."""
    if not _IDENTITY.fullmatch(identity):
        raise InvalidInput(
            f"Identity {identity[:MAX_IDENTITY]!r} is invalid: it must have 1 to {MAX_IDENTITY} printable ASCII "
            "characters without spaces.",
            code="invalid_identity",
        )
    return identity


def check_node_id(node_id: int) -> int:
    """Return the number of a node if it follows the rule, else raise InvalidInput."""
    if not 1 <= node_id <= MAX_NODE_ID:
        raise InvalidInput(f"Node {node_id} is invalid: the number must be 1 to {MAX_NODE_ID}.", code="invalid_node_id")
    return node_id


def check_scu(scu: str) -> str:
    r"""Return the AE title of a storage node as SCU if it follows the rule, else raise InvalidInput."""
    if not _SCU.fullmatch(scu):
        raise InvalidInput(
            f"SCU {scu[:32]!r} is invalid: an AE title has 1 to 16 printable characters, no backslash, and no space at "
            "either end.",
            code="invalid_scu",
        )
    return scu
