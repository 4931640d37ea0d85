"""The nodes of a system: they report, or are asked; an administrator adds, changes and removes them."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from webviewer.accounts import SessionEnd, SessionId
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.errors import Conflict, InvalidInput, NotFound
from webviewer.events import RENDER_NODE_LOST
from webviewer.placement import (
    FORGOTTEN_S,
    HEARTBEAT_S,
    MAX_OWNER,
    ONLINE_S,
    Node,
    NodeId,
    NodeKind,
    NodeReport,
    check_address,
    check_identity,
    check_node_id,
    check_scu,
)
from webviewer.usecases.clock import Clock
from webviewer.usecases.node_status import NodeCalls, NodeProbe
from webviewer.usecases.owners import owners_of
from webviewer.usecases.placement import storage_with_fewest_users
from webviewer.usecases.sessions import Sessions
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory

logger = logging.getLogger(__name__)

MOST_TOLD_AT_ONCE: Final = 100  # ended sessions, in answer to one heartbeat


@dataclass(frozen=True, slots=True)
class Actor:
    """The administrator who changes something; nobody known where a program does."""

    user_id: int | None = None
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a node is told when it reports."""

    node: Node
    owners_digest: str | None


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as the console shows it."""

    node: Node
    is_online: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the size of the pool of render nodes follows."""

    nodes: tuple[NodeView, ...]
    sessions: int
    waiting: int  # open sessions that no live render node draws for


