"""The examples in docstrings are run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("webviewer", "functions", "dicom_gateway", "renderpool", "tools")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def texts_with_examples() -> dict[str, str]:
    """Name and text of every module with an example."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 150
    texts = {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text("utf-8") for path in files}
    return {name.removesuffix(".__init__"): text for name, text in texts.items() if ">>> " in text}


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [
        test for name in texts_with_examples() for test in finder.find(importlib.import_module(name)) if test.examples
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda test: test.name)
def test_an_example_says_what_comes_out(example: doctest.DocTest) -> None:
    words: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=words.append)
    assert result.failed == 0, "".join(words)
    assert result.attempted > 0


def test_no_example_is_missed() -> None:
    written = sum(
        line.lstrip().startswith(">>> ") for text in texts_with_examples().values() for line in text.splitlines()
    )
    assert sum(len(test.examples) for test in examples()) == written > 5
