"""What a bare root gets of the machine that makes it, and when such a root may be removed.

`make bare-run` (of the continuous integration) and `tests/deploy/test_bare_machine.py` run the two commands in one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import shared_data
from tools import bare_machine
from tools.bare_machine import FIRST_PROCESS, mounts_below, remove_root
from tools.bare_server import Refused
from tools.bare_sources import apt_settings, debian_sources, files_to_copy, passed_variables

DEBIAN = """\
# of the image
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"""
SECURITY = """\
Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
 contrib"""
OTHERS = """\
Types: deb
URIs: https://node.example/node_20.x
Suites: nodistro
Components: main"""
SWITCHED_OFF = "Enabled: no\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main"
SOURCES_ONLY = "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main"


def test_only_debian_s_own_stanzas_are_taken() -> None:
    text = f"\n{DEBIAN}\n\n{OTHERS}\n  \n{SWITCHED_OFF}\n\n{SOURCES_ONLY}\n\n{SECURITY}\n"
    assert debian_sources([text, OTHERS, ""]) == [DEBIAN, SECURITY]


@pytest.mark.parametrize(
    ("line", "is_debian"),
    [
        ("deb http://mirror.example/debian bookworm main contrib", True),
        ("  deb [arch=amd64 signed-by=/usr/debian.gpg] http://mirror.example bookworm-updates main # x", True),
        ("deb http://mirror.example/security bookworm/updates main", True),
        ("deb http://mirror.example/debian bookworm-backports main", True),
        ("deb-src http://mirror.example/debian bookworm main", False),
        ("# deb http://mirror.example/debian bookworm main", False),
        ("deb http://mirror.example/debian trixie main", False),
        ("deb https://database.example/apt bookworm-pgdg main", False),
        ("deb https://cloud.example/apt cloud-sdk-bookworm main", False),
        ("deb http://mirror.example/debian ./", False),
        ("", False),
    ],
)  # fmt: skip
def test_only_debian_s_own_lines_are_taken(line: str, is_debian: bool) -> None:
    assert debian_sources([f"\n{line}\n"]) == ([line.strip()] if is_debian else [])


def test_of_apt_only_the_way_to_packages_is_taken() -> None:
    dump = """\
