"""Threads for what takes a while and is no loading: facts of volumes, answers to questions, masks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_LOG = logging.getLogger(__name__)

_THREADS = 2


class Workers:
    """Two threads for all sessions; who uses them keeps at most a few calls waiting."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "work")

    def run(self, call: Callable[[], None]) -> bool:
        """Have something done soon, in any order; False when the node stops."""
        try:
            future: Future[None] = self._pool.submit(call)
        except RuntimeError:  # the pool is shut down
            return False
        future.add_done_callback(_log_failure)
        return True

    def close(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _log_failure(future: Future[None]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if error is not None:
        _LOG.error("work_failed", exc_info=error)
