"""A hospital's day with the controller's own decisions: how long for a seat, who is moved, what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from renderpool.controller.decide import Facts, Limits, Memory, Plan, decide
from tests.deploy.simulation import Day, Hospital

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


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_a_day_of_five_thousand_doctors() -> None:
    report = Day(Hospital(), LARGE).run()
    BUILD.mkdir(exist_ok=True)
    (BUILD / "hospital-day.json").write_text(report.json())
    (BUILD / "hospital-day.txt").write_text(report.text())
    assert report.sessions > 15_000
    assert report.peak_sessions > 1_500
    assert report.deaths > 5
    assert report.seat_wait_p99_s < 5.0
    assert report.seat_wait_max_s < 65.0
    assert report.move_wait_p99_s < 25.0
    assert report.moved_by_removal == 0
    assert report.moved_by_drain + report.moved_by_death < 0.2 * report.sessions
    assert report.node_hours < 0.65 * report.fixed_node_hours
    assert report.peak_nodes <= 1.1 * report.fixed_nodes
