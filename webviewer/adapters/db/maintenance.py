"""Making the database, bringing it up to date, and saying what state it is in (manual 2.8)."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from webviewer.adapters.db.engine import READ_ONLY_OPTION, make_engine
from webviewer.adapters.db.table_sets import ATTRIBUTE, tables_of
from webviewer.config import DatabaseDriver, DatabaseSettings, TableSet
from webviewer.core.errors import ConfigError, OutOfResources

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"


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


_WORDS = {
    DatabaseState.INTERNAL_ERROR: "It is damaged, or its settings are wrong.",
    DatabaseState.NO_CONNECTION: "It does not exist, or does not answer.",
    DatabaseState.EMPTY: "It is empty: its tables must be created first.",
    DatabaseState.FOREIGN: "It holds tables of something else. Choose another database.",
    DatabaseState.OUTDATED_CONTENTS: "Its contents are outdated. Choose another database.",
    DatabaseState.NEWER: "It was made by a newer version of this program. Use that version, or another database.",
    DatabaseState.OUTDATED: "It was made by an older version of this program and must be updated first.",
}


def database_exists(settings: DatabaseSettings) -> bool:
    """Return whether there is a database with tables in it, of whatever version."""
    return check_database(settings) not in (DatabaseState.NO_CONNECTION, DatabaseState.EMPTY)


def check_database(settings: DatabaseSettings) -> DatabaseState:
    """Return the state of the database; changes nothing, and makes no file."""
    if settings.driver is DatabaseDriver.SQLITE and not Path(settings.name).is_file():
        return DatabaseState.NO_CONNECTION
    engine = make_engine(settings)
    try:
        with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as connection:
            return _state(connection, settings.tables)
    except OutOfResources as exc:
        damaged = "not a database" in exc.message or "malformed" in exc.message
        return DatabaseState.INTERNAL_ERROR if damaged else DatabaseState.NO_CONNECTION
    finally:
        engine.dispose()


def require_ready(settings: DatabaseSettings) -> None:
    """Refuse to work on a database that is not of this version.

    Raises
    ------
    ConfigError
        Says what is wrong with it and what to do.
    """
    state = check_database(settings)
    if state is not DatabaseState.READY:
        raise ConfigError(f"Database {_name(settings)} cannot be used. {_WORDS[state]}", code=state.name.lower())


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
        _make_file(Path(settings.name))
    engine = make_engine(settings)
    try:
        with engine.begin() as connection:
            state = _state(connection, settings.tables)
            if state is DatabaseState.READY:
                return
            if state not in (DatabaseState.EMPTY, DatabaseState.OUTDATED):
                raise ConfigError(
                    f"Database {_name(settings)} cannot be used. {_WORDS[state]}", code=state.name.lower()
                )
            upgrade(connection, settings.tables)
    finally:
        engine.dispose()


def upgrade(connection: Connection, tables: frozenset[TableSet], revision: str = "head") -> None:
    """Run the migrations on an open connection, inside its transaction."""
    config = alembic_config()
    config.attributes["connection"] = connection
    config.attributes[ATTRIBUTE] = tables
    command.upgrade(config, revision)


def alembic_config() -> Config:
    """Return Alembic's configuration; there is no ``alembic.ini``."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def database_version(engine: Engine) -> str:
    """Return the revision that the database is at, empty if none."""
    with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as connection:
        return _revision(connection) or ""


def _revision(connection: Connection) -> str | None:
    # Asked without Alembic's own context, which would write two lines into the log each time.
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _make_file(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        file.touch(mode=0o640, exist_ok=True)
    except OSError as exc:
        raise OutOfResources(f"Database file {str(file)!r} cannot be made: {exc.strerror or exc}.") from exc


def _state(connection: Connection, held: frozenset[TableSet]) -> DatabaseState:
    wanted = tables_of(held)
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return DatabaseState.EMPTY
    if _VERSION_TABLE not in tables:
        return DatabaseState.FOREIGN
    script = ScriptDirectory.from_config(alembic_config())
    current = _revision(connection)
    known = {revision.revision for revision in script.walk_revisions()}
    if current is None:
        return DatabaseState.EMPTY if tables == {_VERSION_TABLE} else DatabaseState.FOREIGN
    if current not in known:
        # A number above ours is a later version of this program; anything else is another program's.
        return DatabaseState.NEWER if current.isdecimal() and len(current) == 4 else DatabaseState.FOREIGN
    if current != script.get_current_head():
        return DatabaseState.OUTDATED
    if not tables >= set(wanted):
        return DatabaseState.FOREIGN
    # The number alone does not tell: a database of a version before the first release has it too.
    columns = inspect(connection).get_multi_columns(filter_names=list(wanted))
    found = {name: {column["name"] for column in some} for (_schema, name), some in columns.items()}
    complete = all(found.get(name, set()) >= set(table.columns.keys()) for name, table in wanted.items())
    return DatabaseState.READY if complete else DatabaseState.OUTDATED_CONTENTS


def _name(settings: DatabaseSettings) -> str:
    if settings.driver is DatabaseDriver.SQLITE:
        return repr(settings.name)
    return f"{settings.name!r} on {settings.host}:{settings.port}"
