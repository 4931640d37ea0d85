"""What the control node does by itself: end old sessions, ask nodes that do not report, throw old events away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from functions.common.node_watch import LOOK_EVERY_S, NodeWatch
from webviewer.bootstrap import Services
from webviewer.core.errors import WebviewerError
from webviewer.placement import ONLINE_S, Node, NodeId
from webviewer.usecases.nodes import Heard

logger = logging.getLogger(__name__)

EXPIRE_EVERY_S: Final = 5.0
ASK_EVERY_S: Final = 1.0  # which of several control nodes asks, and how often, the database decides
SILENT_EVERY_S: Final = 1.0
FORGET_EVERY_S: Final = 30.0
COMPARE_EVERY_S: Final = 60.0
PRUNE_EVERY_S: Final = 300.0


class Housekeeping:
    """Runs the chores in a thread (or greenlet) of its own; one that fails is logged and tried again."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._lock = threading.Lock()
        self._asked: set[NodeId] = set()
        self._chores: tuple[tuple[str, float, Callable[[], object]], ...] = (
            ("expire_sessions", EXPIRE_EVERY_S, services.sessions.expire),
            ("notice_silent", SILENT_EVERY_S, services.nodes.notice_silent),
            ("ask_nodes", ASK_EVERY_S, self._ask_nodes),
            ("compare_clocks", COMPARE_EVERY_S, services.compare_clocks),
            ("forget_nodes", FORGET_EVERY_S, services.nodes.forget_lost),
            ("watch_nodes", LOOK_EVERY_S, NodeWatch(services.nodes, services.metrics).look),
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
        # Where no control node ran for a while, no node could be heard of: silence says nothing yet.
        due["notice_silent"] = time.monotonic() + ONLINE_S
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

    def _ask_nodes(self) -> None:
        """Ask the nodes that do not report by themselves; each in a thread of its own, so that none waits for one."""
        for node in self._services.nodes.claim_asking():
            with self._lock:
                if node.node_id in self._asked:
                    continue  # the last question still waits for its answer
                self._asked.add(node.node_id)
            threading.Thread(target=self._ask_one, args=(node,), name="ask-node", daemon=True).start()

    def _ask_one(self, node: Node) -> None:
        try:
            said = self._services.node_probe.report(node.address)
            heard = self._services.nodes.hear_asked(node, said.facts) if said.ok else None
            if heard is not None:
                self._tell_asked(heard, said.facts)
        except WebviewerError as exc:
            logger.warning("node_not_asked", extra={"node_id": node.node_id, "reason": exc.message})
        except Exception:
            logger.exception("node_not_asked", extra={"node_id": node.node_id})
        finally:
            with self._lock:
                self._asked.discard(node.node_id)

    def _tell_asked(self, heard: Heard, holds: Mapping[str, object]) -> None:
        """Tell a node that never asks what others read in the answer to their heartbeat, until it reports to hold it.

        What was told before says nothing: the word may have been lost, the node started anew, or another control node
        have told it something else since.
        """
        node, calls = heard.node, self._services.nodes.calls
        if holds.get("active") is not node.is_active:
            calls.set_active(node.address, is_active=node.is_active)
        if heard.owners_digest is not None and holds.get("owners_digest") != heard.owners_digest:
            calls.set_owners(node.address, self._services.owners.of(node.node_id))
