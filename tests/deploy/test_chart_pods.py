"""What each kind of pod is promised: its data and secrets, how it is asked, placed and stopped, and who leads to it."""

from __future__ import annotations

from typing import Any

import pytest

import renderpool.main
from dicom_gateway.server import DRAIN_S
from functions.control_node import GRACEFUL_S
from tests.deploy import chart
from webviewer.adapters.node_agent import LEAVE_TIMEOUT_S

FUNCTIONS = {"admin", "auth", "events", "nodes", "render", "settings", "studies"}
LIVE, READY = {"path": "/v2/health/live", "port": "http"}, {"path": "/v2/health/ready", "port": "http"}
INTERNAL = {"path": "/internal/v1/health", "port": "internal"}  # without a token: the kubelet knows none


def workload(rendered: list[chart.Manifest], component: str) -> chart.Manifest:
    """Return what makes the pods of a component."""
    [found] = [one for one in rendered if chart.is_workload(one) and chart.component_of(one) == component]
    return found


def spec_of(case: str, component: str) -> dict[str, Any]:
    """Return the spec of a component's pods."""
    spec = workload(chart.objects(chart.ci(case)), component)["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


# --- data and secrets -------------------------------------------------------------------------------------------------


def test_what_a_storage_node_writes_is_on_its_volume() -> None:
    stateful = workload(chart.objects(chart.ci("dicom")), "storage-node")["spec"]
    [container] = stateful["template"]["spec"]["containers"]
    folder = chart.environment(container, {"metadata.name": "pod"})["WEBVIEWER_STORAGE"]
    places = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    [claim] = stateful["volumeClaimTemplates"]
    assert places[folder] == {"name": claim["metadata"]["name"], "mountPath": folder}
    assert claim["metadata"]["name"] not in {volume["name"] for volume in stateful["template"]["spec"]["volumes"]}
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["annotations"] == {"backup.example.org/plan": "daily"}


def test_the_charts_own_database_is_on_its_volume() -> None:
    stateful = workload(chart.objects(chart.ci("tryout")), "postgresql")["spec"]
    [container] = stateful["template"]["spec"]["containers"]
    folder = chart.environment(container, {})["PGDATA"]
    [mount] = [one for one in container["volumeMounts"] if one["name"] == "data"]
    assert folder.startswith(f"{mount['mountPath']}/"), "a volume's own folder is not empty: lost+found"
    assert [claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]] == ["data"]


SECRETS: chart.Values = {
    "database": {"master": {"enabled": True}, "tls": {"mode": "verify-full", "caSecret": "authority", "caKey": "ca"}},
    "secrets": {
        "internalToken": {"name": "join", "key": "join-key"},
        "controlDatabase": {"name": "control", "key": "control-key"},
        "storageDatabase": {"name": "storage", "key": "storage-key"},
        "masterDatabase": {"name": "master", "key": "master-key"},
    },
}
JOIN, AUTHORITY = {"internal-token": ("join", "join-key")}, {"database-ca.crt": ("authority", "ca")}
CONTROL = {**JOIN, **AUTHORITY, "database-password": ("control", "control-key")}
MIGRATION = {
    **AUTHORITY,
    "control-password": ("control", "control-key"),
    "storage-password": ("storage", "storage-key"),
    "master-password": ("master", "master-key"),
}


@pytest.mark.parametrize("mode", ["deployment", "knative"])
def test_each_secret_is_the_one_that_is_named(mode: str) -> None:
    values = chart.merged(chart.ci("default"), {**SECRETS, "functions": {"mode": mode}})
    expected = {
        **dict.fromkeys(FUNCTIONS, CONTROL),
        "storage-node": {**JOIN, **AUTHORITY, "database-password": ("storage", "storage-key")},
        "render-node": JOIN,
        "controller": JOIN,
        "nginx": {},
        "migration": MIGRATION,
    }
    rendered = chart.objects(values)
    found = {}
    for one, pod in chart.pods(rendered):
        files = {
            item["path"]: (source["secret"]["name"], item["key"])
            for volume in pod["spec"]["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"]["items"]
        }
        found[chart.component_of(one)] = files
        for container in chart.containers(pod):
            read = {
                entry["value"]
                for entry in container.get("env", [])
                if entry["name"].endswith("_FILE") and entry["value"] != "/dev/null"
            }
            mounted = {mount["name"]: mount for mount in container["volumeMounts"]}
            if files:
                assert mounted["secrets"]["mountPath"] == "/run/secrets/web-viewer"
                assert mounted["secrets"]["readOnly"] is True
            assert read <= {f"/run/secrets/web-viewer/{path}" for path in files}
    assert found == expected
    steps = chart.containers(workload(rendered, "migration")["spec"]["template"])
    passwords = [chart.environment(one, {})["WEBVIEWER_DATABASE_PASSWORD_FILE"].rpartition("/")[2] for one in steps]
    assert passwords == ["control-password", "storage-password"]


