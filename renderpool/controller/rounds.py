"""One look at the pool and what follows from it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from renderpool.controller.control import ControlNode
from renderpool.controller.decide import Facts, Limits, Memory, Plan, decide
from renderpool.controller.kube import DELETION_COST, DRAINING_SINCE, Cluster, Lease, Pool, time_text
from webviewer.core.errors import Conflict, NotFound

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What one round did."""

    plan: Plan
    replicas_before: int


@dataclass
class Rounds:
    """Reads the facts, decides, and carries the plan out; whatever cannot be read or written ends the round."""

    cluster: Cluster
    control: ControlNode
    lease: Lease
    limits: Limits
    blind_s: float = 60.0  # what we did not see for so long may have been anything
    clock: Callable[[], float] = time.time
    memory: Memory = field(default_factory=Memory)
    _seen_at: float = float("-inf")

    def once(self) -> Done | None:
        """Do one round; returns what was done, None if another controller acts.

        Raises
        ------
        WebviewerError
            A fact is missing or a part of the plan was refused: nothing was done, or not all of it. The next round
            starts from what is.
        """
        if not self.lease.hold():
            self.memory = Memory()
            return None
        scaling = self.control.scaling()
        pool = self.cluster.pool()
        facts = Facts(self.clock(), scaling.nodes, scaling.waiting, pool.replicas, pool.pods)
        if abs(facts.now - self._seen_at) > self.blind_s:
            self.memory = Memory()
        plan = decide(facts, self.memory, self.limits)
        self.memory, self._seen_at = plan.memory, facts.now
        if not plan.changes_nothing:
            _LOG.info(
                "pool_plan",
                extra={
                    "reason": plan.reason,
                    "replicas": plan.replicas,
                    "replicas_before": pool.replicas,
                    "drain": list(plan.drain),
                    "bring_back": list(plan.bring_back),
                    "costs": dict(plan.costs),
                    "sessions": plan.sessions,
                    "waiting": scaling.waiting,
                    "capacity": plan.capacity,
                },
            )
            self._carry_out(plan, facts, pool)
        return Done(plan, pool.replicas)

    def _carry_out(self, plan: Plan, facts: Facts, pool: Pool) -> None:
        node_ids = {node.identity: node.node_id for node in facts.nodes}
        marked = {pod.name for pod in pool.pods if pod.draining_since is not None}
        costs = dict(plan.costs)
        if plan.replicas > pool.replicas:  # doctors wait: this first
            self._may_act()
            self.cluster.resize(plan.replicas, pool.version)
        for name in plan.bring_back:
            self._set_active(node_ids[name], active=True)
            self._annotate(name, {DRAINING_SINCE: None, DELETION_COST: None})
        for name in plan.drain:
            cost = costs.pop(name, None)
            wish: dict[str, str | None] = {} if name in marked else {DRAINING_SINCE: time_text(facts.now)}
            wish |= {} if cost is None else {DELETION_COST: str(cost)}
            if wish:  # that it is our doing is known before it is done
                self._annotate(name, wish)
            self._set_active(node_ids[name], active=False)
        for name, cost in costs.items():
            self._annotate(name, {DELETION_COST: str(cost)})
        if plan.replicas < pool.replicas:
            self._may_act()
            self.cluster.resize(plan.replicas, pool.version)

    def _annotate(self, pod: str, annotations: dict[str, str | None]) -> None:
        self._may_act()
        with contextlib.suppress(NotFound):  # it has gone meanwhile
            self.cluster.annotate(pod, annotations)

    def _set_active(self, node_id: int, *, active: bool) -> None:
        self._may_act()
        with contextlib.suppress(NotFound):
            self.control.set_active(node_id, active=active)

    def _may_act(self) -> None:
        if not self.lease.is_held:
            raise Conflict("The lease ran out in the middle of a round: nothing more is done.", code="lease_lost")
