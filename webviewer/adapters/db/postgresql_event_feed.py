"""How a process notices new rows in the event table of PostgreSQL: ``LISTEN`` on a connection of its own."""

from __future__ import annotations

import contextlib
import select
from typing import cast

import psycopg2.extensions
from sqlalchemy import Engine

from webviewer.adapters.db.control_repositories import EVENT_CHANNEL
from webviewer.core.errors import DatabaseGone


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
