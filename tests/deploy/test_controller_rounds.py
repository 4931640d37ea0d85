"""A whole round of the controller: real Kubernetes client and real HTTP on both sides, stand-ins behind them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from renderpool.controller.control import ControlNode, control_client
from renderpool.controller.decide import Limits
from renderpool.controller.kube import DELETION_COST, DRAINING_SINCE, Cluster, Lease
from renderpool.controller.rounds import Rounds
from tests.deploy.control_standin import TOKEN, ControlStandin, running_control_standin
from tests.deploy.kubernetes_standin import NAMESPACE, Call, Standin, running_standin
from webviewer.core.errors import Conflict, Unavailable, WebviewerError

LIMITS = Limits(target_sessions=10, minimum=1, maximum=8, warm_spare=1, scale_down_delay_s=60.0, drain_limit_s=120.0)
SCALE = "PATCH apps/v1/namespaces/hospital/deployments/render/scale"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class House:
    """Kubernetes, a control node, and a controller between them."""

    def __init__(self, standin: Standin, control: ControlStandin) -> None:
        self.standin = standin
        self.control = control
        self.clock = Clock()
        self.rounds = self.controller("one")

    def controller(self, name: str, token: str = TOKEN) -> Rounds:
        api = self.standin.api()
        return Rounds(
            Cluster(api, NAMESPACE, "render"),
            ControlNode(control_client(self.control.url, token)),
            Lease(api, NAMESPACE, "controller", name, clock=self.clock),
            LIMITS,
            clock=self.clock,
        )

    def serve(self, **sessions: int) -> None:
        """Pods with nodes of these names and sessions, and a Deployment of that size."""
        self.standin.add_deployment(len(sessions))
        for name, count in sessions.items():
            self.standin.add_pod(name)
            self.control.add(name, count)

    def watch(self, seconds: float = 61.0) -> None:
        """Let the controller see the same for so long."""
        for _ in range(int(seconds // 5) + 1):
            self.rounds.once()
            self.clock.now += 5.0


@pytest.fixture
def house() -> Iterator[House]:
    with running_standin() as standin, running_control_standin() as control:
        yield House(standin, control)


def test_more_sessions_more_nodes_in_one_round(house: House) -> None:
    house.serve(a=10, b=10)
    house.control.waiting = 7
    house.rounds.once()
    assert house.standin.replicas == 4
    assert house.standin.writes() == [SCALE]
    house.rounds.once()
    assert house.standin.writes() == [SCALE]


def test_fewer_sessions_first_empty_a_node_then_say_what_it_is_worth_then_shrink(house: House) -> None:
    house.serve(a=4, b=2, c=3)
    house.watch(60.0)
    assert house.control.puts == [("b", False)]
    assert house.standin.replicas == 3
    marks = house.standin.annotations("b")
    assert marks[DELETION_COST] == "-999998"
    assert marks[DRAINING_SINCE].startswith("2027-01-15T08:01:00")
    house.watch(30.0)
    assert house.standin.replicas == 3  # its two sessions are still there
    house.control.set("b", sessions=0)
    house.control.set("c", sessions=5)
    house.rounds.once()
    assert house.standin.replicas == 2
    costs = {name: house.standin.annotations(name)[DELETION_COST] for name in "abc"}
    assert costs == {"a": "4", "b": "-2000000", "c": "5"}
    writes = house.standin.writes()
    assert writes[-1] == SCALE
    assert writes.count(SCALE) == 1  # all costs came before


def test_a_node_that_does_not_become_empty_goes_after_the_limit(house: House) -> None:
    house.serve(a=4, b=2, c=3)
    house.watch(60.0)
    house.watch(100.0)
    assert house.standin.replicas == 3
    house.watch(10.0)
    assert house.standin.replicas == 2
    assert house.standin.annotations("b")[DELETION_COST] == "-1999998"


def test_a_node_comes_back_when_the_sessions_do(house: House) -> None:
    house.serve(a=4, b=2, c=3)
    house.watch(60.0)
    house.control.set("a", sessions=13)
    house.rounds.once()
    assert house.control.puts == [("b", False), ("b", True)]
    assert house.standin.annotations("b") == {}
    assert SCALE not in house.standin.writes()


def test_another_controller_goes_on_with_what_the_first_began(house: House) -> None:
    house.serve(a=4, b=2, c=3)
    house.watch(60.0)
    house.rounds.lease.release()
    other = house.controller("two")
    house.control.set("b", sessions=0)
    other.once()
    assert house.standin.replicas == 2


def test_only_the_holder_of_the_lease_acts(house: House) -> None:
    house.serve(a=10, b=10)
    other = house.controller("two")
    assert other.once() is not None
    house.control.waiting = 30
    assert house.rounds.once() is None
    assert house.standin.replicas == 3
    other.once()
    assert house.standin.replicas == 6


def test_who_loses_the_lease_in_the_middle_of_a_round_does_nothing_more(house: House) -> None:
    house.serve(a=6, b=0, c=3, d=1)
    house.watch(50.0)
    house.clock.now += 10.0

    def slow(call: Call) -> None:
        if call.method == "PATCH" and "/pods/" in call.path:
            house.clock.now += 11.0  # the first write takes so long that another one may act

    house.standin.emulator.refuse = slow
    with pytest.raises(Conflict) as caught:
        house.rounds.once()
    assert caught.value.code == "lease_lost"
    assert len(house.standin.writes()) == 1
    assert house.control.puts == []


@pytest.mark.parametrize("broken", ["down", "nonsense"])
def test_without_the_control_nodes_word_nothing_is_done(house: House, broken: str) -> None:
    house.serve(a=0, b=0, c=0)
    house.watch(50.0)
    house.control.broken = broken
    for _ in range(20):
        with pytest.raises(Unavailable):
            house.rounds.once()
        house.clock.now += 5.0
    assert house.standin.writes() == []
    house.control.broken = ""
    house.rounds.once()
    assert house.standin.writes() == []  # nothing was seen for so long: the delay begins anew


def test_a_control_node_that_comes_back_with_silent_nodes_moves_nothing(house: House) -> None:
    """Nodes report again within seconds of its start; until then all of them look dead, and all sessions wait."""
    house.serve(a=9, b=9, c=0)
    house.watch(20.0)
    for name in "abc":
        house.control.set(name, online=False)
    house.control.waiting = 18
    house.watch(20.0)
    assert house.standin.replicas == 3
    for name in "abc":
        house.control.set(name, online=True)
    house.control.waiting = 0
    house.watch(50.0)
    assert house.standin.writes() == []


def test_a_wrong_join_secret_does_nothing_and_says_why(house: House) -> None:
    house.serve(a=10, b=10)
    with pytest.raises(Unavailable, match="token"):
        house.controller("two", token="another-secret-of-theirs").once()
    assert house.standin.replicas == 2


def test_a_deployment_that_changed_meanwhile_is_looked_at_again(house: House) -> None:
    house.serve(a=10, b=10)

    def somebody_scales(call: Call) -> None:
        if call.path.endswith("/scale") and call.method == "PATCH":
            house.standin.emulator.refuse = lambda _: None
            house.standin.add_deployment(6)  # a hand, an upgrade

    house.standin.emulator.refuse = somebody_scales
    with pytest.raises(Conflict):
        house.rounds.once()
    assert house.standin.replicas == 6
    house.rounds.once()
    assert house.standin.replicas == 6  # not more than it needs, and too early to shrink


def test_without_the_costs_there_is_no_shrinking(house: House) -> None:
    house.serve(a=6, b=0, c=3)
    house.watch(60.0)
    assert house.control.puts == [("b", False)]
    house.standin.emulator.refuse = lambda call: 500 if "/pods/" in call.path and call.method == "PATCH" else None
    for _ in range(3):
        house.clock.now += 5.0
        with contextlib.suppress(WebviewerError):
            house.rounds.once()
    assert house.standin.replicas == 3
    house.standin.emulator.refuse = lambda _: None
    house.rounds.once()
    assert house.standin.replicas == 2


def test_a_pod_that_went_by_itself_stops_nothing(house: House) -> None:
    house.serve(a=6, b=0, c=3)
    house.watch(60.0)
    house.clock.now += 5.0

    def evicted(call: Call) -> int | None:
        return 404 if call.path.endswith("/pods/b") else None

    house.standin.emulator.refuse = evicted
    house.rounds.once()
    assert house.standin.replicas == 2


def test_an_empty_pool_wakes_for_the_first_session(house: House) -> None:
    house.standin.add_deployment(0)
    house.control.waiting = 1
    house.rounds.once()
    assert house.standin.replicas == 2
