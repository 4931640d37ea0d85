"""The watch over a database: locked, damaged, gone and hanging ones are noticed, and come back by themselves."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.archive_records import record
from tests.support.databases import PostgresqlServer
from tests.support.waiting import eventually
from webviewer.adapters.db.database_watch import (
    PROBE_EVERY_S,
    SILENT_AFTER_S,
    DatabaseWatch,
    make_watch,
    probe_sqlite,
    quick_check,
)
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import OwnerId
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.usecases.clock import system_clock

TABLES = ["account", "instance"]


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """A database with some hundred objects, all of it in the file."""
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "webviewer.db"))
    create_database(settings)
    engine = make_engine(settings)
    with SqlStorageUnitOfWorkFactory(engine)() as unit:
        unit.archive.add_instances([(OwnerId(1), record(number)) for number in range(300)], system_clock())
        unit.commit()
    engine.dispose()
    with closing(sqlite3.connect(settings.name)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(settings.name)


@pytest.fixture
def reader(sqlite_file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that stays open, as those of a node do: the write-ahead log stays there too."""
    connection = sqlite3.connect(sqlite_file, isolation_level=None)
    connection.execute("SELECT count(*) FROM instance").fetchone()
    yield connection
    connection.close()


def test_a_good_database_has_no_problem(sqlite_file: Path, reader: sqlite3.Connection) -> None:
    assert probe_sqlite(str(sqlite_file), TABLES) == ""
    assert quick_check(str(sqlite_file)) == ""


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_writer_that_keeps_its_lock_is_noticed_and_its_end_too(
    sqlite_file: Path, reader: sqlite3.Connection, begin: str
) -> None:
    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as writer:
        writer.execute(begin)
        assert probe_sqlite(str(sqlite_file), TABLES, lock_wait_s=0.2) == "database is locked"
        writer.execute("ROLLBACK")
    assert probe_sqlite(str(sqlite_file), TABLES) == ""


