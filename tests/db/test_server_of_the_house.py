"""PostgreSQL and Nginx as ``make run-distributed`` keeps them: what stands between may be killed, nothing is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.waiting import eventually, lives
from tools.postgresql import PostgresqlFiles, PostgresqlServer
from webviewer.core.process import Lifeline

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 40.0


def keeper_of(pid: int) -> int:
    parent = psutil.Process(pid).parent()
    assert parent is not None
    assert "tools.keeper" in parent.cmdline()
    return parent.pid


class House:
    """A server of the distributed system, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = PostgresqlFiles(folder / "postgresql", free_port())
        self.files.prepare("master-password")
        self.said: list[str] = []
        self._lifeline = Lifeline()
        self.server = self.start()

    def start(self) -> PostgresqlServer:
        server = PostgresqlServer(self.files, self._lifeline, self.folder / "log", self.said.append)
        server.wait_until_ready()
        return server

    def pid(self) -> int:
        pid = self.files.server_pid()
        assert pid is not None
        return pid

    def close(self) -> None:
        self.server.stop()
        self._lifeline.close()


@pytest.fixture
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="webviewer-kept-"))  # the user postgres may not go below pytest's folder
    folder.chmod(0o755)
    running = House(folder)
    try:
        yield running
    finally:
        running.close()
        assert running.files.server_pid() is None
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("who", ["keeper", "server"])
def test_postgresql_comes_back_whoever_is_killed(house: House, who: str) -> None:
    before = house.pid()
    victim = keeper_of(before) if who == "keeper" else before
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: house.files.server_pid() not in {None, before} and house.files.answers(), WITHIN_S, "its return")
    assert not lives(before)
    assert house.said
    assert all(line.startswith("PostgreSQL ended (") and "it starts again in" in line for line in house.said)
    house.server.stop()
    assert house.files.server_pid() is None
    assert len(house.said) < 8  # a stop is no end to tell of


def test_files_whose_making_was_killed_are_made_anew(house: House) -> None:
    files = PostgresqlFiles(house.folder / "half-made", free_port())
    files.data.mkdir(parents=True)
    (files.data / "PG_VERSION").write_text("15\n", "utf-8")  # initdb writes it first
    (files.folder / "password").write_text("master-password", "utf-8")
    files.prepare("master-password")
    assert (files.data / "global/pg_control").exists()
    assert not (files.folder / "password").exists()


def test_a_server_left_behind_is_stopped_before_another_starts(house: House) -> None:
    house.server.stop()
    port = free_port()
    words = [
        "-D",
        str(house.files.data),
        "-c",
        f"port={port}",
        "-c",
        f"unix_socket_directories={house.files.folder}",
    ]
    program = "/usr/lib/postgresql/15/bin/postgres"
    orphan = subprocess.Popen([program, *words], user=house.files.user, cwd="/", stderr=subprocess.DEVNULL)
    answers = ["/usr/lib/postgresql/15/bin/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    try:
        # One that still starts may take longer to end than it is given.
        eventually(lambda: subprocess.run(answers, check=False).returncode == 0, WITHIN_S, "the one left behind")
        assert house.files.server_pid() == orphan.pid
        house.server = house.start()
        assert orphan.wait(WITHIN_S) == 0
        assert house.pid() != orphan.pid
    finally:
        orphan.kill()
        orphan.wait()


def test_a_program_goes_with_its_keeper(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    command = [sys.executable, "-m", "tools.keeper", "--", "sh", "-c", f"echo $$ >{mark}; exec sleep 600"]
    keeper = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    eventually(lambda: mark.exists() and mark.read_text().strip(), WITHIN_S, "the program")
    program = int(mark.read_text())
    assert lives(program)
    keeper.kill()
    keeper.wait()
    eventually(lambda: not lives(program), WITHIN_S, "the end of the program")
