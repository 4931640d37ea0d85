"""The chart and the controller on a real Kubernetes 1.34 control plane, with our real control node: `make prove-k8s`.

Real are etcd, the API server, the controllers, the scheduler, helm's install and upgrade, RBAC, the Lease, the
controller with its own service account's token and the settings that the chart gives it, and the control node that it
asks. Not real are the machines: no container runs (`tests.deploy.fake_kubelet`), and render pods register with the
control node by the heartbeats that the test sends for them.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.control_plane import ControlPlane, running_control_plane
from tests.deploy.controller_process import ROOT, ControllerProcess, eventually, running_controller
from tests.deploy.fake_kubelet import running_fake_kubelet
from tests.support.http_client import INTERNAL_TOKEN, Browser, ControlServer, start_control
from webviewer.accounts import SessionId
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.usecases.clock import system_clock
from webviewer.usecases.placement import Placement

pytestmark = [pytest.mark.prove, pytest.mark.kubernetes, pytest.mark.timeout(1800)]

NAMESPACE, RELEASE = "hospital", "house"
RENDER, ACCOUNT = f"{RELEASE}-web-viewer-render-node", f"{RELEASE}-web-viewer-controller"
COST = "controller.kubernetes.io/pod-deletion-cost"
SCALING = {"targetSessions": 6, "minimum": 1, "maximum": 6, "warmSpare": 1, "scaleDownDelayS": 8, "intervalS": 1}
JSON = dict[str, Any]


def packaged(folder: Path, version: str) -> Path:
    """The chart as a package of this version."""
    subprocess.run(
        [
            str(ROOT / "tools/with_helm.sh"),
            "helm",
            "package",
            str(ROOT / "helm/web-viewer"),
            *("--version", version, "--app-version", version, "--destination", str(folder)),
        ],
        check=True,
        capture_output=True,
    )
    return folder / f"web-viewer-{version}.tgz"


@dataclass
class House:
    """The installed chart, the control node, and the render pods' heartbeats."""

    plane: ControlPlane
    control: ControlServer
    browsers: dict[int, Browser] = field(default_factory=dict)  # by session
    stop: threading.Event = field(default_factory=threading.Event)
    known: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    ports: Iterator[int] = field(default_factory=lambda: itertools.count(20_001))

    def values(self) -> list[str]:
        sets = [word for name, value in SCALING.items() for word in ("--set", f"scaling.{name}={value}")]
        return ["-f", str(ROOT / "helm/web-viewer/ci/default-values.yaml"), *sets]

    def helm(self, command: str, package: Path) -> None:
        self.plane.helm(command, RELEASE, str(package), "-n", NAMESPACE, *self.values(), "--wait", "--timeout", "5m")

    def pods(self) -> dict[str, JSON]:
        """The render pods that are not ending, by name."""
        found = self.plane.get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=render-node")["items"]
        return {pod["metadata"]["name"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def cost(self, pod: str) -> int:
        return int(self.pods()[pod]["metadata"].get("annotations", {}).get(COST, 0))

    @property
    def replicas(self) -> int:
        return int(self.plane.get("deployment", RENDER, "-n", NAMESPACE)["spec"]["replicas"])

    def has(self, count: int) -> bool:
        """Whether so many are wanted and have registered."""
        return self.replicas == count == len(self.nodes())

    def beat_for_pods(self) -> None:
        """Register pods that are ready, and let those that have gone say so."""
        while not self.stop.wait(0.5):
            with contextlib.suppress(AssertionError):  # the API server is on its way out
                ready = {name for name, pod in self.pods().items() if pod["status"].get("phase") == "Running"}
                for name in ready - self.known:
                    self.control.register("render", f"http://127.0.0.1:{next(self.ports)}", name)
                for name in self.known - ready:
                    self.control.lose("render", name)
                    body = {"kind": "render", "identity": name}
                    self.control.internally("POST", "/internal/v1/nodes/leave", json=body)
                self.known = ready

    def nodes(self) -> dict[str, JSON]:
        """What the control node says of the nodes of pods that are there."""
        told = self.control.internally("GET", "/internal/v1/scaling").json()["nodes"]
        return {one["identity"]: one for one in told if one["identity"] in self.known}

    def sign_in(self, count: int) -> None:
        for _ in range(count):
            self.browsers[next(self.numbers)] = self.control.signed_in()  # sessions are numbered in this order

    def place(self) -> dict[str, list[int]]:
        """Open the streams of all sessions, as their pages would; returns the sessions of each node."""
        placement = Placement(self.control.units, system_clock)
        placed: dict[str, list[int]] = {}
        for session in self.browsers:
            name = placement.render_node(SessionId(session)).identity
            placed.setdefault(str(name), []).append(session)
        return placed

    def sign_out(self, session: int) -> None:
        assert self.browsers.pop(session).post("/v2/auth/sign-out").status_code < 300


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as found, running_fake_kubelet(found):
        found.kubectl("create", "namespace", NAMESPACE)
        yield found


@pytest.fixture(scope="module")
def house(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "control.db"))
    with contextlib.contextmanager(start_control)(folder / "control", database) as control:
        found = House(plane, control)
        found.helm("install", packaged(folder, "0.9.0"))
        thread = threading.Thread(target=found.beat_for_pods, name="render-pods")
        thread.start()
        try:
            yield found
        finally:
            found.stop.set()
            thread.join()


@pytest.fixture(scope="module")
def controller(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControllerProcess]:
    """The controller with the rights and the settings that the chart gives it."""
    folder = tmp_path_factory.mktemp("controller")
    pod = house.plane.get("deployment", ACCOUNT, "-n", NAMESPACE)["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == ACCOUNT
    prefix = "WEBVIEWER_CONTROLLER_"
    given = {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}
    settings: dict[str, object] = {
        name.removeprefix(prefix).lower(): value for name, value in given.items() if name.startswith(prefix)
    }
    assert {"deployment", "selector", "lease", "namespace", "maximum", "drain_limit_s"} <= set(settings)
    settings = {name: value for name, value in settings.items() if name not in {"host", "port"}}
    kubeconfig = house.plane.kubeconfig_of(ACCOUNT, NAMESPACE)
    with running_controller(
        folder, "one", kubeconfig, house.control.internal, settings, token=INTERNAL_TOKEN
    ) as process:
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
    assert house.plane.get("jobs", "-n", NAMESPACE)["items"] == []  # the migration was a hook and has succeeded


def test_the_pool_follows_the_sessions_up_and_down_and_through_an_upgrade(
    house: House, controller: ControllerProcess, tmp_path: Path
) -> None:
    eventually(lambda: controller.state() == "acting", 30.0, "the controller")
    assert house.plane.get("lease", ACCOUNT, "-n", NAMESPACE)["spec"]["holderIdentity"] == "one"
    eventually(lambda: house.has(1), 30.0, "the first render node")

    # up: a session stays where it was placed, so the next nodes fill with those who come later
    for doctors, replicas in ((7, 3), (6, 4), (3, 4)):
        house.sign_in(doctors)
        placed = house.place()
        eventually(partial(house.has, replicas), 30.0, f"{replicas} replicas and as many render nodes")
    a, b, c, d = sorted(placed, key=lambda name: len(placed[name]))
    assert [len(placed[name]) for name in (a, b, c, d)] == [3, 3, 3, 7]

    # down: doctors leave until the nodes hold 0, 1, 2 and 3 of them
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
    assert house.plane.get("lease", ACCOUNT, "-n", NAMESPACE)["spec"].get("holderIdentity", "") == ""
    assert controller.events("round_failed") == []
