"""A storage node for the tests of this folder; those that break or kill it start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dimse.node import Node, running_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Run one node for a module; tests use UIDs of their own."""
    with running_node(tmp_path_factory.mktemp("node"), {"WEBVIEWER_IDLE_TIMEOUT_S": "3"}) as running:
        yield running
