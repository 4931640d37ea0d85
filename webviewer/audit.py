"""The authorization log: who came in, who was refused, from where (manual 3.9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class AuditEvent(StrEnum):
    """Kinds of entries, by the names that the manual prints; those of studies and nodes are our own."""

    ADMIN_AUTHORIZATION_ERROR = "Admin authorization error"
    USER_AUTHORIZATION_ERROR = "User authorization error"
    SESSION_OPEN = "User session is open"
    SESSION_CLOSED = "User session closed"
    SESSION_EXPIRED = "Session expired"
    USER_DATA_CHANGED = "User data has been changed"
    STUDIES_DOWNLOADED = "Download of studies"
    STUDIES_DELETED = "Deletion of studies"
    NODE_ADDED = "Node has been added"
    NODE_CHANGED = "Node data has been changed"
    NODE_REMOVED = "Node has been removed"


class AuditDetail(StrEnum):
    """Names of facts in an entry, as the manual prints them; the last four are our own."""

    IP_ADDRESS = "IP address"
    NEW_STATUS = "New status"
    OLD_STORAGE_NODE = "Old storage node ID"
    NEW_STORAGE_NODE = "New storage node ID"
    SESSION_ID = "Session ID"
    LOGIN = "Login"
    PASSWORD = "Password"  # noqa: S105 - only the fact that it changed, never its value
    REASON = "Reason"
    STUDIES = "Studies"  # their numbers; a UID or a name would identify a patient
    NODE_ID = "Node ID"
    ADDRESS = "Address"
    SCU = "SCU"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log. ``user_name`` is kept as it was then; empty when nobody known acted."""

    event: AuditEvent
    at: dt.datetime
    user_id: int | None
    user_name: str
    details: Mapping[AuditDetail, str] = field(default_factory=dict)


class AuditRepository(Protocol):
    """The log, inside one unit of work; entries are only added."""

    def add(self, entry: AuditEntry) -> None:
        """Write an entry."""
        ...

    def newest(self, limit: int) -> tuple[AuditEntry, ...]:
        """Return the newest entries, newest first."""
        ...
