"""Whoever must talk may, and nobody else: the whole table of who reaches which port of whom."""

from __future__ import annotations

import copy

import pytest

from tests.deploy import chart
from tests.deploy.chart_network import End, listening, may_reach, pod_ends

FUNCTIONS = {"admin", "auth", "events", "nodes", "render", "settings", "studies"}

PEERS = [{"callingAe": "CT", "network": "10.20.0.0/24"}]
INGRESS = End("ingress", "10.244.9.1", "ingress-nginx", {"app.kubernetes.io/component": "controller"})
MONITOR = End("monitor", "10.244.9.2", "monitoring", {"app": "prometheus"})
STRANGER = End("stranger", "10.244.9.3", chart.NAMESPACE, {"app": "other"})
ELSEWHERE = End("elsewhere", "10.244.9.4", "other", {"app": "other"})
# a release beside ours in the same namespace, of the same chart
SIBLING = End(
    "sibling",
    "10.244.9.5",
    chart.NAMESPACE,
    {
        "app.kubernetes.io/name": "web-viewer",
        "app.kubernetes.io/instance": "other",
        "app.kubernetes.io/component": "nginx",
        "web-viewer/reaches-storage": "true",
        "web-viewer/tier": "function",
    },
)
DNS = End("dns", "10.244.9.6", "kube-system", {"k8s-app": "kube-dns"})
MODALITY = End("modality", "10.20.0.77")
OFFICE = End("office", "198.51.100.7")
DATABASE = End("database", "192.0.2.10")
API_SERVER = End("api server", "10.0.0.1")
OTHERS = (INGRESS, MONITOR, STRANGER, ELSEWHERE, SIBLING, DNS, MODALITY, OFFICE)

VALUES: chart.Values = {
    "database": {"host": "192.0.2.10", "networks": ["192.0.2.10/32"]},
    "storage": {"dicom": {"peers": PEERS}},
    "networkPolicy": {
        "clients": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}},
                "podSelector": {"matchLabels": {"app.kubernetes.io/component": "controller"}},
            }
        ],
        "apiServer": {"networks": ["10.0.0.1/32"], "ports": [6443]},
    },
}


def talks() -> set[tuple[str, str, int]]:
    """Return who reaches which port of whom inside the cluster, controller and own database server."""
    return {
        ("ingress", "nginx", 8080),
        *{("nginx", function, 8090) for function in FUNCTIONS},
        ("nginx", "nodes", 8091),  # auth_request: where is this session drawn
        ("nginx", "render-node", 8080),  # the stream
        *{(node, "nodes", 8091) for node in ("storage-node", "render-node")},  # registration
        ("controller", "nodes", 8091),
        # functions to nodes, as the code calls them
        ("studies", "storage-node", 8081),
        *{(function, "storage-node", 8081) for function in ("admin", "nodes")},  # ping, drain, users
        *{(function, "render-node", 8080) for function in ("admin", "nodes")},
        ("auth", "render-node", 8080),  # signing out closes the streams
        ("render", "render-node", 8080),  # thumbnails
        ("render-node", "storage-node", 8081),  # pixels
        ("modality", "storage-node", 3000),
        # metrics
        *{("monitor", function, 8091) for function in FUNCTIONS},
        ("monitor", "storage-node", 8081),
        ("monitor", "render-node", 8080),
        ("monitor", "controller", 8092),
    }


def table(values: chart.Values) -> set[tuple[str, str, int]]:
    """Return the same of what is rendered: every pair is tried at every port that anybody listens on."""
    rendered = chart.objects(values)
    pods, ports = pod_ends(rendered), listening(rendered)
    everywhere = sorted({port for own in ports.values() for port in own})
    assert everywhere[0] == 3000
    return {
        (source.name, target.name, port)
        for source in (*pods.values(), *OTHERS)
        for target in pods.values()
        for port in everywhere
        if source is not target and may_reach(rendered, source, target, port)
    }


def test_who_reaches_whom_is_the_table_and_nothing_else() -> None:
    assert table(VALUES) == talks()


def test_the_way_out_of_the_cluster() -> None:
    rendered = chart.objects(VALUES)
    pods = pod_ends(rendered)
    to_database = {name for name, pod in pods.items() if may_reach(rendered, pod, DATABASE, 5432)}
    assert to_database == {*FUNCTIONS, "storage-node", "migration"}
    to_api = {name for name, pod in pods.items() if may_reach(rendered, pod, API_SERVER, 6443)}
    assert to_api == {"controller"}
    resolving = {
        name for name, pod in pods.items() if all(may_reach(rendered, pod, DNS, 53, one) for one in ("UDP", "TCP"))
    }
    assert resolving == set(pods)
    for end, port in ((OFFICE, 443), (OFFICE, 53), (DATABASE, 443), (MODALITY, 104), (API_SERVER, 443)):
        assert {name for name, pod in pods.items() if may_reach(rendered, pod, end, port)} == set()


