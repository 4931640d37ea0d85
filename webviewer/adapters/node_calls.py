"""Tells nodes something in the background, in order for each node; see `webviewer.usecases.node_status.NodeCalls`."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from webviewer.core.errors import WebviewerError
from webviewer.protocol.sockets import CloseCode
from webviewer.usecases.owners import OwnersList

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 3.0
MAX_WAITING: Final = 20_000  # of one node; what is beyond is dropped, as for a node that is gone


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    value: object


class BackgroundCalls:
    """One queue for each node that somebody tells something, and a thread (or greenlet) while it is not empty.

    ``on_untold`` gets the address of a node that did not take something and why, in the thread, before `flush` ends.
    """

    def __init__(
        self,
        internal_token: str,
        tls: ssl.SSLContext | None = None,
        *,
        on_untold: Callable[[str, str], None] = lambda _address, _reason: None,
    ) -> None:
        self._token = internal_token
        self._tls = tls
        self._on_untold = on_untold
        self._condition = threading.Condition()
        self._queues: dict[str, deque[_Call]] = {}

    def set_active(self, address: str, *, is_active: bool) -> None:
        """Tell a node whether it takes sessions."""
        self._put(address, _Call("PUT", "/internal/v1/active", {"active": is_active}))

    def close_streams(self, address: str, session_id: int, reason: str) -> None:
        """Tell a render node that a session has ended."""
        body = {"code": int(CloseCode.NOT_SIGNED_IN), "reason": reason}
        self._put(address, _Call("POST", f"/internal/v1/render/sessions/{session_id}/close", body))

    def set_owners(self, address: str, owners: OwnersList) -> None:
        """Tell a storage node its users and their AE titles."""
        listed = [{"owner_id": owner.owner_id, "ae_titles": list(owner.ae_titles)} for owner in owners.owners]
        self._put(address, _Call("PUT", "/internal/v1/owners", {"digest": owners.digest, "owners": listed}))

    def flush(self, timeout_s: float) -> bool:
        """Wait until all has been told, but not for ever; returns whether it has: for a program that ends."""
        deadline = time.monotonic() + timeout_s
        with self._condition:
            return self._condition.wait_for(lambda: not self._queues, timeout=deadline - time.monotonic())

    def _put(self, address: str, call: _Call) -> None:
        with self._condition:
            queue = self._queues.get(address)
            if queue is not None:
                if len(queue) < MAX_WAITING:
                    queue.append(call)
                return
            self._queues[address] = deque([call])
        threading.Thread(target=self._tell, args=(address,), name="node-calls", daemon=True).start()

    def _tell(self, address: str) -> None:
        from webviewer.adapters.nodes import NodeClient, Unreachable  # most commands of an administrator call no node

        try:
            client = NodeClient(
                address,
                self._token,
                node="node",
                connections=1,
                connect_timeout_s=TIMEOUT_S,
                read_timeout_s=TIMEOUT_S,
                tls=self._tls,
            )
        except WebviewerError as exc:  # no address
            self._give_up(address, exc)
            return
        try:
            while (call := self._next(address)) is not None:
                try:
                    client.json(call.method, call.path, value=call.value, repeatable=True)
                except Unreachable as exc:  # it has no streams any more, and hears of the rest when it is back
                    self._give_up(address, exc)
                    return
                except WebviewerError as exc:
                    facts = {"address": address, "path": call.path, "reason": exc.message}
                    logger.warning("node_refused_call", extra=facts)
                    self._on_untold(address, exc.message)
        except BaseException:
            self._give_up(address, None)
            raise
        finally:
            client.close()

    def _next(self, address: str) -> _Call | None:
        """Return the next call; None ends the queue, so that a later call begins another."""
        with self._condition:
            queue = self._queues[address]
            if queue:
                return queue.popleft()
            del self._queues[address]
            self._condition.notify_all()
            return None

    def _give_up(self, address: str, error: WebviewerError | None) -> None:
        if error is not None:
            self._on_untold(address, error.message)
        with self._condition:
            left = len(self._queues.pop(address))
            self._condition.notify_all()
        if error is not None:
            logger.info("node_not_told", extra={"address": address, "left": left, "reason": error.message})
