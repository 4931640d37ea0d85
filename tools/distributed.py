"""The distributed build on one machine, behind ``make run-distributed``: what a hospital spreads over its servers.

PostgreSQL, one control node (or replicas of it), two storage nodes, two render nodes, and Nginx with the manual's
``http-https-static.conf`` before them, each with files of its own under one folder. What is there is kept.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from functions.supervisor import Supervisor
from tools.distributed_guests import GuestBook
from tools.distributed_profile import HOST, Ports, Profile
from tools.postgresql import PostgresqlFiles, PostgresqlServer
from webviewer.command_line import StartError, require_port
from webviewer.config import LogSettings
from webviewer.core import log
from webviewer.core.process import Lifeline, leave_with_parent

STATE_FILE = "system.json"
"""In the folder of the profile: its ports, and whether the system is ready; for scripts."""

STOP_GRACE_S = 15.0
"""Seven nodes of one machine close all their sockets at once; who does not want to wait presses Ctrl+C again."""

logger = logging.getLogger("tools.distributed")


def run(profile: Profile, *, demo: bool) -> int:
    """Start everything and stay until a signal; returns the exit code.

    Parameters
    ----------
    profile
        What to run.
    demo
        Whether to send the demo study to the first doctor.
    """
    leave_with_parent()  # started by a test
    for variable, option, port in (
        ("HTTP_PORT=", "--http-port", profile.ports.http),
        ("HTTPS_PORT=", "--https-port", profile.ports.https),
    ):
        require_port(HOST, port, "Nginx's", f"{variable} of make, {option}")
    for port in profile.ports.dicom:
        require_port(HOST, port, "DICOM", "DICOM_PORT= of make, --dicom-port")
    profile.log_folder.mkdir(parents=True, exist_ok=True)
    log.configure(LogSettings(file=profile.log_folder / "system.log", to_console=False), "system")
    _write_state(profile, is_ready=False)
    lifeline = Lifeline()
    files = PostgresqlFiles(profile.folder / "postgresql", profile.ports.postgresql)
    print("Starting PostgreSQL", flush=True)
    files.prepare(profile.secret("master"))
    postgresql = PostgresqlServer(files, lifeline, profile.log_folder / "postgresql.log", _say)
    try:
        postgresql.wait_until_ready()
        profile.write()
        profile.make_databases()
        print("Starting the nodes and Nginx", flush=True)
        guests = GuestBook(profile, demo=demo, on_ready=lambda: _write_state(profile, is_ready=True))
        supervisor = Supervisor(
            profile.commands(os.environ), stop_grace_s=STOP_GRACE_S, say=_say, on_stopping=guests.leave
        )
        threading.Thread(target=guests.welcome, name="welcome", daemon=True).start()
        return supervisor.run()
    finally:
        postgresql.stop()
        lifeline.close()


def _write_state(profile: Profile, *, is_ready: bool) -> None:
    file = profile.folder / STATE_FILE
    content = {"ready": is_ready, "pid": os.getpid(), "ports": asdict(profile.ports)}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    new.replace(file)


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.distributed", description=__doc__)
    parser.add_argument("--var", type=Path, default=Path("var/distributed"), metavar="FOLDER")
    parser.add_argument("--http-port", type=int, default=8888, help="of Nginx; 0 for a free one, as everywhere")
    parser.add_argument("--https-port", type=int, default=8889)
    parser.add_argument("--dicom-port", type=int, default=3000, help="of the first storage node; the next has the next")
    parser.add_argument("--replicas", type=int, default=1, choices=range(1, 5), help="of the control node")
    parser.add_argument("--no-demo", action="store_true")
    args = parser.parse_args(arguments)
    for option, last in (("http_port", 65535), ("https_port", 65535), ("dicom_port", 65534)):
        if not 0 <= getattr(args, option) <= last:
            parser.error(f"{option.upper()} is {getattr(args, option)}: must be 0 to {last}.")
    if args.http_port == args.https_port != 0:
        parser.error(f"HTTP_PORT and HTTPS_PORT are both {args.http_port}: must differ.")
    folder = args.var.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)  # the lock goes with the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"The system in {folder} runs already.", file=sys.stderr)
        return 1
    ports = Ports.choose(args.http_port, args.https_port, args.dicom_port, args.replicas)
    try:
        return run(Profile(folder, ports), demo=not args.no_demo)
    except (RuntimeError, StartError) as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        os.close(lock)


if __name__ == "__main__":
    sys.exit(main())
