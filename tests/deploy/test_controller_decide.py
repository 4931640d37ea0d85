"""The decision about the size of the render pool: a table of cases, and rules that hold whatever the facts are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderpool.controller.decide import LOST_AFTER_S, SETTLE_S, Facts, Limits, Memory, Node, Plan, Pod, decide
from tests.deploy.pool_model import PoolModel

NOW = 1_000_000.0
LIMITS = Limits(target_sessions=10, minimum=1, maximum=8, warm_spare=1, scale_down_delay_s=300.0, drain_limit_s=120.0)
WATCHED = Memory(since=NOW - 1000.0)


def node(name: str, sessions: int = 0, *, active: bool = True, online: bool = True) -> Node:
    return Node(abs(hash(name)) % 1000, name, active, online, sessions)


def serving(*sessions: int) -> tuple[tuple[Pod, ...], tuple[Node, ...]]:
    """Pods a, b, c … whose nodes have so many sessions."""
    names = [chr(ord("a") + index) for index in range(len(sessions))]
    return tuple(Pod(name) for name in names), tuple(
        node(name, count) for name, count in zip(names, sessions, strict=True)
    )


@dataclass(frozen=True)
class Case:
    facts: Facts
    replicas: int
    drain: tuple[str, ...] = ()
    bring_back: tuple[str, ...] = ()
    memory: Memory = WATCHED
    limits: Limits = LIMITS
    costs: dict[str, int] | None = None  # None: not looked at


def facts(sessions: tuple[int, ...], waiting: int = 0, replicas: int | None = None, **changed: Pod | Node) -> Facts:
    """Serving pods a, b, c …; `a_pod` and `a_node` put another one in the place of a's."""
    pods, nodes = serving(*sessions)
    pods = tuple(p if not isinstance(q := changed.get(f"{p.name}_pod"), Pod) else q for p in pods)
    nodes = tuple(n if not isinstance(m := changed.get(f"{n.identity}_node"), Node) else m for n in nodes)
    return Facts(NOW, nodes, waiting, len(pods) if replicas is None else replicas, pods)


def without_node(found: Facts, *names: str) -> Facts:
    return replace(found, nodes=tuple(n for n in found.nodes if n.identity not in names))


SILENT = {"a": NOW - LOST_AFTER_S}
DRAINING_A = Pod("a", draining_since=NOW - 60.0)

