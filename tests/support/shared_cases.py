"""A pytest plug-in: which cases exist without the files of ``../shared``, and which come on top where they are.

In the bare form (`tests.support.shared_data`) a test that needs the files is not collected, nor is a parametrisation
that is empty without them. ``--shared-cases`` collects only what the bare form does not have, so that `make test` runs
nothing twice. Tests need no word for this beyond ``@shared_data.required`` where they open a file in their body.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support import shared_data

OPTION = "--shared-cases"
LIST_OPTION = "--list-cases"
_EMPTY = "got empty parameter set"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("shared files")
    group.addoption(OPTION, action="store_true", help="only cases of ../shared, which the bare form does not have")
    group.addoption(LIST_OPTION, metavar="FILE", help="collect only; write what is collected and what is left out")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; refuse the option where there are no files."""
    config.addinivalue_line("markers", f"{shared_data.MARK}: a test that opens files of ../shared")
    if config.getoption(LIST_OPTION):
        config.option.collectonly = True
    if config.getoption(OPTION) and not shared_data.has_shared_data():
        raise pytest.UsageError(f"{OPTION}: there are no shared files here.")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what does not belong to this form."""
    dropped: list[pytest.Item] = []
    if not shared_data.has_shared_data():
        dropped = [item for item in items if _is_shared(item)]
    elif config.getoption(OPTION):
        bare = bare_cases(config)
        # an empty list is kept: it is a mistake, which shows when it is run
        dropped = [item for item in items if item.nodeid in bare and not is_empty(item)]
    if dropped:
        left_out = set(dropped)
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=dropped)
    if file := config.getoption(LIST_OPTION):
        found = {
            "cases": [item.nodeid for item in items],
            "left_out": [item.nodeid for item in dropped],
            "skipped": [(item.nodeid, reason) for item in items for reason in _reasons_to_skip(item)],
        }
        Path(file).write_text(json.dumps(found))


def is_empty(item: pytest.Item) -> bool:
    """Say whether an item stands for a parametrisation without cases."""
    return any(_EMPTY in str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skip"))


def _reasons_to_skip(item: pytest.Item) -> list[str]:
    return [str(mark.kwargs.get("reason", "")) for mark in item.iter_markers() if mark.name in {"skip", "skipif"}]


def _is_shared(item: pytest.Item) -> bool:
    if item.get_closest_marker(shared_data.MARK) is not None:
        return True
    # An empty list is a mistake where the module does not ask for shared files.
    names = vars(item.module) if isinstance(item, pytest.Function) else {}
    return is_empty(item) and any(_is_of_helper(value) for value in names.values())


def _is_of_helper(value: object) -> bool:
    return value is shared_data or getattr(value, "__module__", None) == shared_data.__name__


def bare_cases(config: pytest.Config) -> set[str]:
    """Collect the bare form of the same tests, in a process of its own, and return the ids of its cases."""
    words = [word for word in config.invocation_params.args if word != OPTION]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cases.json"
        command = [sys.executable, "-m", "pytest", *words, LIST_OPTION, str(file)]
        environ = {**os.environ, shared_data.VARIABLE: ""}
        result = subprocess.run(
            command, cwd=config.invocation_params.dir, env=environ, capture_output=True, text=True, check=False
        )
        if result.returncode not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            raise pytest.UsageError(f"The bare form cannot be collected:\n{result.stdout}{result.stderr}")
        return set(json.loads(file.read_text())["cases"])
