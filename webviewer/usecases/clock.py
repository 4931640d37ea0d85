"""The time, given in so that tests can move it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
"""Returns the time now, aware, in UTC."""


def system_clock() -> dt.datetime:
    """Return the machine's time."""
    return dt.datetime.now(dt.UTC)
