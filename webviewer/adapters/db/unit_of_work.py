"""The units of work over an SQLAlchemy connection."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from webviewer.accounts import (
    AccountRepository,
    AttemptRepository,
    SessionRepository,
    SettingsRepository,
    TicketRepository,
)
from webviewer.adapters.db.accounts_repository import SqlAccountRepository, SqlSettingsRepository
from webviewer.adapters.db.archive_repository import SqlArchiveRepository
from webviewer.adapters.db.control_repositories import SqlAuditRepository, SqlEventRepository
from webviewer.adapters.db.engine import READ_ONLY_OPTION
from webviewer.adapters.db.placement_repository import SqlPlacementRepository
from webviewer.adapters.db.sessions_repository import (
    SqlAttemptRepository,
    SqlSessionRepository,
    SqlTicketRepository,
)
from webviewer.adapters.db.verification_repository import SqlVerificationRepository
from webviewer.archive import ArchiveRepository, VerificationRepository
from webviewer.audit import AuditRepository
from webviewer.core.errors import Unavailable
from webviewer.events import EventRepository
from webviewer.placement import PlacementRepository


class _SqlUnitOfWork:
    """A transaction on one connection of the engine's pool; see `webviewer.usecases.unit_of_work.UnitOfWork`."""

    def __init__(self, engine: Engine, *, read_only: bool = False) -> None:
        self._engine = engine
        self._read_only = read_only
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        try:
            connection = self._engine.connect()
        except PoolTimeoutError as exc:
            raise Unavailable("All database connections are in use; try again.") from exc
        connection = connection.execution_options(**{READ_ONLY_OPTION: self._read_only})
        self._connection = connection
        self._open_repositories(connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()  # rolls back what was not committed

    def commit(self) -> None:
        """Make what was done so far durable."""
        self._open().commit()

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        self._open().rollback()

    def _open_repositories(self, connection: Connection) -> None:
        raise NotImplementedError

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("A unit of work is used outside its with block.")
        return self._connection


class SqlControlUnitOfWork(_SqlUnitOfWork):
    """A transaction on the control database."""

    accounts: AccountRepository
    sessions: SessionRepository
    tickets: TicketRepository
    attempts: AttemptRepository
    settings: SettingsRepository
    audit: AuditRepository
    events: EventRepository
    placement: PlacementRepository

    def _open_repositories(self, connection: Connection) -> None:
        self.accounts = SqlAccountRepository(connection)
        self.sessions = SqlSessionRepository(connection)
        self.tickets = SqlTicketRepository(connection)
        self.attempts = SqlAttemptRepository(connection)
        self.settings = SqlSettingsRepository(connection)
        self.audit = SqlAuditRepository(connection)
        self.events = SqlEventRepository(connection)
        self.placement = SqlPlacementRepository(connection)


class SqlStorageUnitOfWork(_SqlUnitOfWork):
    """A transaction on a storage node's database."""

    archive: ArchiveRepository
    verification: VerificationRepository

    def _open_repositories(self, connection: Connection) -> None:
        self.archive = SqlArchiveRepository(connection)
        self.verification = SqlVerificationRepository(connection)


class SqlControlUnitOfWorkFactory:
    """Makes units of work on one engine; see `webviewer.usecases.unit_of_work.ControlUnitOfWorkFactory`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, *, read_only: bool = False) -> SqlControlUnitOfWork:
        """Return a new unit of work."""
        return SqlControlUnitOfWork(self._engine, read_only=read_only)


class SqlStorageUnitOfWorkFactory:
    """Makes units of work on one engine; see `webviewer.usecases.unit_of_work.StorageUnitOfWorkFactory`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, *, read_only: bool = False) -> SqlStorageUnitOfWork:
        """Return a new unit of work."""
        return SqlStorageUnitOfWork(self._engine, read_only=read_only)
