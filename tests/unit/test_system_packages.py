"""Packages that ``tools/system_packages.sh`` installs for a purpose; its ``apt-get`` here only takes notes."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools/system_packages.sh"
HEAVY = {"chromium", "orthanc", "etcd-server", "podman", "dcmtk", "postgresql-15", "nginx-light", "dicom3tools", "runc"}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder that is the whole PATH: what a purpose needs is missing there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "grep", "ls", "rm", "mv", "chmod", "cat", "sleep", "kill"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    write(folder / "id", "echo 0")
    write(folder / "ldconfig", "exit 0")
    note(folder, "exit 0")
    return folder


def write(file: Path, code: str) -> None:
    file.write_text(f"#!/bin/sh\n{code}\n")
    file.chmod(0o755)


def note(folder: Path, then: str) -> None:
    """Let ``apt-get`` note its words and what invoke-rc.d would be told meanwhile."""
    policy = folder.parent / "policy-rc.d"
    asked = f'sh "{policy}" nginx start; echo "$* policy $?" >>"{folder.parent}/notes"'
    write(folder / "apt-get", f"{asked}\n{then}")


def run(programs: Path, purpose: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(programs), "POLICY_RC_D": str(programs.parent / "policy-rc.d")}
    command = ["/bin/sh", str(SCRIPT), purpose, "no-python-here"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def installed(programs: Path) -> set[str]:
    words = re.findall(r"^install (.*) policy \d+$", (programs.parent / "notes").read_text(), re.MULTILINE)
    return {word for line in words for word in line.split() if not word.startswith("-")}


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [("deb", {"debhelper", "dpkg-dev", "fakeroot"}), ("images", {"mmdebstrap", "buildah"}), ("bare", {"mmdebstrap"})],
)
def test_a_build_installs_what_it_needs_and_nothing_else(programs: Path, purpose: str, expected: set[str]) -> None:
    assert run(programs, purpose).returncode == 0
    assert installed(programs) == expected


def test_the_virtual_environment_takes_no_drawing_and_no_service(programs: Path) -> None:
    assert run(programs, "python").returncode == 0
    assert installed(programs) - {"ca-certificates"} == {"python3", "python3-venv"}


@pytest.mark.parametrize("target", ["deb", "images"])
def test_make_asks_for_no_other_purpose(target: str) -> None:
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", target]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"tools/system_packages\.sh (\w+)", shown)) == {target, "python"}


def test_services_are_kept_from_starting_and_the_machine_is_as_before(programs: Path) -> None:
    assert run(programs, "deb").returncode == 0
    notes = (programs.parent / "notes").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in notes] == ["101", "101"]
    assert not (programs.parent / "policy-rc.d").exists()


def test_a_policy_of_the_machines_own_comes_back(programs: Path) -> None:
    own = programs.parent / "policy-rc.d"
    write(own, "exit 0")
    before = (own.read_text(), own.stat().st_mode)
    assert run(programs, "deb").returncode == 0
    assert (own.read_text(), own.stat().st_mode) == before
    assert not own.with_name("policy-rc.d.machine").exists()
    assert (programs.parent / "notes").read_text().count("policy 101") == 2


@pytest.mark.parametrize("ending", ["exit 100", f"kill -{signal.SIGTERM.value} $PPID; sleep 0.2"])
def test_a_failed_or_interrupted_install_leaves_no_policy(programs: Path, ending: str) -> None:
    note(programs, ending)
    assert run(programs, "deb").returncode in (100, 143)
    assert not (programs.parent / "policy-rc.d").exists()


def test_the_policy_of_a_run_that_was_killed_is_not_taken_for_the_machines_own(programs: Path) -> None:
    note(programs, f"kill -{signal.SIGKILL.value} $PPID")
    run(programs, "deb")
    assert (programs.parent / "policy-rc.d").exists()
    note(programs, "exit 0")
    assert run(programs, "deb").returncode == 0
    assert not (programs.parent / "policy-rc.d").exists()
