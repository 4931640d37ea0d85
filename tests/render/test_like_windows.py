"""The render node serves and ends where the standard library lacks what it lacks on Windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.health import answers
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-test-0123456789"


def test_the_render_node_needs_nothing_of_posix(tmp_path: Path) -> None:
    port = free_port()
    words = ["-m", "tests.support.like_windows", "renderpool.main", "--port", str(port), "--no-log-to-console"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "WEBVIEWER_INTERNAL_TOKEN": TOKEN}
    process = subprocess.Popen([sys.executable, *words], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
        while not answers(port, TOKEN):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert "render_node_stopping" in (tmp_path / "rendernode.log").read_text("utf-8")
