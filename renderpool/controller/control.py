"""What is asked of the control node: its render nodes with their sessions, and to take one out of service or back."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

from renderpool.controller.decide import Node
from webviewer.adapters.nodes import NodeClient
from webviewer.core.errors import Unavailable

_READ_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Scaling:
    """Render nodes, and the open sessions that have none."""

    nodes: tuple[Node, ...]
    waiting: int


class ControlNode:
    """The control node's internal HTTP."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def scaling(self) -> Scaling:
        """Return the sessions of all render nodes; raises Unavailable."""
        answer = self._client.json("GET", "/internal/v1/scaling")
        try:
            nodes = tuple(
                Node(
                    int(one["node_id"]), str(one["identity"]), bool(one["active"]), bool(one["online"]), one["sessions"]
                )
                for one in answer["nodes"]
            )
            waiting = answer["waiting"]
            if not all(isinstance(count, int) and count >= 0 for count in (waiting, *(one.sessions for one in nodes))):
                raise ValueError("no count")
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("The control node answered something else than its render nodes.") from error
        return Scaling(nodes, waiting)

    def set_active(self, node_id: int, *, active: bool) -> None:
        """Take a node out of service, or back; raises NotFound, Unavailable."""
        self._client.json("PUT", f"/internal/v1/nodes/{node_id}", value={"active": active}, repeatable=True)


def control_client(url: str, token: str, tls: ssl.SSLContext | None = None) -> NodeClient:
    """Return a client for `ControlNode`; raises ConfigError."""
    return NodeClient(
        url, token, node="control node", connections=2, read_timeout_s=_READ_TIMEOUT_S, tls=tls, is_control=True
    )
