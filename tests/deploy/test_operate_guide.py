"""The operator's guide: no command block is left out by the tests that run them, and every option in it exists.

Blocks of Debian machines are run by ``test_operate_commands.py``, those of a cluster by ``test_operate_kubernetes.py``.
"""

from __future__ import annotations

import argparse
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from functions.admin_command import make_parser
from tests.deploy.chart_processes import BIN
from tests.deploy.operate_guide import CHECKOUT, DEBIAN, GUIDE, KUBERNETES, Block, at, blocks

PROGRAMS = ("RenderServer", "ControlNode", "StorageNode", "RenderNode")
FENCE = "```"


def test_every_block_is_run_somewhere_or_says_why_not() -> None:
    found = blocks()
    fences = len(re.findall(r"^ *```", GUIDE.read_text("utf-8"), re.MULTILINE))
    assert len(found) * 2 == fences
    run = sum(len(at(place)) for place in (*DEBIAN, *KUBERNETES, *CHECKOUT))
    checked = [block for block in found if block.reason]
    assert run + len(checked) == len(found)
    assert all(at(place) for place in (*DEBIAN, *KUBERNETES, *CHECKOUT))
    assert len(checked) == 1


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ("", "must be sh"),
        ("sh", "needs run=PLACE or check=REASON"),
        ("console run=unified", "must be sh"),
        ("sh run=nowhere", "no test runs the place 'nowhere'"),
        ("sh run=unified check='a reason in some words'", "needs run=PLACE or check=REASON"),
        ("sh check=no", "gives the reason in words"),
        ("sh run=unified skip=yes", "skip"),
    ],
)
def test_a_block_that_no_test_would_run_is_found(info: str, said: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)):
        blocks(f"text\n\n{FENCE}{info}\ntrue\n{FENCE}\n")


def test_a_block_in_a_list_is_read_like_any_other() -> None:
    [block] = blocks(f'1. text\n\n   {FENCE}sh run=unified type="a word"\n   cd /etc \\\n       && ls\n   {FENCE}\n')
    assert block == Block(4, "cd /etc \\\n    && ls\n", "unified", "a word")


def words_of(program: str) -> list[tuple[str, list[str]]]:
    """Return the arguments of each call of a program in the guide, with the block's name."""
    found = []
    for block in blocks():
        for words in block.commands():
            for number, word in enumerate(words):
                if word.rpartition("/")[2] == program and (number == 0 or "/bin/" in word):
                    found.append((block.name, words[number + 1 :]))
    return found


@pytest.mark.parametrize("program", PROGRAMS[:3])
def test_every_option_of_a_program_is_in_its_help(program: str) -> None:
    calls = words_of(program)
    assert calls
    said = subprocess.run([str(BIN / program), "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    for name, words in calls:
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", said), f"{name}: {program} has no {option}"


def test_every_call_of_the_administrators_command_is_a_right_command_line() -> None:
    calls = words_of("WebViewerAdmin")
    assert len(calls) >= 7
    for name, words in calls:
        parsed = make_parser().parse_args(words)
        assert isinstance(parsed, argparse.Namespace), name
        assert "--password" not in words, f"{name}: a password in a command line"


def test_no_block_has_a_password_in_a_command_line() -> None:
    for block in blocks():
        assert "--master-db-password" not in block.script, block.name
        if block.typed:
            assert block.typed not in block.script, block.name


@pytest.mark.parametrize("block", at("checkout"), ids=lambda block: block.name)
def test_the_commands_by_hand_make_a_join_secret_that_nobody_else_reads(block: Block, tmp_path: Path) -> None:
    subprocess.run(["sh", "-ec", block.script], cwd=tmp_path, check=True, timeout=60)
    secret = tmp_path / "join-secret"
    assert re.fullmatch("[0-9a-f]{64}\n", secret.read_text())
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_links_to_files_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", GUIDE.read_text("utf-8")):
        assert "://" in link or (GUIDE.parent / link).exists(), link


@pytest.mark.prove
def test_the_options_of_a_block_that_is_not_run_exist() -> None:
    [block] = [block for block in blocks() if block.reason]
    words = shlex.split(block.script.replace("\\\n", " "), comments=True)
    assert words[words.index("in") + 1 : words.index("do")][-1] == "nginx;"
    call = words[words.index("buildah") : words.index("done")]
    said = "".join(
        subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
        for command in (["buildah"], ["buildah", "push"])
    )
    options = [word for word in call if word.startswith("--")]
    assert options
    assert all(option in said for option in options)
