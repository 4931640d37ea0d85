"""Says in log and metrics which nodes come and go, so that an operator hears of it before the doctors do."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Final

from webviewer.adapters.metrics import Metrics
from webviewer.placement import ONLINE_S, NodeId
from webviewer.usecases.nodes import Nodes

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3.0


class NodeWatch:
    """Compares what nodes are with what they were at the last look; each control process does it for itself."""

    def __init__(self, nodes: Nodes, metrics: Metrics) -> None:
        self._nodes = nodes
        self._metrics = metrics
        self._begun_s = time.monotonic()
        self._online: dict[NodeId, bool] = {}

    def look(self) -> None:
        """Look once. Nothing is said of nodes before they had the time to report to a system that has just started."""
        if time.monotonic() - self._begun_s < ONLINE_S:
            return
        views = self._nodes.all()
        counts: Counter[tuple[str, str, str]] = Counter()
        for view in views:
            node = view.node
            known = {"node_id": node.node_id, "kind": node.kind.value, "address": node.address}
            if self._online.get(node.node_id, True) and not view.is_online:
                logger.warning("node_offline", extra={**known, "sessions": view.sessions})
            elif view.is_online and self._online.get(node.node_id) is False:
                logger.info("node_online", extra=known)
            state, status = ("online" if view.is_online else "offline"), ("active" if node.is_active else "inactive")
            counts[node.kind.value, state, status] += 1
        self._online = {view.node.node_id: view.is_online for view in views}
        scaling = self._nodes.scaling()
        self._metrics.show_nodes(counts)
        self._metrics.show_sessions(scaling.sessions, scaling.waiting)
