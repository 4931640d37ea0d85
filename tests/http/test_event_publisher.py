"""Events reach the control node itself, with the token, and again after it was away."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from collections.abc import Iterator

import pytest

from dicom_gateway.event_publisher import EventPublisher

TOKEN = "internal-token-of-the-tests"

Post = tuple[str, str | None, dict[str, object]]


class Listener(http.server.ThreadingHTTPServer):
    """Takes posts; refuses as many of them as it is told."""

    def __init__(self) -> None:
        self.posts: queue.Queue[Post] = queue.Queue()
        self.refusals = 0
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Listener)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused, self.server.refusals = self.server.refusals > 0, max(0, self.server.refusals - 1)
        if not refused:
            self.server.posts.put((self.path, self.headers.get("Authorization"), body))
        self.send_response(503 if refused else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def listening() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


control = pytest.fixture(listening, name="control")
proxy = pytest.fixture(listening, name="proxy")


def test_events_go_to_the_control_node_and_never_through_a_proxy_of_the_environment(
    control: Listener, proxy: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    publisher = EventPublisher(control.url, TOKEN, lambda owner_id, study_id: 1)
    publisher.publish({"type": "study_deleted", "owner_id": 7, "study_ids": [3]})
    path, authorization, body = control.posts.get(timeout=10)
    assert (path, authorization) == ("/internal/v1/events", f"Bearer {TOKEN}")
    assert body == {"events": [{"type": "study_deleted", "owner_id": 7, "study_ids": [3]}]}
    assert proxy.posts.empty()


def test_events_wait_while_the_control_node_is_away(control: Listener) -> None:
    control.refusals = 1
    publisher = EventPublisher(control.url, TOKEN, lambda owner_id, study_id: 1)
    publisher.publish({"type": "study_deleted", "owner_id": 7, "study_ids": [3]})
    _, _, body = control.posts.get(timeout=10)
    assert body == {"events": [{"type": "study_deleted", "owner_id": 7, "study_ids": [3]}]}
