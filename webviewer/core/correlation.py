"""The id of the request that is being answered: lines of the log have it, and calls to other nodes take it along.

It belongs to the thread, greenlet or task that answers, and ends with the answer. Work handed to a pool of threads
has it if it runs in `contextvars.copy_context`.
"""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from typing import Final

REQUEST_ID_HEADER: Final = "X-Request-Id"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_current: Final[ContextVar[str]] = ContextVar("correlation_id", default="")


def begin_request(given: str) -> str:
    """Take over the id that came in `REQUEST_ID_HEADER`, or make one if that is none, and return it."""
    correlation_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    _current.set(correlation_id)
    return correlation_id


def end_request() -> None:
    """Forget the id: what this thread, greenlet or task does from here on belongs to no request."""
    _current.set("")


def correlation_id() -> str:
    """Return the id of the request that is being answered; empty outside of one."""
    return _current.get()


def headers_for_call() -> dict[str, str]:
    """Return the header that takes the id along to another node; none outside of a request."""
    current = _current.get()
    return {REQUEST_ID_HEADER: current} if current else {}
