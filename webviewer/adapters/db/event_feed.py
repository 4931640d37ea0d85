"""How a process hears of new rows in the event table: SQLite's ``data_version``, PostgreSQL's ``LISTEN``."""

from __future__ import annotations

import contextlib
import select
import sqlite3
import time
from typing import cast

import psycopg2.extensions
from sqlalchemy import Engine

from webviewer.adapters.db.control_repositories import EVENT_CHANNEL
from webviewer.core.errors import DatabaseGone
from webviewer.events import EventFeed

_SQLITE_TURN_S = 0.15


class SqliteEventFeed:
    """Asks ``PRAGMA data_version`` every 150 ms on a connection of its own; see `webviewer.events.EventFeed`."""

    def __init__(self, engine: Engine) -> None:
        self._pooled = engine.raw_connection()
        self._driver = cast("sqlite3.Connection", self._pooled.driver_connection)
        self._version = self._ask()

    def wait(self, timeout_s: float) -> bool:
        """Return True once another connection has committed."""
        deadline = time.monotonic() + timeout_s
        while True:
            version = self._ask()
            if version != self._version:
                self._version = version
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_SQLITE_TURN_S, left))

    def close(self) -> None:
        """Let go of the connection."""
        self._pooled.close()

    def _ask(self) -> int:
        try:
            return int(self._driver.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as exc:
            raise DatabaseGone(f"The database cannot be used: {exc}.") from exc


class PostgresqlEventFeed:
    """Listens on a connection of its own; see `webviewer.events.EventFeed`."""

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        self._driver = cast("psycopg2.extensions.connection", pooled.driver_connection)
        pooled.detach()  # it stays ours: a pool must not hand out a listening connection
        try:
            self._driver.rollback()
            self._driver.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
            with self._driver.cursor() as cursor:
                cursor.execute(f"LISTEN {EVENT_CHANNEL}")
        except psycopg2.Error as exc:
            raise DatabaseGone("The database connection for events is gone.") from exc

    def wait(self, timeout_s: float) -> bool:
        """Return True once an event was published."""
        try:
            if not self._driver.notifies and not select.select([self._driver], [], [], timeout_s)[0]:
                return False
            self._driver.poll()
        except (psycopg2.Error, OSError, ValueError) as exc:
            raise DatabaseGone("The database connection for events is gone.") from exc
        heard = bool(self._driver.notifies)
        self._driver.notifies.clear()
        return heard

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(psycopg2.Error):
            self._driver.close()


def make_event_feed(engine: Engine) -> EventFeed:
    """Return the feed that suits the database of the engine."""
    return PostgresqlEventFeed(engine) if engine.dialect.name == "postgresql" else SqliteEventFeed(engine)
