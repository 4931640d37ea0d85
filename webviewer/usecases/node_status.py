"""What the control node says to other nodes: the ports that the use cases, the health check and the console use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from webviewer.usecases.owners import OwnersList


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What a node said. ``reason`` is empty when all is well."""

    ok: bool
    reason: str
    facts: Mapping[str, object]


def free_bytes_of(statuses: Iterable[Mapping[str, object]]) -> int | None:
    """Return the room on all disks together: nodes that name one disk count once, with the least that one of them says.

    Parameters
    ----------
    statuses
        Facts of storage nodes. One without ``disk_id`` (an older version, or it cannot know) counts by itself.

    Returns
    -------
    int or None
        None where no node says it.

    Examples
    --------
    >>> one, other = {"disk_id": "a", "free_bytes": 5}, {"disk_id": "a", "free_bytes": 4}
    >>> free_bytes_of([one, other, {"free_bytes": 2}, {}])
    6
    """
    least: dict[object, int] = {}
    for number, status in enumerate(statuses):
        free = status.get("free_bytes")
        if not isinstance(free, int) or isinstance(free, bool) or free < 0:
            continue
        name = status.get("disk_id")
        disk = name if isinstance(name, str) and name else number
        least[disk] = min(free, least.get(disk, free))
    return sum(least.values()) if least else None


class NodeProbe(Protocol):
    """Asks a node over its internal HTTP; never raises for a node that is silent."""

    def health(self, address: str) -> NodeAnswer:
        """Ask whether the node is ready."""
        ...

    def status(self, address: str) -> NodeAnswer:
        """Ask for the facts that the console shows."""
        ...

    def patient_conflicts(self, address: str) -> NodeAnswer:
        """Ask a storage node which study rows share their Study Instance UID with another patient's."""
        ...

    def report(self, address: str) -> NodeAnswer:
        """Ask for what a node that does not report by itself would report."""
        ...


class NodeCalls(Protocol):
    """Tells nodes something in the background: every method returns at once, whether the node answers or not."""

    def set_active(self, address: str, *, is_active: bool) -> None:
        """Tell a node whether it takes sessions."""
        ...

    def close_streams(self, address: str, session_id: int, reason: str) -> None:
        """Tell a render node that a session has ended."""
        ...

    def set_owners(self, address: str, owners: OwnersList) -> None:
        """Tell a storage node its users and their AE titles."""
        ...


class NoCalls:
    """Tells nobody: for programs that start no session and end none, such as the one that makes a first user."""

    def set_active(self, address: str, *, is_active: bool) -> None:
        """Tell nobody."""

    def close_streams(self, address: str, session_id: int, reason: str) -> None:
        """Tell nobody."""

    def set_owners(self, address: str, owners: OwnersList) -> None:
        """Tell nobody."""
