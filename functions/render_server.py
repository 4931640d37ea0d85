"""The unified build: one command that supervises the control, storage and render nodes on loopback.

``RenderServer -c renderserverconfig.json``. Everything that is wrong at the start (no configuration, a wrong value, a
busy port, a log or a folder that cannot be written) is one line on the console and an exit code of its own.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path

from functions.supervisor import NodeCommand, Supervisor, python_module
from webviewer import __version__
from webviewer.config import (
    Configuration,
    DatabaseDriver,
    Settings,
    environment_of,
    load_configuration,
    process_environment,
)
from webviewer.core import log
from webviewer.core.errors import ConfigError, WebviewerError
from webviewer.core.process import leave_with_parent

logger = logging.getLogger(__name__)

DEFAULT_CONFIG_FILE = "renderserverconfig.json"
DEFAULT_LOG_FILE = "renderserver.log"

READY_POLL_S = 0.3


class ExitCode(IntEnum):
    """What a start script can tell apart."""

    GOOD = 0
    USAGE = 2  # argparse's own
    CONFIG = 3
    PORT_BUSY = 4
    LOG = 5
    STORAGE = 6
    DATABASE = 7


class StartError(WebviewerError):
    """The server cannot start; ``exit_code`` says why to scripts."""

    default_code = "cannot_start"

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console script.

    Parameters
    ----------
    arguments
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        An `ExitCode`, or 1 where a node had to be killed at the end.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.check_database and (options.create_database or options.update_database):
        parser.error("--check-database cannot go with --create-database or --update-database")
    try:
        configuration = load_configuration(
            Path(options.config), overrides_of(options), defaults={"log.file": DEFAULT_LOG_FILE}
        )
        settings = configuration.settings
        _configure_log(settings)
        for warning in configuration.warnings:
            logger.warning("config_warning", extra={"reason": warning})
        if options.check_database:
            return _check_database_state(settings)
        if options.create_database or options.update_database:
            return _create_database(settings, update_only=not options.create_database)
        return serve(configuration, Path(options.config))
    except ConfigError as exc:
        return _refuse(exc.message, ExitCode.CONFIG)
    except StartError as exc:
        return _refuse(exc.message, exc.exit_code)


def make_parser() -> argparse.ArgumentParser:
    """Build the command line of manual 2.8."""
    parser = argparse.ArgumentParser(
        prog="RenderServer", description="Web DICOM viewer, unified build.", add_help=False, allow_abbrev=False
    )
    help_flags = ("-?", "-h", "--help") if sys.platform == "win32" else ("-h", "--help")
    parser.add_argument(*help_flags, action="help", help="show this list and end")
    parser.add_argument(
        "-v", "--version", action="version", version=f"RenderServer {__version__}", help="show the version"
    )
    parser.add_argument(
        "-c", "--config", metavar="FILE", default=DEFAULT_CONFIG_FILE, help="configuration file (%(default)s)"
    )
    logs = parser.add_argument_group("log")
    logs.add_argument("-l", "--log", metavar="FILE", help=f"log file ({DEFAULT_LOG_FILE})")
    logs.add_argument("--log-level", choices=tuple(log.LEVELS), help="how much is logged (info)")
    for name, words in (
        ("log-to-console", "log to the console too"),
        ("log-flush", "write each message to the log file at once"),
        ("log-high-precision-time", "microseconds in the time stamps of the log"),
    ):
        logs.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=words)
    run = parser.add_argument_group("server")
    run.add_argument("--port", type=int, metavar="PORT", help="TCP port of the HTTP listener (8090)")
    run.add_argument(
        "--device", type=int, metavar="INDEX", help="number of the rendering device in the list in the log"
    )
    run.add_argument("--render-bandwidth", type=int, metavar="CPS", help="bytes per second one render context may send")
    run.add_argument("--max-thread-pool-threads", type=int, metavar="COUNT", help="threads of rendering operations (4)")
    run.add_argument("--no-image-cache", action="store_true", help="do not keep images for other contexts")
    run.add_argument(
        "--no-volume-cache", action="store_true", help="no effect yet: there are no 3D/MPR reconstructions"
    )
    run.add_argument("--no-cache", action="store_true", help="keep nothing of either")
    database = parser.add_argument_group("database")
    database.add_argument(
        "--check-database",
        action="store_true",
        help="say what state it is in, by the exit code too: 0 ready … 7 outdated",
    )
    database.add_argument("--create-database", action="store_true", help="make the SQLite database, and end")
    database.add_argument("--update-database", action="store_true", help="bring the database to this version, and end")
    return parser


def overrides_of(options: argparse.Namespace) -> dict[str, object]:
    """Translate the command line into names of settings.

    Parameters
    ----------
    options
        What `make_parser` parsed.

    Returns
    -------
    dict
        As `webviewer.config.load_settings` takes it; ``None`` for what was not said.
    """
    return {
        "log.file": options.log,
        "log.level": options.log_level,
        "log.to_console": options.log_to_console,
        "log.flush": options.log_flush,
        "log.high_precision_time": options.log_high_precision_time,
        "control.port": options.port,
        "render.device": options.device,
        "render.render_bandwidth_bytes_per_s": options.render_bandwidth,
        "render.max_thread_pool_threads": options.max_thread_pool_threads,
        "render.image_cache": False if options.no_image_cache or options.no_cache else None,
        "render.volume_cache": False if options.no_volume_cache or options.no_cache else None,
    }


def serve(configuration: Configuration, config_file: Path) -> int:
    """Check what the nodes need, start them, and stay until a signal.

    Raises
    ------
    StartError
        A port is busy, or a folder or the database cannot be used.
    """
    leave_with_parent()  # started by a test or another supervisor
    settings = configuration.settings
    lock_fd = _lock_storage(settings.storage.storage)
    try:
        _check_database(settings, config_file)
        _check_port(settings.control.host, settings.control.port, "HTTP", "--port, or port in control.json")
        _check_port(settings.storage.dicom_host, settings.storage.dicom_port, "DICOM", "dicom_port in storage.json")
        environ = child_environment(configuration, process_environment())
        commands = node_commands(config_file.absolute(), environ)
        supervisor = Supervisor(commands, say=_say, relay_output=_relay)
        logger.info("supervisor_started", extra={"version": __version__, "config": str(config_file.absolute())})
        threading.Thread(target=_announce, args=(settings, _say), name="announce", daemon=True).start()
        code = supervisor.run()
        logger.info("supervisor_stopped", extra={"exit_code": code})
        return code
    finally:
        os.close(lock_fd)


def child_environment(configuration: Configuration, environ: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of the nodes: the settings, one internal token, and internal ports that no one else has.

    Parameters
    ----------
    configuration
        What the supervisor runs with. An internal port that a file or a variable gives stays as it is.
    environ
        The supervisor's own environment.

    Returns
    -------
    dict[str, str]
        Chosen once; restarted nodes get the same ports and token again.
    """
    settings = configuration.settings
    given = configuration.given
    ports = {"control.internal_port": settings.control.internal_port, "storage.port": settings.storage.port}
    ports["render.port"] = settings.render.port
    for name, port in zip([name for name in ports if name not in given], _free_ports(len(ports)), strict=False):
        ports[name] = port
    variables = environment_of(settings) | {
        "WEBVIEWER_INTERNAL_PORT": str(ports["control.internal_port"]),
        "WEBVIEWER_STORAGE_HOST": "127.0.0.1",
        "WEBVIEWER_STORAGE_PORT": str(ports["storage.port"]),
        "WEBVIEWER_RENDER_HOST": "127.0.0.1",
        "WEBVIEWER_RENDER_PORT": str(ports["render.port"]),
        "WEBVIEWER_CONTROL_URL": f"http://{_own_address(settings.control.internal_host)}:{ports['control.internal_port']}",
        "WEBVIEWER_STORAGE_URL": f"http://127.0.0.1:{ports['storage.port']}",
        "WEBVIEWER_RENDER_STORAGE_URL": f"http://127.0.0.1:{ports['storage.port']}",
        "WEBVIEWER_RENDER_URL": f"http://127.0.0.1:{ports['render.port']}",
        "WEBVIEWER_INTERNAL_TOKEN": secrets.token_urlsafe(32),
        "PYTHONUNBUFFERED": "1",
    }
    return {**environ, **variables}


