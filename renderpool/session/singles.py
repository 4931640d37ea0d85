"""What is to be done in the drawing thread between the pictures of sessions; used with the scheduler's lock held."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from renderpool.session.painters import Painters
from webviewer.core.errors import DeviceLost, LimitExceeded, RenderError, WebviewerError

_LOG = logging.getLogger(__name__)

_MOST = 64

Result = TypeVar("Result")


class _Single:
    def __init__(self, call: Callable[[Painters], Any], future: Future[Any]) -> None:
        self._call = call
        self.future = future

    def run(self, painters: Painters) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self._call(painters))
        except DeviceLost as exc:
            self.future.set_exception(exc)
            raise  # nothing can be drawn any more: the thread ends
        except WebviewerError as exc:
            self.future.set_exception(exc)
        except Exception as exc:  # noqa: BLE001  an edge: the thread goes on
            _LOG.exception("draw_failed")
            self.future.set_exception(RenderError(f"This picture could not be drawn: {type(exc).__name__}."))


class Singles:
    """A bounded queue."""

    def __init__(self) -> None:
        self._waiting: deque[_Single] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, call: Callable[[Painters], Result], *, soon: bool = False) -> Future[Result]:
        """Take something in, before the others if it is to be done soon.

        Raises
        ------
        LimitExceeded
            Too many wait already.
        """
        if len(self._waiting) >= _MOST:
            raise LimitExceeded(f"{_MOST} pictures wait to be drawn already.", resets_in_s=1.0)
        future: Future[Result] = Future()
        if soon:
            self._waiting.appendleft(_Single(call, future))
        else:
            self._waiting.append(_Single(call, future))
        return future

    def take(self) -> Callable[[Painters], None]:
        """Return what is next; it raises DeviceLost, and whoever waits for it hears that, too."""
        return self._waiting.popleft().run

    def cancel(self) -> None:
        """Do nothing any more: whoever waits hears that it will not come."""
        while self._waiting:
            self._waiting.popleft().future.cancel()
