"""Asking other nodes how they are: the port that the health check and the console use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What a node said. ``reason`` is empty when all is well."""

    ok: bool
    reason: str
    facts: Mapping[str, object]


class NodeProbe(Protocol):
    """Asks a node over its internal HTTP; never raises for a node that is silent."""

    def health(self, address: str) -> NodeAnswer:
        """Ask whether the node is ready."""
        ...

    def status(self, address: str) -> NodeAnswer:
        """Ask for the facts that the console shows."""
        ...
