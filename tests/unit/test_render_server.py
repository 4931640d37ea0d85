"""The unified build tells its nodes everything in their environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.render_server import child_environment, node_commands
from webviewer.adapters.db.states import DatabaseState, Finding
from webviewer.command_line import LASTING_EXIT_CODES
from webviewer.config import Role, TableSet, load_configuration, load_settings


def test_nodes_get_one_token_and_loopback_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.render_server._free_ports", lambda count: [4001, 4002, 4003][:count])
    config = tmp_path / "renderserverconfig.json"
    config.write_text(json.dumps({"storage": "s"}))
    configuration = load_configuration(config, {"storage.port": 4711}, {})
    environ = child_environment(configuration, {"PATH": "/bin"})
    settings = load_settings(None, environ=environ)
    assert settings.role is Role.UNIFIED
    assert settings.database.tables == frozenset(TableSet)
    assert settings.database == configuration.settings.database
    assert settings.internal_token != configuration.settings.internal_token
    assert settings.storage.port == 4711  # was given
    assert (settings.control.internal_port, settings.render.port) == (4001, 4002)
    assert settings.node.control_url == "http://127.0.0.1:4001"
    assert environ["PATH"] == "/bin"
    commands = node_commands(environ)
    assert [(command.name, command.arguments[1:]) for command in commands] == [
        ("storage", ("-m", "dicom_gateway.main")),
        ("render", ("-m", "renderpool.main")),
        ("control", ("-m", "functions.control_node")),
    ]
    assert all(settings.internal_token not in repr(command) for command in commands)
    names = [load_settings(None, environ=command.environ).node.name for command in commands]
    assert names == ["", "render", ""]


ROOT = Path(__file__).resolve().parents[2]


def test_systemd_does_not_restart_a_node_for_a_reason_that_a_restart_cannot_mend() -> None:
    units = sorted((ROOT / "packaging" / "debian").glob("*.service"))
    assert len(units) == 4
    for unit in units:
        (line,) = [line for line in unit.read_text().splitlines() if line.startswith("RestartPreventExitStatus=")]
        assert {int(code) for code in line.partition("=")[2].split()} == set(LASTING_EXIT_CODES) == {2, 3, 5, 7}


def test_systemd_starts_a_killed_node_again_within_a_second_and_never_gives_up() -> None:
    """A database server may be away for hours, and of the 10 s until the server is ready systemd takes one."""
    for unit in (ROOT / "packaging" / "debian").glob("*.service"):
        head, _, service = unit.read_text().partition("[Service]")
        assert "\nStartLimitIntervalSec=0\n" in head
        assert "\nRestartSec=1\n" in service


@pytest.mark.parametrize(
    ("reason", "may_pass"),
    [
        ('connection to server at "10.0.0.9", port 5432 failed: Connection refused', True),
        ('could not translate host name "db" to address: Temporary failure in name resolution', True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  sorry, too many clients already", True),
        ("timeout expired", True),
        ('FATAL:  database "viewer" does not exist', False),
        ('FATAL:  role "viewer" does not exist', False),
        ('FATAL:  password authentication failed for user "viewer"', False),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9"', False),
        ("there is no such file", False),
    ],
)
def test_a_database_server_that_is_away_may_come_back_and_wrong_settings_do_not(reason: str, may_pass: bool) -> None:
    assert Finding(DatabaseState.NO_CONNECTION, reason).may_pass is may_pass


@pytest.mark.parametrize("state", [state for state in DatabaseState if state is not DatabaseState.NO_CONNECTION])
def test_a_database_that_answers_and_is_unfit_does_not_become_fit_by_a_restart(state: DatabaseState) -> None:
    assert not Finding(state, "its version is '9999'").may_pass
