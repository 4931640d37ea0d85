"""Nodes register, are asked, are placed on and hold up nobody; the console's API for them; stateless replicas."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.databases import PostgresqlServer
from tests.support.http_client import INTERNAL_TOKEN, PASSWORD, Browser, ControlServer, receive_close, start_control
from tests.support.node_http import hanging_node, node_http
from tests.support.ports import free_port
from webviewer.adapters.node_agent import NodeAgent
from webviewer.adapters.nodes import NodeClient, Unreachable
from webviewer.adapters.stream_pass import is_good_pass
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import NotFound
from webviewer.placement import NodeId

NO_STUDIES: dict[str, object] = {
    f"GET /internal/v1/owners/{owner}/studies": {"studies": [], "total": 0} for owner in range(1, 9)
}
REPORT: dict[str, object] = {
    "kind": "storage",
    "identity": "uuid",
    "address": "http://127.0.0.1:1",
    "version": "1.0",
    "scu": "S-AE",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlServer]:
    folder = tmp_path_factory.mktemp("nodes")
    servers = start_control(folder / "control", DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "a.db")))
    yield next(servers)
    assert next(servers, None) is None


@pytest.fixture
def control(shared: ControlServer) -> Iterator[ControlServer]:
    """Give the one control node of all tests to each as if it were new: a start takes seconds."""
    yield shared
    shared.reports.clear()
    with sqlite3.connect(shared.settings.database.name, timeout=30) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for table in ("render_assignment", "ticket", "session", "account", "node", "sqlite_sequence"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
    connection.close()
    shared.numbers = count(1)


@pytest.fixture
def administrator(control: ControlServer) -> Browser:
    return control.signed_in(is_administrator=True)


def nodes_of(browser: Browser) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = browser.get("/v2/admin/nodes").json()["nodes"]
    return nodes


def eventually_online(browser: Browser, node_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while True:
        node = next(node for node in nodes_of(browser) if node["node_id"] == node_id)
        if node["state"] == "online" or time.monotonic() > deadline:
            return node
        time.sleep(0.1)


# -- what nodes say ----------------------------------------------------------------------------------------------------


def test_a_node_registers_reports_and_leaves(control: ControlServer, administrator: Browser) -> None:
    answer = control.internally(
        "POST", "/internal/v1/nodes", json=REPORT | {"sessions_used": [], "facts": {"free_bytes": 5}}
    )
    told = answer.json()
    assert (told["node_id"], told["active"], told["heartbeat_s"]) == (1, True, 3.0)
    owners = control.internally("GET", "/internal/v1/nodes/1/owners").json()
    assert owners == {"digest": told["owners_digest"], "owners": []}
    control.new_user(ae_title="USER-AE")
    again = control.internally("POST", "/internal/v1/nodes", json=REPORT).json()
    assert again["owners_digest"] != told["owners_digest"]
    owners = control.internally("GET", "/internal/v1/nodes/1/owners").json()
    assert [owner["ae_titles"] for owner in owners["owners"]] == [["USER-AE"]]
    node = nodes_of(administrator)[0]
    assert node.pop("last_heartbeat_at") is not None
    assert node == {
        "node_id": 1,
        "kind": "storage",
        "address": "http://127.0.0.1:1",
        "state": "online",
        "status": "active",
        "sessions": 0,
        "scu": "S-AE",
        "version": "1.0",
    }
    leave = {"kind": "storage", "identity": "uuid"}
    assert control.internally("POST", "/internal/v1/nodes/leave", json=leave).status_code == 204
    assert nodes_of(administrator)[0]["state"] == "offline"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/internal/v1/nodes"),
        ("POST", "/internal/v1/nodes/leave"),
        ("GET", "/internal/v1/nodes/1/owners"),
        ("PUT", "/internal/v1/nodes/1"),
        ("GET", "/internal/v1/scaling"),
    ],
)
def test_only_nodes_may_say_so_and_only_at_the_internal_port(control: ControlServer, method: str, path: str) -> None:
    for token in ("", "guess"):
        assert control.internally(method, path, token, json=REPORT).status_code == 401
    public = requests.request(
        method, control.base + path, json=REPORT, headers={"Authorization": f"Bearer {INTERNAL_TOKEN}"}, timeout=10
    )
    assert public.status_code in {404, 405}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "control"},
        {"identity": ""},
        {"identity": "a\0b"},
        {"address": "http://a"},
        {"address": "http://a\0:1"},
        {"scu": "x" * 17},
        {"scu": "A\0"},
        {"kind": "render", "scu": "A B"},
        {"sessions_used": ["a"]},
        {"sessions_used": [10**20]},
        {"highest_owner": -1},
        {"highest_owner": 2**53},
        {"version": "1\0"},
        {"run": "1\0"},
    ],
)
def test_a_report_that_breaks_a_rule_is_refused(control: ControlServer, change: dict[str, object]) -> None:
    assert control.internally("POST", "/internal/v1/nodes", json=REPORT | change).status_code == 400


def test_what_no_database_takes_is_refused(control: ControlServer) -> None:
    leave = {"kind": "storage", "identity": "a\0b"}
    assert control.internally("POST", "/internal/v1/nodes/leave", json=leave).status_code == 400
    for owner_id in (0, 2**63, 99999999999999999999):
        assert control.publish({"type": "study_changed", "owner_id": owner_id}).status_code == 400


def test_the_controller_reads_what_the_pool_follows_and_drains(control: ControlServer) -> None:
    with node_http({}) as node:
        node_id = control.register("render", node.address, "pod-1")
        control.signed_in()
        scaling = control.internally("GET", "/internal/v1/scaling").json()
        assert scaling["nodes"][0].pop("registered_at")
        row = {"node_id": node_id, "identity": "pod-1", "address": node.address, "online": True, "sessions": 1}
        assert scaling == {"nodes": [row | {"active": True}], "sessions": 1, "waiting": 0}
        drained = control.internally("PUT", f"/internal/v1/nodes/{node_id}", json={"active": False}).json()
        assert drained["active"] is False
        assert node.wait_for("PUT /internal/v1/active") == [{"active": False}]
        assert (
            control.internally("POST", "/internal/v1/nodes", json=control.reports["render pod-1"]).json()["active"]
            is False
        )
        assert control.internally("PUT", "/internal/v1/nodes/99", json={"active": True}).status_code == 404


# -- the console -------------------------------------------------------------------------------------------------------


def test_the_console_adds_changes_pings_and_removes_nodes(control: ControlServer, administrator: Browser) -> None:
    with node_http({"GET /internal/v1/health": {"ready": True}}) as node:
        made = administrator.post("/v2/admin/nodes", json={"address": node.address, "kind": "render", "node_id": 5})
        assert (made.status_code, made.json()["state"], made.json()["node_id"]) == (201, "offline", 5)
        ping = administrator.post("/v2/admin/nodes/5/ping").json()
        assert (ping["ok"], ping["reason"], ping["ms"] > 0) == (True, "", True)
        off = administrator.request("PUT", "/v2/admin/nodes/5", json={"active": False})
        assert off.json()["status"] == "inactive"
        assert node.wait_for("PUT /internal/v1/active")[0] == {"active": False}
    ping = administrator.post("/v2/admin/nodes/5/ping").json()
    assert (ping["ok"], ping["reason"]) == (False, "does not answer (NewConnectionError)")
    moved = administrator.request("PUT", "/v2/admin/nodes/5", json={"address": "https://10.0.0.7:8080"})
    assert moved.json()["address"] == "https://10.0.0.7:8080"
    assert administrator.request("DELETE", "/v2/admin/nodes/5").status_code == 204
    assert nodes_of(administrator) == []
    for method, path in (("PUT", "/5"), ("DELETE", "/5"), ("POST", "/5/ping")):
        assert administrator.request(method, f"/v2/admin/nodes{path}", json={"active": True}).status_code == 404


@pytest.mark.parametrize(
    "address", ["10.0.0.7:8081", "http://10.0.0.7", "http://10.0.0.7:0", "file:///etc", "http://a:1/x", ""]
)
def test_an_address_must_be_like_http_host_port(administrator: Browser, address: str) -> None:
    answer = administrator.post("/v2/admin/nodes", json={"address": address, "kind": "storage"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_address")
    assert "it must be like http://<IP-address>:<port>" in answer.json()["error"]["message"]


def test_a_storage_node_with_users_stays_and_says_why(control: ControlServer, administrator: Browser) -> None:
    node_id = control.register("storage", "http://127.0.0.1:1", "uuid")
    control.new_user()
    refused = administrator.request("DELETE", f"/v2/admin/nodes/{node_id}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "node_has_users")
    assert "give them another storage node first" in refused.json()["error"]["message"]


def test_nodes_are_the_administrators_business(control: ControlServer) -> None:
    doctor = control.signed_in()
    for method, path in (("GET", ""), ("POST", ""), ("PUT", "/1"), ("DELETE", "/1"), ("POST", "/1/ping")):
        assert doctor.request(method, f"/v2/admin/nodes{path}", json={}).status_code == 403


def test_a_node_that_does_not_report_is_asked_and_told_its_users_while_another_hangs(
    control: ControlServer, administrator: Browser
) -> None:
    report = REPORT | {"sessions_used": [], "facts": {}}
    with hanging_node() as silent, node_http({"GET /internal/v1/report": report}) as node:
        control.new_user(ae_title="USER-AE")
        lost = administrator.post("/v2/admin/nodes", json={"address": silent, "kind": "storage"}).json()["node_id"]
        made = administrator.post("/v2/admin/nodes", json={"address": node.address, "kind": "storage"}).json()[
            "node_id"
        ]
        heard = eventually_online(administrator, made)
        assert (heard["state"], heard["scu"], heard["address"]) == ("online", "S-AE", node.address)
        told = node.wait_for("PUT /internal/v1/owners")[-1]
        assert isinstance(told, dict)
        assert [owner["ae_titles"] for owner in told["owners"]] == [["USER-AE"]]
        node.wait_for("GET /internal/v1/report", 3)  # and it stays so
        assert eventually_online(administrator, made)["state"] == "online"
        states = {one["node_id"]: one["state"] for one in nodes_of(administrator)}
        assert states == {lost: "offline", made: "online"}


def test_a_node_that_does_not_report_and_missed_what_it_was_told_is_told_again(
    control: ControlServer, administrator: Browser
) -> None:
    answers: dict[str, object] = {"GET /internal/v1/report": REPORT}
    notices = ("PUT /internal/v1/active", "PUT /internal/v1/owners")
    with node_http(answers, busy_once=notices) as node:
        control.new_user(ae_title="USER-AE")
        administrator.post("/v2/admin/nodes", json={"address": node.address, "kind": "storage"})
        for notice in notices:
            first, second = node.wait_for(notice, 2)[:2]
            assert first == second
        told = node.bodies("PUT /internal/v1/owners")[-1]
        assert isinstance(told, dict)
        holds = {"active": True, "owners_digest": told["digest"]}
        answers["GET /internal/v1/report"] = REPORT | holds
        node.wait_for("GET /internal/v1/report", len(node.bodies("GET /internal/v1/report")) + 2)
        counts = [len(node.bodies(notice)) for notice in notices]
        answers["GET /internal/v1/report"] = REPORT | holds | {"active": False}  # it was told by somebody else
        node.wait_for("PUT /internal/v1/active", counts[0] + 1)
        assert [len(node.bodies(notice)) for notice in notices] == [counts[0] + 1, counts[1]]


def test_a_node_with_another_secret_or_a_taken_name_says_so_in_its_log_once(
    control: ControlServer, caplog: pytest.LogCaptureFixture
) -> None:
    with node_http({"GET /internal/v1/report": REPORT | {"run": "first"}}) as node:
        control.register("storage", node.address, "uuid", run="first")
        second = REPORT | {"run": "second"}
        secrets = ("of another house", INTERNAL_TOKEN)
        asked: list[str] = []

        def report(secret: str) -> dict[str, object]:
            asked.append(secret)
            return second

        agents = [
            NodeAgent(control.internal, secret, partial(report, secret), lambda _answer, _client: None)
            for secret in secrets
        ]
        for agent in agents:
            agent.start()
        deadline = time.monotonic() + 60
        while min(map(asked.count, secrets)) < 4:  # three were answered
            assert time.monotonic() < deadline, asked
            time.sleep(0.05)
        for agent in agents:
            agent.leave()
        told = [vars(record)["reason"] for record in caplog.records if record.message == "control_node_refuses"]
        taken = f"Another node that calls itself uuid runs at {node.address}: two nodes cannot share a name"
        foreign = "The control node does not take our token; all nodes are to have the same one."
        assert [words.partition(",")[0] for words in sorted(told)] == [taken, foreign]
        assert not [record for record in caplog.records if record.message == "node_registered"]
        with control.units(read_only=True) as unit:  # nor did its goodbye send the other one away
            assert [node.failed_at for node in unit.placement.nodes()] == [None]


# -- where sessions go -------------------------------------------------------------------------------------------------


def test_a_node_that_hangs_holds_up_its_own_users_only(control: ControlServer) -> None:
    whole: dict[str, object] = {
        f"POST /internal/v1/owners/{owner}/uploads/whole": {"state": "done"} for owner in range(1, 9)
    }
    with ExitStack() as stack:
        node = stack.enter_context(node_http(NO_STUDIES | whole))
        taken: list[socket.socket] = []
        with hanging_node(taken) as silent:
            bad = control.register("storage", silent, "bad")
            poor = [control.signed_in(storage_node_id=NodeId(bad)) for _ in range(3)]
            good = control.register("storage", node.address, "good")
            lucky = control.signed_in(storage_node_id=NodeId(good))
            waiting = [
                threading.Thread(target=lambda browser=browser: browser.get("/v2/studies"))
                for browser in poor
                for _ in range(20)
            ]
            upload = "/v2/studies/uploads/whole?name=x"
            waiting += [
                threading.Thread(target=lambda browser=browser: browser.post(upload, data=b"x" * 1000))
                for browser in poor
                for _ in range(8)
            ]
            for thread in waiting:
                thread.start()
            deadline = time.monotonic() + 60
            while len(taken) < 8:  # they have come to the node
                assert time.monotonic() < deadline, len(taken)
                time.sleep(0.05)
            for _ in range(5):
                answers = [
                    lucky.get("/v2/studies", timeout=30),
                    lucky.post(upload, data=b"x" * 1000, timeout=30),
                    lucky.get("/v2/auth/session", timeout=30),
                ]
                assert [answer.status_code for answer in answers] == [200] * 3
            control.lose("storage", "bad")
            control.advance(11)
            # Silent for longer than a node may be: its users are told at once.
            refused = control.browser().try_sign_in("doctor_1", PASSWORD)
            refused = poor[0].get("/v2/studies", timeout=30)  # a node may take 120 s for an answer
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_unavailable")
            assert lucky.get("/v2/studies").status_code == 200
        for thread in waiting:
            thread.join()


def test_a_node_that_lets_us_wait_is_not_asked_twice() -> None:
    taken: list[socket.socket] = []
    with hanging_node(taken) as silent:
        client = NodeClient(silent, "token", node="storage node", read_timeout_s=60)
        with pytest.raises(Unreachable, match="The storage node that keeps your studies does not answer") as refused:
            client.open("GET", "/", read_timeout_s=1.0)
        assert not refused.value.refused
        # a render node that draws a thumbnail says it so to the user: no name of an exception
        assert (refused.value.code, refused.value.details) == ("storage_unavailable", {})
        client.close()
        with socket.create_connection(("127.0.0.1", int(silent.rpartition(":")[2]))) as last:  # taken in turn
            while not taken or taken[-1].getpeername() != last.getsockname():
                time.sleep(0.02)
            assert len(taken) == 2


def test_a_picture_is_asked_of_another_node_when_one_is_gone(control: ControlServer) -> None:
    path = "/internal/v1/render/owners/1/series/3/thumbnail"
    with node_http({f"GET {path}": {"a": "picture"}}) as node:
        control.register("storage", "http://127.0.0.1:9", "s")
        gone = control.register("render", f"http://127.0.0.1:{free_port()}", "a-gone")
        browser = control.signed_in()
        control.register("render", node.address, "b")
        answer = browser.get("/v2/render/series/3/thumbnail")
        assert (answer.status_code, answer.json()) == (200, {"a": "picture"})
        assert node.headers[-1]["X-Webviewer-Storage"] == "http://127.0.0.1:9"
        with control.units(read_only=True) as unit:
            assert unit.placement.session_counts() == {NodeId(3): 1}
            assert unit.placement.get(NodeId(gone)).failed_at is not None


def test_where_a_stream_goes_is_told_once_for_a_ticket(control: ControlServer) -> None:
    def where(ticket: str, **headers: str) -> requests.Response:
        offered = {"Sec-WebSocket-Protocol": f"webviewer.v1, ticket.{ticket}", "Origin": browser.origin, **headers}
        return control.internally("GET", "/internal/v1/where", "", headers=offered)

    def new_ticket() -> str:
        return str(browser.post("/v2/render/ticket").json()["ticket"])

    browser = control.signed_in()
    control.register("storage", "http://127.0.0.1:9", "s")
    assert where(new_ticket()).status_code == 503  # no render node
    with node_http({}) as node:
        control.register("render", f"http://127.0.0.1:{free_port()}", "gone")
        control.register("render", node.address.replace("127.0.0.1", "localhost"), "here")
        ticket = new_ticket()
        told = where(ticket)
        assert told.status_code == 200, told.text
        assert told.headers["X-Webviewer-Upstream"] == node.address.removeprefix("http://")
        facts: dict[str, Any] = {
            "session_id": int(told.headers["X-Webviewer-Session"]),
            "owner_id": int(told.headers["X-Webviewer-Owner"]),
        }
        assert facts == {"session_id": 1, "owner_id": 1}
        assert told.headers["X-Webviewer-Storage"] == "http://127.0.0.1:9"
        given = told.headers["X-Webviewer-Pass"]
        render = node.address.replace("127.0.0.1", "localhost")
        facts |= {"storage": "http://127.0.0.1:9", "render": render}
        assert is_good_pass(INTERNAL_TOKEN, given, **facts, now_s=time.time())
        assert where(ticket).status_code == 401  # used up
        assert where(new_ticket(), **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert where(new_ticket(), Origin="https://evil.example").status_code == 403
        assert control.internally("GET", "/internal/v1/where", "").status_code == 401
        assert where(browser.ticket()).status_code == 401  # one for events


def test_a_stream_goes_past_a_node_that_takes_connections_and_says_nothing(control: ControlServer) -> None:
    """So does one that stands still: the kernel answers for it."""
    with hanging_node() as silent, node_http({}) as node:
        control.register("storage", "http://127.0.0.1:9", "s")
        control.register("render", silent, "hangs")
        browser = control.signed_in()
        control.register("render", node.address, "here")
        ticket = browser.post("/v2/render/ticket").json()["ticket"]
        offered = {"Sec-WebSocket-Protocol": f"webviewer.v1, ticket.{ticket}", "Origin": browser.origin}
        told = control.internally("GET", "/internal/v1/where", "", headers=offered, timeout=20)
        assert (told.status_code, told.headers.get("X-Webviewer-Upstream")) == (
            200,
            node.address.removeprefix("http://"),
        )


# -- processes ---------------------------------------------------------------------------------------------------------


def test_control_nodes_are_alike_and_one_may_die(tmp_path: Path, postgresql_server: PostgresqlServer) -> None:
    database = postgresql_server.new_database()
    role = {"WEBVIEWER_ROLE": "control"}
    first_run, second_run = (start_control(tmp_path / name, database, role) for name in ("one", "two"))
    first, second = next(first_run), next(second_run)
    with node_http(NO_STUDIES) as node:
        first.register("storage", node.address, "s")
        browser = first.signed_in()
        other = Browser(second.base, browser.address, browser.http, browser.csrf_token)
        assert other.get("/v2/studies").status_code == 200
        events = other.open_events(browser.ticket(), origin=first.base)
        first.publish({"type": "study_changed", "owner_id": 1, "study_id": 7})
        assert '"study_id":7' in str(events.recv())
        first.process.kill()
        first.process.wait()
        second.register("storage", node.address, "s")
        assert other.get("/v2/studies").status_code == 200
        assert other.post("/v2/auth/sign-out").status_code == 204
        assert receive_close(events) == (4401, "signed_out")
    # With nodes elsewhere a control node is ready when its database is.
    assert requests.get(f"{second.base}/v2/health/ready", timeout=10).json() == {"ready": True, "reasons": {}}
    assert requests.get(f"{second.internal}/internal/v1/health", timeout=10).status_code == 200
    first.process.returncode = 0  # the check of a stop in peace is for the other one
    for run in (first_run, second_run):
        assert next(run, None) is None


def test_events_and_sessions_outlive_an_outage_of_the_database(
    tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    database = postgresql_server.new_database()
    runs = [start_control(tmp_path / name, database, {"WEBVIEWER_ROLE": "control"}) for name in ("one", "two")]
    first, second = (next(run) for run in runs)
    browser = first.signed_in()
    sockets = [
        Browser(server.base, browser.address, browser.http, browser.csrf_token).open_events(
            browser.ticket(), origin=first.base
        )
        for server in (first, second)
    ]
    postgresql_server.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    try:
        postgresql_server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'"  # noqa: S608
        )
        assert first.publish({"type": "study_changed", "owner_id": 1, "study_id": 1}).status_code == 503
        assert browser.get("/v2/auth/session").status_code == 503
        time.sleep(2)  # the pumps try again, and wait longer each time
    finally:
        postgresql_server.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    # Published before the replicas listen again.
    assert first.publish({"type": "study_changed", "owner_id": 1, "study_id": 2}).status_code == 204
    for events in sockets:
        assert '"study_id":2' in str(events.recv())
    assert browser.get("/v2/auth/session").status_code == 200
    for events in sockets:
        events.close()
    for run in runs:
        assert next(run, None) is None


def test_a_process_serves_the_functions_that_it_is_told(tmp_path: Path) -> None:
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    servers = start_control(tmp_path / "control", database, {"WEBVIEWER_FUNCTIONS": "auth,settings"})
    control = next(servers)
    browser = control.signed_in()
    assert browser.get("/v2/settings/theme").status_code == 200
    for path in ("/v2/studies", "/v2/admin/state", "/v2/render/series/1/thumbnail", "/eventQueue", "/", "/nothing"):
        answer = browser.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
    assert control.internally("POST", "/internal/v1/nodes", json=REPORT).status_code == 404
    assert control.internally("GET", "/metrics", "").status_code == 200
    paths = set(browser.get("/v2/openapi.json").json()["paths"])
    assert {"/v2/auth/sign-in", "/v2/settings/{key}", "/v2/health/ready"} < paths
    assert "/v2/studies" not in paths
    assert next(servers, None) is None


def test_the_console_is_described(control: ControlServer) -> None:
    document = requests.get(f"{control.base}/v2/openapi.json", timeout=10).json()
    operations = {f"{method} {path}" for path, all_ in document["paths"].items() for method in all_ if "nodes" in path}
    assert operations == {
        "get /v2/admin/nodes",
        "post /v2/admin/nodes",
        "put /v2/admin/nodes/{node_id}",
        "delete /v2/admin/nodes/{node_id}",
        "post /v2/admin/nodes/{node_id}/ping",
    }
    with pytest.raises(NotFound), control.units(read_only=True) as unit:
        unit.placement.get(NodeId(1))
