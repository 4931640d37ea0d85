"""The supervisor with real processes: what dies is started again, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.render_server import _say_device
from functions.supervisor import NodeCannotStart, NodeCommand, Supervisor, cause_of_end, restart_delay_s
from tests.support.waiting import eventually, lives

NAMES = ("storage", "render", "control")


class Server:
    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "tests.support.stand_in_nodes", str(folder), *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def pids(self, name: str) -> list[int]:
        file = self.folder / f"{name}.pid"
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    def all_pids(self) -> list[int]:
        return [pid for name in NAMES for kind in (name, f"{name}-child") for pid in self.pids(kind)]

    def started(self, count: int = 1) -> bool:
        return all(len(self.pids(name)) >= count for name in NAMES)

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "server.log").read_text().splitlines()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def _start(*arguments: str) -> Server:
        server = Server(tmp_path, *arguments)
        servers.append(server)
        return server

    yield _start
    for server in servers:
        server.process.kill()
        server.process.wait()
        assert server.process.stderr is not None
        server.process.stderr.close()
        for pid in server.all_pids():
            if lives(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("victim", NAMES)
def test_a_killed_node_is_started_again_and_the_others_are_left_alone(
    start: Callable[..., Server], victim: str
) -> None:
    server = start()
    eventually(server.started)
    others = [name for name in NAMES if name != victim]
    before = {name: server.pids(name) for name in others}

    os.kill(server.pids(victim)[0], signal.SIGKILL)

    eventually(lambda: len(server.pids(victim)) == 2)
    assert lives(server.pids(victim)[1])
    eventually(lambda: not lives(server.pids(f"{victim}-child")[0]), 3)
    assert {name: server.pids(name) for name in others} == before
    ended = [line for line in server.log() if line["message"] == "node_ended"]
    assert [(line["child"], line["cause"], line["restart_in_s"]) for line in ended] == [(victim, "signal SIGKILL", 0.2)]


def test_a_node_that_cannot_run_is_tried_again_with_longer_and_longer_pauses(start: Callable[..., Server]) -> None:
    server = start("--broken", "render")

    def ends() -> list[dict[str, object]]:
        file = server.folder / "server.log"
        return [line for line in server.log() if line["message"] == "node_ended"] if file.exists() else []

    eventually(lambda: len(ends()) >= 3)
    assert [(line["cause"], line["restart_in_s"]) for line in ends()[:3]] == [
        ("exit code 70", 0.2),
        ("exit code 70", 0.4),
        ("exit code 70", 0.8),
    ]
    output = next(line for line in server.log() if line["message"] == "node_output")
    assert (output["child"], output["text"]) == ("render", "no graphics device found")
    assert lives(server.pids("storage")[0])


def test_a_node_that_no_restart_can_mend_ends_the_server_with_its_code_and_its_line(
    start: Callable[..., Server],
) -> None:
    server = start("--refusing", "render")
    _, said = server.process.communicate(timeout=20)
    assert server.process.returncode == 5
    assert said == "The render node cannot start: Device 7 is not there: must be 0 to 0.\n"
    assert [line["child"] for line in server.log() if line["message"] == "node_started"].count("render") == 1
    assert [pid for pid in server.all_pids() if lives(pid)] == []


@pytest.mark.parametrize(("healthy_after_s", "starts"), [(0.0, 3), (1e6, 1)], ids=["was healthy", "never healthy"])
def test_a_node_that_was_healthy_before_is_tried_again_whatever_its_exit_code(
    healthy_after_s: float, starts: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A graphics card that falls off the bus must not stop the nodes that receive images."""
    monkeypatch.setattr("functions.supervisor.HEALTHY_AFTER_S", healthy_after_s)
    count = tmp_path / "starts"
    count.touch()
    code = f"import sys; open({str(count)!r}, 'a').write('.'); print('X: It is gone.'); sys.exit(5)"

    def hear(_line: str) -> None:
        if len(count.read_text()) == 3:
            supervisor.stop()

    supervisor = Supervisor(
        [NodeCommand("render", (sys.executable, "-c", code), dict(os.environ))], say=hear, lasting_exit_codes={5}
    )
    if starts == 1:
        with pytest.raises(NodeCannotStart, match=r"^The render node cannot start: It is gone\.$"):
            supervisor.run()
    else:
        assert supervisor.run() == 0
    assert len(count.read_text()) == starts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_leaves_no_process(start: Callable[..., Server], number: signal.Signals) -> None:
    server = start()
    eventually(server.started)

    server.process.send_signal(number)

    assert server.process.wait(10) == 0
    assert [pid for pid in server.all_pids() if lives(pid)] == []


def test_the_same_wish_told_twice_at_once_is_no_impatience(start: Callable[..., Server]) -> None:
    """As when a terminal or ``timeout`` tells make and us, and make tells us too."""
    server = start()
    eventually(server.started)

    server.process.send_signal(signal.SIGINT)
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(10) == 0
    assert "node_killed" not in {line["message"] for line in server.log()}


def test_a_node_that_ignores_the_wish_to_stop_is_killed_after_the_grace(start: Callable[..., Server]) -> None:
    server = start("--stubborn", "control")
    eventually(server.started)

    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(10) == 1
    killed = [line for line in server.log() if line["message"] == "node_killed"]
    assert [line["child"] for line in killed] == ["control"], "the others have ended within the grace"
    assert [pid for pid in server.all_pids() if lives(pid)] == []


@pytest.mark.parametrize("arguments", [(), ("--stubborn", "storage")], ids=["willing", "stubborn"])
def test_a_killed_supervisor_leaves_no_process_after_three_seconds(
    start: Callable[..., Server], arguments: tuple[str, ...]
) -> None:
    server = start(*arguments)
    eventually(server.started)

    server.process.kill()
    server.process.wait()

    eventually(lambda: not any(lives(pid) for pid in server.all_pids()), 3)


def test_causes_are_said_in_words() -> None:
    assert cause_of_end(-9) == "signal SIGKILL"
    assert cause_of_end(-11) == "signal SIGSEGV"
    assert cause_of_end(3) == "exit code 3"
    assert cause_of_end(-250) == "signal 250"


def test_the_pause_doubles_up_to_ten_seconds() -> None:
    assert [restart_delay_s(failures) for failures in range(1, 9)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert restart_delay_s(10_000) == 10.0


PRINTS_A_LIST = """
print("Rendering device 0: hardware (used)", "another line", sep="\\n", flush=True)
import time; time.sleep(60)
"""


def test_the_list_of_devices_is_said_on_the_console_whatever_the_log_takes(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        _say_device(line)
        if len(heard) == 2:
            supervisor.stop()

    supervisor = Supervisor(
        [NodeCommand("render", (sys.executable, "-c", PRINTS_A_LIST), dict(os.environ))], say_output=hear
    )
    assert supervisor.run() == 0
    assert heard == ["Rendering device 0: hardware (used)", "another line"]
    assert capsys.readouterr().out == "Rendering device 0: hardware (used)\n"
