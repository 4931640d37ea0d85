"""Nodes, and the placement of sessions on them, on both databases."""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import argon2
import pytest
from sqlalchemy import Engine

from webviewer.accounts import SessionEnd, SessionId, UserId, token_hash
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.adapters.db.placement_repository import SqlPlacementRepository
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory
from webviewer.audit import AuditDetail, AuditEvent
from webviewer.core.errors import Conflict, InvalidInput, NotFound, NotSignedIn, Unavailable
from webviewer.events import EventId
from webviewer.placement import Node, NodeId, NodeKind, NodeReport
from webviewer.usecases.accounts import Accounts
from webviewer.usecases.node_status import NoCalls, NodeAnswer
from webviewer.usecases.nodes import Actor, Nodes
from webviewer.usecases.owners import Owners
from webviewer.usecases.placement import Placement, storage_for
from webviewer.usecases.sessions import Sessions
from webviewer.usecases.sign_in import SignIn
from webviewer.usecases.turns import Turns

HASHER = Argon2Hasher(parameters=argon2.Parameters(argon2.Type.ID, 19, 16, 32, 1, 64, 1))
ADMINISTRATOR = Actor(1, "admin")


@dataclass
class Calls(NoCalls):
    """Remembers what nodes were told."""

    told: list[tuple[object, ...]] = field(default_factory=list)

    def set_active(self, address: str, *, is_active: bool) -> None:
        self.told.append((address, is_active))

    def close_streams(self, address: str, session_id: int, reason: str) -> None:
        self.told.append((address, session_id, reason))


@dataclass
class Asked:
    """Answers as the nodes at these addresses do; others are silent."""

    there: dict[str, dict[str, object]] = field(default_factory=dict)
    count: int = 0

    def report(self, address: str) -> NodeAnswer:
        self.count += 1
        said = self.there.get(address)
        return NodeAnswer(ok=said is not None, reason="", facts=said or {})

    health = status = patient_conflicts = report


@dataclass
class House:
    """The use cases on one database, with a clock that a test moves."""

    units: SqlControlUnitOfWorkFactory
    now: dt.datetime = dt.datetime(2026, 3, 14, 10, 9, 49, tzinfo=dt.UTC)
    calls: Calls = field(default_factory=Calls)
    asked: Asked = field(default_factory=Asked)

    def clock(self) -> dt.datetime:
        return self.now

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.units, HASHER, self.clock, self.calls)
        self.sessions = Sessions(self.units, self.clock, 3600, self.calls)
        self.nodes = Nodes(self.units, self.clock, self.sessions, self.calls, self.asked)
        self.placement = Placement(self.units, self.clock)
        self.sign_in = SignIn(self.units, HASHER, self.clock, 3600, True, Turns(wait_s=120))

    def later(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)

    def hear(self, kind: NodeKind, identity: str, address: str = "", **more: object) -> Node:
        report = NodeReport(kind, identity, address or f"http://{identity}:80", **more)  # type: ignore[arg-type]
        return self.nodes.hear(report).node

    def render(self, *names: str) -> list[Node]:
        return [self.hear(NodeKind.RENDER, name) for name in names]

    def storage(self, *names: str) -> list[Node]:
        return [self.hear(NodeKind.STORAGE, name) for name in names]

    def user(self, name: str = "doctor", **more: object) -> UserId:
        return self.accounts.create_user(name, "secret", **more).user_id  # type: ignore[arg-type]

    def open(self, name: str = "doctor") -> SessionId:
        return self.sign_in(name, "secret", "10.0.0.1").who.session_id

    def counts(self) -> dict[NodeId, int]:
        with self.units(read_only=True) as unit:
            return unit.placement.session_counts()

    def online(self) -> list[str]:
        return [view.node.address for view in self.nodes.all() if view.is_online]


@pytest.fixture
def house(engine: Engine) -> House:
    return House(SqlControlUnitOfWorkFactory(engine))


# -- what nodes say ----------------------------------------------------------------------------------------------------


def test_a_node_is_online_while_it_is_heard_of(house: House) -> None:
    first = house.hear(NodeKind.STORAGE, "uuid", "http://10.0.0.1:8081/", version="1", scu="STORAGE-AE", facts={"a": 1})
    assert (first.address, first.scu, first.facts, first.is_active) == (
        "http://10.0.0.1:8081",
        "STORAGE-AE",
        {"a": 1},
        True,
    )
    house.later(9)
    assert house.online() == ["http://10.0.0.1:8081"]
    house.later(2)
    assert house.online() == []
    again = house.hear(NodeKind.STORAGE, "uuid", "http://10.0.0.2:8081", version="2", scu="OTHER")
    assert (again.node_id, again.address, again.version, again.scu) == (
        first.node_id,
        "http://10.0.0.2:8081",
        "2",
        "OTHER",
    )
    assert house.online() == ["http://10.0.0.2:8081"]


