"""The one place that knows the shared files beside the repository: ``../shared``, with DICOM files in its ``data``.

A bare clone has none. ``SHARED_TEST_DATA`` names another data folder; set to nothing, it hides what is there: that
is the *bare form*, which `make test` runs first. `tests.support.shared_cases` is the rest of the rule:

- While tests are collected, the lists here are empty in the bare form, and a parametrisation of such a list has no
  cases then.
- A test that opens a shared file in its body is marked ``@shared_data.required``. In the bare form it is not collected.
- Every function here fails in a test that runs in the bare form. So no test passes there without having tried anything.
- What a shared file shows must also be shown by a test that runs everywhere, with generated phantoms.
"""

from __future__ import annotations

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "SHARED_TEST_DATA"
MARK = "shared_data"
required = pytest.mark.shared_data

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"


class NoSharedData(Exception):
    """A test that is no case of the shared files asked for them where there are none."""


def data_folder() -> Path | None:
    """Return the folder of the shared DICOM files, None in the bare form.

    Raises
    ------
    NoSharedData
        A test asks while it runs in the bare form.
    """
    folder = _folder()
    if folder is None and "PYTEST_CURRENT_TEST" in os.environ:
        raise NoSharedData(
            "There are no shared files here. Mark the test with @shared_data.required, and see that another test shows "
            "the same with generated files."
        )
    return folder


def _folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named == "":
        return None
    folder = _BESIDE if named is None else Path(named)
    return folder if (folder / "expected.json").is_file() else None


def has_shared_data() -> bool:
    """Say whether there are shared files: to choose cases while tests are collected, not in a test."""
    return data_folder() is not None


def expected() -> dict[str, Any]:
    """Return ``expected.json``; ``{"files": {}, "series": []}`` in the bare form."""
    folder = data_folder()
    return {"files": {}, "series": []} if folder is None else _expected(folder)


@cache
def _expected(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text("utf-8"))
    return found


def manifest() -> tuple[dict[str, str], ...]:
    """Return the rows of ``MANIFEST.csv``; empty in the bare form."""
    folder = data_folder()
    return () if folder is None else _manifest(folder)


@cache
def _manifest(folder: Path) -> tuple[dict[str, str], ...]:
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def path_of(name: str) -> Path:
    """Return the path of a file that `expected` names."""
    folder = data_folder()
    if folder is None:
        raise NoSharedData(f"There are no shared files here, so no {name}.")
    return folder / name


def folders() -> list[str]:
    """Return the names of the folders of the shared data; empty in the bare form."""
    folder = data_folder()
    return [] if folder is None else sorted(path.name for path in folder.iterdir() if path.is_dir())


def all_files_under(name: str) -> list[Path]:
    """Return the files of a folder of the shared data and of its sub-folders; empty in the bare form."""
    folder = data_folder()
    return [] if folder is None else sorted(path for path in (folder / name).rglob("*") if path.is_file())


def files_under(name: str) -> list[Path]:
    """Return the files of a folder of the shared data by name, without sub-folders; empty in the bare form."""
    folder = data_folder()
    if folder is None or not (folder / name).is_dir():
        return []
    return sorted(path for path in (folder / name).iterdir() if path.is_file())


def manual() -> Path:
    """Return the administrator's manual as a text file."""
    return _beside("manual/admin-manual.txt")


def render_folder() -> Path:
    """Return the folder with the phantom and the scene of the benchmarks; ``WEBVIEWER_BENCH_RENDER`` names another."""
    named = os.environ.get("WEBVIEWER_BENCH_RENDER")
    return Path(named) if named else _beside("render")


def _beside(name: str) -> Path:
    folder = data_folder()
    if folder is None:
        raise NoSharedData(f"There is no folder of shared files here, so no {name}.")
    return folder.parent / name


if __name__ == "__main__":
    # `make test-shared` asks whether there are further cases
    raise SystemExit(0 if has_shared_data() else 1)
