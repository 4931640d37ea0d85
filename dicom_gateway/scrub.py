"""The scrub: a process that slowly reads all stored files, round after round, and compares them with the index."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

from dicom_gateway.counters import Counter, ProcessCounters, SharedCounters
from dicom_gateway.damage_report import log_damage
from webviewer.core.errors import WebviewerError
from webviewer.core.system import give_way
from webviewer.usecases.clock import Clock
from webviewer.usecases.verify_files import Batch, FilesReader

logger = logging.getLogger(__name__)

NAME = "scrub"
START_AFTER_S = 10.0  # a node that starts has other work
ROUND_EVERY = dt.timedelta(days=1)
_LOOK_EVERY_S = 60.0  # whether the next round is due, or the database is back
_BUSY_SHARE = 0.1  # of the rate, while the node receives or sends
_BUSY_FOR_S = 2.0
_LONGEST_SLEEP_S = 5.0  # of one pause: a rate of a few bytes a second must not stop the scrub for hours
_FILE_COST_BYTES = 64 * 1024  # that opening a file counts for

_WORK = (Counter.BYTES, Counter.STORED, Counter.FILES_READ)


class Pace:
    """Sleeps so that a reader keeps to a rate, and to a tenth of it while the node has other work.

    Parameters
    ----------
    bytes_per_s
        The rate.
    counters
        Of all processes of the node.
    monotonic, sleep
        The clock.
    """

    def __init__(
        self,
        bytes_per_s: int,
        counters: SharedCounters,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bytes_per_s = bytes_per_s
        self._counters = counters
        self._monotonic = monotonic
        self._sleep = sleep
        self._work = self._work_done()
        self._busy_until_s = monotonic()

    def __call__(self, size_bytes: int) -> None:
        """Sleep for the time that the rate gives to some bytes."""
        share = _BUSY_SHARE if self._is_busy() else 1.0
        self._sleep(min(size_bytes / (self._bytes_per_s * share), _LONGEST_SLEEP_S))

    def _is_busy(self) -> bool:
        work, now_s = self._work_done(), self._monotonic()
        if work != self._work:
            self._work, self._busy_until_s = work, now_s + _BUSY_FOR_S
        return now_s < self._busy_until_s

    def _work_done(self) -> tuple[int, ...]:
        return tuple(self._counters.total(counter) for counter in _WORK)


class Scrub:
    """Goes through all files, at most once a day, from where the process before it stopped.

    Parameters
    ----------
    reader
        Reads the files.
    pace
        Called for each file besides.
    counters
        The row of this process.
    clock
        The time.
    """

    def __init__(
        self, reader: FilesReader, pace: Callable[[int], None], counters: ProcessCounters, clock: Clock
    ) -> None:
        self._reader = reader
        self._pace = pace
        self._counters = counters
        self._clock = clock
        self._trouble = ""

    def run(self) -> None:
        """Scrub until the process is ended; a failure waits for the next look."""
        give_way()
        time.sleep(START_AFTER_S)
        while True:
            try:
                has_work = self.look()
                self._trouble = ""
            except WebviewerError as exc:
                if exc.message != self._trouble:
                    logger.warning("scrub_waits", extra={"reason": exc.message})
                has_work, self._trouble = False, exc.message
            except Exception:
                logger.exception("scrub_failed")
                has_work = False
            if not has_work:
                time.sleep(_LOOK_EVERY_S)

    def look(self) -> bool:
        """Verify a batch if a round is under way or due; returns whether there is more to do now."""
        place = self._reader.place()
        if place.started_at is None:
            if place.finished_at is not None and self._clock() - place.finished_at < ROUND_EVERY:
                return False
            self._reader.begin()
        batch = self._reader.step()
        self._counters.add(Counter.SCRUBBED_FILES, batch.files)
        self._counters.add(Counter.SCRUBBED_BYTES, batch.size_bytes)
        self._tell(batch)
        if batch.is_end:
            after = self._reader.place()
            logger.info("scrub_round_ended", extra={"files": after.files, "size_bytes": after.size_bytes})
            return False
        self._pace(batch.files * _FILE_COST_BYTES)
        return True

    def _tell(self, batch: Batch) -> None:
        for file, damage in batch.damaged:
            if file.instance_id in batch.new_damage:
                log_damage(file, damage, found_by=NAME)
        if batch.first_digests:
            logger.info("first_digests_computed", extra={"files": batch.first_digests})
        if batch.repaired:
            logger.info("stored_files_repaired", extra={"files": batch.repaired})
