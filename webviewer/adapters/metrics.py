"""Prometheus metrics of one process; the registry is made with them, so that nothing is global."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webviewer.core.connections import Connections

LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
# Of HTTP, whether we serve them or not; a client may send any other word too, and each would stay here for good.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
OTHER_METHOD: Final = "other"


class ConnectionCollector(Collector):
    """Open connections, and how many were ended by the limits.

    Parameters
    ----------
    ports
        Connections by the name of their port.
    """

    def __init__(self, ports: Mapping[str, Connections]) -> None:
        self._ports = dict(ports)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        is_open = GaugeMetricFamily("webviewer_connections", "Open connections", labels=["port", "kind"])
        cut = CounterMetricFamily(
            "webviewer_connections_cut", "Connections that a limit ended", labels=["port", "reason"]
        )
        for port, connections in self._ports.items():
            for kind, count in zip(("anonymous", "authenticated"), connections.counts(), strict=True):
                is_open.add_metric([port, kind], count)
            for reason, count in connections.cuts().items():
                cut.add_metric([port, reason.value], count)
        yield is_open
        yield cut


def connections_text(ports: Mapping[str, Connections]) -> bytes:
    """Return the metrics of connections by the name of their port, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(ConnectionCollector(ports))
    return generate_latest(registry)


class Metrics:
    """What the control node counts. Labels hold names of ours only, never anything from a request."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "webviewer_http_requests_total", "Requests", ["method", "endpoint", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "webviewer_http_request_seconds",
            "Time to answer, seconds",
            ["endpoint"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._sign_ins = Counter("webviewer_sign_ins_total", "Sign-ins by outcome", ["outcome"], registry=self.registry)
        self._sockets = Gauge("webviewer_websockets", "Open WebSockets", registry=self.registry)
        self._nodes = Gauge(
            "webviewer_nodes", "Storage and render nodes", ["kind", "state", "status"], registry=self.registry
        )
        self._sessions = Gauge("webviewer_sessions", "Open sessions of the whole system", registry=self.registry)
        self._waiting = Gauge(
            "webviewer_sessions_without_render_node",
            "Open sessions that no live render node draws for",
            registry=self.registry,
        )
        self._database = Gauge(
            "webviewer_database_usable", "Whether the database can be used now: 1 or 0", registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def count_request(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answered request; ``endpoint`` is the name of a route."""
        method = method if method in METHODS else OTHER_METHOD
        self._requests.labels(method, endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def count_sign_in(self, outcome: str) -> None:
        """Count a sign-in: ``ok`` or the code of its refusal."""
        self._sign_ins.labels(outcome).inc()

    def watch_sockets(self, count: Callable[[], int]) -> None:
        """Read the number of open WebSockets from here at each scrape."""
        self._sockets.set_function(count)

    def watch_connections(self, ports: Mapping[str, Connections]) -> None:
        """Read the connections of each port at each scrape."""
        self.registry.register(ConnectionCollector(ports))

    def watch_database(self, is_usable: Callable[[], bool]) -> None:
        """Read whether the database can be used from here at each scrape."""
        self._database.set_function(lambda: float(is_usable()))

    def show_nodes(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Show how many nodes there are of each kind (storage, render), state (online …) and status (active …)."""
        for labels in [
            (k, s, a) for k in ("storage", "render") for s in ("online", "offline") for a in ("active", "inactive")
        ]:
            self._nodes.labels(*labels).set(counts.get(labels, 0))

    def show_sessions(self, count: int, waiting: int) -> None:
        """Show how many sessions are open, and how many of them no live render node draws for."""
        self._sessions.set(count)
        self._waiting.set(waiting)

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry)
