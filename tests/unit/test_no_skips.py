"""The rule that skips do not count as passes, tried on tests that are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = {
    "by a call": "def test_it():\n    pytest.skip('no time')\n",
    "by a mark": "@pytest.mark.skip(reason='no time')\ndef test_it():\n    pass\n",
    "by a condition": "@pytest.mark.skipif(True, reason='no time')\ndef test_it():\n    pass\n",
    "by a missing module": "there_is_none = pytest.importorskip('there_is_none')\ndef test_it():\n    pass\n",
    "as a module": "pytest.skip('no time', allow_module_level=True)\n",
    "by an empty list": "@pytest.mark.parametrize('path', [])\ndef test_it(path):\n    pass\n",
    "in a fixture": "@pytest.fixture\ndef it():\n    pytest.skip('no time')\ndef test_it(it):\n    pass\n",
}


def run(folder: Path, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_planted.py").write_text(f"import pytest\n{code}")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.no_skips",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:kmock",
        "-c",
        os.devnull,
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run([*command, folder], cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", SKIPPED)
def test_a_test_that_is_skipped_fails(tmp_path: Path, how: str) -> None:
    result = run(tmp_path, SKIPPED[how])
    assert result.returncode in {1, 2}
    assert "This was skipped, which is no pass: " in result.stdout


def test_what_runs_and_what_must_fail_are_let_be(tmp_path: Path) -> None:
    code = "def test_it():\n    pass\n@pytest.mark.xfail(strict=True)\ndef test_other():\n    assert False\n"
    assert run(tmp_path, code).returncode == 0


def test_the_rule_is_on_for_all_our_tests(request: pytest.FixtureRequest) -> None:
    hooks = request.config.pluginmanager.hook.pytest_runtest_makereport.get_hookimpls()
    assert "tests.support.no_skips" in {hook.function.__module__ for hook in hooks}
    hooks = request.config.pluginmanager.hook.pytest_make_collect_report.get_hookimpls()
    assert "tests.support.no_skips" in {hook.function.__module__ for hook in hooks}