def test_who_pulls_images_is_said_in_each_pod() -> None:
    for one, pod in chart.pods(chart.objects(chart.ci("knative"))):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}], chart.component_of(one)


# --- probes -----------------------------------------------------------------------------------------------------------


def probes_of(component: str) -> dict[str, Any]:
    """Return what each probe asks."""
    [container] = spec_of("default", component)["containers"]
    kinds = ("startupProbe", "livenessProbe", "readinessProbe")
    asked = ("httpGet", "tcpSocket")
    return {kind: next(container[kind][one] for one in asked if one in container[kind]) for kind in kinds}


def test_probes_ask_what_only_a_restart_mends_and_what_only_waiting_mends() -> None:
    functions = {"startupProbe": LIVE, "livenessProbe": LIVE, "readinessProbe": READY}
    for name in FUNCTIONS:
        assert probes_of(name) == functions
    assert probes_of("nginx") == {key: {"path": "/healthz", "port": "http"} for key in functions}
    assert probes_of("controller") == dict.fromkeys(functions, INTERNAL)
    assert probes_of("render-node") == dict.fromkeys(functions, INTERNAL)
    assert probes_of("storage-node") == {
        "startupProbe": INTERNAL,
        "livenessProbe": {"port": "internal"},  # a lost database is no reason to end associations
        "readinessProbe": INTERNAL,
    }
    [knative] = spec_of("knative", "auth")["containers"]
    assert knative["livenessProbe"]["httpGet"] == {**LIVE, "port": 8090}
    assert knative["readinessProbe"]["httpGet"] == {**READY, "port": 8090}


