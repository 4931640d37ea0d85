"""Adding objects to the index: many at once, in the one transaction of a group commit."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence

from sqlalchemy import Connection

from webviewer.adapters.db.engine import driver_cursor
from webviewer.adapters.db.study_rows import (
    DriverStatements,
    SeriesState,
    StudyRows,
    StudyState,
    difference,
    find_place,
    int32,
    series_values,
    study_values,
)
from webviewer.archive import (
    InstanceId,
    InstanceRecord,
    KnownObject,
    OwnerId,
    Receipt,
    SeriesId,
    StudyId,
)
from webviewer.config import PatientConflictPolicy
from webviewer.core.errors import AnotherPatient, OutOfResources

_IMAGE_IS_ZLIB = 1

_SELECT_INSTANCE = """
SELECT instance.instance_id, instance.series_id, series.study_id, instance.transfer_syntax_uid, instance.file_name,
       instance.file_bytes, instance.data_set_offset_bytes
FROM instance JOIN series ON series.series_id = instance.series_id
WHERE instance.owner_id = <owner_id> AND instance.sop_instance_uid = <sop_instance_uid>
"""
_INSTANCE_COLUMNS = (
    "owner_id",
    "series_id",
    "sop_instance_uid",
    "sop_class_uid",
    "transfer_syntax_uid",
    "instance_number",
    "number_of_frames",
    "file_name",
    "file_bytes",
    "data_set_offset_bytes",
    "pixel_data_offset_bytes",
    "pixel_data_length_bytes",
    "image_encoding",
    "image",
    "file_digest",
    "block_digests",
    "stated_patient_id",
)
# Nothing is looked up beforehand: the usual object is a new one, and the insert asks the index of UIDs anyway.
_INSERT_INSTANCE = (
    f"INSERT INTO instance ({', '.join(_INSTANCE_COLUMNS)}) "  # noqa: S608  names from above
    f"VALUES ({', '.join(f'<{name}>' for name in _INSTANCE_COLUMNS)}) "
    "ON CONFLICT (owner_id, sop_instance_uid) DO NOTHING RETURNING instance_id"
)


class ArchiveWriter:
    """Adds objects inside the transaction of a connection; used once."""

    def __init__(self, connection: Connection, received_at: dt.datetime, policy: PatientConflictPolicy) -> None:
        self._connection = connection
        self._received_at = received_at.astimezone(dt.UTC).replace(tzinfo=None)
        self._policy = policy

    def add(self, records: Sequence[tuple[OwnerId, InstanceRecord]]) -> list[Receipt | KnownObject | Exception]:
        """Add objects; per object, in order, a receipt, or what is stored under its UID already."""
        if not self._connection.in_transaction():
            self._connection.begin()
        with driver_cursor(self._connection) as cursor:
            self._driver = DriverStatements(self._connection, cursor)
            self._driver.lock()
            self._rows = StudyRows(self._connection, self._driver)
            outcomes = [self._add_one(owner_id, record) for owner_id, record in records]
            self._rows.update_counts()
        return outcomes

    def _add_one(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | KnownObject | Exception:
        identity = record.patient
        states = self._rows.studies(owner_id, record.study_instance_uid)
        study_state = find_place(states, identity)
        series_state = None if study_state is None else self._rows.series(study_state, record.series_instance_uid)
        new_study, new_series = study_state is None, series_state is None
        if study_state is None or series_state is None or identity not in study_state.stated:
            # Before a row is made for it: an object that is known already must leave none behind.
            known = self._known(owner_id, record)
            if known is not None:
                return known
        apart = difference(states, identity) if study_state is None and states else None
        if apart is not None and self._policy is PatientConflictPolicy.REFUSE:
            return AnotherPatient(
                "Another patient is stored under this Study Instance UID.",
                details={
                    "study_instance_uid": record.study_instance_uid,
                    "study_ids": list(apart.study_ids),
                    "attributes": list(apart.attributes),
                },
            )
        if study_state is None or series_state is None:
            study_state, series_state = self._make(owner_id, study_state, record)
        stated = self._rows.stated(study_state, identity)
        instance_id = self._insert_instance(owner_id, series_state.series_id, record, stated)
        if instance_id is None:
            known = self._known(owner_id, record)
            return known if known is not None else OutOfResources("The index has neither taken nor refused an object.")
        images = record.number_of_frames if record.image is not None else 0
        series_state.instances += 1
        series_state.images += images
        study_state.instances += 1
        study_state.images += images
        study_state.size_bytes += record.file_bytes
        return Receipt(
            "stored",
            study_state.study_id,
            series_state.series_id,
            instance_id,
            new_study=new_study,
            new_series=new_series,
            kept_apart=apart,
        )

    def _known(self, owner_id: OwnerId, record: InstanceRecord) -> KnownObject | None:
        row = self._driver.one(_SELECT_INSTANCE, {"owner_id": owner_id, "sop_instance_uid": record.sop_instance_uid})
        if row is None:
            return None
        instance_id, series_id, study_id, transfer_syntax_uid, file_name, file_bytes, offset = row
        return KnownObject(
            Receipt("duplicate", StudyId(study_id), SeriesId(series_id), InstanceId(instance_id)),
            transfer_syntax_uid=transfer_syntax_uid,
            file_name=file_name,
            file_bytes=file_bytes,
            data_set_offset_bytes=offset,
        )

    def _make(
        self, owner_id: OwnerId, study_state: StudyState | None, record: InstanceRecord
    ) -> tuple[StudyState, SeriesState]:
        if study_state is None:
            values = study_values(record, self._received_at)
            study_state = self._rows.make_study(owner_id, record.study_instance_uid, record.patient, values)
        series_state = self._rows.make_series(owner_id, study_state, record.series_instance_uid, series_values(record))
        return study_state, series_state

    def _insert_instance(
        self, owner_id: OwnerId, series_id: SeriesId, record: InstanceRecord, stated_patient_id: int
    ) -> InstanceId | None:
        has_image = record.image is not None
        values: dict[str, object] = {
            "owner_id": owner_id,
            "series_id": series_id,
            "sop_instance_uid": record.sop_instance_uid,
            "sop_class_uid": record.sop_class_uid,
            "transfer_syntax_uid": record.transfer_syntax_uid,
            "instance_number": int32(record.instance_number),
            "number_of_frames": record.number_of_frames,
            "file_name": record.file_name,
            "file_bytes": record.file_bytes,
            "data_set_offset_bytes": record.data_set_offset_bytes,
            "pixel_data_offset_bytes": record.pixel_data_offset_bytes,
            "pixel_data_length_bytes": record.pixel_data_length_bytes,
            "image_encoding": _IMAGE_IS_ZLIB if has_image else 0,
            "image": zlib.compress((record.image or "").encode("utf-8"), 1) if has_image else None,
            "file_digest": record.file_digest,
            "block_digests": record.block_digests,
            "stated_patient_id": stated_patient_id,
        }
        row = self._driver.one(_INSERT_INSTANCE, values)
        return None if row is None else InstanceId(row[0])
