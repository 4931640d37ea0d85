"""Connections that keep a storage node's HTTP waiting: they cost no thread, and each is ended in time."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

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
    head = f"Host: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with ExitStack() as stack:
        held = [(stack.enter_context(hold(node.port, form)), form) for form in FORMS]
        known = stack.enter_context(connect(node.port))
        known.sendall(f"POST /internal/v1/owners/1/uploads HTTP/1.1\r\n{head}".encode())
        held.append((known, "body of one byte a second"))
        answers = answers_while_trickling(held)
    told = [refusal_of(answer) for answer in answers]
    late, unknown = (408, "head_late"), (401, "not_signed_in")
    assert dict(zip(FORMS, told, strict=False)) == {
        "silence": None,
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
            held = [stack.enter_context(read_nothing(node.port, "/metrics", count=2000)) for _ in range(4 * THREADS)]
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


def test_a_node_without_file_descriptors_goes_on_with_what_it_has_and_comes_back(node: StorageHttp) -> None:
    pid = node.worker_pid()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    health = f"{node.base_url}/internal/v1/health"
    assert node.session.get(health, timeout=30).status_code == 200
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len([*Path(f"/proc/{pid}/fd").iterdir()]) + 5, before[1]))
    try:
        with crowd(node.port, 40, ["127.0.0.1"], ["silence"]):
            for _ in range(10):
                assert node.session.get(health, timeout=30).status_code == 200  # on the connection that it has
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert requests.get(health, timeout=30).status_code == 200
    text = node.session.get(f"{node.base_url}/metrics", timeout=30).text
    found = re.search(r'reason="no_descriptors"} (\S+)', text)
    assert found is not None
    assert float(found[1]) > 0
