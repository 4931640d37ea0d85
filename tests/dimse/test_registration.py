"""A storage node and the control node: registers, takes its users over, goes on without it, says goodbye."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dimse.node import AE_TITLE, OWNER, TOKEN, Node
from tests.support.phantom_files import make_ct, to_bytes
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory

WAIT_S = 30.0


class Control(http.server.ThreadingHTTPServer):
    """Answers heartbeats as the control node does, and keeps what it is told."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.beats: list[dict[str, Any]] = []
        self.left: list[dict[str, Any]] = []
        self.asked = 0
        self.digest = "1"
        self.active = True
        self.owners: Any = [{"owner_id": OWNER, "ae_titles": [AE_TITLE]}]
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Control

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {})
        elif self.path == "/internal/v1/nodes":
            self.server.beats.append(told)
            server = self.server
            answer = {"node_id": 5, "active": server.active, "heartbeat_s": 0.2, "owners_digest": server.digest}
            self._answer(200, answer)
        elif self.path == "/internal/v1/nodes/leave":
            self.server.left.append(told)
            self._answer(204, None)
        else:
            self._answer(204, None)

    def do_GET(self) -> None:
        assert self.path == "/internal/v1/nodes/5/owners"
        self.server.asked += 1
        self._answer(200, {"digest": self.server.digest, "owners": self.server.owners})

    def _answer(self, status: int, value: object) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