def test_a_node_that_leaves_or_is_not_reached_is_offline_until_it_is_heard_of(house: House) -> None:
    (node,) = house.render("a")
    house.nodes.leave(NodeKind.RENDER, "a")
    house.nodes.leave(NodeKind.RENDER, "unknown")
    assert house.online() == []
    house.render("a")
    assert house.online() == ["http://a:80"]
    house.placement.node_failed(node.node_id)
    assert house.online() == []


@pytest.mark.parametrize(
    ("identity", "address", "scu"),
    [
        ("", "http://a:80", None),
        ("a b", "http://a:80", None),
        ("x" * 254, "http://a:80", None),
        ("a", "http://a", None),
        ("a", "http://a:0", None),
        ("a", "http://a:65536", None),
        ("a", "ftp://a:80", None),
        ("a", "http://a:80/x", None),
        ("a", "http://u:p@a:80", None),
        ("a", "http://a:80", "TOO-LONG-AE-TITLE"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused(house: House, identity: str, address: str, scu: str | None) -> None:
    with pytest.raises(InvalidInput):
        house.nodes.hear(NodeReport(NodeKind.STORAGE, identity, address, scu=scu))
    assert house.nodes.all() == ()


def test_an_address_that_was_given_to_another_machine_is_the_other_ones(house: House) -> None:
    house.user(ae_title="USER-AE")
    old = house.hear(NodeKind.STORAGE, "uuid-1", "http://10.0.0.1:8081")
    new = house.hear(NodeKind.STORAGE, "uuid-2", "http://10.0.0.1:8081")
    assert new.node_id != old.node_id
    # Users of the first must not be served by the second.
    assert [(view.node.node_id, view.is_online) for view in house.nodes.all()] == [
        (old.node_id, False),
        (new.node_id, True),
    ]
    assert house.hear(NodeKind.STORAGE, "uuid-1", "http://10.0.0.2:8081").node_id == old.node_id
    one = house.hear(NodeKind.RENDER, "pod-1", "http://10.0.0.3:8080")
    two = house.hear(NodeKind.RENDER, "pod-2", "http://10.0.0.3:8080")
    known = [view.node.node_id for view in house.nodes.all()]
    assert two.node_id in known
    assert one.node_id not in known


@pytest.mark.parametrize("kind", NodeKind)
def test_a_second_node_with_the_identity_of_one_that_runs_is_refused_and_may_take_its_place(
    kind: NodeKind, house: House
) -> None:
    house.hear(kind, "twin", "http://a:1", run="first")
    house.asked.there["http://a:1"] = {"identity": "twin", "run": "first"}
    with pytest.raises(Conflict, match="calls itself twin runs at http://a:1"):
        house.hear(kind, "twin", "http://b:2", run="second")
    assert house.online() == ["http://a:1"]
    # The same process under another address of its machine is no second one.
    house.hear(kind, "twin", "http://c:3", run="first")
    assert house.online() == ["http://c:3"]
    # One that died a moment ago does not answer: its successor waits for nothing.
    house.hear(kind, "twin", "http://b:2", run="second")
    assert house.online() == ["http://b:2"]
    asked = house.asked.count
    house.hear(kind, "twin", "http://b:2", run="second")
    assert house.asked.count == asked  # a heartbeat costs no question


@pytest.mark.parametrize("kind", NodeKind)
def test_a_node_that_names_the_address_of_another_one_that_runs_is_refused(kind: NodeKind, house: House) -> None:
    right = house.hear(kind, "right", "http://a:1")
    house.later(11)
    house.hear(kind, "wrong", "http://a:1")  # it had the address once
    house.asked.there["http://a:1"] = {"identity": "right"}
    house.later(11)
    again = house.hear(kind, "right", "http://a:1")
    # A render node whose address was taken is forgotten and comes back as a new one; a storage node has its users.
    assert (again.node_id == right.node_id) is (kind is NodeKind.STORAGE)
    for _ in range(2):
        with pytest.raises(Conflict, match=r"At http://a:1 node . answers"):
            house.hear(kind, "wrong", "http://a:1")
    online = [(view.node.identity, view.node.address) for view in house.nodes.all() if view.is_online]
    assert online == [("right", "http://a:1")]


def test_of_two_storage_nodes_with_a_row_of_one_address_the_one_that_was_heard_of_last_is_online(house: House) -> None:
    for identity in ("a", "b", "a"):
        house.hear(NodeKind.STORAGE, identity, "http://a:1")
        assert [view.node.identity for view in house.nodes.all() if view.is_online] == [identity]


def test_a_row_made_by_hand_becomes_that_of_the_node_at_its_address_and_keeps_what_was_entered(house: House) -> None:
    made = house.nodes.add(NodeKind.STORAGE, "http://10.0.0.1:8081", ADMINISTRATOR, NodeId(7))
    assert (made.node_id, made.is_online(house.now), made.last_heartbeat_at) == (7, False, None)
    house.nodes.change(made.node_id, ADMINISTRATOR, scu="MY-AE")
    heard = house.hear(NodeKind.STORAGE, "uuid", "http://10.0.0.1:8081", scu="STORAGE-AE")
    assert (heard.node_id, heard.identity, heard.scu) == (7, "uuid", "MY-AE")
    moved = house.hear(NodeKind.STORAGE, "uuid", "http://10.0.0.9:8081")
    assert (moved.node_id, moved.address) == (7, "http://10.0.0.1:8081")
    assert house.storage("next")[0].node_id == 8  # numbers go on behind the one that was chosen


def test_nodes_that_do_not_report_are_asked_by_one_control_node_at_a_time(house: House) -> None:
    made = house.nodes.add(NodeKind.RENDER, "http://10.0.0.1:8080", ADMINISTRATOR)
    house.render("reports")
    assert [node.node_id for node in house.nodes.claim_asking()] == [made.node_id]
    assert house.nodes.claim_asking() == ()
    told = {"kind": "render", "identity": "r1", "address": "http://0.0.0.0:8080", "version": "1", "facts": {}}
    heard = house.nodes.hear_asked(made, told)
    assert heard is not None
    assert (heard.node.node_id, heard.node.address) == (made.node_id, "http://10.0.0.1:8080")
    house.later(2.4)
    assert house.nodes.claim_asking() == ()
    house.later(0.6)
    assert [node.node_id for node in house.nodes.claim_asking()] == [made.node_id]
    # Something else listens there: it is not taken for the node.
    for wrong in ({**told, "kind": "storage"}, {**told, "identity": 3}, {}):
        assert house.nodes.hear_asked(made, wrong) is None
    assert len(house.nodes.all()) == 2


def test_of_many_control_nodes_one_asks(house: House) -> None:
    house.nodes.add(NodeKind.RENDER, "http://10.0.0.1:8080", ADMINISTRATOR)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: house.nodes.claim_asking(), range(8)))
    assert sorted(map(len, claims)) == [0] * 7 + [1]


def test_a_node_that_registers_at_many_control_nodes_at_once_is_one(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda _: house.render("a")[0].node_id, range(8)))
    assert len(set(heard)) == 1


