"""The command line of the unified build: every flag reaches its setting, and nothing else is accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.render_server import DEFAULT_LOG_FILE, child_environment, make_parser, node_commands, overrides_of
from webviewer import __version__
from webviewer.config import Settings, load_configuration, load_settings


def settings_of(folder: Path, *words: str) -> Settings:
    (folder / "renderserverconfig.json").write_text(json.dumps({"storage": "s"}))
    options = make_parser().parse_args(["-c", str(folder / "renderserverconfig.json"), *words])
    return load_settings(Path(options.config), overrides_of(options), {}, {"log.file": DEFAULT_LOG_FILE})


@pytest.mark.parametrize(
    ("words", "section", "field", "value"),
    [
        (("--port", "8123"), "control", "port", 8123),
        (("-l", "/x/y.log"), "log", "file", Path("/x/y.log")),
        (("--log", "/x/y.log"), "log", "file", Path("/x/y.log")),
        (("--log-level", "debug"), "log", "level", "debug"),
        (("--log-to-console",), "log", "to_console", True),
        (("--no-log-to-console",), "log", "to_console", False),
        (("--log-flush",), "log", "flush", True),
        (("--no-log-flush",), "log", "flush", False),
        (("--log-high-precision-time",), "log", "high_precision_time", True),
        (("--no-log-high-precision-time",), "log", "high_precision_time", False),
        (("--device", "1"), "render", "device", 1),
        (("--render-bandwidth", "250000"), "render", "render_bandwidth_bytes_per_s", 250000),
        (("--max-thread-pool-threads", "7"), "render", "max_thread_pool_threads", 7),
        (("--no-image-cache",), "render", "image_cache", False),
        (("--no-volume-cache",), "render", "volume_cache", False),
        (("--no-cache",), "render", "image_cache", False),
        (("--no-cache",), "render", "volume_cache", False),
    ],
)
def test_a_flag_reaches_its_setting(
    tmp_path: Path, words: tuple[str, ...], section: str, field: str, value: object
) -> None:
    assert getattr(getattr(settings_of(tmp_path, *words), section), field) == value


def test_without_flags_the_defaults_hold(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert settings.control.port == 8090
    assert settings.render.max_thread_pool_threads == 4
    assert settings.render.image_cache
    assert settings.render.volume_cache
    assert settings.render.device is None
    assert settings.log.file == Path.cwd() / "renderserver.log"


@pytest.mark.parametrize("word", ["--drop-database", "--create-db-user", "--no-imag", "--log-level=loud", "x"])
def test_what_does_nothing_is_not_accepted(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        make_parser().parse_args([word])
    assert caught.value.code == 2
    assert "RenderServer: error:" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version_is_said(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        make_parser().parse_args([flag])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"RenderServer {__version__}\n"


def test_nodes_get_one_token_and_loopback_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.render_server._free_ports", lambda count: [4001, 4002, 4003][:count])
    (tmp_path / "renderserverconfig.json").write_text(json.dumps({"storage": "s"}))
    config = tmp_path / "renderserverconfig.json"
    configuration = load_configuration(config, {"storage.port": 4711}, {})
    environ = child_environment(configuration, {"PATH": "/bin"})
    settings = load_settings(config, environ=environ)
    assert settings.internal_token != configuration.settings.internal_token
    assert settings.storage.port == 4711  # was given
    assert (settings.control.internal_port, settings.render.port) == (4001, 4002)
    assert settings.control.storage_url == settings.render.storage_url == "http://127.0.0.1:4711"
    assert settings.control.render_url == "http://127.0.0.1:4002"
    assert settings.node.control_url == "http://127.0.0.1:4001"
    assert environ["PATH"] == "/bin"
    commands = node_commands(config, environ)
    assert [(command.name, command.arguments[1:]) for command in commands] == [
        ("storage", ("-m", "dicom_gateway.main", "-c", str(config))),
        ("render", ("-m", "renderpool.main", "-c", str(config))),
        ("control", ("-m", "functions.control_node", "-c", str(config))),
    ]
    assert all(settings.internal_token not in repr(command) for command in commands)
