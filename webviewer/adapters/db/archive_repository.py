"""The index on SQL: `webviewer.archive.ArchiveRepository` for SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, case, delete, exists, func, insert, select, text, tuple_
from sqlalchemy.exc import IntegrityError

from webviewer.adapters.db.archive_tables import (
    ae_title,
    instance,
    node_identity,
    patient,
    series,
    stated_patient,
    study,
)
from webviewer.adapters.db.archive_writer import ArchiveWriter
from webviewer.adapters.db.instance_filer import InstanceFiler
from webviewer.adapters.db.study_search import names_of, search_conditions, study_ids
from webviewer.archive import (
    InstanceId,
    InstanceRecord,
    KnownObject,
    MovedInstance,
    OwnerId,
    PatientConflict,
    Receipt,
    Series,
    SeriesContent,
    SeriesId,
    StatedPatient,
    StoredInstance,
    Study,
    StudyId,
    StudyPage,
    StudyQuery,
    UnreadPatient,
    in_reading_order,
)
from webviewer.config import PatientConflictPolicy
from webviewer.core.errors import Conflict, NotFound
from webviewer.dicom.patient_identity import PatientIdentity

_MAX_VARIABLES = 500  # of one statement; SQLite's own limit may be as low as 999

_T = TypeVar("_T")


class SqlArchiveRepository:
    """The index, inside the transaction of the connection it is given.

    Parameters
    ----------
    connection
        An open connection; whoever opened it commits.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def owner_of_ae_title(self, called: str) -> OwnerId | None:
        """Return the owner whose AE title was called, None if nobody's."""
        found = self._connection.execute(select(ae_title.c.owner_id).where(ae_title.c.ae_title == called)).scalar()
        return None if found is None else OwnerId(found)

    def set_ae_titles(self, owner_id: OwnerId, ae_titles: Iterable[str]) -> None:
        """Make these the owner's AE titles; raises Conflict if one is another owner's."""
        wanted = list(dict.fromkeys(ae_titles))
        self._connection.execute(delete(ae_title).where(ae_title.c.owner_id == owner_id))
        for part in _parts(wanted):
            taken = self._connection.execute(select(ae_title.c.ae_title).where(ae_title.c.ae_title.in_(part))).scalars()
            for title in taken:
                raise _taken(title)
        if wanted:
            try:
                self._connection.execute(
                    insert(ae_title), [{"ae_title": title, "owner_id": owner_id} for title in wanted]
                )
            except IntegrityError as exc:
                raise _taken(", ".join(wanted)) from exc

    def replace_ae_titles(self, owners: Sequence[tuple[OwnerId, Sequence[str]]]) -> None:
        """Make these all AE titles that there are; raises Conflict if one is named for two owners."""
        wanted: dict[str, OwnerId] = {}
        for owner_id, titles in owners:
            for title in titles:
                if wanted.setdefault(title, owner_id) != owner_id:
                    raise _taken(title)
        known = {row.ae_title: row.owner_id for row in self._connection.execute(select(ae_title))}
        gone = [title for title, owner_id in known.items() if wanted.get(title) != owner_id]
        new = [title for title, owner_id in wanted.items() if known.get(title) != owner_id]
        for part in _parts(gone):
            self._connection.execute(delete(ae_title).where(ae_title.c.ae_title.in_(part)))
        for part in _parts(new):
            try:
                self._connection.execute(
                    insert(ae_title), [{"ae_title": title, "owner_id": wanted[title]} for title in part]
                )
            except IntegrityError as exc:  # somebody gave one of them away meanwhile
                raise _taken(", ".join(part)) from exc

    def node_identity(self) -> str | None:
        """Return the UUID of the storage node, None if it has none yet."""
        return self._connection.execute(select(node_identity.c.identity).limit(1)).scalar()

    def make_node_identity(self) -> str:
        """Return the UUID of the storage node, made if it has none; of two that ask at once both get the same."""
        if self._connection.dialect.name == "postgresql":  # a writer of SQLite is alone anyway
            self._connection.execute(text("LOCK TABLE node_identity IN EXCLUSIVE MODE"))
        known = self.node_identity()
        if known is not None:
            return known
        made = str(uuid.uuid4())
        self._connection.execute(insert(node_identity).values(identity=made))
        return made

    def add_instances(
        self,
        records: Sequence[tuple[OwnerId, InstanceRecord]],
        received_at: dt.datetime,
        policy: PatientConflictPolicy = PatientConflictPolicy.KEEP_APART,
    ) -> list[Receipt | KnownObject | Exception]:
        """Index many objects at once (the group commit); per object a receipt, or what is known under its UID."""
        return ArchiveWriter(self._connection, received_at, policy).add(records)

    def find_studies(self, owner_id: OwnerId, query: StudyQuery) -> StudyPage:
        """Return one page of the owner's studies."""
        conditions = search_conditions(query)
        total = self._connection.execute(
            select(func.count()).select_from(study).where(study.c.owner_id == owner_id, *conditions)
        ).scalar_one()
        if total == 0 or query.offset >= total:
            return StudyPage((), total)
        statement = study_ids(self._connection, owner_id, query, conditions, total)
        ids = [StudyId(one) for one in self._connection.execute(statement).scalars()]
        rows = {row.study_id: row for row in self._connection.execute(select(study).where(study.c.study_id.in_(ids)))}
        first = self._first_series(ids)
        others = self._other_patients(owner_id, {rows[one].study_instance_uid for one in ids})
        return StudyPage(tuple(_study(rows[one], first.get(one), others) for one in ids), total)

    def get_study(self, owner_id: OwnerId, study_id: StudyId) -> Study:
        """Return a study; raises NotFound."""
        row = self._connection.execute(
            select(study).where(study.c.study_id == study_id, study.c.owner_id == owner_id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"There is no study {study_id}.")
        others = self._other_patients(owner_id, {row.study_instance_uid})
        return _study(row, self._first_series([study_id]).get(study_id), others)

    def _other_patients(self, owner_id: OwnerId, uids: Iterable[str]) -> dict[str, list[StudyId]]:
        """Return the study rows of each Study Instance UID that several patients share."""
        found: defaultdict[str, list[StudyId]] = defaultdict(list)
        for part in _parts(list(uids)):
            # Only rows of further patients are in this index, so of an archive without any it is empty.
            further = (
                select(study.c.study_instance_uid)
                .where(study.c.owner_id == owner_id, study.c.study_instance_uid.in_(part), study.c.patient_number > 0)
                .scalar_subquery()
            )
            rows = self._connection.execute(
                select(study.c.study_instance_uid, study.c.study_id)
                .where(study.c.owner_id == owner_id, study.c.study_instance_uid.in_(further))
                .order_by(study.c.patient_number)
            )
            for uid, study_id in rows:
                found[uid].append(StudyId(study_id))
        return found

    def _first_series(self, study_ids: Sequence[StudyId]) -> dict[StudyId, SeriesId]:
        """Return the series that opens first, of each study that holds images."""
        found: defaultdict[StudyId, list[Series]] = defaultdict(list)
        for part in _parts(study_ids):
            rows = self._connection.execute(
                select(series)
                .where(series.c.study_id.in_(part))
                .order_by(series.c.series_number.nulls_last(), series.c.series_id)
            )
            for row in rows:
                found[StudyId(row.study_id)].append(_series(row))
        firsts = {study_id: in_reading_order(of_study)[0] for study_id, of_study in found.items()}
        return {study_id: first.series_id for study_id, first in firsts.items() if first.has_images}

    def list_series(self, owner_id: OwnerId, study_id: StudyId) -> tuple[Series, ...]:
        """Return the series of a study by series number, with their contents; those without a number come last."""
        rows = self._connection.execute(
            select(series)
            .where(series.c.study_id == study_id, series.c.owner_id == owner_id)
            .order_by(series.c.series_number.nulls_last(), series.c.series_id)
        )
        contents = self._contents(owner_id, study_id)
        return tuple(replace(_series(row), contents=tuple(contents[row.series_id])) for row in rows)

    def _contents(self, owner_id: OwnerId, study_id: StudyId) -> defaultdict[int, list[SeriesContent]]:
        """Return how many objects of which SOP class each series of a study holds; reads no attributes of images."""
        is_empty_image = (instance.c.image_encoding != 0) & (instance.c.number_of_frames == 0)
        rows = self._connection.execute(
            select(
                instance.c.series_id,
                instance.c.sop_class_uid,
                func.count(),
                func.sum(case((is_empty_image, 1), else_=0)),
            )
            .join(series, series.c.series_id == instance.c.series_id)
            .where(series.c.study_id == study_id, series.c.owner_id == owner_id)
            .group_by(instance.c.series_id, instance.c.sop_class_uid)
            .order_by(instance.c.series_id, instance.c.sop_class_uid)
        )
        contents: defaultdict[int, list[SeriesContent]] = defaultdict(list)
        for series_id, sop_class_uid, count, without_pixels in rows:
            contents[series_id].append(SeriesContent(sop_class_uid, int(count), int(without_pixels)))
        return contents

    def get_series(self, owner_id: OwnerId, series_id: SeriesId) -> Series:
        """Return a series; raises NotFound."""
        row = self._connection.execute(
            select(series).where(series.c.series_id == series_id, series.c.owner_id == owner_id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"There is no series {series_id}.")
        return _series(row)

    def list_instances(self, owner_id: OwnerId, series_id: SeriesId) -> tuple[StoredInstance, ...]:
        """Return the instances of a series in no promised order."""
        rows = self._connection.execute(
            select(instance).where(instance.c.series_id == series_id, instance.c.owner_id == owner_id)
        )
        return tuple(_instance(row) for row in rows)

    def list_instances_of_class(
        self, owner_id: OwnerId, study_id: StudyId, sop_class_prefix: str, limit: int
    ) -> tuple[StoredInstance, ...]:
        """Return instances of a study whose SOP Class UID starts so, the newest first, at most ``limit``."""
        rows = self._connection.execute(
            select(instance)
            .join(series, series.c.series_id == instance.c.series_id)
            .where(
                series.c.study_id == study_id,
                series.c.owner_id == owner_id,
                instance.c.sop_class_uid.startswith(sop_class_prefix, autoescape=True),
            )
            .order_by(instance.c.instance_id.desc())
            .limit(limit)
        )
        return tuple(_instance(row) for row in rows)

    def get_instances(self, owner_id: OwnerId, instance_ids: Iterable[InstanceId]) -> dict[InstanceId, StoredInstance]:
        """Return those of the instances that the owner has."""
        found: dict[InstanceId, StoredInstance] = {}
        for part in _parts(list(dict.fromkeys(instance_ids))):
            rows = self._connection.execute(
                select(instance).where(instance.c.instance_id.in_(part), instance.c.owner_id == owner_id)
            )
            found.update((InstanceId(row.instance_id), _instance(row)) for row in rows)
        return found

    def file_names(self, owner_id: OwnerId, study_id: StudyId) -> tuple[str, ...]:
        """Return the names of a study's files; none if the owner has no such study."""
        names = self._connection.execute(
            select(instance.c.file_name)
            .join(series, series.c.series_id == instance.c.series_id)
            .where(series.c.study_id == study_id, series.c.owner_id == owner_id)
        )
        return tuple(names.scalars())

    def delete_studies(self, owner_id: OwnerId, study_ids: Iterable[StudyId]) -> tuple[str, ...]:
        """Delete studies from the index; returns the file names that nothing points to any more."""
        files: list[str] = []
        for part in _parts(list(dict.fromkeys(study_ids))):
            mine = study.c.study_id.in_(part), study.c.owner_id == owner_id
            files += self._connection.execute(
                select(instance.c.file_name)
                .join(series, series.c.series_id == instance.c.series_id)
                .join(study, study.c.study_id == series.c.study_id)
                .where(*mine)
            ).scalars()
            patients = set(self._connection.execute(select(study.c.patient_key).where(*mine)).scalars())
            self._connection.execute(delete(study).where(*mine))  # series and instances go by cascade
            for keys in _parts(list(patients)):
                self._connection.execute(
                    delete(patient).where(
                        patient.c.patient_key.in_(keys),
                        ~select(study.c.study_id).where(study.c.patient_key == patient.c.patient_key).exists(),
                    )
                )
        return tuple(files)

    def indexed_files(self, file_names: Iterable[str]) -> frozenset[str]:
        """Return those of the file names that an instance points to (for the recovery at start)."""
        found: set[str] = set()
        for part in _parts(list(file_names)):
            found.update(
                self._connection.execute(select(instance.c.file_name).where(instance.c.file_name.in_(part))).scalars()
            )
        return frozenset(found)

    def stated_patients(self, owner_id: OwnerId, study_id: StudyId) -> tuple[StatedPatient, ...]:
        """Return the patients that objects of a study state, in the order of their arrival."""
        rows = self._connection.execute(
            select(stated_patient)
            .join(study, study.c.study_id == stated_patient.c.study_id)
            .where(study.c.study_id == study_id, study.c.owner_id == owner_id)
            .order_by(stated_patient.c.stated_patient_id)
        )
        return tuple(
            StatedPatient(
                row.stated_patient_id, row.patient_name, row.patient_id, row.patient_sex, row.patient_birth_date
            )
            for row in rows
        )

    def patient_conflicts(self, limit: int) -> tuple[PatientConflict, ...]:
        """Return study rows of all owners that share their Study Instance UID with another patient's, newest first."""
        rows = self._connection.execute(
            select(
                study.c.owner_id,
                study.c.study_id,
                study.c.study_instance_uid,
                study.c.instance_count,
                study.c.received_at,
            )
            .where(_shares_its_uid())
            .order_by(study.c.study_id.desc())
            .limit(limit)
        )
        return tuple(
            PatientConflict(
                OwnerId(row.owner_id),
                StudyId(row.study_id),
                row.study_instance_uid,
                row.instance_count,
                row.received_at.replace(tzinfo=dt.UTC),
            )
            for row in rows
        )

    def patient_conflict_count(self) -> int:
        """Return how many study rows share their Study Instance UID with another patient's."""
        return int(
            self._connection.execute(select(func.count()).select_from(study).where(_shares_its_uid())).scalar_one()
        )

    def unread_patients(self, below: InstanceId | None, limit: int) -> tuple[UnreadPatient, ...]:
        """Return objects of earlier versions whose patient was not read, the newest below a number first."""
        conditions: list[ColumnElement[bool]] = [instance.c.stated_patient_id.is_(None)]
        if below is not None:
            conditions.append(instance.c.instance_id < below)
        rows = self._connection.execute(
            select(instance.c.instance_id, instance.c.file_name)
            .where(*conditions)
            .order_by(instance.c.instance_id.desc())
            .limit(limit)
        )
        return tuple(UnreadPatient(InstanceId(instance_id), file_name) for instance_id, file_name in rows)

    def file_by_patient(self, read: Sequence[tuple[InstanceId, PatientIdentity]]) -> tuple[MovedInstance, ...]:
        """Note the patients of objects that were stored earlier; returns those that went to another row."""
        return InstanceFiler(self._connection).file(read)

    def highest_owner(self) -> int:
        """Return the highest number of an owner who has studies here, 0 if nobody has."""
        return int(self._connection.execute(select(func.max(study.c.owner_id))).scalar() or 0)

    def counts(self) -> dict[str, int]:
        """Return how many studies and instances there are and how many bytes they take, of all owners together."""
        row = self._connection.execute(
            select(
                func.count(),
                func.coalesce(func.sum(study.c.instance_count), 0),
                func.coalesce(func.sum(study.c.size_bytes), 0),
            )
        ).one()
        return {"studies": int(row[0]), "instances": int(row[1]), "size_bytes": int(row[2])}

    def ping(self) -> None:
        """Prove that the index can be read; raises OutOfResources from the engine when it cannot."""
        self._connection.execute(text("SELECT 1 FROM instance LIMIT 1"))


def _shares_its_uid() -> ColumnElement[bool]:
    """Return the condition that other patients' rows have the study's Study Instance UID."""
    further, other = study.alias(), study.alias()
    uids = select(further.c.owner_id, further.c.study_instance_uid).where(further.c.patient_number > 0)
    return tuple_(study.c.owner_id, study.c.study_instance_uid).in_(uids) & exists().where(
        other.c.owner_id == study.c.owner_id,
        other.c.study_instance_uid == study.c.study_instance_uid,
        other.c.study_id != study.c.study_id,
    )


def _taken(title: str) -> Conflict:
    return Conflict(f"AE title {title!r} belongs to another user already; an AE title names one user.")


def _parts(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _MAX_VARIABLES):
        yield values[start : start + _MAX_VARIABLES]


def _study(row: Row[Any], first_series_id: SeriesId | None, patients: Mapping[str, Sequence[StudyId]]) -> Study:
    return Study(
        study_id=StudyId(row.study_id),
        study_instance_uid=row.study_instance_uid,
        patient_name=row.patient_name,
        patient_id=row.patient_id,
        patient_sex=row.patient_sex,
        patient_birth_date=row.patient_birth_date,
        modalities=names_of(row.modalities),
        body_parts=names_of(row.body_parts),
        study_date=row.study_date,
        study_time=row.study_time,
        accession_number=row.accession_number,
        study_description=row.study_description,
        referring_physician_name=row.referring_physician_name,
        institution_name=row.institution_name,
        series_count=row.series_count,
        instance_count=row.instance_count,
        image_count=row.image_count,
        size_bytes=row.size_bytes,
        received_at=row.received_at.replace(tzinfo=dt.UTC),
        first_series_id=first_series_id,
        other_patient_studies=tuple(one for one in patients.get(row.study_instance_uid, ()) if one != row.study_id),
    )


def _series(row: Row[Any]) -> Series:
    return Series(
        series_id=SeriesId(row.series_id),
        study_id=StudyId(row.study_id),
        series_instance_uid=row.series_instance_uid,
        modality=row.modality,
        series_number=row.series_number,
        series_description=row.series_description,
        body_part_examined=row.body_part_examined,
        instance_count=row.instance_count,
        image_count=row.image_count,
        has_images=row.image_count > 0,
    )


def _instance(row: Row[Any]) -> StoredInstance:
    return StoredInstance(
        instance_id=InstanceId(row.instance_id),
        series_id=SeriesId(row.series_id),
        sop_instance_uid=row.sop_instance_uid,
        sop_class_uid=row.sop_class_uid,
        transfer_syntax_uid=row.transfer_syntax_uid,
        instance_number=row.instance_number,
        number_of_frames=row.number_of_frames,
        file_name=row.file_name,
        file_bytes=row.file_bytes,
        data_set_offset_bytes=row.data_set_offset_bytes,
        pixel_data_offset_bytes=row.pixel_data_offset_bytes,
        pixel_data_length_bytes=row.pixel_data_length_bytes,
        image=None if row.image is None else zlib.decompress(row.image).decode("utf-8"),
        file_digest=row.file_digest,
        block_digests=row.block_digests,
        stated_patient_id=row.stated_patient_id,
    )