Acquire "";
Acquire::cdrom::mount "/media/cdrom/";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CaInfo "/etc/ssl/own.crt";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "none";
DPkg::Post-Invoke:: "/usr/bin/of-this-machine";
Dir::State "/elsewhere";
"""
    assert apt_settings(dump) == (
        'Acquire::http "";\n'
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::https::CaInfo "/etc/ssl/own.crt";\n'
        'Acquire::Retries "3";\n'
        'Acquire::Check-Valid-Until "false";\n'
    )


def test_nothing_else_of_the_machine_s_environment_shines_through() -> None:
    environ = {
        "PATH": "/opt/node/bin:/usr/bin",
        "PYTHONPATH": "/opt/python",
        "PIP_FIND_LINKS": "/opt/wheels",
        "NODE_PATH": "/opt/node",
        shared_data.VARIABLE: "/data",
        "PIP_CERT": "/etc/ssl/own.crt",
        "https_proxy": "http://proxy.example:3128",
        "SSL_CERT_FILE": "",
    }
    assert passed_variables(environ) == {"PIP_CERT": "/etc/ssl/own.crt", "https_proxy": "http://proxy.example:3128"}


def test_certificates_that_variables_and_settings_name_are_copied(tmp_path: Path) -> None:
    own, npm = tmp_path / "own.crt", tmp_path / "npm.crt"
    own.write_text("own")
    npm.write_text("npm")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".npmrc").write_text(f"fund=false\ncafile = {npm}\n")
    found = files_to_copy({"PIP_CERT": str(own), "SSL_CERT_FILE": str(tmp_path / "missing.crt")}, home)
    assert found[own] == own
    assert found[npm] == npm
    assert found[Path("/root/.npmrc")] == home / ".npmrc"
    assert tmp_path / "missing.crt" not in found
    assert Path("/root/.config/pip/pip.conf") not in found


MOUNTS = """\
22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
40 28 0:33 / /var/cache/a\\040b/machine.1/dev rw - devtmpfs udev rw
41 40 0:34 / /var/cache/a\\040b/machine.1/dev/pts rw - devpts devpts rw
42 28 0:35 / /var/cache/a\\040b/machine.10 rw - tmpfs tmpfs rw
43 28 0:36 / /var/cache/\\303\\251 rw - tmpfs tmpfs rw
"""


def test_mounts_at_a_root_and_below_it_are_found_and_the_innermost_come_first() -> None:
    assert mounts_below(Path("/var/cache/a b/machine.1"), MOUNTS) == [
        Path("/var/cache/a b/machine.1/dev/pts"),
        Path("/var/cache/a b/machine.1/dev"),
    ]
    assert mounts_below(Path("/var/cache/a b/machine.10"), MOUNTS) == [Path("/var/cache/a b/machine.10")]
    assert mounts_below(Path("/var/cache/é"), MOUNTS) == [Path("/var/cache/é")]
    assert mounts_below(Path("/var/cache/a"), MOUNTS) == []


def test_a_root_with_a_mount_that_stays_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "machine.1"
    (root / "dev").mkdir(parents=True)
    (root / "dev/null").write_text("of the machine")
    asked: list[object] = []
    monkeypatch.setattr(bare_machine, "mounts_below", lambda folder, _mountinfo: [folder / "dev"])
    monkeypatch.setattr(subprocess, "run", lambda command, **_options: asked.append(command))
    with pytest.raises(Refused, match=r"dev is still mounted, so .* stays"):
        remove_root(root)
    assert asked == [["umount", "-R", "-l", str(root / "dev")]]
    assert (root / "dev/null").read_text() == "of the machine"


def test_a_root_without_mounts_is_removed(tmp_path: Path) -> None:
    (tmp_path / "machine.1/etc").mkdir(parents=True)
    remove_root(tmp_path / "machine.1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["run"], ["make", "test"]])
def test_without_root_it_is_said_and_nothing_passes(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert bare_machine.main(["--cache", str(tmp_path / "cache"), *command]) == 1
    assert capsys.readouterr().err == (
        "bare machine: This takes root, for chroot and mounts. Run it as root, for example with sudo.\n"
    )
    assert not (tmp_path / "cache").exists()


def test_a_missing_program_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bare_machine.main(["--cache", str(tmp_path / "cache"), "run"]) == 1
    assert "mmdebstrap is missing. On Debian, `tools/system_packages.sh bare` installs it." in capsys.readouterr().err


def test_the_clone_is_the_last_commit_and_knows_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, root = tmp_path / "project", tmp_path / "root"
    project.mkdir()
    (root / "root").mkdir(parents=True)
    monkeypatch.setattr(bare_machine, "PROJECT", project)

    def git(folder: Path, *words: str) -> str:
        own = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "safe.directory=*")
        return subprocess.run(["git", *own, *words], cwd=folder, capture_output=True, text=True, check=True).stdout

    git(project, "init", "--quiet")
    (project / "file").write_text("committed")
    git(project, "add", "file")
    git(project, "commit", "--quiet", "-m", "one")
    (project / "file").write_text("changed")
    (project / "other").write_text("not committed")
    if os.getuid() == 0:
        for path in (project, *project.rglob("*")):
            os.chown(path, 65534, 65534)  # checked out by another user
    bare_machine.clone_project(root)
    clone = root / "root/project"
    assert (clone / "file").read_text() == "committed"
    assert not (clone / "other").exists()
    assert git(clone, "remote") == ""
    assert git(clone, "rev-parse", "HEAD") == git(project, "rev-parse", "HEAD")


def test_the_tool_needs_nothing_but_python() -> None:
    """It runs before there is a virtual environment."""
    command = [sys.executable, "-S", "-c", "import tools.bare_machine"]
    assert subprocess.run(command, cwd=bare_machine.PROJECT, check=False).returncode == 0


def test_the_first_process_is_sound_shell() -> None:
    assert subprocess.run(["sh", "-n"], input=FIRST_PROCESS, text=True, check=False).returncode == 0
