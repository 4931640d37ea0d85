"""A queue with an end: some work at once, some wait briefly, whoever comes beyond is told so at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from webviewer.core.errors import LimitExceeded

AGAIN_S: Final = 5


def busy() -> LimitExceeded:
    """Return the refusal of whom we cannot take now."""
    return LimitExceeded("Many sign in just now. Try again in a few seconds.", code="busy", resets_in_s=AGAIN_S)


class Turns:
    """Turns of one process.

    Parameters
    ----------
    at_once
        How many have their turn at a time.
    most_waiting
        How many more may wait for theirs, and ``most_of_one`` how many of them from one address: a flood from one
        leaves room for others.
    wait_s
        The longest wait, below the minute after which proxies give up.
    """

    def __init__(
        self, *, at_once: int = 4, most_waiting: int = 400, most_of_one: int = 256, wait_s: float = 45.0
    ) -> None:
        self._turns = threading.BoundedSemaphore(at_once)
        self._most_inside = at_once + most_waiting
        self._most_of_one = most_of_one
        self._wait_s = wait_s
        self._inside: Counter[bytes] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def take(self, address: bytes) -> Iterator[None]:
        """Wait for a turn and have it.

        Raises
        ------
        LimitExceeded
            Too many wait already, or it did not come in time.
        """
        with self._counting:
            if self._inside.total() >= self._most_inside or self._inside[address] >= self._most_of_one:
                raise busy()
            self._inside[address] += 1
        try:
            if not self._turns.acquire(timeout=self._wait_s):
                raise busy()
            try:
                yield
            finally:
                self._turns.release()
        finally:
            with self._counting:
                self._inside[address] -= 1
                if not self._inside[address]:
                    del self._inside[address]
