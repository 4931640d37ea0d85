"""`make test` on a Debian with nothing but git, make, certificates and Python; `make bare-run` tries `make run` so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tools.bare_machine import CACHE, fresh_root, mounts_below, processes
from tools.bare_server import Refused, try_server

ROOT = Path(__file__).resolve().parents[2]
HOUR_S = 3600


def test_a_server_that_ends_before_it_is_ready_is_refused() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Refused, match=r"^`make run` ended with exit code 2 before there was a ready server\.$"):
        try_server(url, lambda: 2)


@pytest.mark.prove
def test_a_run_ends_with_all_its_processes_and_leaves_no_folder() -> None:
    """Even a process that has left its session and its parent ends, and the machine sees none of the mounts."""
    with fresh_root(CACHE) as root:
        (root / "root/project").mkdir()
        script = "setsid sleep 1000 & echo started >/root/started; exec sleep 1000"
        with processes(root, ["sh", "-c", script]) as command:
            while not (root / "root/started").exists():
                assert command.poll() is None
            assert mounts_below(root, Path("/proc/self/mountinfo").read_text()) == []
        assert [one for one in Path("/proc").glob("[0-9]*/root") if leads_to(one, root)] == []
    assert not root.exists()


def leads_to(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:  # the process has ended
        return False


@pytest.mark.prove
@pytest.mark.timeout(2 * HOUR_S)
def test_everything_is_green_on_a_bare_machine() -> None:
    command = [sys.executable, "-m", "tools.bare_machine", "make", "test"]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=2 * HOUR_S).returncode == 0
