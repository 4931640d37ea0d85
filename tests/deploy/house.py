"""The chart installed in a real control plane, with our real control node and the heartbeats of its render pods."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deploy.control_plane import ControlPlane
from tests.deploy.controller_process import ROOT, ControllerProcess, running_controller
from tests.support.http_client import INTERNAL_TOKEN, Browser, ControlServer, start_control
from webviewer.accounts import SessionId
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.usecases.clock import system_clock
from webviewer.usecases.placement import Placement

NAMESPACE, RELEASE = "hospital", "house"
RENDER, ACCOUNT = f"{RELEASE}-web-viewer-render-node", f"{RELEASE}-web-viewer-controller"
COST = "controller.kubernetes.io/pod-deletion-cost"
SCALING = {"targetSessions": 6, "minimum": 1, "maximum": 6, "warmSpare": 1, "scaleDownDelayS": 15, "intervalS": 1}
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

    @property
    def lease(self) -> JSON:
        """Who holds the Lease, and how often it went over."""
        return dict(self.plane.get("lease", ACCOUNT, "-n", NAMESPACE)["spec"])

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

    @contextmanager
    def controller(self, folder: Path, name: str) -> Iterator[ControllerProcess]:
        """A controller with the rights and the settings that the chart gives it."""
        pod = self.plane.get("deployment", ACCOUNT, "-n", NAMESPACE)["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == ACCOUNT
        prefix = "WEBVIEWER_CONTROLLER_"
        given = {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}
        settings: dict[str, object] = {
            key.removeprefix(prefix).lower(): value for key, value in given.items() if key.startswith(prefix)
        }
        assert {"deployment", "selector", "lease", "namespace", "maximum", "drain_limit_s"} <= set(settings)
        settings = {key: value for key, value in settings.items() if key not in {"host", "port"}}
        kubeconfig = self.plane.kubeconfig_of(ACCOUNT, NAMESPACE)
        with running_controller(
            folder, name, kubeconfig, self.control.internal, settings, token=INTERNAL_TOKEN
        ) as process:
            yield process


@contextmanager
def installed_house(plane: ControlPlane, folder: Path) -> Iterator[House]:
    """Install the chart as it is, and be its render pods until the end."""
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "control.db"))
    with contextmanager(start_control)(folder / "control", database) as control:
        found = House(plane, control)
        found.helm("install", packaged(folder, "0.9.0"))
        thread = threading.Thread(target=found.beat_for_pods, name="render-pods")
        thread.start()
        try:
            yield found
        finally:
            found.stop.set()
            thread.join()
