"""Connections that keep a storage node's HTTP waiting: they cost no thread, and each is ended in time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.hostile_clients import FORMS, answer_of, connect, crowd, hold, read_nothing, trickle
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings

THREADS = 48


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageHttp]:
    folder = tmp_path_factory.mktemp("node")
    running = StorageHttp(folder / "node", sqlite_settings(folder))
    running.start()
    yield running
    running.stop()


def test_each_form_of_waiting_is_ended_and_refused_in_the_one_shape(node: StorageHttp) -> None:
    over = threading.Event()
    head = f"Host: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with ExitStack() as stack:
        held = [(stack.enter_context(hold(node.port, form)), form) for form in FORMS]
        known = stack.enter_context(connect(node.port))
        known.sendall(f"POST /internal/v1/owners/1/uploads HTTP/1.1\r\n{head}".encode())
        held.append((known, "body of one byte a second"))

        def go_on() -> None:
            while not over.wait(0.5):
                trickle(held)

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            answers = [answer_of(connection) for connection, _ in held]
        finally:
            over.set()
            thread.join()
    told = [
        (int(answer.split()[1]), json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]) for answer in answers
    ]
    late, unknown = (408, "head_late"), (401, "not_signed_in")
    assert dict(zip(FORMS, told, strict=False)) == {
        "silence": late,
        "head that never ends": late,
        "body that never arrives": unknown,
        "body of one byte a second": unknown,
        "chunks without end": unknown,
        "handshake that never ends": late,
        "body that nobody asked for": unknown,
    }
    assert told[-1] == (408, "body_slow")


@pytest.mark.parametrize("form", ["silence", "head that never ends", "body of one byte a second", "nothing is read"])
def test_many_more_waiting_connections_than_threads_hold_up_nobody(node: StorageHttp, form: str) -> None:
    with ExitStack() as stack:
        if form == "nothing is read":
            held = [stack.enter_context(read_nothing(node.port, "/metrics", count=2000)) for _ in range(THREADS - 8)]
        else:
            held = [one for one, _ in stack.enter_context(crowd(node.port, 4 * THREADS, ["127.0.0.1"], [form]))]
        for _ in range(20):
            trickle((one, form) for one in held if form in FORMS)
            assert node.session.get(f"{node.base_url}/internal/v1/health", timeout=30).status_code == 200
            assert node.session.get(f"{node.owner()}/studies", timeout=30).status_code == 200


def test_the_metrics_tell_of_connections(node: StorageHttp) -> None:
    text = node.session.get(f"{node.base_url}/metrics", timeout=30).text
    assert 'webviewer_connections_cut_total{port="internal",reason="head_late"}' in text
    assert 'webviewer_connections{kind="authenticated",port="internal"}' in text
