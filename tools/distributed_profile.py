"""Files and databases of the distributed build on one machine: a folder for each node, as on a machine of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from functions.supervisor import NodeCommand
from tools.nginx import ROOT, Layout, lay_out
from tools.postgresql import MASTER_USER
from webviewer.config import CONTROL_FILE, MAIN_FILES, MASTER_PASSWORD_VARIABLE, STORAGE_FILE, Role

STORAGE_NODES = RENDER_NODES = 2
HOST = "127.0.0.1"
CONFIGURATION = "http-https-static.conf"

_PROGRAMS = {Role.CONTROL: "ControlNode", Role.STORAGE: "StorageNode", Role.RENDER: "RenderNode"}
_MODULES = {Role.CONTROL: "functions.control_node", Role.STORAGE: "dicom_gateway.main", Role.RENDER: "renderpool.main"}
_READY, _OLDER = 0, 7  # exit codes of --check-database
_LOOPBACK_PEERS = [{"calling_ae": "*", "network": "127.0.0.0/8"}, {"calling_ae": "*", "network": "::1/128"}]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens, all on loopback; what no person types is any free port."""

    http: int
    https: int
    dicom: tuple[int, ...]
    postgresql: int
    control: tuple[int, ...]
    control_internal: tuple[int, ...]
    inner: int
    """Of Nginx, before the internal ports of all replicas: nodes know one address."""
    storage: tuple[int, ...]
    render: tuple[int, ...]

    @classmethod
    def choose(cls, http: int, https: int, dicom: int, replicas: int) -> Ports:
        """Return ports; 0 for a free one."""
        free = iter(free_ports(5 + 2 * replicas + 2 * STORAGE_NODES + RENDER_NODES))

        def take(count: int) -> tuple[int, ...]:
            return tuple(next(free) for _ in range(count))

        return cls(
            http=http or next(free),
            https=https or next(free),
            dicom=tuple(dicom + number for number in range(STORAGE_NODES)) if dicom else take(STORAGE_NODES),
            postgresql=next(free),
            control=take(replicas),
            control_internal=take(replicas),
            inner=next(free),
            storage=take(STORAGE_NODES),
            render=take(RENDER_NODES),
        )


