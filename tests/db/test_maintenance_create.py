"""Users and databases are made and deleted by the executables, on SQLite and by PostgreSQL's administrator."""

from __future__ import annotations

import os
import pty
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from tests.db.node_commands import PROGRAMS, Node, as_before, node_for
from tests.support.databases import PostgresqlServer, running_postgresql
from webviewer.adapters.db import postgresql_admin
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import DatabaseState, check_database, create_database
from webviewer.adapters.db.postgresql_admin import Master, create_user
from webviewer.adapters.db.table_sets import tables_of
from webviewer.config import DatabaseDriver, DatabaseSettings, Role, TableSet

MASTER = 'ma\'ster "pass\\word" %s'
STRANGE_NAME, STRANGE_USER, STRANGE_PASSWORD = 'Röntgen "1"; DROP TABLE x; --', "o'Neil\\ %s", "p'w\"ü\\%(x)s {0} $1"
READY, NO_CONNECTION, EMPTY, FOREIGN = 0, 2, 3, 4


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[PostgresqlServer]:
    """A server that lets nobody in without a password."""
    with running_postgresql(MASTER) as server:
        yield server


def settings_on(server: PostgresqlServer, name: str, user: str, password: str) -> DatabaseSettings:
    return DatabaseSettings(DatabaseDriver.POSTGRESQL, name, "127.0.0.1", server.port, user, password)


def connect(settings: DatabaseSettings) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=settings.host,
        port=settings.port,
        dbname=settings.name,
        user=settings.user,
        password=settings.password,
    )


def as_master(server: PostgresqlServer, name: str = "postgres") -> psycopg2.extensions.connection:
    return connect(settings_on(server, name, "postgres", MASTER))


ROLES = [
    (Role.UNIFIED, "webviewer", frozenset(TableSet)),
    (Role.CONTROL, "control", frozenset({TableSet.CONTROL})),
    (Role.STORAGE, "storage", frozenset({TableSet.STORAGE})),
]


