"""The unified server as a user runs it: real processes, a folder and ports of its own, and nothing left behind.

::

    def test_something(unified_server: UnifiedServer) -> None: ...        # fixture of tests/conftest.py

    with running_unified_server(tmp_path, demo=True) as server: ...       # where options are wanted
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0
NODES = ("storage", "render", "control")


@dataclass
class Family:
    """A process and all below it, as long as anybody looks."""

    pid: int
    seen: dict[int, float] = field(default_factory=dict)  # every process that was ever seen: id, time of creation

    def processes(self) -> list[int]:
        """Return the ids of the first process and all below it, and remember them."""
        try:
            parent = psutil.Process(self.pid)
            family = [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
        for process in family:
            try:
                self.seen[process.pid] = process.create_time()
            except psutil.NoSuchProcess:
                continue
        return [process.pid for process in family]

    def left_behind(self) -> list[int]:
        """Return the processes that were seen and still run."""
        result = []
        for pid, created in self.seen.items():
            try:
                process = psutil.Process(pid)
                if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                    result.append(pid)
            except psutil.NoSuchProcess:
                continue
        return result

    def kill(self) -> None:
        """End what is left."""
        for pid in self.left_behind():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class UnifiedServer:
    """A running server.

    Users: ``admin``/``admin`` (administrator) and ``user``/``user``, whose AE title is ``USER-AE``.
    """

    folder: Path
    port: int
    dicom_port: int
    process: subprocess.Popen[bytes]
    ae_title: str = "USER-AE"
    family: Family = field(init=False)

    def __post_init__(self) -> None:
        self.family = Family(self.process.pid)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.folder / "server.log"

    def log(self, message: str | None = None) -> list[dict[str, object]]:
        """Return the lines of the log, or those with one message."""
        whole = self.log_file.read_text("utf-8").rpartition("\n")[0]  # the last line may be half written
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if message is None or line["message"] == message]

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/v2/health/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def wait_until_ready(self, seconds: float = START_TIMEOUT_S) -> None:
        def check() -> bool:
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            return self.is_ready()

        eventually(check, seconds, "readiness")

    def node_pid(self, name: str) -> int:
        """Return the process id of the node's leader as the log told it last."""
        return next(int(str(line["child_pid"])) for line in reversed(self.log("node_started")) if line["child"] == name)

    def kill_node(self, name: str) -> int:
        """End a node by ``kill -9``; returns the id that it had."""
        pid = self.node_pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def processes(self) -> list[int]:
        """Return the ids of the supervisor and all below it, and remember them."""
        return self.family.processes()

    def left_behind(self) -> list[int]:
        """Return the processes that were seen and still run."""
        return self.family.left_behind()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop the server and return its exit code; no process may be left."""
        self.processes()
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.left_behind() == [], "processes are left behind"
        return code


def start_unified_server(folder: Path, environ: Mapping[str, str] | None = None, *options: str) -> UnifiedServer:
    """Start a server on free ports without waiting for it; its profile is made by `tools.evaluation`."""
    subprocess.run(
        [sys.executable, "-m", "tools.evaluation", "prepare", "--var", str(folder)], cwd=ROOT, check=True, timeout=60
    )
    port, dicom_port = free_port(), free_port()
    variables = {"WEBVIEWER_PORT": str(port), "WEBVIEWER_DICOM_PORT": str(dicom_port), **(environ or {})}
    command = [sys.executable, "-m", "functions.render_server", "-c", str(folder / "renderserverconfig.json")]
    command += ["-l", str(folder / "server.log"), "--no-log-to-console", *options]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables})
    return UnifiedServer(folder, port, dicom_port, process)


@contextmanager
def running_unified_server(
    folder: Path, *, demo: bool = False, environ: Mapping[str, str] | None = None, options: tuple[str, ...] = ()
) -> Iterator[UnifiedServer]:
    """Run a server until the block ends, then stop it and check that nothing is left.

    Parameters
    ----------
    folder
        Where everything goes.
    demo
        Whether to send the demo study (two CT series of 120 slices and a scout) before the block begins.
    environ
        More ``WEBVIEWER_…`` variables.
    options
        More words of the command line.
    """
    server = start_unified_server(folder, environ, *options)
    try:
        server.wait_until_ready()
        if demo:
            address = f"127.0.0.1:{server.dicom_port}"
            command = [sys.executable, "-m", "tools.demo_study", "send", address, "--called", server.ae_title]
            subprocess.run(command, cwd=ROOT, check=True, timeout=240)
        yield server
        if server.process.poll() is None:
            server.stop()
    finally:
        server.processes()
        server.process.kill()
        server.process.wait()
        server.family.kill()
