"""What the control node does by itself: end old sessions, hear of its nodes, throw old events away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from webviewer.bootstrap import Services
from webviewer.core.errors import WebviewerError

logger = logging.getLogger(__name__)

EXPIRE_EVERY_S: Final = 5.0
HEARTBEAT_EVERY_S: Final = 10.0
PRUNE_EVERY_S: Final = 300.0


class Housekeeping:
    """Runs the chores in a thread (or greenlet) of its own; one that fails is logged and tried again."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._chores: tuple[tuple[str, float, Callable[[], object]], ...] = (
            ("expire_sessions", EXPIRE_EVERY_S, services.sessions.expire),
            ("node_heartbeats", HEARTBEAT_EVERY_S, self._heartbeats),
            ("prune_events", PRUNE_EVERY_S, services.events.prune),
            ("prune_sessions", PRUNE_EVERY_S, services.sessions.prune),
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait a little for the thread."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        due = {name: 0.0 for name, _, _ in self._chores}
        while not self._stop.is_set():
            for name, every_s, chore in self._chores:
                if time.monotonic() < due[name]:
                    continue
                due[name] = time.monotonic() + every_s
                try:
                    chore()
                except WebviewerError as exc:
                    logger.warning("chore_failed", extra={"chore": name, "reason": exc.message})
                except Exception:  # a chore's fault must not end the others
                    logger.exception("chore_crashed", extra={"chore": name})
            self._stop.wait(1.0)

    def _heartbeats(self) -> None:
        nodes = self._services.placement.nodes()
        alive = [node.node_id for node in nodes if self._services.node_probe.health(node.address).ok]
        if alive:
            self._services.placement.heartbeat(alive)
