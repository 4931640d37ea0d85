"""The study list of one owner among many: what others have stored costs nobody time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

from sqlalchemy import Engine, event, insert, literal, select, text

from tests.support.archive_records import record
from tests.support.many_studies import QUERIES
from webviewer.adapters.db.archive_tables import patient, series, study
from webviewer.adapters.db.study_search import fold, joined
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import OwnerId, StudyQuery
from webviewer.usecases.list_studies import SortColumn

BATCH = 5000
SORT_COLUMNS = get_args(SortColumn)
ALL_QUERIES = {
    **QUERIES,
    **{f"by {name}": StudyQuery(sort=name) for name in SORT_COLUMNS},
    **{f"by {name}, ascending": StudyQuery(sort=name, descending=False) for name in SORT_COLUMNS},
    **{f"CT by {name}": StudyQuery(sort=name, modalities=("CT",)) for name in SORT_COLUMNS},
}
SERIES_OF_STUDY = {
    "owner_id": study.c.owner_id,
    "study_id": study.c.study_id,
    "series_instance_uid": study.c.study_instance_uid,
    "modality": literal("CT"),
    "series_description": literal(""),
    "body_part_examined": literal(""),
    "instance_count": study.c.instance_count,
    "image_count": study.c.image_count,
}


def fill(engine: Engine, owners: int, each: int) -> None:
    """Give every owner so many studies, in turn, as they come in: rows of the list alone, without their objects."""
    with engine.begin() as connection:
        for owner_id in range(1, owners + 1):
            connection.execute(
                insert(patient).values(
                    patient_key=owner_id,
                    owner_id=owner_id,
                    patient_id="1",
                    issuer_of_patient_id="",
                    unnamed_study_uid="",
                    patient_name="",
                    patient_sex="",
                )
            )
        for start in range(0, owners * each, BATCH):
            rows = [row_of(number, 1 + number % owners) for number in range(start, min(start + BATCH, owners * each))]
            connection.execute(insert(study), rows)
        connection.execute(insert(series).from_select([*SERIES_OF_STUDY], select(*SERIES_OF_STUDY.values())))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as autovacuum does within a minute


def row_of(number: int, owner_id: int) -> dict[str, Any]:
    made = record(number)
    folded = {
        f"{name}_folded": fold(getattr(made, name))
        for name in ("patient_name", "patient_id", "accession_number", "study_description")
    }
    plain = {
        name: getattr(made, name)
        for name in (
            "study_instance_uid",
            "patient_name",
            "patient_id",
            "patient_sex",
            "patient_birth_date",
            "study_date",
            "study_time",
            "accession_number",
            "study_description",
            "referring_physician_name",
            "institution_name",
        )
    }
    return {
        **plain,
        **folded,
        "owner_id": owner_id,
        "patient_key": owner_id,
        "modalities": joined([made.modality]),
        "body_parts": joined([made.body_part_examined]),
        "series_count": 1 + number % 5,
        "instance_count": number % 700,
        "image_count": number % 701,
        "size_bytes": made.file_bytes,
        "received_at": dt.datetime(2026, 1, 1) + dt.timedelta(seconds=number),  # noqa: DTZ001  UTC, as the column has it
    }


@contextmanager
def recorded(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Give the statements that run in the block, with their values."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def plan_of(engine: Engine, statement: str, values: Any) -> str:
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, values))


def test_no_page_of_one_owner_among_many_reads_the_studies_of_all(engine: Engine) -> None:
    fill(engine, 40, 300)
    units = SqlStorageUnitOfWorkFactory(engine)
    read_all = {}
    for name, query in ALL_QUERIES.items():
        with recorded(engine) as statements, units(read_only=True) as unit:
            unit.archive.find_studies(OwnerId(7), query)
        plans = [plan_of(engine, *one) for one in statements if "max(" not in one[0]]
        if any(word in plan for plan in plans for word in ("SCAN study", "Seq Scan")):
            read_all[name] = plans
    assert read_all == {}
