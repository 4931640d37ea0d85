"""Making tables and bringing them up to date (manual 2.8); `states` beside it says in what state a database is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from webviewer.adapters.db.engine import READ_ONLY_OPTION, make_engine
from webviewer.adapters.db.sqlite_files import back_up, make_file
from webviewer.adapters.db.states import (
    DatabaseState,
    check_database,
    database_exists,
    name_of,
    refuse_unless,
    require_ready,
    revision_of,
    sets_in,
    state_of,
)
from webviewer.adapters.db.table_sets import ATTRIBUTE
from webviewer.config import DatabaseDriver, DatabaseSettings, TableSet
from webviewer.core.errors import ConfigError, OutOfResources

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "DatabaseState",
    "Update",
    "alembic_config",
    "check_database",
    "create_database",
    "create_scheme",
    "database_exists",
    "database_version",
    "require_ready",
    "update_database",
    "upgrade",
]

MIGRATION_LOCK = 0x57454200  # PostgreSQL's advisory lock: one changes the tables at a time
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_WAIT_S = 600  # for another one that migrates


@dataclass(frozen=True, slots=True)
class Update:
    """What `update_database` did: nothing where the versions are the same."""

    before: str
    after: str
    backup: Path | None


def create_database(settings: DatabaseSettings) -> None:
    """Make the tables in a new file (SQLite) or in an empty database (PostgreSQL), or bring older ones up to date.

    Nothing happens to a database that is up to date; all data stay.

    Raises
    ------
    ConfigError
        The database is newer than this program, or is something else's.
    OutOfResources
        It cannot be written, or does not answer.
    """
    if settings.driver is DatabaseDriver.SQLITE:
        make_file(Path(settings.name))
    with _changing(settings) as connection:
        found = state_of(connection, settings.tables)
        refuse_unless(found, settings, DatabaseState.READY, DatabaseState.EMPTY, DatabaseState.OUTDATED)
        if found.state is not DatabaseState.READY:
            _upgrade_or_refuse(connection, settings, settings.tables | sets_in(connection), "cannot be prepared")


def create_scheme(settings: DatabaseSettings) -> None:
    """Make the tables in a database that has none.

    Raises
    ------
    ConfigError
        There are tables.
    OutOfResources
        There is no such database, it cannot be written, or does not answer.
    """
    with _changing(settings) as connection:
        if state_of(connection, settings.tables).state is not DatabaseState.EMPTY:
            raise ConfigError(f"Database {name_of(settings)} is not empty: its tables stay as they are.")
        _upgrade_or_refuse(connection, settings, settings.tables, "cannot be prepared")


def update_database(settings: DatabaseSettings, say: Callable[[str], None] = lambda _: None) -> Update:
    """Bring an older database to this version; SQLite is backed up first, next to it.

    A second one that comes meanwhile waits and then finds nothing to do.

    Parameters
    ----------
    settings
        Of the database.
    say
        Takes a line about what is done next.

    Raises
    ------
    ConfigError
        The database is empty, newer than this program, or something else's.
    OutOfResources
        It cannot be read or written, does not answer, there is no room for the backup, or a migration fails.
    """
    with _changing(settings) as connection:
        found = state_of(connection, settings.tables)
        refuse_unless(found, settings, DatabaseState.READY, DatabaseState.OUTDATED)
        before = revision_of(connection) or ""
        if found.state is DatabaseState.READY:
            return Update(before, before, None)
        backup = None
        if settings.driver is DatabaseDriver.SQLITE:
            backup = back_up(Path(settings.name))
            say(f"The database is backed up as {backup}.")
        else:
            say("No backup is made of a PostgreSQL database: that is pg_dump's work, and the operator's.")
        _upgrade_or_refuse(connection, settings, settings.tables | sets_in(connection), "cannot be updated")
        return Update(before, revision_of(connection) or "", backup)


def alembic_config() -> Config:
    """Return Alembic's configuration; there is no ``alembic.ini``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, tables: frozenset[TableSet], revision: str = "head") -> None:
    """Run the migrations on an open connection, inside its transaction.

    On SQLite the connection must not enforce foreign keys (`make_engine`): a migration that makes a table anew drops
    the old one, and all that refers to its rows would be deleted with them.
    """
    from alembic import command  # only who makes or changes tables loads it

    config = alembic_config()
    config.attributes["connection"] = connection
    config.attributes[ATTRIBUTE] = tables
    sqlite = connection.dialect.name == "sqlite"
    if sqlite and connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one():
        raise RuntimeError("Migrations of SQLite run on a connection that does not enforce foreign keys.")
    numbers = _highest_numbers(connection) if sqlite else {}
    command.upgrade(config, revision)
    if sqlite:
        _keep_numbers(connection, numbers)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise ConfigError(f"The update would leave rows of table {broken[0]} that refer to nothing: all stays.")


def _upgrade_or_refuse(
    connection: Connection, settings: DatabaseSettings, tables: frozenset[TableSet], failure: str
) -> None:
    try:
        upgrade(connection, tables)
    except (OutOfResources, SQLAlchemyError) as exc:
        reason = str(exc.args[0] if exc.args else exc).partition("\n")[0].rstrip(".")
        message = f"Database {name_of(settings)} {failure}, and all stays as it was: {reason}."
        raise OutOfResources(message) from exc


def database_version(engine: Engine) -> str:
    """Return the revision that the database is at, empty if none."""
    with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as connection:
        return revision_of(connection) or ""


@contextmanager
def _changing(settings: DatabaseSettings) -> Iterator[Connection]:
    """Lend a connection in one transaction, while nobody else changes the tables."""
    engine = make_engine(settings, foreign_keys=False, writer_wait_s=_LOCK_WAIT_S)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            yield connection
    finally:
        engine.dispose()


def _highest_numbers(connection: Connection) -> dict[str, int]:
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").first() is None:
        return {}
    rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
    return {row.name: row.seq for row in rows}


def _keep_numbers(connection: Connection, numbers: dict[str, int]) -> None:
    # A table that was made anew has forgotten the numbers of deleted rows; none may ever be given again.
    for name, number in numbers.items():
        changed = connection.execute(
            text("UPDATE sqlite_sequence SET seq = max(seq, :number) WHERE name = :name"),
            {"name": name, "number": number},
        )
        if changed.rowcount == 0:
            connection.execute(
                text(
                    "INSERT INTO sqlite_sequence (name, seq) "
                    "SELECT name, :number FROM sqlite_master WHERE type = 'table' AND name = :name"
                ),
                {"name": name, "number": number},
            )
