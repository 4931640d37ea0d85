"""A backup brought back into a new place is a database that is ready and has the same rows."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.db.node_commands import node_for
from tests.db.old_versions import restore_version, rows_of
from tests.db.test_placement import House
from tests.support.archive_records import record
from tests.support.databases import POSTGRESQL_PROGRAMS, PostgresqlServer
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database, update_database
from webviewer.adapters.db.sqlite_files import back_up
from webviewer.adapters.db.table_sets import tables_of
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory, SqlStorageUnitOfWorkFactory
from webviewer.archive import OwnerId, StudyQuery
from webviewer.config import DatabaseDriver, DatabaseSettings, Role, TableSet
from webviewer.placement import NodeKind
from webviewer.usecases.nodes import Actor

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


def call(server: PostgresqlServer, program: str, *words: str) -> None:
    where = ("-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres")
    subprocess.run([str(POSTGRESQL_PROGRAMS / program), *where, *words], check=True, timeout=120, env=os.environ)


def dumped(server: PostgresqlServer, database: DatabaseSettings, folder: Path) -> Path:
    dump = folder / "database.dump"
    call(server, "pg_dump", "--format=custom", f"--file={dump}", database.name)
    return dump


def restored(server: PostgresqlServer, dump: Path) -> DatabaseSettings:
    new = server.new_database()
    call(server, "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={new.name}", str(dump))
    return new


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
    copy = DatabaseSettings(DatabaseDriver.SQLITE, str(new / "restored.db"))
    assert node_for(role, tmp_path / "node", copy).run("--check-database") == 0
    assert rows_of(copy) == before


@pytest.mark.parametrize(("role", "one"), NODES, ids=[case[0] for case in NODES])
def test_a_postgresql_database_is_restored_by_its_own_tools(
    role: Role, one: TableSet, tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    old = postgresql_server.new_database()
    filled(old, one)
    before = rows_of(old)
    new = restored(postgresql_server, dumped(postgresql_server, old, tmp_path))
    node = node_for(role, tmp_path / "node", new)
    assert node.run("--check-database") == 0
    assert rows_of(new) == before
    assert node.run("--update-database") == 0


@pytest.mark.parametrize("kept", [True, False], ids=["with users", "without users"])
def test_a_user_made_after_a_restore_does_not_get_the_studies_of_one_made_after_the_backup(
    kept: bool, database_settings: DatabaseSettings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    archive = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "archive.db"))
    for settings in (database_settings, archive):
        create_database(settings)
    before = make_engine(database_settings)
    house = House(SqlControlUnitOfWorkFactory(before))
    [node] = house.storage("storage")
    if kept:
        house.user("kept", storage_node_id=node.node_id)
    if database_settings.driver is DatabaseDriver.SQLITE:
        backup = back_up(Path(database_settings.name))
        database = DatabaseSettings(DatabaseDriver.SQLITE, str(backup))
    else:
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        database = restored(server, dumped(server, database_settings, tmp_path))
    lost = [house.user(f"lost{number}", storage_node_id=node.node_id) for number in range(3)]
    before.dispose()

    index, after = make_engine(archive), make_engine(database)
    try:
        studies = SqlStorageUnitOfWorkFactory(index)
        with studies() as unit:
            assert unit.archive.highest_owner() == 0
            records = [(OwnerId(owner), record(number)) for number, owner in enumerate(lost)]
            unit.archive.add_instances(records, dt.datetime.now(dt.UTC))
            unit.commit()
            highest = unit.archive.highest_owner()
        house = House(SqlControlUnitOfWorkFactory(after))
        for _ in range(2):  # it says so with each heartbeat
            house.hear(NodeKind.STORAGE, "storage", highest_owner=highest)
        new = [house.user(name, storage_node_id=node.node_id) for name in ("new", "newer")]
        assert new == [max(lost) + 1, max(lost) + 2]
        with studies(read_only=True) as unit:
            assert [unit.archive.find_studies(OwnerId(one), StudyQuery()).total for one in new] == [0, 0]
        house.hear(NodeKind.STORAGE, "other", highest_owner=1)
        assert house.user("newest") == max(new) + 1, "no number comes again because another node knows fewer"
        asked = house.nodes.add(NodeKind.STORAGE, "http://asked:80", Actor())
        house.nodes.hear_asked(asked, {"kind": "storage", "identity": "asked", "highest_owner": 70})
        assert house.user("last") == 71
    finally:
        index.dispose()
        after.dispose()


def test_the_two_sets_of_one_database_are_what_two_databases_hold(database_settings: DatabaseSettings) -> None:
    create_database(database_settings)
    both = set(rows_of(database_settings)) - {"alembic_version"}
    control, storage = (set(tables_of(frozenset({one}))) for one in (TableSet.CONTROL, TableSet.STORAGE))
    assert both == control | storage
    assert not control & storage
