"""Adding objects to the index: many at once, in the one transaction of a group commit."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from webviewer.adapters.db.archive_tables import instance, patient, series, study
from webviewer.adapters.db.study_search import fold, joined, names_of
from webviewer.archive import InstanceId, InstanceRecord, OwnerId, Receipt, SeriesId, StudyId
from webviewer.core.errors import DataError, DuplicateObject

_IMAGE_IS_ZLIB = 1
_ADVISORY_LOCK = 0x57565F41  # "WV_A": one writer of the index at a time, as SQLite has it anyway
_INT32_LIMIT = 2**31

_SELECT_INSTANCE = (
    select(
        instance.c.instance_id,
        instance.c.series_id,
        series.c.study_id,
        instance.c.transfer_syntax_uid,
        instance.c.data_set_sha256,
    )
    .join(series, series.c.series_id == instance.c.series_id)
    .where(instance.c.owner_id == bindparam("owner"), instance.c.sop_instance_uid == bindparam("uid"))
)
_SELECT_PLACE = (
    select(
        study.c.study_id,
        study.c.modalities,
        study.c.body_parts,
        study.c.first_series_id,
        series.c.series_id,
        series.c.series_number,
        series.c.image_count,
    )
    .select_from(study)
    .outerjoin(
        series, (series.c.study_id == study.c.study_id) & (series.c.series_instance_uid == bindparam("series_uid"))
    )
    .where(study.c.owner_id == bindparam("owner"), study.c.study_instance_uid == bindparam("study_uid"))
)
_SELECT_PATIENT = select(patient.c.patient_key).where(
    patient.c.owner_id == bindparam("owner"),
    patient.c.patient_id == bindparam("id"),
    patient.c.issuer_of_patient_id == bindparam("issuer"),
    patient.c.unnamed_study_uid == bindparam("unnamed"),
)
_SELECT_SERIES_NUMBER = select(series.c.series_number).where(series.c.series_id == bindparam("series"))
# Nothing is looked up beforehand: the usual object is a new one, and the insert asks the index of UIDs anyway.
_INSERT_INSTANCE: dict[str, ReturningInsert[int]] = {
    "sqlite": sqlite.insert(instance)
    .on_conflict_do_nothing(index_elements=["owner_id", "sop_instance_uid"])
    .returning(instance.c.instance_id),
    "postgresql": postgresql.insert(instance)
    .on_conflict_do_nothing(index_elements=["owner_id", "sop_instance_uid"])
    .returning(instance.c.instance_id),
}
_UPDATE_SERIES = (
    update(series)
    .where(series.c.series_id == bindparam("key"))
    .values(
        instance_count=series.c.instance_count + bindparam("instances"),
        image_count=series.c.image_count + bindparam("images"),
    )
)
_UPDATE_STUDY = (
    update(study)
    .where(study.c.study_id == bindparam("key"))
    .values(
        modalities=bindparam("new_modalities"),
        body_parts=bindparam("new_body_parts"),
        first_series_id=bindparam("new_first_series"),
        series_count=study.c.series_count + bindparam("new_series"),
        instance_count=study.c.instance_count + bindparam("instances"),
        image_count=study.c.image_count + bindparam("images"),
        size_bytes=study.c.size_bytes + bindparam("bytes"),
    )
)


@dataclass(slots=True)
class _SeriesState:
    series_id: SeriesId
    number: int | None
    has_images: bool
    instances: int = 0
    images: int = 0


@dataclass(slots=True)
class _StudyState:
    study_id: StudyId
    modalities: set[str]
    body_parts: set[str]
    first_series_id: SeriesId | None
    new_series: int = 0
    instances: int = 0
    images: int = 0
    size_bytes: int = 0
    series: dict[str, _SeriesState] = field(default_factory=dict)


class ArchiveWriter:
    """Adds objects inside the transaction of a connection; used once."""

    def __init__(self, connection: Connection, received_at: dt.datetime) -> None:
        self._connection = connection
        self._received_at = received_at.astimezone(dt.UTC).replace(tzinfo=None)
        self._studies: dict[tuple[OwnerId, str], _StudyState] = {}

    def add(self, records: Sequence[tuple[OwnerId, InstanceRecord]]) -> list[Receipt | Exception]:
        """Add objects; per object, in order, a receipt or `DuplicateObject`."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        outcomes = [self._add_one(owner_id, record) for owner_id, record in records]
        self._update_counts()
        return outcomes

    def _add_one(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | Exception:
        study_state, series_state = self._find(owner_id, record)
        new_study, new_series = study_state is None, series_state is None
        if study_state is None or series_state is None:
            # Before a study or series is made for it: an object that is known already must not leave an empty one.
            known = self._known(owner_id, record)
            if known is not None:
                return known
            study_state, series_state = self._make(owner_id, study_state, record)
        instance_id = self._insert_instance(owner_id, series_state.series_id, record)
        if instance_id is None:
            known = self._known(owner_id, record)
            return known if known is not None else DataError("The index has neither taken nor refused an object.")
        images = record.number_of_frames if record.image is not None else 0
        series_state.instances += 1
        series_state.images += images
        study_state.instances += 1
        study_state.images += images
        study_state.size_bytes += record.file_bytes
        if images and not series_state.has_images:
            series_state.has_images = True
            self._offer_as_first(study_state, series_state)
        return Receipt(
            "stored",
            study_state.study_id,
            series_state.series_id,
            instance_id,
            new_study=new_study,
            new_series=new_series,
        )

    def _known(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | DuplicateObject | None:
        known = self._connection.execute(
            _SELECT_INSTANCE, {"owner": owner_id, "uid": record.sop_instance_uid}
        ).one_or_none()
        if known is None:
            return None
        if (
            bytes(known.data_set_sha256) == record.data_set_sha256
            and known.transfer_syntax_uid == record.transfer_syntax_uid
        ):
            return Receipt(
                "duplicate", StudyId(known.study_id), SeriesId(known.series_id), InstanceId(known.instance_id)
            )
        return DuplicateObject(
            f"Other bytes are stored already under SOP Instance UID {record.sop_instance_uid}.",
            details={"sop_instance_uid": record.sop_instance_uid},
        )

    def _find(self, owner_id: OwnerId, record: InstanceRecord) -> tuple[_StudyState | None, _SeriesState | None]:
        key = owner_id, record.study_instance_uid
        study_state = self._studies.get(key)
        if study_state is not None and record.series_instance_uid in study_state.series:
            return study_state, study_state.series[record.series_instance_uid]
        row = self._connection.execute(
            _SELECT_PLACE,
            {
                "owner": owner_id,
                "study_uid": record.study_instance_uid,
                "series_uid": record.series_instance_uid,
            },
        ).one_or_none()
        if row is None:
            return None, None
        if study_state is None:
            study_state = self._studies[key] = _StudyState(
                StudyId(row.study_id),
                set(names_of(row.modalities)),
                set(names_of(row.body_parts)),
                None if row.first_series_id is None else SeriesId(row.first_series_id),
            )
        if row.series_id is None:
            return study_state, None
        series_state = _SeriesState(SeriesId(row.series_id), row.series_number, row.image_count > 0)
        study_state.series[record.series_instance_uid] = series_state
        return study_state, series_state

    def _make(
        self, owner_id: OwnerId, study_state: _StudyState | None, record: InstanceRecord
    ) -> tuple[_StudyState, _SeriesState]:
        if study_state is None:
            study_state = _StudyState(self._insert_study(owner_id, record), set(), set(), None)
            self._studies[owner_id, record.study_instance_uid] = study_state
        series_state = _SeriesState(
            SeriesId(self._insert_series(owner_id, study_state.study_id, record)),
            _int32(record.series_number),
            has_images=False,
        )
        study_state.series[record.series_instance_uid] = series_state
        study_state.new_series += 1
        # A backslash parts the names in the study's row; it cannot be inside one (PS3.5 6.2).
        study_state.modalities.add(record.modality.replace("\\", " "))
        study_state.body_parts.add(record.body_part_examined.replace("\\", " "))
        return study_state, series_state

    def _offer_as_first(self, study_state: _StudyState, series_state: _SeriesState) -> None:
        # The card's picture comes from the series with images whose number is lowest; no number counts as high.
        if study_state.first_series_id is not None:
            first = self._connection.execute(
                _SELECT_SERIES_NUMBER, {"series": study_state.first_series_id}
            ).scalar_one_or_none()
            if series_state.number is None or (first is not None and first <= series_state.number):
                return
        study_state.first_series_id = series_state.series_id

    def _update_counts(self) -> None:
        studies: list[dict[str, object]] = []
        all_series: list[dict[str, object]] = []
        for state in self._studies.values():
            if not state.instances:
                continue
            studies.append(
                {
                    "key": state.study_id,
                    "new_modalities": joined(state.modalities),
                    "new_body_parts": joined(state.body_parts),
                    "new_first_series": state.first_series_id,
                    "new_series": state.new_series,
                    "instances": state.instances,
                    "images": state.images,
                    "bytes": state.size_bytes,
                }
            )
            all_series += [
                {"key": one.series_id, "instances": one.instances, "images": one.images}
                for one in state.series.values()
                if one.instances
            ]
        if studies:
            self._connection.execute(_UPDATE_STUDY, studies)
            self._connection.execute(_UPDATE_SERIES, all_series)

    def _insert_patient(self, owner_id: OwnerId, record: InstanceRecord) -> int:
        identity: dict[str, Any] = {
            "owner": owner_id,
            "id": record.patient_id,
            "issuer": record.issuer_of_patient_id,
            "unnamed": "" if record.patient_id else record.study_instance_uid,
        }
        known = self._connection.execute(_SELECT_PATIENT, identity).scalar_one_or_none()
        if known is not None:
            return int(known)
        return self._inserted(
            self._connection.execute(
                insert(patient),
                {
                    "owner_id": owner_id,
                    "patient_id": record.patient_id,
                    "issuer_of_patient_id": record.issuer_of_patient_id,
                    "unnamed_study_uid": identity["unnamed"],
                    "patient_name": record.patient_name,
                    "patient_sex": record.patient_sex,
                    "patient_birth_date": record.patient_birth_date,
                },
            )
        )

    def _insert_study(self, owner_id: OwnerId, record: InstanceRecord) -> StudyId:
        values: dict[str, object] = {
            "owner_id": owner_id,
            "patient_key": self._insert_patient(owner_id, record),
            "study_instance_uid": record.study_instance_uid,
            "patient_name": record.patient_name,
            "patient_name_folded": fold(record.patient_name),
            "patient_id": record.patient_id,
            "patient_id_folded": fold(record.patient_id),
            "patient_sex": record.patient_sex,
            "patient_birth_date": record.patient_birth_date,
            "study_date": record.study_date,
            "study_time": record.study_time,
            "accession_number": record.accession_number,
            "accession_number_folded": fold(record.accession_number),
            "study_description": record.study_description,
            "study_description_folded": fold(record.study_description),
            "referring_physician_name": record.referring_physician_name,
            "institution_name": record.institution_name,
            "modalities": "",
            "body_parts": "",
            "series_count": 0,
            "instance_count": 0,
            "image_count": 0,
            "size_bytes": 0,
            "received_at": self._received_at,
            "first_series_id": None,
        }
        return StudyId(self._inserted(self._connection.execute(insert(study), values)))

    def _insert_series(self, owner_id: OwnerId, study_id: StudyId, record: InstanceRecord) -> int:
        values: dict[str, object] = {
            "owner_id": owner_id,
            "study_id": study_id,
            "series_instance_uid": record.series_instance_uid,
            "modality": record.modality,
            "series_number": _int32(record.series_number),
            "series_description": record.series_description,
            "body_part_examined": record.body_part_examined,
            "instance_count": 0,
            "image_count": 0,
        }
        return self._inserted(self._connection.execute(insert(series), values))

    def _insert_instance(self, owner_id: OwnerId, series_id: SeriesId, record: InstanceRecord) -> InstanceId | None:
        has_image = record.image is not None
        values: dict[str, object] = {
            "owner_id": owner_id,
            "series_id": series_id,
            "sop_instance_uid": record.sop_instance_uid,
            "sop_class_uid": record.sop_class_uid,
            "transfer_syntax_uid": record.transfer_syntax_uid,
            "instance_number": _int32(record.instance_number),
            "number_of_frames": record.number_of_frames,
            "file_name": record.file_name,
            "file_bytes": record.file_bytes,
            "data_set_offset_bytes": record.data_set_offset_bytes,
            "data_set_sha256": record.data_set_sha256,
            "pixel_data_offset_bytes": record.pixel_data_offset_bytes,
            "pixel_data_length_bytes": record.pixel_data_length_bytes,
            "image_encoding": _IMAGE_IS_ZLIB if has_image else 0,
            "image": zlib.compress((record.image or "").encode("utf-8"), 1) if has_image else None,
        }
        statement = _INSERT_INSTANCE[self._connection.dialect.name]
        instance_id = self._connection.execute(statement, values).scalar_one_or_none()
        return None if instance_id is None else InstanceId(instance_id)

    @staticmethod
    def _inserted(result: Any) -> int:
        return int(result.inserted_primary_key[0])


def _int32(value: int | None) -> int | None:
    # An Integer String (PS3.5 6.2) is a 32-bit number; what is not cannot be a column of that kind, and orders nothing.
    return value if value is not None and -_INT32_LIMIT <= value < _INT32_LIMIT else None
