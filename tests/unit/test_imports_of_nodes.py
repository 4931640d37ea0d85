"""What each node holds in its memory from its start: libraries that it has no work for are not imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LIBRARIES = (
    "OpenGL",
    "aiohttp",
    "alembic",
    "flask",
    "glfw",
    "imagecodecs",
    "numpy",
    "psycopg2",
    "pydicom",
    "pynetdicom",
    "sqlalchemy",
)
PROGRAM = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"


def imported(module: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, module], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("module", "libraries"),
    [
        ("functions.render_server", set()),
        ("functions.control_node", {"flask", "sqlalchemy"}),
        ("renderpool.main", {"aiohttp", "imagecodecs", "numpy"}),
        ("dicom_gateway.processes", {"flask", "numpy", "pydicom", "pynetdicom", "sqlalchemy"}),
    ],
)
def test_a_node_imports_only_libraries_that_it_works_with(module: str, libraries: set[str]) -> None:
    assert imported(module) & set(LIBRARIES) == libraries


def test_the_administrators_command_loads_no_more_than_its_database_and_its_calls() -> None:
    """It answers in half a second of CPU (`make bench ONLY=admin_command`): each of these is a part of that."""
    heavy = {
        *("alembic", "mako", "pydantic", "prometheus_client", "flask", "werkzeug", "gevent", "gunicorn", "aiohttp"),
        *("numpy", "pydicom", "pygments", "OpenGL", "webviewer.protocol.messages", "urllib3"),
    }
    assert imported("functions.admin_command") & heavy == set()
    assert "sqlalchemy" in imported("functions.admin_command")
