"""Who reaches whom by the NetworkPolicies of what is rendered, judged by the rules of Kubernetes.

Policies add up; a pod that one selects for a direction is refused all else in it; both ends must agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.deploy import chart


@dataclass(frozen=True)
class End:
    """A pod of ours, a pod of others, or an address outside of the cluster (then without labels)."""

    name: str
    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


def pod_ends(rendered: Sequence[chart.Manifest]) -> dict[str, End]:
    """Return a pod of each component."""
    ends: dict[str, End] = {}
    for number, (workload, pod) in enumerate(chart.pods(rendered)):
        name = chart.component_of(workload)
        ends[name] = End(name, f"10.244.0.{number + 1}", chart.NAMESPACE, pod["metadata"]["labels"])
    return ends


def listening(rendered: Sequence[chart.Manifest]) -> dict[str, set[int]]:
    """Return the ports of each component's containers."""
    return {
        chart.component_of(workload): {
            port["containerPort"] for container in chart.containers(pod) for port in container.get("ports", [])
        }
        for workload, pod in chart.pods(rendered)
    }


def may_reach(rendered: Sequence[chart.Manifest], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Say whether a connection is let through at both ends."""
    policies = [document for document in rendered if document["kind"] == "NetworkPolicy"]
    out = _lets(policies, source, target, "Egress", (port, protocol))
    return out and _lets(policies, target, source, "Ingress", (port, protocol))


def _lets(policies: Sequence[chart.Manifest], own: End, other: End, direction: str, port: tuple[int, str]) -> bool:
    selecting = [
        policy["spec"]
        for policy in policies
        if own.namespace == policy["metadata"]["namespace"]
        and direction in policy["spec"]["policyTypes"]
        and _matches(policy["spec"]["podSelector"], own.labels)
    ]
    if not selecting:
        return True
    side = "to" if direction == "Egress" else "from"
    return any(
        _port_fits(rule, *port) and (side not in rule or any(_peer_is(peer, other) for peer in rule[side]))
        for spec in selecting
        for rule in spec.get(direction.lower(), [])
    )


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _port_fits(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
    return "ports" not in rule or any(one["port"] == port and one["protocol"] == protocol for one in rule["ports"])


def _peer_is(peer: Mapping[str, Any], end: End) -> bool:
    if "ipBlock" in peer:
        block, address = peer["ipBlock"], ipaddress.ip_address(end.address)
        inside = address in ipaddress.ip_network(block["cidr"])
        return inside and not any(address in ipaddress.ip_network(one) for one in block.get("except", []))
    if not end.namespace:
        return False
    if "namespaceSelector" in peer:
        in_namespace = _matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": end.namespace})
    else:
        in_namespace = end.namespace == chart.NAMESPACE
    return in_namespace and _matches(peer.get("podSelector", {}), end.labels)
