"""What is in the Debian packages: names, places, modes, licences, and nothing that has no business there."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.systemd_container import ETC, HOME, LOGS, PRODUCT, STATE, packages
from tools.make_deb import BUILD_TYPES, ROOT, file_name

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]
SITE = f"{HOME}/venv/lib/python3.11/site-packages"
PROGRAMS = {
    "unified": {"RenderServer", "WebViewerAdmin"},
    "distributed": {"ControlNode", "StorageNode", "RenderNode", "WebViewerAdmin"},
}
CONFIGURATION = {
    "unified": {"renderserverconfig.json", "renderserverconfig-sqlite.json", "renderserverconfig-postgresql.json"},
    "distributed": {
        *("controlnodeconfig-sqlite.json", "controlnodeconfig-postgresql.json", "rendernode.env"),
        *("storagenodeconfig-sqlite.json", "storagenodeconfig-postgresql.json"),
    },
}


def deb(*words: str) -> str:
    return subprocess.run(["dpkg-deb", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", params=BUILD_TYPES)
def build_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def package(build_type: str) -> Path:
    return packages()[build_type]


@pytest.fixture(scope="module")
def listing(package: Path) -> dict[str, tuple[str, str]]:
    """Return the mode and the owner of each file by its path."""
    found = {}
    for line in deb("--contents", str(package)).splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        found[path.split(" -> ")[0].lstrip(".").rstrip("/")] = (mode, owner)
    return found


@pytest.fixture(scope="module")
def tree(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tree")
    deb("--raw-extract", str(package), str(folder))
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def inside(tree: Path, path: str) -> Path:
    return tree / path.lstrip("/")


def test_the_manuals_examples_of_names() -> None:
    expected = "inobitec-web-dicom-viewer-server-2.10.2-rW-ubuntu-20.04-x64-distributed.deb"
    assert file_name("2.10.2", "rW", "ubuntu-20.04", "amd64", "distributed") == expected


def test_the_name_has_the_manuals_format(package: Path, build_type: str) -> None:
    version = deb("--field", str(package), "Version").strip()
    server_version, _, suffix = version.rpartition("-")
    pattern = rf"{PRODUCT}-{re.escape(server_version)}-{re.escape(suffix)}-debian-12-x64-{build_type}\.deb"
    assert re.fullmatch(pattern, package.name)
    assert deb("--field", str(package), "Package").strip() == f"{PRODUCT}-{build_type}"


def test_lintian_finds_no_error(package: Path) -> None:
    command = ["lintian", "--allow-root", "--fail-on", "error", "--tag-display-limit", "0", str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_override_of_lintian_says_why() -> None:
    lines = (ROOT / "packaging/debian/common/lintian-overrides").read_text("utf-8").splitlines()
    assert lines[0].startswith("#")
    # a comment speaks for the lines up to the next comment
    assert all(line.strip() for line in lines)


def test_files_lie_where_the_manual_says(listing: dict[str, tuple[str, str]], build_type: str) -> None:
    programs = {path.rpartition("/")[2] for path in listing if path.startswith(f"{HOME}/bin/")}
    assert programs == PROGRAMS[build_type]
    configuration = {path.rpartition("/")[2] for path in listing if path.startswith(f"{ETC}/")}
    assert configuration == CONFIGURATION[build_type] | {"control.json", "storage.json"}
    for path in (f"{HOME}/html/index.html", f"{HOME}/html/.config.json", LOGS, STATE):
        assert path in listing


def test_the_guides_come_with_it(tree: Path, build_type: str) -> None:
    folder = f"/usr/share/doc/inobitec-web-dicom-viewer-server-{build_type}"
    for name in ("README.md", "docs/operate.md"):
        assert inside(tree, f"{folder}/{name}").read_bytes() == (ROOT / name).read_bytes()
    packed = inside(tree, f"{folder}/changelog.gz").read_bytes()
    assert gzip.decompress(packed) == (ROOT / "CHANGELOG.md").read_bytes()


def test_owners_and_modes(listing: dict[str, tuple[str, str]]) -> None:
    assert {owner for _, owner in listing.values()} == {"root/root"}
    secret = {path: mode for path, (mode, _) in listing.items() if path.startswith(f"{ETC}/")}
    assert set(secret.values()) == {"-rw-r-----"}, secret
    writable = [path for path, (mode, _) in listing.items() if not mode.startswith("l") and "w" in mode[5] + mode[8]]
    assert writable == []
    executable = {path for path, (mode, _) in listing.items() if mode.startswith("-") and "x" in mode}
    assert {path.rpartition("/")[0] for path in executable} == {f"{HOME}/bin"}


def test_configuration_files_are_marked(tree: Path, listing: dict[str, tuple[str, str]]) -> None:
    marked = set((tree / "DEBIAN/conffiles").read_text("utf-8").split())
    # the folder itself comes without a slash after it
    expected = {path for path in listing if path.startswith("/etc/") and listing[path][0].startswith("-")}
    assert marked == expected | {f"{HOME}/html/.config.json"}


def test_nothing_of_development_is_in_it(listing: dict[str, tuple[str, str]]) -> None:
    words = r"/(tests?|node_modules|\.git.*|\.[a-z]+_cache|\.hypothesis|fixtures|conftest\.py|pip|setuptools)(/|$)"
    assert [path for path in listing if re.search(words, path)] == []
    assert [path for path in listing if path.endswith((".map", ".tsx", ".orig", "~", ".log"))] == []
    ours = {path.split("/")[-2] for path in listing if path.startswith(SITE) and path.endswith("/__init__.py")}
    assert {"webviewer", "functions", "dicom_gateway", "renderpool"} <= ours
    assert not ours & {"tools", "tests"}


def test_every_module_is_compiled_and_no_more(listing: dict[str, tuple[str, str]]) -> None:
    # what is not compiled would be compiled at each start: the service may not write here
    sources = {path for path in listing if path.startswith(f"{SITE}/webviewer/") and path.endswith(".py")}
    compiled = {path for path in listing if path.startswith(f"{SITE}/webviewer/") and path.endswith(".pyc")}
    assert compiled == {re.sub(r"([^/]+)\.py$", r"__pycache__/\1.cpython-311.pyc", path) for path in sources}


def test_no_path_of_the_build_is_left(tree: Path) -> None:
    for place in (str(ROOT), "deb-work", "build-root"):
        found = subprocess.run(["grep", "-rlF", place, str(tree)], capture_output=True, text=True, check=False)
        assert found.stdout == "", f"{place} stands in {found.stdout}"


def test_interpreters_are_the_systems(tree: Path, build_type: str) -> None:
    for name in PROGRAMS[build_type]:
        assert inside(tree, f"{HOME}/bin/{name}").read_bytes().startswith(b"#!/bin/sh\n")
    assert inside(tree, f"{HOME}/venv/bin/python3").readlink() == Path("/usr/bin/python3")
    assert "home = /usr/bin\n" in inside(tree, f"{HOME}/venv/pyvenv.cfg").read_text("utf-8")
    for script in ("postinst", "postrm", "prerm"):
        path = tree / "DEBIAN" / script
        if path.exists():
            subprocess.run(["dash", "-n", str(path)], check=True)
            assert path.read_bytes().startswith(b"#!/bin/sh\nset -e\n")


def test_the_licence_of_each_library_is_named(tree: Path, build_type: str) -> None:
    documents = inside(tree, f"/usr/share/doc/{PRODUCT}-{build_type}")
    text = (documents / "copyright").read_text("utf-8")
    texts = gzip.decompress((documents / "LICENCES-OF-LIBRARIES.gz").read_bytes()).decode()
    libraries = [path for path in inside(tree, SITE).glob("*.dist-info") if not path.name.startswith("web_dicom")]
    assert len(libraries) > 30
    for library in libraries:
        [name] = re.findall(r"^Name: (.+)$", (library / "METADATA").read_text("utf-8"), re.MULTILINE)
        assert re.search(rf"^  {re.escape(name)} \S+: \S+", text, re.MULTILINE), f"{name} has no licence"
    for name in ("react", "@mantine/core", "@fontsource-variable/inter"):
        assert re.search(rf"^  {re.escape(name)} \S+: \S+", text, re.MULTILINE)
        assert re.search(rf"^{re.escape(name)} \S+: \S+\n\n.+\n", texts, re.MULTILINE), f"no text of {name}"


def test_the_two_exclude_each_other(package: Path, build_type: str) -> None:
    [other] = set(BUILD_TYPES) - {build_type}
    assert deb("--field", str(package), "Conflicts").strip() == f"{PRODUCT}-{other}"
    assert deb("--field", str(package), "Replaces").strip() == f"{PRODUCT}-{other}"
    assert "python3 (>= 3.11~)" in deb("--field", str(package), "Depends")
