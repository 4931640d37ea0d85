"""Waiting for what other processes do, and saying whether they live."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def eventually(condition: Callable[[], object], seconds: float = 20.0, what: str = "it") -> float:
    """Wait until ``condition`` holds and return the seconds that it took; AssertionError when it does not in time."""
    started = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - started < seconds, f"{what} did not come true in {seconds:g} s: still {found!r}"
        time.sleep(0.05)
    return time.monotonic() - started


def lives(pid: int) -> bool:
    """Say whether a process runs (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
