"""The gevent worker of the control node: limits of connections, TLS of the internal port, and an orderly stop."""

from __future__ import annotations

import contextlib
import logging
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import gevent
import gunicorn.glogging
from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.ggevent import GeventWorker

from functions.common.peer import Peers
from webviewer.adapters.limited_socket import LimitedSocket, answer_to_no_request, is_drained
from webviewer.core.connections import Connections
from webviewer.core.errors import InvalidInput, WebviewerError

logger = logging.getLogger(__name__)

TLS_HANDSHAKE_S: Final = 10
# A page that is told to leave needs a moment to answer the close frame before the listener goes.
LEAVE_S: Final = 0.3
# Nginx passes the header on as the browser wrote it here: the manual's files set it for other paths only.
_UNNAMED_CLIENTS: Final = "/eventQueue"


@dataclass(frozen=True, slots=True)
class Door:
    """A listening port.

    Parameters
    ----------
    connections
        Its connections and their limits.
    peers
        Which proxies are believed; None where only nodes and monitors come, many from one address.
    tls
        What it speaks TLS with; None for plain HTTP.
    """

    connections: Connections
    peers: Peers | None
    tls: ssl.SSLContext | None = None

    def client(self, req: Any, address: str) -> str | None:
        """Return the client that a proxy names in a request; None without a proxy."""
        if self.peers is None or not self.peers.trusts(address) or req.path.startswith(_UNNAMED_CLIENTS):
            return None
        forwarded = ",".join(value for name, value in req.headers if name == "X-FORWARDED-FOR")
        return self.peers.client(address, forwarded) if forwarded else None


class ControlWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gevent worker that speaks TLS on the internal port, and closes its WebSockets first when it is told to stop."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection within the limits of its port."""
        door: Door = self.app.doors[listener.getsockname()[1]]
        address = addr[0] if addr else ""
        limited = LimitedSocket(client)
        is_proxy = door.peers is not None and door.peers.trusts(address)
        limited.connection = door.connections.open(address, limited.close_line, is_proxy=is_proxy)
        if door.tls is not None:
            try:
                client.settimeout(TLS_HANDSHAKE_S)
                client = door.tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
                limited.replace(client)  # before the handshake, which has the deadline of a head
                client.do_handshake()
            except OSError:  # no TLS, or a client that does not accept our certificate
                limited.close()
                return
        super().handle(listener, limited, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request; its connection belongs to its client while it lasts."""
        connection = sock.connection
        door: Door = self.app.doors[listener_name[1]]
        connection.begin_request(door.client(req, addr[0] if addr else ""))
        try:
            super().handle_request(listener_name, req, sock, addr)
            if not is_drained(req.body, connection):
                raise StopIteration  # ends the connection: the beginning of the next request is unknown
        finally:
            connection.end_request()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a head that is too slow or too long in the one shape of errors; leave the rest to gunicorn."""
        if isinstance(exc, LimitRequestLine):
            words = (
                f"The address of this request is longer than {self.cfg.limit_request_line} characters: search for less."
            )
            error = InvalidInput(words, code="address_too_long")
            _answer(client, answer_to_no_request(error, HTTPStatus.REQUEST_URI_TOO_LONG, is_logged=True))
        elif isinstance(exc, WebviewerError):  # counted and logged by the connections
            _answer(client, answer_to_no_request(exc))
        else:
            super().handle_error(req, client, addr, exc)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Stop: sockets first, then the listener."""
        gevent.spawn(self._leave, sig, frame)

    def _leave(self, sig: int, frame: object) -> None:
        try:
            self.app.leave()
            gevent.sleep(LEAVE_S)
        finally:
            super().handle_exit(sig, frame)


def _answer(client: Any, answer: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(answer)


class RootLogger(gunicorn.glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """Hands gunicorn's own messages to our log."""

    def setup(self, cfg: Any) -> None:
        """Keep gunicorn from opening outputs of its own."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.access_log.handlers.clear()
        self.access_log.propagate = False
