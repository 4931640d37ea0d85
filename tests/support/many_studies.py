"""A database with many studies, and the searches that a study list is asked for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

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
