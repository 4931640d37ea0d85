"""The watch over a node that may hang, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from functions.hang_watch import HangWatch
from tests.support.ports import free_port

NODE = """
import http.server, pathlib, sys
folder = pathlib.Path(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_ours = "Authorization" not in self.headers and self.path == "/internal/v1/health"
        status = 200 if is_ours and (folder / "well").exists() else 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        with (folder / "answers").open("a") as answers:
            answers.write(f"{status}\\n")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Node:
    """A process that is well while a file is there, and keeps what it answered."""

    def __init__(self, folder: Path, hangs_after_s: float) -> None:
        self.well = folder / "well"
        self.port = free_port()
        self._answers = folder / "answers"
        self._answers.touch()
        command = [sys.executable, "-c", NODE, str(self.port), str(folder)]
        self.process = subprocess.Popen(command, start_new_session=True)
        watch = HangWatch(
            "node",
            "127.0.0.1",
            self.port,
            lambda: self.process.pid if self.process.poll() is None else None,
            ask_every_s=0.1,
            answer_within_s=1.0,
            hangs_after_s=hangs_after_s,
        )
        watch.start()

    def answers(self, status: int) -> int:
        return self._answers.read_text().split().count(str(status))

    def wait_for_answers(self, status: int) -> None:
        """Return once the watch has taken a new answer: it asks again after it only."""
        wanted, deadline = self.answers(status) + 2, time.monotonic() + 60
        while self.answers(status) < wanted:
            assert time.monotonic() < deadline, f"no new answer {status}"
            assert self.process.poll() is None, "killed"
            time.sleep(0.05)


@contextmanager
def running_node(folder: Path, hangs_after_s: float) -> Iterator[Node]:
    started = Node(folder, hangs_after_s)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def test_a_node_that_stands_still_is_killed(tmp_path: Path) -> None:
    with running_node(tmp_path, 2.0) as node:
        node.well.touch()
        node.wait_for_answers(200)
        os.kill(node.process.pid, signal.SIGSTOP)
        assert node.process.wait(60) == -signal.SIGKILL


def test_a_node_that_says_that_it_cannot_work_is_killed_once_it_was_well(tmp_path: Path) -> None:
    with running_node(tmp_path, 1.0) as node:
        node.wait_for_answers(503)
        with pytest.raises(subprocess.TimeoutExpired):
            node.process.wait(2)  # it has not been well yet: it may be starting
        node.well.touch()
        node.wait_for_answers(200)
        node.well.unlink()
        assert node.process.wait(60) == -signal.SIGKILL


def test_a_node_that_is_well_again_in_time_is_kept(tmp_path: Path) -> None:
    hangs_after_s = 8.0
    with running_node(tmp_path, hangs_after_s) as node:
        node.well.touch()
        node.wait_for_answers(200)
        os.kill(node.process.pid, signal.SIGSTOP)
        time.sleep(2)  # longer than an answer may take, far shorter than it may hang
        os.kill(node.process.pid, signal.SIGCONT)
        node.wait_for_answers(200)
        time.sleep(hangs_after_s - 2)  # it would be killed by now
        node.wait_for_answers(200)
        node.well.unlink()
        node.wait_for_answers(503)  # the time since it stood still does not count any more
        node.well.touch()
        node.wait_for_answers(200)
