"""The study rows of one Study Instance UID, one for each patient, as a transaction finds and makes them."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.engine.interfaces import DBAPICursor

from webviewer.adapters.db.archive_tables import patient, series, stated_patient, study
from webviewer.adapters.db.study_search import fold, joined, names_of
from webviewer.archive import InstanceRecord, KeptApart, OwnerId, SeriesId, StudyId
from webviewer.dicom.patient_identity import PatientIdentity, contradictions, place_of

ADVISORY_LOCK = 0x57565F41  # "WV_A": one writer of the index at a time, as SQLite has it anyway
_INT32_LIMIT = 2**31

# One row for each identity that a study row states; a study of an earlier version states none of its own.
_SELECT_STUDIES = """
SELECT study.study_id, study.patient_number, study.modalities, study.body_parts,
       study.patient_id, patient.issuer_of_patient_id, study.patient_name, study.patient_birth_date, study.patient_sex,
       stated.stated_patient_id, stated.patient_id, stated.issuer_of_patient_id, stated.patient_name,
       stated.patient_birth_date, stated.patient_sex, stated.other_patient_ids
FROM study
JOIN patient ON patient.patient_key = study.patient_key
LEFT JOIN stated_patient AS stated ON stated.study_id = study.study_id
WHERE study.owner_id = <owner_id> AND study.study_instance_uid = <study_instance_uid>
ORDER BY study.patient_number, stated.stated_patient_id
"""
_SELECT_SERIES = """
SELECT series_id FROM series WHERE study_id = <study_id> AND series_instance_uid = <series_instance_uid>
"""
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


class DriverStatements:
    """Runs statements that go to the driver as they stand: SQLAlchemy's own work was most of an insert's cost.

    The names in pointed brackets are the parameters, in whichever way the driver writes them.
    """

    def __init__(self, connection: Connection, cursor: DBAPICursor) -> None:
        self._dialect = connection.dialect.name
        self._cursor = cursor

    def lock(self) -> None:
        """Wait until this transaction is the only writer of the index."""
        if self._dialect == "postgresql":
            self._cursor.execute(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")

    def execute(self, statement: str, values: Mapping[str, object]) -> None:
        """Run a statement."""
        self._cursor.execute(_written_for(self._dialect, statement), values)

    def one(self, statement: str, values: Mapping[str, object]) -> Sequence[Any] | None:
        """Run a statement and return its first row."""
        self.execute(statement, values)
        row: Sequence[Any] | None = self._cursor.fetchone()
        return row

    def all(self, statement: str, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """Run a statement and return its rows."""
        self.execute(statement, values)
        return self._cursor.fetchall()


@dataclass(slots=True)
class SeriesState:
    """A series row in this transaction, and what it gains."""

    series_id: SeriesId
    instances: int = 0
    images: int = 0


@dataclass(slots=True)
class StudyState:
    """A study row in this transaction, what it gains, and the identities of its objects."""

    study_id: StudyId
    patient_number: int
    modalities: set[str]
    body_parts: set[str]
    first_stated: PatientIdentity  # in the study's own columns
    stated: dict[PatientIdentity, int] = field(default_factory=dict)  # numbers in stated_patient
    new_series: int = 0
    is_changed: bool = False  # more than its counts
    instances: int = 0
    images: int = 0
    size_bytes: int = 0
    series: dict[str, SeriesState] = field(default_factory=dict)

    @property
    def identities(self) -> list[PatientIdentity]:
        """What its objects state of the patient, as far as the index knows."""
        return list({self.first_stated: 0, **self.stated})


class StudyRows:
    """Finds and makes study and series rows; its counts are written by `update_counts`.

    Parameters
    ----------
    connection
        With an open transaction.
    driver
        Of the same transaction.
    """

    def __init__(self, connection: Connection, driver: DriverStatements) -> None:
        self._connection = connection
        self._driver = driver
        self._studies: dict[tuple[OwnerId, str], list[StudyState]] = {}

    def studies(self, owner_id: OwnerId, study_instance_uid: str) -> list[StudyState]:
        """Return the study rows of a Study Instance UID, the patient received first before the others."""
        key = owner_id, study_instance_uid
        found = self._studies.get(key)
        if found is None:
            rows = self._driver.all(_SELECT_STUDIES, {"owner_id": owner_id, "study_instance_uid": study_instance_uid})
            by_id: dict[int, StudyState] = {}
            for study_id, number, modalities, body_parts, *rest in rows:
                state = by_id.get(study_id)
                if state is None:
                    first = _identity([*rest[:5], ""])
                    state = by_id[study_id] = StudyState(
                        StudyId(study_id), number, set(names_of(modalities)), set(names_of(body_parts)), first
                    )
                if rest[5] is not None:
                    state.stated[_identity(rest[6:])] = rest[5]
            found = self._studies[key] = list(by_id.values())
        return found

    def series(self, study_state: StudyState, series_instance_uid: str) -> SeriesState | None:
        """Return a series row of a study, None if it has no such series."""
        known = study_state.series.get(series_instance_uid)
        if known is None:
            row = self._driver.one(
                _SELECT_SERIES, {"study_id": study_state.study_id, "series_instance_uid": series_instance_uid}
            )
            if row is not None:
                known = study_state.series[series_instance_uid] = SeriesState(SeriesId(row[0]))
        return known

    def make_study(
        self, owner_id: OwnerId, study_instance_uid: str, identity: PatientIdentity, values: Mapping[str, object]
    ) -> StudyState:
        """Make a study row for one more patient of a Study Instance UID; ``values`` are the columns of the study."""
        others = self.studies(owner_id, study_instance_uid)
        number = max((one.patient_number for one in others), default=-1) + 1
        row = {
            **values,
            "owner_id": owner_id,
            "patient_key": self._patient(owner_id, study_instance_uid, number, identity),
            "study_instance_uid": study_instance_uid,
            "patient_number": number,
            "patient_name": identity.patient_name,
            "patient_name_folded": fold(identity.patient_name),
            "patient_id": identity.patient_id,
            "patient_id_folded": fold(identity.patient_id),
            "patient_sex": identity.patient_sex,
            "patient_birth_date": identity.patient_birth_date,
            "modalities": "",
            "body_parts": "",
            "series_count": 0,
            "instance_count": 0,
            "image_count": 0,
            "size_bytes": 0,
        }
        study_id = StudyId(_inserted(self._connection.execute(insert(study), row)))
        made = StudyState(study_id, number, set(), set(), identity)
        others.append(made)
        return made

    def make_series(
        self, owner_id: OwnerId, study_state: StudyState, series_instance_uid: str, values: Mapping[str, object]
    ) -> SeriesState:
        """Make a series row; ``values`` are the columns that describe it."""
        row = {
            **values,
            "owner_id": owner_id,
            "study_id": study_state.study_id,
            "series_instance_uid": series_instance_uid,
            "instance_count": 0,
            "image_count": 0,
        }
        state = SeriesState(SeriesId(_inserted(self._connection.execute(insert(series), row))))
        study_state.series[series_instance_uid] = state
        study_state.new_series += 1
        study_state.is_changed = True
        # A backslash parts the names in the study's row; it cannot be inside one (PS3.5 6.2).
        study_state.modalities.add(str(values["modality"]).replace("\\", " "))
        study_state.body_parts.add(str(values["body_part_examined"]).replace("\\", " "))
        return state

    def stated(self, study_state: StudyState, identity: PatientIdentity) -> int:
        """Return the number of an identity among those that the study's objects state; makes it if it is new."""
        known = study_state.stated.get(identity)
        if known is None:
            row = {
                "study_id": study_state.study_id,
                "patient_name": identity.patient_name,
                "patient_id": identity.patient_id,
                "issuer_of_patient_id": identity.issuer_of_patient_id,
                "patient_sex": identity.patient_sex,
                "patient_birth_date": identity.patient_birth_date,
                "other_patient_ids": joined(identity.other_patient_ids),
            }
            known = study_state.stated[identity] = _inserted(self._connection.execute(insert(stated_patient), row))
        return known

    def update_counts(self) -> None:
        """Write what studies and series gained or lost."""
        for state in (state for states in self._studies.values() for state in states):
            if state.instances:
                self._driver.execute(
                    _UPDATE_STUDY,
                    {
                        "key": state.study_id,
                        "instances": state.instances,
                        "images": state.images,
                        "bytes": state.size_bytes,
                    },
                )
            if state.is_changed:
                self._driver.execute(
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
                    self._driver.execute(
                        _UPDATE_SERIES, {"key": one.series_id, "instances": one.instances, "images": one.images}
                    )

    def _patient(
        self, owner_id: OwnerId, study_instance_uid: str, patient_number: int, identity: PatientIdentity
    ) -> int:
        unnamed = ""
        if not identity.patient_id:
            unnamed = study_instance_uid
            if patient_number:
                unnamed = hashlib.sha256(f"{study_instance_uid}/{patient_number}".encode()).hexdigest()
        key: dict[str, Any] = {
            "owner": owner_id,
            "id": identity.patient_id,
            "issuer": identity.issuer_of_patient_id,
            "unnamed": unnamed,
        }
        known = self._connection.execute(_SELECT_PATIENT, key).scalar_one_or_none()
        if known is not None:
            return int(known)
        row = {
            "owner_id": owner_id,
            "patient_id": identity.patient_id,
            "issuer_of_patient_id": identity.issuer_of_patient_id,
            "unnamed_study_uid": unnamed,
            "patient_name": identity.patient_name,
            "patient_sex": identity.patient_sex,
            "patient_birth_date": identity.patient_birth_date,
        }
        return _inserted(self._connection.execute(insert(patient), row))


def find_place(states: Sequence[StudyState], identity: PatientIdentity) -> StudyState | None:
    """Return the study row of the patient whom an object names, None if none of them is that patient's."""
    place = place_of(identity, [state.identities for state in states])
    return None if place is None else states[place]


def difference(states: Sequence[StudyState], identity: PatientIdentity) -> KeptApart:
    """Return from which study rows an object differs, and in which attributes."""
    found = (name for state in states for one in state.identities for name in contradictions(one, identity))
    return KeptApart(tuple(state.study_id for state in states), tuple(dict.fromkeys(found)))


def study_values(record: InstanceRecord, received_at: dt.datetime) -> dict[str, object]:
    """Return the columns of a study row that say nothing of its patient."""
    return {
        "study_date": record.study_date,
        "study_time": record.study_time,
        "accession_number": record.accession_number,
        "accession_number_folded": fold(record.accession_number),
        "study_description": record.study_description,
        "study_description_folded": fold(record.study_description),
        "referring_physician_name": record.referring_physician_name,
        "institution_name": record.institution_name,
        "received_at": received_at,
    }


def series_values(record: InstanceRecord) -> dict[str, object]:
    """Return the columns of a series row that describe it."""
    return {
        "modality": record.modality,
        "series_number": int32(record.series_number),
        "series_description": record.series_description,
        "body_part_examined": record.body_part_examined,
    }


def int32(value: int | None) -> int | None:
    """Return a number that a column can hold, None for any other."""
    return value if value is not None and -_INT32_LIMIT <= value < _INT32_LIMIT else None


def _identity(columns: Sequence[Any]) -> PatientIdentity:
    patient_id, issuer, name, born, sex, others = columns
    # SQLite's driver hands dates out as texts.
    day = dt.date.fromisoformat(born) if isinstance(born, str) else born
    return PatientIdentity(patient_id, issuer, name, day, sex, names_of(others))


def _inserted(result: Any) -> int:
    return int(result.inserted_primary_key[0])
