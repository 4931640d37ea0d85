"""``--update-database``: databases of older versions come up to this one, keep their rows, and are backed up."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tests.db.node_commands import node_for
from tests.db.old_versions import Rows, restore_version, rows_of
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import DatabaseState, check_database, create_database, update_database
from webviewer.adapters.db.sqlite_files import back_up
from webviewer.adapters.db.table_sets import tables_of
from webviewer.config import DatabaseDriver, DatabaseSettings, Role, TableSet
from webviewer.core.errors import ConfigError, OutOfResources

# Nodes register anew with each start and sessions are placed anew: these rows need not survive.
MADE_ANEW = {"node", "render_assignment"}
MADE_SINCE = {"node_identity", "file_damage", "verification_round", "stated_patient"}  # tables that version 0001 lacks
HEAD = max(path.name[:4] for path in Path("webviewer/adapters/db/migrations/versions").glob("0*.py"))


def old(settings: DatabaseSettings) -> Rows:
    restore_version("0001", settings)
    rows = rows_of(settings)
    assert all(rows.values()), "the fixture has rows in every table"
    assert set(rows) == set(tables_of(frozenset(TableSet))) - MADE_SINCE | {"alembic_version"}
    return rows


def assert_survived(before: Rows, after: Rows) -> None:
    """Each row is there with each value that it had; new columns may stand beside."""
    for table, rows in before.items():
        if table in MADE_ANEW or table == "alembic_version":
            continue
        kept = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert kept == rows, table
    assert after["alembic_version"] == [{"version_num": HEAD}]


def test_an_old_database_comes_up_to_this_version_and_keeps_its_rows(
    database_settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = old(database_settings)
    node = node_for(Role.UNIFIED, tmp_path / "node", database_settings)
    assert node.run("--check-database") == DatabaseState.OUTDATED
    capsys.readouterr()
    assert node.run("--update-database") == 0
    said = capsys.readouterr().out
    assert f"is brought from version 0001 to {HEAD}." in said
    assert node.run("--check-database") == DatabaseState.READY
    assert_survived(before, rows_of(database_settings))
    if database_settings.driver is DatabaseDriver.SQLITE:
        (backup,) = Path(database_settings.name).parent.glob("*.backup")
        assert re.fullmatch(r"webviewer\.db\.\d{8}T\d{6}\.\d{6}Z\.backup", backup.name)
        assert f"The database is backed up as {backup}." in said
        assert rows_of(DatabaseSettings(DatabaseDriver.SQLITE, str(backup))) == before
        assert backup.stat().st_mode & 0o777 == 0o640
    else:
        assert "No backup is made of a PostgreSQL database: that is pg_dump's work" in said
    assert node.run("--update-database") == 0
    assert f"is up to date (version {HEAD})." in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.backup"))) == (database_settings.driver is DatabaseDriver.SQLITE)


def test_an_updated_database_is_what_a_new_one_is(database_settings: DatabaseSettings, tmp_path: Path) -> None:
    old(database_settings)
    update_database(database_settings)
    if database_settings.driver is not DatabaseDriver.SQLITE:
        engine = make_engine(database_settings)
        found = inspect(engine)
        names = {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
        engine.dispose()
        wanted = {name: set(table.columns.keys()) for name, table in tables_of(frozenset(TableSet)).items()}
        assert {name: columns for name, columns in names.items() if name != "alembic_version"} == wanted
        return
    new = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "new.db"))
    create_database(new)
    assert scheme_of(database_settings) == scheme_of(new)


def scheme_of(settings: DatabaseSettings) -> dict[str, list[str]]:
    """Return columns, constraints and indexes as they are written, in whatever order the constraints stand."""
    with closing(sqlite3.connect(settings.name)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        plain = {name: re.sub(r"\s+", " ", sql).removesuffix(")").strip() for name, sql in rows}
        return {
            name: sorted(part.strip(" ,") for part in re.split("(?=CONSTRAINT)", sql)) for name, sql in plain.items()
        }


NEW_ACCOUNT = (
    "INSERT INTO account (user_name, user_name_folded, password_hash, is_active, is_administrator, "
    "evaluation_password, created_at) VALUES ('new', 'new', 'x', true, false, false, '2026-04-01')"
)
NEW_SESSION = (
    "INSERT INTO session (user_id, token_hash, ip_address, created_at, last_seen_at, expires_at) "
    "VALUES (1, '1', '', '2026-04-01', '2026-04-01', '2026-04-01')"
)


def test_numbers_of_rows_are_never_given_again(database_settings: DatabaseSettings) -> None:
    """The user with the highest number was deleted before; a storage node may still hold studies under it."""
    old(database_settings)
    update_database(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        for statement in (NEW_ACCOUNT, NEW_SESSION):
            connection.execute(text(statement))
        assert connection.execute(text("SELECT max(user_id) FROM account")).scalar_one() == 5
        assert connection.execute(text("SELECT max(session_id) FROM session")).scalar_one() == 4
    engine.dispose()


def test_a_database_of_one_set_is_updated_by_its_node(tmp_path: Path, database_settings: DatabaseSettings) -> None:
    before = old(database_settings)
    storage = tables_of(frozenset({TableSet.STORAGE}))
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        for table in ("render_assignment", "ticket", "user_setting", "session", "account", "node", "audit", "event"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP TABLE sign_in_attempt"))
    engine.dispose()
    control = node_for(Role.CONTROL, tmp_path / "c", database_settings)
    assert control.run("--update-database") == 7, "a storage node's database is not a control node's"
    node = node_for(Role.STORAGE, tmp_path / "s", database_settings)
    assert node.run("--update-database") == 0
    assert node.run("--check-database") == DatabaseState.READY
    after = rows_of(database_settings)
    assert set(after) == set(storage) | {"alembic_version"}
    assert_survived({name: rows for name, rows in before.items() if name in storage}, after)


def test_a_database_of_both_sets_is_updated_whole_whoever_asks(
    tmp_path: Path, database_settings: DatabaseSettings
) -> None:
    before = old(database_settings)
    assert node_for(Role.CONTROL, tmp_path / "c", database_settings).run("--update-database") == 0
    assert_survived(before, rows_of(database_settings))
    assert check_database(database_settings) is DatabaseState.READY


def test_two_updates_at_once_are_one(tmp_path: Path, database_settings: DatabaseSettings) -> None:
    before = old(database_settings)
    node = node_for(Role.STORAGE, tmp_path / "s", database_settings)
    first, second = (node.start("--update-database") for _ in range(2))
    said = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    words = sorted(out.splitlines()[-1].rpartition(" (")[0] or out.splitlines()[-1] for out, _ in said)
    assert any(f"from version 0001 to {HEAD}." in out for out, _ in said), words
    assert_survived(before, rows_of(database_settings))
    if database_settings.driver is DatabaseDriver.SQLITE:
        assert len(list(Path(database_settings.name).parent.glob("*.backup"))) == 1


def test_a_second_update_waits_and_finds_nothing_to_do(database_settings: DatabaseSettings) -> None:
    old(database_settings)
    inside, go_on = threading.Event(), threading.Event()
    found: dict[str, str] = {}

    def hold(_line: str) -> None:
        inside.set()
        assert go_on.wait(60)

    def update(name: str, say: Callable[[str], None]) -> None:
        found[name] = update_database(database_settings, say).before

    first = threading.Thread(target=update, args=("first", hold))
    first.start()
    assert inside.wait(60)
    second = threading.Thread(target=update, args=("second", lambda _line: None))
    second.start()
    second.join(1.0)
    assert second.is_alive(), "it waits for the first one"
    go_on.set()
    first.join(60)
    second.join(60)
    assert found == {"first": "0001", "second": HEAD}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("DROP TABLE alembic_version", "there is no table alembic_version"),
    ],
)
def test_what_cannot_be_updated_stays(
    database_settings: DatabaseSettings,
    statement: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    create_database(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    before = rows_of(database_settings)
    assert node_for(Role.UNIFIED, tmp_path / "node", database_settings).run("--update-database") == 7
    assert words in capsys.readouterr().err
    assert rows_of(database_settings) == before


def test_an_absent_or_empty_database_is_not_updated(
    database_settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = node_for(Role.UNIFIED, tmp_path / "node", database_settings)
    assert node.run("--update-database") == 7
    said = capsys.readouterr().err
    assert ("No such file" in said) or ("It is empty" in said)
    if database_settings.driver is DatabaseDriver.SQLITE:
        assert not Path(database_settings.name).exists()


def test_a_migration_that_fails_leaves_all_as_it_was(
    database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:  # in the way of the last table that the migrations make
        connection.execute(text("CREATE TABLE node_identity (other INTEGER)"))
    engine.dispose()
    with pytest.raises(OutOfResources, match=r"cannot be updated.*all stays as it was"):
        update_database(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE node_identity"))
    engine.dispose()
    assert rows_of(database_settings) == before


def test_a_backup_that_cannot_be_made_stops_the_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "webviewer.db"))
    before = old(settings)
    taken = tmp_path / "taken"
    taken.write_text("x")
    monkeypatch.setattr(
        "webviewer.adapters.db.maintenance.back_up", lambda file: back_up(file, taken)
    )  # as where the disk says no
    with pytest.raises(OutOfResources, match=r"The backup .* cannot be made: File exists"):
        update_database(settings)
    assert rows_of(settings) == before
    assert taken.read_text() == "x"


def test_an_update_of_rows_that_refer_to_nothing_is_refused(tmp_path: Path) -> None:
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "webviewer.db"))
    old(settings)
    with closing(sqlite3.connect(settings.name)) as connection, connection:
        connection.execute("UPDATE series SET study_id = 99")
    with pytest.raises(ConfigError, match="rows of table series that refer to nothing"):
        update_database(settings)
    assert check_database(settings) is DatabaseState.OUTDATED
