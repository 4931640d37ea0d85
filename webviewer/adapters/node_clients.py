"""Clients of other nodes by their addresses, each with connections of its own: one that hangs holds up no other."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import OrderedDict
from typing import Final
from urllib.parse import urlsplit

from webviewer.adapters.nodes import NodeClient, StorageClient, Unreachable

MAX_KEPT: Final = 256
STORAGE_READ_TIMEOUT_S: Final = 120.0
RENDER_READ_TIMEOUT_S: Final = 20.0
CONNECT_TIMEOUT_S: Final = 3.0
_KNOCK_S: Final = 1.0
_SAYS_SOMETHING_S: Final = 3.0  # the listener of a node that hangs still takes connections


class NodeClients:
    """Keeps a client for each address; may be called from any thread or greenlet.

    Parameters
    ----------
    token
        The join secret; the nodes are not sent it (`webviewer.adapters.call_token`).
    tls
        How ``https`` nodes are believed.
    """

    def __init__(self, token: str, tls: ssl.SSLContext | None = None) -> None:
        self._token = token
        self.tls = tls
        self._lock = threading.Lock()
        self._storage: OrderedDict[str, StorageClient] = OrderedDict()
        self._render: OrderedDict[str, NodeClient] = OrderedDict()

    def storage(self, address: str) -> StorageClient:
        """Return the client of a storage node."""
        with self._lock:
            client = self._storage.get(address)
            if client is None:
                client = StorageClient(
                    address,
                    self._token,
                    connect_timeout_s=CONNECT_TIMEOUT_S,
                    read_timeout_s=STORAGE_READ_TIMEOUT_S,
                    tls=self.tls,
                )
                self._storage[address] = client
                _drop_oldest(self._storage)
            self._storage.move_to_end(address)
            return client

    def render(self, address: str) -> NodeClient:
        """Return the client of a render node."""
        with self._lock:
            client = self._render.get(address)
            if client is None:
                client = NodeClient(
                    address,
                    self._token,
                    node="render node",
                    connect_timeout_s=CONNECT_TIMEOUT_S,
                    read_timeout_s=RENDER_READ_TIMEOUT_S,
                    tls=self.tls,
                )
                self._render[address] = client
                _drop_oldest(self._render)
            self._render.move_to_end(address)
            return client


def _drop_oldest(clients: OrderedDict[str, NodeClient] | OrderedDict[str, StorageClient]) -> None:
    # Nodes come and go under new addresses. Whoever uses the dropped one at the moment goes on with it.
    if len(clients) > MAX_KEPT:
        clients.popitem(last=False)


def host_and_port(address: str) -> tuple[str, int]:
    """Return where a node listens.

    Examples
    --------
    >>> host_and_port("https://[fd00::7]:8080")
    ('fd00::7', 8080)
    """
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def knock(address: str, tls: ssl.SSLContext | None = None) -> tuple[str, int]:
    """Ask a node for a word, whichever; returns the IP address and the port at which it listens.

    Raises
    ------
    Unreachable
        Nobody listens there, or whoever does says nothing.
    """
    host, port = host_and_port(address)
    try:
        connection = socket.create_connection((host, port), timeout=_KNOCK_S)
    except OSError as exc:
        raise Unreachable("The render node does not answer.", cause=type(exc).__name__, refused=True) from exc
    try:
        peer = connection.getpeername()
        connection.settimeout(_SAYS_SOMETHING_S)
        if urlsplit(address).scheme == "https":
            connection = (tls or ssl.create_default_context()).wrap_socket(connection, server_hostname=host)
        # Without the token: that it refuses us is a word too.
        connection.sendall(f"GET /internal/v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        if not connection.recv(1):
            raise Unreachable("The render node hangs up.", cause="hung up")
        return str(peer[0]), int(peer[1])
    except OSError as exc:
        raise Unreachable("The render node does not answer.", cause=type(exc).__name__) from exc
    finally:
        connection.close()