def eventually(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not found():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def control() -> Iterator[Control]:
    running = Control()
    yield running
    running.close()


@pytest.fixture
def node(tmp_path: Path, control: Control) -> Iterator[Node]:
    made = Node(tmp_path / "node", {"WEBVIEWER_CONTROL_URL": f"http://127.0.0.1:{control.port}"})
    made.prepare()
    made.start()
    try:
        yield made
    finally:
        made.end()


def echoes(node: Node, title: str) -> bool:
    command = ["echoscu", "-aec", title, "-ta", "5", "127.0.0.1", str(node.dicom_port)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def ask(node: Node, path: str, method: str = "GET", value: object = None, **headers: str) -> requests.Response:
    return requests.request(
        method,
        f"http://127.0.0.1:{node.port}/internal/v1{path}",
        json=value,
        headers={"Authorization": f"Bearer {TOKEN}", **headers},
        timeout=20,
    )


def titles(node: Node) -> dict[str, int]:
    engine = make_engine(node.database)
    with SqlStorageUnitOfWorkFactory(engine)(read_only=True) as unit:
        found: dict[str, int] = {
            title: owner
            for title in ("USER-AE", "SECOND", "THIRD")
            if (owner := unit.archive.owner_of_ae_title(title)) is not None
        }
    engine.dispose()
    return found


def test_it_says_who_it_is_the_same_after_a_restart_and_goodbye_when_it_stops(control: Control, node: Node) -> None:
    eventually(lambda: control.beats)
    first = control.beats[-1]
    assert first["kind"] == "storage"
    assert first["address"] == f"http://127.0.0.1:{node.port}"
    assert (first["scu"], first["facts"]["dicom_port"]) == ("STORAGE-AE", node.dicom_port)
    assert str(uuid.UUID(first["identity"])) == first["identity"]
    report = ask(node, "/report").json()
    assert {name: report[name] for name in ("kind", "identity", "address", "version", "scu", "active")} == {
        **{name: first[name] for name in ("kind", "identity", "address", "version", "scu")},
        "active": True,
    }
    assert node.stop() == 0
    assert control.left == [{"kind": "storage", "identity": first["identity"]}]
    count = len(control.beats)
    time.sleep(0.5)
    assert len(control.beats) == count, "a heartbeat after the goodbye"
    node.start()
    eventually(lambda: len(control.beats) > count)
    assert control.beats[-1]["identity"] == first["identity"]


def test_its_users_are_taken_over_as_a_whole_and_again_only_when_they_change(control: Control, node: Node) -> None:
    eventually(lambda: ask(node, "/health").status_code == 200)
    assert echoes(node, "USER-AE")
    upload = f"http://127.0.0.1:{node.port}/internal/v1/owners/{OWNER}/uploads/whole?name=x.dcm"
    sent = requests.post(upload, to_bytes(make_ct()), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
    assert sent.json()["stored"] == 1
    control.owners = [{"owner_id": 8, "ae_titles": ["SECOND"]}, {"owner_id": 9, "ae_titles": ["THIRD", "USER-AE"]}]
    control.digest = "2"
    eventually(lambda: titles(node) == {"SECOND": 8, "THIRD": 9, "USER-AE": 9})
    assert echoes(node, "SECOND")
    control.owners, control.digest = [{"owner_id": 8, "ae_titles": ["SECOND"]}], "3"
    eventually(lambda: titles(node) == {"SECOND": 8})
    assert not echoes(node, "USER-AE")
    assert ask(node, f"/owners/{OWNER}/studies").json()["total"] == 1, "a user who is gone keeps the studies"
    assert ask(node, "/report").json()["highest_owner"] == OWNER, "and the number"
    eventually(lambda: control.beats[-1]["highest_owner"] == OWNER)
    asked, beats = control.asked, len(control.beats)
    eventually(lambda: len(control.beats) > beats + 3)
    assert control.asked == asked == 3


WRONG: tuple[tuple[object, str], ...] = (
    ([{"owner_id": 8, "ae_titles": ["ONE"]}, {"owner_id": 9, "ae_titles": ["ONE"]}], "belongs to another user"),
    ([{"owner_id": 8, "ae_titles": ["back\\slash"]}], "wrong at owners.0.ae_titles.0"),
    ([{"owner_id": 8}], "wrong at owners.0.ae_titles: Field required"),
)


def test_a_list_that_is_wrong_changes_nothing_and_is_told_of_once(control: Control, node: Node) -> None:
    eventually(lambda: ask(node, "/health").status_code == 200)
    for number, (wrong, words) in enumerate(WRONG):
        control.owners, control.digest, control.asked = wrong, f"wrong {number}", 0
        eventually(lambda: control.asked > 2)
        assert titles(node) == {"USER-AE": OWNER}
        told = [str(line["reason"]) for line in node.messages("control_node_not_followed")]
        assert len(told) == number + 1
        assert words in told[-1]
    control.owners, control.digest = [{"owner_id": 8, "ae_titles": ["SECOND"]}], "right"
    eventually(lambda: titles(node) == {"SECOND": 8})
    eventually(lambda: len(node.messages("control_node_is_back")) == 1)


def test_without_a_control_node_it_receives_with_the_users_it_has_and_finds_it_again(
    tmp_path: Path, control: Control
) -> None:
    port = control.port
    node = Node(tmp_path / "node", {"WEBVIEWER_CONTROL_URL": f"http://127.0.0.1:{port}"})
    node.prepare()
    control.close()
    node.start()
    try:
        assert echoes(node, "USER-AE")
        told = ask(node, "/health")
        assert (told.status_code, told.json()["reason"]) == (
            503,
            "The list of users has not come from the control node yet.",
        )
        eventually(lambda: ask(node, "/health").status_code == 200)  # it does not wait for ever
        assert len(node.messages("control_node_does_not_answer")) == 1
        back = Control(port)
        try:
            back.owners = [{"owner_id": 8, "ae_titles": ["SECOND"]}]
            eventually(lambda: titles(node) == {"SECOND": 8})
            eventually(lambda: len(node.messages("control_node_is_back")) == 1)
        finally:
            back.close()
        assert node.stop() == 0
    finally:
        node.end()


def test_what_the_control_node_pushes_is_taken_and_browsers_are_not(control: Control, node: Node) -> None:
    eventually(lambda: ask(node, "/health").status_code == 200)
    pushed = {"digest": "9", "owners": [{"owner_id": 8, "ae_titles": ["THIRD"]}]}
    assert ask(node, "/owners", "PUT", pushed).status_code == 204
    assert titles(node) == {"THIRD": 8}
    assert ask(node, "/report").json()["owners_digest"] == "9"
    assert ask(node, "/owners/8", "PUT", {"ae_titles": ["THIRD", "SECOND"]}).status_code == 204
    assert ask(node, "/report").json()["owners_digest"] == ""  # no longer what was put
    assert ask(node, "/owners", "PUT", {"owners": []}).status_code == 400
    control.active = False
    eventually(lambda: ask(node, "/report").json()["active"] is False)
    assert ask(node, f"/owners/{OWNER}/studies").status_code == 200, "an inactive node serves its users"
    assert ask(node, "/active", "PUT", {"active": "no"}).status_code == 400
    for name in ("Origin", "Sec-Fetch-Site"):
        for path in ("/report", "/health", f"/owners/{OWNER}/studies"):
            assert ask(node, path, **{name: "http://127.0.0.1:8090"}).status_code == 403
    answer = requests.get(f"http://127.0.0.1:{node.port}/internal/v1/report", timeout=20)
    assert answer.status_code == 401
