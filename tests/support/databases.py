"""Real databases for tests: an SQLite file and a PostgreSQL 15 server of our own; every db test runs on both.

A ``conftest.py`` that wants them says::

    from tests.support.databases import database_settings, engine, postgresql_server  # noqa: F401
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine

from tests.support.ports import free_port
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.config import DatabaseDriver, DatabaseSettings

POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """A running server of our own; ``numbers`` counts its databases."""

    port: int
    numbers: Iterator[int]
    password: str = ""

    def execute(self, text: str) -> None:
        """Run one statement outside a transaction."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=self.password or None, dbname="postgres"
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text)
        finally:
            connection.close()

    def new_database(self) -> DatabaseSettings:
        """Make an empty database."""
        name = f"test_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        return DatabaseSettings(DatabaseDriver.POSTGRESQL, name, host="127.0.0.1", port=self.port, user="postgres")


@contextmanager
def running_postgresql(password: str = "") -> Iterator[PostgresqlServer]:
    """Run a PostgreSQL server until the block ends; it refuses root, so it runs as the user postgres then.

    Parameters
    ----------
    password
        Of its administrator postgres; without one everybody is let in.
    """
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="webviewer-pg-"))
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    data, port = folder / "data", free_port()
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(POSTGRESQL_PROGRAMS / program), *arguments],
            user=user,
            cwd=folder,
            check=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    who = ("-A", "scram-sha-256", "--pwfile", str(password_file)) if password else ("-A", "trust")
    try:
        call("initdb", "--no-sync", "-D", str(data), "-U", "postgres", *who, "-E", "UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield PostgresqlServer(port, count(1), password)
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Start a PostgreSQL server for this test run."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    """Return settings of an empty database; the test runs once for each kind."""
    if request.param == "sqlite":
        return DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "webviewer.db"))
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.new_database()


@pytest.fixture
def engine(database_settings: DatabaseSettings) -> Iterator[Engine]:
    """Return an engine on a database with all tables."""
    create_database(database_settings)
    made = make_engine(database_settings)
    yield made
    made.dispose()