def test_a_slow_start_is_waited_for() -> None:
    for name, least_s in (("auth", 60), ("storage-node", 300), ("render-node", 60), ("controller", 60)):
        probe = spec_of("default", name)["containers"][0]["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] >= least_s


# --- stopping ---------------------------------------------------------------------------------------------------------

NGINX_SHUTDOWN_S = 10  # worker_shutdown_timeout


def test_pods_have_the_time_to_stop_that_their_processes_take() -> None:
    [hook_s] = {
        int(spec_of("default", name)["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        for name in (*FUNCTIONS, "nginx")
    }
    assert hook_s >= 5  # until no Service sends anybody here
    spare_s = 5
    for name in FUNCTIONS:
        assert spec_of("default", name)["terminationGracePeriodSeconds"] >= hook_s + GRACEFUL_S + spare_s
    conf = chart.find(chart.objects(chart.ci("default")), "ConfigMap", "nginx")["data"]["nginx.conf"]
    assert f"worker_shutdown_timeout {NGINX_SHUTDOWN_S}s;" in conf
    assert spec_of("default", "nginx")["terminationGracePeriodSeconds"] >= hook_s + NGINX_SHUTDOWN_S + spare_s


def test_nodes_need_no_hook_since_they_sign_off_themselves() -> None:
    render_s = 3 * LEAVE_TIMEOUT_S + 2 * renderpool.main._CLOSE_WITHIN_S
    for name, takes_s in (("storage-node", 2 * DRAIN_S), ("render-node", render_s)):
        spec = spec_of("default", name)
        assert "lifecycle" not in spec["containers"][0]
        assert spec["terminationGracePeriodSeconds"] >= takes_s + 5
    least = chart.schema()["properties"]["render"]["properties"]["terminationGraceS"]["minimum"]
    assert least >= render_s
    changed = chart.merged(chart.ci("default"), {"render": {"terminationGraceS": 77}})
    pod = workload(chart.objects(changed), "render-node")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 77


def test_a_new_version_takes_no_seat_away() -> None:
    """One more before one less; a GPU is seldom spare, so there one less before one more."""
    for case, name, wanted in (
        *(("default", name, {"maxUnavailable": 0, "maxSurge": 1}) for name in (*FUNCTIONS, "nginx", "render-node")),
        ("gpu", "render-node", {"maxUnavailable": 1, "maxSurge": 0}),
    ):
        assert workload(chart.objects(chart.ci(case)), name)["spec"]["strategy"] == {"rollingUpdate": wanted}


# --- where they run ---------------------------------------------------------------------------------------------------

PLACES = {
    "functions.defaults": FUNCTIONS,
    "nginx": {"nginx"},
    "storage": {"storage-node"},
    "render": {"render-node"},
    "scaling.controller": {"controller"},
}


def test_each_component_runs_where_its_own_values_say() -> None:
    values = chart.ci("default")
    for number, path in enumerate(PLACES):
        own = {
            "nodeSelector": {"pool": f"pool-{number}"},
            "tolerations": [{"key": f"taint-{number}", "operator": "Exists"}],
            "priorityClassName": f"class-{number}",
            "podAnnotations": {"example.org/number": f"number-{number}"},
            "resources": {
                "requests": {"cpu": f"{number + 1}", "memory": "1Gi"},
                "limits": {"memory": f"{number + 2}Gi"},
            },
        }
        values = chart.merged(values, chart.at(path.split("."), own))
        if path != "scaling.controller":
            values = chart.merged(values, chart.at([*path.split("."), "temporary"], f"{number + 3}Gi"))
    rendered = chart.objects(values)
    for number, (path, names) in enumerate(PLACES.items()):
        for name in names:
            template = workload(rendered, name)["spec"]["template"]
            spec = template["spec"]
            assert spec["nodeSelector"] == {"pool": f"pool-{number}"}
            assert spec["tolerations"] == [{"key": f"taint-{number}", "operator": "Exists"}]
            assert spec["priorityClassName"] == f"class-{number}"
            assert template["metadata"]["annotations"]["example.org/number"] == f"number-{number}"
            assert spec["containers"][0]["resources"]["requests"]["cpu"] == f"{number + 1}"
            assert spec["containers"][0]["resources"]["limits"] == {"memory": f"{number + 2}Gi"}
            [tmp] = [one for one in spec["volumes"] if one["name"] == "tmp"]
            assert tmp["emptyDir"]["sizeLimit"] == ("16Mi" if path == "scaling.controller" else f"{number + 3}Gi")


def test_one_function_may_differ_from_the_others() -> None:
    line = {"replicas": 5, "resources": {"limits": {"memory": "3Gi"}}, "nodeSelector": {"pool": "large"}}
    rendered = chart.objects(chart.merged(chart.ci("default"), {"functions": {"table": {"studies": line}}}))
    studies, auth = (workload(rendered, name)["spec"] for name in ("studies", "auth"))
    assert (studies["replicas"], auth["replicas"]) == (5, 1)
    assert studies["template"]["spec"]["nodeSelector"] == {"pool": "large"}
    assert studies["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "3Gi"
    assert "nodeSelector" not in auth["template"]["spec"]


@pytest.mark.parametrize("case", ["default", "pinned", "dicom"])
def test_pods_of_one_kind_are_spread(case: str) -> None:
    spread = chart.merged(chart.default_values(), chart.ci(case))["spread"]
    seen = set()
    for one, pod in chart.pods(chart.objects(chart.ci(case))):
        if one["kind"] == "Job":
            continue
        seen.add(chart.component_of(one))
        [constraint] = pod["spec"]["topologySpreadConstraints"]
        assert constraint["labelSelector"]["matchLabels"] == one["spec"]["selector"]["matchLabels"]
        assert (constraint["maxSkew"], constraint["topologyKey"]) == (1, spread["topologyKey"])
        assert constraint["whenUnsatisfiable"] == spread["whenUnsatisfiable"]
        keys = ["pod-template-hash"] if one["kind"] == "Deployment" else None
        assert constraint.get("matchLabelKeys") == keys
    assert seen == {*FUNCTIONS, "nginx", "storage-node", "render-node", "controller"}


# --- who leads to them ------------------------------------------------------------------------------------------------


def service_ports(rendered: list[chart.Manifest]) -> dict[str, dict[str, int]]:
    """Return the ports of each Service, by its name and theirs."""
    return {
        one["metadata"]["name"]: {port["name"]: port["port"] for port in one["spec"]["ports"]}
        for one in rendered
        if one["kind"] == "Service" and one["apiVersion"] == "v1"
    }


def test_an_ingress_leads_to_nginx() -> None:
    rendered = chart.objects(chart.ci("ingress"))
    ingress = chart.find(rendered, "Ingress", "nginx")
    spec, hosts = ingress["spec"], ["viewer.example.org", "viewer.hospital.example"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"secretName": "viewer-certificate", "hosts": hosts}]
    assert ingress["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/proxy-body-size": "100m"}
    assert [rule["host"] for rule in spec["rules"]] == hosts
    for rule in spec["rules"]:
        [path] = rule["http"]["paths"]
        assert (path["path"], path["pathType"]) == ("/web-viewer", "Prefix")
        service = path["backend"]["service"]
        assert service["port"]["name"] in service_ports(rendered)[service["name"]]
        assert service["name"].endswith("-nginx")
    [rule] = chart.find(
        chart.objects(chart.merged(chart.ci("default"), {"ingress": {"enabled": True}})), "Ingress", "nginx"
    )["spec"]["rules"]
    assert "host" not in rule


def test_a_gateway_leads_to_nginx() -> None:
    rendered = chart.objects(chart.merged(chart.ci("gateway"), {"nginx": {"service": {"port": 8123}}}))
    spec = chart.find(rendered, "HTTPRoute", "nginx")["spec"]
    assert spec["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    assert spec["hostnames"] == ["viewer.example.org"]
    [rule] = spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/web-viewer"}}]
    [backend] = rule["backendRefs"]
    assert service_ports(rendered)[backend["name"]] == {"http": backend["port"]} == {"http": 8123}
    assert backend["name"].endswith("-nginx")
    assert rule["timeouts"] == {"request": "320s"}


def test_a_monitor_reads_all_that_have_metrics_and_knows_no_secret() -> None:
    rendered = chart.objects(chart.ci("monitoring"))
    monitor = chart.find(rendered, "ServiceMonitor", "metrics")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    [service] = [one for one in rendered if one["kind"] == "Service" and wanted <= one["metadata"]["labels"].items()]
    [endpoint] = monitor["spec"]["endpoints"]
    assert (endpoint["path"], endpoint["interval"]) == ("/metrics", "15s")
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert set(endpoint) == {"port", "path", "interval"}
    found = {
        chart.component_of(one)
        for one, pod in chart.pods(rendered)
        if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    }
    assert found == {*FUNCTIONS, "storage-node", "render-node", "controller"}


def test_storage_nodes_have_names_before_they_are_ready() -> None:
    """The control node asks them by name, also while they settle what the last stop left."""
    service = chart.find(chart.objects(chart.ci("dicom")), "Service", "storage-node")["spec"]
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    assert workload(chart.objects(chart.ci("dicom")), "storage-node")["spec"]["podManagementPolicy"] == "Parallel"


def test_nobody_outside_reaches_a_function_that_scales_to_zero() -> None:
    for one in chart.objects(chart.ci("knative")):
        if one["apiVersion"].startswith("serving."):
            assert one["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"


def test_a_budget_says_how_many_may_be_missing() -> None:
    for case, wanted in (("default", 1), ("pinned", "25%")):
        budgets = [one for one in chart.objects(chart.ci(case)) if one["kind"] == "PodDisruptionBudget"]
        assert len(budgets) == 11
        assert {one["spec"]["maxUnavailable"] for one in budgets} == {wanted}


def test_a_migration_that_fails_is_kept_to_be_looked_at() -> None:
    job = chart.find(chart.objects(chart.ci("default")), "Job", "migration")
    policy = job["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert set(policy.split(",")) == {"before-hook-creation", "hook-succeeded"}
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (6, 1800)
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
