"""What takes a database administrator of PostgreSQL: users and databases are made and deleted (manual 2.8).

Works with PostgreSQL 9.6 and newer. Names and passwords go through the driver's own quoting; a new user's password is
sent as a hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import encrypt_password

from webviewer.config import DatabaseSettings
from webviewer.core.errors import ConfigError, OutOfResources

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
    _check_name("user", settings.user)
    if not settings.password:
        raise ConfigError(
            f"The database user {settings.user!r} has no password in the configuration: it must have one."
        )
    with _connected(settings, master, master.database) as cursor:
        _one_by_one(cursor)
        cursor.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (settings.user,))
        if cursor.fetchone() is not None:
            return False
        # hashed here: what is sent may stand in the server's log
        hashed = encrypt_password(settings.password, settings.user, cursor.connection)
        try:
            cursor.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(settings.user), sql.Literal(hashed))
            )
        except _MADE_MEANWHILE:
            return False
    return True


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
    name, user = sql.Identifier(settings.name), sql.Identifier(settings.user)
    with _connected(settings, master, master.database) as cursor:
        cursor.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (settings.user,))
        if cursor.fetchone() is None:
            raise ConfigError(f"There is no database user {settings.user!r}: make it with --create-db-user.")
        _one_by_one(cursor)
        made = not _exists(cursor, settings.name) and _create(cursor, name, user)
        # Owner or not, the user may do everything in this database, and nobody else may look into it.
        with _connected(settings, master, settings.name) as inside:
            inside.execute(sql.SQL("GRANT ALL PRIVILEGES ON DATABASE {} TO {}").format(name, user))
            inside.execute(sql.SQL("GRANT ALL PRIVILEGES ON SCHEMA public TO {}").format(user))
            if made:
                inside.execute(sql.SQL("REVOKE ALL PRIVILEGES ON DATABASE {} FROM PUBLIC").format(name))
    return made


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


def _create(cursor: Any, name: sql.Identifier, user: sql.Identifier) -> bool:
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