def free_ports(count: int) -> list[int]:
    """Return different ports of loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@dataclass(frozen=True, slots=True)
class Profile:
    """A system under one folder.

    Parameters
    ----------
    folder
        Of everything.
    ports
        Of this run; the configuration files are written anew for them.
    """

    folder: Path
    ports: Ports

    @property
    def log_folder(self) -> Path:
        """One file a node."""
        return self.folder / "log"

    @property
    def secrets_folder(self) -> Path:
        """One file a secret, made at the first run."""
        return self.folder / "secrets"

    @property
    def nginx(self) -> Layout:
        """Where Nginx runs."""
        return Layout(self.folder / "nginx", CONFIGURATION, self.ports.http, self.ports.https)

    def config_file(self, role: Role, number: int) -> Path:
        """Return the main configuration file of a node that has one; numbers begin with 1."""
        return self.folder / f"{role.value}-{number}" / MAIN_FILES[role]

    def secret(self, name: str) -> str:
        """Return a secret of this system, made at the first call."""
        file = self.secrets_folder / name
        if not file.exists():
            self.secrets_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(0o600)
            file.write_text(secrets.token_urlsafe(24) + "\n", "utf-8")
        return file.read_text("utf-8").strip()

    def write(self) -> None:
        """Write the files of all nodes and lay Nginx out."""
        ports = self.ports
        self.log_folder.mkdir(exist_ok=True, parents=True)
        self.secret("join")
        for number in range(1, len(ports.control) + 1):
            self._write_node(Role.CONTROL, number, CONTROL_FILE, {}, self._control_side(number))
        for number in range(1, STORAGE_NODES + 1):
            self._write_node(Role.STORAGE, number, STORAGE_FILE, {"storage": "storage"}, self._storage_side(number))
        servers = [f"{HOST}:{port}" for port in ports.control]
        internal = [f"{HOST}:{port}" for port in ports.control_internal]
        inner = (ports.inner, internal) if len(internal) > 1 else None
        lay_out(self.nginx, servers, inner=inner, private_logs=True, hardened_headers=True)

    def make_databases(self) -> None:
        """Make what is missing, with the command lines of the manual.

        Raises
        ------
        RuntimeError
            A database cannot be made, with what the node said.
        """
        nodes = [(Role.CONTROL, 1)] + [(Role.STORAGE, number) for number in range(1, STORAGE_NODES + 1)]
        with ThreadPoolExecutor(len(nodes)) as pool:  # each is a process of its own
            for made in [pool.submit(self._make_database, role, number) for role, number in nodes]:
                print(made.result(), end="", flush=True)

    def _make_database(self, role: Role, number: int) -> str:
        """Make or bring up to date what needs it; returns the words of the node."""
        words = ["--create-db-user", "--create-database", "--master-db-user", MASTER_USER]
        mark = self.config_file(role, number).with_name("database-made")
        if mark.exists():
            state = self._database_command(role, number, "--check-database").returncode
            if state == _READY:
                return ""
            if state == _OLDER:
                words = ["--update-database"]
        done = self._database_command(role, number, *words)
        if done.returncode != 0:
            raise RuntimeError(f"The database of {role.value} node {number} cannot be made: {done.stderr.strip()}")
        mark.touch()
        return done.stdout

    def commands(self, environ: Mapping[str, str]) -> tuple[NodeCommand, ...]:
        """Return how everything but PostgreSQL is started, in the order of the start."""
        ports = self.ports
        environ = self.environment(environ)
        result = []
        for number in range(1, len(ports.control) + 1):
            result.append(self._node_command(Role.CONTROL, number, environ))
        for number in range(1, STORAGE_NODES + 1):
            result.append(self._node_command(Role.STORAGE, number, environ))
        for number, port in enumerate(ports.render, 1):
            own = {
                "WEBVIEWER_CONTROL_URL": self._control_url(),
                "WEBVIEWER_NODE_NAME": f"render-{number}",
                "WEBVIEWER_RENDER_HOST": HOST,
                "WEBVIEWER_RENDER_PORT": str(port),
            }
            result.append(self._node_command(Role.RENDER, number, {**environ, **own}))
        keeper = (sys.executable, "-m", "tools.keeper", "--")
        result.append(NodeCommand("nginx", (*keeper, *self.nginx.command()), environ))
        return tuple(result)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of all nodes: nothing of ours but the join secret comes from outside."""
        kept = {name: value for name, value in environ.items() if not name.startswith("WEBVIEWER_")}
        own = {"WEBVIEWER_INTERNAL_TOKEN_FILE": str(self.secrets_folder / "join"), "PYTHONUNBUFFERED": "1"}
        return {**kept, **own}

    def _control_url(self) -> str:
        ports = self.ports
        return f"http://{HOST}:{ports.inner if len(ports.control) > 1 else ports.control_internal[0]}"

    def _control_side(self, number: int) -> dict[str, object]:
        return {
            "host": HOST,
            "port": self.ports.control[number - 1],
            "internal_host": HOST,
            "internal_port": self.ports.control_internal[number - 1],
            "html": str(ROOT / "html/dist"),
        }

    def _storage_side(self, number: int) -> dict[str, object]:
        return {
            "control": self._control_url(),
            "host": HOST,
            "port": self.ports.storage[number - 1],
            "dicom_host": HOST,
            "dicom_port": self.ports.dicom[number - 1],
            "peers": _LOOPBACK_PEERS,
        }

    def _write_node(
        self, role: Role, number: int, side_name: str, main: dict[str, object], side: dict[str, object]
    ) -> None:
        file = self.config_file(role, number)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        name = "control" if role is Role.CONTROL else f"{role.value}_{number}"  # replicas share their database
        main = {
            **main,
            "driver": "QPSQL",
            "name": name,
            "host": HOST,
            "port": self.ports.postgresql,
            "user": name,
            "password": self.secret(name),
        }
        for path, content in ((file, main), (file.with_name(side_name), side)):
            path.touch(0o600)
            path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")

    def _database_command(self, role: Role, number: int, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*program(role), "-c", str(self.config_file(role, number)), *words]
        environ = self.environment(os.environ) | {MASTER_PASSWORD_VARIABLE: self.secret("master")}
        log = ["-l", str(self.log_folder / "databases.log"), "--no-log-to-console"]
        return subprocess.run(
            [*command, *log], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def _node_command(self, role: Role, number: int, environ: Mapping[str, str]) -> NodeCommand:
        name = f"{role.value}-{number}"
        words = ["-l", str(self.log_folder / f"{name}.log"), "--no-log-to-console"]
        if role is not Role.RENDER:
            words = ["-c", str(self.config_file(role, number)), *words]
        return NodeCommand(name, (*program(role), *words), environ)


def program(role: Role) -> tuple[str, ...]:
    """Return the executable of a node: the console script beside this Python, or else its module."""
    script = Path(sys.executable).with_name(_PROGRAMS[role])
    return (str(script),) if shutil.which(script) else (sys.executable, "-m", _MODULES[role])
