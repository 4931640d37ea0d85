"""The Debian packages' own files, as far as they can be judged without building a package; `make prove` builds them."""

from __future__ import annotations

import re
import subprocess

import pytest

from tools.deb_interpreter import BuildError, require_architecture
from tools.make_deb import ROOT, SYSTEM, file_name

DEBIAN = ROOT / "packaging/debian"
BUILDS = ("unified", "distributed")


def rules() -> str:
    return (DEBIAN / "rules").read_text("utf-8")


def fields(name: str) -> list[str]:
    return re.findall(rf"^{name}: (.+)$", (DEBIAN / "control").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_each_place_in_a_maintainer_script_is_filled_in(name: str) -> None:
    text = (DEBIAN / "common" / name).read_text("utf-8")
    assert set(re.findall(r"@[A-Z]+@", text)) <= set(re.findall(r"s/(@[A-Z]+@)/", rules()))
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_purge_removes_no_folder_of_configuration_or_data_with_its_contents() -> None:
    text = (DEBIAN / "common/postrm").read_text("utf-8")
    assert re.findall(r"rm -r\S* (.+)", text) == ['"$CACHE"']


@pytest.mark.parametrize("kind", ["UNITS", "FILES", "LOGS"])
def test_nothing_is_owned_by_both_builds(kind: str) -> None:
    owned = [set(re.findall(rf"^{kind}_{build} :=(.*)$", rules(), re.MULTILINE)[0].split()) for build in BUILDS]
    assert owned[0] & owned[1] == set()


@pytest.mark.parametrize("build", BUILDS)
def test_the_scripts_know_each_unit_and_each_log_of_their_build(build: str) -> None:
    package = f"inobitec-web-dicom-viewer-server-{build}"
    files = sorted(DEBIAN.glob(f"{package}.*.service"))
    units = {path.name.removeprefix(f"{package}.") for path in files}
    logs = {found for path in files for found in re.findall(r"/([a-z]+\.log) ", path.read_text("utf-8"))}
    assert set(re.findall(rf"^UNITS_{build} := (.*)$", rules(), re.MULTILINE)[0].split()) == units
    assert set(re.findall(rf"^LOGS_{build} := (.*)$", rules(), re.MULTILINE)[0].split()) == logs


def test_the_same_files_make_packages_for_both_architectures() -> None:
    assert fields("Architecture") == ["amd64 arm64", "amd64 arm64"]
    assert [require_architecture(name) for name in ("amd64", "arm64")] == ["x86_64", "aarch64"]
    name = file_name("1.0.0", "r1", SYSTEM, "arm64", "unified")
    assert name == "inobitec-web-dicom-viewer-server-1.0.0-r1-debian-12-arm64-unified.deb"


def test_an_architecture_without_packages_is_refused_by_name() -> None:
    with pytest.raises(BuildError, match=r"^There are no packages for riscv64: must be one of amd64, arm64\.$"):
        require_architecture("riscv64")


def test_the_packages_ask_for_no_python_of_the_release() -> None:
    substituted = re.findall(r"dh_gencontrol(.*?)\n\n", rules(), re.DOTALL)[0]
    assert not re.search(r"\bpython3\b", " ".join(fields("Depends")) + substituted)
