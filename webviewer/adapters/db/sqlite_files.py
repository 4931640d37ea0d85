"""Files of SQLite databases: made, backed up while in use, deleted."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from webviewer.core.errors import ConfigError, OutOfResources
from webviewer.core.system import onto_disk

_HEADER = b"SQLite format 3\0"
_COMPANIONS = ("-wal", "-shm", "-journal")


def make_file(file: Path) -> None:
    """Make an empty file and its folder; what is there stays.

    Raises
    ------
    OutOfResources
        It cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        file.touch(mode=0o640, exist_ok=True)
    except OSError as exc:
        raise OutOfResources(f"Database file {str(file)!r} cannot be made: {exc.strerror or exc}.") from exc


def back_up(file: Path, target: Path | None = None) -> Path:
    """Copy a database, also while it is in use, and check the copy.

    Parameters
    ----------
    file
        Of the database.
    target
        Where the copy goes; beside the database with the time in its name if None.

    Returns
    -------
    Path
        Of the copy: one file, complete, on the disk.

    Raises
    ------
    OutOfResources
        It cannot be read, or there is no room; no half a copy stays.
    """
    if target is None:
        moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = file.with_name(f"{file.name}.{moment}.backup")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
    except OSError as exc:
        raise OutOfResources(f"The backup {str(target)!r} cannot be made: {exc.strerror or exc}.") from exc
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
            source.execute("PRAGMA query_only = ON")
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file without companions
            told = copy.execute("PRAGMA integrity_check").fetchone()[0]
            if told != "ok" or _counts(source) != _counts(copy):
                raise OutOfResources(f"The backup {str(target)!r} is not what the database is ({told}).")
        onto_disk(target)
    except BaseException as exc:
        for name in ("", *_COMPANIONS):
            target.with_name(target.name + name).unlink(missing_ok=True)
        if isinstance(exc, sqlite3.Error | OSError):
            raise OutOfResources(f"The database {str(file)!r} cannot be backed up: {exc}.") from exc
        raise
    return target


def delete(file: Path) -> None:
    """Delete a database that nobody uses, with the files that SQLite keeps beside it.

    Raises
    ------
    ConfigError
        It is no database of SQLite, or somebody uses it.
    OutOfResources
        It cannot be deleted.
    """
    try:
        with file.open("rb") as opened:
            header = opened.read(len(_HEADER))
    except FileNotFoundError as exc:
        raise ConfigError(f"The database file {str(file)!r} does not exist.") from exc
    except OSError as exc:
        raise OutOfResources(f"The database file {str(file)!r} cannot be read: {exc.strerror or exc}.") from exc
    if header not in (b"", _HEADER):
        raise ConfigError(f"The file {str(file)!r} is no SQLite database: it stays.")
    try:
        with closing(sqlite3.connect(file, timeout=0)) as connection:
            # leaving the write-ahead log needs the file for this connection alone
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise ConfigError(f"The database {str(file)!r} is in use: stop what uses it first.") from exc
        raise OutOfResources(f"The database {str(file)!r} cannot be used: {exc}.") from exc
    except sqlite3.DatabaseError:
        pass  # damaged: nobody works with it
    try:
        for name in ("", *_COMPANIONS):
            file.with_name(file.name + name).unlink(missing_ok=True)
    except OSError as exc:
        raise OutOfResources(f"The database file {str(file)!r} cannot be deleted: {exc.strerror or exc}.") from exc


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608  its own names
        for (name,) in tables
    }
