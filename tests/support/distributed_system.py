"""The distributed build as `tools.distributed` runs it: PostgreSQL, Nginx, real nodes, ports and folder of its own.

::

    with running_distributed_system(replicas=2) as system:
        sign_in(page, system.url("https"), "user", "user")
        system.kill_node("render-1")
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.support.unified_server import ROOT, Family
from tests.support.waiting import eventually
from tools.distributed import STATE_FILE
from webviewer.bootstrap import make_administration
from webviewer.config import MAIN_FILES, Role, load_settings

START_TIMEOUT_S = 240.0


@dataclass
class DistributedSystem:
    """A running system.

    Users: ``admin``/``admin``, ``user``/``user`` (AE title ``USER-AE``, storage node 1) and ``user2``/``user2``
    (``USER2-AE``, storage node 2). Nodes: ``control-1`` …, ``storage-1``, ``storage-2``, ``render-1``, ``render-2``,
    ``nginx``, ``postgresql``.
    """

    folder: Path
    replicas: int
    process: subprocess.Popen[bytes] = field(init=False)
    family: Family = field(init=False)

    def start(self) -> None:
        """Start the system on free ports and wait until it is ready."""
        (self.folder / STATE_FILE).unlink(missing_ok=True)
        command = [sys.executable, "-m", "tools.distributed", "--var", str(self.folder), "--no-demo"]
        command += ["--http-port", "0", "--https-port", "0", "--dicom-port", "0", "--replicas", str(self.replicas)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        self.family = Family(self.process.pid)

        def is_ready() -> bool:
            self.family.processes()
            assert self.process.poll() is None, f"the system ended with {self.process.returncode}"
            return bool(self.state()["ready"])

        eventually(is_ready, START_TIMEOUT_S, "readiness")

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://localhost:{self.ports[scheme]}/web-viewer"

    @property
    def ports(self) -> dict[str, Any]:
        return dict(self.state()["ports"])

    def state(self) -> dict[str, Any]:
        """Return what the system says of itself; nothing before its first word."""
        file = self.folder / STATE_FILE
        return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {"ready": False}

    def log(self, node: str) -> list[dict[str, Any]]:
        """Return the lines of a node's log; ``system`` is what starts them all."""
        text = (self.folder / "log" / f"{node}.log").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def node_pid(self, name: str) -> int:
        """Return the process id of the node's leader as the log told it last."""
        return next(
            int(line["child_pid"])
            for line in reversed(self.log("system"))
            if line["message"] == "node_started" and line["child"] == name
        )

    def signal_node(self, name: str, number: signal.Signals) -> None:
        os.kill(self.node_pid(name), number)

    def kill_node(self, name: str) -> int:
        """End a node by ``kill -9`` and wait until its sockets are gone with it; returns the id that it had."""
        pid = self.node_pid(name)
        leader = psutil.Process(pid)
        family = [leader, *leader.children(recursive=True)]
        os.kill(pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"{alive} outlive {name}"
        return pid

    @contextmanager
    def dead(self, name: str) -> Iterator[None]:
        """Let a node with a configuration file be dead until the block ends: without the file it cannot come back."""
        file = next((self.folder / name).glob("*nodeconfig.json"))
        hidden = file.with_suffix(".hidden")
        file.rename(hidden)
        pid = self.kill_node(name)
        try:
            yield
        finally:
            hidden.rename(file)
            eventually(lambda: self.node_pid(name) != pid and self.answers(name), 30, f"the return of {name}")

    def answers(self, name: str) -> bool:
        """Say whether a node's internal HTTP says that it is ready."""
        kind, _, number = name.rpartition("-")
        port = self.ports["control_internal" if kind == "control" else kind][int(number) - 1]
        try:
            return requests.get(f"http://127.0.0.1:{port}/internal/v1/health", timeout=3).status_code in {200, 401}
        except requests.RequestException:
            return False

    def administrator(self) -> requests.Session:
        """Return a client that is signed in as the administrator."""
        return signed_in(self.url(), "admin", "admin")

    def nodes(self, administrator: requests.Session) -> dict[str, dict[str, Any]]:
        """Return the nodes as the console shows them, by the names used here."""
        listed = administrator.get(f"{self.url()}/v2/admin/nodes", timeout=10).json()["nodes"]
        names = {
            f"http://127.0.0.1:{port}": f"{kind}-{number}"
            for kind in ("storage", "render")
            for number, port in enumerate(self.ports[kind], 1)
        }
        return {names[node["address"]]: node for node in listed}

    def add_doctors(self, count: int) -> list[str]:
        """Make doctors, turn by turn on the two storage nodes, and return their names, which are their passwords.

        The AE title of ``doctor7`` is ``DOCTOR7``; those with odd numbers are on storage node 1.
        """
        environ = {"WEBVIEWER_INTERNAL_TOKEN_FILE": str(self.folder / "secrets/join")}
        file = self.folder / "control-1" / MAIN_FILES[Role.CONTROL]
        administration = make_administration(load_settings(file, environ=environ, role=Role.CONTROL))
        ids = {name: node["node_id"] for name, node in self.nodes(self.administrator()).items()}
        names = [f"doctor{number}" for number in range(1, count + 1)]
        for number, name in enumerate(names, 1):
            administration.accounts.create_user(
                name,
                name,
                ae_title=name.upper(),
                evaluation_password=True,
                storage_node_id=ids["storage-1" if number % 2 else "storage-2"],
            )
        administration.dispose()
        return names

    def send(self, files: list[Path], storage_number: int = 1, called: str | None = None) -> None:
        """Send files as a modality does; it fails until the storage node has heard of a new doctor."""
        called = called or {1: "USER-AE", 2: "USER2-AE"}[storage_number]
        port = str(self.ports["dicom"][storage_number - 1])
        subprocess.run(["storescu", "-aec", called, "127.0.0.1", port, *map(str, files)], check=True, timeout=60)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop the system and return its exit code; no process may be left."""
        self.family.processes()
        self.process.send_signal(number)
        code = self.process.wait(40)
        eventually(lambda: not self.family.left_behind(), 15, "the end of all processes")
        return code


def signed_in(url: str, user_name: str, password: str) -> requests.Session:
    """Return a client with a session, its CSRF token and no variable of the machine."""
    session = requests.Session()
    session.trust_env = False
    body = {"user_name": user_name, "password": password}
    answer = session.post(f"{url}/v2/auth/sign-in", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    session.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return session


@contextmanager
def running_distributed_system(*, replicas: int = 1) -> Iterator[DistributedSystem]:
    """Run a system until the block ends, then stop it and check that nothing is left.

    Its folder is not below pytest's: the user that runs PostgreSQL may not go there.
    """
    folder = Path(tempfile.mkdtemp(prefix="webviewer-distributed-"))
    system = DistributedSystem(folder, replicas)
    try:
        system.start()
        yield system
        if system.process.poll() is None:
            assert system.stop() == 0
    finally:
        system.family.processes()
        system.process.kill()
        system.process.wait()
        system.family.kill()
        shutil.rmtree(folder, ignore_errors=True)
