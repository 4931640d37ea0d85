"""Both kinds of database keep the same promises."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from webviewer.adapters.db.engine import READ_ONLY_OPTION, make_engine
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import OutOfResources


def test_sqlite_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
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
        began = time.monotonic()
        with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as reader:
            assert reader.execute(text("SELECT n FROM counter")).scalar_one() == 7
        assert time.monotonic() - began < 1.0


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
