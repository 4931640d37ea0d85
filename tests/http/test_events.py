"""The event socket: tickets, owners, origins, and how it closes."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from socket import SO_RCVBUF, SOL_SOCKET

import psutil
import pytest
import requests
import websocket

from tests.support.http_client import ControlServer, receive_close, start_control
from webviewer.audit import AuditDetail, AuditEvent
from webviewer.config import DatabaseDriver, DatabaseSettings


def user_id_of(browser: object) -> int:
    return int(browser.get("/v2/auth/session").json()["user"]["user_id"])  # type: ignore[attr-defined]


def test_an_event_reaches_the_sockets_of_its_owner_only(control: ControlServer) -> None:
    owner, other = control.signed_in(), control.signed_in()
    first, second, foreign = owner.open_events(), owner.open_events(), other.open_events()
    event = {"type": "study_changed", "study_id": 7, "series_ids": [9], "instance_count": 2, "new": True}
    assert control.publish({**event, "owner_id": user_id_of(owner)}).status_code == 204
    for socket in (first, second):
        assert json.loads(socket.recv()) == event
    control.publish({"type": "study_deleted", "study_ids": [1], "owner_id": user_id_of(other)})
    assert json.loads(foreign.recv()) == {"type": "study_deleted", "study_ids": [1]}  # the first one never came
    for socket in (first, second, foreign):
        socket.close()


def test_events_arrive_in_the_order_in_which_they_were_published(control: ControlServer) -> None:
    browser = control.signed_in()
    owner_id, socket = user_id_of(browser), browser.open_events()
    for number in range(20):
        control.publish(
            *({"type": "study_changed", "study_id": number * 5 + k, "owner_id": owner_id} for k in range(5))
        )
    assert [json.loads(socket.recv())["study_id"] for _ in range(100)] == list(range(100))
    socket.close()


def test_the_chosen_subprotocol_is_ours_and_the_page_may_ping(control: ControlServer) -> None:
    socket = control.signed_in().open_events()
    assert socket.getsubprotocol() == "webviewer.v1"
    socket.send('{"type": "ping"}')
    assert json.loads(socket.recv()) == {"type": "pong"}
    socket.close()


def test_a_ticket_opens_one_socket_once(control: ControlServer) -> None:
    browser = control.signed_in()
    ticket = browser.ticket()
    browser.open_events(ticket).close()
    assert receive_close(browser.open_events(ticket)) == (4401, "bad_ticket")


def test_a_ticket_is_good_for_thirty_seconds(control: ControlServer) -> None:
    browser = control.signed_in()
    ticket = browser.ticket()
    control.advance(31)
    assert receive_close(browser.open_events(ticket)) == (4401, "bad_ticket")


def test_a_ticket_of_a_session_that_has_ended_opens_nothing(control: ControlServer) -> None:
    browser = control.signed_in()
    ticket = browser.ticket()
    browser.post("/v2/auth/sign-out")
    assert receive_close(browser.open_events(ticket)) == (4401, "signed_out")


def test_unused_tickets_of_a_session_are_limited(control: ControlServer) -> None:
    browser = control.signed_in()
    codes = [browser.post("/v2/auth/ticket").status_code for _ in range(33)]
    assert codes == [200] * 32 + [429]


@pytest.mark.parametrize("offered", [[], ["webviewer.v1"], ["ticket.abc"], ["webviewer.v1", "ticket."]])
def test_a_socket_without_a_ticket_is_refused(control: ControlServer, offered: list[str]) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        websocket.create_connection(
            control.base.replace("http", "ws") + "/eventQueue", subprotocols=offered, timeout=10
        )


def test_a_socket_of_another_site_is_refused_even_with_a_ticket(control: ControlServer) -> None:
    browser = control.signed_in()
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        browser.open_events(origin="http://evil.example")
    no_origin = browser.post("/v2/auth/ticket", headers={"Origin": ""}).json()["ticket"]
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        browser.open_events(no_origin, origin="http://evil.example")


def test_a_socket_works_where_a_proxy_hides_our_name(control: ControlServer) -> None:
    # The documented Nginx files give the socket the server's own Host, but the page's Origin stays what it was.
    browser = control.signed_in()
    cookie = f"webviewer_session={browser.http.cookies['webviewer_session']}"
    headers = {"Host": "viewer.example", "Origin": "http://viewer.example:8888", "Cookie": cookie}
    ticket = browser.post("/v2/auth/ticket", headers=headers).json()["ticket"]
    socket = browser.open_events(ticket, origin="http://viewer.example:8888")
    socket.send('{"type": "ping"}')
    assert json.loads(socket.recv()) == {"type": "pong"}
    socket.close()


def test_signing_out_tells_the_open_pages_and_closes_them(control: ControlServer) -> None:
    browser = control.signed_in()
    socket = browser.open_events()
    browser.post("/v2/auth/sign-out")
    assert json.loads(socket.recv()) == {"type": "session_ended", "reason": "signed_out"}
    assert receive_close(socket) == (4401, "signed_out")


def test_an_unused_session_expires_by_itself_closes_its_page_and_is_logged(control: ControlServer) -> None:
    browser = control.signed_in()
    user_id, socket = user_id_of(browser), browser.open_events()
    control.advance(3601)
    assert json.loads(socket.recv()) == {"type": "session_ended", "reason": "expired"}
    assert receive_close(socket) == (4401, "expired")
    with control.units(read_only=True) as unit:
        entries = [entry for entry in unit.audit.newest(500) if entry.user_id == user_id]
    assert [entry.event for entry in entries] == [AuditEvent.SESSION_EXPIRED, AuditEvent.SESSION_OPEN]
    assert entries[0].details[AuditDetail.IP_ADDRESS] == browser.address


def test_switching_a_user_off_closes_the_open_pages(control: ControlServer) -> None:
    browser = control.signed_in()
    user_id, socket = user_id_of(browser), browser.open_events()
    control.accounts.set_active(user_id, is_active=False)  # type: ignore[arg-type]
    assert json.loads(socket.recv()) == {"type": "session_ended", "reason": "switched_off"}
    assert receive_close(socket) == (4401, "switched_off")


def test_a_message_that_is_not_in_the_contract_closes_the_socket(control: ControlServer) -> None:
    browser = control.signed_in()
    for text in ("hello", '{"type": "open"}', "[" * 1000):
        socket = browser.open_events()
        socket.send(text)
        assert receive_close(socket)[0] == 4400


def test_a_message_that_is_too_large_ends_the_connection(control: ControlServer) -> None:
    socket = control.signed_in().open_events()
    socket.send("x" * 10_000)
    # It may be cut off before it could be told why, because it was still sending.
    with contextlib.suppress(ConnectionResetError, websocket.WebSocketConnectionClosedException):
        assert receive_close(socket)[0] == 1009
    assert socket.connected is False


def test_a_session_may_not_hold_endless_sockets(control: ControlServer) -> None:
    browser = control.signed_in()
    sockets = [browser.open_events() for _ in range(32)]
    assert receive_close(browser.open_events())[0] == 4429
    for socket in sockets:
        socket.close()


def test_a_page_that_does_not_read_loses_its_socket_not_our_memory(control: ControlServer) -> None:
    browser = control.signed_in()
    owner_id, lazy, busy = user_id_of(browser), browser.open_events(), browser.open_events()
    assert lazy.sock is not None
    lazy.sock.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    got: list[str] = []

    def read() -> None:
        while True:
            try:
                got.append(str(busy.recv()))
            except websocket.WebSocketException:
                return
            if len(got) == 800:
                return

    reader = threading.Thread(target=read)
    reader.start()
    padding = "x" * 16_000
    for number in range(80):
        control.publish(*({"type": "study_changed", "owner_id": owner_id, "pad": padding} for _ in range(10)))
        deadline = time.monotonic() + 10
        while len(got) < number * 10 and time.monotonic() < deadline:
            time.sleep(0.005)
    reader.join(timeout=60)
    assert len(got) == 800
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        text = requests.get(f"{control.internal}/metrics", timeout=10).text
        if "\nwebviewer_websockets 1.0" in text:
            break
        time.sleep(0.2)
    assert "\nwebviewer_websockets 1.0" in text
    busy.close()
    lazy.close()


@pytest.mark.parametrize(
    "event",
    [
        {"type": "study_changed"},
        {"type": "Study Changed", "owner_id": 1},
        {"type": "study_changed", "owner_id": 0},
        {"type": "study_changed", "owner_id": "1"},
        {"type": "study_changed", "owner_id": 1, "pad": "x" * 70_000},
    ],
)
def test_a_published_event_that_breaks_the_rules_is_refused(control: ControlServer, event: dict[str, object]) -> None:
    assert control.publish(event).status_code == 400


@pytest.fixture
def own_control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlServer]:
    folder = tmp_path_factory.mktemp("own")
    yield from start_control(folder, DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "own.db")))


def test_stopping_closes_the_sockets_with_going_away(own_control: ControlServer) -> None:
    socket = own_control.signed_in().open_events()
    own_control.process.send_signal(signal.SIGTERM)
    assert receive_close(socket) == (1001, "server stops")
    assert own_control.process.wait(timeout=60) == 0


def test_a_killed_control_node_leaves_no_process_behind(tmp_path: object, own_control: ControlServer) -> None:
    children = psutil.Process(own_control.process.pid).children(recursive=True)
    assert len(children) == 1
    own_control.process.kill()
    own_control.process.wait()
    gone, alive = psutil.wait_procs(children, timeout=60)
    assert (len(gone), alive) == (1, [])
    own_control.process.returncode = 0  # the fixture's own check is about a stop in peace
