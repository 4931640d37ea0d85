"""The flags of drawing (manual 2.8) reach what they are about, given to RenderNode or to RenderServer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.render_server import PROGRAM as RENDER_SERVER
from functions.render_server import child_environment
from renderpool.engine.device import list_devices
from renderpool.main import PROGRAM as RENDER_NODE
from renderpool.main import make_node
from renderpool.server import RenderNode
from tests.support.health import answers
from tests.support.ports import free_port
from webviewer.command_line import Program, make_parser, overrides_of
from webviewer.config import RenderSettings, load_configuration, load_settings

TOKEN = "token-of-the-test-0123456789"
Made = Callable[..., RenderNode]


def render_settings(program: Program, *words: str) -> RenderSettings:
    """Return what the render node works with when these words were given to the program."""
    overrides = overrides_of(program, make_parser(program).parse_args(words))
    if program is RENDER_NODE:
        return load_settings(None, overrides, {}, role=program.role).render
    configuration = load_configuration(None, overrides, {}, role=program.role)
    return load_settings(None, environ=child_environment(configuration, {})).render


@pytest.fixture(params=[RENDER_NODE, RENDER_SERVER], ids=["RenderNode", "RenderServer"])
def node_with(request: pytest.FixtureRequest) -> Iterator[Made]:
    """Return what makes a render node from a command line."""
    made: list[RenderNode] = []

    def make(*words: str) -> RenderNode:
        made.append(make_node(render_settings(request.param, *words), TOKEN))
        return made[-1]

    yield make
    for node in made:
        node.close()


def test_the_defaults_are_the_manual_s(node_with: Made) -> None:
    node = node_with()
    assert node.cache.budget_bytes == 1024**3
    assert node.scheduler._keep_textures
    assert node.scheduler._bandwidth is None
    assert node.scheduler._encoders._max_workers == node.cache.decode._max_workers == 4
    assert len(node.device.available) == len(list_devices())


def test_numbers_reach_the_scheduler_and_the_threads(node_with: Made) -> None:
    last = len(list_devices()) - 1
    node = node_with("--device", str(last), "--render-bandwidth", "250000", "--max-thread-pool-threads", "2")
    assert node.device.index == last
    assert node.scheduler._bandwidth == 250_000
    assert node.scheduler._encoders._max_workers == node.cache.decode._max_workers == 2


@pytest.mark.parametrize("word", ["--no-image-cache", "--no-cache"])
def test_no_image_is_kept(node_with: Made, word: str) -> None:
    node = node_with(word)
    assert node.cache.budget_bytes == 0
    assert not node.scheduler._keep_textures


def test_volumes_have_a_budget_of_their_own_and_may_go_with_their_last_user(node_with: Made) -> None:
    node = node_with("--no-volume-cache")
    assert (node.cache.budget_bytes, node.volumes.budget_bytes, node.volumes.keep) == (1024**3, 2 * 1024**3, False)
    assert node_with().volumes.keep


def test_the_console_script_listens_where_it_is_told_and_lists_the_devices(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "render.log"
    program = Path(sys.executable).with_name("RenderNode")
    process = subprocess.Popen(
        [
            str(program),
            "--port",
            str(port),
            "--device",
            "0",
            "-l",
            str(log),
            "--no-log-to-console",
            "--log-level=debug",
        ],
        env={**os.environ, "WEBVIEWER_INTERNAL_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while not answers(port, TOKEN):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert err == ""
    assert [line for line in out.splitlines() if line.startswith("Rendering device 0: ") and line.endswith(" (used)")]
    lines = {line["message"]: line for line in map(json.loads, log.read_text().splitlines())}
    assert lines["rendering_device"]["device"] == 0
    assert len(lines["rendering_device"]["available"]) == len(list_devices())
    assert lines["render_node_ready"]["port"] == port
