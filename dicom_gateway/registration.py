"""Makes the storage node known to the control node, and follows what that says of its users."""

from __future__ import annotations

import contextlib
import logging
import signal
import ssl
import threading
from collections.abc import Callable, Mapping

from dicom_gateway.association_seats import AssociationSeats
from dicom_gateway.counters import Counter, SharedCounters
from dicom_gateway.node_state import NodeState
from webviewer import __version__
from webviewer.adapters.node_agent import HeartbeatAnswer, NodeAgent, own_address
from webviewer.adapters.nodes import NodeClient
from webviewer.config import Settings
from webviewer.core.errors import WebviewerError
from webviewer.usecases.served_owners import owner_list_from, take_over_owners
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

logger = logging.getLogger(__name__)


class Description:
    """Who this node is, as a heartbeat says it.

    Parameters
    ----------
    settings
        Of the node.
    identity
        The UUID in its database.
    run
        Another text at each start of the node, the same in all its processes.
    counters
        Shared counts.
    free_bytes
        Room on the storage's disk.
    units
        Transactions on the index.
    """

    def __init__(
        self,
        settings: Settings,
        identity: str,
        run: str,
        counters: SharedCounters,
        seats: AssociationSeats,
        *,
        free_bytes: Callable[[], int],
        units: StorageUnitOfWorkFactory,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._run = run
        self._counters = counters
        self._seats = seats
        self._free_bytes = free_bytes
        self._units = units
        self._highest_owner = 0

    def __call__(self) -> dict[str, object]:
        """Return it; raises OSError while the address of this node cannot be known."""
        storage, node = self._settings.storage, self._settings.node
        return {
            "kind": "storage",
            "identity": self._identity,
            "address": node.address
            or own_address(
                storage.host,
                storage.port,
                control_url=node.control_url,
                is_tls=self._settings.tls.certificate is not None,
            ),
            "version": __version__,
            "run": self._run,
            "scu": node.scu,
            "sessions_used": [],
            "highest_owner": self._highest(),
            "facts": {
                "dicom_port": storage.dicom_port,
                "free_bytes": self._free_bytes(),
                "open_associations": self._seats.count(),
                "stored_since_start": self._counters.total(Counter.STORED),
                "refused_since_start": self._counters.total(Counter.REFUSED),
            },
        }

    def _highest(self) -> int:
        """Return the highest number of an owner who has studies here; while the index is away, what it was."""
        with contextlib.suppress(WebviewerError), self._units(read_only=True) as unit:
            self._highest_owner = unit.archive.highest_owner()
        return self._highest_owner


class Registration:
    """The process of a storage node that talks to the control node.

    Parameters
    ----------
    settings
        Of the node.
    units
        Transactions on the index.
    state
        What the other processes are told.
    describe
        Who this node is.
    tls
        How an ``https`` control node is believed.
    """

    def __init__(
        self,
        settings: Settings,
        units: StorageUnitOfWorkFactory,
        state: NodeState,
        describe: Callable[[], Mapping[str, object]],
        tls: ssl.SSLContext,
    ) -> None:
        self._units = units
        self._state = state
        self._held = ""  # digest of the list of users that was taken over
        self._agent = NodeAgent(settings.node.control_url, settings.internal_token, describe, self._take, tls=tls)

    def run(self) -> None:
        """Send heartbeats until SIGTERM, then say goodbye; must run in the main thread."""
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the parent tells us in order
        self._agent.start()
        stop.wait()
        self._agent.leave()

    def _take(self, answer: HeartbeatAnswer, control: NodeClient) -> None:
        self._state.is_active = answer.is_active
        if answer.owners_digest is not None and answer.owners_digest != self._held:
            told = owner_list_from(control.json("GET", f"/internal/v1/nodes/{answer.node_id}/owners"))
            take_over_owners(self._units, told)
            # Of the list that came, not of the heartbeat: it may have changed between the two.
            self._held = told.digest
            logger.info("owners_taken_over", extra={"owners": len(told.owners)})
        self._state.has_owners = True
