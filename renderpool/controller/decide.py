"""How many render nodes there should be and which of them go: a pure function from facts to a plan.

The rules
---------
- **Need.** Sessions on nodes that live, and those that wait for one, at ``target_sessions`` a node, rounded up, and
  ``warm_spare`` nodes on top, within ``minimum`` and ``maximum``.
- **Capacity.** A pod counts when its node takes sessions, and also while its node has not registered yet: it is coming.
  A pod does not count when its node has not been heard of for `LOST_AFTER_S` (shorter silences are the control node's
  restarts) or when somebody made it inactive; others are started in its place, at most as many again as are needed.
- **Up at once**, and nodes that are being emptied are brought back first: they are warm.
- **Down late.** The pool shrinks to the most that was needed within the last ``scale_down_delay_s``, and not before it
  was watched for so long.
- **Down gently.** The emptiest pods go first. A node that goes is made inactive, so that its sessions move and no new
  ones come. It leaves when it is empty, or when ``drain_limit_s`` is over: what is still on it moves when it stops.
- **Who goes is said before how many.** Deletion costs are part of the plan and are written before the new size.

That a node is being emptied by us is written on its pod: after a restart, or in another controller, the same rules go
on from there, and a node that an administrator made inactive is never brought back by us.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

LOST_AFTER_S: Final = 30.0
SETTLE_S: Final = 5.0  # an inactive node may still be given the session that was placed at the same moment
_GOING: Final = -1_000_000  # below what any node has in sessions
_GONE: Final = -2_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the pool is to be kept within."""

    target_sessions: int = 20
    minimum: int = 1
    maximum: int = 10
    warm_spare: int = 1
    scale_down_delay_s: float = 300.0
    drain_limit_s: float = 120.0

    def needed(self, sessions: int) -> int:
        """Return how many nodes so many sessions need."""
        wish = math.ceil(sessions / self.target_sessions) + self.warm_spare
        return max(self.minimum, min(self.maximum, wish))


@dataclass(frozen=True, slots=True)
class Node:
    """A render node as the control node knows it; its identity is the name of its pod."""

    node_id: int
    identity: str
    active: bool
    online: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the Deployment, with what we wrote on it."""

    name: str
    terminating: bool = False
    draining_since: float | None = None
    deletion_cost: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at one moment; ``now`` and ``draining_since`` are seconds of one clock."""

    now: float
    nodes: Sequence[Node]
    waiting: int  # open sessions without a live render node
    replicas: int  # wanted at present
    pods: Sequence[Pod]


