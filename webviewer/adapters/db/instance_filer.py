"""Filing objects that an earlier version stored by their own patients: those of another patient leave the study row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, delete, select, update

from webviewer.adapters.db.archive_tables import instance, series, study
from webviewer.adapters.db.engine import driver_cursor
from webviewer.adapters.db.study_rows import DriverStatements, SeriesState, StudyRows, StudyState, find_place
from webviewer.adapters.db.study_search import joined
from webviewer.archive import InstanceId, MovedInstance, OwnerId, SeriesId, StudyId
from webviewer.dicom.patient_identity import PatientIdentity

_STUDY_VALUES = (
    "study_date",
    "study_time",
    "accession_number",
    "accession_number_folded",
    "study_description",
    "study_description_folded",
    "referring_physician_name",
    "institution_name",
    "received_at",
)
_SERIES_VALUES = ("modality", "series_number", "series_description", "body_part_examined")


class InstanceFiler:
    """Files objects by their patients inside the transaction of a connection; used once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def file(self, read: Sequence[tuple[InstanceId, PatientIdentity]]) -> tuple[MovedInstance, ...]:
        """Note the patients of objects; returns the objects that went to another study row."""
        if not self._connection.in_transaction():
            self._connection.begin()
        with driver_cursor(self._connection) as cursor:
            driver = DriverStatements(self._connection, cursor)
            driver.lock()
            self._rows = StudyRows(self._connection, driver)
            moved = [one for one in (self._file_one(*each) for each in read) if one is not None]
            self._rows.update_counts()
        for study_id in {one.from_study_id for one in moved}:
            self._tidy(study_id)
        return tuple(moved)

    def _file_one(self, instance_id: InstanceId, identity: PatientIdentity) -> MovedInstance | None:
        row = self._row(instance_id)
        if row is None:
            return None
        owner_id = OwnerId(row["owner_id"])
        states = self._rows.studies(owner_id, row["study_instance_uid"])
        own = next(one for one in states if one.study_id == row["study_id"])
        # Where it lies now is as good a place as any other that fits.
        place = own if find_place([own], identity) is own else find_place(states, identity)
        values: dict[str, object] = {}
        moved = None
        if place is not own:
            if place is None:
                study_columns = {name: row[name] for name in _STUDY_VALUES}
                place = self._rows.make_study(owner_id, row["study_instance_uid"], identity, study_columns)
            new = self._series(owner_id, place, row)
            old = self._rows.series(own, row["series_instance_uid"]) or SeriesState(SeriesId(row["series_id"]))
            _count(row, own, old, -1)
            _count(row, place, new, 1)
            values["series_id"] = new.series_id
            moved = MovedInstance(
                owner_id, instance_id, own.study_id, SeriesId(row["series_id"]), place.study_id, new.series_id
            )
        values["stated_patient_id"] = self._rows.stated(place, identity)
        self._connection.execute(update(instance).where(instance.c.instance_id == instance_id).values(values))
        return moved

    def _row(self, instance_id: InstanceId) -> RowMapping | None:
        row = self._connection.execute(
            select(
                instance.c.owner_id,
                instance.c.series_id,
                instance.c.number_of_frames,
                instance.c.image_encoding,
                instance.c.file_bytes,
                series.c.series_instance_uid,
                *(series.c[name] for name in _SERIES_VALUES),
                study.c.study_id,
                study.c.study_instance_uid,
                *(study.c[name] for name in _STUDY_VALUES),
            )
            .join(series, series.c.series_id == instance.c.series_id)
            .join(study, study.c.study_id == series.c.study_id)
            .where(instance.c.instance_id == instance_id, instance.c.stated_patient_id.is_(None))
        ).one_or_none()
        return None if row is None else row._mapping

    def _series(self, owner_id: OwnerId, study_state: StudyState, row: RowMapping) -> SeriesState:
        uid = row["series_instance_uid"]
        known = self._rows.series(study_state, uid)
        values = {name: row[name] for name in _SERIES_VALUES}
        return self._rows.make_series(owner_id, study_state, uid, values) if known is None else known

    def _tidy(self, study_id: StudyId) -> None:
        """Remove series that have lost all objects, and write what the study's other series still hold."""
        self._connection.execute(
            delete(series).where(
                series.c.study_id == study_id,
                ~select(instance.c.instance_id).where(instance.c.series_id == series.c.series_id).exists(),
            )
        )
        left = self._connection.execute(
            select(series.c.modality, series.c.body_part_examined).where(series.c.study_id == study_id)
        ).all()
        self._connection.execute(
            update(study)
            .where(study.c.study_id == study_id)
            .values(
                modalities=joined(row.modality.replace("\\", " ") for row in left),
                body_parts=joined(row.body_part_examined.replace("\\", " ") for row in left),
                series_count=len(left),
            )
        )


def _count(row: RowMapping, study_state: StudyState, series_state: SeriesState, sign: int) -> None:
    images = row["number_of_frames"] if row["image_encoding"] else 0
    for state in (study_state, series_state):
        state.instances += sign
        state.images += sign * images
    study_state.size_bytes += sign * row["file_bytes"]
