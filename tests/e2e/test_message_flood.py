"""The promise of `make bench`'s rows of floods, as a proof: another doctor loses less than 100 ms."""

from __future__ import annotations

import pytest

from tests.bench import bench_flood


@pytest.mark.prove
def test_a_flood_of_100_000_views_a_second_costs_another_doctor_less_than_100_ms() -> None:
    rows = bench_flood.run()
    assert [row.id for row in rows] == list(bench_flood.IDS)
    assert [row.what for row in rows if not row.met] == []
