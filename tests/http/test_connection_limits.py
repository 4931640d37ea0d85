"""Connections that keep the control node waiting: each is ended in time, and none keeps a doctor or a monitor out."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile_clients import (
    FORMS,
    answers_while_trickling,
    crowd,
    hold,
    read_nothing,
    refusal_of,
    trickle,
)
from tests.support.http_client import PASSWORD, ControlServer, start_control
from tests.support.waiting import eventually
from webviewer.config import DatabaseDriver, DatabaseSettings

WITHIN_S = 120.0
LARGE_BYTES = 24 * 1024**2  # more than the kernel takes from a server whose client reads nothing


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlServer]:
    """Run a control node with few seats, which believes only 127.0.0.1 what it says of its client."""
    folder = tmp_path_factory.mktemp("small")
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "webviewer.db"))
    environ = {
        "WEBVIEWER_MAX_CONNECTIONS": "512",
        "WEBVIEWER_MAX_CONNECTIONS_PER_ADDRESS": "40",
        "WEBVIEWER_TRUSTED_PROXIES": '["127.0.0.1/32"]',
    }
    for server in start_control(folder / "control", database, environ):
        with (Path(server.settings.control.html) / "assets/large-Ab12Cd34.bin").open("wb") as file:
            file.truncate(LARGE_BYTES)
        yield server


class Client:
    """A client at one of the addresses of loopback; a new connection for each request."""

    def __init__(self, server: ControlServer, source: str) -> None:
        self._server = server
        self._source = source
        self._cookie = ""

    def request(self, method: str, path: str, value: object = None) -> tuple[int, Any]:
        control = self._server.settings.control
        connection = http.client.HTTPConnection("127.0.0.1", control.port, timeout=60, source_address=(self._source, 0))
        with contextlib.closing(connection):
            body = None if value is None else json.dumps(value)
            headers = {"Content-Type": "application/json"} if body else {}
            if self._cookie:
                headers["Cookie"] = self._cookie
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
            self._cookie = (answer.getheader("Set-Cookie") or self._cookie).partition(";")[0]
            return answer.status, content

    def sign_in(self, name: str) -> int:
        return self.request("POST", "/v2/auth/sign-in", {"user_name": name, "password": PASSWORD})[0]


def cuts(server: ControlServer, reason: str) -> int:
    """Return how many connections a limit ended."""
    text = server.internally("GET", "/metrics").text
    found = re.search(rf'^webviewer_connections_cut_total{{port="public",reason="{reason}"}} (\S+)', text, re.MULTILINE)
    assert found is not None
    return round(float(found[1]))


def test_each_form_of_waiting_is_ended_and_refused_in_the_one_shape(small: ControlServer) -> None:
    port, before = small.settings.control.port, cuts(small, "reply_slow")
    with ExitStack() as stack:
        for path, count in (("/assets/large-Ab12Cd34.bin", 1), ("/v2/openapi.json", 2000)):
            stack.enter_context(read_nothing(port, path, count=count))
        held = [(stack.enter_context(hold(port, form)), form) for form in FORMS]
        forms = [form for _, form in held]
        answers = dict(zip(forms, answers_while_trickling(held), strict=True))
        eventually(lambda: cuts(small, "reply_slow") == before + 2, WITHIN_S, "the end of replies that nobody reads")
    assert {form: refusal_of(answer) for form, answer in answers.items()} == {
        "silence": None,  # as browsers open connections in advance
        "head that never ends": (408, "head_late"),
        "body that never arrives": (408, "body_slow"),
        "body of one byte a second": (408, "body_slow"),
        "chunks without end": (408, "body_slow"),
        "handshake that never ends": (408, "head_late"),
        "body that nobody asked for": (404, "not_found"),
    }


def test_hundreds_of_waiting_connections_keep_neither_a_monitor_nor_a_doctor_out(small: ControlServer) -> None:
    port, name = small.settings.control.port, small.new_user()
    doctor = Client(small, "127.0.0.9")
    assert doctor.sign_in(name) == 200
    sources = [f"127.0.0.{number}" for number in range(2, 9)]
    with crowd(port, 700, sources, list(FORMS)) as held:
        for _ in range(5):
            trickle(held)
            assert Client(small, "127.0.0.9").request("GET", "/v2/health/live") == (200, {"live": True})
            assert doctor.request("GET", "/v2/auth/session")[0] == 200
        # from the very address of an attacker, as behind the gateway of a hospital
        neighbour = Client(small, sources[0])
        assert neighbour.sign_in(name) == 200
        assert neighbour.request("GET", "/v2/auth/session")[0] == 200
    assert cuts(small, "crowded") + cuts(small, "address_crowded") >= 500


def test_one_address_holds_no_more_than_its_share(small: ControlServer) -> None:
    before = cuts(small, "address_crowded")
    with crowd(small.settings.control.port, 60, ["127.0.0.2"], ["silence"]):
        eventually(lambda: cuts(small, "address_crowded") >= before + 20, WITHIN_S, "all above the share are ended")


def test_clients_behind_a_trusted_proxy_have_shares_of_their_own(small: ControlServer) -> None:
    port, before = small.settings.control.port, cuts(small, "address_crowded")
    head = b"POST /v2/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
    with ExitStack() as stack:
        for number in range(60):
            connection = stack.enter_context(hold(port, "silence"))
            connection.sendall(head + f"X-Forwarded-For: 10.0.{number}.1, 203.0.113.5\r\n\r\n".encode())
        eventually(
            lambda: cuts(small, "address_crowded") >= before + 20, WITHIN_S, "the forged part makes no new client"
        )


def test_cut_connections_are_logged_as_counts_and_not_one_by_one(small: ControlServer) -> None:
    eventually(
        lambda: any(line.get("message") == "connections_cut" for line in small.log_lines()), WITHIN_S, "they are logged"
    )
    lines = [line for line in small.log_lines() if line.get("message") == "connections_cut"]
    assert all(isinstance(line["cuts"], dict) for line in lines)
    assert len(lines) < 60