@dataclass(frozen=True, slots=True)
class Nodes:
    """Use cases on nodes.

    Parameters
    ----------
    units, clock, sessions, calls
        What they work with.
    probe
        Asks nodes who they are; None for programs that hear no node.
    """

    units: ControlUnitOfWorkFactory
    clock: Clock
    sessions: Sessions
    calls: NodeCalls
    probe: NodeProbe | None = None

    # -- what nodes say ------------------------------------------------------------------------------------------------

    def hear(self, report: NodeReport) -> Heard:
        """Take what a node says of itself: its registration, and that it lives.

        Raises
        ------
        InvalidInput
            A rule is broken.
        Conflict
            Another node that runs has its identity, or listens at the address that it names.
        """
        checked = _checked(report)
        self._refuse_double(checked, self.clock())
        return self._note(checked)

    def _note(self, report: NodeReport) -> Heard:
        now = self.clock()
        with self.units() as unit:
            node = unit.placement.note(report, now)
            if node.kind is NodeKind.STORAGE:
                _pass_over_owners(unit, node, report.highest_owner)
                _give_storage(unit, now)
            unit.commit()
            digest = owners_of(unit, node.node_id).digest if node.kind is NodeKind.STORAGE else None
        if report.sessions_used:
            open_ids = self.sessions.keep_open_all(report.sessions_used)
            # It was told when they ended; the message may have been lost. The rest is told at the next heartbeats.
            ended = sorted(set(report.sessions_used) - open_ids)[:MOST_TOLD_AT_ONCE]
            for session_id, reason in self._ends_of(ended):
                self.calls.close_streams(node.address, session_id, reason)
        return Heard(node, digest)

    def _refuse_double(self, report: NodeReport, now: dt.datetime) -> None:
        """Refuse a node that takes the identity or the address of another one which is there to be asked.

        A copied database or configuration would else have users served by two nodes by turns. A node whose place was
        really taken over does not answer any more, so nobody waits until it counts as gone.
        """
        if self.probe is None:
            return
        with self.units(read_only=True) as unit:
            others = [node for node in unit.placement.nodes(report.kind) if node.is_online(now)]
        for other in others:
            is_same = other.identity == report.identity
            if is_same == (other.address == report.address) or (is_same and other.added_by_hand):
                continue  # the node itself, one that has nothing to do with it, or one whose address was entered
            said = self.probe.report(other.address)
            answers = said.facts.get("identity") if said.ok else None
            if is_same and answers == report.identity and said.facts.get("run", report.run) != report.run:
                raise Conflict(
                    f"Another node that calls itself {report.identity} runs at {other.address}: two nodes cannot share "
                    "a name, a database or a copy of one.",
                    code="identity_taken",
                )
            if not is_same and answers == other.identity:
                raise Conflict(
                    f"At {report.address} node {other.node_id} answers: give this node the address at which it is "
                    "reached itself.",
                    code="address_taken",
                )

    def leave(self, kind: NodeKind, identity: str) -> None:
        """Note that a node stops: it is offline at once."""
        with self.units() as unit:
            node = unit.placement.find(kind, identity)
            if node is not None:
                unit.placement.fail(node.node_id, self.clock())
            unit.commit()

    def claim_asking(self) -> tuple[Node, ...]:
        """Return the nodes made by hand that did not report; until the next turn no other control node asks them."""
        now = self.clock()
        turn = dt.timedelta(seconds=HEARTBEAT_S - 0.5)
        with self.units() as unit:
            claimed = unit.placement.claim_asking(now, heard_before=now - turn, asked_before=now - turn)
            unit.commit()
        return claimed

    def hear_asked(self, asked: Node, facts: Mapping[str, object]) -> Heard | None:
        """Take what a node answered that was asked; None if it is not the node that it was taken for."""
        try:
            report = _checked(_report_from(asked, facts))
        except InvalidInput as exc:
            logger.warning("node_report_refused", extra={"node_id": asked.node_id, "reason": exc.message})
            return None
        return self._note(report)  # it answers at this very address

    def notice_silent(self) -> int:
        """Call render nodes failed that fell silent, and have the pages ask their lines; returns how many.

        A proxy keeps the stream of a node that hangs open, and the page would see a picture that stands still.
        """
        now = self.clock()
        with self.units() as unit:
            silent = unit.placement.claim_silent(now, now - dt.timedelta(seconds=ONLINE_S))
            for node in silent:
                logger.warning("render_node_silent", extra={"node_id": node.node_id, "address": node.address})
                for owner_id in unit.placement.owners_drawn_by(node.node_id):
                    unit.events.publish(owner_id, RENDER_NODE_LOST, {}, now)
            unit.commit()
        return len(silent)

    def forget_lost(self) -> int:
        """Remove render nodes that registered by themselves and are gone for good; returns how many.

        Storage nodes stay: users' studies are there.
        """
        with self.units() as unit:
            removed = unit.placement.forget_lost(self.clock() - dt.timedelta(seconds=FORGOTTEN_S))
            unit.commit()
        return removed

    # -- what the console shows and does -------------------------------------------------------------------------------

    def all(self) -> tuple[NodeView, ...]:
        """Return all nodes by id."""
        now = self.clock()
        with self.units(read_only=True) as unit:
            return _views(unit, now)

    def get(self, node_id: NodeId) -> NodeView:
        """Return a node.

        Raises
        ------
        NotFound
            There is none.
        """
        with self.units(read_only=True) as unit:
            unit.placement.get(node_id)
            return next(view for view in _views(unit, self.clock()) if view.node.node_id == node_id)

    def scaling(self) -> Scaling:
        """Return what the size of the pool of render nodes follows."""
        now = self.clock()
        with self.units(read_only=True) as unit:
            views = tuple(view for view in _views(unit, now) if view.node.kind is NodeKind.RENDER)
            live = [view.node.node_id for view in views if view.is_online]
            return Scaling(views, unit.sessions.count_open(now), unit.sessions.count_without(live, now))

    def add(self, kind: NodeKind, address: str, actor: Actor, node_id: NodeId | None = None) -> Node:
        """Make a node known; it is offline until it has answered.

        Raises
        ------
        InvalidInput
            The address or the number breaks its rule.
        Conflict
            The number or the address is another node's.
        """
        if node_id is not None:
            check_node_id(node_id)
        now = self.clock()
        with self.units() as unit:
            node = unit.placement.add(kind, check_address(address), now, node_id)
            self._log(unit, AuditEvent.NODE_ADDED, node, actor, {AuditDetail.ADDRESS: node.address})
            unit.commit()
        return node

    def change(
        self,
        node_id: NodeId,
        actor: Actor,
        *,
        address: str | None = None,
        scu: str | None = None,
        is_active: bool | None = None,
    ) -> Node:
        """Give a node another address or SCU, or switch it on or off; what is None stays.

        An inactive render node is told to let its streams go; their sessions are placed anew at their next request.

        Raises
        ------
        InvalidInput
            A value breaks its rule.
        NotFound
            There is no such node.
        Conflict
            The address is another node's.
        """
        with self.units() as unit:
            before = unit.placement.get(node_id)
            details: dict[AuditDetail, str] = {}
            if address is not None and check_address(address) != before.address:
                details[AuditDetail.ADDRESS] = check_address(address)
            if scu is not None and check_scu(scu) != before.scu:
                if before.kind is not NodeKind.STORAGE:
                    raise InvalidInput("Only a storage node has an SCU.", code="invalid_scu")
                details[AuditDetail.SCU] = scu
            if details:
                unit.placement.change(
                    node_id, address=details.get(AuditDetail.ADDRESS), scu=details.get(AuditDetail.SCU)
                )
            if is_active is not None and is_active != before.is_active:
                unit.placement.set_active(node_id, is_active=is_active)
                details[AuditDetail.NEW_STATUS] = "Active" if is_active else "Inactive"
            node = unit.placement.get(node_id)
            if details:
                self._log(unit, AuditEvent.NODE_CHANGED, node, actor, details)
            unit.commit()
        if is_active is not None:
            self.calls.set_active(node.address, is_active=is_active)
        return node

    def remove(self, node_id: NodeId, actor: Actor) -> None:
        """Remove a node; sessions that it draws for are placed anew.

        Raises
        ------
        NotFound
            There is no such node.
        Conflict
            It is a storage node with users, or it would register again at once.
        """
        with self.units() as unit:
            unit.placement.serialize()
            node = unit.placement.get(node_id)
            users = unit.accounts.storage_counts().get(node_id, 0)
            if users:
                raise Conflict(
                    f"Node {node_id} keeps the studies of {users} {'user' if users == 1 else 'users'}: give them "
                    "another storage node first.",
                    code="node_has_users",
                )
            if node.is_online(self.clock()) and not node.added_by_hand:
                raise Conflict(
                    f"Node {node_id} runs and would register again at once: stop it first, or set it inactive.",
                    code="node_online",
                )
            unit.placement.remove(node_id)
            self._log(unit, AuditEvent.NODE_REMOVED, node, actor, {AuditDetail.ADDRESS: node.address})
            unit.commit()

    def _ends_of(self, session_ids: Sequence[int]) -> list[tuple[int, str]]:
        ends = []
        with self.units(read_only=True) as unit:
            for session_id in session_ids:
                try:
                    reason = unit.sessions.get(SessionId(session_id)).end_reason
                except NotFound:
                    reason = None
                ends.append((session_id, (reason or SessionEnd.EXPIRED).value))
        return ends

    def _log(
        self, unit: ControlUnitOfWork, event: AuditEvent, node: Node, actor: Actor, details: dict[AuditDetail, str]
    ) -> None:
        known = {AuditDetail.NODE_ID: str(node.node_id), **details}
        unit.audit.add(AuditEntry(event, self.clock(), actor.user_id, actor.user_name, known))


