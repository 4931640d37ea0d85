"""No test measures time: a busy machine would fail it. What is fast or slow is measured by `make bench`.

The rule, for all of ``tests`` outside ``tests/bench``:

- Nothing subtracts readings of a clock, and nothing asks for the ``elapsed`` time of an HTTP answer.
- A reading is compared only in a ``while`` loop: a test may wait for something, with a deadline.

So a test can set a deadline and wait, and cannot say how long something took.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
OF_TIME = {*_CLOCKS, *(f"{name}_ns" for name in _CLOCKS), "clock_gettime", "clock_gettime_ns"}
CLOCKS = {("time", name) for name in OF_TIME} | {("datetime", "now"), ("datetime", "utcnow")}
SUBTRACTED = "readings of a clock are subtracted"
COMPARED = "a reading of a clock is compared outside of a loop that waits"
ASKED = "the time of an answer is asked for"
# They write figures of a long run into a report for people, and judge none of them.
REPORTS = {"tests/support/scripted_viewer.py"}


def imported_clocks(tree: ast.Module) -> tuple[set[str], dict[str, str]]:
    """Return the names that stand for a clock itself, and what modules with clocks are called here."""
    functions: set[str] = set()
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            functions |= {one.asname or one.name for one in node.names if one.name in OF_TIME}
        elif (isinstance(node, ast.ImportFrom) and node.module == "datetime") or isinstance(node, ast.Import):
            modules |= {one.asname: one.name for one in node.names if one.asname}
    return functions, modules


class Finder(ast.NodeVisitor):
    """Finds where a module measures time: a line and what is wrong there."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[tuple[int, str]] = []
        self._loops = 0
        self._functions, self._modules = imported_clocks(tree)
        # Names that hold a reading, also one to which seconds are added, in the whole module: tests have few.
        self._names: set[str] = set()
        for node in ast.walk(tree):
            for target, value in _assigned(node):
                if isinstance(target, ast.Name) and self._has_reading(value):
                    self._names.add(target.id)
        self.visit(tree)

    def _is_reading(self, node: ast.AST) -> bool:
        """Say whether an expression reads a clock."""
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name):
            return node.func.id in self._functions
        if not isinstance(node.func, ast.Attribute):
            return False
        owner = node.func.value
        name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
        return (self._modules.get(name, name), node.func.attr) in CLOCKS

    def _has_reading(self, value: ast.AST) -> bool:
        # `time.monotonic() + 5`, not what a call makes of a reading
        if isinstance(value, ast.BinOp):
            return self._has_reading(value.left) or self._has_reading(value.right)
        return self._is_reading(value)

    def _is_time(self, node: ast.AST) -> bool:
        return self._is_reading(node) or (isinstance(node, ast.Name) and node.id in self._names)

    def _holds_time(self, node: ast.AST) -> bool:
        """Say whether an expression is a reading, or one with something added; not what a call makes of it."""
        if isinstance(node, ast.BinOp):
            return self._holds_time(node.left) or self._holds_time(node.right)
        return self._is_time(node)

    def visit_While(self, node: ast.While) -> None:
        self._loops += 1
        self.generic_visit(node)
        self._loops -= 1

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Sub) and self._holds_time(node.left) and self._holds_time(node.right):
            self.found.append((node.lineno, SUBTRACTED))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = (node.left, *node.comparators)
        is_read = any(self._has_reading(one) for one in sides) or all(self._holds_time(one) for one in sides)
        if not self._loops and is_read:
            self.found.append((node.lineno, COMPARED))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr == "elapsed":
            self.found.append((node.lineno, ASKED))
        self.generic_visit(node)


