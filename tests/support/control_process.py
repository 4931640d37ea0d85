"""The control node as it runs, but with a clock that a test moves and password hashes that cost little.

``python -m tests.support.control_process CONFIG OFFSET_FILE``; the file holds seconds to add to the time.
"""

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import datetime as dt
import sys
from functools import partial
from pathlib import Path

import argon2

from functions.control_node import ControlApplication, offload
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.bootstrap import make_services, require_ready
from webviewer.config import load_settings
from webviewer.core import log
from webviewer.core.process import leave_with_parent

CHEAP = argon2.Parameters(argon2.Type.ID, 19, 16, 32, 1, 64, 1)


def moved_clock(offset_file: Path) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=float(offset_file.read_text() or 0))


def main() -> None:
    settings = load_settings(Path(sys.argv[1]))
    log.configure(settings.log, "control")
    require_ready(settings.database)
    leave_with_parent()
    make = partial(
        make_services, clock=partial(moved_clock, Path(sys.argv[2])), hasher=Argon2Hasher(offload, parameters=CHEAP)
    )
    ControlApplication(settings, lambda settings, **_: make(settings)).run()


if __name__ == "__main__":
    main()
