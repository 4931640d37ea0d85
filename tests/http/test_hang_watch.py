"""The watch over a node that may hang, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from functions.hang_watch import Answer, HangWatch, Judgement
from functions.process_activity import Activity
from tests.support.ports import free_port

NODE = """
import http.server, pathlib, sys, threading, time
folder = pathlib.Path(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_ours = "Authorization" not in self.headers and self.path == "/internal/v1/health"
        while (folder / "hangs").exists():
            time.sleep(0.1)
        while (folder / "busy").exists():
            sum(range(100_000_000))  # one call that keeps the interpreter's lock
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


def test_a_node_that_hangs_is_killed(tmp_path: Path) -> None:
    with running_node(tmp_path, 2.0) as node:
        node.well.touch()
        node.wait_for_answers(200)
        (tmp_path / "hangs").touch()
        assert node.process.wait(60) == -signal.SIGKILL


def test_a_node_that_is_stopped_is_kept_and_goes_on(tmp_path: Path) -> None:
    with running_node(tmp_path, 1.0) as node:
        node.well.touch()
        node.wait_for_answers(200)
        os.kill(node.process.pid, signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            node.process.wait(6)  # longer than it may hang
        os.kill(node.process.pid, signal.SIGCONT)
        node.wait_for_answers(200)


def test_a_node_that_is_too_busy_to_answer_is_kept(tmp_path: Path) -> None:
    with running_node(tmp_path, 1.0) as node:
        node.well.touch()
        node.wait_for_answers(200)
        (tmp_path / "busy").touch()
        with pytest.raises(subprocess.TimeoutExpired):
            node.process.wait(8)  # longer than it may hang
        (tmp_path / "busy").unlink()
        node.wait_for_answers(200)


def test_a_node_that_says_that_it_cannot_work_is_killed_once_it_was_well(tmp_path: Path) -> None:
    with running_node(tmp_path, 1.0) as node:
        node.wait_for_answers(503)
        with pytest.raises(subprocess.TimeoutExpired):
            node.process.wait(2)  # it has not been well yet: it may be starting
        node.well.touch()
        node.wait_for_answers(200)
        node.well.unlink()
        assert node.process.wait(60) == -signal.SIGKILL


# -- the account of looks, without processes ---------------------------------------------------------------------------


IDLE = Activity(cpu_s=100.0, is_stopped=False, is_waiting=False)
STOPPED = replace(IDLE, is_stopped=True)
WAITING = replace(IDLE, is_waiting=True)
LOOK_S = 8.0


def judged(looks: Sequence[tuple[Answer, Activity | None, float]]) -> list[bool]:
    """Return what each look finds, of a node that was well before."""
    judgement = Judgement(LOOK_S, hangs_after_s=20.0)
    assert not judgement.look(Answer.WELL, IDLE, 3.0)
    return [judgement.look(*look) for look in looks]


def test_a_silent_node_that_does_nothing_hangs_after_its_time() -> None:
    assert judged([(Answer.NONE, IDLE, LOOK_S)] * 3) == [False, False, True]


def test_without_word_of_the_kernel_a_silent_node_hangs_after_its_time() -> None:
    assert judged([(Answer.NONE, None, LOOK_S)] * 3) == [False, False, True]


def test_a_node_that_cannot_work_hangs_after_its_time_whatever_it_does() -> None:
    assert judged([(Answer.CANNOT_WORK, WAITING, 3.0)] * 7) == [False] * 6 + [True]


@pytest.mark.parametrize("activity", [STOPPED, WAITING])
def test_a_silent_node_that_is_stopped_or_waits_for_processor_or_disk_never_hangs(activity: Activity) -> None:
    assert not any(judged([(Answer.NONE, activity, LOOK_S)] * 1000))


def test_a_node_that_was_stopped_until_now_has_time_to_answer() -> None:
    looks = [(Answer.NONE, STOPPED, LOOK_S), (Answer.NONE, IDLE, LOOK_S)]
    assert not any(judged(looks * 100))


def test_a_silent_node_that_computes_is_busy_until_no_work_explains_it() -> None:
    looks = [(Answer.NONE, replace(IDLE, cpu_s=100.0 + LOOK_S * count), LOOK_S) for count in range(1, 40)]
    assert judged(looks).index(True) == 37, "at 300 s of processor time"


def test_a_good_answer_ends_all_that_was_counted() -> None:
    silent = (Answer.NONE, IDLE, LOOK_S)
    assert judged([silent, silent, (Answer.WELL, IDLE, 3.0), silent, silent, silent]) == [False] * 5 + [True]


@pytest.mark.parametrize("took_s", [17.0, 3600.0, 1e6])
def test_a_watch_that_did_not_run_itself_blames_nobody(took_s: float) -> None:
    assert not any(judged([(Answer.NONE, IDLE, took_s), (Answer.CANNOT_WORK, IDLE, took_s)] * 100))


def test_a_node_that_has_not_been_well_yet_may_be_starting() -> None:
    judgement = Judgement(LOOK_S, hangs_after_s=20.0)
    assert not any(judgement.look(Answer.NONE, IDLE, LOOK_S) for _ in range(100))
