"""Every value of ``values.yaml`` does something: another value there, and what helm renders is different."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.deploy import chart
from tests.deploy.chart_network import may_reach, pod_ends
from webviewer.config import Role, load_configuration
from webviewer.core.errors import ConfigError

TEXTS = (
    "other",
    "other.example.org/plug",
    "10.9.8.0/24",
    "9Gi",
    "33s",
    "sha256:" + "ab" * 32,
    "OTHER",
    "compute",
    "zone",
)


# What another value of is refused, unless others change with it.
NOT_ALONE: dict[str, chart.Values] = {
    "postgresql.enabled": {"postgresql": {"enabled": True}, "database": {"host": ""}},
}
# These must stay as they are; the refusal is the effect.
FIXED = {f"functions.table.{name}.scalesToZero": "must keep running" for name in ("events", "nodes", "render")}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Follow references."""
    while "$ref" in node:
        node = chart.schema()["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def schema_at(path: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of a value."""
    node = resolved(chart.schema())
    for name in path:
        children = node.get("properties", {})
        node = resolved(children[name] if name in children else node["additionalProperties"])
    return node


def others(node: dict[str, Any], value: Any) -> Iterator[Any]:
    """Give valid values other than this one."""
    node = resolved(node)
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" in node:
        yield from (word for word in node["enum"] if word != value)
    elif "boolean" in kinds:
        yield not value
    elif "array" in kinds:
        new = [one for one in others(node["items"], None) if one not in (value or [])]
        if new:
            yield new[:1] if node.get("maxItems") == 1 else [*(value or []), new[0]]
        else:
            yield value[1:]
    elif "object" in kinds and "properties" in node:
        wanted = node.get("required", list(node["properties"])[:1])
        yield {name: next(others(node["properties"][name], None)) for name in wanted}
    elif "object" in kinds:
        yield {**(value or {}), "example.org/other": next(others(node["additionalProperties"], None))}
    elif "integer" in kinds or kinds == ["number"]:
        least, most = node["minimum"], node.get("maximum", 10**6)
        first = least if value is None or isinstance(value, str) else value + 1
        yield first if first <= most else value - 1
        if isinstance(value, int) and value - 1 >= least:
            yield value - 1
    else:
        yield from (word for word in TEXTS if word != value and re.search(node.get("pattern", ""), word))


def effect(path: tuple[str, ...], value: Any, cases: dict[str, chart.Values]) -> str | None:
    """Return the name of a case in which another value renders something else; None if there is none."""
    for name, case in cases.items():
        said: Any = case
        for step in path:
            said = said.get(step, {}) if isinstance(said, dict) else {}
        set_value = value if isinstance(said, dict) else said
        for other in others(schema_at(path), set_value):
            done = chart.template(chart.merged(case, chart.at(path, other)))
            if done.returncode == 0 and chart.without_passwords(done.stdout) != chart.without_passwords(
                chart.text(case)
            ):
                return name
    return None


def all_cases() -> dict[str, chart.Values]:
    """Return a few cases with as much as goes together; what shows most comes first."""
    everything: chart.Values = {}
    for name in ("ingress", "gateway", "dicom", "gpu", "monitoring"):
        everything = chart.merged(everything, chart.ci(name))
    return {
        "everything": everything,
        "tryout": chart.merged(chart.ci("tryout"), chart.ci("keda")),
        "knative": chart.ci("knative"),
        "fixed pool": chart.ci("fixed-pool"),
        "single": chart.ci("single"),
        "default": chart.ci("default"),
    }


def test_every_value_does_something() -> None:
    cases = all_cases()
    for case in cases.values():
        chart.text(case)
    table = list(chart.leaves(chart.default_values()))
    assert len(table) > 150
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda leaf: effect(leaf[0], leaf[1], cases), table))
    idle = [".".join(path) for (path, _), case in zip(table, found, strict=True) if case is None]
    assert sorted(idle) == sorted([*NOT_ALONE, *FIXED])
    for path, said in FIXED.items():
        assert said in chart.refusal(chart.merged(cases["knative"], chart.at(path.split("."), True)))
    for values in NOT_ALONE.values():
        assert chart.text(chart.merged(cases["default"], values)) != chart.text(cases["default"])


def test_a_value_that_does_nothing_is_found() -> None:
    cases = {"fixed": chart.ci("fixed-pool")}
    assert effect(("scaling", "fixed"), 2, cases) == "fixed"
    assert effect(("scaling", "warmSpare"), 1, cases) is None


@pytest.mark.parametrize("name", ["links", "reports"])
@pytest.mark.parametrize(("mode", "kind"), [("default", "Deployment"), ("knative", "Service")])
def test_a_new_function_is_one_line(mode: str, kind: str, name: str) -> None:
    line = {"functions": {"table": {name: {"scalesToZero": True, "reaches": ["storage"]}}}}
    rendered = chart.objects(chart.merged(chart.ci(mode), line))
    assert chart.find(rendered, kind, name)["spec"]["template"]["spec"]["containers"][0]["env"][0] == {
        "name": "WEBVIEWER_FUNCTIONS",
        "value": name,
    }
    conf = chart.find(rendered, "ConfigMap", "nginx")["data"]["nginx.conf"]
    assert f"/web-viewer/v2/{name}/" in conf
    assert f"{chart.FULL_NAME}-{name}" in conf
    pods = pod_ends(rendered)
    assert may_reach(rendered, pods[name], pods["storage-node"], 8081)
    assert not may_reach(rendered, pods[name], pods["render-node"], 8080)
    if kind == "Deployment":
        for other in ("Service", "PodDisruptionBudget"):
            assert chart.find(rendered, other, name)
        assert may_reach(rendered, pods["nginx"], pods[name], 8090)


def test_a_function_that_the_image_has_no_code_of_ends_with_words() -> None:
    """As the README says of `links` and `reports`; who gives them code takes them out of here and into values.yaml."""
    for name in ("links", "reports"):
        assert name not in chart.default_values()["functions"]["table"]
        with pytest.raises(ConfigError, match=f"WEBVIEWER_FUNCTIONS.*{name}.*must be"):
            load_configuration(None, environ={"WEBVIEWER_FUNCTIONS": name}, role=Role.CONTROL)


def test_the_notes_tell_where_to_go() -> None:
    notes = chart.notes(chart.ci("ingress") | {"storage": {"replicas": 2}})
    assert "https://viewer.hospital.example/web-viewer/" in notes
    assert "web-viewer, key internal-token" in notes
    assert f"service/{chart.FULL_NAME}-dicom-1, port 3000" in notes
    assert "nobody may send yet" in notes
    assert "refuses requests above 1 MB" not in notes
    assert "to any address by database.networks (port 5432) and by networkPolicy.apiServer.networks:" in notes


def test_the_notes_warn_of_what_is_open_and_of_nothing_else() -> None:
    closed = {
        "database": {"networks": ["192.0.2.10/32"]},
        "networkPolicy": {"apiServer": {"networks": ["10.0.0.1/32"]}},
    }
    assert "to any address" not in chart.notes(chart.merged(chart.ci("default"), closed))
    assert "to any address by networkPolicy.apiServer.networks:" in chart.notes(chart.ci("tryout"))
    assert "to any address" not in chart.notes(chart.ci("keda"))
    assert "refuses requests above 1 MB" in chart.notes(
        chart.merged(chart.ci("default"), {"ingress": {"enabled": True}})
    )
