"""Engines for SQLite and PostgreSQL, set so that both keep the same promises.

SQLite: write-ahead log, foreign keys, ``synchronous=FULL`` (a commit is on the disk), and a writer takes its lock at
the begin of its transaction, so that two writers wait for each other instead of failing half-way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DatabaseError, DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import DatabaseGone, OutOfResources

_FILE_NAME, _FILE_IDENTITY = "webviewer_file_name", "webviewer_file_identity"
READ_ONLY_OPTION = "webviewer_read_only"
_WAIT_OPTION = "webviewer_writer_wait_s"

_WRITER_WAIT_S = 15.0
# SQLite waits inside C and would hold up a whole gevent process. So for the writers' lock, the one that is often taken,
# it does not wait at all and we sleep between the tries; for the rare ones (recovery, the last close) it waits briefly.
_BUSY_TIMEOUT_MS = 50
_RETRY_SLEEP_S = 0.002
_CONNECT_TIMEOUT_S = 5
# A server that vanished without a word (its machine, or the network) is given up after some 20 s instead of hours.
_DEAD_LINES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 20_000}
# Classes of SQLSTATE that tell of the server, never of a row: connection, state of the transaction, sign-in, database,
# roll-back, resources, limits, locks, intervention, system, internal.
_PGCODES_OF_THE_SERVER = frozenset({"08", "25", "28", "3D", "40", "53", "54", "55", "57", "58", "XX"})

_PGCODE_DISK_FULL = "53100"


def make_url(settings: DatabaseSettings) -> URL:
    """Return the address of the database in SQLAlchemy's words."""
    if settings.driver is DatabaseDriver.SQLITE:
        return URL.create("sqlite+pysqlite", database=settings.name)
    return URL.create(
        "postgresql+psycopg2",
        username=settings.user or None,
        password=settings.password or None,
        host=settings.host,
        port=settings.port,
        database=settings.name,
    )


def make_engine(
    settings: DatabaseSettings, *, foreign_keys: bool = True, writer_wait_s: float = _WRITER_WAIT_S
) -> Engine:
    """Return an engine for the database of the settings; opens no connection yet.

    Errors of the connection leave every engine made here as `OutOfResources` (full) or its child `DatabaseGone`;
    broken constraints stay SQLAlchemy's ``IntegrityError`` for the repositories to put into words.

    Parameters
    ----------
    settings
        Of the database.
    foreign_keys
        Whether SQLite enforces them; PostgreSQL always does.
    writer_wait_s
        For how long a writer of SQLite waits for another one.
    """
    if settings.driver is DatabaseDriver.SQLITE:
        engine = create_engine(
            make_url(settings),
            hide_parameters=True,  # they hold patients' names, and errors go into the log
            connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000},
            execution_options={_WAIT_OPTION: writer_wait_s},
        )
        event.listen(engine, "do_connect", _require_file)
        event.listen(engine, "connect", partial(_prepare_sqlite, foreign_keys=foreign_keys))
        event.listen(engine, "checkout", _require_same_file)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            make_url(settings),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            pool_timeout=10,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "webviewer", **_DEAD_LINES},
        )
        event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "handle_error", _translate)
    return engine


def _require_file(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: Sequence[object], _options: dict[str, object]
) -> None:
    # Where the database was moved away SQLite would make an empty one, in the way of the one that comes back.
    _identity(str(arguments[0]))


def _require_same_file(_connection: DBAPIConnection, record: ConnectionPoolEntry, _lent: object) -> None:
    # What is written to a file that was moved away or deleted is nowhere to be found after a restart.
    name = record.info[_FILE_NAME]
    if _identity(name) != record.info[_FILE_IDENTITY]:
        raise DisconnectionError(f"{name} is another file now")  # the pool opens that one