def test_only_render_nodes_that_registered_by_themselves_are_forgotten(house: House) -> None:
    house.render("a")
    house.storage("s")
    made = house.nodes.add(NodeKind.RENDER, "http://b:80", ADMINISTRATOR)
    house.later(599)
    assert house.nodes.forget_lost() == 0
    house.later(2)
    assert house.nodes.forget_lost() == 1
    assert [(view.node.kind, view.node.node_id) for view in house.nodes.all()] == [
        (NodeKind.STORAGE, 2),
        (NodeKind.RENDER, made.node_id),
    ]


# -- the administrator -------------------------------------------------------------------------------------------------


def test_changes_of_nodes_are_logged_and_told(house: House) -> None:
    node = house.nodes.add(NodeKind.STORAGE, "http://a:1", ADMINISTRATOR)
    house.nodes.change(node.node_id, ADMINISTRATOR, address="http://b:2", scu="X", is_active=False)
    house.nodes.change(node.node_id, ADMINISTRATOR, address="http://b:2", scu="X")  # nothing is other than before
    house.nodes.remove(node.node_id, ADMINISTRATOR)
    assert house.calls.told == [("http://b:2", False)]
    with house.units(read_only=True) as unit:
        entries = unit.audit.newest(9)
    number = {AuditDetail.NODE_ID: str(node.node_id)}
    assert [(entry.event, entry.user_name, entry.details) for entry in reversed(entries)] == [
        (AuditEvent.NODE_ADDED, "admin", {**number, AuditDetail.ADDRESS: "http://a:1"}),
        (
            AuditEvent.NODE_CHANGED,
            "admin",
            {
                **number,
                AuditDetail.ADDRESS: "http://b:2",
                AuditDetail.SCU: "X",
                AuditDetail.NEW_STATUS: "Inactive",
            },
        ),
        (AuditEvent.NODE_REMOVED, "admin", {**number, AuditDetail.ADDRESS: "http://b:2"}),
    ]


