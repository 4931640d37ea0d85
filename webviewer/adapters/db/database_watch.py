"""A watch over the database of a node: whether it can be read and written now, and whether its file is whole.

Two questions are asked all the time, each in a thread of its own. So no probe of a monitor waits for a database:

- Every 2 s a fresh connection reads a row and, on SQLite, takes and leaves the writers' lock. A question that is not
  answered within 8 s counts as answered with no: a server may hang, a disk too.
- On SQLite ``PRAGMA quick_check`` reads the file at the start and then at least once a day. Where it takes less than a
  second it is repeated so often that it takes 1 % of a processor, which is every 5 s for some MB. While the file is
  damaged it is read again more often, so that a repaired database is noticed.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import text

from webviewer.adapters.db.engine import READ_ONLY_OPTION, make_engine
from webviewer.config import DatabaseDriver, DatabaseSettings, TableSet
from webviewer.core.errors import WebviewerError
from webviewer.core.offload import Offload, run_here

logger = logging.getLogger(__name__)

PROBE_EVERY_S: Final = 2.0
SILENT_AFTER_S: Final = 8.0
_LOCK_WAIT_S: Final = 4.0  # a commit of many objects takes less
_LOCK_RETRY_S: Final = 0.01
_CHECK_EVERY_S: Final = 24 * 3600.0
_OFTEN_BELOW_S: Final = 1.0  # a check that takes longer is for once a day
_SHORTEST_PAUSE_S: Final = 5.0
_PAUSE_FACTOR: Final = 100.0  # so a repeated check takes 1 % of a processor
_DAMAGED_PAUSE_FACTOR: Final = 10.0
_MOST_LINES: Final = 5
_PROBED: Final = {TableSet.CONTROL: "account", TableSet.STORAGE: "instance"}
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

Probe = Callable[[], str]
"""Returns why the database cannot be used, in words for the log; empty where it can."""


@dataclass(frozen=True, slots=True)
class WatchState:
    """What is known of the database."""

    problem: str  # why it cannot be used now; empty where it can
    damage: str  # what the last check of the file found; empty: nothing
    checked_at_s: float | None  # Unix time of the end of the last check; None: none has ended
    check_s: float  # how long that took


class DatabaseWatch:
    """Asks a database again and again; `state` answers at once.

    Parameters
    ----------
    probe
        Asks whether it can be used.
    check
        Reads the whole file; None where the server does that by itself.
    offload
        How a question that blocks leaves an event loop.
    monotonic
        The clock.
    """

    def __init__(
        self,
        probe: Probe,
        check: Probe | None = None,
        *,
        offload: Offload = run_here,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._check = check
        self._offload = offload
        self._monotonic = monotonic
        self._asked_at_s = monotonic()
        self._is_asking = False
        self._problem = ""
        self._damage = ""
        self._checked_at_s: float | None = None
        self._check_s = 0.0

    def start(self) -> None:
        """Begin; the threads end with the process."""
        threading.Thread(target=self._run_probe, name="database-probe", daemon=True).start()
        if self._check is not None:
            threading.Thread(target=self._run_check, name="database-check", daemon=True).start()

    def state(self) -> WatchState:
        """Return what is known now; never waits."""
        problem = self._problem
        silent_s = self._monotonic() - self._asked_at_s
        if self._is_asking and silent_s > SILENT_AFTER_S:
            problem = "it does not answer"
        elif not problem and self._damage:
            problem = f"it is damaged: {self._damage}"
        return WatchState(problem, self._damage, self._checked_at_s, self._check_s)

    def ask(self) -> None:
        """Ask once whether the database can be used."""
        self._asked_at_s, self._is_asking = self._monotonic(), True
        problem = self._ask(self._probe)
        if problem != self._problem:
            level = logging.WARNING if problem else logging.INFO
            logger.log(level, "database_state_changed", extra={"reason": problem or "it can be used again"})
        self._problem, self._is_asking = problem, False

    def check(self) -> float:
        """Check the file once and return how many seconds to wait for the next check."""
        if self._check is None:
            return _CHECK_EVERY_S
        begin_s = self._monotonic()
        damage = self._ask(self._check)
        self._check_s = self._monotonic() - begin_s
        is_first = self._checked_at_s is None
        self._checked_at_s = time.time()
        if damage != self._damage or is_first:
            level = logging.ERROR if damage else logging.INFO
            facts = {"reason": damage or "it is whole", "seconds": round(self._check_s, 3)}
            logger.log(level, "database_checked", extra=facts)
        self._damage = damage
        if damage:
            return max(_SHORTEST_PAUSE_S, self._check_s * _DAMAGED_PAUSE_FACTOR)
        if self._check_s < _OFTEN_BELOW_S:
            return max(_SHORTEST_PAUSE_S, self._check_s * _PAUSE_FACTOR)
        return _CHECK_EVERY_S

    def _ask(self, probe: Probe) -> str:
        try:
            return str(self._offload(probe))
        except Exception as exc:
            logger.exception("database_watch_failed")
            return f"the watch failed: {type(exc).__name__}"

    def _run_probe(self) -> None:
        while True:
            self.ask()
            time.sleep(PROBE_EVERY_S)

    def _run_check(self) -> None:
        while True:
            time.sleep(self.check())


def make_watch(
    settings: DatabaseSettings,
    *,
    checks: bool = True,
    offload: Offload = run_here,
    monotonic: Callable[[], float] = time.monotonic,
) -> DatabaseWatch:
    """Return the watch over a database, not started yet.

    Parameters
    ----------
    settings
        Of the database.
    checks
        Whether this process also reads the whole file of SQLite: one process of those that share it.
    offload
        How SQLite, which blocks in C, leaves an event loop; drivers of a server go on by themselves.
    monotonic
        The clock.
    """
    tables = [_PROBED[one] for one in sorted(settings.tables)]
    if settings.driver is DatabaseDriver.SQLITE:
        check = partial(quick_check, settings.name) if checks else None
        return DatabaseWatch(partial(probe_sqlite, settings.name, tables), check, offload=offload, monotonic=monotonic)
    engine = make_engine(settings)

    def probe_server() -> str:
        try:
            with engine.connect().execution_options(**{READ_ONLY_OPTION: True}) as connection:
                for table in tables:
                    connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1"))  # noqa: S608  names from above
        except WebviewerError as exc:
            return exc.message
        return ""

    return DatabaseWatch(probe_server, monotonic=monotonic)


def probe_sqlite(name: str, tables: Sequence[str], lock_wait_s: float = _LOCK_WAIT_S) -> str:
    """Tell why a SQLite database cannot be read or written now; empty where it can.

    A fresh connection has no page in its memory, so it sees the file as it is.
    """
    try:
        Path(name).stat()
    except OSError as exc:
        return f"{name}: {exc.strerror}"
    try:
        connection = _open(name)
    except sqlite3.Error as exc:
        return str(exc)
    deadline_s = time.monotonic() + lock_wait_s
    try:
        for table in tables:
            # The first and the last row, and the two ends of its index, lie in pages that are often used.
            _patiently(connection, f"SELECT max(rowid), min(rowid) FROM {table}", deadline_s)  # noqa: S608  ours
            _patiently(connection, f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1", deadline_s)  # noqa: S608  ours
        _patiently(connection, "BEGIN IMMEDIATE", deadline_s)
        connection.execute("ROLLBACK")
    except sqlite3.Error as exc:
        return str(exc)
    finally:
        connection.close()
    return ""


def quick_check(name: str) -> str:
    """Read a SQLite database whole and tell what is damaged in it; empty where nothing is."""
    try:
        connection = _open(name)
    except sqlite3.Error as exc:
        return str(exc)
    try:
        rows = [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({_MOST_LINES})")]
    except sqlite3.Error as exc:
        # A database that is locked is the probe's to tell.
        return "" if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _BUSY else str(exc)
    finally:
        connection.close()
    return "" if rows == ["ok"] else "; ".join(row.replace("\n", " ") for row in rows)


def _open(name: str) -> sqlite3.Connection:
    # "rw" makes no file where the database was moved away.
    return sqlite3.connect(
        f"file:{quote(str(Path(name).absolute()))}?mode=rw",
        uri=True,
        timeout=0.05,
        isolation_level=None,
        check_same_thread=False,
    )


def _patiently(connection: sqlite3.Connection, statement: str, deadline_s: float) -> list[Any]:
    while True:
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError as exc:
            if getattr(exc, "sqlite_errorcode", 0) & 0xFF not in _BUSY or time.monotonic() > deadline_s:
                raise
            time.sleep(_LOCK_RETRY_S)
