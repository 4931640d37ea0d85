"""What Windows may run names nothing of POSIX alone: looked for in the tree, and run with those names taken away."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.like_windows import MISSING_MODULES, MISSING_NAMES, OURS
from webviewer.config import MAIN_FILES, Role

ROOT = Path(__file__).resolve().parents[2]

# Reached behind `webviewer.command_line.require_fork` alone: what serves objects and pages on Linux.
LINUX_ALONE = {
    "dicom_gateway/api",
    "dicom_gateway/association_seats.py",
    "dicom_gateway/download.py",
    "dicom_gateway/index_client.py",
    "dicom_gateway/indexer.py",
    "dicom_gateway/processes.py",
    "dicom_gateway/scrub.py",
    "dicom_gateway/upload.py",
    "functions/control_node.py",
    "functions/control_worker.py",
    "functions/hang_watch.py",
    "functions/process_activity.py",
    "functions/supervisor.py",
    "webviewer/adapters/files.py",
    "webviewer/usecases/read_frames.py",
    "webviewer/usecases/stored_files.py",  # a render node of Windows imports it, and has no files of a storage node
    "webviewer/verify_command.py",
}
# Guarded where it stands; the tests below that run it say so.
GUARDED = {
    ("functions/render_server.py", "import fcntl"),
    ("functions/render_server.py", "os.O_CLOEXEC"),
    ("webviewer/core/process.py", "os.getpgid"),
    ("webviewer/core/process.py", "os.killpg"),
}
POSIX_OPTIONS = {"pass_fds", "start_new_session", "preexec_fn", "process_group", "dir_fd"}


def posix_alone(tree: ast.AST) -> set[str]:
    """Return what a module names that only POSIX has."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in MISSING_NAMES.get(node.value.id, frozenset()):
                found.add(f"{node.value.id}.{node.attr}")
            elif node.attr == "add_signal_handler":
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = MISSING_NAMES.get(node.module or "", frozenset())
            found |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in names}
            if (node.module or "").partition(".")[0] in MISSING_MODULES:
                found.add(f"import {node.module}")
        elif isinstance(node, ast.Import):
            found |= {f"import {a.name}" for a in node.names if a.name.partition(".")[0] in MISSING_MODULES}
        elif isinstance(node, ast.keyword) and node.arg in POSIX_OPTIONS:
            found.add(f"{node.arg}=")
    return found


def test_nothing_that_windows_may_run_names_what_it_lacks() -> None:
    found: set[tuple[str, str]] = set()
    for package in OURS:
        for file in sorted((ROOT / package).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if not any(name == known or name.startswith(f"{known}/") for known in LINUX_ALONE):
                found |= {(name, what) for what in posix_alone(ast.parse(file.read_text("utf-8")))}
    assert found == GUARDED


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import os\nos.fork()", {"os.fork"}),
        ("from os import killpg", {"os.killpg"}),
        ("import fcntl", {"import fcntl"}),
        ("from gunicorn.app import base", {"import gunicorn.app"}),
        ("import signal\nX = (signal.SIGTERM, signal.SIGHUP)", {"signal.SIGHUP"}),
        ("loop.add_signal_handler(2, stop)", {"add_signal_handler"}),
        ("subprocess.Popen(words, start_new_session=True)", {"start_new_session="}),
        ("import os\nif hasattr(os, 'fork'): pass", set()),
    ],
)
def test_what_is_looked_for_is_found(line: str, what: set[str]) -> None:
    assert posix_alone(ast.parse(line)) == what


PROGRAMS = {
    Role.UNIFIED: ("RenderServer", "functions.render_server"),
    Role.CONTROL: ("ControlNode", "functions.control_start"),
    Role.STORAGE: ("StorageNode", "dicom_gateway.main"),
}


def run_like_windows(folder: Path, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.like_windows", module, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "WEBVIEWER_INTERNAL_TOKEN": "a-join-secret-of-the-tests"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("role", PROGRAMS)
def test_the_database_commands_work_and_serving_is_refused_in_words(role: Role, tmp_path: Path) -> None:
    name, module = PROGRAMS[role]
    (tmp_path / MAIN_FILES[role]).write_text(json.dumps({"driver": "QSQLITE", "storage": "data"}), "utf-8-sig")
    log = tmp_path / "of the test.log"

    def done(*words: str) -> tuple[int, str]:
        result = run_like_windows(tmp_path, module, "--no-log-to-console", "-l", log.name, *words)
        return result.returncode, result.stdout + result.stderr

    assert done("--check-database")[0] == 2
    assert done("--create-database") == (
        0,
        f"The database {str(tmp_path / 'data' / 'webviewer-database')!r} is ready.\n",
    )
    assert done("--check-database")[0] == 0
    code, said = done()
    assert code == 1
    assert said.startswith(f"{name}: {name} serves on Linux alone: this system cannot fork its processes. The database")
    assert done("--drop-database", "--yes")[0] == 0
    assert [json.loads(line)["message"] for line in log.read_text("utf-8").splitlines()].count("database_command") == 4


def test_nodes_and_users_are_kept_from_a_terminal(tmp_path: Path) -> None:
    config = tmp_path / "controlnodeconfig.json"
    config.write_text(json.dumps({"driver": "QSQLITE", "storage": "data"}))
    assert (
        run_like_windows(tmp_path, "functions.control_start", "--no-log-to-console", "--create-database").returncode
        == 0
    )
    added = run_like_windows(tmp_path, "functions.admin_command", "nodes", "add", "render", "http://127.0.0.1:1")
    assert (added.returncode, added.stderr) == (0, "")
    listed = run_like_windows(tmp_path, "functions.admin_command", "nodes", "list", "--json")
    assert [node["address"] for node in json.loads(listed.stdout)] == ["http://127.0.0.1:1"]


LOOK = """
from tests.support.like_windows import pretend
pretend()
from webviewer.core import system
import functions.supervisor as supervisor
print(system.can_fork(), [n.name for n in system.STOP_SIGNALS], [n.name for n in supervisor._STOP_SIGNALS])
import functions.control_node
"""


def test_what_is_as_on_windows_is_as_told() -> None:
    words = [sys.executable, "-c", LOOK]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert told.stdout == "False ['SIGTERM', 'SIGINT'] ['SIGTERM', 'SIGINT']\n"
    assert told.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'gunicorn.app.base'"
