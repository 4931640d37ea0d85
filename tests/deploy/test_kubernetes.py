"""The chart and the controller on a real Kubernetes 1.34 control plane, with our real control node: `make prove-k8s`.

Real are etcd, the API server, the controllers, the scheduler, helm's install and upgrade, RBAC, the Lease, the
controller with its own service account's token and the settings that the chart gives it, and the control node that it
asks. Not real are the machines: no container runs (`tests.deploy.fake_kubelet`), and render pods register with the
control node by the heartbeats that the test sends for them.
"""

from __future__ import annotations

import datetime as dt
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.control_plane import ControlPlane, running_control_plane
from tests.deploy.controller_process import ROOT, ControllerProcess
from tests.deploy.fake_kubelet import running_fake_kubelet
from tests.deploy.house import ACCOUNT, NAMESPACE, RELEASE, RENDER, House, installed_house, packaged
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.kubernetes, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as found, running_fake_kubelet(found, machines=6):
        found.kubectl("create", "namespace", NAMESPACE)
        yield found


@pytest.fixture(scope="module")
def house(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with installed_house(plane, tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture
def controller(house: House, tmp_path: Path) -> Iterator[ControllerProcess]:
    with house.controller(tmp_path / "controller", "one") as process:
        yield process
    shutil.copy(process.log, ROOT / "build" / "prove-k8s-controller.log")


@pytest.mark.parametrize(
    ("allowed", "wish"),
    [
        (True, f"get deployments.apps/{RENDER} --subresource=scale"),
        (True, f"patch deployments.apps/{RENDER} --subresource=scale"),
        (True, "list pods"),
        (True, "patch pods"),
        (True, f"get leases.coordination.k8s.io/{ACCOUNT}"),
        (True, f"update leases.coordination.k8s.io/{ACCOUNT}"),
        (True, "create leases.coordination.k8s.io"),
        (False, f"patch deployments.apps/{RELEASE}-web-viewer-nginx --subresource=scale"),
        (False, f"patch deployments.apps/{RENDER}"),
        (False, f"delete deployments.apps/{RENDER}"),
        (False, "get secrets"),
        (False, "list secrets"),
        (False, "create pods"),
        (False, "create pods --subresource=exec"),
        (False, "delete pods"),
        (False, "list nodes"),
        (False, "update leases.coordination.k8s.io/another"),
        (False, f"delete leases.coordination.k8s.io/{ACCOUNT}"),
        (False, "create rolebindings.rbac.authorization.k8s.io"),
    ],
)
def test_the_controllers_account_may_do_this_and_no_more(house: House, allowed: bool, wish: str) -> None:
    who = f"--as=system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
    answer = house.plane.kubectl("auth", "can-i", *wish.split(), "-n", NAMESPACE, who, check=False)
    assert answer.split("\n")[0].strip() == ("yes" if allowed else "no")
    elsewhere = house.plane.kubectl("auth", "can-i", *wish.split(), "-n", "default", who, check=False)
    assert elsewhere.split("\n")[0].strip() == "no"


def test_all_of_the_chart_came_up(house: House) -> None:
    found = house.plane.get("deployments,statefulsets", "-n", NAMESPACE)["items"]
    assert len(found) >= 10
    for one in found:
        assert one["status"]["readyReplicas"] == one["spec"]["replicas"], one["metadata"]["name"]


def test_the_migration_ran_as_a_hook_before_anything_else_was_made(house: House) -> None:
    assert house.plane.get("jobs", "-n", NAMESPACE)["items"] == []  # a hook that has succeeded is taken away
    events = house.plane.get("events", "-n", NAMESPACE)["items"]
    done = [
        one["metadata"]["creationTimestamp"]
        for one in events
        if one["involvedObject"]["kind"] == "Job" and one["reason"] == "Completed"
    ]
    assert len(done) == 1
    others = house.plane.get("deployments,statefulsets,services,configmaps", "-n", NAMESPACE)["items"]
    ours = [one for one in others if one["metadata"]["name"].startswith(RELEASE)]
    assert len(ours) > 20
    assert min(one["metadata"]["creationTimestamp"] for one in ours) >= done[0]


def test_the_pool_follows_the_sessions_up_and_down_and_through_an_upgrade(
    house: House, controller: ControllerProcess, tmp_path: Path
) -> None:
    eventually(lambda: controller.state() == "acting", 30.0, "the controller")
    assert house.lease["holderIdentity"] == "one"
    eventually(lambda: house.has(1), 30.0, "the first render node")

    # up: a session stays where it was placed, so the next nodes fill with those who come later
    for doctors, replicas in ((7, 3), (6, 4), (3, 4)):
        house.sign_in(doctors)
        placed = house.place()
        eventually(partial(house.has, replicas), 60.0, f"{replicas} replicas and as many render nodes")
    while len(placed) < 4 or min(map(len, placed.values())) < 3:  # who came while a node registered sits elsewhere
        house.sign_in(1)
        placed = house.place()
    assert len(house.browsers) <= 18  # as many as four nodes are for, one of them spare
    born = {name: pod["metadata"]["creationTimestamp"] for name, pod in house.pods().items()}
    a, b, c, d = sorted(placed, key=lambda name: born[name])
    assert born[a] < born[b]  # Kubernetes by itself would take the youngest

    # down: doctors leave until the nodes hold 0, 1, 2 and 3 of them, the oldest none
    for name, left in ((a, 0), (b, 1), (c, 2), (d, 3)):
        for session in placed[name][left:]:
            house.sign_out(session)
    eventually(lambda: house.replicas == 3 and not house.nodes()[b]["active"], 60.0, "drained, the empty one gone")
    eventually(lambda: set(house.pods()) == {b, c, d}, 30.0, "pods")
    assert {name: house.cost(name) for name in (b, c, d)} == {b: 1 - 1_000_000, c: 2, d: 3}
    time.sleep(3.0)
    assert house.replicas == 3  # it has a session
    house.place()  # its page opens its stream elsewhere
    eventually(lambda: house.replicas == 2, 60.0, "replicas for six sessions")
    eventually(lambda: set(house.pods()) == {c, d}, 30.0, "pods")
    assert {name: house.nodes()[name]["sessions"] for name in (c, d)} == {c: 3, d: 3}

    # a new version of the chart says nothing about how many there are
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            seen.add(house.replicas)

    watcher = threading.Thread(target=watch)
    watcher.start()
    house.helm("upgrade", packaged(tmp_path, "1.1.0"))
    done.set()
    watcher.join()
    assert seen == {2}
    pods = house.pods()
    assert len(pods) == 2
    assert not set(pods) & {c, d}  # new ones, of the new version
    assert {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods.values()} == {"1.1.0"}

    # and it goes on
    eventually(lambda: len(house.nodes()) == 2, 30.0, "new render nodes")
    house.sign_in(1)
    eventually(lambda: house.replicas == 3, 30.0, "replicas for seven sessions")

    assert controller.stop() == 0
    assert house.lease.get("holderIdentity", "") == ""
    assert controller.events("round_failed") == []


def test_of_two_controllers_one_acts_and_the_other_goes_on_when_it_is_killed(house: House, tmp_path: Path) -> None:
    with house.controller(tmp_path, "first") as first, house.controller(tmp_path, "second") as second:
        eventually(lambda: {first.state(), second.state()} == {"acting", "standby"}, 30.0, "one of them")
        acting, waiting = (first, second) if first.state() == "acting" else (second, first)
        assert house.lease["holderIdentity"] == acting.log.stem
        transitions = house.lease["leaseTransitions"]
        house.sign_in(13 - len(house.browsers))
        eventually(partial(house.has, 4), 60.0, "replicas for thirteen sessions")
        placed = house.place()
        while len(placed) < 4:
            house.sign_in(1)
            placed = house.place()
        assert house.replicas == 4

        # killed in the middle of its work: nodes are marked and out of service, and still have sessions
        for sessions in placed.values():
            for session in sessions[1:]:
                house.sign_out(session)
        eventually(lambda: [one for one in house.nodes().values() if not one["active"]], 60.0, "a node to be emptied")
        assert acting.events("pool_plan")
        assert not waiting.events("pool_plan")
        acting.stop(signal.SIGKILL)
        last_renewed_at = dt.datetime.fromisoformat(house.lease["renewTime"])
        assert house.replicas == 4  # nodes that still have sessions do not go

        eventually(lambda: waiting.state() == "acting", 40.0, "the other one")
        duration = dt.timedelta(seconds=house.lease["leaseDurationSeconds"])
        acquired_at = dt.datetime.fromisoformat(house.lease["acquireTime"])
        assert acquired_at >= last_renewed_at + duration, "the lease that nobody let go has run out first"
        assert house.lease["holderIdentity"] == waiting.log.stem
        assert house.lease["leaseTransitions"] == transitions + 1
        # pages of nodes that are emptied come back elsewhere, also of those that the second one chooses
        eventually(lambda: house.place() and house.has(2), 90.0, "the end of what the first one began")
        house.sign_in(6)
        eventually(partial(house.has, 3), 30.0, "replicas that only the second can want")
        assert waiting.events("round_failed") == []
        assert waiting.stop() == 0
