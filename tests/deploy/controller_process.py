"""``RenderController`` as a process of its own, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.deploy.control_standin import TOKEN
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]


@dataclass
class ControllerProcess:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask it over HTTP; 0 while it does not answer."""
        try:
            answer = urllib3.request("GET", f"http://127.0.0.1:{self.port}{path}", retries=False, timeout=5.0)
        except urllib3.exceptions.HTTPError:
            return 0, b""
        return answer.status, answer.data

    def state(self) -> str:
        status, body = self.get("/internal/v1/health")
        return str(json.loads(body)["state"]) if status else ""

    def metric(self, name: str) -> float:
        lines = self.get("/metrics")[1].decode().splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"webviewer_controller_{name} ")))

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [line for line in lines if line.get("event") == name or line.get("message") == name]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def running_controller(
    folder: Path,
    name: str,
    kubeconfig: Path,
    control_url: str,
    settings: Mapping[str, object],
    *,
    token: str = TOKEN,
) -> Iterator[ControllerProcess]:
    """A controller; `settings` are the rest of ``WEBVIEWER_CONTROLLER_…``. At the end it must stop when asked."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "KUBECONFIG": str(kubeconfig),
        "WEBVIEWER_INTERNAL_TOKEN": token,
        "WEBVIEWER_CONTROL_URL": control_url,
        "WEBVIEWER_NODE_NAME": name,
        "WEBVIEWER_LOG_FILE": str(folder / f"{name}.log"),
        "WEBVIEWER_LOG_TO_CONSOLE": "false",
        "WEBVIEWER_CONTROLLER_PORT": str(port),
        **{f"WEBVIEWER_CONTROLLER_{key.upper()}": str(value) for key, value in settings.items()},
    }
    with (folder / f"{name}.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "renderpool.controller.main"],
            cwd=ROOT,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    found = ControllerProcess(process, port, folder / f"{name}.log")
    try:
        yield found
    finally:
        if process.poll() is None:
            try:
                found.stop()
            finally:
                process.kill()
                process.wait()