def test_what_cannot_be_changed_is_refused_in_words(house: House) -> None:
    storage, render = house.storage("s")[0], house.render("r")[0]
    house.user(ae_title="USER-AE")
    with pytest.raises(Conflict, match="studies of 1 user:"):
        house.nodes.remove(storage.node_id, ADMINISTRATOR)
    with pytest.raises(Conflict, match="would register again"):
        house.nodes.remove(render.node_id, ADMINISTRATOR)
    with pytest.raises(Conflict, match="ID 1 already"):
        house.nodes.add(NodeKind.RENDER, "http://x:1", ADMINISTRATOR, NodeId(1))
    with pytest.raises(Conflict, match=r"http://r:80 is that of node 2"):
        house.nodes.add(NodeKind.RENDER, "http://r:80", ADMINISTRATOR)
    with pytest.raises(InvalidInput, match="Only a storage node has an SCU"):
        house.nodes.change(render.node_id, ADMINISTRATOR, scu="X")
    with pytest.raises(NotFound, match="no node with the ID 9"):
        house.nodes.change(NodeId(9), ADMINISTRATOR, is_active=False)
    house.later(11)
    house.nodes.remove(render.node_id, ADMINISTRATOR)
    assert [view.node.node_id for view in house.nodes.all()] == [storage.node_id]


# -- where users and sessions go ---------------------------------------------------------------------------------------


def test_a_user_gets_the_storage_node_of_the_administrator_or_the_one_with_the_fewest_users(house: House) -> None:
    first, second = house.storage("a", "b")
    given = [house.user("u1", storage_node_id=second.node_id), house.user("u2", storage_node_id=second.node_id)]
    chosen = [house.user(f"c{number}") for number in range(4)]
    house.nodes.change(first.node_id, ADMINISTRATOR, is_active=False)
    chosen.append(house.user("c4"))  # the other one is inactive
    house.later(11)
    house.storage("a")
    late = house.user("late")  # nobody lives who takes users
    with house.units(read_only=True) as unit:
        nodes = [unit.accounts.get(user).storage_node_id for user in (*given, *chosen, late)]
    a, b = first.node_id, second.node_id
    assert nodes == [b, b, a, a, a, b, b, None]
    with pytest.raises(InvalidInput, match="is no storage node"):
        house.user("wrong", storage_node_id=house.render("r")[0].node_id)


def test_a_user_made_before_any_node_gets_one_when_one_registers_or_at_first_need(house: House) -> None:
    with_title, without = house.user("u1", ae_title="USER-AE"), house.user("u2")
    node = house.storage("s")[0]
    owners = Owners(house.units).of(node.node_id)
    assert [(owner.owner_id, owner.ae_titles) for owner in owners.owners] == [(with_title, ("USER-AE",))]
    session = house.open("u2")
    assert house.placement.storage_node(session) == node
    changed = Owners(house.units).of(node.node_id)
    assert [owner.owner_id for owner in changed.owners] == [with_title, without]
    assert changed.digest != owners.digest


def test_a_session_that_was_opened_before_any_node_finds_them_at_its_first_request(house: House) -> None:
    house.user()
    session = house.open()
    with pytest.raises(Unavailable, match="No storage node is in service"):
        house.placement.storage_node(session)
    with pytest.raises(Unavailable, match="No render node is in service"):
        house.placement.render_node(session)
    render, storage = house.render("r")[0], house.storage("s")[0]
    assert (house.placement.render_node(session), house.placement.storage_node(session)) == (render, storage)


def test_a_session_without_a_user_takes_the_storage_node_with_the_fewest_sessions(house: House) -> None:
    first, second = house.storage("a", "b")
    house.user(storage_node_id=first.node_id)
    house.user("other", storage_node_id=second.node_id)
    for name in ("doctor", "doctor", "other"):
        house.open(name)
    with house.units() as unit:
        assert storage_for(unit, None, house.now) == second.node_id
    house.nodes.change(second.node_id, ADMINISTRATOR, is_active=False)
    with house.units() as unit:
        assert storage_for(unit, None, house.now) == first.node_id


