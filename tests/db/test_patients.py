"""Two patients under one Study Instance UID, on both databases: rows, races, deletion, objects stored earlier."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from tests.db.old_versions import restore_version
from tests.support.archive_records import record
from webviewer.adapters.db.archive_repository import SqlArchiveRepository
from webviewer.adapters.db.archive_tables import instance, patient, series, stated_patient, study
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import update_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import (
    InstanceId,
    InstanceRecord,
    KeptApart,
    KnownObject,
    OwnerId,
    Receipt,
    StatedPatient,
    Study,
    StudyId,
    StudyQuery,
)
from webviewer.config import DatabaseSettings, PatientConflictPolicy
from webviewer.core.errors import AnotherPatient, NotFound
from webviewer.dicom.patient_identity import PatientIdentity

DOCTOR, OTHER = OwnerId(1), OwnerId(2)
NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
BORN = dt.date(1970, 1, 2)
ANA: dict[str, Any] = {"patient_id": "1", "patient_name": "SILVA^ANA", "patient_birth_date": BORN, "patient_sex": "F"}
PEDRO: dict[str, Any] = {"patient_id": "2", "patient_name": "SANTOS^PEDRO", "patient_birth_date": None}
KEEP_APART, REFUSE = PatientConflictPolicy.KEEP_APART, PatientConflictPolicy.REFUSE


@pytest.fixture
def archive(engine: Engine) -> Iterator[SqlArchiveRepository]:
    with engine.begin() as connection:
        yield SqlArchiveRepository(connection)


def of(number: int, who: dict[str, Any], **changes: Any) -> InstanceRecord:
    uids = {"study_instance_uid": "1.9", "series_instance_uid": "1.9.1", "modality": "CT", "body_part_examined": ""}
    return record(number, **{**uids, **who, "file_bytes": 10, **changes})


def add(archive: SqlArchiveRepository, *records: InstanceRecord, owner: OwnerId = DOCTOR) -> list[Receipt]:
    receipts = archive.add_instances([(owner, one) for one in records], NOW)
    assert all(isinstance(receipt, Receipt) for receipt in receipts), receipts
    return [receipt for receipt in receipts if isinstance(receipt, Receipt)]


def studies(archive: SqlArchiveRepository, owner: OwnerId = DOCTOR) -> list[Study]:
    return list(archive.find_studies(owner, StudyQuery(sort="received_at", descending=False)).studies)


def test_two_patients_in_one_series_are_two_studies_with_a_series_each(archive: SqlArchiveRepository) -> None:
    first, second, third = add(archive, of(1, ANA), of(2, PEDRO, modality="MR"), of(3, ANA))
    assert (first.study_id, first.series_id) == (third.study_id, third.series_id)
    assert second.study_id != first.study_id
    assert second.series_id != first.series_id
    assert (second.new_study, second.new_series) == (True, True)
    assert second.kept_apart == KeptApart((first.study_id,), ("PatientID", "PatientName"))
    assert first.kept_apart is None
    assert third.kept_apart is None
    ana, pedro = (archive.get_study(DOCTOR, one.study_id) for one in (first, second))
    assert (ana.patient_name, ana.instance_count, ana.size_bytes, ana.modalities) == ("SILVA^ANA", 2, 20, ("CT",))
    assert (pedro.patient_name, pedro.instance_count, pedro.modalities) == ("SANTOS^PEDRO", 1, ("MR",))
    assert (ana.study_instance_uid, pedro.study_instance_uid) == ("1.9", "1.9")


def test_each_study_of_a_shared_uid_names_the_others(archive: SqlArchiveRepository) -> None:
    ana, pedro, alone = add(archive, of(1, ANA), of(2, PEDRO), record(7))
    listed = {one.study_id: one.other_patient_studies for one in studies(archive)}
    assert listed == {
        ana.study_id: (pedro.study_id,),
        pedro.study_id: (ana.study_id,),
        alone.study_id: (),
    }
    assert archive.get_study(DOCTOR, ana.study_id).other_patient_studies == (pedro.study_id,)
    assert archive.get_study(DOCTOR, alone.study_id).other_patient_studies == ()


def test_the_same_study_of_two_owners_is_no_conflict(archive: SqlArchiveRepository) -> None:
    add(archive, of(1, ANA))
    (theirs,) = add(archive, of(2, PEDRO), owner=OTHER)
    assert theirs.kept_apart is None
    assert archive.get_study(OTHER, theirs.study_id).other_patient_studies == ()
    assert archive.patient_conflict_count() == 0


def test_spellings_of_one_patient_stay_one_study_and_are_kept_letter_by_letter(archive: SqlArchiveRepository) -> None:
    spellings = [
        ANA,
        {**ANA, "patient_name": "Silva^Ana^^"},
        {**ANA, "patient_id": ""},
        {**ANA, "patient_birth_date": None},
        {**ANA, "patient_name": ""},
        {**ANA, "patient_id": "77", "other_patient_ids": ("1",)},
    ]
    receipts = add(archive, *(of(number, who) for number, who in enumerate(spellings)))
    assert {receipt.study_id for receipt in receipts} == {receipts[0].study_id}
    found = archive.stated_patients(DOCTOR, receipts[0].study_id)
    names = [("SILVA^ANA", "1"), ("Silva^Ana^^", "1"), ("SILVA^ANA", ""), ("SILVA^ANA", "1"), ("", "1")]
    assert [(one.patient_name, one.patient_id) for one in found] == [*names, ("SILVA^ANA", "77")]
    by_id = {one.stated_patient_id: one for one in found}
    stored = sorted(archive.list_instances(DOCTOR, receipts[0].series_id), key=lambda one: one.instance_id)
    assert [by_id[one.stated_patient_id or 0] for one in stored] == list(found)
    assert found[0] == StatedPatient(found[0].stated_patient_id, "SILVA^ANA", "1", "F", BORN)
    assert archive.stated_patients(OTHER, receipts[0].study_id) == ()


def test_the_patient_of_an_object_is_found_again_in_a_later_transaction(engine: Engine) -> None:
    units = SqlStorageUnitOfWorkFactory(engine)
    found = []
    for number, who in enumerate([ANA, PEDRO, ANA, PEDRO, {**ANA, "patient_name": "silva^ana"}]):
        with units() as unit:
            (receipt,) = unit.archive.add_instances([(DOCTOR, of(number, who))], NOW)
            unit.commit()
        assert isinstance(receipt, Receipt)
        found.append(receipt.study_id)
    assert found == [found[0], found[1], found[0], found[1], found[0]]
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(stated_patient)).scalar_one() == 3


def test_patients_without_an_id_in_one_study_are_two_persons(archive: SqlArchiveRepository) -> None:
    add(archive, of(1, {**ANA, "patient_id": ""}), of(2, {**PEDRO, "patient_id": ""}))
    names = archive._connection.execute(select(patient.c.patient_name).order_by(patient.c.patient_key)).scalars()
    assert list(names) == ["SILVA^ANA", "SANTOS^PEDRO"]


def test_deleting_one_patient_of_a_study_leaves_the_other(archive: SqlArchiveRepository) -> None:
    ana, pedro = add(archive, of(1, ANA), of(2, PEDRO))
    assert archive.delete_studies(DOCTOR, [ana.study_id]) == (of(1, ANA).file_name,)
    left = archive.get_study(DOCTOR, pedro.study_id)
    assert (left.patient_name, left.instance_count, left.other_patient_studies) == ("SANTOS^PEDRO", 1, ())
    assert archive.patient_conflict_count() == 0
    with pytest.raises(NotFound):
        archive.get_study(DOCTOR, ana.study_id)
    rows = [
        archive._connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (study, series, instance, patient, stated_patient)
    ]
    assert rows == [1, 1, 1, 1, 1]
    (again,) = add(archive, of(3, ANA))
    assert again.study_id not in {ana.study_id, pedro.study_id}
    assert archive.get_study(DOCTOR, again.study_id).other_patient_studies == (pedro.study_id,)


def test_conflicts_are_listed_for_all_owners_without_names(archive: SqlArchiveRepository) -> None:
    ana, pedro = add(archive, of(1, ANA), of(2, PEDRO))
    add(archive, record(7))
    theirs = add(archive, of(1, ANA, file_name="x/1"), of(2, PEDRO, file_name="x/2"), owner=OTHER)
    found = archive.patient_conflicts(10)
    assert [(one.owner_id, one.study_id, one.study_instance_uid, one.instance_count) for one in found] == [
        (OTHER, theirs[1].study_id, "1.9", 1),
        (OTHER, theirs[0].study_id, "1.9", 1),
        (DOCTOR, pedro.study_id, "1.9", 1),
        (DOCTOR, ana.study_id, "1.9", 1),
    ]
    assert found[0].received_at == NOW
    assert archive.patient_conflicts(1) == found[:1]
    assert archive.patient_conflict_count() == 4


def test_under_refuse_an_object_of_another_patient_is_not_taken_and_its_group_is(archive: SqlArchiveRepository) -> None:
    group = [(DOCTOR, of(1, ANA)), (DOCTOR, of(2, PEDRO)), (DOCTOR, of(3, {**ANA, "patient_name": "Silva^Ana"}))]
    first, second, third = archive.add_instances(group, NOW, REFUSE)
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)
    assert isinstance(second, AnotherPatient)
    assert second.message == "Another patient is stored under this Study Instance UID."
    assert second.details == {
        "study_instance_uid": "1.9",
        "study_ids": [first.study_id],
        "attributes": ["PatientID", "PatientName"],
    }
    assert [one.instance_count for one in studies(archive)] == [2]


def test_a_known_object_with_another_patient_is_known_and_makes_no_row(archive: SqlArchiveRepository) -> None:
    (first,) = add(archive, of(1, ANA))
    for policy in (KEEP_APART, REFUSE):
        again = of(1, PEDRO, file_name="x/1")
        (outcome,) = archive.add_instances([(DOCTOR, again)], NOW, policy)
        assert isinstance(outcome, KnownObject)
        assert outcome.receipt.study_id == first.study_id
    assert len(studies(archive)) == 1
    assert len(archive.stated_patients(DOCTOR, first.study_id)) == 1


def test_patients_kept_apart_earlier_go_on_when_the_policy_becomes_refuse(archive: SqlArchiveRepository) -> None:
    ana, pedro = add(archive, of(1, ANA), of(2, PEDRO))
    group = [(DOCTOR, of(3, PEDRO)), (DOCTOR, of(4, {"patient_id": "3", "patient_name": "LIMA^RUI"}))]
    known, new = archive.add_instances(group, NOW, REFUSE)
    assert isinstance(known, Receipt)
    assert known.study_id == pedro.study_id != ana.study_id
    assert isinstance(new, AnotherPatient)


def test_two_writers_with_two_patients_at_once_make_two_studies(engine: Engine) -> None:
    units = SqlStorageUnitOfWorkFactory(engine)
    barrier = threading.Barrier(4)
    found: list[tuple[str, StudyId]] = []

    def write(writer: int) -> None:
        who = (ANA, PEDRO)[writer % 2]
        for number in range(10):
            barrier.wait(60)
            with units() as unit:
                one = of(writer * 100 + number, who, study_instance_uid=f"1.9.{number}")
                (receipt,) = unit.archive.add_instances([(DOCTOR, one)], NOW)
                unit.commit()
            assert isinstance(receipt, Receipt)
            found.append((one.patient_name, receipt.study_id))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 40
    names = {study_id: name for name, study_id in found}
    assert len(names) == 20
    with units(read_only=True) as unit:
        page = unit.archive.find_studies(DOCTOR, StudyQuery(limit=100)).studies
    assert {one.study_id: one.patient_name for one in page} == names
    assert [one.instance_count for one in page] == [2] * 20


# ---- objects that an earlier version stored --------------------------------------------------------------------------


def forget_patients(archive: SqlArchiveRepository) -> None:
    """Bring the index to what an earlier version left: one study row, and nothing known of single objects."""
    connection = archive._connection
    connection.execute(stated_patient.delete())
    connection.execute(update(instance).values(stated_patient_id=None))


def earlier(archive: SqlArchiveRepository, *records: InstanceRecord) -> list[Receipt]:
    """Store objects as an earlier version did: all under the first patient."""
    first = records[0].patient
    same: dict[str, Any] = {
        "patient_id": first.patient_id,
        "patient_name": first.patient_name,
        "patient_birth_date": first.patient_birth_date,
        "patient_sex": first.patient_sex,
    }
    receipts = add(archive, *(replace(one, **same) for one in records))
    forget_patients(archive)
    return receipts


def read(records: list[InstanceRecord], receipts: list[Receipt]) -> list[tuple[InstanceId, PatientIdentity]]:
    return [(receipt.instance_id, one.patient) for one, receipt in zip(records, receipts, strict=True)]


def test_objects_of_an_earlier_version_go_to_the_rows_of_their_patients(archive: SqlArchiveRepository) -> None:
    records = [
        of(1, ANA, number_of_frames=3),
        of(2, PEDRO, number_of_frames=2),
        of(3, PEDRO, series_instance_uid="1.9.2", modality="SR", image=None, number_of_frames=0),
        of(4, {**ANA, "patient_name": "Silva^Ana"}),
    ]
    receipts = earlier(archive, *records)
    old = receipts[0].study_id
    unread = archive.unread_patients(None, 10)
    assert [one.instance_id for one in unread] == [receipt.instance_id for receipt in reversed(receipts)]
    assert [one.file_name for one in archive.unread_patients(receipts[2].instance_id, 1)] == [records[1].file_name]
    moved = archive.file_by_patient(read(records, receipts))
    assert [one.instance_id for one in moved] == [receipts[1].instance_id, receipts[2].instance_id]
    (new,) = {one.study_id for one in moved}
    assert {one.from_study_id for one in moved} == {old}
    ana, pedro = archive.get_study(DOCTOR, old), archive.get_study(DOCTOR, new)
    assert (ana.patient_name, ana.instance_count, ana.image_count, ana.size_bytes) == ("SILVA^ANA", 2, 4, 20)
    assert (ana.series_count, ana.modalities, ana.other_patient_studies) == (1, ("CT",), (new,))
    assert (pedro.patient_name, pedro.instance_count, pedro.image_count, pedro.size_bytes) == ("SANTOS^PEDRO", 2, 2, 20)
    assert (pedro.series_count, pedro.modalities, pedro.other_patient_studies) == (2, ("CT", "SR"), (old,))
    assert (pedro.study_date, pedro.received_at) == (ana.study_date, ana.received_at)
    assert [one.series_instance_uid for one in archive.list_series(DOCTOR, old)] == ["1.9.1"]
    assert [one.instance_count for one in archive.list_series(DOCTOR, new)] == [1, 1]
    assert [one.patient_name for one in archive.stated_patients(DOCTOR, old)] == ["SILVA^ANA", "Silva^Ana"]
    assert archive.unread_patients(None, 10) == ()
    assert archive.file_by_patient(read(records, receipts)) == ()


def test_an_object_that_comes_before_the_old_ones_are_read_meets_them_in_the_end(archive: SqlArchiveRepository) -> None:
    records = [of(1, ANA), of(2, PEDRO)]
    receipts = earlier(archive, *records)
    (new,) = add(archive, of(3, PEDRO))
    assert new.kept_apart == KeptApart((receipts[0].study_id,), ("PatientID", "PatientName"))
    (moved,) = archive.file_by_patient(read(records, receipts))
    assert (moved.study_id, moved.series_id) == (new.study_id, new.series_id)
    assert archive.get_study(DOCTOR, new.study_id).instance_count == 2


def test_an_old_object_that_is_gone_is_passed_over(archive: SqlArchiveRepository) -> None:
    records = [of(1, ANA), of(2, PEDRO)]
    receipts = earlier(archive, *records)
    archive.delete_studies(DOCTOR, [receipts[0].study_id])
    assert archive.file_by_patient(read(records, receipts)) == ()
    assert studies(archive) == []


def test_a_database_of_the_version_before_takes_objects_of_its_patient_and_of_another(
    database_settings: DatabaseSettings,
) -> None:
    restore_version("0001", database_settings)
    update_database(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        archive = SqlArchiveRepository(connection)
        row = connection.execute(select(study).order_by(study.c.study_id)).first()
        assert row is not None
        owner = OwnerId(row.owner_id)
        issuer = connection.execute(
            select(patient.c.issuer_of_patient_id).where(patient.c.patient_key == row.patient_key)
        ).scalar_one()
        same = {
            "patient_id": row.patient_id,
            "issuer_of_patient_id": issuer,
            "patient_name": row.patient_name,
            "patient_birth_date": row.patient_birth_date,
        }
        uid = {"study_instance_uid": row.study_instance_uid}
        known, other = add(
            archive, record(901, **same, **uid), record(902, **{**same, **uid, "patient_id": "X"}), owner=owner
        )
        assert known.study_id == row.study_id
        assert other.kept_apart == KeptApart((StudyId(row.study_id),), ("PatientID",))
        assert archive.unread_patients(None, 10)
    engine.dispose()
