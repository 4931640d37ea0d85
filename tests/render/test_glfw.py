"""Drawing in a hidden window of GLFW, as on Windows and macOS: here with X11, on Xvfb."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderpool.engine import gl
from tests.support.health import answers
from tests.support.ports import free_port
from tests.support.xvfb import running_xvfb
from webviewer.core.errors import RenderError

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-test-0123456789"


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with running_xvfb() as name:
        yield name


def environment(**variables: str) -> dict[str, str]:
    # PYTEST_CURRENT_TEST: a pytest that is started here runs a test only when it says so itself
    foreign = ("DISPLAY", "WAYLAND_DISPLAY", "PYTEST_CURRENT_TEST")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, "WEBVIEWER_INTERNAL_TOKEN": TOKEN, **variables}


def test_windows_and_macos_draw_by_glfw_and_linux_where_it_has_no_egl(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gl.automatic_way("win32") is gl.Way.GLFW
    assert gl.automatic_way("darwin") is gl.Way.GLFW
    assert gl.automatic_way("linux") is gl.Way.EGL

    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("ctypes.CDLL", missing)
    assert gl.automatic_way("linux") is gl.Way.GLFW


def test_a_process_draws_in_one_way() -> None:
    assert gl.way() is gl.Way.EGL
    gl.use(gl.Way.EGL)
    with pytest.raises(RenderError, match="This process draws by EGL already"):
        gl.use(gl.Way.GLFW)


def test_pictures_drawn_by_glfw_are_those_of_the_reference(display: str) -> None:
    """The tests of drawing themselves, in a process that draws by GLFW: images, and shaded volumes."""
    tests = ["tests/render/test_drawing.py", "tests/render/test_ray_cast.py", "-k", "drawing or (composite and bone)"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment(DISPLAY=display, TEST_OFF_SCREEN="glfw"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 40
    assert "drawn by GLFW" in done.stdout


def test_a_render_node_says_that_it_draws_by_glfw_and_ends_in_good_order(display: str, tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "renderpool.main", "--port", str(port), "--no-log-to-console"],
        cwd=tmp_path,
        env=environment(DISPLAY=display, WEBVIEWER_OFF_SCREEN="glfw", PYTHONPATH=str(ROOT)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while not answers(port, TOKEN):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert "Rendering device 0: the desktop's device, GLFW (used)\n" in out


@pytest.mark.parametrize(
    ("variables", "words", "reason"),
    [
        ({}, [], "RenderNode: No graphics device gives an OpenGL 3.3 context|RenderNode: GLFW does not initialise"),
        ({"DISPLAY": "display"}, ["--device", "1"], r"RenderNode: Device 1 is not there: must be 0 to 0\."),
    ],
    ids=["no desktop", "no such device"],
)
def test_what_glfw_cannot_do_is_one_line_and_exit_code_5(
    *, variables: dict[str, str], words: list[str], reason: str, display: str, tmp_path: Path
) -> None:
    environ = environment(WEBVIEWER_OFF_SCREEN="glfw", PYTHONPATH=str(ROOT))
    environ |= dict.fromkeys(variables, display)
    done = subprocess.run(
        [sys.executable, "-m", "renderpool.main", "--port", str(free_port()), "--no-log-to-console", *words],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 5
    assert re.match(reason, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1


def test_a_node_that_draws_by_egl_loads_nothing_of_glfw() -> None:
    program = (
        "import sys; from renderpool.engine.device import Context; Context().close(); print('glfw' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"