def test_users_of_a_storage_node_that_is_gone_read_so_and_all_others_work(house: House) -> None:
    gone, other = house.storage("a", "b")
    house.user("u1", storage_node_id=gone.node_id)
    house.user("u2", storage_node_id=other.node_id)
    poor, lucky = house.open("u1"), house.open("u2")
    house.later(11)
    house.storage("b")
    with pytest.raises(Unavailable, match="The storage node that keeps your studies does not answer") as refused:
        house.placement.storage_node(poor)
    assert refused.value.code == "storage_unavailable"
    assert house.placement.storage_node(lucky).node_id == other.node_id
    # A control node that has just come back waits for the reports before it calls anybody gone.
    fresh = Placement(house.units, house.clock, started_at=house.now)
    assert fresh.storage_node(poor).node_id == gone.node_id


def test_another_storage_node_of_a_user_ends_the_open_sessions_whose_pages_know_the_old_one(house: House) -> None:
    first, second = house.storage("a", "b")
    house.render("r")
    user = house.user(storage_node_id=first.node_id)
    session = house.open()
    house.accounts.set_storage_node(user, second.node_id)
    with pytest.raises(NotSignedIn, match="closed by the administrator"):
        house.sessions.get_open(session)
    assert house.calls.told == [("http://r:80", session, "closed_by_administrator")]
    assert house.placement.storage_node(house.open()).node_id == second.node_id
    with house.units(read_only=True) as unit:
        entry = next(one for one in unit.audit.newest(9) if one.event is AuditEvent.USER_DATA_CHANGED)
    assert entry.details == {AuditDetail.OLD_STORAGE_NODE: "1", AuditDetail.NEW_STORAGE_NODE: "2"}


def test_sessions_go_to_the_node_with_the_fewest_and_stay(house: House) -> None:
    house.user()
    nodes = [node.node_id for node in house.render("a", "b", "c")]
    sessions = [house.open() for _ in range(7)]
    assert [house.placement.render_node(session).node_id for session in sessions] == [nodes[n % 3] for n in range(7)]
    house.sessions.end(sessions[1], SessionEnd.SIGNED_OUT)
    house.sessions.end(sessions[4], SessionEnd.SIGNED_OUT)
    assert house.calls.told == [("http://b:80", sessions[1], "signed_out"), ("http://b:80", sessions[4], "signed_out")]
    assert [house.placement.render_node(house.open()).node_id for _ in range(2)] == [nodes[1]] * 2


def test_sessions_leave_a_node_that_died_or_is_inactive_at_their_next_request(house: House) -> None:
    house.user()
    a, b = house.render("a", "b")
    sessions = [house.open() for _ in range(4)]  # a, b, a, b
    house.placement.node_failed(a.node_id)
    assert [house.placement.render_node(session) for session in sessions] == [b] * 4
    house.render("a")
    house.nodes.change(b.node_id, ADMINISTRATOR, is_active=False)
    assert house.calls.told == [("http://b:80", False)]
    assert {house.placement.render_node(session).node_id for session in sessions} == {a.node_id}
    assert house.placement.render_node(house.open()).node_id == a.node_id  # an inactive one takes none
    scaling = house.nodes.scaling()
    assert [(view.node.identity, view.node.is_active, view.sessions) for view in scaling.nodes] == [
        ("a", True, 5),
        ("b", False, 0),
    ]
    assert (scaling.sessions, scaling.waiting) == (5, 0)


def test_pages_hear_once_that_their_render_node_fell_silent(house: House) -> None:
    users = [house.user(name) for name in ("u1", "u2", "u3")]
    house.render("a", "b")
    for name in ("u1", "u2", "u1", "u3"):
        house.open(name)  # a, b, a, b
    house.later(9)
    house.render("b")
    house.later(2)
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: house.nodes.notice_silent(), range(4))) == [0, 0, 0, 1]
    with house.units(read_only=True) as unit:
        events = [event for event in unit.events.after(EventId(0)) if event.type == "render_node_lost"]
    assert [event.owner_id for event in events] == users[:1]
    assert house.online() == ["http://b:80"]
    house.render("a")
    assert house.nodes.notice_silent() == 0
    assert house.online() == ["http://a:80", "http://b:80"]


