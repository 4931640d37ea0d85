"""Which tests there are without the files of ``../shared``: tried on planted tests, and on all of ours."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import no_skips, shared_data

ROOT = Path(__file__).resolve().parents[2]
HELPER = "tests/support/shared_data.py"
PLUGINS = ("tests.support.no_skips", "tests.support.shared_cases", "no:cacheprovider", "no:kmock")
PLANTED = """
import pytest
from tests.support import shared_data

def test_always():
    pass

@shared_data.required
def test_a_file():
    assert shared_data.path_of("a/1.dcm").is_file()

@pytest.mark.parametrize("path", shared_data.files_under("a"), ids=lambda path: path.name)
def test_all_files(path):
    assert path.is_file()

@pytest.mark.parametrize("name", ["phantom", *shared_data.folders()])
def test_both(name):
    pass
"""
BARE = ["test_always", "test_both[phantom]"]
ON_TOP = ["test_a_file", "test_all_files[1.dcm]", "test_all_files[2.dcm]", "test_both[a]"]
EMPTY = "import pytest\n@pytest.mark.parametrize('path', [])\ndef test_it(path):\n    pass\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder of shared files."""
    folder = tmp_path / "beside/data"
    (folder / "a").mkdir(parents=True)
    (folder / "expected.json").write_text('{"files": {}, "series": []}')
    for number in (1, 2):
        (folder / f"a/{number}.dcm").write_bytes(b"x")
    return folder


def environment(data: Path | str) -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**environ, "PYTHONPATH": str(ROOT), shared_data.VARIABLE: str(data)}


def run(folder: Path, code: str, data: Path | str, *words: str) -> tuple[int, list[str], str]:
    """Run planted tests; return the exit code, the names of the passed tests, and the output."""
    (folder / "test_planted.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-rA", *words, "test_planted.py"]
    for name in PLUGINS:
        command += ["-p", name]
    result = subprocess.run(command, cwd=folder, env=environment(data), capture_output=True, text=True, check=False)
    passed = re.findall(r"^PASSED .*test_planted\.py::(.*)$", result.stdout, re.MULTILINE)
    return result.returncode, sorted(passed), result.stdout + result.stderr


@pytest.mark.parametrize("hidden", ["", "/nowhere"])
def test_without_the_files_only_the_other_tests_are_there(tmp_path: Path, hidden: str) -> None:
    assert run(tmp_path, PLANTED, hidden)[:2] == (0, BARE)


def test_where_the_files_are_all_tests_are_there_and_those_on_top_can_be_run_alone(tmp_path: Path, data: Path) -> None:
    assert run(tmp_path, PLANTED, data)[:2] == (0, sorted(BARE + ON_TOP))
    assert run(tmp_path, PLANTED, data, "--shared-cases")[:2] == (0, ON_TOP)
    assert run(tmp_path, PLANTED, data, "--shared-cases", "-q", "-k", "both")[:2] == (0, ["test_both[a]"])


def test_cases_on_top_without_the_files_are_refused(tmp_path: Path) -> None:
    code, _, said = run(tmp_path, PLANTED, "", "--shared-cases")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--shared-cases: there are no shared files here." in said


@pytest.mark.parametrize(
    "call", ["path_of('a/1.dcm')", "files_under('a')", "has_shared_data()", "expected()", "folders()", "manual()"]
)
def test_an_unmarked_test_that_asks_for_shared_files_fails_without_them(tmp_path: Path, call: str) -> None:
    code = f"from tests.support import shared_data\ndef test_it():\n    shared_data.{call}\n"
    result, passed, said = run(tmp_path, code, "")
    assert (result, passed) == (1, [])
    assert "NoSharedData" in said


def test_an_empty_list_that_has_nothing_to_do_with_shared_files_fails_in_all_forms(tmp_path: Path, data: Path) -> None:
    for hidden in ("", data):
        result, _, said = run(tmp_path, EMPTY, hidden)
        assert result == 1
        assert "got empty parameter set" in said
    assert run(tmp_path, EMPTY, data, "--shared-cases")[0] == 1
    with_files = EMPTY.replace("import pytest", "import pytest\nfrom tests.support import shared_data")
    assert run(tmp_path, with_files, data)[0] == 1


def test_all_our_tests_can_be_collected_without_the_files_and_none_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    command = [sys.executable, "-m", "pytest", "tests", "-q", "--list-cases", str(file)]
    result = subprocess.run(command, cwd=ROOT, env=environment(""), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:]
    found = json.loads(file.read_text())
    assert [case for case in found["cases"] if "NOTSET" in case] == [], "parametrisations without cases"
    assert {reason for _, reason in found["skipped"]} == {no_skips.ROOT_ONLY}, "of one that takes root"
    assert len(found["cases"]) > 5000, "this is no small part of all tests"


def test_the_variable_that_hides_the_files_is_no_setting_of_the_product() -> None:
    """A node warns of every variable with its prefix that it does not know; the bare form must not change that."""
    assert not shared_data.VARIABLE.startswith("WEBVIEWER_")


# -- one helper --------------------------------------------------------------------------------------------------------


def reads_shared_files(code: str) -> list[str]:
    """Return the texts in a module that name the shared folder or its variable, other than docstrings."""
    nodes = list(ast.walk(ast.parse(code)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    joined = {id(side) for node in nodes if isinstance(node, ast.BinOp) for side in (node.left, node.right)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            is_part = node.value == "shared" and id(node) in joined
            is_path = re.search(r"(?<!src/)(?<!\w)shared/|/shared$", node.value) and " " not in node.value
            if is_part or is_path or node.value == shared_data.VARIABLE:
                found.append(node.value)
    return found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('Path("../shared/render")', ["../shared/render"]),
        ('Path("shared/render")', ["shared/render"]),
        ('ROOT.parent / "shared" / "data"', ["shared"]),
        ('os.environ["SHARED_TEST_DATA"]', ["SHARED_TEST_DATA"]),
        ('PAGES / "html/src/shared/i18n"', []),
        ('"""Files of ../shared/data."""', []),
        ('"a node is shared"', []),
        ('SCOPES = ["shared"]', []),
    ],
)
def test_a_text_that_names_the_shared_folder_is_seen(code: str, found: list[str]) -> None:
    assert reads_shared_files(code) == found


def test_one_helper_alone_knows_the_shared_folder() -> None:
    places = {
        str(path.relative_to(ROOT)): found
        for path in (ROOT / "tests").rglob("*.py")
        if (found := reads_shared_files(path.read_text("utf-8")))
    }
    assert places.pop(HELPER) == ["SHARED_TEST_DATA", "shared"]
    assert places.pop("tests/unit/test_shared_cases.py"), "what the check is tried on"
    assert places == {}