def test_with_the_charts_own_database() -> None:
    values = chart.merged(VALUES, chart.merged(chart.ci("tryout"), {"database": {"host": ""}}))
    expected = talks() | {(name, "postgresql", 5432) for name in {*FUNCTIONS, "storage-node", "migration"}}
    assert table(values) == expected
    rendered = chart.objects(values)
    assert not [name for name, pod in pod_ends(rendered).items() if may_reach(rendered, pod, DATABASE, 5432)]
    operator = End("operator", "10.244.9.9", "keda", {})
    server = pod_ends(rendered)["postgresql"]
    assert not may_reach(rendered, operator, server, 5432)
    with_keda = chart.objects(chart.merged(values, {"scaling": {"mode": "keda"}}))
    assert may_reach(with_keda, operator, server, 5432)


def test_all_functions_in_one_pod_reach_what_they_reached_apart() -> None:
    def together(name: str) -> str:
        return "functions" if name in FUNCTIONS else name

    expected = {(together(source), together(target), port) for source, target, port in talks()}
    single: chart.Values = {"functions": {"mode": "single"}}
    assert table(chart.merged(VALUES, single)) == expected
    trial = chart.merged(chart.merged(VALUES, single), {"database": {"host": ""}})
    expected |= {(name, "postgresql", 5432) for name in ("functions", "storage-node", "migration")}
    assert table(trial) == expected


def test_anybody_may_reach_nginx_where_nobody_is_named() -> None:
    rendered = chart.objects(chart.merged(VALUES, {"networkPolicy": {"clients": []}}))
    pods = pod_ends(rendered)
    for end in (OFFICE, ELSEWHERE, INGRESS):
        assert may_reach(rendered, end, pods["nginx"], 8080)
        assert not may_reach(rendered, end, pods["nodes"], 8091)


def test_nobody_may_send_images_where_no_peer_is_named() -> None:
    rendered = chart.objects(chart.merged(VALUES, {"storage": {"dicom": {"peers": []}}}))
    node = pod_ends(rendered)["storage-node"]
    for end in OTHERS:
        assert not may_reach(rendered, end, node, 3000)


def test_knative_stands_between_nginx_and_the_functions() -> None:
    rendered = chart.objects(chart.merged(VALUES, {"functions": {"mode": "knative"}}))
    pods = pod_ends(rendered)
    activator = End("activator", "10.244.8.1", "knative-serving", {})
    gateway = End("gateway", "10.244.8.2", "kourier-system", {})
    assert may_reach(rendered, pods["nginx"], gateway, 8081)
    for function in ("auth", "admin", "studies", "settings"):
        for end in (activator, gateway):
            assert may_reach(rendered, end, pods[function], 8012)
            assert not may_reach(rendered, end, pods[function], 8091)
        assert not may_reach(rendered, pods["nginx"], pods[function], 8090)
        assert not may_reach(rendered, ELSEWHERE, pods[function], 8012)
    assert not may_reach(rendered, activator, pods["nodes"], 8090)


@pytest.mark.parametrize("component", ["nodes", "storage-node", "render-node"])
def test_the_test_sees_a_policy_that_is_too_wide(component: str) -> None:
    rendered = copy.deepcopy(chart.objects(VALUES))
    target = pod_ends(rendered)[component]
    port = {"nodes": 8091, "storage-node": 8081, "render-node": 8080}[component]
    assert not may_reach(rendered, STRANGER, target, port)
    del chart.find(rendered, "NetworkPolicy", component)["spec"]["ingress"][0]["from"]
    chart.find(rendered, "NetworkPolicy", component)["spec"]["ingress"][0]["ports"][0]["port"] = port
    assert may_reach(rendered, STRANGER, target, port)


def test_without_the_policy_of_a_component_it_is_cut_off() -> None:
    rendered = [
        one
        for one in chart.objects(VALUES)
        if one["kind"] != "NetworkPolicy" or not one["metadata"]["name"].endswith("-nodes")
    ]
    pods = pod_ends(rendered)
    assert not may_reach(rendered, pods["nginx"], pods["nodes"], 8090)
    assert not may_reach(rendered, pods["nodes"], DATABASE, 5432)
