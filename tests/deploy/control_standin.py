"""The two calls of the control node that the controller makes, over real HTTP, from plain data."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "join-secret-of-the-tests"


@dataclass
class ControlStandin:
    """Render nodes as the control node would tell of them; tests change them."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: int = 0
    broken: str = ""  # "down": 503, "nonsense": another shape
    puts: list[tuple[str, bool]] = field(default_factory=list)
    asked: int = 0
    url: str = ""

    def add(self, identity: str, sessions: int = 0) -> None:
        self.nodes[identity] = {
            "node_id": len(self.nodes) + 1,
            "identity": identity,
            "address": f"http://{identity}:8080",
            "active": True,
            "online": True,
            "sessions": sessions,
            "registered_at": "2026-11-25T09:00:00+00:00",
        }

    def set(self, identity: str, **changed: Any) -> None:
        self.nodes[identity] |= changed

    def scaling(self) -> tuple[int, Any]:
        self.asked += 1
        if self.broken == "down":
            return 503, {"error": {"code": "unavailable", "message": "The database does not answer."}}
        if self.broken == "nonsense":
            return 200, {"nodes": [{"node_id": 1}], "waiting": 0}
        nodes = list(self.nodes.values())
        return 200, {"nodes": nodes, "sessions": sum(one["sessions"] for one in nodes), "waiting": self.waiting}

    def put(self, node_id: int, active: bool) -> tuple[int, Any]:
        for identity, one in self.nodes.items():
            if one["node_id"] == node_id:
                one["active"] = active
                self.puts.append((identity, active))
                return 200, one
        return 404, {"error": {"code": "not_found", "message": f"There is no node {node_id}."}}


@contextmanager
def running_control_standin() -> Iterator[ControlStandin]:
    """A stand-in on a free port."""
    control = ControlStandin()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(*(control.scaling() if self.path == "/internal/v1/scaling" else (404, {})))

        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            folder, _, node_id = self.path.rpartition("/")
            wrong = folder != "/internal/v1/nodes" or set(body) != {"active"}
            self._answer(*((404, {}) if wrong else control.put(int(node_id), body["active"])))

        def _answer(self, status: int, value: Any) -> None:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, value = 401, {}
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    control.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield control
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
