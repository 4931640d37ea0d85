"""The chart as the tests see it: values in, objects out, rendered by the real helm."""

from __future__ import annotations

import copy
import functools
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/web-viewer"
# those of the tests, and those that an operator copies
CI_VALUES = (*sorted((CHART / "ci").glob("*-values.yaml")), *sorted((CHART / "examples").glob("*.yaml")))
RELEASE, NAMESPACE = "house", "hospital"
FULL_NAME = f"{RELEASE}-web-viewer"

Values = dict[str, Any]
Manifest = dict[str, Any]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:
    """Read one YAML document."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  the safe loader, in C


def load_all(text: str) -> list[Manifest]:
    """Read what helm renders."""
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document]


def helm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run helm; the caller judges its exit code."""
    return subprocess.run(
        [str(ROOT / "tools/with_helm.sh"), "helm", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def template(values: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """Render the chart with these values on top of its own."""
    return helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "-f", "-", stdin=json.dumps(values))


def text(values: Mapping[str, Any]) -> str:
    """Return what helm renders; fails if it refuses."""
    return _text(json.dumps(values, sort_keys=True))


@functools.cache
def _text(key: str) -> str:
    done = template(json.loads(key))
    assert done.returncode == 0, done.stderr
    return done.stdout


def notes(values: Mapping[str, Any]) -> str:
    """Return what helm says after an install with these values."""
    command = ["install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--dry-run=client", "-f", "-"]
    done = helm(*command, stdin=json.dumps(values))
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


def refusal(values: Mapping[str, Any]) -> str:
    """Return why helm refuses these values; fails if it does not."""
    done = template(values)
    assert done.returncode != 0, "helm took the values"
    return done.stderr


def objects(values: Mapping[str, Any]) -> list[Manifest]:
    """Return the rendered objects."""
    return load_all(text(values))


def ci(name: str) -> Values:
    """Return the values of ``ci/<name>-values.yaml`` or ``examples/<name>.yaml``."""
    [file] = [file for file, known in zip(CI_VALUES, ci_names(), strict=True) if known == name]
    loaded = load(file.read_text())
    assert isinstance(loaded, dict)
    return loaded


def ci_names() -> list[str]:
    """Return the names of all these files."""
    return [file.stem.removesuffix("-values") for file in CI_VALUES]


def without_passwords(rendered: str) -> str:
    """Return what helm renders with one word for each random password of a trial system."""
    parts = rendered.split("\n---\n")
    return "\n---\n".join(
        re.sub(r'^(  [\w.-]+): "[A-Za-z0-9+/=]{40,}"$', r'\1: "random"', part, flags=re.MULTILINE)
        if "\nkind: Secret\n" in part
        else part
        for part in parts
    )


def default_values() -> Values:
    """Return ``values.yaml``."""
    loaded = load((CHART / "values.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def schema() -> dict[str, Any]:
    """Return ``values.schema.json``."""
    loaded = json.loads((CHART / "values.schema.json").read_text())
    assert isinstance(loaded, dict)
    return loaded


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Values:
    """Lay values over values, as helm does."""
    result = copy.deepcopy(dict(below))
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
            result[name] = merged(result[name], value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def at(path: Sequence[str], value: object) -> Values:
    """Return values that say one thing only."""
    result: Any = value
    for name in reversed(path):
        result = {name: result}
    assert isinstance(result, dict)
    return result


def find(documents: Sequence[Manifest], kind: str, component: str) -> Manifest:
    """Return the one object of a kind that is named after a component."""
    found = [one for one in documents if one["kind"] == kind and one["metadata"]["name"].endswith(f"-{component}")]
    assert len(found) == 1, f"{len(found)} objects {kind} end with -{component}"
    return found[0]


WORKLOADS = {"Deployment", "StatefulSet", "Job"}


def is_workload(document: Manifest) -> bool:
    """Say whether an object makes pods."""
    knative = document["kind"] == "Service" and document["apiVersion"].startswith("serving.knative.dev/")
    return document["kind"] in WORKLOADS or knative


def pods(documents: Sequence[Manifest]) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Give each workload with the template of its pods."""
    for document in documents:
        if is_workload(document):
            yield document, document["spec"]["template"]


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod's template, those that run first included."""
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def component_of(labelled: Mapping[str, Any]) -> str:
    """Return the component that labels name."""
    return str(labelled["metadata"]["labels"]["app.kubernetes.io/component"])


def environment(container: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, str]:
    """Return a container's variables as the kubelet sets them.

    Parameters
    ----------
    container
        Of a rendered pod.
    fields
        What the pod is: values by field path.
    """
    result: dict[str, str] = {}
    for entry in container.get("env", []):
        if "valueFrom" in entry:
            value = fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        else:
            value = re.sub(r"\$\(([A-Z_]+)\)", lambda match: result[match[1]], entry["value"])
        result[entry["name"]] = value
    return result


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the values that have none below them, with their paths; an empty map is one of them."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value
