"""The command lines of all executables: every flag of manual 2.8 reaches its setting, and nothing else is accepted."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from pathlib import Path

import pytest

import dicom_gateway.main
import functions.common.program
import functions.render_server
import renderpool.main
from webviewer import __version__
from webviewer.command_line import (
    ExitCode,
    Program,
    StartError,
    config_file_of,
    make_parser,
    overrides_of,
    run,
)
from webviewer.config import Configuration, Role, Settings, load_settings
from webviewer.core.errors import ConfigError

RENDER_SERVER = functions.render_server.PROGRAM
CONTROL_NODE = functions.common.program.CONTROL_NODE
STORAGE_NODE = dicom_gateway.main.PROGRAM
RENDER_NODE = renderpool.main.PROGRAM
PROGRAMS = [RENDER_SERVER, CONTROL_NODE, STORAGE_NODE, RENDER_NODE]
TOKEN = "a-join-secret-of-the-tests"

each_program = pytest.mark.parametrize("program", PROGRAMS, ids=[program.name for program in PROGRAMS])
each_with_database = pytest.mark.parametrize("program", PROGRAMS[:3], ids=[program.name for program in PROGRAMS[:3]])
each_that_draws = pytest.mark.parametrize("program", [RENDER_SERVER, RENDER_NODE], ids=["RenderServer", "RenderNode"])


def parse(program: Program, *words: str) -> Namespace:
    return make_parser(program).parse_args(words)


def settings_of(program: Program, *words: str) -> Settings:
    overrides = overrides_of(program, parse(program, *words))
    return load_settings(None, overrides, {}, {"log.file": program.log_file}, role=program.role)


@each_program
@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (("-l", "/x/y.log"), "file", Path("/x/y.log")),
        (("--log", "/x/y.log"), "file", Path("/x/y.log")),
        (("--log-level", "debug"), "level", "debug"),
        (("--log-to-console",), "to_console", True),
        (("--no-log-to-console",), "to_console", False),
        (("--log-flush",), "flush", True),
        (("--no-log-flush",), "flush", False),
        (("--log-high-precision-time",), "high_precision_time", True),
        (("--no-log-high-precision-time",), "high_precision_time", False),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_flag_of_the_log_reaches_its_setting(
    program: Program, words: tuple[str, ...], field: str, value: object
) -> None:
    assert getattr(settings_of(program, *words).log, field) == value


@each_that_draws
@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (("--device", "1"), "device", 1),
        (("--render-bandwidth", "250000"), "render_bandwidth_bytes_per_s", 250000),
        (("--max-thread-pool-threads", "7"), "max_thread_pool_threads", 7),
        (("--no-image-cache",), "image_cache", False),
        (("--no-volume-cache",), "volume_cache", False),
        (("--no-cache",), "image_cache", False),
        (("--no-cache",), "volume_cache", False),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_flag_of_drawing_reaches_its_setting(
    program: Program, words: tuple[str, ...], field: str, value: object
) -> None:
    assert getattr(settings_of(program, *words).render, field) == value


def test_the_port_is_that_of_the_program_s_own_listener() -> None:
    assert settings_of(RENDER_SERVER, "--port", "8123").control.port == 8123
    assert settings_of(RENDER_NODE, "--port", "8123").render.port == 8123


@each_program
def test_without_flags_the_defaults_hold(program: Program) -> None:
    settings = settings_of(program)
    names = {"RenderServer": "renderserver", "ControlNode": "controlnode", "StorageNode": "storagenode"}
    assert settings.log.file == Path.cwd() / f"{names.get(program.name, 'rendernode')}.log"
    assert (settings.log.level, settings.log.to_console, settings.log.flush) == ("info", True, True)
    assert (settings.control.port, settings.storage.port, settings.render.port) == (8090, 8081, 8080)
    assert settings.render.max_thread_pool_threads == 4
    assert settings.render.render_bandwidth_bytes_per_s is None
    assert settings.render.device is None
    assert settings.render.image_cache
    assert settings.render.volume_cache


@each_program
@pytest.mark.parametrize("word", ["--no-imag", "--log-level=loud", "x", "--port=x", "--check-databas"])
def test_what_is_no_flag_is_refused(program: Program, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(program, [word], never)
    assert caught.value.code == ExitCode.USAGE
    assert f"{program.name}: error:" in capsys.readouterr().err


@pytest.mark.parametrize("program", [CONTROL_NODE, STORAGE_NODE], ids=["ControlNode", "StorageNode"])
@pytest.mark.parametrize("word", ["--device=0", "--port=1", "--render-bandwidth=1", "--no-cache"])
def test_a_node_that_draws_nothing_has_no_such_flag(program: Program, word: str) -> None:
    with pytest.raises(SystemExit):
        parse(program, word)


@pytest.mark.parametrize("word", ["-c=x", "--check-database", "--create-database", "--master-db-user=x", "--yes"])
def test_the_render_node_has_no_database(word: str) -> None:
    with pytest.raises(SystemExit):
        parse(RENDER_NODE, word)


@each_program
@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version_is_said(program: Program, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(program, flag)
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"{program.name} {__version__}\n"


@each_program
@pytest.mark.parametrize(("platform", "question_mark"), [("win32", True), ("linux", False)])
def test_the_help_names_every_flag_and_windows_has_one_more(
    program: Program,
    platform: str,
    question_mark: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(SystemExit) as caught:
        parse(program, "--help")
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert ("-?" in told) is question_mark
    for word in ("--version", "--log", "--log-level", "--no-log-flush"):
        assert word in told
    assert ("--create-db-scheme" in told) is program.has_database
    assert ("--render-bandwidth" in told) is program.draws
    if question_mark:
        with pytest.raises(SystemExit) as caught:
            parse(program, "-?")
        assert caught.value.code == 0


@each_program
def test_the_readme_names_every_flag(program: Program) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8").replace("--[no-]", "--no-")
    flags = [flag for action in make_parser(program)._actions for flag in action.option_strings]
    positive = ("--log-to-console", "--log-flush", "--log-high-precision-time")  # README: --[no-]log-…
    assert [
        flag for flag in flags if flag not in positive and not re.search(rf"`{flag}\b|`[^`]*{flag}\b", readme)
    ] == []


OTHERS = ["--create-database", "--create-db-user", "--drop-database", "--update-database", "--create-db-scheme"]


@each_with_database
@pytest.mark.parametrize("other", OTHERS)
def test_a_check_goes_with_no_change_and_nothing_is_done(
    program: Program, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"driver": "QSQLITE", "storage": "s"}))
    log = tmp_path / "x.log"
    for words in (["--check-database", other], [other, "--check-database"]):
        with pytest.raises(SystemExit) as caught:
            run(program, ["-c", str(config), "-l", str(log), *words, "--yes"], never)
        assert caught.value.code == 8
    assert f"--check-database cannot go with {other}: nothing was done" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@each_with_database
def test_a_wrong_command_line_is_not_taken_for_the_state_of_a_database(program: Program) -> None:
    with pytest.raises(SystemExit) as caught:
        run(program, ["--check-database", "--nonsense"], never)
    assert caught.value.code == ExitCode.WRONG_WITH_CHECK


@each_with_database
def test_a_configuration_file_is_mandatory(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("WEBVIEWER_DATABASE_DRIVER", "WEBVIEWER_ROLE"):
        monkeypatch.delenv(name, raising=False)
    names = {Role.UNIFIED: "renderserverconfig", Role.CONTROL: "controlnodeconfig", Role.STORAGE: "storagenodeconfig"}
    name = f"{names[program.role]}.json"
    assert run(program, [], never) == ExitCode.CONFIG
    assert f"{program.name}: There is no configuration file {name} in {tmp_path}" in capsys.readouterr().err
    assert run(program, ["-c", "none.json"], never) == ExitCode.CONFIG
    assert capsys.readouterr().err == f"{program.name}: Configuration file 'none.json' does not exist.\n"
    (tmp_path / name).write_text("{}")
    assert config_file_of(program, parse(program)) == Path(name)
    (tmp_path / name).unlink()
    monkeypatch.setenv("WEBVIEWER_DATABASE_DRIVER", "QPSQL")  # a container: all is in the environment
    assert config_file_of(program, parse(program)) is None


def test_a_part_of_the_unified_build_reads_no_file_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "controlnodeconfig.json").write_text("{}")
    monkeypatch.setenv("WEBVIEWER_ROLE", "unified")
    assert config_file_of(CONTROL_NODE, parse(CONTROL_NODE)) is None


def started(program: Program, *words: str) -> Configuration:
    """Return what the program would have worked with."""
    found: list[Configuration] = []

    def serve(configuration: Configuration, _file: Path | None) -> int:
        found.append(configuration)
        return 0

    assert run(program, [*words, "--no-log-to-console"], serve) == 0
    return found[0]


@pytest.mark.parametrize("program", PROGRAMS[1:], ids=[program.name for program in PROGRAMS[1:]])
def test_a_node_of_the_distributed_build_wants_the_join_secret(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBVIEWER_DATABASE_DRIVER", "QPSQL")
    monkeypatch.delenv("WEBVIEWER_INTERNAL_TOKEN", raising=False)
    assert run(program, ["--no-log-to-console"], never) == ExitCode.CONFIG
    assert "There is no join secret: WEBVIEWER_INTERNAL_TOKEN" in capsys.readouterr().err
    (tmp_path / "secret").write_text(TOKEN + "\n")
    monkeypatch.setenv("WEBVIEWER_INTERNAL_TOKEN_FILE", str(tmp_path / "secret"))
    settings = started(program).settings
    assert settings.internal_token == TOKEN
    assert settings.role is program.role
    assert TOKEN not in repr(settings)


def test_the_unified_build_makes_its_own_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBVIEWER_DATABASE_DRIVER", "QSQLITE")
    monkeypatch.delenv("WEBVIEWER_INTERNAL_TOKEN", raising=False)
    assert len(started(RENDER_SERVER).settings.internal_token) >= 32


def test_a_node_of_the_unified_build_is_told_so_and_no_other_role_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBVIEWER_DATABASE_DRIVER", "QSQLITE")
    monkeypatch.setenv("WEBVIEWER_ROLE", "unified")
    assert started(STORAGE_NODE).settings.role is Role.UNIFIED
    monkeypatch.setenv("WEBVIEWER_ROLE", "control")
    assert run(STORAGE_NODE, [], never) == ExitCode.CONFIG
    assert capsys.readouterr().err == (
        'StorageNode: environment variable WEBVIEWER_ROLE: "control" is invalid: must be storage for StorageNode, '
        "or unified.\n"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("It is wrong."), ExitCode.CONFIG),
        (StartError("It is wrong.", ExitCode.PORT_BUSY), ExitCode.PORT_BUSY),
        (StartError("It is wrong.", ExitCode.STORAGE), ExitCode.STORAGE),
    ],
)
def test_what_stops_a_start_is_one_line_and_a_code(
    error: Exception,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBVIEWER_INTERNAL_TOKEN", TOKEN)

    def serve(_configuration: Configuration, _file: Path | None) -> int:
        raise error

    assert run(RENDER_NODE, [], serve) == code
    assert capsys.readouterr().err == "RenderNode: It is wrong.\n"
    (line,) = map(json.loads, (tmp_path / "rendernode.log").read_text().splitlines())
    assert (line["message"], line["reason"], line["node"]) == ("cannot_start", "It is wrong.", "render")


def test_a_log_that_cannot_be_written_has_a_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBVIEWER_INTERNAL_TOKEN", TOKEN)
    assert run(RENDER_NODE, ["-l", str(tmp_path / "none" / "x.log")], never) == ExitCode.LOG
    assert "cannot be written" in capsys.readouterr().err


@each_with_database
def test_wrong_settings_are_an_internal_error_of_a_check(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"driver": "QMYSQL"}))
    assert run(program, ["-c", str(config), "--check-database"], never) == 1
    assert "must be one of QSQLITE, QPSQL" in capsys.readouterr().err
    config.write_text(json.dumps({"driver": "QSQLITE"}))
    assert run(program, ["-c", str(config), "--check-database", "-l", str(tmp_path / "no" / "x")], never) == 1


def never(_configuration: Configuration, _file: Path | None) -> int:
    raise AssertionError("nothing may be started")


@pytest.fixture(autouse=True)
def _log_as_before() -> object:
    """Take the handlers away that `run` gave to the root logger."""
    import logging

    root = logging.getLogger()
    before, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(False)
