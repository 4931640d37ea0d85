"""Asks nodes how they are, over their internal HTTP."""

from __future__ import annotations

import json
import ssl
from http import HTTPStatus
from typing import Final

from webviewer.adapters.call_token import ANOTHER_ADDRESS, CLOCKS_DIFFER
from webviewer.usecases.node_status import NodeAnswer

TIMEOUT_S: Final = 3.0
_MAX_ANSWER_BYTES: Final = 256 * 1024


class HttpNodeProbe:
    """See `webviewer.usecases.node_status.NodeProbe`."""

    def __init__(self, internal_token: str, tls: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._token = internal_token
        self._tls = tls
        self._timeout_s = timeout_s

    def health(self, address: str) -> NodeAnswer:
        """Ask whether the node is ready."""
        return self._ask(address, "/internal/v1/health")

    def status(self, address: str) -> NodeAnswer:
        """Ask for the facts that the console shows."""
        return self._ask(address, "/internal/v1/status")

    def patient_conflicts(self, address: str) -> NodeAnswer:
        """Ask a storage node which study rows share their Study Instance UID with another patient's."""
        return self._ask(address, "/internal/v1/patient_conflicts")

    def report(self, address: str) -> NodeAnswer:
        """Ask for what a node that does not report by itself would report."""
        return self._ask(address, "/internal/v1/report")

    def _ask(self, address: str, path: str) -> NodeAnswer:
        from webviewer.adapters.nodes import NodeClient, Unreachable  # most commands of an administrator ask no node

        # A client for each question: probes are rare, and a kept connection would outlive a node that was replaced.
        client = NodeClient(
            address,
            self._token,
            node="node",
            connections=1,
            connect_timeout_s=self._timeout_s,
            read_timeout_s=self._timeout_s,
            tls=self._tls,
        )
        try:
            status, body = client.answer(path, _MAX_ANSWER_BYTES)
            facts = json.loads(body) if body else {}
        except Unreachable as exc:
            return NodeAnswer(ok=False, reason=f"does not answer ({exc.cause})", facts={})
        except ValueError:
            return NodeAnswer(ok=False, reason="answers something that is no JSON", facts={})
        finally:
            client.close()
        if not isinstance(facts, dict):
            return NodeAnswer(ok=False, reason="answers something unexpected", facts={})
        if status != HTTPStatus.OK:
            return NodeAnswer(ok=False, reason=_reason(facts, status), facts=facts)
        return NodeAnswer(ok=True, reason="", facts=facts)


def _reason(facts: dict[str, object], status: int) -> str:
    error = facts.get("error")
    code = error.get("code") if isinstance(error, dict) else ""
    if status == HTTPStatus.UNAUTHORIZED and code not in {ANOTHER_ADDRESS, CLOCKS_DIFFER}:
        return "does not take our token; all nodes are to have the same one"
    message = error.get("message") if isinstance(error, dict) else facts.get("reason")
    return f"answers {status}: {message}" if message else f"answers {status}"
