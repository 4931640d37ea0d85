"""The controller's client of Kubernetes, the real library over HTTP: pool, annotations, size and lease."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from renderpool.controller.decide import Pod
from renderpool.controller.kube import DELETION_COST, DRAINING_SINCE, Cluster, Lease, time_text
from tests.deploy.kubernetes_standin import NAMESPACE, Standin, running_standin
from webviewer.core.errors import Conflict, NotFound, PermissionDenied, Unavailable, WebviewerError


@pytest.fixture
def standin() -> Iterator[Standin]:
    with running_standin() as found:
        yield found


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cluster(standin: Standin, selector: str = "") -> Cluster:
    return Cluster(standin.api(), NAMESPACE, "render", selector)


def test_the_pool_is_read_by_the_deployments_own_selector(standin: Standin) -> None:
    standin.add_deployment(3)
    standin.add_pod("a", annotations={DELETION_COST: "-7", DRAINING_SINCE: "2026-11-25T09:00:00.250000Z"})
    standin.add_pod("b", deletionTimestamp="2026-11-25T09:00:00Z")
    standin.add_pod("c", annotations={DELETION_COST: "many", DRAINING_SINCE: "yesterday"})
    standin.add_pod("other", labels={"app": "control"})
    pool = cluster(standin).pool()
    assert pool.replicas == 3
    assert sorted(pool.pods, key=lambda pod: pod.name) == [
        Pod("a", draining_since=1795597200.25, deletion_cost=-7),
        Pod("b", terminating=True),
        Pod("c", draining_since=0.0),
    ]
    assert [pod.name for pod in cluster(standin, "app=control").pool().pods] == ["other"]


def test_a_pod_that_has_ended_is_no_place(standin: Standin) -> None:
    standin.add_deployment(1)
    standin.add_pod("a")
    standin.object("v1/pods", "a")["status"]["phase"] = "Failed"  # evicted
    assert cluster(standin).pool().pods == (Pod("a", terminating=True),)


def test_a_size_of_nothing_is_read_as_that(standin: Standin) -> None:
    standin.add_deployment(0)
    assert cluster(standin).pool().replicas == 0


def test_annotations_are_added_and_taken_away(standin: Standin) -> None:
    standin.add_pod("a", annotations={"theirs": "stays"})
    ours = cluster(standin)
    ours.annotate("a", {DRAINING_SINCE: time_text(1795597200.25), DELETION_COST: "-3"})
    assert standin.annotations("a") == {
        "theirs": "stays",
        DRAINING_SINCE: "2026-11-25T09:00:00.250000Z",
        DELETION_COST: "-3",
    }
    ours.annotate("a", {DRAINING_SINCE: None, DELETION_COST: None})
    assert standin.annotations("a") == {"theirs": "stays"}
    with pytest.raises(NotFound):
        ours.annotate("gone", {DELETION_COST: "1"})


def test_the_size_is_changed_only_from_what_was_read(standin: Standin) -> None:
    standin.add_deployment(3)
    ours = cluster(standin)
    pool = ours.pool()
    ours.resize(4, pool.version)
    assert standin.replicas == 4
    with pytest.raises(Conflict):
        ours.resize(2, pool.version)
    assert standin.replicas == 4


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, PermissionDenied), (404, NotFound), (409, Conflict), (429, Unavailable), (500, Unavailable)],
)
def test_refusals_are_errors_of_ours(standin: Standin, status: int, error: type[WebviewerError]) -> None:
    standin.add_deployment(3)
    standin.emulator.refuse = lambda _: status
    with pytest.raises(error, match=f"HTTP {status}"):
        cluster(standin).pool()


def test_silence_is_an_error_of_ours() -> None:
    with running_standin() as standin:
        api = standin.api()
    with pytest.raises(Unavailable, match="does not answer"):
        Cluster(api, NAMESPACE, "render").pool()


def test_something_else_than_a_pool_is_an_error_of_ours(standin: Standin) -> None:
    standin.add_deployment(3)
    standin.add_pod("a")
    del standin.object("v1/pods", "a")["metadata"]["name"]
    with pytest.raises(Unavailable, match="something else"):
        cluster(standin).pool()


# --- the lease ------------------------------------------------------------------------------------------------------


def lease(standin: Standin, name: str, clock: Clock) -> Lease:
    return Lease(standin.api(), NAMESPACE, "controller", name, duration_s=15, clock=clock)


def holder(standin: Standin) -> str:
    return str(standin.object("coordination.k8s.io/v1/leases", "controller")["spec"]["holderIdentity"])


def test_the_first_takes_it_and_the_second_waits(standin: Standin) -> None:
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    assert not one.is_held
    assert one.hold()
    assert one.is_held
    assert not two.hold()
    assert not two.is_held
    assert holder(standin) == "one"


def test_it_is_kept_by_renewing(standin: Standin) -> None:
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    for _ in range(6):
        assert one.hold()
        clock.now += 5.0
        assert one.is_held
        assert not two.hold()
    spec = standin.object("coordination.k8s.io/v1/leases", "controller")["spec"]
    assert spec["leaseTransitions"] == 0


def test_a_holder_that_is_silent_loses_it_and_had_stopped_before(standin: Standin) -> None:
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    assert one.hold()
    assert not two.hold()
    clock.now += 10.0
    assert not one.is_held  # nothing more is done …
    clock.now += 4.9
    assert not two.hold()  # … long before another one may
    clock.now += 0.1
    assert two.hold()
    assert holder(standin) == "two"
    assert standin.object("coordination.k8s.io/v1/leases", "controller")["spec"]["leaseTransitions"] == 1
    assert not one.hold()


def test_a_clock_that_is_wrong_elsewhere_takes_nothing_away(standin: Standin) -> None:
    """The times written in the lease may be hours off: only that they change counts."""
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    assert one.hold()
    standin.object("coordination.k8s.io/v1/leases", "controller")["spec"]["renewTime"] = "2001-01-01T00:00:00.000000Z"
    assert not two.hold()


def test_letting_go_lets_the_next_one_in_at_once(standin: Standin) -> None:
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    assert one.hold()
    one.release()
    assert not one.is_held
    assert two.hold()
    one.release()  # it is another's by now
    assert holder(standin) == "two"


def test_of_two_that_take_it_at_once_one_gets_it(standin: Standin) -> None:
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    assert one.hold()
    one.release()
    read = two._read

    def read_then_be_slow() -> object:
        found = read()
        assert one.hold()
        return found

    two._read = read_then_be_slow  # type: ignore[method-assign, assignment]
    assert not two.hold()
    assert holder(standin) == "one"
    assert one.hold()


def test_of_two_that_make_it_at_once_one_gets_it(standin: Standin) -> None:
    clock = Clock()
    one, two = lease(standin, "one", clock), lease(standin, "two", clock)
    read = two._read

    def read_then_be_slow() -> object:
        found = read()
        assert one.hold()
        return found

    two._read = read_then_be_slow  # type: ignore[method-assign, assignment]
    assert not two.hold()
    assert holder(standin) == "one"


def test_while_the_api_is_silent_it_is_ours_until_our_own_clock_says_no(standin: Standin) -> None:
    clock = Clock()
    one = lease(standin, "one", clock)
    assert one.hold()
    standin.emulator.refuse = lambda _: 503
    clock.now += 9.0
    with pytest.raises(Unavailable):
        one.hold()
    assert one.is_held
    clock.now += 1.0
    assert not one.is_held
