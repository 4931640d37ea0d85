"""One transaction over all records: what use cases hold while they work.

::

    with units() as unit:
        account = unit.accounts.get(user_id)
        ...
        unit.commit()

Leaving the block without ``commit()`` changes nothing. A unit is used by one thread or greenlet at a time.
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
from webviewer.archive import ArchiveRepository
from webviewer.audit import AuditRepository
from webviewer.events import EventRepository
from webviewer.placement import PlacementRepository


class UnitOfWork(Protocol):
    """A transaction and the repositories inside it."""

    accounts: AccountRepository
    sessions: SessionRepository
    tickets: TicketRepository
    attempts: AttemptRepository
    settings: SettingsRepository
    audit: AuditRepository
    events: EventRepository
    placement: PlacementRepository
    archive: ArchiveRepository

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


class UnitOfWorkFactory(Protocol):
    """Makes units of work."""

    def __call__(self, *, read_only: bool = False) -> UnitOfWork:
        """Return a new unit; ``read_only`` ones never wait for a writer and cannot change anything."""
        ...
