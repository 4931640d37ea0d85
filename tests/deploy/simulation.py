"""A hospital's day, event by event: doctors come, think and leave, nodes start, die and are drained; we decide.

What is real: `renderpool.controller.decide`, asked every few seconds, and a ReplicaSet's order of removal. What is
modelled: a node has as many seats as ``target_sessions``; a session takes the node with the fewest and stays there;
who finds no seat waits for one. (The house is kinder: it seats them at once, more to a node than is good.) A page whose
node has died notices at the doctor's next action or at the 20 s ping; one whose node is drained is told, and comes back
within seconds.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from renderpool.controller.decide import Facts, Limits, Memory, Node, Plan, decide
from tests.deploy.pool_model import PoolModel

HOUR = 3600.0
Decide = Callable[[Facts, Memory, Limits], Plan]


@dataclass(frozen=True, slots=True)
class Hospital:
    """Who comes when, and what breaks."""

    doctors: int = 5000
    begin_h: float = 0.0
    end_h: float = 24.0
    node_start_s: float = 60.0
    node_hours_per_death: float = 150.0
    restart_s: float = 20.0  # a process that crashed
    eviction_s: float = 300.0  # a machine that was lost: until its pods are given up
    ping_s: float = 20.0
    think_s: float = 8.0
    interval_s: float = 5.0
    seed: int = 2026

    def sittings(self, dice: random.Random) -> Iterator[tuple[float, float]]:
        """Yield from when to when somebody sits before the viewer: shifts of eight hours, with breaks."""
        for _ in range(self.doctors):
            kind = dice.random()
            begin = dice.gauss(8.0, 0.7) if kind < 0.7 else dice.gauss(14.0, 1.0) if kind < 0.9 else dice.uniform(0, 24)
            now, end = begin * HOUR, (begin + 8.0) * HOUR
            while now < end:
                until = min(end, now + dice.lognormvariate(math.log(50 * 60), 0.7))
                if now >= self.begin_h * HOUR and now < self.end_h * HOUR:
                    yield now, until
                now = until + dice.expovariate(1 / (40 * 60))


@dataclass
class Session:
    """A doctor's session; `asked_at` while it has no seat."""

    ends_at: float
    asked_at: float | None
    node: str = ""
    is_new: bool = True


@dataclass
class Report:
    """What a day was like."""

    doctors: int
    sessions: int = 0
    peak_sessions: int = 0
    peak_nodes: int = 0
    seat_wait_p50_s: float = 0.0
    seat_wait_p99_s: float = 0.0
    seat_wait_max_s: float = 0.0
    moved_by_drain: int = 0
    moved_by_death: int = 0
    moved_by_removal: int = 0
    move_wait_p99_s: float = 0.0
    deaths: int = 0
    scale_ups: int = 0
    scale_downs: int = 0
    node_hours: float = 0.0
    fixed_nodes: int = 0
    fixed_node_hours: float = 0.0

    @property
    def saved(self) -> float:
        """Share of node-hours that a fixed pool would have had on top."""
        return 1 - self.node_hours / self.fixed_node_hours

    def text(self) -> str:
        rows = {**asdict(self), "node_hours_saved_percent": 100 * self.saved}
        return "".join(f"{name:26}{value:>12,.1f}\n" for name, value in rows.items())

    def json(self) -> str:
        return json.dumps({**asdict(self), "saved": round(self.saved, 4)}, indent=2) + "\n"


