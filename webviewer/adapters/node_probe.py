"""Asks nodes how they are, over their internal HTTP."""

from __future__ import annotations

import json
from typing import Final

import requests

from webviewer.usecases.node_status import NodeAnswer

TIMEOUT_S: Final = 3.0
_MAX_ANSWER_BYTES: Final = 256 * 1024


class HttpNodeProbe:
    """See `webviewer.usecases.node_status.NodeProbe`."""

    def __init__(self, internal_token: str) -> None:
        self._headers = {"Authorization": f"Bearer {internal_token}"}

    def health(self, address: str) -> NodeAnswer:
        """Ask whether the node is ready."""
        return self._ask(f"{address}/internal/v1/health")

    def status(self, address: str) -> NodeAnswer:
        """Ask for the facts that the console shows."""
        return self._ask(f"{address}/internal/v1/status")

    def _ask(self, url: str) -> NodeAnswer:
        try:
            # No session: probes are rare, and a connection kept for them would outlive a node that was replaced.
            with requests.get(url, headers=self._headers, timeout=TIMEOUT_S, stream=True) as response:
                body = response.raw.read(_MAX_ANSWER_BYTES, decode_content=True)
                facts = json.loads(body) if body else {}
        except requests.RequestException as exc:
            return NodeAnswer(ok=False, reason=f"does not answer ({type(exc).__name__})", facts={})
        except ValueError:
            return NodeAnswer(ok=False, reason="answers something that is no JSON", facts={})
        if not isinstance(facts, dict):
            return NodeAnswer(ok=False, reason="answers something unexpected", facts={})
        if response.status_code != requests.codes.ok:
            return NodeAnswer(ok=False, reason=_reason(facts, response.status_code), facts=facts)
        return NodeAnswer(ok=True, reason="", facts=facts)


def _reason(facts: dict[str, object], status: int) -> str:
    error = facts.get("error")
    message = error.get("message") if isinstance(error, dict) else facts.get("reason")
    return f"answers {status}: {message}" if message else f"answers {status}"
