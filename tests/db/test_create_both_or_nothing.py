"""``--create-db-user --create-database`` on PostgreSQL makes both or nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from tests.db.node_commands import Node, node_for
from tests.support.databases import PostgresqlServer, running_postgresql
from tests.support.waiting import eventually
from webviewer.config import DatabaseDriver, DatabaseSettings, Role

MASTER = "of-the-master"
BOTH = ("--create-db-user", "--create-database", "--master-db-password", MASTER)
OWN = "of-the-user"
READY = 0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server that lets nobody in without a password."""
    with running_postgresql(MASTER) as running:
        yield running


def node_of(server: PostgresqlServer, folder: Path, name: str, user: str, password: str = OWN) -> Node:
    settings = DatabaseSettings(DatabaseDriver.POSTGRESQL, name, "127.0.0.1", server.port, user, password)
    return node_for(Role.CONTROL, folder, settings)


def connect(server: PostgresqlServer, name: str = "postgres") -> psycopg2.extensions.connection:
    connection = psycopg2.connect(
        host="127.0.0.1", port=server.port, dbname=name, user="postgres", password=MASTER, connect_timeout=10
    )
    connection.autocommit = True
    return connection


def ask(server: PostgresqlServer, question: str, *values: str, name: str = "postgres") -> list[tuple[object, ...]]:
    with closing(connect(server, name)) as connection, connection.cursor() as cursor:
        cursor.execute(question, values)
        return cursor.fetchall()


def has_user(server: PostgresqlServer, user: str) -> bool:
    return bool(ask(server, "SELECT 1 FROM pg_roles WHERE rolname = %s", user))


def has_database(server: PostgresqlServer, name: str) -> bool:
    return bool(ask(server, "SELECT 1 FROM pg_database WHERE datname = %s", name))


def execute(server: PostgresqlServer, statement: str, name: str = "postgres") -> None:
    with closing(connect(server, name)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_user_is_removed_again_where_its_database_cannot_be_made(
    server: PostgresqlServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The administrator may make users and no databases."""
    execute(server, "CREATE ROLE only_users LOGIN CREATEROLE PASSWORD 'of-the-master'")
    node = node_of(server, tmp_path, "one", "one")
    assert node.run(*BOTH, "--master-db-user", "only_users") == 7
    said = capsys.readouterr()
    assert "permission denied to create database" in said.err
    assert "is made" not in said.out
    assert not has_user(server, "one")
    assert not has_database(server, "one")
    assert node.run(*BOTH) == 0
    assert node.run("--check-database") == READY


def test_a_database_is_removed_again_where_an_older_user_has_another_password(
    server: PostgresqlServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(server, "CREATE ROLE two LOGIN PASSWORD 'another'")
    node = node_of(server, tmp_path, "two", "two")
    assert node.run(*BOTH) == 7
    said = capsys.readouterr()
    assert "The server does not take this user" in said.err
    assert said.out == ""
    assert has_user(server, "two"), "it was there before"
    assert not has_database(server, "two")


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["CREATE TABLE invoice (number INTEGER)"], "It holds tables of something else"),
        (
            ["CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('9999')"],
            "It was made by a newer version",
        ),
    ],
    ids=["foreign", "newer"],
)
def test_no_user_is_made_for_a_database_that_cannot_be_used(
    *,
    statements: list[str],
    reason: str,
    server: PostgresqlServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"unfit_{len(statements)}"
    execute(server, f"CREATE DATABASE {name}")
    for statement in statements:
        execute(server, statement, name)
    assert node_of(server, tmp_path, name, name).run(*BOTH) == 7
    assert reason in capsys.readouterr().err
    assert not has_user(server, name)
    rights = ask(server, "SELECT datacl::text FROM pg_database WHERE datname = %s", name)
    assert rights == [(None,)], "nobody was given anything"


def test_a_user_is_removed_again_where_the_tables_cannot_be_made_in_an_older_database(
    server: PostgresqlServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(server, "CREATE DATABASE three")
    # An operator's guard: nobody but postgres makes tables here.
    execute(
        server,
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'postgres' "
        "THEN RAISE EXCEPTION 'not in this house'; END IF; END $$",
        "three",
    )
    execute(server, "CREATE EVENT TRIGGER guard ON ddl_command_start EXECUTE FUNCTION refuse()", "three")
    assert node_of(server, tmp_path, "three", "three").run(*BOTH) == 7
    assert "cannot be prepared, and all stays as it was: " in capsys.readouterr().err
    assert not has_user(server, "three")
    assert has_database(server, "three"), "it was there before"
    rights = str(ask(server, "SELECT datacl::text FROM pg_database WHERE datname = 'three'"))
    assert "three=" not in rights


@pytest.mark.parametrize(
    ("name", "user", "password"), [("", "x", "x"), ("x", "", "x"), ("x", "x", ""), ("x" * 64,) * 3]
)
def test_a_configuration_that_lacks_a_name_makes_nothing(
    *, name: str, user: str, password: str, server: PostgresqlServer, tmp_path: Path
) -> None:
    before = ask(server, "SELECT rolname FROM pg_roles ORDER BY 1"), ask(server, "SELECT datname FROM pg_database")
    assert node_of(server, tmp_path, name, user, password).run(*BOTH) != 0
    after = ask(server, "SELECT rolname FROM pg_roles ORDER BY 1"), ask(server, "SELECT datname FROM pg_database")
    assert after == before


@pytest.mark.parametrize("made", [(), ("user",), ("user", "database")], ids=["nothing", "a user", "user and database"])
def test_the_next_run_makes_the_rest_after_a_kill(
    made: tuple[str, ...], server: PostgresqlServer, tmp_path: Path
) -> None:
    """A killed run leaves what its steps so far have made: each state between two steps is made here."""
    name = f"killed_{len(made)}"
    if "user" in made:
        execute(server, f"CREATE ROLE {name} LOGIN PASSWORD 'of-the-user'")
    if "database" in made:
        execute(server, f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
    node = node_of(server, tmp_path, name, name)
    assert node.run(*BOTH) == 0
    assert node.run("--check-database") == READY


def test_a_run_that_is_killed_while_others_wait_lets_them_go_on(server: PostgresqlServer, tmp_path: Path) -> None:
    with closing(connect(server)) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (0x77656276,))
        node = node_of(server, tmp_path, "waited", "waited")
        process = node.start(*BOTH)
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: bool(ask(server, waiting)), 60, "the command waits its turn")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert not has_user(server, "waited")
    assert node.run(*BOTH) == 0
    assert node.run("--check-database") == READY


def test_a_user_that_is_in_use_elsewhere_stays_and_is_named(
    server: PostgresqlServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody gives the new user something before the last step fails: it is not taken from them."""

    def give_and_fail(*_: object) -> None:
        execute(server, "CREATE DATABASE of_somebody OWNER four")
        raise psycopg2.OperationalError("the server closed the connection")

    monkeypatch.setattr("webviewer.database_commands.maintenance.create_database", give_and_fail)
    assert node_of(server, tmp_path, "four", "four").run(*BOTH) == 7
    said = capsys.readouterr().err
    assert "the server closed the connection. The user 'four' or the database 'four' may be left behind" in said
    assert not has_database(server, "four")
    assert has_user(server, "four")
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE of_somebody"))
        cursor.execute(sql.SQL("DROP ROLE four"))
