"""The index on SQLite and PostgreSQL: what is added, found, counted and deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select

from tests.support.archive_records import record
from webviewer.adapters.db.archive_repository import SqlArchiveRepository
from webviewer.adapters.db.archive_tables import instance, patient, series, study
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt, SeriesContent, Study, StudyQuery
from webviewer.core.errors import Conflict, InvalidInput, NotFound

DOCTOR, OTHER = OwnerId(1), OwnerId(2)
NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def archive(engine: Engine) -> Iterator[SqlArchiveRepository]:
    with engine.begin() as connection:
        yield SqlArchiveRepository(connection)


def add(archive: SqlArchiveRepository, *records: InstanceRecord, owner: OwnerId = DOCTOR) -> list[Receipt]:
    receipts = archive.add_instances([(owner, one) for one in records], NOW)
    for receipt in receipts:
        if isinstance(receipt, Exception):
            raise receipt
    return [receipt for receipt in receipts if isinstance(receipt, Receipt)]


def test_a_new_object_makes_patient_study_series_and_instance(archive: SqlArchiveRepository) -> None:
    one = record(1, patient_name="SILVA^João", number_of_frames=3)
    (receipt,) = add(archive, one)
    assert (receipt.outcome, receipt.new_study, receipt.new_series) == ("stored", True, True)
    found = archive.get_study(DOCTOR, receipt.study_id)
    assert (found.patient_name, found.patient_id, found.modalities, found.body_parts) == (
        "SILVA^João",
        "ID000001",
        ("MR",),
        ("HEAD",),
    )
    assert (found.series_count, found.instance_count, found.image_count, found.size_bytes) == (1, 1, 3, 1001)
    assert found.received_at == NOW
    assert found.first_series_id == receipt.series_id
    (stored,) = archive.list_instances(DOCTOR, receipt.series_id)
    assert stored.image == '{"rows": 8}'
    assert stored.data_set_offset_bytes == one.data_set_offset_bytes
    assert (stored.pixel_data_offset_bytes, stored.pixel_data_length_bytes) == (800, 200)
    assert archive.get_instances(DOCTOR, [receipt.instance_id]) == {receipt.instance_id: stored}


def test_a_group_of_objects_of_one_series_is_counted_right(archive: SqlArchiveRepository) -> None:
    same = {"study_instance_uid": "1.9", "series_instance_uid": "1.9.1", "modality": "CT"}
    receipts = add(archive, *(record(number, **same, file_bytes=10) for number in range(10)))
    assert [receipt.new_study for receipt in receipts] == [True] + [False] * 9
    receipts = add(archive, *(record(number, **same, file_bytes=10) for number in range(10, 15)))
    found = archive.get_study(DOCTOR, receipts[0].study_id)
    assert (found.series_count, found.instance_count, found.size_bytes) == (1, 15, 150)
    assert archive.get_series(DOCTOR, receipts[0].series_id).instance_count == 15


def test_an_object_of_a_known_uid_is_told_and_changes_nothing(archive: SqlArchiveRepository) -> None:
    first, second, third = archive.add_instances(
        [(DOCTOR, record(1)), (DOCTOR, record(1, file_name="ff/ff/" + "f" * 32)), (DOCTOR, record(2))], NOW
    )
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)
    known = KnownObject(
        Receipt("duplicate", first.study_id, first.series_id, first.instance_id),
        transfer_syntax_uid=record(1).transfer_syntax_uid,
        file_name=record(1).file_name,
        file_bytes=record(1).file_bytes,
        data_set_offset_bytes=330,
    )
    assert second == known
    again = record(1, file_name="ee/ee/" + "e" * 32, transfer_syntax_uid="1.2.840.10008.1.2")
    assert archive.add_instances([(DOCTOR, again)], NOW) == [known]
    assert archive.get_study(DOCTOR, first.study_id).instance_count == 1


def test_an_object_of_a_known_uid_in_a_new_study_leaves_no_empty_study(archive: SqlArchiveRepository) -> None:
    add(archive, record(1))
    outcomes = archive.add_instances(
        [
            (DOCTOR, record(1, study_instance_uid="1.5", file_name="dd/dd/" + "d" * 32)),
            (DOCTOR, record(2)),
        ],
        NOW,
    )
    assert [type(outcome) for outcome in outcomes] == [KnownObject, Receipt]
    assert archive.find_studies(DOCTOR, StudyQuery()).total == 2


def test_owners_see_and_delete_only_their_own(archive: SqlArchiveRepository) -> None:
    (mine,) = add(archive, record(1))
    (theirs,) = add(archive, record(1, file_name="ff/ff/" + "f" * 32), owner=OTHER)
    assert mine.study_id != theirs.study_id
    assert [one.study_id for one in archive.find_studies(DOCTOR, StudyQuery()).studies] == [mine.study_id]
    for call in (archive.get_study, archive.get_series):
        with pytest.raises(NotFound):
            call(DOCTOR, theirs.study_id if call == archive.get_study else theirs.series_id)  # type: ignore[arg-type]
    assert archive.list_series(DOCTOR, theirs.study_id) == ()
    assert archive.list_instances(DOCTOR, theirs.series_id) == ()
    assert archive.get_instances(DOCTOR, [theirs.instance_id]) == {}
    assert archive.delete_studies(DOCTOR, [theirs.study_id]) == ()
    assert archive.get_study(OTHER, theirs.study_id).instance_count == 1


def test_deleting_a_study_returns_its_files_and_leaves_no_row(archive: SqlArchiveRepository, engine: Engine) -> None:
    del engine
    receipts = add(archive, record(1), record(2, study_instance_uid="1.2.5.1"), record(3, patient_id="ID000001"))
    files = archive.delete_studies(DOCTOR, [receipts[0].study_id])
    assert set(files) == {record(1).file_name, record(2).file_name}
    assert archive.indexed_files([record(n).file_name for n in (1, 2, 3)]) == {record(3).file_name}
    connection = archive._connection
    counts = [
        connection.execute(select(func.count()).select_from(t)).scalar() for t in (study, series, instance, patient)
    ]
    assert counts == [1, 1, 1, 1]
    (new,) = add(archive, record(4))
    assert new.study_id > max(receipt.study_id for receipt in receipts), "an id must not come back"


def test_objects_without_a_patient_id_are_not_one_person(archive: SqlArchiveRepository) -> None:
    add(
        archive,
        record(1, patient_id=""),
        record(2, patient_id=""),
        record(3, patient_id="A"),
        record(4, patient_id="A"),
    )
    assert archive._connection.execute(select(func.count()).select_from(patient)).scalar() == 3


def test_the_picture_of_a_study_is_from_the_lowest_series_with_images(archive: SqlArchiveRepository) -> None:
    def of(number: int, series_number: int | None, image: str | None = "{}") -> Receipt:
        uid = {"study_instance_uid": "1.7", "series_instance_uid": f"1.7.{number}"}
        return add(archive, record(number, **uid, series_number=series_number, image=image))[0]

    report = of(1, 1, None)
    assert archive.get_study(DOCTOR, report.study_id).first_series_id is None
    assert archive.get_study(DOCTOR, report.study_id).image_count == 0
    assert archive.get_series(DOCTOR, report.series_id).has_images is False
    fifth = of(2, 5)
    assert archive.get_study(DOCTOR, report.study_id).first_series_id == fifth.series_id
    of(3, 9)
    of(4, None)
    assert archive.get_study(DOCTOR, report.study_id).first_series_id == fifth.series_id
    second = of(5, 2)
    assert archive.get_study(DOCTOR, report.study_id).first_series_id == second.series_id
    numbers = [one.series_number for one in archive.list_series(DOCTOR, report.study_id)]
    assert numbers == [1, 2, 5, 9, None]


def test_the_first_series_of_a_study_is_a_stack_and_no_localizer(archive: SqlArchiveRepository) -> None:
    def of(number: int, series_number: int) -> Receipt:
        uid = {"study_instance_uid": "1.7", "series_instance_uid": f"1.7.{series_number}"}
        return add(archive, record(number, **uid, series_number=series_number, image="{}"))[0]

    localizer = of(1, 1)
    assert archive.get_study(DOCTOR, localizer.study_id).first_series_id == localizer.series_id
    stack, *_ = [of(number, 2) for number in range(2, 7)]
    study = archive.get_study(DOCTOR, localizer.study_id)
    assert study.first_series_id == stack.series_id
    assert archive.find_studies(DOCTOR, StudyQuery()).studies == (study,)


@pytest.mark.parametrize("modality", ["SEG", "RTDOSE"])
def test_pixels_about_other_images_open_after_the_images(archive: SqlArchiveRepository, modality: str) -> None:
    """A segmentation may have the lowest series number and more frames than the series that it segments."""

    def of(number: int, series_number: int, kind: str) -> Receipt:
        uid = {"study_instance_uid": "1.7", "series_instance_uid": f"1.7.{series_number}"}
        return add(archive, record(number, **uid, series_number=series_number, modality=kind, image="{}"))[0]

    about, *_ = [of(number, 1, modality) for number in range(1, 9)]
    assert archive.get_study(DOCTOR, about.study_id).first_series_id == about.series_id, "better than nothing"
    still = of(20, 2, "CT")
    assert archive.get_study(DOCTOR, about.study_id).first_series_id == still.series_id
    stack, *_ = [of(number, 3, "CT") for number in range(30, 34)]
    assert archive.get_study(DOCTOR, about.study_id).first_series_id == stack.series_id


def test_a_study_says_what_each_series_holds(archive: SqlArchiveRepository) -> None:
    ct, enhanced, ecg, report = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "2.1", "9.1.1", "88.33"))

    def in_series(number: int) -> dict[str, object]:
        uids = {"study_instance_uid": "1.7", "series_instance_uid": f"1.7.{number}"}
        return {**uids, "series_number": number}

    records = [
        record(1, **in_series(1), sop_class_uid=ct),
        record(2, **in_series(1), sop_class_uid=ct),
        record(3, **in_series(1), sop_class_uid=enhanced, number_of_frames=0),
        record(4, **in_series(2), sop_class_uid=ecg, image=None, number_of_frames=0),
        record(5, **in_series(2), sop_class_uid=report, image=None, number_of_frames=0),
        record(6, **in_series(2), sop_class_uid="", image=None, number_of_frames=0),
        record(7, **in_series(3), sop_class_uid=enhanced, number_of_frames=0),
    ]
    receipts = add(archive, *records)
    add(archive, record(8))
    series_of_study = archive.list_series(DOCTOR, receipts[0].study_id)
    assert [one.contents for one in series_of_study] == [
        (SeriesContent(ct, 2, 0), SeriesContent(enhanced, 1, 1)),
        (SeriesContent("", 1, 0), SeriesContent(report, 1, 0), SeriesContent(ecg, 1, 0)),
        (SeriesContent(enhanced, 1, 1),),
    ]
    assert [(one.image_count, one.has_images) for one in series_of_study] == [(2, True), (0, False), (0, False)]
    assert archive.get_study(DOCTOR, receipts[0].study_id).image_count == 2


def born(first: dt.date | None, last: dt.date | None) -> StudyQuery:
    return StudyQuery(patient_birth_date_from=first, patient_birth_date_to=last)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(StudyQuery(patient_name="goncalves"), [2], id="an accent"),
        pytest.param(StudyQuery(patient_name="GONÇ"), [2], id="part of a name"),
        pytest.param(StudyQuery(patient_name="muller jurgen"), [3], id="umlauts and the caret"),
        pytest.param(StudyQuery(patient_name="s*joao"), [1], id="a star"),
        pytest.param(StudyQuery(patient_name="sm?th"), [4], id="a question mark"),
        pytest.param(StudyQuery(patient_name="太郎"), [6], id="ideographs"),
        pytest.param(StudyQuery(patient_name="100%"), [7], id="a percent sign"),
        pytest.param(StudyQuery(patient_name="%_sure"), [7], id="an underscore"),
        pytest.param(StudyQuery(patient_name="o'neil"), [5], id="an apostrophe"),
        pytest.param(StudyQuery(patient_name="' OR 1=1 --"), [], id="SQL"),
        pytest.param(StudyQuery(patient_id="id000003"), [3], id="a patient ID"),
        pytest.param(StudyQuery(any_text="000004"), [4], id="any text finds an ID"),
        pytest.param(StudyQuery(any_text="silva"), [1], id="any text finds a name"),
        pytest.param(StudyQuery(accession_number="a5"), [5], id="an accession number"),
        pytest.param(StudyQuery(study_description="thorax"), [4], id="a description"),
        pytest.param(StudyQuery(modalities=("US",)), [2, 5], id="a modality"),
        pytest.param(StudyQuery(modalities=("US", "CT")), [2, 3, 5, 6], id="two modalities"),
        pytest.param(StudyQuery(modalities=("U",)), [], id="part of a modality"),
        pytest.param(StudyQuery(body_part="head"), [1, 4, 7], id="a body part"),
        pytest.param(StudyQuery(patient_sex="F"), [1, 4, 7], id="a sex"),
        pytest.param(born(dt.date(1950, 1, 4), dt.date(1950, 1, 4)), [3], id="a birth date"),
        pytest.param(born(dt.date(1950, 1, 1), dt.date(1950, 12, 31)), [1, 2, 3, 4, 5, 6], id="a year of birth"),
        pytest.param(born(dt.date(1950, 1, 5), None), [4, 5, 6], id="born from a date"),
        pytest.param(born(None, dt.date(1950, 1, 3)), [1, 2], id="born up to a date"),
        pytest.param(born(dt.date(1, 1, 1), dt.date(9999, 12, 31)), [1, 2, 3, 4, 5, 6], id="born whenever it is known"),
        pytest.param(StudyQuery(study_date_from=dt.date(2020, 12, 1)), [4, 5, 6], id="from a date"),
        pytest.param(StudyQuery(study_date_to=dt.date(2015, 4, 1)), [1, 7], id="up to a date"),
        pytest.param(StudyQuery(study_description="***"), [1, 2, 3, 4, 5, 6, 7], id="only stars"),
    ],
)
def test_a_search_finds_what_it_should(archive: SqlArchiveRepository, query: StudyQuery, expected: list[int]) -> None:
    names = [
        "SILVA^João",
        "GONÇALVES^Ana",
        "Müller^Jürgen",
        "SMITH^Bob",
        "O'NEIL^Mary",
        "Yamada=山田^太郎",
        "100%_SURE^A",
    ]
    dates = [(2012, 1, 1), (2016, 1, 1), (2017, 1, 1), (2021, 1, 1), (2022, 1, 1), (2023, 1, 1), (2014, 1, 1)]
    add(
        archive,
        *(
            record(number, patient_name=names[number - 1], study_date=dt.date(*dates[number - 1]))
            for number in range(1, 7)
        ),
        record(7, patient_name=names[6], study_date=dt.date(*dates[6]), patient_birth_date=None),
    )
    page = archive.find_studies(DOCTOR, query)
    assert sorted(int(one.accession_number[1:]) for one in page.studies) == expected
    assert page.total == len(expected)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "sort",
    [
        "patient_name", "patient_id", "patient_sex", "patient_birth_date", "modalities", "body_parts", "study_date",
        "accession_number", "study_description", "referring_physician_name", "institution_name", "series_count",
        "instance_count", "image_count", "size_bytes", "received_at",
    ],
)  # fmt: skip
def test_pages_in_any_order_hold_each_study_once_and_in_order(
    archive: SqlArchiveRepository, sort: str, descending: bool
) -> None:
    add(archive, record(3, study_date=None), *(record(number) for number in range(30) if number != 3))
    for patient_id in ("", "id"):  # two ways through the index
        found: list[Study] = []
        for offset in range(0, 35, 7):
            query = StudyQuery(sort=sort, descending=descending, patient_id=patient_id, limit=7, offset=offset)
            page = archive.find_studies(DOCTOR, query)
            assert page.total == 30
            found += page.studies
        assert len({one.study_id for one in found}) == 30
        if sort in {"study_date", "size_bytes", "patient_birth_date"}:
            keys = [getattr(one, sort) or dt.date(1, 1, 1) for one in found]
            assert keys == sorted(keys, reverse=descending)


def test_an_unknown_order_is_refused(archive: SqlArchiveRepository) -> None:
    add(archive, record(1))
    with pytest.raises(InvalidInput, match="sort"):
        archive.find_studies(DOCTOR, StudyQuery(sort="study_id; DROP TABLE study"))


def test_an_ae_title_names_one_owner(archive: SqlArchiveRepository) -> None:
    archive.set_ae_titles(DOCTOR, ["USER-AE", "CT 1"])
    assert archive.owner_of_ae_title("CT 1") == DOCTOR
    assert archive.owner_of_ae_title("NOBODY") is None
    with pytest.raises(Conflict, match="USER-AE"):
        archive.set_ae_titles(OTHER, ["USER-AE"])
    archive.set_ae_titles(DOCTOR, ["CT 1"])
    archive.set_ae_titles(OTHER, ["USER-AE"])
    assert archive.owner_of_ae_title("USER-AE") == OTHER


def test_numbers_that_no_column_can_hold_do_not_stop_an_object(archive: SqlArchiveRepository) -> None:
    (receipt,) = add(archive, record(1, instance_number=10**12, series_number=-(10**12)))
    assert archive.get_series(DOCTOR, receipt.series_id).series_number is None
