"""Adding objects to the index: many at once, in the one transaction of a group commit."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from webviewer.adapters.db.archive_tables import patient, series, study
from webviewer.adapters.db.engine import driver_cursor
from webviewer.adapters.db.study_search import fold, joined, names_of
from webviewer.archive import InstanceId, InstanceRecord, KnownObject, OwnerId, Receipt, SeriesId, StudyId
from webviewer.core.errors import OutOfResources

_IMAGE_IS_ZLIB = 1
_ADVISORY_LOCK = 0x57565F41  # "WV_A": one writer of the index at a time, as SQLite has it anyway
_INT32_LIMIT = 2**31

# What runs for each object goes to the driver as it stands: SQLAlchemy's own work was most of an insert's cost. The
# names in pointed brackets are the parameters, in whichever way the driver writes them.
_SELECT_INSTANCE = """
SELECT instance.instance_id, instance.series_id, series.study_id, instance.transfer_syntax_uid, instance.file_name,
       instance.file_bytes, instance.data_set_offset_bytes
FROM instance JOIN series ON series.series_id = instance.series_id
WHERE instance.owner_id = <owner_id> AND instance.sop_instance_uid = <sop_instance_uid>
"""
_SELECT_PLACE = """
SELECT study.study_id, study.modalities, study.body_parts, series.series_id
FROM study LEFT JOIN series
     ON series.study_id = study.study_id AND series.series_instance_uid = <series_instance_uid>
WHERE study.owner_id = <owner_id> AND study.study_instance_uid = <study_instance_uid>
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
)
# Nothing is looked up beforehand: the usual object is a new one, and the insert asks the index of UIDs anyway.
_INSERT_INSTANCE = (
    f"INSERT INTO instance ({', '.join(_INSTANCE_COLUMNS)}) "  # noqa: S608  names from above
    f"VALUES ({', '.join(f'<{name}>' for name in _INSTANCE_COLUMNS)}) "
    "ON CONFLICT (owner_id, sop_instance_uid) DO NOTHING RETURNING instance_id"
)
_UPDATE_SERIES = """
UPDATE series SET instance_count = instance_count + <instances>, image_count = image_count + <images>
WHERE series_id = <key>
"""
_UPDATE_STUDY = """
UPDATE study SET instance_count = instance_count + <instances>, image_count = image_count + <images>,
       size_bytes = size_bytes + <bytes>
WHERE study_id = <key>
"""
# Apart from the counts, since these columns are in indexes, and change only with a new series.
_UPDATE_STUDY_SERIES = """
UPDATE study SET modalities = <modalities>, body_parts = <body_parts>,
       series_count = series_count + <new_series>
WHERE study_id = <key>
"""
_PARAMETER = re.compile("<([a-z_]+)>")
_SELECT_PATIENT = select(patient.c.patient_key).where(
    patient.c.owner_id == bindparam("owner"),
    patient.c.patient_id == bindparam("id"),
    patient.c.issuer_of_patient_id == bindparam("issuer"),
    patient.c.unnamed_study_uid == bindparam("unnamed"),
)


@functools.cache
def _written_for(dialect: str, statement: str) -> str:
    return _PARAMETER.sub(r":\1" if dialect == "sqlite" else r"%(\1)s", statement)


@dataclass(slots=True)
class _SeriesState:
    series_id: SeriesId
    instances: int = 0
    images: int = 0


@dataclass(slots=True)
class _StudyState:
    study_id: StudyId
    modalities: set[str]
    body_parts: set[str]
    new_series: int = 0
    is_changed: bool = False  # more than its counts
    instances: int = 0
    images: int = 0
    size_bytes: int = 0
    series: dict[str, _SeriesState] = field(default_factory=dict)


