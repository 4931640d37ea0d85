"""One transaction over the records of one database: what use cases hold while they work.

::

    with units() as unit:
        account = unit.accounts.get(user_id)
        ...
        unit.commit()

The control database and a storage node's database are two, also where one file holds both: nothing joins them in a
transaction. Leaving the block without ``commit()`` changes nothing. A unit is used by one thread or greenlet at a time.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from webviewer.accounts import (
    AccountRepository,
    AttemptRepository,
    SessionRepository,
    SettingsRepository,
    TicketRepository,
)
from webviewer.archive import ArchiveRepository, VerificationRepository
from webviewer.audit import AuditRepository
from webviewer.events import EventRepository
from webviewer.placement import PlacementRepository


class UnitOfWork(Protocol):
    """A transaction."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what was not committed is undone."""
        ...

    def commit(self) -> None:
        """Make what was done so far durable; the unit goes on in a new transaction."""
        ...

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        ...


class ControlUnitOfWork(UnitOfWork, Protocol):
    """A transaction on the control database and the repositories inside it."""

    accounts: AccountRepository
    sessions: SessionRepository
    tickets: TicketRepository
    attempts: AttemptRepository
    settings: SettingsRepository
    audit: AuditRepository
    events: EventRepository
    placement: PlacementRepository


class StorageUnitOfWork(UnitOfWork, Protocol):
    """A transaction on a storage node's database and the repositories inside it."""

    archive: ArchiveRepository
    verification: VerificationRepository


class ControlUnitOfWorkFactory(Protocol):
    """Makes units of work on the control database."""

    def __call__(self, *, read_only: bool = False) -> ControlUnitOfWork:
        """Return a new unit; ``read_only`` ones never wait for a writer and cannot change anything."""
        ...


class StorageUnitOfWorkFactory(Protocol):
    """Makes units of work on a storage node's database."""

    def __call__(self, *, read_only: bool = False) -> StorageUnitOfWork:
        """Return a new unit; ``read_only`` ones never wait for a writer and cannot change anything."""
        ...