@pytest.mark.parametrize(("role", "word", "sets"), ROLES, ids=[case[0] for case in ROLES])
def test_the_manual_s_command_makes_user_database_and_tables(
    *,
    role: Role,
    word: str,
    sets: frozenset[TableSet],
    tmp_path: Path,
    guarded_server: PostgresqlServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Manual 2.2.2: with the shipped sample, and only host and port of the server changed."""
    node = node_for(role, tmp_path, settings_on(guarded_server, word, word, word))
    assert node.run("--check-database") == NO_CONNECTION
    master = ("--master-db-user", "postgres", "--master-db-password", MASTER)
    assert node.run("--create-db-user", "--create-database", *master) == 0
    where = f"{word!r} on 127.0.0.1:{guarded_server.port}"
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"The database user {word!r} is made.",
        f"The database {where} is made.",
        f"The database {where} is ready.",
    ]
    assert node.run("--check-database") == READY
    with closing(connect(node.settings)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert dict(cursor.fetchall()) == dict.fromkeys([*tables_of(sets), "alembic_version"], word)
        cursor.execute("SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = %s", (word,))
        assert cursor.fetchone() == ("UTF8", "C")
        cursor.execute("SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = %s", (word,))
        assert cursor.fetchone() == (False,)
    wrong = settings_on(guarded_server, word, word, "wrong-secret")
    assert node_for(role, tmp_path / "wrong", wrong).run("--check-database") == NO_CONNECTION
    out = capsys.readouterr().out
    assert 'password authentication failed for user "' in out
    assert "no connection. The server does not take this user: see user and password in the configuration" in out
    assert "--create-database" not in out
    # once more, and nothing is lost
    with closing(connect(node.settings)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE note (text TEXT)")
    assert node.run("--create-db-user", "--create-database", *master) == 0
    out = capsys.readouterr().out
    assert "exists already: it and its password stay as they are." in out
    assert f"The database {where} is ready: it stays as it is." in out
    # and away with it, by its own user
    assert node.run("--drop-database", "--yes") == 0
    assert node.run("--check-database") == NO_CONNECTION
    assert node.run("--drop-database", "--yes") == 7
    assert f"The database {word!r} does not exist." in capsys.readouterr().err


def test_two_that_make_the_same_at_once_both_succeed(tmp_path: Path, guarded_server: PostgresqlServer) -> None:
    """As replicas do that start together; each may come between another's question and its statement."""
    for turn in range(2):
        settings = settings_on(guarded_server, f"twice_{turn}", f"twice_{turn}", "a-secret")
        nodes = [node_for(Role.CONTROL, tmp_path / f"{turn}-{number}", settings) for number in range(3)]
        master = ("--master-db-user", "postgres", "--master-db-password", MASTER)
        running = [node.start("--create-db-user", "--create-database", *master) for node in nodes]
        said = [process.communicate(timeout=120) for process in running]
        assert [(process.returncode, err) for process, (_, err) in zip(running, said, strict=True)] == [(0, "")] * 3
        assert sum("is made." in out for out, _ in said) >= 1
        assert nodes[0].run("--check-database") == READY


def test_another_that_made_it_between_question_and_statement_is_no_error(
    guarded_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_on(guarded_server, "meanwhile", "meanwhile", "a-secret")
    master = Master("postgres", MASTER)
    assert create_user(settings, master)
    assert postgresql_admin.create_database(settings, master)
    monkeypatch.setattr(postgresql_admin, "_exists", lambda *_: False)
    assert not postgresql_admin.create_database(settings, master)


def test_strange_names_and_passwords_are_taken_as_they_are(
    tmp_path: Path,
    guarded_server: PostgresqlServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "secret").write_text(MASTER + "\n")
    monkeypatch.setenv("WEBVIEWER_MASTER_DB_PASSWORD_FILE", str(tmp_path / "secret"))
    settings = settings_on(guarded_server, STRANGE_NAME, STRANGE_USER, STRANGE_PASSWORD)
    node = node_for(Role.STORAGE, tmp_path / "node", settings)
    assert node.run("--create-db-user", "--create-database", "--log-level", "debug") == 0
    assert node.run("--check-database") == READY
    with closing(as_master(guarded_server)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (STRANGE_USER,))
        (kept,) = cursor.fetchone() or ("",)
        assert kept.startswith("SCRAM-SHA-256$")
        cursor.execute("SELECT has_database_privilege('public', %s, 'CONNECT')", (STRANGE_NAME,))
        assert cursor.fetchone() == (False,), "nobody else may look into it"
    assert node.run("--drop-database", "--yes", "--master-db-user", "postgres") == 0
    assert node.run("--check-database") == NO_CONNECTION
    said = capsys.readouterr()
    for text in (said.out, said.err, node.log.read_text()):
        assert "p'w" not in text
        assert "ma'ster" not in text


def test_an_administrator_who_is_no_superuser_will_do(
    tmp_path: Path, guarded_server: PostgresqlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(as_master(guarded_server)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE dba LOGIN CREATEDB CREATEROLE PASSWORD 'dba'")
    node = node_for(Role.CONTROL, tmp_path, settings_on(guarded_server, "of_dba", "by_dba", "x"))
    master = ("--master-db-user", "dba", "--master-db-password", "dba")
    assert node.run("--create-db-user", "--master-db-name", "not_there", *master) == 7
    assert 'database "not_there" does not exist' in capsys.readouterr().err
    assert node.run("--create-db-user", "--create-database", "--master-db-name", "template1", *master) == 0
    assert node.run("--check-database") == READY
    assert node.run("--drop-database", "--yes", *master) == 0


def test_a_wrong_password_of_the_administrator_is_words_and_no_secret(
    tmp_path: Path, guarded_server: PostgresqlServer
) -> None:
    node = node_for(Role.CONTROL, tmp_path, settings_on(guarded_server, "c2", "c2", "secret-of-c2"))
    words = ("--create-db-user", "--create-database", "--master-db-password", "wrong-secret")
    code, out, err = node.finish(*words)
    assert (code, out) == (7, "")
    assert err == (
        f"ControlNode: 'postgres' cannot connect to the database server 127.0.0.1:{guarded_server.port}: connection to "
        f'server at "127.0.0.1", port {guarded_server.port} failed: FATAL:  password authentication failed for user '
        '"postgres".\n'
    )
    code, out, err = node.finish("--create-db-user", WEBVIEWER_MASTER_DB_PASSWORD="wrong-secret")
    assert (code, out) == (7, "")
    log = node.log.read_text()
    assert "wrong-secret" not in log + err
    assert "secret-of-c2" not in log + err


@pytest.mark.parametrize(
    ("content", "words", "told"),
    [
        (
            {"user": "nobody"},
            ["--create-database"],
            "There is no database user 'nobody': make it with --create-db-user.",
        ),
        ({"password": ""}, ["--create-db-user"], "The database user 'c3' has no password in the configuration"),
        ({"name": "x" * 64}, ["--create-database"], "is too long: PostgreSQL takes 63 bytes."),
        ({"name": "c3"}, ["--create-db-scheme"], "does not exist"),
        ({"port": 1}, ["--create-db-user"], "Connection refused"),
    ],
    ids=["no-user", "no-password", "long-name", "no-database", "no-server"],
)
def test_what_cannot_be_made_is_said(
    *,
    content: dict[str, object],
    words: list[str],
    told: str,
    tmp_path: Path,
    guarded_server: PostgresqlServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = settings_on(guarded_server, "c3", "c3", "c3")
    if words == ["--create-db-scheme"]:
        maker = node_for(Role.CONTROL, tmp_path / "maker", settings)
        assert maker.run("--create-db-user", "--master-db-password", MASTER) == 0
    node = node_for(Role.CONTROL, tmp_path / "node", settings, **content)
    assert node.run(*words, "--master-db-password", MASTER) == 7
    assert told in capsys.readouterr().err


def test_a_scheme_is_made_in_an_empty_database_alone(
    database_settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = node_for(Role.STORAGE, tmp_path / "node", database_settings)
    if database_settings.driver is DatabaseDriver.SQLITE:
        Path(database_settings.name).touch()
    assert node.run("--create-db-scheme") == 0
    assert node.run("--check-database") == READY
    assert node.run("--create-db-scheme") == 7
    assert "is not empty: its tables stay as they are." in capsys.readouterr().err


def test_a_user_is_nothing_to_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "deep" / "folder" / "webviewer.db"
    node = node_for(Role.CONTROL, tmp_path / "node", DatabaseSettings(DatabaseDriver.SQLITE, str(file)))
    assert node.run("--create-db-user", "--create-database") == 0
    assert capsys.readouterr().out.startswith("SQLite has no users: --create-db-user has nothing to do.\n")
    assert node.run("--check-database") == READY
    assert file.stat().st_mode & 0o777 == 0o640
    with closing(sqlite3.connect(file)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(tables_of(frozenset({TableSet.CONTROL}))) <= names
    assert "study" not in names


def fill_with_something_else(settings: DatabaseSettings) -> None:
    if settings.driver is DatabaseDriver.SQLITE:
        Path(settings.name).touch()
    engine = make_engine(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE invoice (number INTEGER)")
    engine.dispose()


def test_a_database_of_something_else_is_neither_taken_nor_deleted(
    database_settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_with_something_else(database_settings)
    node = node_for(Role.CONTROL, tmp_path / "node", database_settings)
    assert node.run("--create-database") == 7
    assert "holds tables of something else" in capsys.readouterr().err
    assert node.run("--create-db-scheme") == 7
    assert node.run("--drop-database", "--yes") == 7
    assert "holds tables, but none of this program: it stays." in capsys.readouterr().err
    assert node.run("--check-database") == FOREIGN


def test_a_file_that_is_no_database_is_not_deleted(tmp_path: Path) -> None:
    file = tmp_path / "letters.txt"
    file.write_bytes(b"dear colleague " * 1000)
    node = node_for(Role.CONTROL, tmp_path / "node", DatabaseSettings(DatabaseDriver.SQLITE, str(file)))
    assert node.run("--drop-database", "--yes") == 7
    assert file.stat().st_size == 15000


def test_a_database_in_use_is_not_deleted(
    database_settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = node_for(Role.STORAGE, tmp_path / "node", database_settings)
    create_database(node.settings)
    engine = make_engine(node.settings)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        assert node.run("--drop-database", "--yes") == 7
    assert "is in use: stop" in capsys.readouterr().err
    assert check_database(node.settings) is DatabaseState.READY
    engine.dispose()
    assert node.run("--drop-database", "--yes") == 0
    assert node.run("--check-database") == NO_CONNECTION
    if database_settings.driver is DatabaseDriver.SQLITE:
        assert list(tmp_path.glob("webviewer.db*")) == []


def test_nothing_is_deleted_unless_somebody_says_yes(
    database_settings: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_for(Role.STORAGE, tmp_path / "node", database_settings)
    create_database(node.settings)
    code, _, err = node.finish("--drop-database")
    assert code == 7
    assert err.endswith("is not deleted: there is no terminal to ask at. Say it with --yes.\n")
    for answer, expected in (("no", 7), ("", 7), ("yes", 0)):
        assert answer_at_a_terminal(node, answer, monkeypatch) == expected
        state = check_database(node.settings)
        assert (state is DatabaseState.READY) is (expected == 7)


def answer_at_a_terminal(node: Node, answer: str, monkeypatch: pytest.MonkeyPatch) -> int:
    main_end, other_end = pty.openpty()
    try:
        os.write(main_end, answer.encode() + b"\n")
        with os.fdopen(os.dup(other_end), "r") as terminal, as_before(), monkeypatch.context() as patch:
            patch.setattr("sys.stdin", terminal)
            return PROGRAMS[node.role](node.words("--drop-database"))
    finally:
        os.close(main_end)
        os.close(other_end)


def test_a_database_is_made_anew_in_one_command(
    database_settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = node_for(Role.UNIFIED, tmp_path / "node", database_settings)
    create_database(node.settings)
    engine = make_engine(node.settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO ae_title VALUES ('OLD', 1)")
    engine.dispose()
    words = ["--create-database", "--create-db-user", "--drop-database", "--yes"]
    if database_settings.driver is DatabaseDriver.POSTGRESQL:
        words.remove("--create-db-user")
    assert node.run(*words) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(" is deleted.")
    engine = make_engine(node.settings)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ae_title").scalar_one() == 0
    engine.dispose()


def test_two_who_make_a_database_at_once_make_one(database_settings: DatabaseSettings, tmp_path: Path) -> None:
    node = node_for(Role.UNIFIED, tmp_path / "node", database_settings)
    both = [node.start("--create-database") for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert all(out.splitlines()[-1].startswith("The database ") and " is ready" in out for out, _ in said)
    assert check_database(node.settings) is DatabaseState.READY


def test_the_owner_of_an_old_database_is_not_asked_for(tmp_path: Path, guarded_server: PostgresqlServer) -> None:
    """A database that a hospital's administrator made beforehand gets its rights and its tables."""
    connection = as_master(guarded_server)
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier("given")))
    node = node_for(Role.CONTROL, tmp_path, settings_on(guarded_server, "given", "guest", "guest"))
    assert node.run("--create-db-user", "--create-database", "--master-db-password", MASTER) == 0
    assert node.run("--check-database") == READY