class ArchiveWriter:
    """Adds objects inside the transaction of a connection; used once."""

    def __init__(self, connection: Connection, received_at: dt.datetime) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._received_at = received_at.astimezone(dt.UTC).replace(tzinfo=None)
        self._studies: dict[tuple[OwnerId, str], _StudyState] = {}

    def add(self, records: Sequence[tuple[OwnerId, InstanceRecord]]) -> list[Receipt | KnownObject | Exception]:
        """Add objects; per object, in order, a receipt, or what is stored under its UID already."""
        if not self._connection.in_transaction():
            self._connection.begin()
        with driver_cursor(self._connection) as self._cursor:
            if self._dialect == "postgresql":
                self._cursor.execute(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            outcomes = [self._add_one(owner_id, record) for owner_id, record in records]
            self._update_counts()
        return outcomes

    def _execute(self, statement: str, values: Mapping[str, object]) -> None:
        self._cursor.execute(_written_for(self._dialect, statement), values)

    def _one(self, statement: str, values: Mapping[str, object]) -> Sequence[Any] | None:
        self._execute(statement, values)
        row: Sequence[Any] | None = self._cursor.fetchone()
        return row

    def _add_one(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | KnownObject | Exception:
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
        )

    def _known(self, owner_id: OwnerId, record: InstanceRecord) -> KnownObject | None:
        row = self._one(_SELECT_INSTANCE, {"owner_id": owner_id, "sop_instance_uid": record.sop_instance_uid})
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

    def _find(self, owner_id: OwnerId, record: InstanceRecord) -> tuple[_StudyState | None, _SeriesState | None]:
        key = owner_id, record.study_instance_uid
        study_state = self._studies.get(key)
        if study_state is not None and record.series_instance_uid in study_state.series:
            return study_state, study_state.series[record.series_instance_uid]
        row = self._one(
            _SELECT_PLACE,
            {
                "owner_id": owner_id,
                "study_instance_uid": record.study_instance_uid,
                "series_instance_uid": record.series_instance_uid,
            },
        )
        if row is None:
            return None, None
        study_id, modalities, body_parts, series_id = row
        if study_state is None:
            study_state = self._studies[key] = _StudyState(
                StudyId(study_id),
                set(names_of(modalities)),
                set(names_of(body_parts)),
            )
        if series_id is None:
            return study_state, None
        series_state = _SeriesState(SeriesId(series_id))
        study_state.series[record.series_instance_uid] = series_state
        return study_state, series_state

    def _make(
        self, owner_id: OwnerId, study_state: _StudyState | None, record: InstanceRecord
    ) -> tuple[_StudyState, _SeriesState]:
        if study_state is None:
            study_state = _StudyState(self._insert_study(owner_id, record), set(), set())
            self._studies[owner_id, record.study_instance_uid] = study_state
        series_state = _SeriesState(
            SeriesId(self._insert_series(owner_id, study_state.study_id, record)),
        )
        study_state.series[record.series_instance_uid] = series_state
        study_state.new_series += 1
        study_state.is_changed = True
        # A backslash parts the names in the study's row; it cannot be inside one (PS3.5 6.2).
        study_state.modalities.add(record.modality.replace("\\", " "))
        study_state.body_parts.add(record.body_part_examined.replace("\\", " "))
        return study_state, series_state

    def _update_counts(self) -> None:
        for state in self._studies.values():
            if not state.instances:
                continue
            self._execute(
                _UPDATE_STUDY,
                {
                    "key": state.study_id,
                    "instances": state.instances,
                    "images": state.images,
                    "bytes": state.size_bytes,
                },
            )
            if state.is_changed:
                self._execute(
                    _UPDATE_STUDY_SERIES,
                    {
                        "key": state.study_id,
                        "modalities": joined(state.modalities),
                        "body_parts": joined(state.body_parts),
                        "new_series": state.new_series,
                    },
                )
            for one in state.series.values():
                if one.instances:
                    self._execute(
                        _UPDATE_SERIES, {"key": one.series_id, "instances": one.instances, "images": one.images}
                    )

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
            "pixel_data_offset_bytes": record.pixel_data_offset_bytes,
            "pixel_data_length_bytes": record.pixel_data_length_bytes,
            "image_encoding": _IMAGE_IS_ZLIB if has_image else 0,
            "image": zlib.compress((record.image or "").encode("utf-8"), 1) if has_image else None,
            "file_digest": record.file_digest,
            "block_digests": record.block_digests,
        }
        row = self._one(_INSERT_INSTANCE, values)
        return None if row is None else InstanceId(row[0])

    @staticmethod
    def _inserted(result: Any) -> int:
        return int(result.inserted_primary_key[0])


def _int32(value: int | None) -> int | None:
    # An Integer String (PS3.5 6.2) is a 32-bit number; what is not cannot be a column of that kind, and orders nothing.
    return value if value is not None and -_INT32_LIMIT <= value < _INT32_LIMIT else None
