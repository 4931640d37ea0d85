"""The trial system in a real Kubernetes API: its passwords and data outlive upgrades and the release: `make prove-k8s`.

Real are the API server, helm and the controllers; the machines are `tests.deploy.fake_kubelet`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.deploy import chart
from tests.deploy.control_plane import ControlPlane, running_control_plane
from tests.deploy.fake_kubelet import running_fake_kubelet
from tests.deploy.test_kubernetes_upgrade import names, settled
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.kubernetes, pytest.mark.timeout(5400)]

FUNCTIONS = ("admin", "auth", "events", "nodes", "render", "settings", "studies")
WAIT = ("--wait", "--timeout", "5m")
SINGLE, APART = ("--set", "functions.mode=single"), ("--set", "functions.mode=deployment")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as found, running_fake_kubelet(found):
        yield found


def helm(plane: ControlPlane, command: str, namespace: str, *values: str) -> str:
    return plane.helm(command, chart.RELEASE, str(chart.CHART), "-n", namespace, *values, *WAIT)


def passwords(plane: ControlPlane, namespace: str) -> dict[str, str]:
    """Return what the Secret holds."""
    return dict(plane.get("secret", "web-viewer", "-n", namespace)["data"])


def behind(plane: ControlPlane, namespace: str, function: str) -> set[str]:
    """Return the components of the pods that a function's Service leads to."""
    service = plane.get("service", f"{chart.FULL_NAME}-{function}", "-n", namespace)
    wanted = ",".join(f"{name}={value}" for name, value in service["spec"]["selector"].items())
    pods = plane.get("pods", "-n", namespace, "-l", wanted)["items"]
    return {chart.component_of(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def test_a_trial_keeps_data_and_passwords_through_upgrades_modes_and_its_own_end(plane: ControlPlane) -> None:
    namespace = "trial"
    plane.kubectl("create", "namespace", namespace)
    said = helm(plane, "install", namespace)
    assert "THIS IS A TRIAL SYSTEM" in said
    eventually(lambda: settled(plane, namespace), 60.0, "the trial system")
    first, claims = passwords(plane, namespace), names(plane, "pvc", namespace)
    assert len(set(first.values())) == 4
    assert set(claims) == {f"data-{chart.FULL_NAME}-{part}-0" for part in ("postgresql", "storage-node")}
    assert not any(word in said for word in first.values())

    for mode, component in ((SINGLE, "functions"), (APART, None)):
        helm(plane, "upgrade", namespace, *mode)
        eventually(lambda: settled(plane, namespace), 60.0, f"the mode {mode}")
        assert passwords(plane, namespace) == first
        assert names(plane, "pvc", namespace) == claims
        for function in FUNCTIONS:
            wanted = {component or function}
            eventually(
                lambda function=function, wanted=wanted: behind(plane, namespace, function) == wanted,  # type: ignore[misc]
                30.0,
                f"the pods of {function}",
            )

    gone = plane.helm("uninstall", chart.RELEASE, "-n", namespace, *WAIT)
    assert "web-viewer" in gone  # Helm names the Secret that it keeps
    assert names(plane, "pvc", namespace) == claims
    assert passwords(plane, namespace) == first
    helm(plane, "install", namespace)
    eventually(lambda: settled(plane, namespace), 60.0, "the trial system once more")
    assert passwords(plane, namespace) == first
    assert names(plane, "pvc", namespace) == claims

    plane.helm("uninstall", chart.RELEASE, "-n", namespace, *WAIT)
    plane.kubectl(
        "delete", "pvc,secret", "-n", namespace, "-l", f"app.kubernetes.io/instance={chart.RELEASE}", "--wait=false"
    )
    assert [one["metadata"]["name"] for one in plane.get("secrets", "-n", namespace)["items"]] == []


def test_a_secret_made_by_hand_is_used_as_it_is_and_a_missing_key_is_named(plane: ControlPlane) -> None:
    namespace = "by-hand"
    plane.kubectl("create", "namespace", namespace)
    keys = [one["key"] for one in chart.default_values()["secrets"].values()]
    made = [f"--from-literal={key}={key} of mine" for key in keys]
    plane.kubectl("create", "secret", "generic", "web-viewer", "-n", namespace, *made[:-1])
    with pytest.raises(AssertionError, match=f'made by somebody else, and has no key "{keys[-1]}"'):
        helm(plane, "install", namespace)
    plane.kubectl("delete", "secret", "web-viewer", "-n", namespace)
    plane.kubectl("create", "secret", "generic", "web-viewer", "-n", namespace, *made)
    before = plane.get("secret", "web-viewer", "-n", namespace)
    helm(plane, "install", namespace)
    helm(plane, "upgrade", namespace)
    assert plane.get("secret", "web-viewer", "-n", namespace) == before


def test_an_upgrade_that_forgot_its_values_does_not_begin_an_empty_trial(plane: ControlPlane) -> None:
    namespace = "forgotten"
    plane.kubectl("create", "namespace", namespace)
    helm(plane, "install", namespace, "--set", "database.host=postgresql.example.org")
    before = names(plane, "pods", namespace)
    with pytest.raises(AssertionError, match=r'this release has its databases on "postgresql\.example\.org"'):
        helm(plane, "upgrade", namespace, "--set", "log.level=debug")  # without any value Helm takes the former ones
    assert names(plane, "pods", namespace) == before
    assert (
        json.loads(plane.kubectl("get", "secrets", "-n", namespace, "-l", "app.kubernetes.io/name", "-o", "json"))[
            "items"
        ]
        == []
    )