def quantile(values: list[float], share: float) -> float:
    """Return the value that so many of them do not exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, math.ceil(share * len(ranked)) - 1)] if ranked else 0.0


@dataclass
class Day:
    """The events of one day, in order; `run` gives the report."""

    hospital: Hospital
    limits: Limits
    decide: Decide = decide
    now: float = 0.0
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.hospital.seed)
        self.order = itertools.count()
        self.pool = PoolModel(self.limits.minimum, {}, {})
        self.seated: dict[str, set[int]] = {}  # by node that has registered
        self.sessions: dict[int, Session] = {}
        self.queue: deque[int] = deque()
        self.lost: set[int] = set()  # whose node is gone, and who have not noticed yet
        self.started: dict[str, float] = {}  # by pod
        self.dead: set[str] = set()  # who does not answer
        self.memory = Memory()
        self.report = Report(self.hospital.doctors)
        self.seat_waits: list[float] = []
        self.move_waits: list[float] = []
        self.ids = itertools.count(1)

    def run(self) -> Report:
        """Let the day pass."""
        self.now = self.hospital.begin_h * HOUR
        end = self.hospital.end_h * HOUR
        for begin, until in self.hospital.sittings(self.dice):
            self.at(begin, partial(self.come, until))
        self.start_pods(self.pool.reconcile())
        self.at(self.now, self.tick)
        while self.events and self.events[0][0] < end:
            self.now, _, event = heapq.heappop(self.events)
            event()
        self.now = end
        for name in tuple(self.started):
            self.stop_pod(name)
        for session in self.sessions.values():
            if session.asked_at is not None:
                self.note_wait(session)  # who still waits has waited so long at least
        report = self.report
        report.seat_wait_p50_s, report.seat_wait_p99_s = (quantile(self.seat_waits, share) for share in (0.5, 0.99))
        report.seat_wait_max_s = max(self.seat_waits, default=0.0)
        report.move_wait_p99_s = quantile(self.move_waits, 0.99)
        report.fixed_nodes = math.ceil(report.peak_sessions / self.limits.target_sessions) + self.limits.warm_spare
        report.fixed_node_hours = report.fixed_nodes * (self.hospital.end_h - self.hospital.begin_h)
        return report

    def at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self.events, (when, next(self.order), event))

    # --- doctors ----------------------------------------------------------------------------------------------------

    def come(self, until: float) -> None:
        session_id = next(self.ids)
        self.sessions[session_id] = Session(until, self.now)
        self.report.sessions += 1
        self.report.peak_sessions = max(self.report.peak_sessions, len(self.sessions))
        self.at(until, lambda: self.leave(session_id))
        self.queue.append(session_id)
        self.seat()

    def leave(self, session_id: int) -> None:
        session = self.sessions.pop(session_id)
        self.seated.get(session.node, set()).discard(session_id)
        self.lost.discard(session_id)
        if session.asked_at is not None:
            self.note_wait(session)
        self.seat()

    def seat(self) -> None:
        """Give free seats to those who wait, in their order: the node with the fewest sessions first."""
        while self.queue:
            session = self.sessions.get(self.queue[0])
            if session is None or session.asked_at is None:
                self.queue.popleft()  # has left
                continue
            free = [
                (len(sitting), name)
                for name, sitting in self.seated.items()
                if self.pool.nodes[name].active and self.pool.nodes[name].online
            ]
            count, name = min(free, default=(self.limits.target_sessions, ""))
            if count >= self.limits.target_sessions:
                return
            session_id = self.queue.popleft()
            self.note_wait(session)
            session.node, session.is_new = name, False
            self.seated[name].add(session_id)

    def note_wait(self, session: Session) -> None:
        assert session.asked_at is not None
        (self.seat_waits if session.is_new else self.move_waits).append(self.now - session.asked_at)
        session.asked_at = None

    def move(self, name: str, notice: Callable[[], float]) -> int:
        """All sessions of a node look for another one, each when it notices; returns how many."""
        moving = tuple(self.seated[name])
        for session_id in moving:
            self.at(self.now + notice(), partial(self.ask_again, session_id, name, self.now))
        return len(moving)

    def ask_again(self, session_id: int, name: str, lost_at: float) -> None:
        session = self.sessions.get(session_id)
        if session is None or session.node != name or session.asked_at is not None:
            return
        node = self.pool.nodes.get(name)
        if node is not None and node.active and node.online:
            return  # it came back in time
        self.seated.get(name, set()).discard(session_id)
        self.lost.discard(session_id)
        session.node, session.asked_at = "", lost_at
        self.queue.append(session_id)
        self.seat()

    # --- nodes ------------------------------------------------------------------------------------------------------

    def start_pods(self, gone: list[str]) -> None:
        """Let pods that went be gone, and new ones start."""
        for name in gone:
            moved = self.move(name, self.soon) if name in self.seated else 0
            self.report.moved_by_removal += 0 if name in self.dead else moved  # those of a dead one are counted already
            self.lost |= self.seated.pop(name, set())
            self.stop_pod(name)
        for name in self.pool.pods:
            if name not in self.started:
                self.started[name] = self.now
                self.at(self.now + self.hospital.node_start_s, partial(self.register, name))
        self.report.peak_nodes = max(self.report.peak_nodes, len(self.pool.pods))

    def stop_pod(self, name: str) -> None:
        self.report.node_hours += (self.now - self.started.pop(name)) / HOUR

    def register(self, name: str) -> None:
        """A node is there, for the first time or again."""
        if name not in self.pool.pods:
            return
        known = self.pool.nodes.get(name)
        self.pool.nodes[name] = replace(known, online=True) if known else Node(int(name[4:]), name, True, True, 0)
        self.seated.setdefault(name, set())
        self.dead.discard(name)
        lives_s = self.dice.expovariate(1 / (self.hospital.node_hours_per_death * HOUR))
        self.at(self.now + lives_s, lambda: self.die(name))
        self.seat()

    def die(self, name: str) -> None:
        if name not in self.pool.nodes:
            return
        self.report.deaths += 1
        self.dead.add(name)
        self.pool.nodes[name] = replace(self.pool.nodes[name], online=False)
        self.report.moved_by_death += self.move(name, self.when_noticed)
        if self.dice.random() < 0.5:
            self.at(self.now + self.hospital.restart_s, lambda: self.register(name))
        else:
            self.at(self.now + self.hospital.eviction_s, lambda: self.evict(name))

    def evict(self, name: str) -> None:
        if name in self.pool.pods:
            del self.pool.pods[name]
            self.pool.nodes.pop(name, None)
            self.start_pods([name, *self.pool.reconcile()])

    def soon(self) -> float:
        return self.dice.uniform(0.5, 3.0)

    def when_noticed(self) -> float:
        return min(self.hospital.ping_s, self.dice.expovariate(1 / self.hospital.think_s))

    # --- the controller ---------------------------------------------------------------------------------------------

    def tick(self) -> None:
        self.at(self.now + self.hospital.interval_s, self.tick)
        homeless = len(self.lost)
        for name, node in self.pool.nodes.items():
            sitting = len(self.seated.get(name, ()))
            self.pool.nodes[name] = replace(node, sessions=sitting)
            homeless += 0 if node.online else sitting
        queued = sum(1 for one in self.queue if one in self.sessions and self.sessions[one].asked_at is not None)
        plan = self.decide(self.pool.facts(self.now, queued + homeless), self.memory, self.limits)
        self.memory = plan.memory
        if plan.changes_nothing:
            return
        self.report.scale_ups += plan.replicas > self.pool.replicas
        self.report.scale_downs += plan.replicas < self.pool.replicas
        fresh = [name for name in plan.drain if self.pool.nodes[name].active]
        gone = self.pool.carry_out(plan, self.now)
        for name in fresh:
            if name in self.seated:
                self.report.moved_by_drain += self.move(name, self.soon)
        self.start_pods(gone)
        self.seat()
