"""A skipped test is a failed one, unless it is known that it cannot run here: nothing passes by not being tried."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# Each reason needs another test of the same behaviour that always runs.
ROOT_ONLY = "mounting a disk takes root"


def is_expected(reason: str) -> bool:
    """Say whether a test may be skipped for this reason on this machine."""
    return reason.removeprefix("Skipped: ") == ROOT_ONLY and os.getuid() != 0


def _turn(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not is_expected(reason):
        report.outcome = "failed"
        report.longrepr = (
            f"This was skipped, which is no pass: {reason}\n(tests/support/no_skips.py lists what may be skipped)"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail skipped tests."""
    report = yield
    _turn(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail skipped modules."""
    report = yield
    _turn(report)
    return report
