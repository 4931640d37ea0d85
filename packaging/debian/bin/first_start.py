"""Before a service starts: a SQLite database that is not there is made, and a system without users gets the manual's.

The services start "as printed": with SQLite nothing has to be created by hand (manual 2.4.1), and the administrator
``admin`` / ``admin`` of manual 3.1 exists. That password is marked as well known: it is refused as soon as the server
listens beyond this machine, and to clients that a proxy brings from elsewhere. A database of PostgreSQL is never
created here: that takes its administrator's password.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from webviewer.adapters.db.maintenance import DatabaseState, check_database, create_database
from webviewer.bootstrap import make_accounts, unit_of_work_factory
from webviewer.config import DatabaseDriver, Role, Settings, TableSet, load_settings
from webviewer.core.errors import WebviewerError

ADMINISTRATOR, WELL_KNOWN_PASSWORD = "admin", "admin"


def main() -> None:
    """Run the step. What is wrong the node itself tells with its exit code, a moment later."""
    parser = argparse.ArgumentParser(prog="first_start")
    parser.add_argument("role", type=Role, choices=tuple(Role))
    parser.add_argument("config", type=Path)
    options = parser.parse_args()
    try:
        settings = load_settings(options.config, role=options.role)
        if settings.database.driver is DatabaseDriver.SQLITE and not Path(settings.database.name).exists():
            Path(settings.database.name).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            create_database(settings.database)
            sys.stdout.write(f"The database {settings.database.name} is made.\n")
        if TableSet.CONTROL in settings.database.tables and check_database(settings.database) is DatabaseState.READY:
            make_administrator(settings)
    except WebviewerError as exc:
        # not a failure of this step: systemd would try again for ever, whereas it heeds the node's own exit codes
        sys.stderr.write(f"{exc.message}\n")


def make_administrator(settings: Settings) -> None:
    """Make the administrator of manual 3.1 in a system that has no user at all."""
    units, dispose = unit_of_work_factory(settings)
    try:
        with units(read_only=True) as unit:
            users = unit.accounts.count()
    finally:
        dispose()
    if users == 0:
        make_accounts(settings).create_user(
            ADMINISTRATOR, WELL_KNOWN_PASSWORD, is_administrator=True, evaluation_password=True
        )
        sys.stdout.write("There was no user: the administrator admin is made, with the well-known password.\n")


if __name__ == "__main__":
    main()
