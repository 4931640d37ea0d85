"""Figures of a benchmark against those of the last release: what is compared, and what is marked as worse."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.harness import Row, bench_modules, table
from tests.bench.released import (
    RELEASED_FILE,
    Released,
    compared,
    is_higher_better,
    not_measured,
    read_released,
    write_released,
)


def against(
    ours: float | None, unit: str, old: float, *, ratio: float | None = None, old_ratio: float | None = None
) -> Row:
    released = {"one": Released("one", unit, old, old_ratio, "a machine", "1.0.0")}
    return compared(Row("one", "what", unit, ours, ratio=ratio, device="a machine"), released)


@pytest.mark.parametrize(
    ("unit", "old", "new", "change", "worse"),
    [
        ("ms", 269, 416, 0.546, True),
        ("ms", 100, 115, 0.15, False),
        ("ms", 100, 115.1, 0.151, True),
        ("ms", 100, 50, -0.5, False),
        ("MB", 393, 467, 0.188, True),
        ("CPU ms", 40, 44, 0.1, False),
        ("frames/s", 30, 20, 0.5, True),
        ("frames/s", 20, 30, -0.333, False),
        ("objects/s", 115, 100, 0.15, False),
        ("MB/s", 500, 500, 0.0, False),
    ],
)
def test_a_figure_more_than_15_percent_worse_is_marked_whatever_its_direction(
    unit: str, old: float, new: float, change: float, worse: bool
) -> None:
    row = against(new, unit, old)
    assert (row.released, row.worse) == (old, worse)
    assert row.change == pytest.approx(change, abs=5e-4)


def test_ratios_to_the_peer_are_compared_where_both_have_one() -> None:
    row = against(200, "ms", 100, ratio=1.9, old_ratio=2.0)  # a machine of half the speed
    assert (row.released, row.worse) == (2.0, False)
    assert row.change == pytest.approx(0.0526, abs=5e-4)
    assert against(100, "ms", 100, ratio=1.0, old_ratio=2.0).worse is True


@pytest.mark.parametrize(("ratio", "old_ratio"), [(None, 2.0), (2.0, None)])
def test_figures_are_compared_where_a_peer_is_missing(ratio: float | None, old_ratio: float | None) -> None:
    row = against(120, "ms", 100, ratio=ratio, old_ratio=old_ratio)
    assert (row.released, row.worse) == (100, True)


def test_a_release_that_kept_a_ratio_alone_is_compared_by_it() -> None:
    released = {"one": Released("one", "CPU ms", None, 3.2, "", "1.0.0")}
    assert compared(Row("one", "what", "CPU ms", 90.0, ratio=2.5), released).worse is True
    assert compared(Row("one", "what", "CPU ms", 90.0), released).worse is None


def test_nothing_is_said_of_a_figure_that_is_new_failed_or_of_another_unit() -> None:
    new = compared(Row("two", "what", "ms", 5.0), {})
    failed = against(None, "ms", 100)
    other = compared(Row("one", "what", "MB", 5.0), {"one": Released("one", "ms", 100, None, "", "1.0.0")})
    assert [(row.released, row.change, row.worse) for row in (new, failed, other)] == [(None, None, None)] * 3


def test_a_rate_that_fell_to_nothing_is_worse() -> None:
    row = against(0.0, "frames/s", 30)
    assert (row.change, row.worse) == (None, True)


def test_a_unit_without_a_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="Unit 'furlongs' is unknown"):
        is_higher_better("furlongs")


def test_the_table_shows_what_got_worse_in_capitals() -> None:
    lines = table([against(416, "ms", 269), against(100, "ms", 110)]).splitlines()
    assert lines[0].split("|")[-3:-1] == [" released ", " change    "]
    assert "269 ms" in lines[2]
    assert "55% WORSE" in lines[2]
    assert "9% better" in lines[3]


def test_a_release_is_written_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "released.json"
    rows = [
        Row("b", "what", "ms", 123.456, peer=200, ratio=1.62001, device="a machine"),
        Row("a", "what", "frames/s", 30.0, device="a machine"),
        Row("failed", "what", "ms", None),
    ]
    write_released(rows, "1.1.0", file)
    assert read_released(file) == {
        "a": Released("a", "frames/s", 30.0, None, "a machine", "1.1.0"),
        "b": Released("b", "ms", 123.5, 1.62, "a machine", "1.1.0"),
    }
    write_released([replace(rows[1], ours=25.0)], "1.2.0", file, keep=True)
    assert {one.id: (one.ours, one.version) for one in read_released(file).values()} == {
        "a": (25.0, "1.2.0"),
        "b": (123.5, "1.1.0"),
    }
    write_released([rows[1]], "1.3.0", file)
    assert list(read_released(file)) == ["a"]


def test_a_released_figure_that_a_run_lacks_is_named() -> None:
    released = {name: Released(name, "ms", 1, None, "", "1.0.0") for name in ("a", "b", "c")}
    assert not_measured([Row("a", "what", "ms", 1.0), Row("b", "what", "ms", None)], released) == ["b", "c"]


def test_the_released_figures_are_of_rows_that_there_are_in_units_with_a_direction() -> None:
    ids = {one for name in bench_modules() for one in importlib.import_module(name).IDS}
    released = read_released(RELEASED_FILE)
    assert set(released) <= ids
    for one in released.values():
        is_higher_better(one.unit)
