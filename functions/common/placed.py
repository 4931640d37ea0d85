"""Requests to the nodes that a session is placed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from webviewer.accounts import SessionId
from webviewer.adapters.nodes import Unreachable
from webviewer.bootstrap import Services
from webviewer.placement import Node
from webviewer.usecases.placement import storage_unavailable

T = TypeVar("T")


def at_render_node(services: Services, session_id: SessionId, ask: Callable[[Node], T]) -> T:
    """Ask the render node of a session, and once another one if that does not answer.

    Raises
    ------
    Unavailable
        No render node answers.
    """
    node = services.placement.render_node(session_id)
    try:
        return ask(node)
    except Unreachable as exc:
        if exc.refused:  # a node that was only slow goes on to serve others
            services.placement.node_failed(node.node_id)
        return ask(services.placement.render_node(session_id, but=node.node_id))


@contextmanager
def asking_storage() -> Iterator[None]:
    """Put it into words for the user when the user's storage node gives no answer."""
    try:
        yield
    except Unreachable as exc:
        raise storage_unavailable() from exc
