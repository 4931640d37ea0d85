"""A Deployment, its ReplicaSet and the control node's nodes as plain data, for tests of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from renderpool.controller.decide import Facts, Node, Plan, Pod


def removal_order(pod: Pod, node: Node | None, ready: bool) -> tuple[bool, bool, int, str]:
    """Kubernetes's own order of who goes first: not running, not ready, then the deletion cost."""
    return (node is not None, ready, pod.deletion_cost, pod.name)


@dataclass
class PoolModel:
    """What the API server and the control node would hold; `carry_out` is what the controller does with a plan."""

    replicas: int
    pods: dict[str, Pod]
    nodes: dict[str, Node]
    born: int = 0

    def facts(self, now: float, waiting: int = 0) -> Facts:
        return Facts(now, tuple(self.nodes.values()), waiting, self.replicas, tuple(self.pods.values()))

    def carry_out(self, plan: Plan, now: float) -> list[str]:
        """Do what the plan says, then what a ReplicaSet does; returns the pods that went."""
        for name in plan.bring_back:
            self.pods[name] = replace(self.pods[name], draining_since=None, deletion_cost=0)
            self._set_active(name, active=True)
        for name in plan.drain:
            pod = self.pods[name]
            self.pods[name] = replace(pod, draining_since=now if pod.draining_since is None else pod.draining_since)
            self._set_active(name, active=False)
        for name, cost in plan.costs.items():
            self.pods[name] = replace(self.pods[name], deletion_cost=cost)
        self.replicas = plan.replicas
        return self.reconcile()

    def reconcile(self) -> list[str]:
        """Start or end pods until there are as many as wanted."""
        while len(self.pods) < self.replicas:
            self.born += 1
            self.pods[f"new-{self.born}"] = Pod(f"new-{self.born}")
        ready: Mapping[str, bool] = {name: node.online for name, node in self.nodes.items()}
        order = sorted(
            self.pods.values(), key=lambda pod: removal_order(pod, self.nodes.get(pod.name), ready.get(pod.name, False))
        )
        gone = [pod.name for pod in order[: max(0, len(self.pods) - self.replicas)]]
        for name in gone:
            del self.pods[name]
            self.nodes.pop(name, None)
        return gone

    def _set_active(self, name: str, *, active: bool) -> None:
        if name in self.nodes:
            self.nodes[name] = replace(self.nodes[name], active=active)
