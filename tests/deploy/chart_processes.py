"""Runs what rendered containers run, with this environment's executables: only addresses, ports and folders differ."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.deploy import chart

BIN = Path(sys.executable).parent
JOIN_SECRET = "0123456789abcdef-join"


def lay_out(folder: Path) -> None:
    """Write the files of images and Secrets that containers expect."""
    for name in ("controlnodeconfig.json", "storagenodeconfig.json"):
        (folder / name).write_text("{}\n")
    for name in ("control-password", "storage-password", "master-password", "database-password"):
        (folder / name).write_text(f"secret of {name}\n")
    (folder / "internal-token").write_text(f"{JOIN_SECRET}\n")


def words_of(container: Mapping[str, Any], folder: Path) -> list[str]:
    """Return a container's command line."""
    words = [*container["command"], *container.get("args", [])]
    return [word.replace("/etc/web-viewer", str(folder)) for word in words]


def environ_of(
    container: Mapping[str, Any], folder: Path, database_port: int, fields: Mapping[str, str]
) -> dict[str, str]:
    """Return a container's variables."""
    environ = chart.environment(container, fields)
    environ = {name: value.replace("/run/secrets/web-viewer", str(folder)) for name, value in environ.items()}
    environ |= {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder)}
    if "WEBVIEWER_DATABASE_HOST" in environ:
        environ |= {"WEBVIEWER_DATABASE_HOST": "127.0.0.1", "WEBVIEWER_DATABASE_PORT": str(database_port)}
    return environ


def run_to_the_end(container: Mapping[str, Any], folder: Path, database_port: int, **fields: str) -> str:
    """Run a container that ends; returns what it says."""
    done = subprocess.run(
        words_of(container, folder),
        env=environ_of(container, folder, database_port, fields),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Running:
    """A container that runs; ``ports`` are those that it has here, by those of the pod."""

    container: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    ports: Mapping[int, int]
    folder: Path
    log: Path

    def port(self, named: str | int) -> int:
        """Return the port that a probe means, by name or number."""
        by_name = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        return self.ports[by_name[named] if isinstance(named, str) else named]

    def passes(self, kind: str) -> bool:
        """Do as the kubelet does with this probe."""
        assert self.process.poll() is None, self.log.read_text()
        probe = self.container[kind]
        if "httpGet" in probe:
            url = f"http://127.0.0.1:{self.port(probe['httpGet']['port'])}{probe['httpGet']['path']}"
            try:
                return requests.get(url, timeout=5).status_code == 200
            except requests.ConnectionError:
                return False
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port(probe["tcpSocket"]["port"]))) == 0


def resident_bytes(process_id: int) -> int:
    """Return the main memory of a process and its children: their own pages, and once the files that they share."""
    own = files = 0
    for number in _with_children(process_id):
        rollup = _kilobytes(Path(f"/proc/{number}/smaps_rollup"))
        own += rollup["Pss_Anon"] + rollup["Pss_Shmem"]
        files = max(files, _kilobytes(Path(f"/proc/{number}/status"))["RssFile"])
    return (own + files) * 1024


def _with_children(process_id: int) -> list[int]:
    children = [
        int(child)
        for thread in Path(f"/proc/{process_id}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    return [process_id, *(one for child in children for one in _with_children(child))]


def _kilobytes(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[-1] == "kB"}


@contextmanager
def running(
    container: Mapping[str, Any],
    folder: Path,
    database_port: int,
    *,
    ports: Mapping[int, int],
    other: Mapping[str, str],
    fields: Mapping[str, str],
) -> Iterator[Running]:
    """Run a container; at the end it must be gone.

    Parameters
    ----------
    container, folder, database_port, fields
        As above.
    ports
        Those here by those of the pod.
    other
        Variables that say another address, port or folder than in the cluster.
    """
    environ = environ_of(container, folder, database_port, fields)
    assert set(other) <= set(environ), "only what the chart says may differ"
    log = folder / f"{container['name']}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words_of(container, folder),
            env=environ | dict(other),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Running(container, process, ports, folder, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
