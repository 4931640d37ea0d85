"""How a process notices new rows in the event table: SQLite's ``data_version``, or `postgresql_event_feed`."""

from __future__ import annotations

import sqlite3
import time
from typing import cast

from sqlalchemy import Engine

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


def make_event_feed(engine: Engine) -> EventFeed:
    """Return the feed that suits the database of the engine."""
    if engine.dialect.name != "postgresql":
        return SqliteEventFeed(engine)
    # Its driver, with libraries of its own for TLS and Kerberos, takes 5 MB: not for SQLite.
    from webviewer.adapters.db.postgresql_event_feed import PostgresqlEventFeed

    return PostgresqlEventFeed(engine)
