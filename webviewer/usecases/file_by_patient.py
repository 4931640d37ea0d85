"""Reading the patients of objects that an earlier version stored, and filing each under its own patient.

An earlier version filed every object of a Study Instance UID under the patient of the first one. The files are read
once, in the background, the newest objects first; what is read is in the index from then on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from webviewer.archive import InstanceId, MovedInstance, OwnerId, StudyId, UnreadPatient
from webviewer.core.errors import NotFound, WebviewerError
from webviewer.dicom.header import read_header
from webviewer.dicom.patient_identity import PatientIdentity
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

_log = logging.getLogger(__name__)

_AT_ONCE = 64  # objects of one transaction: the writers' lock is held for some milliseconds
_RETRY_S = 5.0
_MAX_SERIES_AN_EVENT = 1000


@dataclass(slots=True)
class Reading:
    """What was done so far."""

    below: InstanceId | None = None  # objects from this number on are done
    read: int = 0
    moved: int = 0
    unreadable: int = 0  # files that are gone or damaged: their objects stay where they are


class PatientReader:
    """Reads patients of stored objects until all are known.

    Parameters
    ----------
    units
        Transactions.
    open_file
        Opens a stored file by its name for reading and returns the descriptor.
    publish
        Takes the event ``study_changed`` for the pages of an owner.
    forget
        Drops what is kept in memory of studies of an owner.
    """

    def __init__(
        self,
        units: StorageUnitOfWorkFactory,
        open_file: Callable[[str], int],
        publish: Callable[[Mapping[str, object]], None],
        forget: Callable[[OwnerId, frozenset[StudyId]], None],
    ) -> None:
        self._units = units
        self._open_file = open_file
        self._publish = publish
        self._forget = forget

    def start(self) -> threading.Thread:
        """Read in a thread of its own, which ends with the process."""
        thread = threading.Thread(target=self.read_all, name="patients", daemon=True)
        thread.start()
        return thread

    def read_all(self) -> Reading:
        """Read all patients that are not known, and wait while the index cannot be used; returns what was done."""
        done = Reading()
        while True:
            started_s = time.monotonic()
            try:
                if not self.read_some(done):
                    break
            except WebviewerError as exc:
                _log.warning("patients_not_read", extra={"reason": exc.message})
                time.sleep(_RETRY_S)
            except Exception:  # noqa: BLE001  whatever it is, the node goes on without it
                # The same objects would fail again; the next start tries once more.
                _log.exception("patients_not_read")
                break
            else:
                time.sleep(time.monotonic() - started_s)  # half of a core and of the disk, at most
        if done.read or done.unreadable:
            counts = {"objects": done.read, "moved": done.moved, "unreadable": done.unreadable}
            _log.info("patients_read", extra=counts)
        return done

    def read_some(self, done: Reading) -> bool:
        """Read the next objects and note their patients; returns whether more may follow."""
        with self._units(read_only=True) as unit:
            unread = unit.archive.unread_patients(done.below, _AT_ONCE)
        if not unread:
            return False
        read = [(one.instance_id, patient) for one in unread if (patient := self._patient_of(one)) is not None]
        moved: tuple[MovedInstance, ...] = ()
        if read:
            with self._units() as unit:
                moved = unit.archive.file_by_patient(read)
                unit.commit()
        done.below = unread[-1].instance_id
        done.read += len(read)
        done.moved += len(moved)
        done.unreadable += len(unread) - len(read)
        self._tell(moved)
        return True

    def _patient_of(self, one: UnreadPatient) -> PatientIdentity | None:
        try:
            with os.fdopen(self._open_file(one.file_name), "rb") as file:
                header = read_header(file)
        except (OSError, WebviewerError):
            return None
        return PatientIdentity(
            header.patient_id,
            header.issuer_of_patient_id,
            header.patient_name,
            header.patient_birth_date,
            header.patient_sex,
            header.other_patient_ids,
        )

    def _tell(self, moved: Iterable[MovedInstance]) -> None:
        """Log which rows objects went to, and have caches and pages take the change."""
        ways: dict[tuple[OwnerId, StudyId, StudyId], int] = {}
        changed: dict[tuple[OwnerId, StudyId], set[int]] = {}
        for one in moved:
            way = one.owner_id, one.from_study_id, one.study_id
            ways[way] = ways.get(way, 0) + 1
            changed.setdefault((one.owner_id, one.from_study_id), set()).add(one.from_series_id)
            changed.setdefault((one.owner_id, one.study_id), set()).add(one.series_id)
        for (owner_id, from_study_id, study_id), count in ways.items():
            _log.warning(
                "patient_kept_apart",
                extra={
                    "owner_id": owner_id,
                    "study_id": study_id,
                    "other_study_ids": [from_study_id],
                    "moved_objects": count,
                },
            )
        for (owner_id, study_id), series_ids in changed.items():
            self._forget(owner_id, frozenset({study_id}))
            self._publish_change(owner_id, study_id, series_ids)

    def _publish_change(self, owner_id: OwnerId, study_id: StudyId, series_ids: Iterable[int]) -> None:
        try:
            with self._units(read_only=True) as unit:
                count = unit.archive.get_study(owner_id, study_id).instance_count
        except NotFound:
            return
        self._publish(
            {
                "type": "study_changed",
                "owner_id": owner_id,
                "study_id": study_id,
                "series_ids": sorted(series_ids)[:_MAX_SERIES_AN_EVENT],
                "instance_count": count,
                "new": False,
            }
        )