def _identity(name: str) -> tuple[int, int] | None:
    if name == ":memory:":
        return None
    try:
        facts = Path(name).stat()
    except OSError as exc:
        raise DatabaseGone(f"The database cannot be used: {name}: {exc.strerror}.") from exc
    return facts.st_dev, facts.st_ino


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry, *, foreign_keys: bool) -> None:
    listed = cast("sqlite3.Connection", connection).execute("PRAGMA database_list").fetchone()
    record.info[_FILE_NAME] = listed[2] or ":memory:"
    record.info[_FILE_IDENTITY] = _identity(record.info[_FILE_NAME])
    # Transactions are begun by _begin_sqlite; the driver's own rules begin them too late and never for reading.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "temp_store=MEMORY",
            "cache_size=-8192",
        ):
            _patiently(partial(cursor.execute, f"PRAGMA {pragma}"))
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = bool(connection.get_execution_options().get(READ_ONLY_OPTION, False))
    driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    try:
        if read_only:
            driver.execute("BEGIN DEFERRED")
            return
        driver.execute("PRAGMA busy_timeout=0")
        try:
            wait_s = connection.get_execution_options().get(_WAIT_OPTION, _WRITER_WAIT_S)
            _patiently(partial(driver.execute, "BEGIN IMMEDIATE"), wait_s)
        finally:
            driver.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    except sqlite3.Error as exc:
        raise _unusable(exc) from exc


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(READ_ONLY_OPTION, False):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _patiently(action: Callable[[], object], wait_s: float = _WRITER_WAIT_S) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            action()
        except sqlite3.OperationalError as exc:
            busy = getattr(exc, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SLEEP_S)
        else:
            return


def _translate(context: ExceptionContext) -> OutOfResources | None:
    error = context.sqlalchemy_exception
    if context.is_pre_ping or not isinstance(error, DBAPIError):
        return None
    if error.orig is not None:
        _hide_values(error.orig)
        error.args = (f"({type(error.orig).__name__}) {error.orig}",)
    unusable = _is_unusable(error, OperationalError, InterfaceError, DatabaseError)
    return _unusable(error.orig) if unusable or error.connection_invalidated else None


def _is_unusable(
    error: BaseException, operational: type[Exception], interface: type[Exception], database: type[Exception]
) -> bool:
    # SQLite says DatabaseError itself (none of its children) for a file that is damaged or no database at all.
    return isinstance(error, operational | interface) or type(error) is database


def _hide_values(error: BaseException) -> None:
    """Take out of an error of PostgreSQL's driver what it quotes of a row or a statement: it may name a patient.

    SQLite's errors name columns and constraints only.
    """
    code: str | None = getattr(error, "pgcode", None)
    if code is None:
        return
    if code[:2] in _PGCODES_OF_THE_SERVER:
        error.args = (str(error).strip().partition("\n")[0],)
        return
    told: Any = getattr(error, "diag", None)
    names = ("constraint_name", "table_name", "column_name", "datatype_name")
    where = [f"{name.replace('_name', '')} {value}" for name in names if (value := getattr(told, name, None))]
    error.args = (", ".join([f"SQLSTATE {code}", *where]),)


def _unusable(error: BaseException | None) -> OutOfResources:
    # Only the driver's first line: it says what is wrong, and holds neither the statement nor its values.
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    kind = OutOfResources if _is_full(error) else DatabaseGone
    return kind(f"The database cannot be used: {reason}.")


def _is_full(error: BaseException | None) -> bool:
    of_sqlite = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return of_sqlite or getattr(error, "pgcode", None) == _PGCODE_DISK_FULL


@contextmanager
def driver_cursor(connection: Connection) -> Iterator[DBAPICursor]:
    """Lend a cursor of the driver itself, for statements that run too often for SQLAlchemy's own work on them.

    It belongs to the connection's transaction. Errors leave as they do from the engine: `OutOfResources` when the
    database cannot be used, otherwise the driver's own.
    """
    cursor = connection.connection.cursor()
    errors: Any = connection.dialect.dbapi
    try:
        yield cursor
    except errors.DatabaseError as exc:
        _hide_values(exc)
        if _is_unusable(exc, errors.OperationalError, errors.InterfaceError, errors.DatabaseError):
            raise _unusable(exc) from exc
        raise
    except errors.InterfaceError as exc:
        raise _unusable(exc) from exc
    finally:
        cursor.close()