def test_a_process_that_has_the_whole_file_for_itself_is_noticed(sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as owner:
        owner.execute("PRAGMA locking_mode=EXCLUSIVE")
        owner.execute("BEGIN EXCLUSIVE")
        assert probe_sqlite(str(sqlite_file), TABLES, lock_wait_s=0.2) == "database is locked"
    assert probe_sqlite(str(sqlite_file), TABLES) == ""


def test_the_probe_waits_for_a_writer_that_ends(sqlite_file: Path, reader: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(sqlite_file, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, lambda: writer.execute("ROLLBACK"))
        end.start()
        assert probe_sqlite(str(sqlite_file), TABLES, lock_wait_s=60) == ""
        end.join()


@pytest.mark.parametrize("place", ["first page", "a page in the middle", "all but the first page", "cut"])
def test_bytes_that_are_overwritten_under_open_connections_are_noticed(
    sqlite_file: Path, reader: sqlite3.Connection, place: str
) -> None:
    good = sqlite_file.read_bytes()
    page = 4096
    assert len(good) > 20 * page
    spoilt = {
        "first page": b"\xa5" * page + good[page:],
        "a page in the middle": good[: 10 * page] + b"\xa5" * page + good[11 * page :],
        "all but the first page": good[:page] + b"\xa5" * (len(good) - page),
        "cut": good[: 7 * page],
    }[place]
    watch = make_watch(DatabaseSettings(DatabaseDriver.SQLITE, str(sqlite_file)))
    watch.ask()
    assert watch.check() == 5.0
    assert watch.state().problem == ""
    overwrite(sqlite_file, spoilt)
    watch.ask()
    assert watch.check() == 5.0
    assert watch.state().problem != ""
    overwrite(sqlite_file, good)
    watch.ask()
    watch.check()
    assert watch.state().problem == ""


def overwrite(file: Path, data: bytes) -> None:
    # By another process: closing the file here would take the locks of this process away.
    if (child := os.fork()) == 0:
        with file.open("r+b") as opened:
            opened.write(data)
            opened.truncate(len(data))
        os._exit(0)
    os.waitpid(child, 0)


def test_a_file_that_was_moved_away_is_noticed_and_none_is_made(sqlite_file: Path) -> None:
    away = sqlite_file.rename(sqlite_file.with_name("away"))
    assert probe_sqlite(str(sqlite_file), TABLES) == f"{sqlite_file}: No such file or directory"
    assert quick_check(str(sqlite_file)) == "unable to open database file"
    assert not sqlite_file.exists()
    away.rename(sqlite_file)
    assert probe_sqlite(str(sqlite_file), TABLES) == ""


def test_a_table_that_is_gone_is_noticed(sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as file:
        file.execute("DROP TABLE account")
    assert probe_sqlite(str(sqlite_file), TABLES) == "no such table: account"


def test_a_question_without_an_answer_is_an_answer_after_some_seconds() -> None:
    now, asked, gate = [0.0], threading.Event(), threading.Event()

    def hangs() -> str:
        asked.set()
        assert gate.wait(30)
        return ""

    watch = DatabaseWatch(hangs, monotonic=lambda: now[0])
    thread = threading.Thread(target=watch.ask)
    thread.start()
    assert asked.wait(30)
    now[0] = SILENT_AFTER_S - 0.1
    assert watch.state().problem == ""
    now[0] = SILENT_AFTER_S + 0.1
    assert watch.state().problem == "it does not answer"
    gate.set()
    thread.join(30)
    assert watch.state().problem == ""


def test_what_is_noticed_is_noticed_within_ten_seconds() -> None:
    # A question begins at most PROBE_EVERY_S after the last one and counts as unanswered after SILENT_AFTER_S.
    assert PROBE_EVERY_S + SILENT_AFTER_S <= 10.0


def test_a_check_that_takes_long_is_for_once_a_day_and_a_damaged_file_is_read_again_sooner() -> None:
    now, takes_s, found = [0.0], [0.001], [""]

    def check() -> str:
        now[0] += takes_s[0]
        return found[0]

    watch = DatabaseWatch(lambda: "", check, monotonic=lambda: now[0])
    assert watch.check() == 5.0
    takes_s[0] = 0.5
    assert watch.check() == pytest.approx(50.0)
    takes_s[0] = 3.0
    assert watch.check() == 24 * 3600.0
    found[0] = "row 7 missing from index"
    assert watch.check() == pytest.approx(30.0)
    assert watch.state().problem == "it is damaged: row 7 missing from index"
    found[0] = ""
    watch.check()
    assert watch.state().problem == ""


@pytest.fixture
def server_settings(postgresql_server: PostgresqlServer) -> DatabaseSettings:
    settings = postgresql_server.new_database()
    create_database(settings)
    return settings


def test_a_server_that_takes_no_connection_is_noticed_and_comes_back(
    postgresql_server: PostgresqlServer, server_settings: DatabaseSettings
) -> None:
    watch, name = make_watch(server_settings), server_settings.name
    watch.ask()
    assert watch.state().problem == ""
    postgresql_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgresql_server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608  ours
    )
    watch.ask()
    assert watch.state().problem.startswith("The database cannot be used: ")
    postgresql_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    watch.ask()
    assert watch.state().problem == ""


def test_a_server_that_gives_no_answer_is_noticed_and_comes_back(server_settings: DatabaseSettings) -> None:
    now = [0.0]
    watch = make_watch(server_settings, monotonic=lambda: now[0])
    engine = make_engine(server_settings)
    with engine.connect() as holder:
        holder.execute(text("LOCK TABLE instance IN ACCESS EXCLUSIVE MODE"))
        thread = threading.Thread(target=watch.ask)
        thread.start()
        eventually(lambda: waits_for_lock(server_settings))
        now[0] = SILENT_AFTER_S + 0.1
        assert watch.state().problem == "it does not answer"
        holder.rollback()
    thread.join(30)
    assert watch.state().problem == ""
    engine.dispose()


def waits_for_lock(settings: DatabaseSettings) -> bool:
    engine = make_engine(settings)
    with engine.connect() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
    engine.dispose()
    return int(waiting) > 0
