"""Whether this process can do its work, as a probe asks."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from webviewer.bootstrap import Services
from webviewer.config import Role
from webviewer.core.errors import WebviewerError
from webviewer.placement import NodeKind

logger = logging.getLogger(__name__)

KEPT_S: Final = 1.0
NOT_READY: Final = {
    "database": "The database cannot be used.",
    "storage": "The storage node is not ready.",
    "render": "The render node is not ready.",
}


class Readiness:
    """Checks what a request needs; keeps the answer for a second, so that a flood of questions costs nothing.

    The unified build needs its two other nodes. A control node of many needs its database alone: which nodes are gone
    stands on the console, and a replica that were taken out of service for it would help nobody.

    Anybody may ask, so the answer has a few fixed words; what a node or the database said is in the log, once for each
    change, and on the console.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, str]] | None = None
        self._logged: dict[str, str] = {}

    def reasons(self) -> dict[str, str]:
        """Return what is not ready, by part, in words for everybody; empty when all is."""
        # Before the lock: a question to a database that hangs holds it, and others must hear of that at once.
        problem = self._services.database_watch.state().problem
        if problem:
            return self._said({"database": problem})
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_S:
                self._kept = (time.monotonic(), self._said(self._check()))
            return self._kept[1]

    def _said(self, details: dict[str, str]) -> dict[str, str]:
        """Log what has changed, and return it in words for everybody."""
        if details != self._logged:
            level = logging.WARNING if details else logging.INFO
            logger.log(level, "readiness_changed", extra={"parts": details})
            self._logged = details
        return {part: NOT_READY[part] for part in details}

    def _check(self) -> dict[str, str]:
        services, details = self._services, dict[str, str]()
        try:
            services.sessions.count_open()
        except WebviewerError as exc:
            details["database"] = exc.message
            return details
        if services.settings.role is Role.UNIFIED:
            for kind in NodeKind:
                reason = self._missing(kind)
                if reason:
                    details[kind.value] = reason
        return details

    def _missing(self, kind: NodeKind) -> str:
        """Return why the node of the unified build cannot work, empty if it can."""
        now = self._services.clock()
        online = [node for node in self._services.placement.nodes(kind) if node.is_online(now)]
        if not online:
            return "is not online"
        node = max(online, key=lambda one: one.last_heartbeat_at or now)
        # A storage node is ready once it has taken over for whom it stores; until then a sender would be refused.
        return self._services.node_probe.health(node.address).reason
