"""Runs a program that is not ours so that it leaves with us: ``python -m tools.keeper [--stop INT] -- PROGRAM …``.

Our own processes watch the pipe of their parent (`webviewer.core.process`); PostgreSQL and Nginx do not, so this stands
between. It passes a stop on as the signal that the program understands and ends as the program did. Where it is killed
itself the kernel gives the program that signal.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys

from webviewer.core.process import leave_with_parent


def main() -> int:
    """Run the command line; returns the program's exit code, 128 + n where signal n ended it."""
    parser = argparse.ArgumentParser(prog="python -m tools.keeper", description=__doc__)
    parser.add_argument("--stop", default="TERM", metavar="SIGNAL", help="what makes the program end in good order")
    parser.add_argument("--user", default=None, help="run it as this user; for root only")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    stop = signal.Signals[f"SIG{args.stop}"]
    asked = False
    process: subprocess.Popen[bytes] | None = None

    def pass_on(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(stop)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    leave_with_parent(grace_s=5.0)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WEBVIEWER_")}
    command = ["setpriv", "--pdeathsig", args.stop, "--", *args.command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, user=args.user, env=environ)
    if asked:
        process.send_signal(stop)
    code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