def node_commands(config_file: Path, environ: Mapping[str, str]) -> tuple[NodeCommand, ...]:
    """List the three nodes; storage first, since the others ask it."""
    modules = {"storage": "dicom_gateway.main", "render": "renderpool.main", "control": "functions.control_node"}
    return tuple(
        NodeCommand(name, python_module(module, "-c", str(config_file)), environ) for name, module in modules.items()
    )


def _configure_log(settings: Settings) -> None:
    try:
        log.configure(settings.log, "supervisor")
    except ConfigError as exc:
        raise StartError(exc.message, ExitCode.LOG) from exc


def _check_database_state(settings: Settings) -> int:
    # imported only here: the long-lived supervisor need not hold SQLAlchemy in its memory
    from webviewer.adapters.db.maintenance import check_database

    state = check_database(settings.database)
    _say(f"Database {settings.database.name}: {state.name.lower().replace('_', ' ')}.")
    return int(state)


def _create_database(settings: Settings, *, update_only: bool) -> int:
    from webviewer.adapters.db.maintenance import create_database, database_exists

    if settings.database.driver is not DatabaseDriver.SQLITE and not update_only:
        raise StartError("--create-database makes SQLite databases: the driver must be QSQLITE.", ExitCode.DATABASE)
    if update_only and not database_exists(settings.database):
        raise StartError(f"The database {settings.database.name!r} does not exist.", ExitCode.DATABASE)
    lock_fd = _lock_storage(settings.storage.storage)
    try:
        create_database(settings.database)
    except WebviewerError as exc:
        raise StartError(exc.message, ExitCode.DATABASE) from exc
    finally:
        os.close(lock_fd)
    _say(f"The database {settings.database.name} is ready.")
    return ExitCode.GOOD


