"""The import contract of ``pyproject.toml`` holds, and notices each kind of breach when it is planted in a copy."""

from __future__ import annotations

import graphlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("webviewer", "functions", "dicom_gateway", "renderpool", "tools")

ARROW = "One arrow: what runs above the domain, and never beside"
DOMAIN = "Inside the domain"
FRONT = "Inside the front: roots above functions above common"
GATEWAY = "Inside the gateway: the two ends never know each other"
POOL = "Inside the render pool"
APART = "The controller of the pool stands apart"
CIRCLES = "No circles"
TESTS = "Tests and their tools stay out of the product"
FLASK = "Flask lives in the functions, the gateway's internal API, and what both share"
SOCK = "WebSockets under Flask live in the functions"
GUNICORN = "The HTTP server is started by the nodes"
GREEN = "Green threads live in the front"
SQL = "SQL lives in adapters.db"
ARGON = "Password hashing lives in adapters.crypto"
CLIENT = "HTTP to other nodes lives in the adapters"
METRICS = "Metrics live in the nodes' own modules"
DIGESTS = "Digests of files live in core.file_digest"
ZIP = "ZIP archives live in the gateway"
DIMSE = "DIMSE lives in the gateway"
PYDICOM = "pydicom lives in webviewer.dicom and the gateway"
DECODERS = "Decoders live in webviewer.dicom"
ARRAYS = "Arrays live in webviewer.dicom and the render pool"
OPENGL = "OpenGL and picture encoders live in the engine"
AIOHTTP = "The render node's HTTP lives in its main and server"
KUBERNETES = "Kubernetes lives in the controller of the pool"
MODELS = "Models of messages live where messages come in"

