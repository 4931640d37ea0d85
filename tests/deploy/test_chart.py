"""The chart renders, and all that it renders is what Kubernetes takes; its values are typed."""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy import chart
from tests.deploy.chart_crds import SCHEMAS, as_core, check
from tests.deploy.values_table import README, readme_with, values_table

VERSION = "1.35"


@functools.cache
def _check_once(document: str) -> None:
    """Most objects are the same in all cases."""
    loaded = json.loads(document)
    own = SCHEMAS.get((loaded["apiVersion"], loaded["kind"]))
    if own is None:
        check(loaded, VERSION)
    else:
        jsonschema.validate(loaded, own)
        if loaded["kind"] == "Service":
            check(as_core(loaded), VERSION)


@pytest.mark.parametrize("name", chart.ci_names())
def test_all_objects_are_valid_in_strict_mode(name: str) -> None:
    rendered = chart.objects(chart.ci(name))
    assert len(rendered) > 20
    for document in rendered:
        _check_once(json.dumps(document, sort_keys=True))


@pytest.mark.parametrize(
    ("case", "component", "path"),
    [
        ("default", "render-node", ("spec", "template", "spec", "containers", 0, "imagePullPolicie")),
        ("default", "render-node", ("spec", "template", "spec", "terminationGracePeriodSecond")),
        ("knative", "auth", ("spec", "template", "spec", "containers", 0, "securityContext", "runAsRoot")),
        ("knative", "auth", ("spec", "template", "spec", "containers", 0, "readinessProbe", "httpget")),
        ("keda", "render-node", ("spec", "triggers", 0, "metadata", "database")),
        ("gateway", "nginx", ("spec", "rules", 0, "backendRef")),
        ("monitoring", "metrics", ("spec", "endpoints", 0, "bearerToken")),
    ],
)
def test_a_misspelt_field_is_found(case: str, component: str, path: tuple[Any, ...]) -> None:
    kinds = {"Deployment", "ScaledObject", "HTTPRoute", "ServiceMonitor"} | (
        {"Service"} if case == "knative" else set()
    )
    [document] = [
        one
        for one in chart.objects(chart.ci(case))
        if one["metadata"]["name"].endswith(f"-{component}")
        and one["kind"] in kinds
        and (one["kind"] != "Deployment" or case == "default")
    ]
    _check_once(json.dumps(document, sort_keys=True))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "planted"
    with pytest.raises(jsonschema.ValidationError, match=r"planted|imagePullPolicie|was unexpected"):
        _check_once(json.dumps(document, sort_keys=True))


