"""A page of the study list with 100,000 studies."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.harness import Row
from tests.db.test_archive_100k import QUERIES, fill, page_ms

IDS = ("study_list_100k",)
STUDIES = 100_000
GOAL_MS = 100.0


def run() -> list[Row]:
    """Measure the slowest of the searches."""
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder:
        units = fill(Path(folder), STUDIES)
        times = {name: page_ms(units, query, 9) for name, query in QUERIES.items()}
    slowest = max(times, key=lambda name: times[name])
    return [
        Row(
            id="study_list_100k",
            what=f"slowest of {len(times)} filtered, sorted pages of 20 among {STUDIES:,} studies ({slowest}), SQLite",
            unit="ms",
            ours=times[slowest],
            goal=f"< {GOAL_MS:.0f} ms",
            met=times[slowest] < GOAL_MS,
        )
    ]
