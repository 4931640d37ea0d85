"""The controller's Role is what its code calls, and nothing more."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import chart

# What each call of the Kubernetes client in renderpool.controller.kube asks of the API server: group, resource, verb,
# and whether it can be limited to one name.
CALLS = {
    "read_namespaced_deployment_scale": ("apps", "deployments/scale", "get", "house-web-viewer-render-node"),
    "patch_namespaced_deployment_scale": ("apps", "deployments/scale", "patch", "house-web-viewer-render-node"),
    "list_namespaced_pod": ("", "pods", "list", None),
    "patch_namespaced_pod": ("", "pods", "patch", None),  # pods have no names that are known beforehand
    "read_namespaced_lease": ("coordination.k8s.io", "leases", "get", "house-web-viewer-controller"),
    "replace_namespaced_lease": ("coordination.k8s.io", "leases", "update", "house-web-viewer-controller"),
    "create_namespaced_lease": ("coordination.k8s.io", "leases", "create", None),  # a name is not asked for at creation
}


def _rules(role: chart.Manifest) -> set[tuple[str, str, str, str | None]]:
    return {
        (group, resource, verb, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [None])
    }


def _called(file: Path) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and "_namespaced_" in node.attr
    }


def test_the_table_is_what_the_controller_calls() -> None:
    files = (chart.ROOT / "renderpool/controller").glob("*.py")
    assert set().union(*(_called(file) for file in files)) == set(CALLS)


def test_the_role_grants_these_calls_and_no_others() -> None:
    rendered = chart.objects(chart.ci("default"))
    role = chart.find(rendered, "Role", "controller")
    assert _rules(role) == set(CALLS.values())
    assert "*" not in str(role["rules"])


def test_the_role_is_bound_to_the_controllers_account_alone() -> None:
    rendered = chart.objects(chart.ci("default"))
    binding = chart.find(rendered, "RoleBinding", "controller")
    account = chart.find(rendered, "ServiceAccount", "controller")
    name = account["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": chart.NAMESPACE}]
    assert binding["roleRef"]["name"] == chart.find(rendered, "Role", "controller")["metadata"]["name"]
    users = [
        chart.component_of(workload)
        for workload, pod in chart.pods(rendered)
        if pod["spec"].get("serviceAccountName") == name
    ]
    assert users == ["controller"]


def _environment(rendered: list[chart.Manifest]) -> dict[str, str]:
    [container] = chart.find(rendered, "Deployment", "controller")["spec"]["template"]["spec"]["containers"]
    return chart.environment(container, {})


def test_names_in_the_role_are_those_that_the_controller_is_told() -> None:
    rendered = chart.objects(chart.ci("default"))
    environ = _environment(rendered)
    names: Any = {name for *_, name in CALLS.values() if name}
    assert names == {environ["WEBVIEWER_CONTROLLER_DEPLOYMENT"], environ["WEBVIEWER_CONTROLLER_LEASE"]}
    assert chart.find(rendered, "Deployment", "render-node")["metadata"]["name"] in names


def test_its_selector_finds_the_render_nodes_and_no_other_pod() -> None:
    rendered = chart.objects(chart.ci("default"))
    wanted = dict(part.split("=") for part in _environment(rendered)["WEBVIEWER_CONTROLLER_SELECTOR"].split(","))
    found = [
        chart.component_of(pod)
        for _, pod in chart.pods(rendered)
        if wanted.items() <= pod["metadata"]["labels"].items()
    ]
    assert found == ["render-node"]


@pytest.mark.parametrize("case", ["keda", "fixed-pool"])
def test_nobody_has_a_role_where_the_controller_does_not_run(case: str) -> None:
    kinds = {document["kind"] for document in chart.objects(chart.ci(case))}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"}
