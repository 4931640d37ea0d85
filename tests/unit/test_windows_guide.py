"""The command lines of docs/windows.md are ones that the console scripts take, on Windows too."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

import dicom_gateway.main
import functions.render_server
import renderpool.main
from functions.common.program import CONTROL_NODE
from webviewer.command_line import make_parser, overrides_of

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    program.name: program
    for program in (
        functions.render_server.PROGRAM,
        CONTROL_NODE,
        dicom_gateway.main.PROGRAM,
        renderpool.main.PROGRAM,
    )
}
GUIDE = (ROOT / "docs" / "windows.md").read_text("utf-8")
VARIABLES = {"%INSTALL_DIR%": r"C:\WebViewer", "%OPTIONS%": "--no-log-to-console"}


def lines() -> list[tuple[str, list[str]]]:
    """Return each program that the guide starts, with its words."""
    found = []
    guide = GUIDE
    for name, text in VARIABLES.items():
        guide = guide.replace(name, text)
    for line in guide.splitlines():
        match = re.search(r'C:\\WebViewer\\Scripts\\(\w+)\.exe ([^"`]+)', line)
        if match:
            found.append((match[1], match[2].split()))
    return found


@pytest.mark.parametrize(("name", "words"), lines(), ids=[name for name, _ in lines()])
def test_a_command_line_is_taken(name: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    program = PROGRAMS[name]
    options = make_parser(program).parse_args(words)
    if "--log" in words:
        assert overrides_of(program, options)["log.file"] == rf"C:\WebViewer\{name.lower()}.log"
        assert overrides_of(program, options)["log.to_console"] is False
    else:
        assert (options.create_db_user, options.create_database, options.master_db_user) == (True, True, "postgres")


def test_each_node_is_registered_and_each_program_exists() -> None:
    registered = re.findall(r'^sc create "[^"]+" .*\\Scripts\\(\w+)\.exe', GUIDE, re.MULTILINE)
    assert registered == ["ControlNode", "StorageNode", "RenderNode"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(re.findall(r"`(\w+)\.exe`", GUIDE)) | {"RenderController"} == set(project["scripts"])
    assert f"{project['name'].replace('-', '_')}-" in GUIDE
