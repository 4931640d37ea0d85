"""What a probe and a monitor see of the controller: ``/internal/v1/health`` and ``/metrics``, both without a token."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from renderpool.controller.decide import Plan

StartResponse = Callable[[str, list[tuple[str, str]]], object]


@dataclass(frozen=True, slots=True)
class State:
    """What the controller is doing: ``acting``, ``standby`` while another one acts, or ``failing`` and why."""

    state: str = "starting"
    reason: str = ""


class Health:
    """What the loop says of itself.

    Alive is a loop that goes round, even if what it asks does not answer: starting it again would not mend that.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._round_at = clock()
        self._state = State()
        self.registry = CollectorRegistry()
        gauges = {
            "acting": "1 while this controller holds the lease",
            "sessions": "Open sessions that need a render node",
            "nodes_needed": "Render nodes that the sessions need, with the spare ones and within the limits",
            "nodes_capacity": "Render nodes that serve or are starting",
            "replicas": "Replicas that the Deployment is asked for",
        }
        self._gauges = {
            name: Gauge(f"webviewer_controller_{name}", words, registry=self.registry) for name, words in gauges.items()
        }
        self._changes = Counter(
            "webviewer_controller_changes_total", "What was done to the pool", ["kind"], registry=self.registry
        )
        self._failures = Counter(
            "webviewer_controller_failed_rounds_total", "Rounds that failed", registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def acted(self, plan: Plan, replicas_before: int) -> None:
        """Note a round of the one that acts."""
        self._came_round(State("acting"), acting=True)
        for name, value in (
            ("sessions", plan.sessions),
            ("nodes_needed", plan.needed),
            ("nodes_capacity", plan.capacity),
            ("replicas", plan.replicas),
        ):
            self._gauges[name].set(value)
        for kind, count in (
            ("started", plan.replicas - replicas_before),
            ("removed", replicas_before - plan.replicas),
            ("drained", len(plan.drain)),
            ("brought_back", len(plan.bring_back)),
        ):
            if count > 0:
                self._changes.labels(kind).inc(count)

    def stood_by(self) -> None:
        """Note a round while another controller acts."""
        self._came_round(State("standby"), acting=False)

    def failed(self, reason: str, *, acting: bool) -> None:
        """Note a round that came to nothing."""
        self._failures.inc()
        self._came_round(State("failing", reason), acting=acting)

    @property
    def is_alive(self) -> bool:
        """Whether the loop went round lately."""
        return self._clock() - self._round_at < self._patience_s

    def answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve the two paths (WSGI)."""
        path, status, kind = environ.get("PATH_INFO"), "200 OK", "application/json"
        if environ.get("REQUEST_METHOD") != "GET":
            status, body = "405 Method Not Allowed", b"{}"
        elif path == "/internal/v1/health":
            status = status if self.is_alive else "503 Service Unavailable"
            body = json.dumps({"alive": self.is_alive, **asdict(self._state)}).encode()
        elif path == "/metrics":
            kind, body = CONTENT_TYPE_LATEST, generate_latest(self.registry)
        else:
            status, body = "404 Not Found", b"{}"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _came_round(self, state: State, *, acting: bool) -> None:
        self._round_at = self._clock()
        self._state = state
        self._gauges["acting"].set(acting)


class _Quiet(WSGIRequestHandler):
    timeout = 10  # a connection that says nothing does not hold the next probe up for longer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        """Say nothing: probes come every few seconds."""


class _Server(WSGIServer):
    def server_bind(self) -> None:
        """Bind without asking a name server who we are, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class HealthServer:
    """Serves a `Health` from a thread of its own; raises OSError if the port is taken."""

    def __init__(self, health: Health, host: str, port: int) -> None:
        kind = _Server6 if ":" in host else _Server
        self._server = make_server(host, port, health.answer, server_class=kind, handler_class=_Quiet)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
