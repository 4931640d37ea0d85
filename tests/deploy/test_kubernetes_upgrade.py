"""An upgrade from each earlier version of the chart, kept in ``tests/deploy/charts``, to this one: `make prove-k8s`.

A real API server refuses what may not change (selectors, volumes of a StatefulSet, a Job's pod), and real controllers
replace the pods; the machines are `tests.deploy.fake_kubelet`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import chart
from tests.deploy.control_plane import ControlPlane, running_control_plane
from tests.deploy.fake_kubelet import running_fake_kubelet
from tests.deploy.house import packaged
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.kubernetes, pytest.mark.timeout(5400)]

EARLIER = sorted((Path(__file__).parent / "charts").glob("web-viewer-*.tgz"))
RENDER = f"deployment/{chart.FULL_NAME}-render-node"
# what UPGRADE.md tells those who come from a version that called these alike in every release
CALLED_ALIKE: chart.Values = {
    "database": {
        "control": {"name": "web-viewer-control", "user": "web-viewer-control"},
        "storage": {"user": "web-viewer-storage"},
    }
}
# a trial system of before 1.2.0, whose Secret somebody made by hand
TRYOUT: chart.Values = {
    "database": {"master": {"enabled": True}},
    "postgresql": {"enabled": True},
    "functions": {"secureCookie": False},
}
KEYS = ("internal-token", "control-database-password", "storage-database-password", "master-database-password")
OURS = f"app.kubernetes.io/instance={chart.RELEASE}"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as found, running_fake_kubelet(found):
        yield found


def names(plane: ControlPlane, kinds: str, namespace: str) -> dict[str, str]:
    """UIDs by name."""
    found = plane.get(kinds, "-n", namespace, "-l", OURS)["items"]
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in found}


def migrations(plane: ControlPlane, namespace: str) -> int:
    """How many migrations have succeeded, gone ones too."""
    events = plane.get("events", "-n", namespace)["items"]
    return sum(1 for one in events if one["involvedObject"]["kind"] == "Job" and one["reason"] == "Completed")


def settled(plane: ControlPlane, namespace: str) -> bool:
    """Whether every workload has its pods, all of the newest template."""
    found: list[Any] = plane.get("deployments,statefulsets", "-n", namespace)["items"]
    return all(
        one["status"].get("updatedReplicas") == one["status"].get("readyReplicas") == one["spec"]["replicas"]
        and one["status"]["observedGeneration"] == one["metadata"]["generation"]
        for one in found
    )


def test_there_is_an_earlier_chart() -> None:
    assert EARLIER
    current = chart.load((chart.CHART / "Chart.yaml").read_text())["version"]
    assert current not in {file.stem.removeprefix("web-viewer-") for file in EARLIER}, "raise the chart's version"


@pytest.mark.parametrize("case", ["default", "dicom", "tryout", "fixed-pool"])
@pytest.mark.parametrize("earlier", EARLIER, ids=lambda file: file.stem)
def test_an_upgrade_keeps_data_and_size(earlier: Path, case: str, plane: ControlPlane, tmp_path: Path) -> None:
    namespace = f"{case}-{earlier.stem.replace('.', '-')}"
    plane.kubectl("create", "namespace", namespace)
    values = tmp_path / "values.json"
    given = TRYOUT if case == "tryout" else chart.ci(case)
    values.write_text(json.dumps(given))
    literals = [f"--from-literal={key}=made by hand: {key}" for key in KEYS]
    plane.kubectl("create", "secret", "generic", "web-viewer", "-n", namespace, *literals)
    secret = plane.get("secret", "web-viewer", "-n", namespace)
    common = (chart.RELEASE, "-n", namespace, "-f", str(values), "--wait", "--timeout", "5m")
    plane.helm("install", *common, str(earlier))
    eventually(lambda: settled(plane, namespace), 60.0, "the earlier version")
    fixed = case == "fixed-pool"
    size = 4 if fixed else 3
    if not fixed:
        plane.kubectl("scale", RENDER, "--replicas=3", "-n", namespace)  # as the controller would
        eventually(lambda: settled(plane, namespace), 60.0, "three render nodes")
    claims, pods, ran = names(plane, "pvc", namespace), names(plane, "pods", namespace), migrations(plane, namespace)
    assert claims
    assert ran == 1

    newest = str(packaged(tmp_path, "99.0.0"))
    if earlier.stem == "web-viewer-1.0.0":
        with pytest.raises(AssertionError, match=r'database\.control\.name is empty, .* has "web-viewer-control"'):
            plane.helm("upgrade", *common, newest)
        assert names(plane, "pods", namespace) == pods
        values.write_text(json.dumps(chart.merged(given, CALLED_ALIKE)))
    plane.helm("upgrade", *common, newest)
    eventually(lambda: settled(plane, namespace), 60.0, "this version")
    assert names(plane, "pvc", namespace) == claims  # patients' studies are where they were
    assert plane.get(RENDER, "-n", namespace)["spec"]["replicas"] == size
    assert migrations(plane, namespace) == 2
    same = {name for name, uid in names(plane, "pods", namespace).items() if pods.get(name) == uid}
    assert same - finished(plane, namespace) <= {f"{chart.FULL_NAME}-postgresql-0"}  # nothing of ours is in it
    assert plane.get("secret", "web-viewer", "-n", namespace) == secret  # not ours to change
    left = {one["metadata"]["name"] for one in chart.objects(given) if one["kind"] == "NetworkPolicy"}
    assert set(names(plane, "networkpolicies", namespace)) <= left  # nothing of the earlier one stays in force

    plane.helm("uninstall", chart.RELEASE, "-n", namespace, "--wait", "--timeout", "5m")
    kept = names(plane, "pvc", namespace)
    assert {name: uid for name, uid in claims.items() if "storage-node" in name}.items() <= kept.items()


def finished(plane: ControlPlane, namespace: str) -> set[str]:
    """Pods that have done their work and stay to be looked at."""
    found = plane.get("pods", "-n", namespace, "-l", OURS)["items"]
    return {one["metadata"]["name"] for one in found if one["status"].get("phase") == "Succeeded"}
