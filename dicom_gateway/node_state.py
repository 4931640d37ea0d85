"""What all processes of a storage node know of its place in the system, in memory that they inherit."""

from __future__ import annotations

import mmap


class NodeState:
    """Two facts that the process which talks to the control node sets and the others read.

    Attributes
    ----------
    owners_digest
        Of the list of users that was put here since the start; only the process that serves the HTTP knows it.
    """

    def __init__(self) -> None:
        self.owners_digest = ""
        self._cells = mmap.mmap(-1, mmap.PAGESIZE)
        self.is_active = True

    @property
    def is_active(self) -> bool:
        """Whether the administrator lets new users come here; one that is inactive serves its users all the same."""
        return self._cells[0] == 1

    @is_active.setter
    def is_active(self, value: bool) -> None:
        self._cells[0] = int(value)

    @property
    def has_owners(self) -> bool:
        """Whether the list of users has come from the control node since the start."""
        return self._cells[1] == 1

    @has_owners.setter
    def has_owners(self, value: bool) -> None:
        self._cells[1] = int(value)