def _checked(report: NodeReport) -> NodeReport:
    check_identity(report.identity)
    if not 0 <= report.highest_owner <= MAX_OWNER:
        raise InvalidInput(f"highest_owner {report.highest_owner} is invalid: must be from 0 to {MAX_OWNER}.")
    if report.scu is not None:
        if report.kind is not NodeKind.STORAGE:
            raise InvalidInput("A render node has no SCU: it sends no DICOM objects.", code="invalid_scu")
        check_scu(report.scu)
    return replace(report, address=check_address(report.address))


def _pass_over_owners(unit: ControlUnitOfWork, node: Node, highest_owner: int) -> None:
    """Let no new user have the number of one whose studies a storage node still has.

    A control database that was restored knows nothing of users who were made after its backup.
    """
    if highest_owner <= unit.accounts.last_number():
        return
    unit.placement.serialize()  # users are made inside it too
    last = unit.accounts.last_number()
    if highest_owner > last:
        unit.accounts.pass_over(highest_owner)
        logger.warning("user_numbers_passed_over", extra={"node_id": node.node_id, "last": last, "now": highest_owner})


def _give_storage(unit: ControlUnitOfWork, now: dt.datetime) -> None:
    """Give a storage node to users who were made before there was one and whom modalities send to."""
    if not unit.accounts.without_storage():
        return
    unit.placement.serialize()
    for account in unit.accounts.without_storage():
        chosen = storage_with_fewest_users(unit, now)
        if chosen is None:
            return
        unit.accounts.set_storage_node(account.user_id, chosen)


def _views(unit: ControlUnitOfWork, now: dt.datetime) -> tuple[NodeView, ...]:
    drawn, kept = unit.placement.session_counts(), unit.sessions.storage_counts(now)
    return tuple(
        NodeView(
            node,
            node.is_online(now),
            (drawn if node.kind is NodeKind.RENDER else kept).get(node.node_id, 0),
        )
        for node in unit.placement.nodes()
    )


def _report_from(asked: Node, facts: Mapping[str, object]) -> NodeReport:
    """Return the report of a node that was asked, at the address at which it answered."""
    kind, identity = facts.get("kind"), facts.get("identity")
    if kind != asked.kind.value:
        raise InvalidInput(f"{asked.address} is a {kind!s:.16} node, not a {asked.kind.value} node.")
    if not isinstance(identity, str):
        raise InvalidInput(f"{asked.address} does not say which node it is.")
    scu, version, used, more = (facts.get(name) for name in ("scu", "version", "sessions_used", "facts"))
    highest = facts.get("highest_owner")
    return NodeReport(
        kind=asked.kind,
        identity=identity,
        address=asked.address,
        version=str(version or ""),
        run=str(facts.get("run", "")),
        scu=scu if isinstance(scu, str) else None,
        sessions_used=tuple(one for one in used if isinstance(one, int)) if isinstance(used, list) else (),
        highest_owner=highest if isinstance(highest, int) else 0,
        facts=more if isinstance(more, dict) else {},
    )
