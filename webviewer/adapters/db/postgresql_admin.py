"""What takes a database administrator of PostgreSQL: users and databases are made and deleted (manual 2.8).

Works with PostgreSQL 9.6 and newer. Names and passwords go through the driver's own quoting; a new user's password is
sent as a hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import encrypt_password

from webviewer.config import DatabaseSettings
from webviewer.core.errors import ConfigError, OutOfResources, WebviewerError

_CONNECT_TIMEOUT_S: Final = 5
# Another process made it between our question and our statement, or is doing so: the catalogue's index tells then.
_MADE_MEANWHILE: Final = (errors.DuplicateObject, errors.DuplicateDatabase, errors.UniqueViolation)
_LOCK: Final = 0x77656276  # any number that is only ours
_LONGEST_NAME_BYTES: Final = 63  # the server cuts longer ones without a word


@dataclass(frozen=True, slots=True)
class Master:
    """An administrator of the database server, and the database through which it works."""

    user: str = "postgres"
    password: str = field(default="", repr=False)
    database: str = "postgres"


def create_user(settings: DatabaseSettings, master: Master) -> bool:
    """Make the user of the settings; returns False where there is one of that name, which stays as it is.

    Raises
    ------
    ConfigError
        The settings name no user or no password for it.
    OutOfResources
        The server does not answer, or does not let the administrator do it.
    """
    _check_user(settings)
    with _connected(settings, master, master.database) as cursor:
        _one_by_one(cursor)
        return _make_user(cursor, settings)


def create_database(settings: DatabaseSettings, master: Master) -> bool:
    """Make the empty database of the settings for their user; returns False where there is one of that name.

    Raises
    ------
    ConfigError
        There is no such user, or the settings name none.
    OutOfResources
        The server does not answer, or does not let the administrator do it.
    """
    _check_name("database", settings.name)
    _check_name("user", settings.user)
    with _connected(settings, master, master.database) as cursor:
        if not _has_user(cursor, settings.user):
            raise ConfigError(f"There is no database user {settings.user!r}: make it with --create-db-user.")
        _one_by_one(cursor)
        made = not _exists(cursor, settings.name) and _create(cursor, settings)
        _grant(settings, master, is_new=made)
    return made


@dataclass(frozen=True, slots=True)
class Made:
    """The part of user and database that was not there before."""

    user: bool
    database: bool


def create_user_and_database(settings: DatabaseSettings, master: Master, make_tables: Callable[[], None]) -> Made:
    """Make the user, its database and the tables: all of them, or nothing.

    A user and a database that exist already stay as they are. If a step fails, what the steps before it made is
    removed again. Others that make users and databases on this server wait until the end. After a ``kill -9`` in
    between, the next call makes the rest.

    Parameters
    ----------
    settings
        Name the database, its user and the user's password.
    master
        The administrator.
    make_tables
        Makes the tables, as the user of the settings.

    Raises
    ------
    ConfigError
        The settings lack a name or a password, or what ``make_tables`` raises.
    OutOfResources
        The server does not answer, or does not let the administrator or the user do it.
    """
    _check_name("database", settings.name)
    _check_user(settings)
    with _connected(settings, master, master.database) as cursor:
        _one_by_one(cursor)
        has_user, has_database = _has_user(cursor, settings.user), _exists(cursor, settings.name)
        try:
            made_user = _make_user(cursor, settings)
            made_database = not has_database and _create(cursor, settings)
            _grant(settings, master, is_new=made_database)
            make_tables()
        except BaseException as exc:
            left = _undo(cursor, settings, master, Made(not has_user, not has_database))
            if left and isinstance(exc, psycopg2.Error | WebviewerError):
                reason = _first_line(exc) if isinstance(exc, psycopg2.Error) else exc.message.rstrip(".")
                raise OutOfResources(f"{reason}. {left}") from exc
            raise
    return Made(made_user, made_database)


def _undo(cursor: Any, settings: DatabaseSettings, master: Master, made: Made) -> str:
    """Remove what this call may have made; returns a sentence about what could not be removed, else an empty text."""
    name, user = sql.Identifier(settings.name), sql.Identifier(settings.user)
    try:
        if made.database:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        elif made.user and _has_user(cursor, settings.user):
            with _connected(settings, master, settings.name) as inside:
                inside.execute(sql.SQL("DROP OWNED BY {}").format(user))  # its privileges in a database that stays
        if made.user:
            cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(user))
    except (psycopg2.Error, WebviewerError) as exc:
        reason = _first_line(exc) if isinstance(exc, psycopg2.Error) else exc.message.rstrip(".")
        return (
            f"The user {settings.user!r} or the database {settings.name!r} may be left behind ({reason}): the same "
            "command once more makes the rest."
        )
    return ""


def _check_user(settings: DatabaseSettings) -> None:
    _check_name("user", settings.user)
    if not settings.password:
        raise ConfigError(
            f"The database user {settings.user!r} has no password in the configuration: it must have one."
        )


def _has_user(cursor: Any, name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (name,))
    return cursor.fetchone() is not None


def _make_user(cursor: Any, settings: DatabaseSettings) -> bool:
    if _has_user(cursor, settings.user):
        return False
    # hashed here: what is sent may stand in the server's log
    hashed = encrypt_password(settings.password, settings.user, cursor.connection)
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
    try:
        cursor.execute(statement.format(sql.Identifier(settings.user), sql.Literal(hashed)))
    except _MADE_MEANWHILE:
        return False
    return True


def _grant(settings: DatabaseSettings, master: Master, *, is_new: bool) -> None:
    """Let the user do everything in its database, owner or not, and nobody else look into a new one."""
    name, user = sql.Identifier(settings.name), sql.Identifier(settings.user)
    with _connected(settings, master, settings.name) as inside:
        inside.execute(sql.SQL("GRANT ALL PRIVILEGES ON DATABASE {} TO {}").format(name, user))
        inside.execute(sql.SQL("GRANT ALL PRIVILEGES ON SCHEMA public TO {}").format(user))
        if is_new:
            inside.execute(sql.SQL("REVOKE ALL PRIVILEGES ON DATABASE {} FROM PUBLIC").format(name))


def drop_database(settings: DatabaseSettings, master: Master) -> None:
    """Delete the database of the settings; whoever is connected stays so, and the database too.

    Raises
    ------
    ConfigError
        There is no such database, or somebody is connected.
    OutOfResources
        The server does not answer, or does not let the administrator do it.
    """
    _check_name("database", settings.name)
    with _connected(settings, master, master.database) as cursor:
        if not _exists(cursor, settings.name):
            raise ConfigError(f"The database {settings.name!r} does not exist.")
        cursor.execute("SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = %s", (settings.name,))
        connected = cursor.fetchone()[0]
        in_use = f"The database {settings.name!r} is in use: stop the nodes that are connected to it first"
        if connected:
            raise ConfigError(f"{in_use} (connections: {connected}).")
        try:
            cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(settings.name)))
        except errors.ObjectInUse as exc:
            raise ConfigError(f"{in_use}.") from exc


def _one_by_one(cursor: Any) -> None:
    """Let no other of these commands work on this server until the connection ends: two grants at once collide."""
    cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))


def _create(cursor: Any, settings: DatabaseSettings) -> bool:
    name, user = sql.Identifier(settings.name), sql.Identifier(settings.user)
    # Sorting by bytes, as SQLite does it: texts that are searched or sorted by are folded by the program.
    statement = sql.SQL("CREATE DATABASE {}{} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    try:
        cursor.execute(statement.format(name, sql.SQL(" OWNER {}").format(user)))
    except errors.InsufficientPrivilege:
        # who is no superuser can make a database, but not for a user that it does not belong to
        try:
            cursor.execute(statement.format(name, sql.SQL("")))
        except _MADE_MEANWHILE:
            return False
    except _MADE_MEANWHILE:
        return False
    return True


def _exists(cursor: Any, name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", (name,))
    return cursor.fetchone() is not None


def _check_name(what: str, name: str) -> None:
    if not name:
        raise ConfigError(f"The configuration names no database {what}.")
    if len(name.encode()) > _LONGEST_NAME_BYTES:
        raise ConfigError(f"The database {what} {name!r} is too long: PostgreSQL takes {_LONGEST_NAME_BYTES} bytes.")


@contextmanager
def _connected(settings: DatabaseSettings, master: Master, database: str) -> Iterator[Any]:
    """Lend a cursor of the administrator, outside any transaction."""
    where = f"the database server {settings.host}:{settings.port}"
    try:
        connection = psycopg2.connect(
            host=settings.host,
            port=settings.port,
            user=master.user,
            password=master.password or None,
            dbname=database,
            connect_timeout=_CONNECT_TIMEOUT_S,
            application_name="webviewer maintenance",
        )
    except psycopg2.Error as exc:
        raise OutOfResources(f"{master.user!r} cannot connect to {where}: {_first_line(exc)}.") from exc
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    except psycopg2.Error as exc:
        raise OutOfResources(f"{where} refuses what {master.user!r} asks: {_first_line(exc)}.".capitalize()) from exc
    finally:
        connection.close()


def _first_line(error: psycopg2.Error) -> str:
    # the server's second line may quote the statement, and a new user's password stands in one as a hash
    return (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
