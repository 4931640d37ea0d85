"""A hospital's day with the controller's own decisions: how long for a seat, who is moved, what it costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from renderpool.controller.decide import Facts, Limits, Memory, Plan, decide
from tests.deploy import chart
from tests.deploy.simulation import Day, Hospital, Report

BUILD = Path(__file__).parents[2] / "build"
MORNING = Hospital(doctors=400, begin_h=5.0, end_h=12.0, interval_s=10.0, node_hours_per_death=20.0)
SMALL = Limits(target_sessions=10, minimum=2, maximum=80, warm_spare=2, scale_down_delay_s=600.0, drain_limit_s=120.0)
LARGE = Limits(target_sessions=20, minimum=3, maximum=300, warm_spare=4, scale_down_delay_s=900.0, drain_limit_s=120.0)


def test_a_morning_of_four_hundred() -> None:
    report = Day(MORNING, SMALL).run()
    assert report == Day(MORNING, SMALL).run()  # the seed decides
    assert report.sessions > 600
    assert report.deaths > 3
    assert report.seat_wait_p99_s < 30.0
    assert report.move_wait_p99_s <= 60.0
    assert report.peak_nodes <= report.fixed_nodes + 5
    assert report.node_hours < 0.8 * report.fixed_node_hours


def test_without_a_spare_node_doctors_wait_for_one_to_start() -> None:
    with_spare, without = (Day(MORNING, replace(SMALL, warm_spare=spare)).run() for spare in (2, 0))
    assert without.seat_wait_p99_s > with_spare.seat_wait_p99_s + 20.0
    assert without.node_hours < with_spare.node_hours


def test_a_pool_that_nobody_sizes_is_too_small() -> None:
    def idle(facts: Facts, memory: Memory, limits: Limits) -> Plan:
        return replace(decide(facts, memory, limits), replicas=facts.replicas, drain=(), bring_back=(), reason="")

    assert Day(MORNING, SMALL, idle).run().seat_wait_p99_s > 3600.0


def row(name: str, report: Report) -> dict[str, object]:
    """One line of the table that the chart's README takes its advice from."""
    moved = report.moved_by_drain + report.moved_by_death + report.moved_by_removal
    return {
        "pool": name,
        "nodes at most": report.peak_nodes,
        "node hours": round(report.node_hours),
        "wait p50 s": round(report.seat_wait_p50_s, 1),
        "wait p99 s": round(report.seat_wait_p99_s, 1),
        "wait max s": round(report.seat_wait_max_s, 1),
        "moved": moved,
        "of those by a death": report.moved_by_death,
        "deaths": report.deaths,
    }


def table(rows: list[dict[str, object]]) -> str:
    lines = [list(rows[0]), *([str(value) for value in one.values()] for one in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "".join(
        " | ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        + "\n"
        for line in lines
    )


def fixed(hospital: Hospital, nodes: int) -> Report:
    """The same day with so many nodes from midnight to midnight."""
    return Day(hospital, replace(LARGE, minimum=nodes, maximum=nodes, warm_spare=0)).run()


def test_the_chart_advises_what_is_simulated() -> None:
    scaling = chart.ci("large")["scaling"]
    limits = Limits(
        scaling["targetSessions"],
        scaling["minimum"],
        scaling["maximum"],
        scaling["warmSpare"],
        float(scaling["scaleDownDelayS"]),
        float(scaling["drainLimitS"]),
    )
    assert limits == LARGE


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_day_of_five_thousand_doctors() -> None:
    hospital = Hospital()
    assert (hospital.doctors, hospital.node_start_s) == (5000, 60.0)
    report = Day(hospital, LARGE).run()
    peak, same_cost = fixed(hospital, report.fixed_nodes), fixed(hospital, round(report.node_hours / 24))
    spares = {spare: Day(hospital, replace(LARGE, warm_spare=spare)).run() for spare in (0, 2)}
    rows = [
        row(f"controller, warm spare {LARGE.warm_spare}", report),
        *(row(f"controller, warm spare {spare}", one) for spare, one in spares.items()),
        row("fixed, for the peak and as much spare", peak),
        row("fixed, for as many node hours", same_cost),
    ]
    BUILD.mkdir(exist_ok=True)
    (BUILD / "hospital-day.json").write_text(json.dumps({**json.loads(report.json()), "pools": rows}, indent=2) + "\n")
    (BUILD / "hospital-day.txt").write_text(report.text() + "\n" + table(rows))
    assert report.sessions > 15_000
    assert report.peak_sessions > 1_500
    assert report.deaths > 5
    assert report.seat_wait_p99_s < 5.0
    assert report.seat_wait_max_s < 65.0
    assert report.move_wait_p99_s < 25.0
    assert report.moved_by_removal == 0
    assert report.moved_by_drain + report.moved_by_death < 0.2 * report.sessions
    assert report.peak_nodes <= 1.1 * report.fixed_nodes
    # against pools that nobody sizes: as good as the one for the peak, far better than one of the same price
    assert abs(peak.node_hours - report.fixed_node_hours) < 0.02 * report.fixed_node_hours
    assert report.node_hours < 0.65 * peak.node_hours
    assert report.seat_wait_p99_s <= peak.seat_wait_p99_s + 5.0
    assert same_cost.seat_wait_p99_s > 600.0
    assert peak.moved_by_drain == same_cost.moved_by_drain == 0
