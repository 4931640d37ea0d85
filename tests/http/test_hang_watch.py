"""The watch over a node that may hang, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.hang_watch import HangWatch
from tests.support.databases import free_port

NODE = """
import http.server, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_ours = self.headers["Authorization"] == "Bearer token" and self.path == "/internal/v1/health"
        self.send_response(200 if is_ours and pathlib.Path(sys.argv[2]).exists() else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Node:
    """A process that is well while a file is there."""

    def __init__(self, folder: Path) -> None:
        self.well = folder / "well"
        self.port = free_port()
        command = [sys.executable, "-c", NODE, str(self.port), str(self.well)]
        self.process = subprocess.Popen(command, start_new_session=True)
        watch = HangWatch(
            "node",
            "127.0.0.1",
            self.port,
            "token",
            lambda: self.process.pid if self.process.poll() is None else None,
            ask_every_s=0.1,
            answer_within_s=1.0,
            hangs_after_s=2.0,
        )
        watch.start()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    started = Node(tmp_path)
    yield started
    started.process.kill()
    started.process.wait()


def test_a_node_that_stands_still_is_killed(node: Node) -> None:
    node.well.touch()
    time.sleep(2)
    os.kill(node.process.pid, signal.SIGSTOP)
    assert node.process.wait(20) == -signal.SIGKILL


def test_a_node_that_says_that_it_cannot_work_is_killed_once_it_was_well(node: Node) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        node.process.wait(4)  # it has not been well yet: it may be starting
    node.well.touch()
    time.sleep(2)
    node.well.unlink()
    assert node.process.wait(20) == -signal.SIGKILL


def test_a_node_that_is_well_again_in_time_is_kept(node: Node) -> None:
    node.well.touch()
    time.sleep(2)
    os.kill(node.process.pid, signal.SIGSTOP)
    time.sleep(1)
    os.kill(node.process.pid, signal.SIGCONT)
    with pytest.raises(subprocess.TimeoutExpired):
        node.process.wait(4)
