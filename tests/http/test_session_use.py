"""A doctor who only scrolls makes no request any more and yet stays signed in; a forgotten page does not."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import websocket
from websockets.sync.server import ServerConnection, serve

from functions.render.activity import PageMessages
from tests.support.databases import free_port
from tests.support.http_client import Browser, ControlServer, receive_close, start_control
from webviewer.accounts import SessionId
from webviewer.config import DatabaseDriver, DatabaseSettings

VIEW = json.dumps({"type": "view", "cell": 0, "revision": 1, "width_px": 200, "height_px": 180})
PING = '{"type": "ping"}'


@contextmanager
def echoing_node(port: int) -> Iterator[None]:
    """Take streams as a render node does, and send back what a page sends: the relay reads none of it."""

    def echo(stream: ServerConnection) -> None:
        for message in stream:
            stream.send(message)

    with serve(echo, "127.0.0.1", port, subprotocols=["webviewer.v1"]) as node:  # type: ignore[list-item]
        thread = threading.Thread(target=node.serve_forever)
        thread.start()
        yield
        node.shutdown()
        thread.join()


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlServer]:
    port = free_port()
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    with echoing_node(port):
        yield from start_control(tmp_path / "control", database, {"WEBVIEWER_RENDER_URL": f"http://127.0.0.1:{port}"})


def open_stream(browser: Browser) -> websocket.WebSocket:
    ticket = browser.post("/v2/render/ticket").json()["ticket"]
    return websocket.create_connection(
        browser.base.replace("http", "ws") + "/eventQueue/render",
        subprotocols=["webviewer.v1", f"ticket.{ticket}"],
        origin=browser.origin,
        timeout=10,
    )


def last_seen(control: ControlServer, number: int) -> float:
    with control.units(read_only=True) as unit:
        return unit.sessions.get(SessionId(number)).last_seen_at.timestamp()


def test_scrolling_alone_keeps_a_session_open_and_pings_alone_do_not(control: ControlServer) -> None:
    doctor, forgotten = control.signed_in(), control.signed_in()  # sessions 1 and 2
    working, idle = open_stream(doctor), open_stream(forgotten)
    for _ in range(4):  # 50 minutes each, where an hour without use ends a session
        control.advance(3000)
        before = last_seen(control, 1)
        working.send(VIEW)
        assert working.recv() == VIEW
        noted = threading.Event()
        while last_seen(control, 1) == before:
            assert not noted.wait(0.02)
    assert receive_close(idle) == (4401, "expired")
    assert doctor.get("/v2/auth/session").status_code == 200
    assert forgotten.get("/v2/auth/session").json()["error"]["details"] == {"reason": "expired"}
    working.close()


def test_a_stream_does_not_wake_a_session_that_has_ended(control: ControlServer) -> None:
    browser = control.signed_in()
    stream = open_stream(browser)
    control.advance(3601)
    stream.send(VIEW)
    assert receive_close(stream) == (4401, "expired")


def masked(payload: bytes, opcode: int = 1) -> bytes:
    if len(payload) < 126:
        head = bytes((0x80 | opcode, 0x80 | len(payload)))
    elif len(payload) < 65536:
        head = bytes((0x80 | opcode, 0x80 | 126)) + struct.pack(">H", len(payload))
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + struct.pack(">Q", len(payload))
    return head + b"mask" + payload


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000, 10**6])
def test_messages_are_told_from_pings_however_the_bytes_are_cut(piece: int) -> None:
    frames = [
        (masked(PING.encode()), False),
        (masked(b"", 9), False),
        (masked(b"x" * 125, 10), False),
        (masked(VIEW.encode()), True),
        (masked(b'{"type":"ack","sequence":1}'), True),
        (masked(b'{"type":"pong"}'), False),
        (masked(b"v" * 300), True),
        (masked(b"v" * 70_000), True),
    ]
    messages = PageMessages()
    found = []
    for data, _ in frames:
        found.append(sum(messages.has_message(data[at : at + piece]) for at in range(0, len(data), piece)) == 1)
    assert found == [expected for _, expected in frames]
