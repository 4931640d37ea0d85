"""Damaged stored files that readers meet: counted, logged once, and noted in the database by a thread of its own."""

from __future__ import annotations

import datetime as dt
import logging
import queue
import threading
from collections import OrderedDict

from dicom_gateway.counters import Counter, ProcessCounters
from webviewer.archive import FileDamage, InstanceId, StoredFile
from webviewer.core.errors import WebviewerError
from webviewer.usecases.stored_files import DamagedFile
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

logger = logging.getLogger(__name__)

_MAX_WAITING = 1000
_MAX_KNOWN = 10_000


class DamageReporter:
    """Takes damaged files from threads that must not wait for the database. Safe for threads.

    Parameters
    ----------
    units
        Transactions on the index.
    counters
        The row of this process.
    """

    def __init__(self, units: StorageUnitOfWorkFactory, counters: ProcessCounters) -> None:
        self._units = units
        self._counters = counters
        self._waiting: queue.Queue[tuple[StoredFile, DamagedFile]] = queue.Queue(_MAX_WAITING)
        self._known: OrderedDict[tuple[InstanceId, FileDamage], None] = OrderedDict()

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._run, name="damage-report", daemon=True).start()

    def report(self, file: StoredFile, damage: DamagedFile) -> None:
        """Take a damaged file; a flood of them is noted in part, and the scrub finds the rest."""
        try:
            self._waiting.put_nowait((file, damage))
        except queue.Full:
            return

    def _run(self) -> None:
        while True:
            file, damage = self._waiting.get()
            try:
                self._note(file, damage)
            except WebviewerError as exc:
                logger.warning("stored_file_damage_not_noted", extra={"reason": exc.message})
            except Exception:
                logger.exception("stored_file_damage_not_noted")

    def _note(self, file: StoredFile, damage: DamagedFile) -> None:
        key = file.instance_id, damage.damage
        if key in self._known:
            self._known.move_to_end(key)
            self._counters.add(Counter.DAMAGED_READS)
            return
        now = dt.datetime.now(dt.UTC)
        with self._units() as unit:
            # A study that is deleted loses its rows before its files: a reader that comes between met no damage.
            if not unit.verification.has_file(file.instance_id, file.file_name):
                return
            unit.verification.record_damage(file.instance_id, file.file_name, damage.damage, now)
            unit.commit()
        self._counters.add(Counter.DAMAGED_READS)
        self._known[key] = None
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        log_damage(file, damage, found_by="reader")


def log_damage(file: StoredFile, damage: DamagedFile, *, found_by: str) -> None:
    """Write a damaged file into the log: its numbers, its name and the rule, and no name of a person."""
    facts = {
        "instance_id": file.instance_id,
        "file_name": file.file_name,
        "damage": damage.damage.value,
        "reason": damage.reason,
        "found_by": found_by,
    }
    logger.error("stored_file_damaged", extra=facts)
