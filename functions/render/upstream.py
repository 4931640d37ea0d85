"""The way from the control node to a render node: connect, upgrade, and take the answer for the page."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from webviewer.adapters.call_token import call_authorization
from webviewer.adapters.node_clients import host_and_port
from webviewer.adapters.nodes import Unreachable
from webviewer.core.correlation import headers_for_call
from webviewer.core.errors import Unavailable
from webviewer.protocol.sockets import SUBPROTOCOL

CONNECT_S: Final = 1.0
HANDSHAKE_S: Final = 3.0
_PIECE_BYTES: Final = 64 * 1024
_MAX_HEAD_BYTES: Final = 8 * 1024
_PASSED_HEADERS: Final = frozenset({"upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"})


class Upstream:
    """The open connection to a render node: its socket, the head of its answer, and what came right behind it."""

    def __init__(self, sock: socket.socket, head: bytes, rest: bytes) -> None:
        self.socket = sock
        self.head = head
        self.rest = rest

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self.socket.close()


@dataclass(frozen=True, slots=True)
class Stream:
    """Whose stream it is, which storage node has the studies, and the page's key of the handshake."""

    owner_id: int
    session_id: int
    storage: str
    websocket_key: str


def open_upstream(address: str, join_secret: str, wanted: Stream, tls: ssl.SSLContext | None = None) -> Upstream:
    """Return a stream of a render node, upgraded. Neither cookie nor ticket of the page goes there.

    Raises
    ------
    Unreachable
        The node does not answer.
    Unavailable
        The node refuses.
    """
    parts, websocket_key = urlsplit(address), wanted.websocket_key
    host, port = host_and_port(address)
    if not websocket_key or not websocket_key.isascii() or not websocket_key.isprintable() or len(websocket_key) > 64:
        raise Unavailable("The page's handshake is not understood.")
    lines = [
        "GET /internal/v1/render/stream HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {websocket_key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        f"Authorization: {call_authorization(join_secret, address)}",
        f"X-Webviewer-Owner: {wanted.owner_id}",
        f"X-Webviewer-Session: {wanted.session_id}",
        f"X-Webviewer-Storage: {wanted.storage}",
        *(f"{name}: {value}" for name, value in headers_for_call().items()),
    ]
    try:
        sock = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as exc:
        raise Unreachable("The render node does not answer.", cause=type(exc).__name__, refused=True) from exc
    give_up_s = time.monotonic() + HANDSHAKE_S
    try:
        sock.settimeout(HANDSHAKE_S)
        if parts.scheme == "https":
            sock = (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=host)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        received = b""
        while b"\r\n\r\n" not in received:
            sock.settimeout(max(0.001, give_up_s - time.monotonic()))  # of all pieces together
            piece = sock.recv(_PIECE_BYTES)
            if not piece or len(received) > _MAX_HEAD_BYTES:
                raise Unreachable("The render node broke the handshake off.", cause="handshake")
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        return Upstream(sock, _answer_for_page(head), rest)
    except ssl.SSLCertVerificationError as exc:
        sock.close()
        words = f"The render node's certificate is refused: {exc.verify_message}."
        raise Unreachable(words, cause="certificate") from exc
    except OSError as exc:
        sock.close()
        raise Unreachable("The render node does not answer.", cause=type(exc).__name__) from exc
    except Unavailable:
        sock.close()
        raise


def _answer_for_page(head: bytes) -> bytes:
    status, *lines = head.decode("latin-1").split("\r\n")
    if status.startswith("HTTP/1.1 503"):  # it drains or stops: another one takes the stream
        raise Unreachable("The render node takes no streams now.", cause="503")
    if not status.startswith("HTTP/1.1 101"):
        raise Unavailable("The render node refuses this stream.", details={"status": status[9:12]})
    kept = [line for line in lines if line.partition(":")[0].strip().lower() in _PASSED_HEADERS]
    return ("\r\n".join(["HTTP/1.1 101 Switching Protocols", *kept]) + "\r\n\r\n").encode("latin-1")