CASES = {
    "as many as needed": Case(facts((10, 8)), 3),
    "enough": Case(facts((8, 8, 0)), 3),
    "sessions come: more at once, without having watched": Case(facts((10, 10, 10)), 4, memory=Memory()),
    "those who wait count": Case(facts((10, 10, 0), waiting=15), 5),
    "the first node of an empty pool": Case(facts((), replicas=0), 1),
    "never over the maximum": Case(facts((10,) * 8, waiting=500), 8),
    "never under the minimum": Case(facts((0, 0)), 3, limits=replace(LIMITS, minimum=3)),
    "no spare wanted": Case(facts((10, 8)), 2, limits=replace(LIMITS, warm_spare=0)),
    "to nothing if that is the minimum": Case(
        facts((0,), a_pod=DRAINING_A, a_node=node("a", 0, active=False)),
        0,
        limits=replace(LIMITS, minimum=0, warm_spare=0),
    ),
    "a pod without a node is coming": Case(without_node(facts((9, 9, 0)), "c"), 3),
    "a replica without a pod is coming": Case(facts((9, 9), replicas=3), 3),
    "a pod that ends is not counted": Case(facts((9, 9, 0), replicas=2, c_pod=Pod("c", terminating=True)), 3),
    "sessions of a pod that ends still need a place": Case(
        facts((9, 9, 9), replicas=2, c_pod=Pod("c", terminating=True)), 4
    ),
    "a node that is not of this pool has no say": Case(
        replace(facts((9, 0)), nodes=(*serving(9, 0)[1], node("elsewhere", 70))), 2
    ),
    "fewer would do, but only just now": Case(facts((3, 0, 0, 0)), 4, memory=Memory()),
    "fewer would do, but more were needed within the delay": Case(
        facts((3, 0, 0, 0)), 4, memory=Memory(NOW - 1000.0, ((NOW - 299.0, 4),))
    ),
    "shrinks to the most that was needed within the delay": Case(
        facts((3, 1, 0, 0)), 4, ("c",), memory=Memory(NOW - 1000.0, ((NOW - 301.0, 4), (NOW - 10.0, 3)))
    ),
    "empties before it shrinks, the emptiest first": Case(
        facts((7, 1, 2, 3)), 4, ("b",), costs={"b": 1 - 1_000_000}, limits=replace(LIMITS, warm_spare=1)
    ),
    "what has not started goes at once": Case(
        without_node(facts((3, 1, 0, 0)), "c", "d"), 2, costs={"a": 3, "b": 1, "c": -2_000_000, "d": -2_000_000}
    ),
    "replicas without a pod go first": Case(facts((3, 1), replicas=4), 2),
    "an empty node leaves": Case(
        facts((0, 3, 5), a_pod=DRAINING_A, a_node=node("a", 0, active=False)),
        2,
        costs={"a": -2_000_000, "b": 3, "c": 5},
    ),
    "one that is not empty stays": Case(facts((1, 3, 5), a_pod=DRAINING_A, a_node=node("a", 1, active=False)), 3),
    "… up to the limit": Case(
        facts((1, 3, 5), a_pod=Pod("a", draining_since=NOW - 120.0), a_node=node("a", 1, active=False)),
        2,
        costs={"a": 1 - 2_000_000, "b": 3, "c": 5},
    ),
    "one that was made inactive this moment may still be given a session": Case(
        facts((0, 3, 5), a_pod=Pod("a", draining_since=NOW - SETTLE_S + 1.0), a_node=node("a", 0, active=False)), 3
    ),
    "a mark without the deed is done again": Case(facts((2, 3, 5), a_pod=DRAINING_A), 3, ("a",)),
    "no ready node goes while another one is coming": Case(
        without_node(facts((0, 9, 5, 0), a_pod=DRAINING_A, a_node=node("a", 0, active=False)), "d"), 4
    ),
    "sessions come back: so does the node that is being emptied": Case(
        facts((1, 10, 9), a_pod=DRAINING_A, a_node=node("a", 1, active=False)), 3, bring_back=("a",)
    ),
    "the fullest of those comes back first": Case(
        facts(
            (1, 4, 6, 9),
            a_pod=DRAINING_A,
            a_node=node("a", 1, active=False),
            b_pod=Pod("b", draining_since=NOW - 60.0),
            b_node=node("b", 4, active=False),
        ),
        4,
        bring_back=("b",),
    ),
    "back and more": Case(
        facts((1, 10, 10), waiting=15, a_pod=DRAINING_A, a_node=node("a", 1, active=False)), 5, bring_back=("a",)
    ),
    "a node that an administrator made inactive is replaced, not brought back": Case(
        facts((4, 9, 0), a_node=node("a", 4, active=False)), 4
    ),
    "… and goes when it is empty and the others serve": Case(
        facts((0, 9, 0), a_node=node("a", 0, active=False)), 2, costs={"a": -2_000_000, "b": 9}
    ),
    "a short silence is no death": Case(facts((0, 9, 0), waiting=3, a_node=node("a", 9, online=False)), 3),
    "a dead node is no capacity": Case(
        facts((0, 9, 0), waiting=9, a_node=node("a", 9, online=False)), 4, memory=Memory(NOW - 1000.0, (), SILENT)
    ),
    "what replaces it has to serve before its pod goes": Case(
        without_node(
            facts((0, 9, 0, 0), waiting=10, a_node=node("a", 9, online=False)),
            "d",
        ),
        4,
        memory=Memory(NOW - 1000.0, (), SILENT),
    ),
    "a dead node's pod goes when others serve": Case(
        facts((0, 9, 0), a_node=node("a", 9, online=False)), 2, memory=Memory(NOW - 1000.0, (), SILENT)
    ),
    "if all seem dead, at most as many again are started": Case(
        Facts(NOW, tuple(node(str(i), 5, online=False) for i in range(6)), 20, 6, tuple(Pod(str(i)) for i in range(6))),
        6,
        limits=replace(LIMITS, maximum=100),
        memory=Memory(NOW - 1000.0, (), {str(i): NOW - 60.0 for i in range(6)}),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_case(case: Case) -> None:
    plan = decide(case.facts, case.memory, case.limits)
    assert (plan.replicas, plan.drain, plan.bring_back) == (case.replicas, case.drain, case.bring_back), plan.reason
    if case.costs is not None:
        assert plan.costs == case.costs
    assert plan.changes_nothing == (
        plan.replicas == case.facts.replicas and not (plan.drain or plan.bring_back or plan.costs)
    )


def test_a_silence_is_counted_from_when_it_was_first_seen() -> None:
    found = facts((0, 9, 0), waiting=9, a_node=node("a", 9, online=False))
    plan = decide(found, WATCHED, LIMITS)
    assert plan.changes_nothing
    later = decide(replace(found, now=NOW + LOST_AFTER_S), plan.memory, LIMITS)
    assert later.replicas == 4
    heard = decide(replace(found, now=NOW + 20.0, nodes=serving(0, 9, 0)[1]), plan.memory, LIMITS)
    assert decide(replace(found, now=NOW + LOST_AFTER_S + 5.0), heard.memory, LIMITS).changes_nothing


def test_needs_are_remembered_for_the_delay() -> None:
    memory = Memory()
    plans: list[Plan] = []
    for second, waiting in ((0, 30), (100, 0), (200, 12), (300, 0), (400, 0), (501, 0)):
        found = replace(facts((0, 0, 0, 0), waiting=waiting), now=NOW + second)
        plans.append(decide(found, memory, LIMITS))
        memory = plans[-1].memory
    assert [len(plan.drain) for plan in plans] == [0, 0, 0, 1, 1, 3]  # what was needed: 4, 1, 3, 1, 1, 1


# --- rules ----------------------------------------------------------------------------------------------------------


@st.composite
def pools(draw: st.DrawFn) -> tuple[PoolModel, int, Memory, Limits]:
    minimum = draw(st.integers(0, 5))
    limits = Limits(
        target_sessions=draw(st.integers(1, 12)),
        minimum=minimum,
        maximum=draw(st.integers(max(1, minimum), 12)),
        warm_spare=draw(st.integers(0, 3)),
        scale_down_delay_s=draw(st.sampled_from([0.0, 60.0])),
        drain_limit_s=60.0,
    )
    names = [f"pod-{index:02}" for index in range(draw(st.integers(0, limits.maximum)))]
    pods, nodes = {}, {}
    for name in names:
        since = draw(st.sampled_from([None, None, NOW - 100.0, NOW - 30.0, NOW]))
        pods[name] = Pod(name, draining_since=since, deletion_cost=draw(st.sampled_from([0, 3, -1_000_000])))
        if draw(st.integers(0, 4)):
            nodes[name] = node(
                name, draw(st.integers(0, 15)), active=draw(st.integers(0, 4)) > 0, online=draw(st.integers(0, 4)) > 0
            )
    silent = {name: NOW - draw(st.sampled_from([1.0, 100.0])) for name, one in nodes.items() if not one.online}
    memory = Memory(draw(st.sampled_from([None, NOW - 1000.0])), (), silent)
    model = PoolModel(min(limits.maximum, len(names) + draw(st.integers(0, 2))), pods, nodes)
    return model, draw(st.integers(0, 60)), memory, limits


def load(model: PoolModel, waiting: int) -> int:
    return waiting + sum(one.sessions for name, one in model.nodes.items() if one.online and name in model.pods)


@settings(max_examples=400, deadline=None)
@given(pools())
def test_the_size_stays_within_its_limits(drawn: tuple[PoolModel, int, Memory, Limits]) -> None:
    model, waiting, memory, limits = drawn
    plan = decide(model.facts(NOW, waiting), memory, limits)
    assert plan.replicas <= limits.maximum
    assert plan.replicas >= min(limits.minimum, model.replicas)
    assert plan.replicas >= limits.minimum or plan.replicas == model.replicas
    enough = min(limits.maximum, math.ceil(load(model, waiting) / limits.target_sessions))
    assert plan.replicas >= min(enough, model.replicas)


@settings(max_examples=400, deadline=None)
@given(pools())
def test_what_stays_can_carry_the_sessions(drawn: tuple[PoolModel, int, Memory, Limits]) -> None:
    """Neither emptying nor going takes a node that the sessions need, as the ReplicaSet picks."""
    model, waiting, memory, limits = drawn
    needed = limits.needed(load(model, waiting))

    def capacity() -> int:
        lost = {
            name
            for name, one in model.nodes.items()
            if model.pods[name].draining_since is None
            and (NOW - memory.silent_since.get(name, NOW) >= LOST_AFTER_S if not one.online else not one.active)
        }
        working = [pod for pod in model.pods.values() if pod.draining_since is None and pod.name not in lost]
        return len(working) + max(0, model.replicas - len(model.pods))

    before = capacity()
    plan = decide(model.facts(NOW, waiting), memory, limits)
    model.carry_out(plan, NOW)
    if before >= needed:
        assert capacity() >= needed
    else:
        assert capacity() >= before


@settings(max_examples=400, deadline=None)
@given(pools())
def test_who_goes_is_who_was_chosen_and_costs_follow_sessions(drawn: tuple[PoolModel, int, Memory, Limits]) -> None:
    model, waiting, memory, limits = drawn
    sessions = {name: one.sessions if one.online else 0 for name, one in model.nodes.items()}
    before = dict(model.pods)
    plan = decide(model.facts(NOW, waiting), memory, limits)
    gone = model.carry_out(plan, NOW)
    if plan.replicas >= len(before):
        assert gone == []
        return
    costs = {name: plan.costs.get(name, pod.deletion_cost) for name, pod in before.items()}
    kept = [name for name in before if costs[name] >= 0]
    assert sorted(kept, key=lambda name: costs[name]) == sorted(kept, key=lambda name: sessions.get(name, 0))
    assert not set(gone) & set(kept)
    for name in gone:
        one, pod = model.nodes.get(name), before[name]
        assert one is None
        over = pod.draining_since is not None and NOW - pod.draining_since >= limits.drain_limit_s
        assert sessions.get(name, 0) == 0 or over


@settings(max_examples=400, deadline=None)
@given(pools())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(drawn: tuple[PoolModel, int, Memory, Limits]) -> None:
    model, waiting, memory, limits = drawn
    first = decide(model.facts(NOW, waiting), memory, limits)
    assert decide(model.facts(NOW, waiting), memory, limits) == first
    for _ in range(4):
        sessions = load(model, waiting)
        plan = decide(model.facts(NOW, waiting), memory, limits)
        memory = plan.memory
        if plan.changes_nothing:
            return
        model.carry_out(plan, NOW)
        waiting += sessions - load(model, waiting)  # what was on a pod that went waits for a place
    pytest.fail(f"still {plan.reason}")