def _assigned(node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    if isinstance(node, ast.NamedExpr):
        return [(node.target, node.value)]
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return [(node.target, node.value)]
    if not isinstance(node, ast.Assign):
        return []
    pairs: list[tuple[ast.AST, ast.AST]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=False)
        else:
            pairs.append((target, node.value))
    return pairs


def measures(code: str) -> list[str]:
    """Return what is wrong in a module."""
    return [what for _, what in sorted(Finder(ast.parse(code)).found)]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("began = time.monotonic()\nwork()\nassert time.monotonic() - began < 3", [COMPARED, SUBTRACTED]),
        ("began = time.perf_counter()\nwork()\ntook_s = time.perf_counter() - began\nassert took_s < 3", [SUBTRACTED]),
        ("a = time.time()\nb = time.time()\nprint(b - a)", [SUBTRACTED]),
        ("begin, n = time.process_time(), 1\nx(time.process_time() - begin)", [SUBTRACTED]),
        ("while time.monotonic() - began < 2:\n    began = time.monotonic()", [SUBTRACTED]),
        ("deadline = time.monotonic() + 3\nwork()\nassert time.monotonic() < deadline", [COMPARED]),
        ("a = time.monotonic()\nwork()\nb = time.monotonic()\nassert b < a + 3", [COMPARED]),
        ("began = dt.datetime.now(UTC)\nwork()\ntook = dt.datetime.now(UTC) - began", [SUBTRACTED]),
        ("assert answer.elapsed.total_seconds() < 3", [ASKED]),
        ("a = time.thread_time()\nwork()\nassert time.thread_time() - a < 1", [COMPARED, SUBTRACTED]),
        ("a = time.process_time_ns()\nprint(time.process_time_ns() - a)", [SUBTRACTED]),
        ("a = time.clock_gettime(1)\nprint(time.clock_gettime(1) - a)", [SUBTRACTED]),
        ("from time import monotonic\na = monotonic()\nwork()\nassert monotonic() < a + 3", [COMPARED]),
        ("from time import perf_counter as now\na = now()\nprint(now() - a)", [SUBTRACTED]),
        ("import time as clock\na = clock.monotonic()\nprint(clock.monotonic() - a)", [SUBTRACTED]),
        ("from datetime import datetime as dt\na = dt.now()\nprint(dt.now() - a)", [SUBTRACTED]),
        ("if (at_s := time.monotonic()):\n    x(time.monotonic() - at_s)", [SUBTRACTED]),
    ],
)  # fmt: skip
def test_a_test_that_measures_time_is_seen(code: str, found: list[str]) -> None:
    assert sorted(measures(code)) == sorted(found)


@pytest.mark.parametrize(
    "code",
    [
        "deadline = time.monotonic() + 3\nwhile not done():\n    assert time.monotonic() < deadline\n    pause()",
        "end_s = time.monotonic() + 3\nwhile time.monotonic() < end_s:\n    work()",
        "token = sign(now_s=time.time() - late_s)",
        "clock[0] += 5\nassert clock[0] - before == 5",
        "made = record(at=dt.datetime.now(UTC) - dt.timedelta(days=2))",
        "stage.clock.now_s = wished_at_s + 0.09\nassert stage.clock.now_s - wished_at_s < 1",
        "assert header.time_ms - 3 < 5",
        "assert refusal(sign(time.time() - late_s)) == ''",
    ],
)
def test_a_test_that_waits_with_a_deadline_or_on_a_clock_of_its_own_is_let_be(code: str) -> None:
    assert measures(code) == []


def test_no_test_measures_time() -> None:
    found = {
        f"{name}:{line}": what
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if not (name := str(path.relative_to(ROOT))).startswith("tests/bench/") and name not in REPORTS
        for line, what in Finder(ast.parse(path.read_text("utf-8"))).found
    }
    assert found == {}


def test_what_reports_times_judges_none() -> None:
    """The figures of the hundred viewers go into a file alone."""
    code = (ROOT / "tests/e2e/test_hundred_viewers.py").read_text("utf-8")
    judged = [line for line in code.splitlines() if line.strip().startswith(("assert ", "if "))]
    assert [line for line in judged if re.search(r"_ms\b|_per_s\b|used_s", line)] == []


# -- pages -------------------------------------------------------------------------------------------------------------

_PAGE_CLOCK = re.compile(r"\b(performance\.now|Date\.now)\(\)")


def page_measures(code: str) -> bool:
    """Say whether a page's test reads a clock that it does not hold itself."""
    return _PAGE_CLOCK.search(code) is not None and "vi.useFakeTimers(" not in code


def test_a_page_s_test_that_reads_the_clock_is_seen() -> None:
    assert page_measures("const began = performance.now();")
    assert page_measures("expect(Date.now() - asked).toBeLessThan(5)")
    assert not page_measures("vi.useFakeTimers(); const asked = Date.now();")


def test_no_test_of_the_pages_measures_time() -> None:
    tests = [path for pattern in ("*.test.ts", "*.test.tsx") for path in (ROOT / "html/src").rglob(pattern)]
    assert len(tests) > 50
    assert [str(path) for path in tests if page_measures(path.read_text("utf-8"))] == []
