"""What state a database is in, by the exit codes of ``--check-database`` (manual 2.8).

The manual's fifth state, *the contents of some tables may be outdated*, is here: tables of this version whose rows hold
values in a form that this version does not read. `_OUTDATED_ROWS` says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from webviewer.adapters.db.engine import READ_ONLY_OPTION, make_engine
from webviewer.adapters.db.table_sets import tables_of
from webviewer.config import DatabaseDriver, DatabaseSettings, TableSet
from webviewer.core.errors import ConfigError, OutOfResources

VERSION_TABLE: Final = "alembic_version"
_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_VERSION_FILE = re.compile(r"(\d{4})_\w+\.py")

# A table that its set has had from the first version on: tells which sets a database holds, whatever its version.
_MARKS: Final[Mapping[TableSet, str]] = {TableSet.CONTROL: "account", TableSet.STORAGE: "study"}

# How to find rows of a set in a form that this version does not read: what they are, where to look, what is wrong. The
# oldest are looked at: ids are never given twice, so what an older version wrote and no migration touched is there.
_OUTDATED_ROWS: Final[Mapping[TableSet, tuple[str, str, str]]] = {
    TableSet.CONTROL: (
        "passwords kept by another method than Argon2id",
        "(SELECT password_hash FROM account ORDER BY user_id LIMIT 1000)",
        "password_hash NOT LIKE '$argon2id$%'",
    ),
    TableSet.STORAGE: (
        "descriptions of pictures in an encoding that this version does not read",
        "(SELECT image_encoding FROM instance ORDER BY instance_id LIMIT 1000)",
        "image_encoding NOT IN (0, 1)",
    ),
}


class DatabaseState(IntEnum):
    """What a database is to this version of the program, by the exit codes of ``--check-database``."""

    READY = 0
    INTERNAL_ERROR = 1
    NO_CONNECTION = 2
    EMPTY = 3
    FOREIGN = 4
    OUTDATED_CONTENTS = 5
    NEWER = 6
    OUTDATED = 7


WORDS: Final[Mapping[DatabaseState, str]] = {
    DatabaseState.READY: "It is ready.",
    DatabaseState.INTERNAL_ERROR: "It is damaged, or its settings are wrong.",
    DatabaseState.NO_CONNECTION: "It does not answer: see host, port and user in the configuration.",
    DatabaseState.EMPTY: "It is empty: make its tables with --create-db-scheme.",
    DatabaseState.FOREIGN: "It holds tables of something else, or lacks some of ours. Choose another database.",
    DatabaseState.OUTDATED_CONTENTS: "Its contents are outdated. Choose another database.",
    DatabaseState.NEWER: "It was made by a newer version of this program. Use that version, or another database.",
    DatabaseState.OUTDATED: "It was made by an older version of this program: update it with --update-database.",
}


# What to do where there is no connection, by words of the reason; the first that is found counts.
_ADVICE: Final[Sequence[tuple[re.Pattern[str], str]]] = tuple(
    (re.compile(reason), words)
    for reason, words in (
        (r'no such file|database ".*" does not exist', "It does not exist: --create-database makes one."),
        (
            r"password|authentication|role \".*\" does not exist|pg_hba",
            "The server does not take this user: see user and password in the configuration, or --create-db-user.",
        ),
        (r"translate host name|Name or service|resolve", "There is no such server: see the host in the configuration."),
        (r"refused", "No server listens there: see host and port in the configuration, and start the server."),
    )
)


# Reasons of a missing connection that only a person mends.
_LASTING: Final = re.compile(r"no such file|does not exist|password|authentication|pg_hba")


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of a database, and what made it so where that is known."""

    state: DatabaseState
    reason: str = ""

    @property
    def advice(self) -> str:
        """What it means and what to do."""
        if self.state is DatabaseState.NO_CONNECTION:
            for reason, words in _ADVICE:
                if reason.search(self.reason):
                    return words
        return WORDS[self.state]

    @property
    def may_pass(self) -> bool:
        """Whether the database may answer later with the same settings: its server starts, or the network is back."""
        return self.state is DatabaseState.NO_CONNECTION and not _LASTING.search(self.reason)

    def words(self, name: str) -> str:
        """Say it in one line."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"Database {name} cannot be used. {self.advice}{reason}"


def known_versions() -> list[str]:
    """Return the versions that the migrations lead to, oldest first.

    Read from the names of their files: to load Alembic and the migrations takes a tenth of a second of each start.
    """
    return sorted(found[1] for path in _VERSIONS.iterdir() if (found := _VERSION_FILE.fullmatch(path.name)))


def examine(settings: DatabaseSettings, *, contents: bool = False) -> Finding:
    """Return the state of the database and why; changes nothing, and makes no file.

    Parameters
    ----------
    settings
        Of the database.
    contents
        Whether to look at rows too (`DatabaseState.OUTDATED_CONTENTS`).
    """
    if settings.driver is DatabaseDriver.SQLITE and not Path(settings.name).is_file():
        return Finding(DatabaseState.NO_CONNECTION, "there is no such file")
    try:
        engine = make_engine(settings)
    except (ImportError, SQLAlchemyError, ValueError, TypeError) as exc:
        return Finding(DatabaseState.INTERNAL_ERROR, f"the driver cannot be used: {exc}")
    try:
        with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as connection:
            return state_of(connection, settings.tables, contents=contents)
    except OutOfResources as exc:
        damaged = "not a database" in exc.message or "malformed" in exc.message
        state = DatabaseState.INTERNAL_ERROR if damaged else DatabaseState.NO_CONNECTION
        return Finding(state, exc.message.removeprefix("The database cannot be used: ").rstrip("."))
    except SQLAlchemyError as exc:
        return Finding(DatabaseState.INTERNAL_ERROR, str(exc.args[0] if exc.args else exc).partition("\n")[0])
    finally:
        engine.dispose()


def check_database(settings: DatabaseSettings, *, contents: bool = False) -> DatabaseState:
    """Return the state of the database; changes nothing, and makes no file."""
    return examine(settings, contents=contents).state


def database_exists(settings: DatabaseSettings) -> bool:
    """Return whether there is a database with tables in it, of whatever version."""
    return check_database(settings) not in (DatabaseState.NO_CONNECTION, DatabaseState.EMPTY)


def require_ready(settings: DatabaseSettings) -> None:
    """Refuse to work on a database that is not of this version.

    Raises
    ------
    ConfigError
        Says what is wrong with it and what to do.
    """
    refuse_unless(examine(settings), settings, DatabaseState.READY)


def refuse_unless(found: Finding, settings: DatabaseSettings, *allowed: DatabaseState) -> None:
    """Refuse a database that is in none of these states.

    Raises
    ------
    ConfigError
        Says what is wrong with it and what to do.
    """
    if found.state not in allowed:
        raise ConfigError(found.words(name_of(settings)), code=found.state.name.lower())


def name_of(settings: DatabaseSettings) -> str:
    """Return how messages name the database."""
    if settings.driver is DatabaseDriver.SQLITE:
        return repr(settings.name)
    return f"{settings.name!r} on {settings.host}:{settings.port}"


def holds_nothing_of_ours(settings: DatabaseSettings) -> bool:
    """Return whether the database is open to us and has tables, but none by the name of one of ours."""
    if examine(settings).state is not DatabaseState.FOREIGN:
        return False
    engine = make_engine(settings)
    try:
        with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as connection:
            return not set(inspect(connection).get_table_names()) & set(tables_of(frozenset(TableSet)))
    finally:
        engine.dispose()


def revision_of(connection: Connection) -> str | None:
    """Return the version that the database is at."""
    # Asked without Alembic's own context, which would write two lines into the log each time.
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608  ours


def sets_in(connection: Connection) -> frozenset[TableSet]:
    """Return the sets that the database holds, of whatever version."""
    tables = set(inspect(connection).get_table_names())
    return frozenset(one for one, mark in _MARKS.items() if mark in tables)


def state_of(connection: Connection, held: frozenset[TableSet], *, contents: bool = False) -> Finding:
    """Return the state of an open database that is to hold some sets of tables; it may hold the other one besides."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return Finding(DatabaseState.EMPTY)
    if VERSION_TABLE not in tables:
        return Finding(DatabaseState.FOREIGN, f"there is no table {VERSION_TABLE}")
    current = revision_of(connection)
    if current is None:
        state = DatabaseState.EMPTY if tables == {VERSION_TABLE} else DatabaseState.FOREIGN
        return Finding(state, f"the table {VERSION_TABLE} is empty")
    versions = known_versions()
    if current not in versions:
        # A number above ours is a later version of this program; anything else is another program's.
        newer = current.isdecimal() and len(current) == 4
        return Finding(DatabaseState.NEWER if newer else DatabaseState.FOREIGN, f"its version is {current!r}")
    missing = sorted(_MARKS[one] for one in held if _MARKS[one] not in tables)
    if missing:
        return Finding(DatabaseState.FOREIGN, f"there is no table {missing[0]}")
    head = versions[-1]
    if current != head:
        return Finding(DatabaseState.OUTDATED, f"its version is {current}, that of this program {head}")
    lacking = _what_is_missing(connection, held, tables)
    if lacking:
        return Finding(DatabaseState.FOREIGN, lacking)
    for one in sorted(held) if contents else ():
        what, oldest, wrong = _OUTDATED_ROWS[one]
        if connection.execute(text(f"SELECT 1 FROM {oldest} AS oldest WHERE {wrong}")).first():  # noqa: S608  ours
            return Finding(DatabaseState.OUTDATED_CONTENTS, f"it holds {what}")
    return Finding(DatabaseState.READY)


def _what_is_missing(connection: Connection, held: frozenset[TableSet], tables: set[str]) -> str:
    # The number alone does not tell: somebody may have changed the tables by hand.
    wanted = tables_of(held)
    for name in wanted:
        if name not in tables:
            return f"there is no table {name}"
    columns = inspect(connection).get_multi_columns(filter_names=list(wanted))
    found = {name: {column["name"] for column in some} for (_schema, name), some in columns.items()}
    for name, table in wanted.items():
        for column in table.columns.keys():  # noqa: SIM118  of a collection of columns, not of a dict
            if column not in found.get(name, set()):
                return f"table {name} has no column {column}"
    return ""
