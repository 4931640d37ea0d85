"""The unified server as processes: kill -9 of any node, stopping, and what is said when it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support.ports import free_port
from tests.support.unified_server import NODES, ROOT, UnifiedServer, start_unified_server
from tests.support.waiting import eventually, lives


def echo(server: UnifiedServer) -> bool:
    command = ["echoscu", "-to", "5", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def answers(server: UnifiedServer) -> bool:
    try:
        return requests.get(f"{server.url}/v2/health/live", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.parametrize("victim", NODES)
def test_a_killed_node_costs_the_others_nothing_and_is_back_soon(unified_server: UnifiedServer, victim: str) -> None:
    server = unified_server
    before = {name: server.node_pid(name) for name in NODES}
    server.processes()

    server.kill_node(victim)

    if victim != "control":
        assert answers(server)
    if victim != "storage":
        assert echo(server)
    eventually(lambda: server.node_pid(victim) != before[victim], 5, "the restart")
    eventually(lambda: echo(server) and answers(server) and server.is_ready(), 15, "service as before")
    assert {name: server.node_pid(name) for name in NODES if name != victim} == {
        name: pid for name, pid in before.items() if name != victim
    }
    assert [(line["child"], line["cause"]) for line in server.log("node_ended")] == [(victim, "signal SIGKILL")]
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_leaves_no_process(unified_server: UnifiedServer, number: signal.Signals) -> None:
    assert len(unified_server.processes()) >= 4
    assert unified_server.stop(number) == 0  # asserts that none of them is left


def test_a_killed_supervisor_takes_all_nodes_with_it(unified_server: UnifiedServer) -> None:
    assert len(unified_server.processes()) >= 4

    unified_server.process.kill()
    unified_server.process.wait()

    eventually(lambda: unified_server.left_behind() == [], 3, "the end of all processes")


def test_users_and_passwords_are_kept_by_a_second_start(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    for _ in range(2):
        server = start_unified_server(folder)
        try:
            server.wait_until_ready()
            answer = requests.post(
                f"{server.url}/v2/auth/sign-in", json={"user_name": "user", "password": "user"}, timeout=10
            )
            assert answer.status_code == 200
            assert answer.json()["user"]["user_name"] == "user"
        finally:
            server.stop()


def run_server(folder: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "functions.render_server",
            "-l",
            str(folder / "server.log"),
            "--no-log-to-console",
            *options,
        ],
        cwd=ROOT,
        env={**os.environ, "WEBVIEWER_PORT": str(free_port()), "WEBVIEWER_DICOM_PORT": str(free_port()), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A folder with configuration and database."""
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "renderserverconfig.json").write_text(json.dumps({"storage": "storage"}))
    created = run_server(folder, "-c", str(folder / "renderserverconfig.json"), "--create-database")
    assert created.returncode == 0, created.stderr
    return folder


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_a_missing_configuration_is_one_clear_line(tmp_path: Path) -> None:
    result = run_server(tmp_path, "-c", str(tmp_path / "no.json"))
    assert result.returncode == 3
    assert one_line(result) == f"RenderServer: Configuration file '{tmp_path}/no.json' does not exist."


def test_a_wrong_value_is_one_clear_line(profile: Path) -> None:
    (profile / "storage.json").write_text('{"dicom_port": 70000}')
    result = run_server(profile, "-c", str(profile / "renderserverconfig.json"))
    assert result.returncode == 3
    assert one_line(result) == (
        f"RenderServer: {profile}/storage.json: key 'dicom_port': 70000 is invalid: "
        "must be a whole number from 1 to 65535."
    )


@pytest.mark.parametrize(("variable", "purpose"), [("WEBVIEWER_PORT", "HTTP"), ("WEBVIEWER_DICOM_PORT", "DICOM")])
def test_a_busy_port_is_one_clear_line(profile: Path, variable: str, purpose: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run_server(profile, "-c", str(profile / "renderserverconfig.json"), **{variable: str(port)})
    assert result.returncode == 4
    assert one_line(result).startswith(
        f"RenderServer: {purpose} port {port} on 127.0.0.1 cannot be used: Address already in use."
    )


def test_a_log_that_cannot_be_written_is_one_clear_line(profile: Path) -> None:
    result = run_server(profile, "-c", str(profile / "renderserverconfig.json"), "-l", str(profile / "none" / "x.log"))
    assert result.returncode == 5
    assert one_line(result) == (
        f"RenderServer: Log file '{profile}/none/x.log' cannot be written: No such file or directory."
    )


def test_a_storage_folder_that_cannot_be_made_is_one_clear_line(profile: Path) -> None:
    (profile / "file").touch()
    result = run_server(
        profile, "-c", str(profile / "renderserverconfig.json"), WEBVIEWER_STORAGE=str(profile / "file" / "storage")
    )
    assert result.returncode == 6
    assert one_line(result) == (
        f"RenderServer: The storage folder '{profile}/file/storage' cannot be made: Not a directory."
    )


def test_a_missing_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "renderserverconfig.json").write_text('{"storage": "s"}')
    result = run_server(tmp_path, "-c", str(tmp_path / "renderserverconfig.json"))
    assert result.returncode == 7
    assert one_line(result) == (
        f"RenderServer: Database '{tmp_path}/s/webviewer-database' cannot be used. It does not exist: "
        "--create-database makes one. (there is no such file)"
    )


def test_a_device_that_does_not_exist_is_one_clear_line_and_ends_the_server(profile: Path) -> None:
    result = run_server(profile, "-c", str(profile / "renderserverconfig.json"), "--device", "77")
    assert result.returncode == 5
    assert one_line(result).startswith("RenderServer: The render node cannot start: Device 77 is not there: must be 0")
    started = [json.loads(line) for line in (profile / "server.log").read_text().splitlines()]
    assert [one["child"] for one in started if one["message"] == "node_started"].count("render") == 1


def test_a_database_server_that_does_not_answer_has_a_code_of_its_own(profile: Path) -> None:
    """systemd starts the server again after this one, and not after a database of another version."""
    (profile / "renderserverconfig.json").write_text(
        json.dumps({"driver": "QPSQL", "host": "127.0.0.1", "port": free_port(), "name": "w", "user": "w"})
    )
    result = run_server(profile, "-c", str(profile / "renderserverconfig.json"), WEBVIEWER_STORAGE=str(profile / "s"))
    assert result.returncode == 9
    assert "No server listens there" in one_line(result)


def test_a_second_server_on_the_same_storage_is_refused(unified_server: UnifiedServer) -> None:
    result = run_server(unified_server.folder, "-c", str(unified_server.folder / "renderserverconfig.json"))
    assert result.returncode == 6
    assert one_line(result) == (
        f"RenderServer: The storage folder '{unified_server.folder}/storage' is in use by another server."
    )
    assert lives(unified_server.process.pid)


def test_the_state_of_the_database_is_an_exit_code(profile: Path) -> None:
    config = ("-c", str(profile / "renderserverconfig.json"))
    assert run_server(profile, *config, "--check-database").returncode == 0
    (profile / "storage" / "webviewer-database").unlink()
    assert run_server(profile, *config, "--check-database").returncode == 2
    assert run_server(profile, *config, "--check-database", "--create-database").returncode == 8
