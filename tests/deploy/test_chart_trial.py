"""An install without values is a whole trial system, small and honest about itself; one file makes it a hospital's."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import Any

import pytest

from renderpool.controller.decide import Limits
from tests.deploy import chart
from tests.deploy.chart_requests import of_pod, of_release, quantity
from webviewer.config import Function

GIB = Decimal(2**30)
FUNCTIONS = sorted({one.value for one in Function} - {"health", "pages"})  # of each part, and served by Nginx
LONG_LIVED = ("nginx", "controller", "postgresql", "render-node", "storage-node")
SINGLE: chart.Values = {"functions": {"mode": "single"}}


def workloads(values: chart.Values) -> dict[str, chart.Manifest]:
    """Return what makes pods, by component."""
    return {chart.component_of(one): one for one, _ in chart.pods(chart.objects(values))}


# --- a whole system ---------------------------------------------------------------------------------------------------


def test_an_install_without_values_starts_every_part_and_its_own_database() -> None:
    assert sorted(workloads({})) == sorted([*FUNCTIONS, *LONG_LIVED, "migration"])
    hosts = {
        chart.environment(container, {"metadata.name": "pod", "status.podIP": ""}).get("WEBVIEWER_DATABASE_HOST")
        for _, pod in chart.pods(chart.objects({}))
        for container in chart.containers(pod)
    }
    assert hosts == {None, f"{chart.FULL_NAME}-postgresql.{chart.NAMESPACE}.svc.cluster.local"}
    for one in workloads({}).values():
        if one["kind"] != "Job":
            assert one["spec"].get("replicas", 1) == 1, chart.component_of(one)


def test_the_migration_of_a_trial_makes_users_and_databases() -> None:
    for step in chart.containers(workloads({})["migration"]["spec"]["template"]):
        environ = chart.environment(step, {})
        assert environ["MASTER_USER"] == "postgres"
        assert environ["WEBVIEWER_MASTER_DB_PASSWORD_FILE"] == "/run/secrets/web-viewer/master-password"


def test_a_database_server_of_ones_own_leaves_the_charts_out() -> None:
    rendered = chart.objects(chart.ci("default"))
    assert not [one for one in rendered if "postgresql" in one["metadata"]["name"] or one["kind"] == "Secret"]


def test_a_session_cookie_travels_over_plain_http_in_a_trial_without_certificate_only() -> None:
    ingress = {"ingress": {"enabled": True, "tlsSecret": "certificate", "hosts": ["viewer.example.org"]}}
    gateway = {"gateway": {"enabled": True, "parents": [{"name": "public"}]}}
    for values, wanted in (
        ({}, "false"),
        (ingress, "true"),
        (gateway, "true"),
        (chart.ci("default"), "true"),
        ({"functions": {"secureCookie": True}}, "true"),
        (chart.merged(chart.ci("default"), {"functions": {"secureCookie": False}}), "false"),
    ):
        [container] = workloads(values)["auth"]["spec"]["template"]["spec"]["containers"]
        assert chart.environment(container, {})["WEBVIEWER_SECURE_COOKIE"] == wanted


def test_a_trial_asks_for_no_load_balancer_unless_somebody_says_so() -> None:
    def kind(values: chart.Values) -> object:
        return chart.find(chart.objects(values), "Service", "dicom-0")["spec"]["type"]

    assert kind({}) == "ClusterIP"
    assert kind(chart.ci("default")) == "LoadBalancer"
    assert kind({"storage": {"dicom": {"service": {"type": "NodePort"}}}}) == "NodePort"


# --- its secrets ------------------------------------------------------------------------------------------------------


def secrets(values: chart.Values) -> dict[str, dict[str, str]]:
    """Return the rendered Secrets: texts by name and key."""
    return {
        one["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in one["data"].items()}
        for one in chart.objects(values)
        if one["kind"] == "Secret"
    }


def test_the_secret_of_a_trial_has_each_key_with_a_random_word_of_its_own() -> None:
    [(name, words)] = secrets({}).items()
    wanted = {(one["name"], one["key"]) for one in chart.default_values()["secrets"].values()}
    assert {(name, key) for key in words} == wanted
    assert len(set(words.values())) == 4
    assert all(re.fullmatch("[A-Za-z0-9]{48}", word) for word in words.values())
    done = [chart.template({}).stdout for _ in range(2)]
    assert done[0] != done[1]
    assert chart.without_passwords(done[0]) == chart.without_passwords(done[1]), "nothing but the passwords is random"


def test_the_secret_of_a_trial_outlives_the_release_like_its_data() -> None:
    [secret] = [one for one in chart.objects({}) if one["kind"] == "Secret"]
    assert secret["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    policy = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    for name in ("postgresql", "storage-node"):
        assert workloads({})[name]["spec"]["persistentVolumeClaimRetentionPolicy"] == policy
    labels = {"app.kubernetes.io/instance": chart.RELEASE}.items()
    claims = [
        claim for one in workloads({}).values() for claim in one["spec"].get("volumeClaimTemplates", [])
    ]  # as the notes say how to remove them
    assert len(claims) == 2
    assert all(labels <= one["metadata"]["labels"].items() for one in (*claims, secret))


def test_several_secrets_are_made_where_several_are_named() -> None:
    named = {"secrets": {"internalToken": {"name": "join", "key": "token"}}}
    found = secrets(named)
    assert {name: sorted(words) for name, words in found.items()} == {
        "join": ["token"],
        "web-viewer": ["control-database-password", "master-database-password", "storage-database-password"],
    }
    assert secrets({"postgresql": {"createSecret": False}}) == {}


# --- what it asks of the cluster --------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, SINGLE], ids=["deployment", "single"])
def test_a_trial_asks_for_at_most_two_cores_and_four_gibibytes(values: chart.Values) -> None:
    """Also while the migration runs, and with as many render nodes as the controller starts for 20 sessions."""
    scaling = chart.merged(chart.default_values(), values)["scaling"]
    limits = Limits(scaling["targetSessions"], scaling["minimum"], scaling["maximum"], scaling["warmSpare"])
    nodes = limits.needed(20)
    assert nodes == 1
    rendered = chart.objects(values)
    assert of_release(rendered, "cpu", render_nodes=nodes) <= 2
    assert of_release(rendered, "memory", render_nodes=nodes) <= 4 * GIB


def test_the_readme_says_what_a_trial_asks_for() -> None:
    readme = (chart.CHART / "README.md").read_text()
    said = [(Decimal(cpu), Decimal(mib)) for cpu, mib in re.findall(r"(\d+)m CPU and (\d+) MiB", readme)]
    found = [
        (of_release(rendered, "cpu", render_nodes=1) * 1000, of_release(rendered, "memory", render_nodes=1) / 2**20)
        for rendered in (chart.objects({}), chart.objects(SINGLE))
    ]
    assert said == found
    assert found[1] < found[0]


def test_waiting_for_the_database_asks_for_no_more_than_the_pod_itself() -> None:
    for one, pod in chart.pods(chart.objects({})):
        if one["kind"] != "Job":
            own = sum(quantity(c["resources"]["requests"]["memory"]) for c in pod["spec"]["containers"])
            assert of_pod(pod, "memory") == own, chart.component_of(one)


def test_the_request_of_a_pod_is_counted_as_the_scheduler_counts_it() -> None:
    def container(cpu: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}

    pod = {"spec": {"initContainers": [container("700m"), container("100m")], "containers": [container("250m")] * 2}}
    assert of_pod(pod, "cpu") == Decimal("0.7")
    assert of_pod(pod, "memory") == 2 * GIB
    assert [quantity(text) for text in ("1", "0.5", "20m", "2k", "64Mi")] == [
        1,
        Decimal("0.5"),
        Decimal("0.02"),
        2000,
        2**26,
    ]


@pytest.mark.parametrize("case", ["tryout", "production", "large", "single"])
def test_a_render_nodes_limit_holds_all_that_its_caches_may_take(case: str) -> None:
    """Volumes that are drawn without a GPU lie in main memory twice; docs/operate.md has the sum ("Scaling")."""
    render = chart.merged(chart.default_values(), chart.ci(case))["render"]
    masks_and_cuts, process = GIB * 3 / 2, GIB / 4
    most = 2 * render["volumeCacheBytes"] + render["imageCacheBytes"] + masks_and_cuts + process
    assert most <= quantity(render["resources"]["limits"]["memory"])


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_notes_say_that_it_is_a_trial_where_the_data_lie_and_how_production_begins() -> None:
    notes = chart.notes({})
    assert "THIS IS A TRIAL SYSTEM" in notes
    assert "no\nbackup" in notes
    for part in (
        f"claim data-{chart.FULL_NAME}-postgresql-0 (8Gi)",
        f"claim data-{chart.FULL_NAME}-storage-node-0 (100Gi)",
        "Secret web-viewer: its passwords",
        "helm uninstall keeps them too",
        f"kubectl -n {chart.NAMESPACE} delete pvc,secret -l app.kubernetes.io/instance={chart.RELEASE}",
        "examples/production.yaml",
        "database.host",
    ):
        assert part in notes
    assert "TRIAL" not in chart.notes(chart.ci("default"))
    assert "examples/production.yaml has\nthe replicas" in chart.notes(chart.ci("default"))
    assert "examples/production.yaml" not in chart.notes(chart.ci("production"))


# --- one file for production ------------------------------------------------------------------------------------------


def test_the_production_file_has_replicas_requests_an_own_database_and_a_certificate() -> None:
    found, rendered = workloads(chart.ci("production")), chart.objects(chart.ci("production"))
    assert "postgresql" not in found
    for name in (*FUNCTIONS, "nginx", "controller", "storage-node"):
        assert found[name]["spec"]["replicas"] >= 2, name
    [container] = found["controller"]["spec"]["template"]["spec"]["containers"]
    assert chart.environment(container, {})["WEBVIEWER_CONTROLLER_MINIMUM"] == "2"
    [container] = found["auth"]["spec"]["template"]["spec"]["containers"]
    environ = chart.environment(container, {})
    assert (environ["PGSSLMODE"], environ["WEBVIEWER_SECURE_COOKIE"]) == ("verify-full", "true")
    assert chart.find(rendered, "Ingress", "nginx")["spec"]["tls"][0]["secretName"] == "viewer-certificate"
    for name, pod in ((name, one["spec"]["template"]) for name, one in found.items()):
        small = workloads({}).get(name)
        if small is not None:
            assert of_pod(pod, "memory") >= of_pod(small["spec"]["template"], "memory"), name
    notes = chart.notes(chart.ci("production"))
    for warning in ("to any address", "nobody may send", "is empty", "plain HTTP"):
        assert warning not in notes


# --- all functions in one Deployment ----------------------------------------------------------------------------------


def test_one_deployment_serves_all_functions_under_the_names_of_their_services() -> None:
    values = chart.merged(chart.ci("default"), SINGLE)
    found = workloads(values)
    assert not set(found) & set(FUNCTIONS)
    [container] = found["functions"]["spec"]["template"]["spec"]["containers"]
    assert chart.environment(container, {})["WEBVIEWER_FUNCTIONS"].split(",") == FUNCTIONS
    labels = found["functions"]["spec"]["template"]["metadata"]["labels"]
    rendered, separate = chart.objects(values), chart.objects(chart.ci("default"))
    for name in FUNCTIONS:
        service, before = (chart.find(one, "Service", name)["spec"] for one in (rendered, separate))
        assert service["selector"].items() <= labels.items()
        assert service["ports"] == before["ports"]
    confs = [chart.find(one, "ConfigMap", "nginx")["data"]["nginx.conf"] for one in (rendered, separate)]
    assert confs[0] == confs[1], "Nginx and the nodes notice nothing"


def test_the_one_deployment_has_its_own_size_and_the_placement_of_functions() -> None:
    values = chart.merged(
        chart.ci("single"),
        {"functions": {"single": {"replicas": 3}, "defaults": {"nodeSelector": {"pool": "small"}, "replicas": 9}}},
    )
    spec = workloads(values)["functions"]["spec"]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["nodeSelector"] == {"pool": "small"}
    assert spec["template"]["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}


def test_the_notes_make_the_first_administrator_in_the_deployment_that_there_is() -> None:
    for values, name in (({}, "nodes"), (SINGLE, "functions")):
        assert f"exec -it deploy/{chart.FULL_NAME}-{name} -c function" in chart.notes(values)
