"""A doctor who only scrolls makes no request any more and yet stays signed in; a forgotten page does not."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.http_client import ControlServer, receive_close, start_control
from tests.support.ports import free_port
from webviewer.accounts import SessionId
from webviewer.config import DatabaseDriver, DatabaseSettings

REPORT = {"kind": "render", "identity": "r", "address": "http://127.0.0.1:1", "sessions_used": [1]}


@contextmanager
def render_node(port: int, silent: bool = False) -> Iterator[list[tuple[str, object]]]:
    """Take what a render node is told, and give it: path and body. A silent one never answers."""
    told: list[tuple[str, object]] = []
    goes = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append((self.path, body))
            if silent:
                goes.wait(20)
                return
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        goes.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlServer]:
    servers = start_control(tmp_path / "control", DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db")))
    yield next(servers)
    assert next(servers, None) is None


def last_seen(control: ControlServer, number: int) -> float:
    with control.units(read_only=True) as unit:
        return unit.sessions.get(SessionId(number)).last_seen_at.timestamp()


def when_told(told: list[tuple[str, object]], count: int) -> list[tuple[str, object]]:
    deadline = time.monotonic() + 10
    while len(told) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return told


def test_what_a_render_node_reports_keeps_a_session_open_and_nothing_else_does(control: ControlServer) -> None:
    doctor, forgotten = control.signed_in(), control.signed_in()  # sessions 1 and 2
    idle = forgotten.open_events()
    for _ in range(4):  # 50 minutes each, where an hour without use ends a session
        control.advance(3000)
        before = last_seen(control, 1)
        assert control.internally("POST", "/internal/v1/nodes", json=REPORT).json()["active"] is True
        assert last_seen(control, 1) > before
    assert receive_close(idle) == (4401, "expired")
    assert doctor.get("/v2/auth/session").status_code == 200
    assert forgotten.get("/v2/auth/session").json()["error"]["details"] == {"reason": "expired"}


def test_a_report_does_not_wake_a_session_that_has_ended(control: ControlServer) -> None:
    port = free_port()
    with render_node(port) as told:
        browser = control.signed_in()
        control.advance(3601)
        control.register("render", f"http://127.0.0.1:{port}", sessions_used=[1, 77])
        assert browser.get("/v2/auth/session").status_code == 401
        # Streams that go on are ended: the word that the session has ended may have been lost.
        path = "/internal/v1/render/sessions/{}/close"
        body = {"code": 4401, "reason": "expired"}
        assert sorted(when_told(told, 2)[:2]) == [(path.format(1), body), (path.format(77), body)]


def test_the_render_node_is_told_that_a_session_has_ended(control: ControlServer) -> None:
    port = free_port()
    with render_node(port) as told:
        control.register("render", f"http://127.0.0.1:{port}")
        browser = control.signed_in()
        assert browser.post("/v2/auth/sign-out").status_code == 204
        ended = ("/internal/v1/render/sessions/1/close", {"code": 4401, "reason": "signed_out"})
        assert when_told(told, 1) == [ended]


def test_a_render_node_that_never_answers_does_not_hold_up_who_signs_out(control: ControlServer) -> None:
    port = free_port()
    with render_node(port, silent=True) as told:
        control.register("render", f"http://127.0.0.1:{port}")
        browsers = [control.signed_in() for _ in range(3)]
        answers = [browser.post("/v2/auth/sign-out", timeout=3) for browser in browsers]  # it is silent for 20 s
        assert [answer.status_code for answer in answers] == [204] * 3
        assert when_told(told, 1)
