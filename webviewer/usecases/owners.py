"""Which users a storage node keeps the studies of, and the AE titles that fill their storages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from webviewer.accounts import Owner
from webviewer.core.errors import NotFound
from webviewer.placement import NodeId, NodeKind
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class OwnersList:
    """The users of a storage node; the digest tells one list from another."""

    digest: str
    owners: tuple[Owner, ...]


def owners_of(unit: ControlUnitOfWork, node_id: NodeId) -> OwnersList:
    """Return the users of a storage node, inside a unit of work."""
    owners = unit.accounts.owners(node_id)
    return OwnersList(digest_of(owners), owners)


def digest_of(owners: Sequence[Owner]) -> str:
    """Return what stands for a list of owners.

    Examples
    --------
    >>> digest_of([])[:16]
    '4f53cda18c2baa0c'
    """
    content = json.dumps([[owner.owner_id, sorted(owner.ae_titles)] for owner in owners], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Owners:
    """Use cases on the owners of a storage node."""

    units: ControlUnitOfWorkFactory

    def of(self, node_id: NodeId) -> OwnersList:
        """Return the users of a storage node.

        Raises
        ------
        NotFound
            There is no such storage node.
        """
        with self.units(read_only=True) as unit:
            if unit.placement.get(node_id).kind is not NodeKind.STORAGE:
                raise NotFound(f"Node {node_id} is no storage node.")
            return owners_of(unit, node_id)
