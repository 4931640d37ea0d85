"""The time by the database server's clock: all replicas of the control node then agree on who was heard of when."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import suppress
from typing import Final

from sqlalchemy import Engine, text

from webviewer.core.errors import WebviewerError
from webviewer.usecases.clock import Clock, system_clock

logger = logging.getLogger(__name__)

_WORTH_TELLING_S: Final = 2.0


class DatabaseClock:
    """This machine's clock, put right by PostgreSQL's; see `webviewer.usecases.clock.Clock`.

    Parameters
    ----------
    engine
        Of the database.
    local
        This machine's clock; tests put it wrong.
    """

    def __init__(self, engine: Engine, local: Clock = system_clock) -> None:
        self._engine = engine
        self._local = local
        self._offset = dt.timedelta(0)
        with suppress(WebviewerError):  # it is asked again
            self.compare()

    def __call__(self) -> dt.datetime:
        """Return the time."""
        return self._local() + self._offset

    def compare(self) -> None:
        """Ask the database for its time; to be called now and then.

        Raises
        ------
        OutOfResources
            The database cannot be used; the last difference stays.
        """
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))  # a connection that is made first would count as a way there
            asked = self._local()
            theirs: dt.datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            answered = self._local()
        offset = theirs - (asked + (answered - asked) / 2)
        if abs((offset - self._offset).total_seconds()) > _WORTH_TELLING_S:
            logger.warning("clock_differs_from_database", extra={"seconds": round(offset.total_seconds(), 1)})
        self._offset = offset
