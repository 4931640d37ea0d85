"""What ``.ci/run`` runs, tried with a ``make`` that only notes what it is asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci/run"


def run(folder: Path, *, user: int, ci: str, failing: str = "") -> tuple[int, list[str], str]:
    """Return the exit code, the targets in their order, and the output."""
    notes = folder / "targets"
    programs = {
        "id": f"echo {user}",
        "make": f'echo "$*" >>{notes}; [ "$*" != "{failing}" ]',
        "dirname": f"echo {SCRIPT.parent}",
    }
    for name, code in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{code}\n")
        (folder / name).chmod(0o755)
    environ = {"PATH": str(folder), **({"CI": ci} if ci else {})}
    result = subprocess.run(
        ["/bin/sh", str(SCRIPT)], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return result.returncode, notes.read_text().split("\n")[:-1] if notes.exists() else [], result.stderr


@pytest.mark.parametrize("ci", ["true", ""])
def test_root_tries_the_bare_machine_first_and_then_what_a_developer_runs(tmp_path: Path, ci: str) -> None:
    assert run(tmp_path, user=0, ci=ci) == (0, ["bare-run", "test"], "")


@pytest.mark.parametrize(("failing", "targets"), [("bare-run", ["bare-run"]), ("test", ["bare-run", "test"])])
def test_what_fails_ends_the_run(tmp_path: Path, failing: str, targets: list[str]) -> None:
    code, found, _ = run(tmp_path, user=0, ci="true", failing=failing)
    assert code != 0
    assert found == targets


def test_the_continuous_integration_never_leaves_the_bare_machine_out(tmp_path: Path) -> None:
    code, targets, said = run(tmp_path, user=1000, ci="true")
    assert (code, targets) == (1, [])
    assert "make bare-run takes root" in said


def test_a_developer_without_root_is_told_what_is_left_out(tmp_path: Path) -> None:
    code, targets, said = run(tmp_path, user=1000, ci="")
    assert (code, targets) == (0, ["test"])
    assert said == ".ci/run: you are not root, so make bare-run is left out.\n"
