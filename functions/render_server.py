"""The unified build: one command that supervises the control, storage and render nodes on loopback.

``RenderServer -c renderserverconfig.json``. The nodes are told everything in their environment.
"""

from __future__ import annotations

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
from pathlib import Path

from functions.hang_watch import HangWatch
from functions.supervisor import NodeCannotStart, NodeCommand, Supervisor, python_module
from webviewer import __version__
from webviewer.command_line import LASTING_EXIT_CODES, ExitCode, Program, StartError, require_port, run
from webviewer.config import Configuration, Role, Settings, environment_of, process_environment
from webviewer.core.process import leave_with_parent

logger = logging.getLogger(__name__)

PROGRAM = Program(
    "RenderServer",
    Role.UNIFIED,
    "Web DICOM viewer, unified build.",
    log_file="renderserver.log",
    node="supervisor",
    draws=True,
)

READY_POLL_S = 0.3


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
    return run(PROGRAM, arguments, serve)


def serve(configuration: Configuration, config_file: Path | None) -> int:
    """Check what the nodes need, start them, and stay until a signal.

    Raises
    ------
    StartError
        A port is busy, a folder or the database cannot be used, or a node cannot start.
    """
    leave_with_parent()  # started by a test or another supervisor
    settings = configuration.settings
    lock_fd = _lock_storage(settings.storage.storage)
    try:
        environ = child_environment(configuration, process_environment())
        _check_database(environ)
        require_port(settings.control.host, settings.control.port, "HTTP", "--port, or port in control.json")
        require_port(settings.storage.dicom_host, settings.storage.dicom_port, "DICOM", "dicom_port in storage.json")
        supervisor = Supervisor(
            node_commands(environ),
            lasting_exit_codes=LASTING_EXIT_CODES,
            say=_say,
            relay_output=_relay,
            say_output=_say_device,
        )
        shown = str(config_file.absolute()) if config_file is not None else ""
        _hang_watch(environ, supervisor).start()
        logger.info("supervisor_started", extra={"version": __version__, "config": shown})
        threading.Thread(target=_announce, args=(settings, _say), name="announce", daemon=True).start()
        try:
            code = supervisor.run()
        except NodeCannotStart as exc:
            raise StartError(exc.message, ExitCode(exc.exit_code)) from exc
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
        "WEBVIEWER_INTERNAL_TOKEN": secrets.token_urlsafe(32),
        "PYTHONUNBUFFERED": "1",
    }
    return {**environ, **variables}


def node_commands(environ: Mapping[str, str]) -> tuple[NodeCommand, ...]:
    """List the three nodes; storage first, since the others ask it."""
    modules = {"storage": "dicom_gateway.main", "render": "renderpool.main", "control": "functions.control_node"}
    names = {"render": {"WEBVIEWER_NODE_NAME": "render"}}  # the node stays the same one, whatever its port
    return tuple(
        NodeCommand(name, python_module(module), {**environ, **names.get(name, {})}) for name, module in modules.items()
    )


def _hang_watch(environ: Mapping[str, str], supervisor: Supervisor) -> HangWatch:
    """Watch the render node: it depends on a driver. The others wait for disks, and would only lose work."""
    port = int(environ["WEBVIEWER_RENDER_PORT"])
    return HangWatch("render", "127.0.0.1", port, lambda: supervisor.process_ids().get("render"))


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
    import fcntl  # not on Windows, where this is not reached

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(fd)
        message = f"The storage folder {str(folder)!r} is in use by another server."
        raise StartError(message, ExitCode.STORAGE) from exc
    return fd


def _check_database(environ: Mapping[str, str]) -> None:
    """Ask a short-lived process, so that this one stays small, and refuse what the nodes would refuse."""
    command = python_module("functions.database_check")
    result = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True)
    if result.returncode != 0:
        told = result.stderr.strip().splitlines()
        code = ExitCode.DATABASE_AWAY if result.returncode == ExitCode.DATABASE_AWAY else ExitCode.DATABASE
        raise StartError(told[-1] if told else "The database cannot be checked.", code)


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


def _say_device(line: str) -> None:
    """Say which devices `--device` chooses from, whatever the log takes."""
    if line.startswith("Rendering device "):
        _say(line)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
