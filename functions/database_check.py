"""``python -m functions.database_check``: says in one line why the database of the environment cannot be used.

The supervisor runs it as a process of its own, so that it need not hold SQLAlchemy in its memory.
"""

from __future__ import annotations

import sys

from webviewer.command_line import ExitCode, StartError, require_database
from webviewer.config import load_settings


def main() -> int:
    """Check the database; returns the exit code that a program with such a database ends with."""
    try:
        require_database(load_settings(None))
    except StartError as exc:
        sys.stderr.write(exc.message + "\n")
        return int(exc.exit_code)
    return ExitCode.GOOD


if __name__ == "__main__":
    sys.exit(main())
