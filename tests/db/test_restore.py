"""A backup brought back into a new place is a database that is ready and has the same rows."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.db.node_commands import node_for
from tests.db.old_versions import restore_version, rows_of
from tests.support.databases import POSTGRESQL_PROGRAMS, PostgresqlServer
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database, update_database
from webviewer.adapters.db.sqlite_files import back_up
from webviewer.adapters.db.table_sets import tables_of
from webviewer.config import DatabaseDriver, DatabaseSettings, Role, TableSet

NODES = [(Role.CONTROL, TableSet.CONTROL), (Role.STORAGE, TableSet.STORAGE)]


def filled(settings: DatabaseSettings, one: TableSet) -> None:
    """Make a node's database with rows in its tables: those of the kept old version, brought up to date."""
    restore_version("0001", settings)
    update_database(settings)
    engine = make_engine(settings, foreign_keys=False)
    other = tables_of(frozenset(TableSet) - {one})
    with engine.begin() as connection:
        cascade = " CASCADE" if engine.dialect.name == "postgresql" else ""
        for name in other:
            connection.exec_driver_sql(f"DROP TABLE {name}{cascade}")
    engine.dispose()


@pytest.mark.parametrize(("role", "one"), NODES, ids=[case[0] for case in NODES])
def test_an_sqlite_database_is_backed_up_while_it_is_written(role: Role, one: TableSet, tmp_path: Path) -> None:
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "webviewer.db"))
    filled(settings, one)
    before = rows_of(settings)
    stop = threading.Event()
    engine = make_engine(settings)
    begun = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with engine.begin() as connection:
                connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
            begun.set()
            stop.wait(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        backup = back_up(Path(settings.name))
    finally:
        stop.set()
        writer.join()
        engine.dispose()
    new = tmp_path / "elsewhere"
    new.mkdir()
    shutil.copyfile(backup, new / "restored.db")
    restored = DatabaseSettings(DatabaseDriver.SQLITE, str(new / "restored.db"))
    assert node_for(role, tmp_path / "node", restored).run("--check-database") == 0
    assert rows_of(restored) == before


@pytest.mark.parametrize(("role", "one"), NODES, ids=[case[0] for case in NODES])
def test_a_postgresql_database_is_restored_by_its_own_tools(
    role: Role, one: TableSet, tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    old = postgresql_server.new_database()
    filled(old, one)
    before = rows_of(old)
    dump = tmp_path / "database.dump"

    def call(program: str, *words: str) -> None:
        where = ("-h", "127.0.0.1", "-p", str(postgresql_server.port), "-U", "postgres")
        subprocess.run([str(POSTGRESQL_PROGRAMS / program), *where, *words], check=True, timeout=120, env=os.environ)

    call("pg_dump", "--format=custom", f"--file={dump}", old.name)
    new = postgresql_server.new_database()
    call("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={new.name}", str(dump))
    node = node_for(role, tmp_path / "node", new)
    assert node.run("--check-database") == 0
    assert rows_of(new) == before
    assert node.run("--update-database") == 0


def test_the_two_sets_of_one_database_are_what_two_databases_hold(database_settings: DatabaseSettings) -> None:
    create_database(database_settings)
    both = set(rows_of(database_settings)) - {"alembic_version"}
    control, storage = (set(tables_of(frozenset({one}))) for one in (TableSet.CONTROL, TableSet.STORAGE))
    assert both == control | storage
    assert not control & storage
