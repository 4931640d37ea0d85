"""Both kinds of database keep the same promises."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
import time
import traceback
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.support.databases import PostgresqlServer
from webviewer.adapters.db.database_clock import DatabaseClock
from webviewer.adapters.db.engine import READ_ONLY_OPTION, driver_cursor, make_engine
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import OutOfResources
from webviewer.usecases.clock import system_clock

PATIENT = "Lovelace^Ada"


def test_sqlite_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()  # where there is none, none is made
    engine = make_engine(DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db")))
    with engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_second_writer_waits_for_the_first_instead_of_failing(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    started = threading.Event()

    def slow_writer() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE counter SET n = n + 1"))
            started.set()
            time.sleep(0.4)

    thread = threading.Thread(target=slow_writer)
    thread.start()
    started.wait(5)
    with engine.begin() as connection:
        connection.execute(text("UPDATE counter SET n = n + 1"))
    thread.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 2


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO counter VALUES (7)"))
    with engine.begin() as writer:
        writer.execute(text("UPDATE counter SET n = 8"))
        with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as reader:
            assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 7


@pytest.mark.parametrize(
    "settings",
    [
        DatabaseSettings(DatabaseDriver.SQLITE, "/nonexistent-folder/a.db"),
        DatabaseSettings(
            DatabaseDriver.POSTGRESQL, "nothing", host="127.0.0.1", port=1, user="nobody", password="s3cret"
        ),
    ],
    ids=["sqlite", "postgresql"],
)
def test_a_database_that_is_gone_is_out_of_resources_with_a_reason(settings: DatabaseSettings) -> None:
    engine = make_engine(settings)
    with pytest.raises(OutOfResources, match="database cannot be used") as caught, engine.connect():
        pass
    assert "s3cret" not in caught.value.message


def test_a_file_that_is_no_database_is_refused_with_words(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(b"this is no database " * 100)
    engine = make_engine(DatabaseSettings(DatabaseDriver.SQLITE, str(file)))
    with pytest.raises(OutOfResources, match="not a database"), engine.connect():
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO person (code, name) VALUES (1, :name)",  # the key is taken
        "INSERT INTO person (code, name, age) VALUES (NULL, :name, NULL)",  # PostgreSQL would quote the whole row
        "INSERT INTO person (code, name, age) VALUES (2, :name, -1)",  # a check fails
        "INSERT INTO nobody (name) VALUES (:name)",  # psycopg2 puts the values into the statement that it quotes
    ],
    ids=["unique", "not-null", "check", "syntax"],
)
def test_what_a_failed_statement_says_of_itself_names_no_patient(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE person (code INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age > 0))")
        )
        connection.execute(text("INSERT INTO person VALUES (1, :name, 3)"), {"name": PATIENT})
    with pytest.raises((DBAPIError, OutOfResources)) as failed, engine.begin() as connection:
        connection.execute(text(statement), {"name": PATIENT})
    told = "".join(traceback.format_exception(failed.value))  # with all causes
    assert "Lovelace" not in told
    assert "nobody" in told or "person" in told or "SQLSTATE 23" in told


def test_a_value_of_a_wrong_kind_is_not_quoted_by_postgresql(postgresql_server: PostgresqlServer) -> None:
    engine = make_engine(postgresql_server.new_database())
    with pytest.raises(DBAPIError) as failed, engine.connect() as connection:
        connection.execute(text("SELECT CAST(:name AS INTEGER)"), {"name": PATIENT})
    told = "".join(traceback.format_exception(failed.value))
    assert "Lovelace" not in told
    assert "SQLSTATE 22P02" in told
    with pytest.raises(psycopg2.DataError) as raw, engine.connect() as connection, driver_cursor(connection) as cursor:
        cursor.execute("SELECT CAST(%(name)s AS INTEGER)", {"name": PATIENT})
    assert str(raw.value) == "SQLSTATE 22P02"
    engine.dispose()


def test_a_sqlite_file_that_is_moved_away_is_refused_and_taken_again_when_it_is_back(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.touch()
    engine = make_engine(DatabaseSettings(DatabaseDriver.SQLITE, str(file)))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE one (number INTEGER)")
    file.rename(tmp_path / "moved.db")
    for _ in range(2):
        with pytest.raises(OutOfResources, match="No such file or directory"), engine.begin():
            pass
    assert not file.exists()
    (tmp_path / "moved.db").rename(file)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO one VALUES (7)")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as driver:
        driver.execute("CREATE TABLE one (number INTEGER)")
    driver.close()
    for name in ("a.db-wal", "a.db-shm"):
        (tmp_path / name).unlink()
    other.replace(file)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM one").scalar_one() == 0, "still the old file"
    engine.dispose()


def test_replicas_with_wrong_clocks_agree_on_the_time_of_the_database(
    postgresql_server: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(postgresql_server.new_database())
    behind = DatabaseClock(engine, lambda: system_clock() - dt.timedelta(hours=1))
    before = DatabaseClock(engine, lambda: system_clock() + dt.timedelta(seconds=30))
    assert abs(behind() - system_clock()) < dt.timedelta(seconds=2)
    assert abs(before() - behind()) < dt.timedelta(seconds=2)
    told = [record for record in caplog.records if record.message == "clock_differs_from_database"]
    assert [round(vars(record)["seconds"]) for record in told] == [3600, -30]
    engine.dispose()
    postgresql_gone = DatabaseSettings(DatabaseDriver.POSTGRESQL, "x", host="127.0.0.1", port=1, user="postgres")
    assert abs(DatabaseClock(make_engine(postgresql_gone))() - system_clock()) < dt.timedelta(seconds=2)