def test_a_lone_node_that_restarts_is_kept_and_one_that_is_switched_off_is_not(house: House) -> None:
    house.user()
    (node,) = house.render("a")
    session = house.open()
    house.placement.node_failed(node.node_id)
    assert house.placement.render_node(session).node_id == node.node_id
    assert house.placement.render_node(session, but=node.node_id).node_id == node.node_id
    assert house.nodes.scaling().waiting == 1
    house.render("a")
    house.nodes.change(node.node_id, ADMINISTRATOR, is_active=False)
    with pytest.raises(Unavailable, match="No render node is in service"):
        house.placement.render_node(session)


def test_a_node_that_was_only_slow_loses_the_one_session(house: House) -> None:
    house.user()
    a, b = house.render("a", "b")
    first, second = house.open(), house.open()
    assert house.placement.render_node(first, but=a.node_id) == b
    assert house.placement.render_node(first) == b
    assert house.placement.render_node(second) == b
    assert house.placement.render_node(house.open()) == a


def test_what_nodes_report_keeps_sessions_open(house: House) -> None:
    house.user()
    session = house.open()
    house.later(3000)
    house.hear(NodeKind.RENDER, "r", sessions_used=[session, 99])
    assert house.calls.told == [("http://r:80", 99, "expired")]
    house.later(3000)
    assert house.sessions.get_open(session).session_id == session


def test_a_node_hears_of_a_bounded_number_of_sessions_that_ended(house: House) -> None:
    house.hear(NodeKind.RENDER, "r", sessions_used=range(1, 100_001))
    assert house.calls.told == [("http://r:80", number, "expired") for number in range(1, 101)]


@pytest.mark.parametrize("node_id", [0, -5, 2**31, 99999999999999])
def test_a_number_that_no_node_can_have_is_refused(house: House, node_id: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^Node {node_id} is invalid: the number must be 1 to 2147483647\.$"):
        house.nodes.add(NodeKind.STORAGE, "http://a:80", Actor(), NodeId(node_id))
    assert house.nodes.all() == ()


def test_a_password_of_megabytes_is_refused_before_it_is_hashed(house: House) -> None:
    user = house.user()
    with pytest.raises(InvalidInput, match="has 3000000 characters, at most 16384 are taken"):
        house.accounts.create_user("another", "x" * 3_000_000)
    with pytest.raises(InvalidInput, match="at most 16384"):
        house.accounts.set_password(user, "x" * 16_385)


def test_two_hundred_sign_ins_at_once_spread_evenly_over_five_nodes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_sessions = SqlPlacementRepository.session_counts

    def slowly(self: SqlPlacementRepository) -> dict[NodeId, int]:
        counts = count_sessions(self)
        time.sleep(0.005)  # where nothing keeps others out, they read the same counts now
        return counts

    monkeypatch.setattr(SqlPlacementRepository, "session_counts", slowly)
    house.render("a", "b", "c", "d", "e")
    house.storage("s")
    for number in range(20):
        house.user(f"doctor{number}")
    start = threading.Barrier(50)

    def sign_in(worker: int) -> list[SessionId]:
        start.wait()
        return [
            # all from one address, as from a hospital behind one: nobody has done wrong
            house.sign_in(f"doctor{(worker + turn) % 20}", "secret", "10.0.0.1").who.session_id
            for turn in range(4)
        ]

    with ThreadPoolExecutor(50) as pool:
        sessions = [session for part in pool.map(sign_in, range(50)) for session in part]
    assert len(set(sessions)) == 200
    assert sorted(house.counts().values()) == [40] * 5
    with house.units(read_only=True) as unit:
        assert unit.sessions.storage_counts(house.now) == {6: 200}


def test_an_open_session_is_found_among_many(house: House) -> None:
    user = house.user()
    with house.units() as unit:
        ids = [
            unit.sessions.add(
                user, token_hash(str(n)), "10.0.0.1", house.now, house.now + dt.timedelta(hours=1)
            ).session_id
            for n in range(3)
        ]
        unit.sessions.end(ids[1], SessionEnd.SIGNED_OUT, house.now)
        unit.commit()
        wanted = [*range(10_000, 11_200), *ids]  # more than one statement may name
        assert unit.sessions.open_ids(wanted, house.now) == {ids[0], ids[2]}
        assert unit.sessions.open_ids(wanted, house.now, house.now - dt.timedelta(seconds=1)) == frozenset()
