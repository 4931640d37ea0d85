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
    return set(json.loads(done.stdout)) & set(LIBRARIES)


@pytest.mark.parametrize(
    ("module", "libraries"),
    [
        ("functions.render_server", set()),
        ("functions.control_node", {"alembic", "flask", "sqlalchemy"}),
        ("renderpool.main", {"OpenGL", "aiohttp", "imagecodecs", "numpy"}),
        ("dicom_gateway.processes", {"flask", "numpy", "pydicom", "pynetdicom", "sqlalchemy"}),
    ],
)
def test_a_node_imports_only_libraries_that_it_works_with(module: str, libraries: set[str]) -> None:
    assert imported(module) == libraries
