"""Splices a page's socket and a render node's as bytes.

The control node shakes no hands of its own here: the page's `Sec-WebSocket-Key` goes to the node, and the node's
answer to the page. Frames are never decoded; of what the node sends only the lengths of WebSocket frames are followed
(`FrameCounter`), so that a close frame can be put between two of them when the session ends, this process stops, or
the node dies.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from functions.render.activity import PageMessages
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
_PASSED_HEADERS: Final = frozenset({"upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"})


class FrameCounter:
    """Follows the lengths of unmasked WebSocket frames in a stream of bytes (RFC 6455, 5.2), without their payload."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = 0
        self.close_seen = False

    @property
    def is_between_frames(self) -> bool:
        """Whether all frames so far are complete."""
        return self._left == 0 and not self._head

    def feed(self, data: bytes, *, stop_between: bool = False) -> int:
        """Take bytes in; returns how many of them were taken.

        Parameters
        ----------
        data
            What comes next in the stream.
        stop_between
            Stop after the frame that is under way, and take no new one.

        Raises
        ------
        ProtocolError
            A masked frame: no server sends one.
        """
        position = 0
        while position < len(data):
            if self._left:
                taken = min(self._left, len(data) - position)
                self._left -= taken
                position += taken
                continue
            if stop_between and not self._head:
                return position
            self._head.append(data[position])
            position += 1
            self._start_if_complete()
        return position

    def _start_if_complete(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        if head[1] & 0x80:
            raise ProtocolError("A frame of the server is masked.")
        short = head[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(head) < 2 + extra:
            return
        self._left = int.from_bytes(head[2:], "big") if extra else short
        self.close_seen = self.close_seen or head[0] & 0x0F == _CLOSE_OPCODE
        head.clear()


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


def open_upstream(address: str, internal_token: str, *, owner_id: int, websocket_key: str) -> Upstream:
    """Return a stream of a render node, upgraded. Neither cookie nor ticket of the page goes there.

    Raises
    ------
    Unavailable
        The node does not answer, or refuses.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 80
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
        f"X-Webviewer-Owner: {owner_id}",
    ]
    try:
        sock = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as exc:
        raise Unavailable("The render node does not answer.", details={"cause": type(exc).__name__}) from exc
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(HANDSHAKE_S)
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        received = b""
        while b"\r\n\r\n" not in received:
            piece = sock.recv(_PIECE_BYTES)
            if not piece or len(received) > _MAX_HEAD_BYTES:
                raise Unavailable("The render node broke the handshake off.")
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        return Upstream(sock, _answer_for_page(head), rest)
    except OSError as exc:
        sock.close()
        raise Unavailable("The render node does not answer.", details={"cause": type(exc).__name__}) from exc
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
    on_use
        Called for messages of the page other than its pings; must return at once.
    """

    def __init__(self, page: socket.socket, upstream: Upstream, on_use: Callable[[], None] = lambda: None) -> None:
        self._page = page
        self._on_use = on_use
        self._messages = PageMessages()
        self._upstream = upstream
        self._counter = FrameCounter()
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
        while True:
            if data:
                taken = self._counter.feed(data, stop_between=self._goodbye is not None)
                self._page.sendall(data[:taken])
            if self._goodbye is not None and self._counter.is_between_frames:
                break
            try:
                data = self._upstream.socket.recv(_PIECE_BYTES)
            except OSError:  # the node died, or was silent for too long
                data = b""
            if not data:
                break
        if self._counter.close_seen or not self._counter.is_between_frames:
            # The node has said goodbye itself; or it was cut in the middle of a frame, and nothing more can be said.
            if self._counter.close_seen:
                self._let_page_end()
            return
        code, reason = self._goodbye or (CloseCode.NODE_LOST, "the render node is gone")
        self._page.sendall(close_frame(code, reason))
        self._let_page_end()

    def _let_page_end(self) -> None:
        """Half-close after a close frame: the page answers it, and its browser waits for us to end the connection."""
        _shut(self._page, socket.SHUT_WR)
        self._page_done.wait(GOODBYE_S)

    def _page_to_node(self) -> None:
        try:
            while data := self._page.recv(_PIECE_BYTES):
                self._upstream.socket.sendall(data)
                if self._messages.has_message(data):
                    self._on_use()
        except OSError:
            pass  # gone, or silent for too long: the same
        finally:
            self._page_done.set()
            # Half closed: the node may still answer a close frame; then it ends its side.
            _shut(self._upstream.socket, socket.SHUT_WR)


def close_frame(code: int, reason: str) -> bytes:
    """Return an unmasked close frame (RFC 6455, 5.5.1)."""
    payload = struct.pack(">H", code) + reason.encode("utf-8")[:120]
    return bytes((0x80 | _CLOSE_OPCODE, len(payload))) + payload


def _shut(sock: Any, how: int) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(how)
