"""The shared DICOM files beside the repository, if they are there: ``../shared/data`` with its table of truths.

A bare clone has none; then the lists here are empty and the tests that use them are fewer. ``WEBVIEWER_TEST_DATA``
names another place.
"""

from __future__ import annotations

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def data_folder() -> Path | None:
    """Return the folder of the shared files, None if there is none."""
    folder = Path(os.environ.get("WEBVIEWER_TEST_DATA", _BESIDE))
    return folder if (folder / "expected.json").is_file() else None


def has_shared_data() -> bool:
    return data_folder() is not None


@cache
def expected() -> dict[str, Any]:
    """Return ``expected.json``; ``{"files": {}, "series": []}`` if there is none."""
    folder = data_folder()
    if folder is None:
        return {"files": {}, "series": []}
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text("utf-8"))
    return found


@cache
def manifest() -> tuple[dict[str, str], ...]:
    """Return the rows of ``MANIFEST.csv``; empty if there is none."""
    folder = data_folder()
    if folder is None:
        return ()
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def path_of(name: str) -> Path:
    """Return the path of a file that `expected` names."""
    folder = data_folder()
    if folder is None:
        raise FileNotFoundError("there is no shared data folder")
    return folder / name


def folders() -> list[str]:
    """Return the names of the folders of the shared data; empty if there is none."""
    folder = data_folder()
    return [] if folder is None else sorted(path.name for path in folder.iterdir() if path.is_dir())


def all_files_under(name: str) -> list[Path]:
    """Return the files of a folder of the shared data and of its sub-folders; empty if it is not there."""
    folder = data_folder()
    return [] if folder is None else sorted(path for path in (folder / name).rglob("*") if path.is_file())


def files_under(name: str) -> list[Path]:
    """Return the files of a folder of the shared data by name, without sub-folders; empty if it is not there."""
    folder = data_folder()
    if folder is None or not (folder / name).is_dir():
        return []
    return sorted(path for path in (folder / name).iterdir() if path.is_file())
