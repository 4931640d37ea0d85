"""``--check-database``: each of the manual's exit codes, by the real executables on real databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.db.node_commands import Node, node_for
from tests.support.databases import PostgresqlServer
from tests.support.ports import free_port
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.config import DatabaseDriver, DatabaseSettings, Role

ROLES = [Role.UNIFIED, Role.CONTROL, Role.STORAGE]
READY, INTERNAL_ERROR, NO_CONNECTION, EMPTY, FOREIGN, OUTDATED_CONTENTS, NEWER, OUTDATED = range(8)


each_role = pytest.mark.parametrize("role", ROLES)

SET_VERSION = "UPDATE alembic_version SET version_num = '{}'"


@pytest.fixture(params=ROLES)
def node(request: pytest.FixtureRequest, tmp_path: Path, database_settings: DatabaseSettings) -> Node:
    """Each executable that has a database, on each kind of database."""
    return node_for(request.param, tmp_path / "node", database_settings)


def change(settings: DatabaseSettings, *statements: str) -> None:
    engine = make_engine(settings)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_database_that_is_ready(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    create_database(node.settings)
    assert node.run("--check-database") == READY
    assert capsys.readouterr().out == f"Database {shown(node)}: ready.\n"


def test_no_database(node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = Node(node.role, tmp_path, {**node.content, "name": "not_there"})
    assert absent.run("--check-database") == NO_CONNECTION
    assert "no connection. It does not exist: --create-database makes one. (" in capsys.readouterr().out
    assert not (tmp_path / "storage").exists()


def test_an_empty_database(node: Node) -> None:
    if node.settings.driver is DatabaseDriver.SQLITE:
        Path(node.settings.name).touch()
    assert node.run("--check-database") == EMPTY


def test_tables_of_another_program(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    if node.settings.driver is DatabaseDriver.SQLITE:
        Path(node.settings.name).touch()
    change(node.settings, "CREATE TABLE invoice (number INTEGER)")
    assert node.run("--check-database") == FOREIGN
    assert "there is no table alembic_version" in capsys.readouterr().out


def test_a_table_that_is_missing(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    create_database(node.settings)
    table = "user_setting" if node.role is Role.CONTROL else "file_damage"
    change(node.settings, f"DROP TABLE {table}")
    assert node.run("--check-database") == FOREIGN
    assert f"there is no table {table}" in capsys.readouterr().out


def test_a_column_that_is_missing(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    create_database(node.settings)
    table, column = ("audit", "details") if node.role is Role.CONTROL else ("study", "institution_name")
    change(node.settings, f"ALTER TABLE {table} DROP COLUMN {column}")
    assert node.run("--check-database") == FOREIGN
    assert f"table {table} has no column {column}" in capsys.readouterr().out


@pytest.mark.parametrize("version", ["9999", "ab12cd34"], ids=["newer", "other-program"])
def test_a_version_that_is_not_ours(node: Node, version: str) -> None:
    create_database(node.settings)
    change(node.settings, SET_VERSION.format(version))
    assert node.run("--check-database") == (NEWER if version == "9999" else FOREIGN)


def test_an_older_version(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    create_database(node.settings)
    change(node.settings, "UPDATE alembic_version SET version_num = '0001'")
    assert node.run("--check-database") == OUTDATED
    assert "--update-database" in capsys.readouterr().out


ACCOUNT = (
    "INSERT INTO account (user_name, user_name_folded, password_hash, is_active, is_administrator, "
    "evaluation_password, created_at) VALUES ('x', 'x', '{}', true, false, false, '2026-01-01')"
)
OBJECT = (
    "INSERT INTO patient VALUES (1, 1, 'P', '', '', '', '', NULL)",
    (
        "INSERT INTO study VALUES (1, 1, 1, '1', '', '', '', '', '', NULL, NULL, NULL, "
        "'', '', '', '', '', '', '', '', 1, 1, 1, 1, '2026-01-01', 1, 0)"
    ),
    "INSERT INTO series VALUES (1, 1, 1, '1', '', 1, '', '', 1, 1)",
    "INSERT INTO instance VALUES (1, 1, 1, '1', '1', '1', 1, 1, 'f', 1, 1, 1, 1, {}, NULL, NULL, '', NULL)",
)


def test_contents_in_a_form_that_this_version_does_not_read(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    create_database(node.settings)
    if node.role is Role.CONTROL:
        change(node.settings, ACCOUNT.format("$argon2id$v=19$m=1,t=1,p=1$AA$AA"))
        assert node.run("--check-database") == READY
        change(node.settings, "UPDATE account SET password_hash = '$2b$12$of-another-method'")
    else:
        change(node.settings, *(statement.format(1) for statement in OBJECT))
        assert node.run("--check-database") == READY
        change(node.settings, "UPDATE instance SET image_encoding = 7")
    capsys.readouterr()
    assert node.run("--check-database") == OUTDATED_CONTENTS
    assert "outdated contents. Choose another database. (it holds " in capsys.readouterr().out


@pytest.mark.parametrize("version", ["", "0001"], ids=["this-version", "older-version"])
def test_the_database_of_another_node(version: str, tmp_path: Path, database_settings: DatabaseSettings) -> None:
    storage = node_for(Role.STORAGE, tmp_path / "s", database_settings)
    create_database(storage.settings)
    if version:
        change(storage.settings, SET_VERSION.format(version))
    assert storage.run("--check-database") == (OUTDATED if version else READY)
    assert node_for(Role.CONTROL, tmp_path / "c", database_settings).run("--check-database") == FOREIGN
    assert node_for(Role.UNIFIED, tmp_path / "u", database_settings).run("--check-database") == FOREIGN


@each_role
def test_a_file_that_is_no_database(role: Role, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "letters.txt"
    file.write_bytes(b"dear colleague " * 1000)
    node = node_for(role, tmp_path / "node", DatabaseSettings(DatabaseDriver.SQLITE, str(file)))
    assert node.run("--check-database") == INTERNAL_ERROR
    assert "It is damaged" in capsys.readouterr().out


@each_role
def test_tables_that_the_user_may_not_read_are_wrong_settings(
    role: Role, tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    settings = postgresql_server.new_database()
    create_database(settings)
    user = f"stranger_{settings.name}"
    postgresql_server.execute(f"CREATE ROLE {user} LOGIN")
    node = node_for(role, tmp_path / "node", settings, user=user)
    assert node.run("--check-database") == INTERNAL_ERROR


@each_role
def test_no_server(role: Role, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = DatabaseSettings(DatabaseDriver.POSTGRESQL, "x", host="127.0.0.1", port=free_port(), user="x")
    assert node_for(role, tmp_path / "node", settings).run("--check-database") == NO_CONNECTION
    out = capsys.readouterr().out
    assert "Connection refused" in out
    assert "no connection. No server listens there: see host and port in the configuration" in out
    assert "--create" not in out
    nowhere = DatabaseSettings(DatabaseDriver.POSTGRESQL, "x", host="nowhere.invalid", user="x")
    assert node_for(role, tmp_path / "nowhere", nowhere).run("--check-database") == NO_CONNECTION
    out = capsys.readouterr().out
    assert "no connection. There is no such server: see the host in the configuration." in out
    assert "--create" not in out


@each_role
def test_a_driver_that_cannot_be_used(
    role: Role, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg2", None)  # as where its library is missing
    settings = DatabaseSettings(DatabaseDriver.POSTGRESQL, "x", user="x")
    assert node_for(role, tmp_path / "node", settings).run("--check-database") == INTERNAL_ERROR
    assert "the driver cannot be used" in capsys.readouterr().out


def prepared(code: int, node: Node) -> Node:
    """Return the node with its database, or its settings, in the state that is told by the code."""
    sqlite = node.settings.driver is DatabaseDriver.SQLITE
    if code == NO_CONNECTION:
        return Node(node.role, node.folder / "other", {**node.content, "name": "not_there"})
    if code == INTERNAL_ERROR:
        if not sqlite:
            return Node(node.role, node.folder / "other", {**node.content, "port": "five"})
        Path(node.settings.name).write_bytes(b"dear colleague " * 1000)
    elif code in (EMPTY, FOREIGN):
        if sqlite:
            Path(node.settings.name).touch()
        change(node.settings, *["CREATE TABLE invoice (number INTEGER)"] * (code == FOREIGN))
    else:
        create_database(node.settings)
        control = node.role is Role.CONTROL
        outdated = [ACCOUNT.format("md5")] if control else [statement.format(7) for statement in OBJECT]
        statements = {
            READY: [],
            OUTDATED_CONTENTS: outdated,
            NEWER: [SET_VERSION.format("9999")],
            OUTDATED: [SET_VERSION.format("0001")],
        }
        change(node.settings, *statements[code])
    return node


@pytest.mark.parametrize("code", range(8))
def test_a_console_script_ends_with_each_exit_code(
    code: int, tmp_path: Path, database_settings: DatabaseSettings
) -> None:
    role = ROLES[code % 3]
    node = prepared(code, node_for(role, tmp_path / "node", database_settings))
    node.folder.mkdir(exist_ok=True)
    told, out, err = node.finish("--check-database")
    assert told == code, err
    if code == INTERNAL_ERROR and database_settings.driver is DatabaseDriver.POSTGRESQL:
        assert "key 'port': \"five\" is invalid: must be a whole number from 1 to 65535." in err
    else:
        assert out.startswith("Database ")
        assert err == ""


@pytest.mark.parametrize("role", ROLES)
def test_the_console_scripts_say_the_same(role: Role, tmp_path: Path, database_settings: DatabaseSettings) -> None:
    node = node_for(role, tmp_path / "node", database_settings)
    create_database(node.settings)
    assert node.finish("--check-database") == (READY, f"Database {shown(node)}: ready.\n", "")
    _, out, err = node.finish("--check-database", "--log-to-console")  # warnings of the file are there, and no twin
    assert (out, "database_command" in err) == (f"Database {shown(node)}: ready.\n", False)
    assert '"database_command"' in node.log.read_text("utf-8")
    code, out, err = node.finish("--check-database", "--drop-database", "--yes")
    assert (code, out) == (8, "")
    assert err.endswith("error: --check-database cannot go with --drop-database: nothing was done\n")
    assert node.run("--check-database") == READY


def shown(node: Node) -> str:
    settings = node.settings
    sqlite = settings.driver is DatabaseDriver.SQLITE
    return repr(settings.name) if sqlite else f"{settings.name!r} on {settings.host}:{settings.port}"
