"""`make run` without make: the profile, its passwords, and stopping it in a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.ports import free_port
from tests.support.unified_server import ROOT, running_unified_server
from tests.support.waiting import eventually, lives


def sign_in(url: str, name: str, password: str) -> int:
    answer = requests.post(f"{url}/v2/auth/sign-in", json={"user_name": name, "password": password}, timeout=15)
    return answer.status_code


def test_a_server_that_the_network_reaches_refuses_the_well_known_passwords(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    with running_unified_server(folder, environ={"WEBVIEWER_HOST": "0.0.0.0"}) as server:
        assert sign_in(server.url, "user", "user") in {401, 403}
        assert sign_in(server.url, "admin", "admin") in {401, 403}
        command = [sys.executable, "-m", "tools.evaluation", "password", "--var", str(folder), "--name", "user"]
        weak = subprocess.run(command, cwd=ROOT, input="admin\n", text=True, capture_output=True, check=False)
        assert (weak.returncode, weak.stderr) == (1, "That password is well known; choose another one.\n")
        subprocess.run(command, cwd=ROOT, input="Strong horse 7\n", text=True, check=True)
        eventually(lambda: sign_in(server.url, "user", "Strong horse 7") == 200, 30, "the sign-in")


def interrupt_group(pid: int) -> None:
    os.killpg(pid, signal.SIGINT)  # what a terminal does at Ctrl+C


def interrupt_one(pid: int) -> None:
    os.kill(pid, signal.SIGINT)  # what a script does


@pytest.mark.parametrize("interrupt", [interrupt_group, interrupt_one])
def test_an_interrupt_stops_all_that_make_run_started(tmp_path: Path, interrupt: Callable[[int], None]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tools.evaluation", "run", "--var", str(tmp_path / "var"), "--no-demo"]
    command += ["--port", str(port), "--dicom-port", str(free_port())]
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
    try:
        eventually(lambda: f"Open          http://127.0.0.1:{port}/" in output.read_text(), 60, "the greeting")
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        assert len(family) >= 5
        assert sign_in(f"http://127.0.0.1:{port}", "user", "user") == 200

        interrupt(process.pid)

        assert process.wait(20) == 0
        assert [pid for pid in family if lives(pid)] == []
    finally:
        process.kill()
        process.wait()