@dataclass(frozen=True, slots=True)
class Memory:
    """What one decision leaves to the next; an empty one is safe, it only delays what makes the pool smaller."""

    since: float | None = None
    needs: tuple[tuple[float, int], ...] = ()  # when so many were last needed: later in time, fewer in number
    silent_since: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order: bring back, drain, write costs, set replicas."""

    replicas: int
    bring_back: tuple[str, ...]  # pods whose nodes are made active again; their cost is taken back with the mark
    drain: tuple[str, ...]  # pods whose nodes are made inactive
    costs: Mapping[str, int]  # deletion costs to write, by pod
    memory: Memory
    sessions: int
    needed: int
    capacity: int  # nodes that serve or are coming, as found
    reason: str  # empty if nothing is to be done

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to do but to remember."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class _Place:
    """A pod that is not going away by itself, and its node if it has registered."""

    pod: Pod
    node: Node | None
    lost: bool

    @property
    def sessions(self) -> int:
        return self.node.sessions if self.node is not None and self.node.online else 0

    @property
    def draining(self) -> bool:
        return self.pod.draining_since is not None

    @property
    def order(self) -> tuple[bool, int, str]:
        """The first of these goes first: who has not started yet, then the emptiest."""
        return (self.node is not None, self.sessions, self.pod.name)


def decide(facts: Facts, memory: Memory, limits: Limits) -> Plan:
    """Say what is to be done about the pool now.

    Parameters
    ----------
    facts
        Pods, nodes and sessions; all of them were really read, nothing is guessed.
    memory
        What the last decision left, or an empty one.
    limits
        The rules' numbers.

    Returns
    -------
    Plan
        To be carried out whole; the same facts again give the same plan.
    """
    nodes = {node.identity: node for node in facts.nodes}
    sessions = facts.waiting + sum(
        nodes[pod.name].sessions for pod in facts.pods if pod.name in nodes and nodes[pod.name].online
    )
    needed = limits.needed(sessions)
    memory = _remember(memory, facts, nodes, needed, limits)
    places = [
        _Place(pod, nodes.get(pod.name), _is_lost(pod, nodes.get(pod.name), facts.now, memory))
        for pod in facts.pods
        if not pod.terminating
    ]
    draining = sorted((place for place in places if place.draining), key=lambda place: place.order)
    lost = [place for place in places if place.lost and not place.draining]
    working = sorted(
        (place for place in places if not place.lost and not place.draining), key=lambda place: place.order
    )
    capacity = max(0, facts.replicas - len(lost) - len(draining))
    nothing = Plan(facts.replicas, (), (), {}, memory, sessions, needed, capacity, "")
    if capacity < needed:
        return _grow(nothing, limits, draining, lost)
    unborn = max(0, facts.replicas - len(places))  # wanted, but without a pod so far
    watched = memory.since is not None and facts.now - memory.since >= limits.scale_down_delay_s
    surplus = capacity - max(need for _, need in memory.needs) if watched else 0
    unborn_go = min(unborn, max(0, surplus))
    chosen = working[: max(0, surplus - unborn_go)]
    gone = [place for place in chosen if place.node is None]
    if all(place.node is not None or place in gone for place in working) and unborn == unborn_go:
        # a ReplicaSet takes pods that do not run yet before any other, whatever they cost: not while we wait for one
        gone += [place for place in draining if _is_drained(place, facts.now, limits)]
        gone += [place for place in lost if place.sessions == 0]
    drain = [place for place in chosen if place.node is not None]
    again = [place for place in draining if place.node is not None and place.node.active and place not in gone]
    everyone = [*working, *draining, *lost]
    return _shrink(nothing, limits, drain=drain, again=again, gone=gone, everyone=everyone, unborn_go=unborn_go)


def _grow(nothing: Plan, limits: Limits, draining: Sequence[_Place], lost: Sequence[_Place]) -> Plan:
    missing = nothing.needed - nothing.capacity
    # the fullest first: fewest sessions have moved away from them
    warm = [place for place in reversed(draining) if place.node is not None and place.node.online][:missing]
    missing -= len(warm)
    replicas, reasons = nothing.replicas, []
    if warm:
        reasons.append(f"{len(warm)} brought back")
    if missing > 0:
        stay_away = len(draining) - len(warm) + min(len(lost), nothing.needed)
        replicas = max(replicas, min(limits.maximum, nothing.needed + stay_away))
        if replicas > nothing.replicas:
            reasons.append(f"{replicas - nothing.replicas} started")
    return replace(
        nothing,
        replicas=replicas,
        bring_back=tuple(place.pod.name for place in warm),
        reason=f"{_need(nothing)}, {nothing.capacity} serve: {' and '.join(reasons)}" if reasons else "",
    )


def _shrink(
    nothing: Plan,
    limits: Limits,
    *,
    drain: Sequence[_Place],
    again: Sequence[_Place],
    gone: Sequence[_Place],
    everyone: Sequence[_Place],
    unborn_go: int,
) -> Plan:
    replicas = max(nothing.replicas - len(gone) - unborn_go, min(limits.minimum, nothing.replicas))
    costs: dict[str, int] = {}
    reasons = []
    if drain:
        reasons.append(f"{len(drain)} to be emptied")
        costs = {place.pod.name: place.sessions + _GOING for place in drain}
    if again:
        reasons.append(f"{len(again)} still to be emptied")
    if replicas < nothing.replicas:
        reasons.append(f"{nothing.replicas - replicas} to go")
        # all are told, in the order of their sessions: only now, as each write is work for the API server
        leaving = {place.pod.name for place in drain}
        for place in everyone:
            going = place.draining or place.lost or place.pod.name in leaving
            costs[place.pod.name] = place.sessions + (_GONE if place in gone else _GOING if going else 0)
    known = {place.pod.name: place.pod.deletion_cost for place in everyone}
    return replace(
        nothing,
        replicas=replicas,
        drain=tuple(place.pod.name for place in (*drain, *again)),
        costs={name: cost for name, cost in costs.items() if known[name] != cost},
        reason=f"{_need(nothing)} of {nothing.replicas}: {' and '.join(reasons)}" if reasons else "",
    )


def _need(plan: Plan) -> str:
    return f"{plan.sessions} sessions need {plan.needed} nodes"


def _remember(memory: Memory, facts: Facts, nodes: Mapping[str, Node], needed: int, limits: Limits) -> Memory:
    since = facts.now if memory.since is None else min(memory.since, facts.now)
    oldest = facts.now - limits.scale_down_delay_s
    return Memory(
        since,
        # of earlier needs only the greater ones can still decide
        (*((when, need) for when, need in memory.needs if need > needed and when > oldest), (facts.now, needed)),
        {
            pod.name: memory.silent_since.get(pod.name, facts.now)
            for pod in facts.pods
            if pod.name in nodes and not nodes[pod.name].online
        },
    )


def _is_lost(pod: Pod, node: Node | None, now: float, memory: Memory) -> bool:
    if node is None:
        return False
    if not node.online:
        return now - memory.silent_since[pod.name] >= LOST_AFTER_S
    return not node.active


def _is_drained(place: _Place, now: float, limits: Limits) -> bool:
    since = place.pod.draining_since
    if since is None:
        return False
    return (place.sessions == 0 and now - since >= SETTLE_S) or now - since >= limits.drain_limit_s
