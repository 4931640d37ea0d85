"""The controller's process: two of them, one lease; signals, probes, outages, wrong settings."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.control_standin import TOKEN, ControlStandin, running_control_standin
from tests.deploy.controller_process import ROOT, running_controller
from tests.deploy.kubernetes_standin import NAMESPACE, Standin, running_standin
from tests.support.waiting import eventually

SETTINGS = {
    "namespace": NAMESPACE,
    "deployment": "render",
    "lease": "controller",
    "target_sessions": 10,
    "minimum": 1,
    "maximum": 8,
    "warm_spare": 0,
    "scale_down_delay_s": 0,
    "interval_s": 1,
}


@pytest.fixture
def standin() -> Iterator[Standin]:
    with running_standin() as found:
        yield found


@pytest.fixture
def control() -> Iterator[ControlStandin]:
    with running_control_standin() as found:
        yield found


@pytest.fixture
def kubeconfig(standin: Standin, tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(standin.kubeconfig()))
    return file


def holder(standin: Standin) -> str:
    return str(standin.object("coordination.k8s.io/v1/leases", "controller")["spec"]["holderIdentity"])


def test_one_of_two_acts_and_the_other_follows_at_once_when_it_is_asked_to_stop(
    standin: Standin, control: ControlStandin, kubeconfig: Path, tmp_path: Path
) -> None:
    standin.add_deployment(1)
    standin.add_pod("a")
    control.add("a", 4)
    with running_controller(tmp_path, "one", kubeconfig, control.url, SETTINGS) as one:
        eventually(lambda: one.state() == "acting", what="the first controller")
        with running_controller(tmp_path, "two", kubeconfig, control.url, SETTINGS) as two:
            eventually(lambda: two.state() == "standby", what="the second controller")
            control.waiting = 21
            eventually(lambda: standin.replicas == 3, what="replicas")
            assert (one.metric("replicas"), one.metric("sessions"), one.metric("nodes_needed")) == (3, 25, 3)
            assert (one.metric("acting"), two.metric("acting")) == (1, 0)
            assert one.stop() == 0
            assert holder(standin) in {"", "two"}
            eventually(lambda: two.state() == "acting", 10.0, "the second controller")  # a lease lasts 15 s
            assert holder(standin) == "two"
            control.waiting = 31
            eventually(lambda: standin.replicas == 4, what="replicas")
            assert two.stop(signal.SIGINT) == 0
    plans = one.events("pool_plan")
    assert [(plan["replicas_before"], plan["replicas"]) for plan in plans] == [(1, 3)]
    assert plans[0]["reason"] == "25 sessions need 3 nodes, 1 serve: 2 started"
    assert TOKEN not in one.log.read_text() + two.log.read_text()


def test_it_lives_through_outages_and_says_so(
    standin: Standin, control: ControlStandin, kubeconfig: Path, tmp_path: Path
) -> None:
    standin.add_deployment(1)
    standin.add_pod("a")
    control.add("a", 4)
    with running_controller(tmp_path, "one", kubeconfig, control.url, SETTINGS) as one:
        eventually(lambda: one.state() == "acting", what="state")
        control.broken = "down"
        control.waiting = 50
        eventually(lambda: one.state() == "failing", what="state")
        status, body = one.get("/internal/v1/health")
        assert status == 200  # starting it again would mend nothing
        assert json.loads(body) == {"alive": True, "state": "failing", "reason": "The database does not answer."}
        assert standin.replicas == 1
        control.broken = ""
        standin.emulator.refuse = lambda _: 500
        eventually(lambda: "Kubernetes" in one.get("/internal/v1/health")[1].decode(), what="state")
        standin.emulator.refuse = lambda _: None
        eventually(lambda: standin.replicas == 6, what="replicas")
        eventually(lambda: one.events("rounds_go_on"), what="log")
        failures = one.events("round_failed")
        assert [line["next_in_s"] for line in failures[:2]] == [1.0, 2.0]
        assert one.get("/internal/v1/other")[0] == 404


def start(environ: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "renderpool.controller.main"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_wrong_settings_are_refused_in_words(standin: Standin, kubeconfig: Path) -> None:
    good = {
        "WEBVIEWER_INTERNAL_TOKEN": TOKEN,
        "WEBVIEWER_CONTROL_URL": "http://127.0.0.1:1",
        "KUBECONFIG": str(kubeconfig),
        "WEBVIEWER_LOG_TO_CONSOLE": "false",
        "WEBVIEWER_LOG_FILE": "/dev/null",
    }
    cases = [
        ({**good, "WEBVIEWER_INTERNAL_TOKEN": ""}, 3, "There is no join secret"),
        ({**good, "WEBVIEWER_CONTROL_URL": ""}, 3, "WEBVIEWER_CONTROL_URL is not set"),
        ({**good, "KUBECONFIG": "/nonexistent/config"}, 3, "neither a service account nor a kubeconfig"),
        ({**good, "WEBVIEWER_CONTROLLER_MINIMUM": "20"}, 3, "the minimum must not be more than the maximum"),
        ({**good, "WEBVIEWER_CONTROLLER_PORT": standin.url.rpartition(":")[2]}, 4, "Address already in use"),
    ]
    started = [start(environ) for environ, _, _ in cases]
    for process, (_, code, words) in zip(started, cases, strict=True):
        said = process.communicate(timeout=60)[1]
        assert (process.returncode, words in said) == (code, True), (words, said)


def test_it_says_its_version() -> None:
    command = [sys.executable, "-m", "renderpool.controller.main", "-v"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("RenderController ")
