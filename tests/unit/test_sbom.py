"""The software bill of materials: valid CycloneDX, each part with version and licence, the same bytes each time."""

from __future__ import annotations

import json
import re
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.sbom import main

ROOT = Path(__file__).resolve().parents[2]
DPKG_STATUS = """Package: libpython3.11-stdlib
Status: install ok installed
Architecture: amd64
Version: 3.11.2-6+deb12u9
Description: the library of Python
 Version: this is no field

Package: libegl1
Status: install ok installed
Architecture: amd64
Version: 1.6.0-1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


def written(folder: Path) -> str:
    (folder / "status").write_text(DPKG_STATUS)
    places = ["--site", sysconfig.get_paths()["purelib"], "--page-lock", str(ROOT / "html/package-lock.json")]
    output = folder / "sbom.cdx.json"
    words = ["--name", "web-viewer", "--version", "1.0.0", "--output", str(output)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        assert main([*words, *places, "--dpkg-status", str(folder / "status")]) == 0
    return output.read_text("utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("first"))


def components(text: str) -> dict[str, dict[str, Any]]:
    return {one["purl"]: one for one in json.loads(text)["components"]}


def test_it_is_valid_by_the_schema_of_cyclonedx(text: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_a_bill_that_breaks_the_schema_is_found(text: str) -> None:
    broken = json.loads(text)
    broken["components"][0]["type"] = "a thing"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_each_library_has_its_version_and_licence(text: str) -> None:
    found = components(text)
    locked = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = {f"pkg:pypi/{name.lower()}@{version}" for name, version in re.findall(r"^([\w.-]+)==(\S+)", locked, re.M)}
    assert len(pinned) > 30
    assert {url.replace("_", "-") for url in pinned} - set(found) == set()
    lock = json.loads((ROOT / "html/package-lock.json").read_text("utf-8"))["packages"]
    for name in json.loads((ROOT / "html/package.json").read_text("utf-8"))["dependencies"]:
        url = f"pkg:npm/{name.replace('@', '%40')}@{lock[f'node_modules/{name}']['version']}"
        assert url in found
    assert [url for url, one in found.items() if not one.get("licenses") or not one["version"]] == []


def test_the_interpreter_and_the_packages_of_debian_are_in_it(text: str) -> None:
    found = components(text)
    python = found["pkg:deb/debian/libpython3.11-stdlib@3.11.2-6%2Bdeb12u9?arch=amd64"]
    assert python["licenses"] == [{"license": {"id": "Python-2.0"}}]
    other = found["pkg:deb/debian/libegl1@1.6.0-1?arch=amd64"]
    assert other["licenses"] == [{"license": {"name": "see /usr/share/doc/libegl1/copyright"}}]
    assert not [url for url in found if "/gone@" in url]


def test_neither_our_own_packages_nor_tools_for_developers_are_parts(text: str) -> None:
    found = components(text)
    assert not [url for url in found if "web-dicom-viewer" in url]
    assert not [url for url in found if url.startswith(("pkg:npm/vitest@", "pkg:npm/eslint@"))]


def test_two_bills_of_one_tree_are_the_same_bytes(text: str, tmp_path: Path) -> None:
    assert written(tmp_path) == text
    assert json.loads(text)["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
