"""How blocking work leaves an event loop."""

from __future__ import annotations

from collections.abc import Callable

Offload = Callable[[Callable[[], object]], object]


def run_here(work: Callable[[], object]) -> object:
    """Do the work in the caller's own thread: for scripts and threaded processes."""
    return work()
