"""Splices a page's socket and a render node's as bytes.

The control node shakes no hands of its own here: the page's `Sec-WebSocket-Key` goes to the node, and the node's
answer to the page. Frames are never decoded; of what the node sends only the lengths of WebSocket frames are followed
(`FrameSplitter`), so that a close frame can be put anywhere when the session ends, this process stops, or the node
dies, be it in the middle of a picture.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from webviewer.adapters.node_clients import host_and_port
from webviewer.adapters.nodes import Unreachable
from webviewer.core.errors import ProtocolError, Unavailable
from webviewer.protocol.messages import SUBPROTOCOL, CloseCode

logger = logging.getLogger(__name__)

CONNECT_S: Final = 3.0
HANDSHAKE_S: Final = 5.0
SILENT_TOO_LONG_S: Final = 70.0  # both sides ping every 20 s
GOODBYE_S: Final = 2.0
_PIECE_BYTES: Final = 64 * 1024
_MAX_HEAD_BYTES: Final = 8 * 1024
_CLOSE_OPCODE: Final = 8
_CONTROL_OPCODES: Final = 0x08
_FIN: Final = 0x80
_PASSED_HEADERS: Final = frozenset({"upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"})


class FrameSplitter:
    """Makes whole WebSocket frames (RFC 6455, 5.2) of whatever has come of the node's stream, without decoding it.

    What there is of a frame goes on as a fragment (5.4), so that a close frame can be put behind it at any time: a page
    drops a message whose end never comes.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._first = 0  # first octet of the frame under way; after its first fragment only FIN counts
        self._left = 0
        self._control: bytearray | None = None  # a control frame may not be fragmented, and is short
        self.close_seen = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes in; return them as whole frames.

        Raises
        ------
        ProtocolError
            A masked frame, or a long control frame: no server sends one.
        """
        out: list[bytes] = []
        position = 0
        while position < len(data):
            if self._left == 0:
                self._head.append(data[position])
                position += 1
                if self._start_if_complete() and self._left == 0:
                    self._put(b"", out)
                continue
            piece = data[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            self._put(piece, out)
        return b"".join(out)

    def _start_if_complete(self) -> bool:
        head = self._head
        if len(head) < 2:
            return False
        if head[1] & 0x80:
            raise ProtocolError("A frame of the server is masked.")
        short = head[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(head) < 2 + extra:
            return False
        self._first = head[0]
        self._left = int.from_bytes(head[2:], "big") if extra else short
        head.clear()
        if self._first & _CONTROL_OPCODES:
            if extra:
                raise ProtocolError("A control frame of the server is too long.")
            self._control = bytearray()
        return True

    def _put(self, piece: bytes, out: list[bytes]) -> None:
        if self._control is not None:
            self._control += piece
            if self._left == 0:
                out += [_frame_head(self._first, len(self._control)), bytes(self._control)]
                self._control = None
                self.close_seen = self.close_seen or self._first & 0x0F == _CLOSE_OPCODE
            return
        is_last = self._left == 0
        out += [_frame_head(self._first if is_last else self._first & ~_FIN, len(piece)), piece]
        self._first &= _FIN  # what follows continues


def _frame_head(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


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


def open_upstream(address: str, internal_token: str, wanted: Stream, tls: ssl.SSLContext | None = None) -> Upstream:
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
        f"Authorization: Bearer {internal_token}",
        f"X-Webviewer-Owner: {wanted.owner_id}",
        f"X-Webviewer-Session: {wanted.session_id}",
        f"X-Webviewer-Storage: {wanted.storage}",
    ]
    try:
        sock = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as exc:
        raise Unreachable("The render node does not answer.", cause=type(exc).__name__, refused=True) from exc
    try:
        if parts.scheme == "https":
            sock = (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=host)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(HANDSHAKE_S)
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        received = b""
        while b"\r\n\r\n" not in received:
            piece = sock.recv(_PIECE_BYTES)
            if not piece or len(received) > _MAX_HEAD_BYTES:
                raise Unreachable("The render node broke the handshake off.", cause="handshake")
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        return Upstream(sock, _answer_for_page(head), rest)
    except OSError as exc:
        sock.close()
        raise Unreachable("The render node does not answer.", cause=type(exc).__name__) from exc
    except Unavailable:
        sock.close()
        raise


def _answer_for_page(head: bytes) -> bytes:
    status, *lines = head.decode("latin-1").split("\r\n")
    if not status.startswith("HTTP/1.1 101"):
        raise Unavailable("The render node refuses this stream.", details={"status": status[9:12]})
    kept = [line for line in lines if line.partition(":")[0].strip().lower() in _PASSED_HEADERS]
    return ("\r\n".join(["HTTP/1.1 101 Switching Protocols", *kept]) + "\r\n\r\n").encode("latin-1")


class Relay:
    """One spliced stream; see `webviewer.usecases.live.LiveSocket`.

    Parameters
    ----------
    page
        The page's socket, whose request has been read.
    upstream
        The render node's, whose answer has been read.
    """

    def __init__(self, page: socket.socket, upstream: Upstream) -> None:
        self._page = page
        self._upstream = upstream
        self._splitter = FrameSplitter()
        self._goodbye: tuple[int, str] | None = None
        self._page_done = threading.Event()

    # -- LiveSocket ----------------------------------------------------------------------------------------------------

    def send(self, message: Mapping[str, object]) -> None:
        """Ignore an event: this socket carries pictures."""

    def end(self, reason: str) -> None:
        """Close: the session has ended."""
        self._say_goodbye(CloseCode.NOT_SIGNED_IN, reason)

    def leave(self) -> None:
        """Close: this process stops."""
        self._say_goodbye(CloseCode.GOING_AWAY, "server stops")

    def _say_goodbye(self, code: int, reason: str) -> None:
        if self._goodbye is None:
            self._goodbye = (code, reason)
        _shut(self._upstream.socket, socket.SHUT_RD)  # wakes the pump, which sends the close frame

    # -- the two pumps -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Pass bytes both ways until either side ends."""
        for sock in (self._page, self._upstream.socket):
            sock.settimeout(SILENT_TOO_LONG_S)
        with contextlib.suppress(OSError, AttributeError):  # a Unix socket has none
            self._page.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        other = threading.Thread(target=self._page_to_node, name="relay", daemon=True)
        try:
            self._page.sendall(self._upstream.head)
            other.start()
            self._node_to_page()
        except (OSError, ProtocolError) as exc:
            logger.info("stream_broken", extra={"cause": type(exc).__name__})
        finally:
            _shut(self._upstream.socket, socket.SHUT_RDWR)
            _shut(self._page, socket.SHUT_RDWR)
            if other.ident is not None:
                other.join(timeout=GOODBYE_S)

    def _node_to_page(self) -> None:
        data: bytes = self._upstream.rest
        while self._goodbye is None:
            if data:
                self._page.sendall(self._splitter.feed(data))
            try:
                data = self._upstream.socket.recv(_PIECE_BYTES)
            except OSError:  # the node died, or was silent for too long
                data = b""
            if not data:
                break
        if not self._splitter.close_seen:
            code, reason = self._goodbye or (CloseCode.NODE_LOST, "the render node is gone")
            self._page.sendall(close_frame(code, reason))
        self._let_page_end()

    def _let_page_end(self) -> None:
        """Half-close after a close frame: the page answers it, and its browser waits for us to end the connection."""
        _shut(self._page, socket.SHUT_WR)
        self._page_done.wait(GOODBYE_S)

    def _page_to_node(self) -> None:
        node_takes = True
        try:
            while data := self._page.recv(_PIECE_BYTES):
                # Read on when the node is gone: a connection that is closed with something unread is reset, and the
                # page would not learn why.
                node_takes = node_takes and self._pass_on(data)
        except OSError:
            pass  # gone, or silent for too long: the same
        finally:
            self._page_done.set()
            # Half closed: the node may still answer a close frame; then it ends its side.
            _shut(self._upstream.socket, socket.SHUT_WR)

    def _pass_on(self, data: bytes) -> bool:
        try:
            self._upstream.socket.sendall(data)
        except OSError:
            return False
        return True


def close_frame(code: int, reason: str) -> bytes:
    """Return an unmasked close frame (RFC 6455, 5.5.1)."""
    payload = struct.pack(">H", code) + reason.encode("utf-8")[:120]
    return bytes((0x80 | _CLOSE_OPCODE, len(payload))) + payload


def _shut(sock: Any, how: int) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(how)
