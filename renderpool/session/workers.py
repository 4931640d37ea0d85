"""Threads for what takes a while and is no loading, for all sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_LOG = logging.getLogger(__name__)

_THREADS = 2


class Workers:
    """A few threads of each kind; who uses them keeps at most a few calls waiting, each of which raises nothing."""

    def __init__(self) -> None:
        self._short = ThreadPoolExecutor(_THREADS, "work")
        self._cuts = ThreadPoolExecutor(_THREADS, "cut")
        self._long = ThreadPoolExecutor(_THREADS, "make")

    def run(self, call: Callable[[], None]) -> bool:
        """Have something done that takes some 100 ms, such as an answer; False when the node stops."""
        return self._submit(self._short, call)

    def cut(self, call: Callable[[], None]) -> bool:
        """Have something cut out of a volume, seconds; False when the node stops."""
        return self._submit(self._cuts, call)

    def make(self, call: Callable[[], None]) -> bool:
        """Have something made that takes minutes; False when the node stops."""
        return self._submit(self._long, call)

    def _submit(self, pool: ThreadPoolExecutor, call: Callable[[], None]) -> bool:
        try:
            future: Future[None] = pool.submit(call)
        except RuntimeError:  # the pool is shut down
            return False
        future.add_done_callback(_log_failure)
        return True

    def close(self) -> None:
        """Begin nothing any more; what takes long is told by whoever it is for."""
        for pool in (self._short, self._cuts, self._long):
            pool.shutdown(wait=False, cancel_futures=True)


def _log_failure(future: Future[None]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if error is not None:
        _LOG.error("work_failed", exc_info=error)
