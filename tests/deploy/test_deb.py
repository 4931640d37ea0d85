"""What is in the Debian packages: names, places, modes, licences, and nothing that has no business there."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.deploy.systemd_container import ETC, HOME, LOGS, PRODUCT, STATE, packages
from tools.deb_interpreter import PACKAGES as INTERPRETER
from tools.make_deb import BUILD_TYPES, ROOT, build, file_name

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
    assert configuration == CONFIGURATION[build_type]
    # files that both builds have; postinst lays them out
    defaults = f"/usr/share/{PRODUCT}-{build_type}/defaults"
    shared = {path: mode for path, (mode, _) in listing.items() if path.startswith(f"{defaults}/")}
    assert shared == {
        f"{defaults}/control.json": "-rw-r-----",
        f"{defaults}/storage.json": "-rw-r-----",
        f"{defaults}/pages.json": "-rw-r--r--",
        f"{defaults}/logrotate": "-rw-r--r--",
    }
    for path in (f"{HOME}/html/index.html", LOGS, STATE):
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
    assert {path.rpartition("/")[0] for path in executable} == {f"{HOME}/bin", f"{HOME}/python/bin"}


def test_configuration_files_are_marked(tree: Path, listing: dict[str, tuple[str, str]]) -> None:
    marked = set((tree / "DEBIAN/conffiles").read_text("utf-8").split())
    # the folder itself comes without a slash after it
    assert marked == {path for path in listing if path.startswith("/etc/") and listing[path][0].startswith("-")}


def test_no_configuration_file_has_two_packages_as_owners() -> None:
    # dpkg deletes such a file with the one that is purged, also where the other one needs it
    [one, two] = [
        {line.split(None, 5)[5] for line in deb("--contents", str(package)).splitlines() if not line.startswith("d")}
        for package in packages().values()
    ]
    assert {path for path in one & two if path.startswith("./etc/")} == set()


def test_nothing_of_development_is_in_it(listing: dict[str, tuple[str, str]]) -> None:
    words = r"/(tests?|node_modules|\.git.*|\.[a-z]+_cache|\.hypothesis|fixtures|conftest\.py|pip|setuptools)(/|$)"
    assert [path for path in listing if re.search(words, path)] == []
    assert [path for path in listing if path.endswith((".map", ".tsx", ".orig", "~", ".log"))] == []
    ours = {path.split("/")[-2] for path in listing if path.startswith(SITE) and path.endswith("/__init__.py")}
    assert {"webviewer", "functions", "dicom_gateway", "renderpool"} <= ours
    assert not ours & {"tools", "tests"}


def test_no_compiled_file_is_in_it(listing: dict[str, tuple[str, str]]) -> None:
    # a fifth of the package; postinst compiles, prerm removes
    assert [path for path in listing if "__pycache__" in path or path.endswith((".pyc", ".pyo"))] == []


def test_programs_need_no_newer_system_library_than_the_oldest_release_has(tree: Path) -> None:
    """Ubuntu 22.04 has glibc 2.35 and GCC 12; the names of libraries must be those that Depends brings."""
    newest = {"GLIBC": (2, 35), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0), "OPENSSL": (3, 0, 0)}
    brought = {
        *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2"),
        *("ld-linux-x86-64.so.2", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1", "libexpat.so.1", "libffi.so.8"),
        *("libsqlite3.so.0", "libssl.so.3", "libcrypto.so.3", "libbz2.so.1.0", "liblzma.so.5", "libuuid.so.1"),
        "libcrypt.so.1",
    }
    files = [path for path in inside(tree, HOME).rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    assert len(files) > 200
    carried = {path.name for path in files}
    for path in files:
        command = ["readelf", "--wide", "--dynamic", "--version-info", str(path)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert set(re.findall(r"\(NEEDED\)\s+Shared library: \[(.+)\]", shown)) - carried <= brought, path
        for family, digits in re.findall(r"Name: ([A-Z]+)_([0-9.]+) ", shown):
            # psycopg2 brings an OpenSSL of its own
            if family in newest and (family != "OPENSSL" or "/python/lib/" in str(path)):
                assert tuple(map(int, digits.split("."))) <= newest[family], f"{path}: {family}_{digits}"


def test_no_path_of_the_build_is_left(tree: Path) -> None:
    for place in (str(ROOT), "deb-work", "build-root"):
        found = subprocess.run(["grep", "-rlF", place, str(tree)], capture_output=True, text=True, check=False)
        assert found.stdout == "", f"{place} stands in {found.stdout}"


def test_the_interpreter_is_carried(tree: Path, build_type: str) -> None:
    for name in PROGRAMS[build_type]:
        assert inside(tree, f"{HOME}/bin/{name}").read_bytes().startswith(b"#!/bin/sh\n")
    assert inside(tree, f"{HOME}/venv/bin/python3").resolve() == inside(tree, f"{HOME}/python/bin/python3.11")
    assert f"home = {HOME}/python/bin\n" in inside(tree, f"{HOME}/venv/pyvenv.cfg").read_text("utf-8")
    for script in ("postinst", "postrm", "prerm"):
        path = tree / "DEBIAN" / script
        if path.exists():
            subprocess.run(["dash", "-n", str(path)], check=True)
            assert path.read_bytes().startswith(b"#!/bin/sh\nset -e\n")


def test_the_licence_of_each_library_is_named(tree: Path, build_type: str) -> None:
    documents = inside(tree, f"/usr/share/doc/{PRODUCT}-{build_type}")
    text = (documents / "copyright").read_text("utf-8")
    assert b"PYTHON SOFTWARE FOUNDATION LICENSE" in gzip.decompress((documents / "LICENCE-OF-PYTHON.gz").read_bytes())
    texts = gzip.decompress((documents / "LICENCES-OF-LIBRARIES.gz").read_bytes()).decode()
    libraries = [path for path in inside(tree, SITE).glob("*.dist-info") if not path.name.startswith("web_dicom")]
    assert len(libraries) > 30
    for library in libraries:
        [name] = re.findall(r"^Name: (.+)$", (library / "METADATA").read_text("utf-8"), re.MULTILINE)
        assert re.search(rf"^  {re.escape(name)} \S+: \S+", text, re.MULTILINE), f"{name} has no licence"
    for name in ("react", "@mantine/core", "@fontsource-variable/inter"):
        assert re.search(rf"^  {re.escape(name)} \S+: \S+", text, re.MULTILINE)
        assert re.search(rf"^{re.escape(name)} \S+: \S+\n\n.+\n", texts, re.MULTILINE), f"no text of {name}"


def test_a_bill_of_materials_lists_what_the_package_carries(tree: Path, build_type: str) -> None:
    text = inside(tree, f"/usr/share/doc/{PRODUCT}-{build_type}/sbom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)["components"]
    assert [one["name"] for one in found if not one["licenses"] or not one["version"]] == []
    listed = {(one["purl"].partition("/")[0], one["name"]) for one in found}
    assert {name for kind, name in listed if kind == "pkg:deb"} == set(INTERPRETER)
    libraries = {
        re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
        for path in inside(tree, SITE).glob("*.dist-info")
        if not path.name.startswith("web_dicom")
    }
    assert {name for kind, name in listed if kind == "pkg:pypi"} == libraries
    assert ("pkg:npm", "@mantine/core") in listed


def test_two_builds_of_a_tree_are_the_same(tmp_path: Path) -> None:
    # only what this test builds itself: the packages of this tree may be of another moment
    [first, second] = [build(tmp_path / name, tmp_path / f"{name}-work") for name in ("one", "two")]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name


def test_packages_of_the_other_architecture_are_made_on_this_machine(tmp_path: Path) -> None:
    for made in build(tmp_path / "deb", tmp_path / "work", architecture="arm64"):
        assert deb("--field", str(made), "Architecture") == "arm64\n"
        deb("--raw-extract", str(made), str(tmp_path / made.stem))
        home = tmp_path / made.stem / HOME.lstrip("/")
        files = [path for path in home.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
        assert len(files) > 200
        # e_machine, 183 = AArch64
        assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in files} == {183}


def test_the_two_exclude_each_other(package: Path, build_type: str) -> None:
    [other] = set(BUILD_TYPES) - {build_type}
    assert deb("--field", str(package), "Conflicts").strip() == f"{PRODUCT}-{other}"
    assert deb("--field", str(package), "Replaces").strip() == f"{PRODUCT}-{other}"


def test_it_depends_on_no_python_and_names_libraries_as_each_release_does(package: Path) -> None:
    depends = deb("--field", str(package), "Depends").strip().split(", ")
    assert [name for name in depends if "python" in name] == []
    assert "libssl3t64 | libssl3 (>= 3.0)" in depends
    assert "libc6 (>= 2.35)" in depends
