"""Splices a page's socket and a render node's as bytes.

The control node shakes no hands of its own here: the page's `Sec-WebSocket-Key` goes to the node, and the node's
answer to the page. Frames are never decoded; only their lengths are followed (`functions.render.frames`), so that a
close frame can be put anywhere when the session ends, this process stops, or the node dies or hangs, be it in the
middle of a picture.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from functions.render.frames import FrameSplitter, PageFrames, close_frame, ping_frame
from functions.render.upstream import Upstream
from webviewer.core.errors import ProtocolError
from webviewer.protocol.sockets import CloseCode

logger = logging.getLogger(__name__)

SILENT_TOO_LONG_S: Final = 70.0  # both sides ping every 20 s
QUIET_S: Final = 4.0  # a node that says nothing for so long is asked
HANGS_AFTER_S: Final = 12.0  # one that is only busy answers a ping: its sockets have a thread of their own
GOODBYE_S: Final = 2.0
_PIECE_BYTES: Final = 64 * 1024
_KERNEL_BUFFER_BYTES: Final = 64 * 1024  # the kernel takes the double


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
        self._page_frames = PageFrames()
        self._sending = threading.Lock()  # to the node: what the page says, and our pings between
        self._heard_s = time.monotonic()  # when the node last said anything
        self._page_is_slow = False  # the node is not asked for more while the page does not take what there is
        self._ping_is_due = False
        self._over = threading.Event()
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
        # What a page sends and the node does not take yet stays with the page: the kernel keeps little of it here.
        with contextlib.suppress(OSError):
            self._page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER_BYTES)
            self._upstream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER_BYTES)
        with contextlib.suppress(OSError, AttributeError):  # a Unix socket has none
            self._page.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        other = threading.Thread(target=self._page_to_node, name="relay", daemon=True)
        try:
            self._page.sendall(self._upstream.head)
            other.start()
            threading.Thread(target=self._watch_node, name="relay-watch", daemon=True).start()
            self._node_to_page()
        except (OSError, ProtocolError) as exc:
            logger.info("stream_broken", extra={"cause": type(exc).__name__})
        finally:
            self._over.set()
            _shut(self._upstream.socket, socket.SHUT_RDWR)
            _shut(self._page, socket.SHUT_RDWR)
            if other.ident is not None:
                other.join(timeout=GOODBYE_S)

    def _node_to_page(self) -> None:
        data: bytes = self._upstream.rest
        while self._goodbye is None:
            if data:
                self._page_is_slow = True
                self._page.sendall(self._splitter.feed(data))
                self._heard_s, self._page_is_slow = time.monotonic(), False
            try:
                data = self._upstream.socket.recv(_PIECE_BYTES)
            except OSError:  # the node died, or was silent for too long
                data = b""
            if not data:
                break
            self._heard_s = time.monotonic()
        self._over.set()
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
                time.sleep(0)  # a socket that always has something to read would keep all other greenlets waiting
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
        with self._sending:
            between = self._page_frames.feed(data)
            try:
                if self._ping_is_due and between is not None:  # a page that floods is hardly ever between two frames
                    self._ping_is_due = False
                    data = data[:between] + ping_frame() + data[between:]
                self._upstream.socket.sendall(data)
            except OSError:
                return False
        return True

    # -- a node that hangs ---------------------------------------------------------------------------------------------

    def _watch_node(self) -> None:
        """Ask a node that says nothing; one that does not answer either hangs, and another is to take over."""
        while not self._over.wait(QUIET_S):
            silent_s = time.monotonic() - self._heard_s
            if self._page_is_slow or silent_s < QUIET_S:
                continue
            if silent_s >= HANGS_AFTER_S:
                logger.warning("render_node_hangs", extra={"silent_s": round(silent_s)})
                self._say_goodbye(CloseCode.NODE_LOST, "the render node does not answer")
                return
            self._ping()

    def _ping(self) -> None:
        if not self._sending.acquire(blocking=False):
            self._ping_is_due = True  # behind the page's own message; while that is not taken, it is silence too
            return
        try:
            if self._page_frames.is_between:
                self._upstream.socket.sendall(ping_frame())
            else:
                self._ping_is_due = True
        except OSError:
            pass  # the pump sees it too
        finally:
            self._sending.release()


def _shut(sock: Any, how: int) -> None:
    """End a direction of a connection; of one with TLS below the TLS, whose state the other thread still needs."""
    with contextlib.suppress(OSError):
        if isinstance(sock, socket.socket):
            socket.socket.shutdown(sock, how)
        else:
            sock.shutdown(how)
