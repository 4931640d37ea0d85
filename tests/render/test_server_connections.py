"""Connections that keep the render node waiting: each is ended in time, and none holds up a viewer or a monitor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.render.sources import MemorySource
from tests.render.test_server import TOKEN, Server, receive, send
from tests.support.hostile_clients import (
    FORMS,
    answers_while_trickling,
    connect,
    crowd,
    hold,
    read_nothing,
    refusal_of,
    trickle,
)
from tests.support.waiting import eventually

SURFACE = "/internal/v1/render/owners/7/series/1/volumes/0/surface"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server(MemorySource(count=5))
    yield running
    running.stop()


def cut(server: Server, reason: str) -> int:
    text = requests.get(server.url("/metrics"), timeout=20).text
    line = next(line for line in text.splitlines() if f'reason="{reason}"' in line)
    return round(float(line.rpartition(" ")[2]))


def test_each_form_of_waiting_is_ended_and_refused_in_the_one_shape(server: Server) -> None:
    head = f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    bodies = ("Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n")
    heads = [form for form in FORMS if "head" in form or form in ("silence", "handshake that never ends")]
    before = cut(server, "reply_slow")
    with ExitStack() as stack:
        stack.enter_context(read_nothing(server.port, "/metrics", count=3000))
        held = [(stack.enter_context(hold(server.port, form)), form) for form in heads]
        for body, form in zip(bodies, ("body of one byte a second", "chunks without end"), strict=True):
            connection = stack.enter_context(connect(server.port))
            connection.sendall(f"POST {SURFACE} HTTP/1.1\r\n{head}Connection: close\r\n{body}".encode())
            held.append((connection, form))
        forms = [form for _, form in held]
        answers = dict(zip(forms, answers_while_trickling(held), strict=True))
        eventually(lambda: cut(server, "reply_slow") == before + 1, 120, "the end of the reply that nobody reads")
    assert {form: refusal_of(answer) for form, answer in answers.items()} == {
        "silence": None,
        "head that never ends": (408, "head_late"),
        "handshake that never ends": (408, "head_late"),
        "body of one byte a second": (408, "body_slow"),
        "chunks without end": (408, "body_slow"),
    }


def test_hundreds_of_waiting_connections_hold_up_neither_a_viewer_nor_a_monitor(server: Server) -> None:
    with server.connect() as viewer, crowd(server.port, 400, ["127.0.0.1"], list(FORMS)) as held:
        send(viewer, type="hello", version=1)
        receive(viewer, "welcome")
        for _ in range(10):
            trickle(held)
            send(viewer, type="ping")
            receive(viewer, "pong")
            assert requests.get(server.url("/internal/v1/health"), timeout=20).status_code == 200
            assert server.get("/internal/v1/render/owners/7/series/1/thumbnail").status_code in (200, 404)


def test_a_body_over_the_limit_is_refused_as_too_large(server: Server) -> None:
    answer = requests.post(
        server.url("/internal/v1/render/sessions/3/close"),
        data=b" " * (2 * 1024**2),
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=20,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
