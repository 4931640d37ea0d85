"""Rules for all tests: no skip passes, shared files are asked for by one helper, arithmetic must not fail in silence,
and ``tests/unit`` uses no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_socket

from tests.support.no_skips import pytest_make_collect_report, pytest_runtest_makereport
from tests.support.shared_cases import pytest_addoption, pytest_collection_modifyitems, pytest_configure
from tests.support.unified_server import UnifiedServer, running_unified_server

__all__ = [  # hooks
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
]

UNIT = Path(__file__).parent / "unit"


@pytest.fixture(autouse=True)
def arithmetic_errors_are_raised() -> Iterator[None]:
    """Overflow, division by zero and invalid values raise; a value that becomes too small to tell from 0 is fine."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Unit tests may start processes and use pipes, but no network."""
    if item.path.is_relative_to(UNIT):
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Give the sockets back."""
    pytest_socket.enable_socket()


@pytest.fixture
def unified_server(tmp_path: Path) -> Iterator[UnifiedServer]:
    """A running server without studies; at the end it must stop and leave no process."""
    with running_unified_server(tmp_path / "var") as server:
        yield server
