"""CPU and memory that the scheduler keeps free for the pods of a rendered chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.deploy import chart

_UNITS = {"m": "0.001", "": "1", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12"}
_BINARY_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text: object) -> Decimal:
    """Read a quantity of Kubernetes, in cores or bytes."""
    word = str(text)
    number = word.rstrip("mkMGTi")
    unit = word[len(number) :]
    return Decimal(number) * Decimal(_BINARY_UNITS.get(unit) or _UNITS[unit])


def of_pod(pod: Mapping[str, Any], resource: str) -> Decimal:
    """Return the request of one pod.

    Its containers run together, its init containers one after another before them: the larger of both counts. An init
    container that restarts always (a sidecar) would run beside them; the chart has none.
    """
    spec = pod["spec"]
    first = [_request(one, resource) for one in spec.get("initContainers", []) if "restartPolicy" not in one]
    assert len(first) == len(spec.get("initContainers", [])), "a sidecar counts otherwise"
    return max([sum((_request(one, resource) for one in spec["containers"]), Decimal(0)), *first])


def _request(container: Mapping[str, Any], resource: str) -> Decimal:
    return quantity(container["resources"]["requests"][resource])


def of_release(rendered: Sequence[chart.Manifest], resource: str, *, render_nodes: int, jobs: bool = True) -> Decimal:
    """Return the request of all pods that run at once.

    Parameters
    ----------
    rendered
        The objects.
    resource
        ``cpu`` or ``memory``.
    render_nodes
        Pods of the render Deployment: where a controller sizes it, the Deployment names none.
    jobs
        Count the migration as well, which runs beside the pods that wait for it.
    """
    total = Decimal(0)
    for workload, pod in chart.pods(rendered):
        if workload["kind"] == "Job":
            count = 1 if jobs else 0
        elif chart.component_of(workload) == "render-node":
            count = workload["spec"].get("replicas", render_nodes)
        else:
            count = workload["spec"]["replicas"]
        total += count * of_pod(pod, resource)
    return total