# file of the copy, the line that it gets, the contract that must break
PLANTS = [
    # whole packages
    ("functions/health/app.py", "import renderpool.scene.view", ARROW),
    ("dicom_gateway/command.py", "import functions.common.errors", ARROW),
    ("webviewer/usecases/accounts.py", "import dicom_gateway.status", ARROW),
    ("webviewer/core/uid.py", "import tools.anatomy", ARROW),
    # layers inside them
    ("webviewer/usecases/accounts.py", "import webviewer.adapters.files", DOMAIN),
    ("webviewer/accounts/users.py", "import webviewer.archive", DOMAIN),
    ("webviewer/dicom/lut.py", "import webviewer.protocol.messages", DOMAIN),
    ("webviewer/core/log.py", "import webviewer.config", DOMAIN),
    ("webviewer/surprise.py", "import webviewer.core.uid", DOMAIN),
    ("functions/common/app.py", "import functions.supervisor", FRONT),
    ("functions/auth/app.py", "import functions.health.app", FRONT),
    ("functions/surprise.py", "import functions.common.errors", FRONT),
    ("dicom_gateway/pdu.py", "import dicom_gateway.association", GATEWAY),
    ("dicom_gateway/api/plain.py", "import dicom_gateway.server", GATEWAY),
    ("dicom_gateway/surprise.py", "import dicom_gateway.status", GATEWAY),
    ("renderpool/scene/view.py", "import renderpool.engine.gl", POOL),
    ("renderpool/engine/gl.py", "import renderpool.session.session", POOL),
    ("renderpool/surprise.py", "import renderpool.scene.view", POOL),
    ("renderpool/main.py", "import renderpool.controller.decide", POOL),
    ("renderpool/controller/decide.py", "import renderpool.scene.view", APART),
    # circles, hidden ones too
    ("dicom_gateway/pdu.py", "import dicom_gateway.association", CIRCLES),
    ("renderpool/engine/gl.py", "def late() -> None:\n    import renderpool.engine.device", CIRCLES),
    ("functions/common/peer.py", "if TYPE_CHECKING:\n    import functions.common.app", CIRCLES),
    # one library, one room
    ("webviewer/core/uid.py", "import hypothesis", TESTS),
    ("functions/pages/app.py", "import tests.support.browser", TESTS),
    ("webviewer/usecases/accounts.py", "import flask", FLASK),
    ("webviewer/adapters/wsgi.py", "import flask", FLASK),
    ("dicom_gateway/server.py", "import flask", FLASK),
    ("dicom_gateway/upload.py", "import werkzeug", FLASK),
    ("renderpool/server/app.py", "import flask", FLASK),
    ("dicom_gateway/api/app.py", "import flask_sock", SOCK),
    ("webviewer/usecases/live.py", "import simple_websocket", SOCK),
    ("webviewer/core/uid.py", "import gunicorn", GUNICORN),
    ("functions/health/app.py", "import gunicorn", GUNICORN),
    ("webviewer/adapters/crypto.py", "import gevent", GREEN),
    ("webviewer/accounts/users.py", "import sqlalchemy", SQL),
    ("webviewer/config/load.py", "import sqlalchemy", SQL),
    ("webviewer/adapters/files.py", "import sqlalchemy", SQL),
    ("webviewer/bootstrap.py", "from sqlalchemy import Engine", SQL),
    ("functions/health/app.py", "import psycopg2", SQL),
    ("dicom_gateway/indexer.py", "import alembic", SQL),
    ("webviewer/accounts/users.py", "import argon2", ARGON),
    ("webviewer/core/uid.py", "import requests", CLIENT),
    ("functions/render/relay.py", "import requests", CLIENT),
    ("dicom_gateway/event_publisher.py", "import urllib3", CLIENT),
    ("webviewer/usecases/live.py", "import prometheus_client", METRICS),
    ("webviewer/adapters/files.py", "import xxhash", DIGESTS),
    ("dicom_gateway/api/archive.py", "import zipstream", ZIP),
    ("webviewer/dicom/dataset.py", "import pynetdicom", DIMSE),
    ("dicom_gateway/api/uploads.py", "import pynetdicom", DIMSE),
    ("webviewer/archive.py", "import pydicom", PYDICOM),
    ("renderpool/session/source.py", "import pydicom", PYDICOM),
    ("renderpool/session/images.py", "import imagecodecs", DECODERS),
    ("webviewer/archive.py", "import numpy", ARRAYS),
    ("dicom_gateway/upload.py", "import numpy", ARRAYS),
    ("renderpool/session/session.py", "import OpenGL.GL", OPENGL),
    ("renderpool/server/app.py", "import OpenGL.GL", OPENGL),
    ("renderpool/scene/view.py", "def late() -> None:\n    import OpenGL.GL", OPENGL),
    ("renderpool/server/pictures.py", "import simplejpeg", OPENGL),
    ("renderpool/session/session.py", "import aiohttp", AIOHTTP),
    ("renderpool/controller/decide.py", "import kubernetes.client", KUBERNETES),
    ("webviewer/adapters/nodes.py", "import kubernetes", KUBERNETES),
    ("webviewer/accounts/users.py", "import pydantic", MODELS),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and the contract, in a folder of their own; read only."""
    folder = tmp_path_factory.mktemp("imports")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=lambda _, names: [n for n in names if "." in n and not n.endswith(".py")],
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken_contracts(folder: Path) -> set[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in result.stdout, result.stdout + result.stderr
    found = {line.split(" BROKEN")[0] for line in result.stdout.splitlines() if " BROKEN" in line}
    assert (result.returncode != 0) == bool(found)
    return found


def test_the_product_keeps_every_contract(copy: Path) -> None:
    assert broken_contracts(copy) == set()


@pytest.mark.parametrize(("file", "line", "contract"), PLANTS, ids=lambda value: value.replace("\n", " "))
def test_the_contract_notices_a_planted_import(copy: Path, file: str, line: str, contract: str) -> None:
    path = copy / file
    before = path.read_text() if path.exists() else None
    assert (before is None) == path.name.startswith("surprise")
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        assert contract in broken_contracts(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def test_each_contract_has_a_plant() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert names == {contract for _, _, contract in PLANTS}


def test_every_package_that_is_shipped_is_under_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = {pattern.rstrip("*") for pattern in settings["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert shipped | {"tools"} == set(settings["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


def imports(folder: Path) -> dict[str, set[str]]:
    """What every module of ours imports of ours; imports inside functions and under TYPE_CHECKING count."""
    code = (
        f"import grimp, json; graph = grimp.build_graph(*{PACKAGES!r}, cache_dir=None); "
        "print(json.dumps({one: sorted(graph.find_modules_directly_imported_by(one)) for one in graph.modules}))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return {module: set(found) for module, found in json.loads(result.stdout).items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as found:
        return list(found.args[1])
    return []


def test_no_module_imports_itself_through_others(copy: Path) -> None:
    graph = imports(copy)
    assert len(graph) > 150
    assert circle(graph) == []


@pytest.mark.parametrize(
    "line",
    [
        "import dicom_gateway.api",
        "def late() -> None:\n    import dicom_gateway.api",
        "if TYPE_CHECKING:\n    import dicom_gateway.api",
    ],
)
def test_a_part_that_imports_its_own_package_is_seen(copy: Path, line: str) -> None:
    path = copy / "dicom_gateway/api/app.py"
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        assert {"dicom_gateway.api", "dicom_gateway.api.app"} <= set(circle(imports(copy)))
    finally:
        path.write_text(before)
