"""The evaluation profile of ``make run``: a whole system under one folder, for a newcomer's first minute.

``run`` writes what is missing (configuration, SQLite database, users, demo study) and starts ``RenderServer``;
``prepare`` writes and ends; ``password`` gives a user another password. What is there is kept.
"""

from __future__ import annotations

import argparse
import getpass
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from webviewer.config import CONTROL_FILE, MAIN_FILE, STORAGE_FILE, Settings, load_settings
from webviewer.core.callers import is_loopback
from webviewer.core.errors import WebviewerError
from webviewer.core.process import Lifeline

ADMINISTRATOR, ADMINISTRATOR_PASSWORD = "admin", "admin"
DOCTOR, DOCTOR_PASSWORD, DOCTOR_AE_TITLE = "user", "user", "USER-AE"

READY_TIMEOUT_S = 120.0
DEMO_STATE_FILE = "demo-study.json"


def write_configuration(folder: Path) -> Path:
    """Write the configuration files that are not there.

    Parameters
    ----------
    folder
        Of the profile; made if missing.

    Returns
    -------
    Path
        Of ``renderserverconfig.json``.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    contents: dict[str, dict[str, object]] = {
        MAIN_FILE: {"storage": "storage", "driver": "QSQLITE"},
        CONTROL_FILE: {"host": "127.0.0.1", "port": 8090},
        STORAGE_FILE: {
            "dicom_host": "127.0.0.1",
            "dicom_port": 3000,
            "peers": [{"calling_ae": "*", "network": "127.0.0.0/8"}, {"calling_ae": "*", "network": "::1/128"}],
        },
    }
    for name, content in contents.items():
        file = folder / name
        if not file.exists():
            file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return folder / MAIN_FILE


def prepare(folder: Path) -> Path:
    """Make the profile: files, database, users; returns the path of the configuration."""
    # imported only here: `run` calls this in a process of its own, and stays small itself
    from webviewer.adapters.db.maintenance import create_database
    from webviewer.bootstrap import make_accounts

    config_file = write_configuration(folder)
    settings = load_settings(config_file)
    if not Path(settings.database.name).exists():
        print(f"Making the database {settings.database.name}", flush=True)
    create_database(settings.database)
    accounts = make_accounts(settings)
    if accounts.find(ADMINISTRATOR) is None:
        accounts.create_user(ADMINISTRATOR, ADMINISTRATOR_PASSWORD, is_administrator=True, evaluation_password=True)
    if accounts.find(DOCTOR) is None:
        accounts.create_user(DOCTOR, DOCTOR_PASSWORD, ae_title=DOCTOR_AE_TITLE, evaluation_password=True)
    return config_file


def set_password(folder: Path, name: str) -> int:
    """Ask for a new password at the terminal (or read one line where there is none) and set it."""
    from webviewer.bootstrap import make_accounts

    accounts = make_accounts(load_settings(folder / MAIN_FILE))
    account = accounts.find(name)
    if account is None:
        print(f"There is no user {name!r}.", file=sys.stderr)
        return 1
    if sys.stdin.isatty():
        password = getpass.getpass(f"New password of {name}: ")
        if getpass.getpass("Once more: ") != password:
            print("The two passwords differ; nothing is changed.", file=sys.stderr)
            return 1
    else:
        password = sys.stdin.readline().rstrip("\n")
    if password in {ADMINISTRATOR_PASSWORD, DOCTOR_PASSWORD}:
        print("That password is well known; choose another one.", file=sys.stderr)
        return 1
    accounts.set_password(account.user_id, password)
    print(f"The password of {name} is changed.")
    return 0


def run(folder: Path, environ: dict[str, str], *, demo: bool) -> int:
    """Start the server, bring the demo study in once it is ready, and stay until it ends.

    Parameters
    ----------
    folder
        Of the profile.
    environ
        ``WEBVIEWER_…`` variables that win over the files: address and ports of this run.
    demo
        Whether to make the demo study where it is not there yet.
    """
    os.environ.update(environ)  # for the settings of this process and of what it starts
    command = [sys.executable, "-m", "tools.evaluation", "prepare", "--var", str(folder)]
    if subprocess.run(command, check=False).returncode != 0:
        return 1
    config_file = folder / MAIN_FILE
    settings = load_settings(config_file)
    log_folder = folder / "log"
    log_folder.mkdir(exist_ok=True)
    lifeline = Lifeline()
    command = [sys.executable, "-m", "functions.render_server", "-c", str(config_file)]
    command += ["-l", str(log_folder / "renderserver.log"), "--no-log-to-console"]
    print("Starting the server", flush=True)
    environ = {**os.environ, **lifeline.environment()}
    # In a session of its own: each stop signal reaches the server once, through us, wherever it was sent.
    server = subprocess.Popen(command, env=environ, pass_fds=lifeline.pass_fds, start_new_session=True)
    _forward_signals(server)
    threading.Thread(target=_greet, args=(folder, settings, server, demo), name="greet", daemon=True).start()
    return server.wait()


def _forward_signals(server: subprocess.Popen[bytes]) -> None:
    def forward(number: int, _frame: object) -> None:
        if server.poll() is None:
            server.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)


def _greet(folder: Path, settings: Settings, server: subprocess.Popen[bytes], demo: bool) -> None:
    control, storage = settings.control, settings.storage
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(control.host, control.host)  # noqa: S104  compared, not bound
    if not _wait_until_ready(host, control.port, server):
        return
    shown = f"[{host}]" if ":" in host else host
    lines = [
        "",
        f"  Open          http://{shown}:{control.port}/",
        f"  Doctor        {DOCTOR} / {DOCTOR_PASSWORD}",
        f"  Administrator {ADMINISTRATOR} / {ADMINISTRATOR_PASSWORD}   (http://{shown}:{control.port}/admin/)",
        f"  DICOM         {storage.dicom_host}:{storage.dicom_port}, called AE title {DOCTOR_AE_TITLE}",
        f"                storescu -aec {DOCTOR_AE_TITLE} localhost {storage.dicom_port} FILE…",
        f"  Log           {folder / 'log' / 'renderserver.log'}",
        "  Stop          Ctrl+C",
        "",
    ]
    if not is_loopback(control.host):
        lines[2] = f"  Doctor        {DOCTOR}: set a password first, make password NAME={DOCTOR}"
        lines[3] = f"  Administrator {ADMINISTRATOR}: set a password first, make password NAME={ADMINISTRATOR}"
    print("\n".join(lines), flush=True)
    state_file = folder / DEMO_STATE_FILE
    if demo and not is_done(state_file):
        dicom_host = storage.dicom_host if is_loopback(storage.dicom_host) else "127.0.0.1"
        command = [sys.executable, "-m", "tools.demo_study", "send", f"{dicom_host}:{storage.dicom_port}"]
        command += ["--called", DOCTOR_AE_TITLE, "--state", str(state_file)]
        sender_lifeline = Lifeline()  # lives as long as this process does
        environ = {**os.environ, **sender_lifeline.environment()}
        # in a session of its own: Ctrl+C ends it by its lifeline, without a word
        result = subprocess.run(
            command, check=False, env=environ, pass_fds=sender_lifeline.pass_fds, start_new_session=True
        )
        if result.returncode != 0 and server.poll() is None:
            print("The demo study could not be brought in; the next make run tries again.", file=sys.stderr)


def is_done(state_file: Path) -> bool:
    """Say whether the demo study was brought in whole."""
    return state_file.exists() and json.loads(state_file.read_text("utf-8")).get("state") == "done"


def _wait_until_ready(host: str, port: int, server: subprocess.Popen[bytes]) -> bool:
    give_up_s = time.monotonic() + READY_TIMEOUT_S
    while server.poll() is None:
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/v2/health/ready")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if time.monotonic() > give_up_s:
            print("The server is not ready yet; see the log. Still waiting.", file=sys.stderr, flush=True)
            give_up_s = time.monotonic() + READY_TIMEOUT_S
        time.sleep(0.3)
    return False


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.evaluation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "prepare", "password"):
        command = commands.add_parser(name)
        command.add_argument("--var", type=Path, default=Path("var"), metavar="FOLDER")
        if name == "run":
            command.add_argument("--host", default="127.0.0.1")
            command.add_argument("--port", default="8090")
            command.add_argument("--dicom-port", default="3000")
            command.add_argument("--no-demo", action="store_true")
        if name == "password":
            command.add_argument("--name", required=True)
    args = parser.parse_args()
    folder = args.var.absolute()
    if args.command == "password":
        return set_password(folder, args.name)
    if args.command == "prepare":
        try:
            prepare(folder)
        except WebviewerError as exc:
            print(exc.message, file=sys.stderr)
            return 1
        return 0
    environ = {
        "WEBVIEWER_HOST": args.host,
        "WEBVIEWER_PORT": args.port,
        "WEBVIEWER_DICOM_HOST": args.host,
        "WEBVIEWER_DICOM_PORT": args.dicom_port,
    }
    return run(folder, environ, demo=not args.no_demo)


if __name__ == "__main__":
    sys.exit(main())
