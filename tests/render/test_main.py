"""The render node as a process: starts, says what draws, refuses in one line, leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from renderpool.engine.device import Context, list_devices
from renderpool.session.scheduler import Scheduler
from tests.support.ports import free_port
from webviewer.core.errors import RenderError
from webviewer.core.process import Lifeline

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-test-0123456789"
IDLE_PSS_LIMIT_KB = 190 * 1024


def command() -> list[str]:
    return [sys.executable, "-m", "renderpool.main"]


def environment(port: int, **variables: str) -> dict[str, str]:
    return {
        **os.environ,
        "WEBVIEWER_INTERNAL_TOKEN": TOKEN,
        "WEBVIEWER_RENDER_PORT": str(port),
        **variables,
    }


@pytest.fixture(autouse=True)
def log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the nodes' log files out of the checkout."""
    monkeypatch.setenv("WEBVIEWER_LOG_FILE", str(tmp_path / "rendernode.log"))


@contextmanager
def running(port: int, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(), cwd=ROOT, env=environment(port), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    try:
        until = time.monotonic() + 40
        while not answers(port):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def answers(port: int) -> bool:
    try:
        answer = requests.get(
            f"http://127.0.0.1:{port}/internal/v1/health", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
        )
    except requests.ConnectionError:
        return False
    return answer.status_code == 200


def test_a_node_says_what_draws_stays_small_and_closes_streams_before_it_leaves() -> None:
    port = free_port()
    with running(port) as process:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        pss_kb = int(next(line for line in lines if line.startswith("Pss:")).split()[1])
        with connect(
            f"ws://127.0.0.1:{port}/internal/v1/render/stream",
            additional_headers={
                "Authorization": f"Bearer {TOKEN}",
                "X-Webviewer-Owner": "7",
                "X-Webviewer-Session": "3",
                "X-Webviewer-Storage": "http://127.0.0.1:9",
            },
        ) as stream:
            stream.send('{"type": "hello", "version": 1}')
            welcome = json.loads(stream.recv(timeout=20))
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as caught:
                stream.recv(timeout=20)
        out, _ = process.communicate(timeout=20)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert process.returncode == 0
    assert welcome["device"] in out
    assert "EGL (used)" in out
    assert pss_kb < IDLE_PSS_LIMIT_KB


def test_a_node_leaves_with_its_parent() -> None:
    lifeline = Lifeline()
    port = free_port()
    process = subprocess.Popen(
        command(),
        cwd=ROOT,
        env={**environment(port), **lifeline.environment()},
        pass_fds=lifeline.pass_fds,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 40
    while not answers(port):
        assert time.monotonic() < until
        time.sleep(0.05)
    lifeline.close()
    assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"WEBVIEWER_DEVICE": "99"}, 5, "RenderNode: Device 99 is not there: must be 0 to"),
        ({"WEBVIEWER_INTERNAL_TOKEN": "short"}, 3, "RenderNode: environment variable WEBVIEWER_INTERNAL_TOKEN"),
    ],
    ids=["no such device", "bad token"],
)
def test_a_wrong_start_is_one_line_and_an_exit_code(variables: dict[str, str], code: int, words: str) -> None:
    done = subprocess.run(
        command(),
        cwd=ROOT,
        env={**environment(free_port(), **variables), "WEBVIEWER_LOG_TO_CONSOLE": "false"},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == code
    line = next(line for line in done.stderr.splitlines() if line.startswith("RenderNode"))
    assert line.startswith(words)
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_one_line_and_an_exit_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        done = subprocess.run(
            command(),
            cwd=ROOT,
            env={**environment(busy.getsockname()[1]), "WEBVIEWER_LOG_TO_CONSOLE": "false"},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
    assert done.returncode == 4
    assert "RenderNode: The render node cannot listen: Address already in use." in done.stderr
    assert "Traceback" not in done.stderr


def test_there_is_always_a_device_and_a_wrong_number_is_refused_with_the_right_ones() -> None:
    devices = list_devices()
    assert [device.index for device in devices] == list(range(len(devices)))
    with pytest.raises(RenderError, match=rf"Device {len(devices)} is not there: must be 0 to {len(devices) - 1}"):
        Context(len(devices))
    with pytest.raises(RenderError, match="Device -1 is not there"):
        Context(-1)


def test_a_device_that_fails_is_told_to_who_starts_the_scheduler() -> None:
    scheduler = Scheduler(device_index=99)
    with pytest.raises(RenderError, match="Device 99 is not there"):
        scheduler.start()
