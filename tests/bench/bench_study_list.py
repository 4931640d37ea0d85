"""A page of the study list with 100,000 studies: of one owner, and of one among 50."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.harness import Row
from tests.db.test_study_search_owners import ALL_QUERIES
from tests.db.test_study_search_owners import fill as fill_owners
from tests.support.many_studies import DOCTOR, QUERIES, fill
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import StudyQuery
from webviewer.config import DatabaseDriver, DatabaseSettings

IDS = ("study_list_100k", "study_list_50_owners")
STUDIES = 100_000
GOAL_MS = 100.0


def page_ms(units: SqlStorageUnitOfWorkFactory, query: StudyQuery, repeats: int = 9) -> float:
    """Return the median time of a page in milliseconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        with units(read_only=True) as unit:
            unit.archive.find_studies(DOCTOR, query)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def run() -> list[Row]:
    """Measure the slowest of the searches."""
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder:
        one = _slowest(fill(Path(folder), STUDIES), QUERIES, IDS[0], f"{STUDIES:,} studies")
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder:
        settings = DatabaseSettings(DatabaseDriver.SQLITE, str(Path(folder) / "owners.db"))
        create_database(settings)
        engine = make_engine(settings)
        fill_owners(engine, 50, 2_000)
        many = _slowest(SqlStorageUnitOfWorkFactory(engine), ALL_QUERIES, IDS[1], "2,000 studies of one owner of 50")
    return [one, many]


def _slowest(units: SqlStorageUnitOfWorkFactory, queries: Mapping[str, StudyQuery], row_id: str, what: str) -> Row:
    times = {name: page_ms(units, query) for name, query in queries.items()}
    slowest = max(times, key=lambda name: times[name])
    return Row(
        id=row_id,
        what=f"slowest of {len(times)} filtered, sorted pages of 20 among {what} ({slowest}), SQLite",
        unit="ms",
        ours=times[slowest],
        goal=f"< {GOAL_MS:.0f} ms",
        met=times[slowest] < GOAL_MS,
    )
