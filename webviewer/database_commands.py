"""The database commands of the executables (manual 2.8), on SQLite and on PostgreSQL."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from webviewer.adapters.db import maintenance, postgresql_admin, sqlite_files
from webviewer.adapters.db.postgresql_admin import Master
from webviewer.adapters.db.states import (
    DatabaseState,
    examine,
    holds_nothing_of_ours,
    name_of,
    refuse_unless,
)
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import ConfigError

__all__ = ["Master", "carry_out", "check"]

logger = logging.getLogger(__name__)

# What a state's name has said already is not said twice.
_MORE = {
    DatabaseState.READY: "",
    DatabaseState.EMPTY: "Make its tables with --create-db-scheme.",
    DatabaseState.OUTDATED_CONTENTS: "Choose another database.",
}


def check(settings: DatabaseSettings) -> int:
    """Say in which state the database is, in words and by the exit code; changes nothing."""
    _keep_log_off_console()
    found = examine(settings, contents=True)
    advice = _MORE.get(found.state, found.advice)
    more = f" {advice}" if advice else ""
    reason = f" ({found.reason})" if found.reason else ""
    _say(f"Database {name_of(settings)}: {found.state.name.lower().replace('_', ' ')}.{more}{reason}")
    return int(found.state)


def carry_out(settings: DatabaseSettings, commands: Sequence[str], master: Master, *, asks: bool) -> None:
    """Do what the command line says, in the order in which it makes sense.

    Parameters
    ----------
    settings
        Of the database.
    commands
        Of `webviewer.command_line.COMMANDS`.
    master
        The administrator of the database server.
    asks
        Whether a person is asked before the database is deleted.

    Raises
    ------
    ConfigError
        The state of the database forbids it, or nobody said yes.
    OutOfResources
        The database or its server cannot be used.
    """
    _keep_log_off_console()
    if "--drop-database" in commands:
        _drop_database(settings, master, asks=asks)
    if {"--create-db-user", "--create-database"} <= set(commands) and settings.driver is DatabaseDriver.POSTGRESQL:
        _create_user_and_database(settings, master)
    else:
        if "--create-db-user" in commands:
            _create_user(settings, master)
        if "--create-database" in commands:
            _create_database(settings, master)
    if "--create-db-scheme" in commands:
        maintenance.create_scheme(settings)
        _say(f"The tables of database {name_of(settings)} are made.")
    if "--update-database" in commands:
        _update(settings)


def _create_user(settings: DatabaseSettings, master: Master) -> None:
    if settings.driver is DatabaseDriver.SQLITE:
        _say("SQLite has no users: --create-db-user has nothing to do.")
    else:
        _say_user(settings, is_made=postgresql_admin.create_user(settings, master))


def _say_user(settings: DatabaseSettings, *, is_made: bool) -> None:
    if is_made:
        _say(f"The database user {settings.user!r} is made.")
    else:
        _say(f"The database user {settings.user!r} exists already: it and its password stay as they are.")


def _create_user_and_database(settings: DatabaseSettings, master: Master) -> None:
    """Make both or nothing; a database that is there already and unfit is refused before anything is made."""
    found = examine(replace(settings, user=master.user, password=master.password))
    if found.state not in (DatabaseState.NO_CONNECTION, DatabaseState.EMPTY, DatabaseState.READY):
        raise ConfigError(found.words(name_of(settings)))
    told: list[str] = []
    made = postgresql_admin.create_user_and_database(settings, master, lambda: told.append(_make_tables(settings)))
    _say_user(settings, is_made=made.user)
    _say_database(settings, is_made=made.database)
    for line in told:
        _say(line)


def _say_database(settings: DatabaseSettings, *, is_made: bool) -> None:
    name = name_of(settings)
    _say(f"The database {name} is made." if is_made else f"The database {name} exists already.")


def _create_database(settings: DatabaseSettings, master: Master) -> None:
    if settings.driver is DatabaseDriver.POSTGRESQL:
        _say_database(settings, is_made=postgresql_admin.create_database(settings, master))
    _say(_make_tables(settings))


def _make_tables(settings: DatabaseSettings) -> str:
    """Make the tables of an empty database; returns a sentence for the person at the console."""
    name = name_of(settings)
    found = examine(settings)
    if found.state is DatabaseState.READY:
        return f"The database {name} is ready: it stays as it is."
    if found.state is DatabaseState.OUTDATED:
        raise ConfigError(found.words(name))
    if settings.driver is DatabaseDriver.SQLITE and found.state is DatabaseState.NO_CONNECTION:
        sqlite_files.make_file(Path(settings.name))
        found = examine(settings)
    refuse_unless(found, settings, DatabaseState.EMPTY)
    maintenance.create_database(settings)
    return f"The database {name} is ready."


def _update(settings: DatabaseSettings) -> None:
    done = maintenance.update_database(settings, _say)
    if done.before == done.after:
        _say(f"The database {name_of(settings)} is up to date (version {done.after}).")
    else:
        _say(f"The database {name_of(settings)} is brought from version {done.before} to {done.after}.")


def _drop_database(settings: DatabaseSettings, master: Master, *, asks: bool) -> None:
    name = name_of(settings)
    if holds_nothing_of_ours(settings):
        raise ConfigError(f"Database {name} holds tables, but none of this program: it stays.")
    if asks and not _is_confirmed(name):
        raise ConfigError(f"Database {name} is not deleted.")
    if settings.driver is DatabaseDriver.SQLITE:
        sqlite_files.delete(Path(settings.name))
    else:
        postgresql_admin.drop_database(settings, master)
    _say(f"The database {name} is deleted.")


def _is_confirmed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(f"Database {name} is not deleted: there is no terminal to ask at. Say it with --yes.")
    sys.stdout.write(f"Delete database {name} with everything in it? Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _keep_log_off_console() -> None:
    """Let the lines of this module go to the log file alone: who sits at the console reads them as plain words."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.addFilter(_is_not_ours)


def _is_not_ours(record: logging.LogRecord) -> bool:
    return record.name != __name__


def _say(line: str) -> None:
    logger.info("database_command", extra={"text": line})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
