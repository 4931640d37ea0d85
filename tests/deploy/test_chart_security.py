"""No pod may more than it must, no secret is in the chart, and every object selects what it should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy import chart

CASES = chart.ci_names()
WITH_TOKEN = {"controller"}
SECRETS_OF = {
    "nginx": set(),
    "postgresql": {"master-password"},
    "migration": {"control-password", "storage-password", "master-password"},
    "storage-node": {"internal-token", "database-password"},
    "render-node": {"internal-token"},
    "controller": {"internal-token"},
}  # of functions: internal-token and database-password


def is_trial(case: str) -> bool:
    """Say whether a case has no database server of its own."""
    return "host" not in chart.ci(case).get("database", {})


def images_user(component: str, case: str) -> int:
    if component == "postgresql":
        return 999
    return 1000660000 if case == "pinned" else 10001


@pytest.mark.parametrize("case", CASES)
def test_no_container_may_more_than_it_must(case: str) -> None:
    seen = 0
    for workload, pod in chart.pods(chart.objects(chart.ci(case))):
        component, spec = chart.component_of(workload), pod["spec"]
        user = images_user(component, case)
        assert spec["automountServiceAccountToken"] is (component in WITH_TOKEN)
        assert spec.get("serviceAccountName", "").endswith("-controller") is (component in WITH_TOKEN)
        assert spec["enableServiceLinks"] is False, "a Service `webviewer` would set WEBVIEWER_PORT"
        for forbidden in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
            assert forbidden not in spec
        if workload["kind"] != "Service":  # Knative takes none
            assert spec["securityContext"] == {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "fsGroup": user,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            }
        for container in chart.containers(pod):
            seen += 1
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
            assert "memory" in container["resources"]["limits"]
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "tmp" in {mount["name"] for mount in container["volumeMounts"]}
        for volume in spec["volumes"]:
            assert set(volume) - {"name"} <= {"projected", "emptyDir", "configMap"}
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"]
    assert seen > 8


@pytest.mark.parametrize("case", CASES)
def test_long_running_containers_have_probes(case: str) -> None:
    for workload, pod in chart.pods(chart.objects(chart.ci(case))):
        if workload["kind"] == "Job":
            continue
        probes = {"livenessProbe", "readinessProbe"} | ({"startupProbe"} if workload["kind"] != "Service" else set())
        for container in pod["spec"]["containers"]:
            assert probes <= set(container), f"{chart.component_of(workload)} lacks {probes - set(container)}"


@pytest.mark.parametrize("case", CASES)
def test_each_pod_gets_the_secrets_that_it_needs(case: str) -> None:
    values = chart.ci(case)
    master = is_trial(case) or values.get("database", {}).get("master", {}).get("enabled", False)
    for workload, pod in chart.pods(chart.objects(values)):
        component = chart.component_of(workload)
        wanted = SECRETS_OF.get(component, {"internal-token", "database-password"})
        if component == "migration" and not master:
            wanted = wanted - {"master-password"}
        found = {
            item["path"]
            for volume in pod["spec"]["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"]["items"]
        }
        assert found - {"database-ca.crt"} == wanted
        for volume in pod["spec"]["volumes"]:
            if "projected" in volume:
                readable_by_all = 0o444 if workload["kind"] == "Service" else 0o440
                assert volume["projected"]["defaultMode"] == readable_by_all


@pytest.mark.parametrize("case", CASES)
def test_no_secret_is_in_what_is_rendered_but_the_random_one_of_a_trial(case: str) -> None:
    rendered = chart.objects(chart.ci(case))
    assert ("Secret" in {document["kind"] for document in rendered}) is is_trial(case)
    for _, pod in chart.pods(rendered):
        for container in chart.containers(pod):
            for entry in container.get("env", []):
                assert "secretKeyRef" not in str(entry), "a variable is seen by whoever may look at the pod"
                if re.search("PASSWORD|TOKEN|SECRET", entry["name"]):
                    assert entry["name"].endswith("_FILE")
            assert not re.search(
                "password|token", " ".join(container.get("command", [])).lower().replace("internal-token", "")
            )


def test_only_the_trial_system_makes_a_secret_and_looks_one_up() -> None:
    for file in (chart.CHART / "templates").rglob("*"):
        if file.is_file() and file.name != "secret.yaml":
            assert not re.search(
                r"\blookup\s(?!\"apps/v1\")|\brand(AlphaNum|Alpha|Ascii|Numeric|Bytes)?\s|genPrivateKey|htpasswd",
                file.read_text(),
            )


def _selectors(document: chart.Manifest) -> Iterator[tuple[str, dict[str, str]]]:
    spec = document.get("spec", {})
    if document["kind"] in {"Deployment", "StatefulSet", "PodDisruptionBudget", "ServiceMonitor"}:
        yield document["kind"], spec["selector"]["matchLabels"]
    elif document["kind"] == "Service" and document["apiVersion"] == "v1":
        yield "Service", spec["selector"]
    elif document["kind"] == "NetworkPolicy":
        yield "NetworkPolicy", spec["podSelector"]["matchLabels"]


@pytest.mark.parametrize("case", CASES)
def test_selectors_find_pods_and_hold_nothing_that_changes(case: str) -> None:
    rendered = chart.objects(chart.ci(case))
    labels = [(chart.component_of(pod), pod["metadata"]["labels"]) for _, pod in chart.pods(rendered)]
    for document in rendered:
        for kind, selector in _selectors(document):
            assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(selector)
            if kind == "ServiceMonitor":
                continue
            wanted = {name: value for name, value in selector.items() if name != "statefulset.kubernetes.io/pod-name"}
            found = {component for component, own in labels if wanted.items() <= own.items()}
            own_component = wanted.get("app.kubernetes.io/component")
            assert found == {own_component} if own_component else len(found) > 5
    for _, own in labels:
        assert "helm.sh/chart" not in own, "a new version of the chart alone would start every pod again"


@pytest.mark.parametrize("case", CASES)
def test_ports_are_named_the_same_on_both_sides_and_say_tcp(case: str) -> None:
    rendered = chart.objects(chart.ci(case))
    pods = [pod for _, pod in chart.pods(rendered)]
    for pod in pods:
        for container in chart.containers(pod):
            for port in container.get("ports", []):
                assert port["protocol"] == "TCP"
    for document in rendered:
        if document["kind"] != "Service" or document["apiVersion"] != "v1":
            continue
        selector = dict(document["spec"]["selector"])
        selector.pop("statefulset.kubernetes.io/pod-name", None)
        behind = [pod for pod in pods if selector.items() <= pod["metadata"]["labels"].items()]
        assert behind
        for port in document["spec"]["ports"]:
            assert port["protocol"] == "TCP"
            for pod in behind:
                assert port["targetPort"] in {
                    own["name"] for one in chart.containers(pod) for own in one.get("ports", [])
                }


@pytest.mark.parametrize("case", CASES)
def test_nginx_asks_only_services_that_there_are(case: str) -> None:
    rendered = chart.objects(chart.ci(case))
    ports: dict[str, set[int]] = {}
    for document in rendered:
        if document["kind"] == "Service":
            name = document["metadata"]["name"]
            if document["apiVersion"] == "v1":
                ports[name] = {port["port"] for port in document["spec"]["ports"]}
            else:
                ports[f"{name}.{chart.NAMESPACE}.svc"] = {80}
    conf = chart.find(rendered, "ConfigMap", "nginx")["data"]["nginx.conf"]
    asked = re.findall(r"^\s+server ([a-z0-9.-]+):(\d+)", conf, re.MULTILINE)
    assert len(asked) >= 12
    for name, port in asked:
        assert int(port) in ports[name]
    deployment = chart.find(rendered, "Deployment", "nginx")
    assert re.fullmatch("[0-9a-f]{64}", deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"])


def test_a_new_configuration_means_new_pods() -> None:
    def checksum(values: chart.Values) -> Any:
        pod = chart.find(chart.objects(values), "Deployment", "nginx")["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/config"]

    case = chart.ci("default")
    assert checksum(case) != checksum(chart.merged(case, {"nginx": {"workers": 7}}))
    assert checksum(case) == checksum(chart.merged(case, {"nginx": {"replicas": 7}}))


@pytest.mark.parametrize("case", CASES)
def test_disruption_budgets_cover_what_runs(case: str) -> None:
    rendered = chart.objects(chart.ci(case))
    covered = {chart.component_of(one) for one in rendered if one["kind"] == "PodDisruptionBudget"}
    running = {chart.component_of(one) for one in rendered if one["kind"] in {"Deployment", "StatefulSet"}}
    assert covered == (set() if case == "bare" else running - {"postgresql"})


def test_a_modality_reaches_one_storage_node() -> None:
    rendered = chart.objects(chart.ci("dicom"))
    services = [chart.find(rendered, "Service", f"dicom-{number}") for number in range(3)]
    for number, service in enumerate(services):
        spec = service["spec"]
        assert spec["selector"]["statefulset.kubernetes.io/pod-name"] == f"{chart.FULL_NAME}-storage-node-{number}"
        assert (spec["type"], spec["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
        assert spec["loadBalancerClass"] == "example.org/internal"
        assert spec["ports"][0]["port"] == 104
        assert service["metadata"]["annotations"]["example.org/internal"] == "true"
    assert services[1]["metadata"]["annotations"]["example.org/address"] == "10.20.9.11"
    assert services[1]["spec"]["ports"][0]["nodePort"] == 30104
    assert "nodePort" not in services[2]["spec"]["ports"][0]


def test_claims_stay_and_hold_nothing_that_changes() -> None:
    spec = chart.find(chart.objects(chart.ci("dicom")), "StatefulSet", "storage-node")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    [claim] = spec["volumeClaimTemplates"]
    assert "helm.sh/chart" not in claim["metadata"]["labels"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Ti"
    assert spec["serviceName"] == f"{chart.FULL_NAME}-storage-node"


def test_with_an_own_server_the_migration_is_a_hook_that_needs_nothing_of_the_release() -> None:
    values = chart.merged(chart.ci("dicom"), {"database": {"master": {"enabled": True}}})
    rendered = chart.objects(values)
    job = chart.find(rendered, "Job", "migration")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    policy = chart.find(rendered, "NetworkPolicy", "migration")
    weights = [int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for one in (policy, job)]
    assert weights == sorted(weights)
    pod = job["spec"]["template"]["spec"]
    assert not [volume for volume in pod["volumes"] if "configMap" in volume]
    assert "serviceAccountName" not in pod
    names = [
        chart.environment(container, {})["WEBVIEWER_DATABASE_NAME"] for container in chart.containers({"spec": pod})
    ]
    assert names == [f"{chart.FULL_NAME}-control", *(f"{chart.FULL_NAME}-storage-node-{number}" for number in range(3))]


def test_with_the_charts_server_the_migration_is_a_job_that_no_hook_waits_for() -> None:
    rendered = chart.objects(chart.ci("tryout"))
    assert "helm.sh/hook" not in str(rendered)
    [job] = [one for one in rendered if one["kind"] == "Job"]
    more = chart.merged(chart.ci("tryout"), {"storage": {"replicas": 2}})
    [other] = [one for one in chart.objects(more) if one["kind"] == "Job"]
    assert job["metadata"]["name"] != other["metadata"]["name"], "a Job cannot be changed"


def test_the_storage_nodes_and_the_migration_mean_the_same_databases() -> None:
    rendered = chart.objects(chart.ci("dicom"))
    node = chart.find(rendered, "StatefulSet", "storage-node")["spec"]["template"]["spec"]["containers"][0]
    job = chart.find(rendered, "Job", "migration")["spec"]["template"]
    migrated = {chart.environment(one, {})["WEBVIEWER_DATABASE_NAME"] for one in chart.containers(job)}
    for number in range(3):
        pod_name = f"{chart.FULL_NAME}-storage-node-{number}"
        assert chart.environment(node, {"metadata.name": pod_name})["WEBVIEWER_DATABASE_NAME"] in migrated


def _databases_of(release: str, values: chart.Values) -> set[tuple[str, str]]:
    """Return the databases of a release with their users, as its migration makes them."""
    done = chart.helm("template", release, str(chart.CHART), "-f", "-", stdin=json.dumps(values))
    assert done.returncode == 0, done.stderr
    [job] = [one for one in chart.load_all(done.stdout) if one["kind"] == "Job"]
    environs = [chart.environment(one, {}) for one in chart.containers(job["spec"]["template"])]
    return {(one["WEBVIEWER_DATABASE_NAME"], one["WEBVIEWER_DATABASE_USER"]) for one in environs}


def test_releases_that_share_a_server_share_no_database() -> None:
    east, west = (_databases_of(name, chart.ci("dicom")) for name in ("east", "west"))
    assert {user for _, user in east} == {"east-web-viewer-control", "east-web-viewer-storage"}
    for one in (0, 1):
        assert not {row[one] for row in east} & {row[one] for row in west}
    assert ("web-viewer-control", "web-viewer-control") in _databases_of("web-viewer", chart.ci("default"))
    named = {"control": {"name": "records", "user": "clerk"}, "storage": {"user": "keeper"}}
    assert _databases_of("east", chart.merged(chart.ci("default"), {"database": named})) == {
        ("records", "clerk"),
        ("east-web-viewer-storage-node-0", "keeper"),
    }


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_said_twice(case: str) -> None:
    """Helm 4 applies on the server's side, which refuses a list with two entries of one name."""
    rendered = chart.objects(chart.ci(case))
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in rendered]
    assert len(names) == len(set(names))
    for _, pod in chart.pods(rendered):
        for container in chart.containers(pod):
            for entries, key in (("env", "name"), ("volumeMounts", "mountPath"), ("ports", "containerPort")):
                found = [entry[key] for entry in container.get(entries, [])]
                assert len(found) == len(set(found))
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= {volume["name"] for volume in pod["spec"]["volumes"]} | {"data"}
        containers = [container["name"] for container in chart.containers(pod)]
        assert len(containers) == len(set(containers))


@pytest.mark.parametrize("case", ["tryout", "knative", "dicom"])
def test_names_fit_however_long_the_release_is_called(case: str) -> None:
    release = "radiology-department-of-the-university-hospital-east"
    assert len(release) == 52
    values = chart.merged(chart.ci(case), {"functions": {"table": {"x" * 20: {"scalesToZero": True, "reaches": []}}}})
    done = chart.helm("template", release, str(chart.CHART), "-f", "-", stdin=json.dumps(values))
    assert done.returncode == 0, done.stderr
    for document in chart.load_all(done.stdout):
        name, kind = document["metadata"]["name"], document["kind"]
        # the label of a StatefulSet's revision is its name and eleven more; a Job's pods have six more
        assert len(name) <= {"StatefulSet": 52, "Job": 57}.get(kind, 63), f"{kind} {name}"
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
        for value in document["metadata"]["labels"].values():
            assert len(value) <= 63
    for _, pod in chart.pods(chart.load_all(done.stdout)):
        for container in chart.containers(pod):
            databases = [one["value"] for one in container.get("env", []) if one["name"] == "WEBVIEWER_DATABASE_NAME"]
            assert all(len(name) <= 63 for name in databases)
