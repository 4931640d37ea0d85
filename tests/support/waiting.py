"""Waiting for what other processes do, and saying whether they live."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def eventually(condition: Callable[[], object], seconds: float = 20.0, what: str = "it") -> None:
    """Wait until ``condition`` holds; AssertionError when it does not in time."""
    deadline_s = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"{what} did not come true in {seconds:g} s: still {found!r}"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    """Say whether a process runs (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