def _lock_storage(folder: Path) -> int:
    """Open the storage folder and keep it for this server alone; the lock goes with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        message = f"The storage folder {str(folder)!r} cannot be made: {exc.strerror or exc}."
        raise StartError(message, ExitCode.STORAGE) from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        os.close(fd)
        raise StartError(f"The storage folder {str(folder)!r} cannot be written.", ExitCode.STORAGE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(fd)
        message = f"The storage folder {str(folder)!r} is in use by another server."
        raise StartError(message, ExitCode.STORAGE) from exc
    return fd


def _check_database(settings: Settings, config_file: Path) -> None:
    """Ask a short-lived process, so that this one stays small, and refuse what the nodes would refuse."""
    words = {
        2: "does not exist, or does not answer: make it with --create-database",
        3: "is empty: make its tables with --create-database",
        4: "is not one of this program: choose another one",
        6: "was made by a newer version of this program",
        7: "was made by an older version of this program: bring it up to date with --update-database",
    }
    command = python_module("functions.render_server", "--check-database", "--config", str(config_file))
    environ = {**process_environment(), **environment_of(settings), "WEBVIEWER_LOG_TO_CONSOLE": "false"}
    result = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True)
    if result.returncode != 0:
        reason = words.get(result.returncode, "cannot be used: its settings are wrong, or it is damaged")
        if result.returncode not in words and result.stderr:
            logger.error("database_check_failed", extra={"text": result.stderr[-2000:]})
        raise StartError(f"The database {settings.database.name!r} {reason}.", ExitCode.DATABASE)


def _check_port(host: str, port: int, purpose: str, where: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as exc:
            reason = os.strerror(exc.errno) if exc.errno else str(exc)
            message = f"{purpose} port {port} on {host} cannot be used: {reason}. Set another one ({where})."
            raise StartError(message, ExitCode.PORT_BUSY) from exc


def _free_ports(count: int) -> list[int]:
    listeners = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def _announce(settings: Settings, say: Callable[[str], None]) -> None:
    asked = _own_address(settings.control.host)
    while not _is_ready(asked.strip("[]"), settings.control.port):
        time.sleep(READY_POLL_S)
    logger.info("ready", extra={"port": settings.control.port, "dicom_port": settings.storage.dicom_port})
    say(f"Ready: http://{asked}:{settings.control.port}/   DICOM: port {settings.storage.dicom_port}")


def _own_address(host: str) -> str:
    """Return where this machine reaches its own listener on a host, as it stands in an address."""
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{asked}]" if ":" in asked else asked


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _relay(line: bytes) -> None:
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.buffer.flush()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _refuse(message: str, code: ExitCode) -> int:
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, logging.StreamHandler):
            root.removeHandler(handler)  # the console gets the one line below
    if root.handlers:
        logger.error("cannot_start", extra={"reason": message, "exit_code": int(code)})
    sys.stderr.write(f"RenderServer: {message}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
