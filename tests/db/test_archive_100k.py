"""The study list with many studies: pages come fast, whatever is searched and however it is sorted."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from pathlib import Path

import pytest

from tests.support.archive_records import record
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import OwnerId, StudyQuery
from webviewer.config import DatabaseDriver, DatabaseSettings

DOCTOR = OwnerId(1)
BATCH = 1000

QUERIES = {
    "first_page": StudyQuery(),
    "name": StudyQuery(patient_name="goncalves*ana"),
    "no_hit": StudyQuery(patient_name="nobody of that name"),
    "name_and_modality": StudyQuery(patient_name="silva", modalities=("CT",), sort="patient_id"),
    "description_by_institution": StudyQuery(study_description="thorax", sort="institution_name"),
    "any_text": StudyQuery(any_text="4999"),
    "dates": StudyQuery(study_date_from=dt.date(2014, 1, 1), study_date_to=dt.date(2024, 1, 1), sort="patient_name"),
    "by_size": StudyQuery(sort="size_bytes"),
    "by_birth_date": StudyQuery(sort="patient_birth_date", descending=False),
    "body_part": StudyQuery(body_part="chest", sort="received_at"),
}


def fill(folder: Path, studies: int) -> SqlStorageUnitOfWorkFactory:
    """Make a database with so many studies of one owner."""
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "many.db"))
    create_database(settings)
    units = SqlStorageUnitOfWorkFactory(make_engine(settings))
    for start in range(0, studies, BATCH):
        with units() as unit:
            records = [(DOCTOR, record(number)) for number in range(start, min(start + BATCH, studies))]
            unit.archive.add_instances(records, dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=start))
            unit.commit()
    return units


def page_ms(units: SqlStorageUnitOfWorkFactory, query: StudyQuery, repeats: int = 5) -> float:
    """Return the median time of a page in milliseconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        with units(read_only=True) as unit:
            unit.archive.find_studies(DOCTOR, query)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def test_a_page_of_5_000_studies_comes_in_under_100_ms(tmp_path: Path) -> None:
    units = fill(tmp_path, 5_000)
    with units(read_only=True) as unit:
        assert unit.archive.find_studies(DOCTOR, QUERIES["name"]).total == 715
    slow = {name: page_ms(units, query) for name, query in QUERIES.items()}
    assert {name: ms for name, ms in slow.items() if ms >= 100} == {}


@pytest.mark.prove
def test_a_page_of_100_000_studies_comes_in_under_100_ms(tmp_path: Path) -> None:
    units = fill(tmp_path, 100_000)
    slow = {name: page_ms(units, query) for name, query in QUERIES.items()}
    assert {name: ms for name, ms in slow.items() if ms >= 100} == {}