@pytest.mark.parametrize("file", chart.CI_VALUES, ids=chart.ci_names())
def test_lint_is_content(file: Path) -> None:
    done = chart.helm("lint", "--strict", str(chart.CHART), "-f", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_package_has_all_but_the_cases_of_tests(tmp_path: Path) -> None:
    done = chart.helm("package", str(chart.CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    [archive] = tmp_path.glob("web-viewer-*.tgz")
    with tarfile.open(archive) as packed:
        names = set(packed.getnames())
    assert {
        "web-viewer/values.schema.json",
        "web-viewer/README.md",
        "web-viewer/UPGRADE.md",
        "web-viewer/files/nginx.conf",
        "web-viewer/examples/production.yaml",
    } <= names
    assert not [name for name in names if name.startswith("web-viewer/ci/")]
    done = chart.helm("template", "x", str(archive), "--set", "database.host=server")
    assert done.returncode == 0, done.stderr


# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"databse": {"host": "x"}}, "additional properties 'databse' not allowed"),
        ({"functions": {"defaults": {"replica": 3}}}, "additional properties 'replica' not allowed"),
        ({"functions": {"table": {"auth": {"replics": 3}}}}, "additional properties 'replics' not allowed"),
        ({"storage": {"dicom": {"service": {"nodeport": 3}}}}, "additional properties 'nodeport' not allowed"),
        ({"render": {"threads": "many"}}, "got string, want integer"),
        ({"render": {"threads": 0}}, "minimum: got 0, want 1"),
        ({"log": {"level": "loud"}}, "value must be one of"),
        ({"images": {"renderer": {"digest": "sha256:12"}}}, "does not match pattern"),
        ({"storage": {"dicom": {"peers": [{"callingAe": "CT1"}]}}}, "missing property 'network'"),
        ({"nginx": {"trustedProxies": ["everybody"]}}, "does not match pattern"),
        ({"functions": {"table": {"links": {"reaches": []}}}}, "missing property 'scalesToZero'"),
        # what a schema cannot say
        (
            {"database": {"host": ""}, "postgresql": {"enabled": False}},
            "database.host is empty and postgresql.enabled is false",
        ),
        ({"postgresql": {"enabled": True}}, "one system has one database server"),
        ({"functions": {"mode": "all"}}, "value must be one of"),
        ({"functions": {"single": {"replicas": 0}}}, "minimum: got 0, want 1"),
        ({"functions": {"table": {"functions": {"scalesToZero": True, "reaches": []}}}}, "name of another component"),
        ({"database": {"tls": {"mode": "verify-full"}}}, "name the Secret of the authority"),
        ({"scaling": {"minimum": 11}}, "the minimum must not be above the maximum"),
        ({"gateway": {"enabled": True}}, "gateway.parents is empty"),
        ({"functions": {"table": {"events": {"scalesToZero": True}}}}, "must keep running"),
        ({"functions": {"table": {"nginx": {"scalesToZero": True, "reaches": []}}}}, "name of another component"),
        # what is gone, or never was
        ({"internalToken": "0123456789abcdef"}, "A secret is never a value"),
        ({"databasePassword": "secret"}, "A secret is never a value"),
        ({"replicaCount": 3}, "functions.defaults.replicas"),
        ({"renderUrl": "http://render:8080"}, "render nodes register"),
    ],
)
def test_wrong_values_are_refused_in_words(values: chart.Values, said: str) -> None:
    assert said in chart.refusal(chart.merged(chart.ci("default"), values))


def test_a_function_that_is_removed_but_needed_is_missed() -> None:
    assert 'functions.table lacks "nodes"' in chart.refusal(
        chart.merged(chart.ci("default"), {"functions": {"table": {"nodes": None}}})
    )


def _objects_of_schema(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get("type") == "object" or "properties" in node:
            yield place, node
        for key, value in node.items():
            yield from _objects_of_schema(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _objects_of_schema(value, f"{place}/{number}")


def test_the_schema_is_closed_everywhere() -> None:
    jsonschema.Draft202012Validator.check_schema(chart.schema())
    found = [
        place for place, one in _objects_of_schema(chart.schema()) if one.get("additionalProperties", True) is True
    ]
    assert found == ["/properties/global"]  # Helm's own, of charts that have this one
    assert len(list(_objects_of_schema(chart.schema()))) > 50


def test_schema_and_values_name_the_same() -> None:
    schema = chart.schema()

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        return node

    def compare(node: dict[str, Any], values: dict[str, Any], place: str) -> list[str]:
        node = resolved(node)
        if "properties" not in node:
            return []
        known = {name for name, one in node["properties"].items() if one.get("$ref") != "#/$defs/removed"} - {"global"}
        wrong = [f"{place}{name}" for name in known ^ set(values)]
        for name in known & set(values):
            if isinstance(values[name], dict):
                wrong += compare(node["properties"][name], values[name], f"{place}{name}.")
        return wrong

    assert compare(schema, chart.default_values(), "") == []


def _used_paths() -> dict[str, str]:
    files = [*(chart.CHART / "templates").rglob("*.*"), *(chart.CHART / "files").iterdir()]
    return {
        match[1]: file.name
        for file in files
        if file.is_file()
        for match in re.finditer(r"\.Values\.([A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*)", file.read_text())
    }


def test_templates_use_only_values_that_exist() -> None:
    used, values = _used_paths(), chart.default_values()
    assert len(used) > 100
    for path, file in used.items():
        place: Any = values
        for name in path.split("."):
            assert isinstance(place, dict), f"{file}: .Values.{path} goes below a value"
            assert name in place, f"{file}: .Values.{path} is not in values.yaml"
            place = place[name]


def test_the_readme_lists_every_value_with_its_description() -> None:
    table = values_table()
    assert len(table) > 120
    undescribed = [path for path, (_, words) in table.items() if not words]
    assert undescribed == []
    assert README.read_text() == readme_with(table), "run: python -m tests.deploy.values_table"


def test_the_command_of_the_readme_makes_the_secret_that_the_chart_wants(tmp_path: Path) -> None:
    [block] = [one for one in README.read_text().split("```") if "create secret generic" in one]
    script = block.replace("kubectl create namespace viewer", "").replace(
        "kubectl -n viewer", "kubectl --dry-run=client -o json"
    )
    done = subprocess.run(
        [str(chart.ROOT / "tools/with_helm.sh"), "bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "KUBECONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    secret = json.loads(done.stdout)
    wanted = {(one["name"], one["key"]) for one in chart.default_values()["secrets"].values()}
    assert {(secret["metadata"]["name"], key) for key in secret["data"]} == wanted
    for coded in secret["data"].values():
        assert re.fullmatch(rb"[0-9a-f]{48,64}", base64.b64decode(coded))
