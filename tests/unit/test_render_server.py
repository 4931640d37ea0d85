"""The unified build tells its nodes everything in their environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.render_server import child_environment, node_commands
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
