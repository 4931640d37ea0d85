"""With what the chart gives them the processes start, find one another, become ready, and stop when they are told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.deploy import chart
from tests.deploy.chart_processes import JOIN_SECRET, Running, lay_out, resident_bytes, run_to_the_end, running
from tests.deploy.chart_requests import quantity
from tests.support.databases import PostgresqlServer, postgresql_server  # noqa: F401  a fixture
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.prove

BEARER = {"Authorization": f"Bearer {JOIN_SECRET}"}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def _pod(kind: str, component: str) -> dict[str, Any]:
    values = {"functions": {"mode": "single"}} if component == "functions" else chart.ci("tryout")
    pod = chart.find(chart.objects(values), kind, component)["spec"]["template"]["spec"]
    assert isinstance(pod, dict)
    return pod


@pytest.fixture
def house(postgresql_server: PostgresqlServer, tmp_path: Path) -> Iterator[dict[str, Running]]:  # noqa: F811
    """Run the migration, two functions, the Deployment of all functions, a storage node and a render node."""
    lay_out(tmp_path)
    [job] = [one for one in chart.objects(chart.ci("tryout")) if one["kind"] == "Job"]
    for step in chart.containers(job["spec"]["template"]):
        run_to_the_end(step, tmp_path, postgresql_server.port)
    functions = ("nodes", "auth", "functions")
    names = (*functions, *(f"{name} internal" for name in functions), "8081", "3000", "8080")
    ports = {name: free_port() for name in names}
    control_url = f"http://127.0.0.1:{ports['nodes internal']}"
    with ExitStack() as stack:
        house: dict[str, Running] = {}

        def start(
            kind: str, component: str, own: dict[int, int], other: dict[str, str], fields: dict[str, str]
        ) -> None:
            folder = tmp_path / component
            folder.mkdir()
            lay_out(folder)
            [container] = _pod(kind, component)["containers"]
            process = running(container, folder, postgresql_server.port, ports=own, other=other, fields=fields)
            house[component] = stack.enter_context(process)

        for function in functions:
            own = {8090: ports[function], 8091: ports[f"{function} internal"]}
            other = {
                "WEBVIEWER_HOST": "127.0.0.1",
                "WEBVIEWER_PORT": str(own[8090]),
                "WEBVIEWER_INTERNAL_HOST": "127.0.0.1",
                "WEBVIEWER_INTERNAL_PORT": str(own[8091]),
            }
            start("Deployment", function, own, other, {})
        other = {
            "WEBVIEWER_CONTROL_URL": control_url,
            "WEBVIEWER_NODE_ADDRESS": f"http://127.0.0.1:{ports['8081']}",
            "WEBVIEWER_STORAGE": str(tmp_path / "objects"),
            "WEBVIEWER_STORAGE_HOST": "127.0.0.1",
            "WEBVIEWER_STORAGE_PORT": str(ports["8081"]),
            "WEBVIEWER_DICOM_HOST": "127.0.0.1",
            "WEBVIEWER_DICOM_PORT": str(ports["3000"]),
        }
        name = f"{chart.FULL_NAME}-storage-node-0"
        own = {8081: ports["8081"], 3000: ports["3000"]}
        start("StatefulSet", "storage-node", own, other, {"metadata.name": name})
        other = {
            "WEBVIEWER_CONTROL_URL": control_url,
            "WEBVIEWER_NODE_ADDRESS": f"http://127.0.0.1:{ports['8080']}",
            "WEBVIEWER_RENDER_HOST": "127.0.0.1",
            "WEBVIEWER_RENDER_PORT": str(ports["8080"]),
        }
        fields = {"metadata.name": "render-pod-1", "status.podIP": "127.0.0.1"}
        start("Deployment", "render-node", {8080: ports["8080"]}, other, fields)
        yield house


def test_pods_start_become_ready_and_stop(house: dict[str, Running]) -> None:
    for component, pod in house.items():
        for probe in PROBES:
            eventually(lambda pod=pod, probe=probe: pod.passes(probe), 60, f"{probe} of {component}")  # type: ignore[misc]

    control = f"http://127.0.0.1:{house['nodes'].port('internal')}"
    scaling = requests.get(f"{control}/internal/v1/scaling", headers=BEARER, timeout=10).json()
    assert [(node["identity"], node["online"]) for node in scaling["nodes"]] == [("render-pod-1", True)]
    for component, pod in house.items():  # as the ServiceMonitor reads them, who knows no secret
        url = f"http://127.0.0.1:{pod.port('internal')}/metrics"
        assert requests.get(url, timeout=10).status_code == 200, component

    for component, pod in house.items():  # at rest; what a pod takes beyond its request may be taken back from it
        asked = quantity(pod.container["resources"]["requests"]["memory"])
        assert resident_bytes(pod.process.pid) <= asked, component

    for component in ("render-node", "storage-node", "functions", "auth", "nodes"):
        pod = house[component]
        pod.process.send_signal(signal.SIGTERM)
        kind = "StatefulSet" if component == "storage-node" else "Deployment"
        grace_s = _pod(kind, component)["terminationGracePeriodSeconds"]
        assert pod.process.wait(grace_s) == 0, pod.log.read_text()
        if component == "render-node":
            scaling = requests.get(f"{control}/internal/v1/scaling", headers=BEARER, timeout=10).json()
            assert [node["online"] for node in scaling["nodes"]] == [False], "it signs off before it goes"
        assert "0123456789abcdef" not in pod.log.read_text()
        assert "secret of" not in pod.log.read_text()
