"""WebSockets of pages: what they offer, how they are refused, and the one that carries events."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Request, Response
from simple_websocket import ConnectionClosed, Server

from webviewer.adapters.wsgi import connection_of
from webviewer.protocol.sockets import SUBPROTOCOL, CloseCode

logger = logging.getLogger(__name__)

PING_EVERY_S: Final = 20.0
SILENT_TOO_LONG_S: Final = 65.0  # three missed turns of the page's ping
MAX_QUEUED: Final = 1024
MAX_QUEUED_CHARACTERS: Final = 2 * 1024 * 1024
MAX_MESSAGE_BYTES: Final = 4096
GOODBYE_S: Final = 1.0

_TICKET_PREFIX: Final = "ticket."
_MAX_TICKET: Final = 128
_TOO_MANY_MESSAGES: Final = 1000


def offered_ticket(request: Request) -> str | None:
    """Return the ticket among the offered subprotocols, None if there is none or our protocol is not offered."""
    offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    tickets = [name.removeprefix(_TICKET_PREFIX) for name in offered if name.startswith(_TICKET_PREFIX)]
    if SUBPROTOCOL not in offered or len(tickets) != 1 or not 0 < len(tickets[0]) <= _MAX_TICKET:
        return None
    return tickets[0]


def refuse_socket(request: Request, code: int, reason: str) -> Response:
    """Shake hands and close with a code that the page understands; returns what the view must return."""
    prepare(request)
    try:
        websocket = Server(request.environ, subprotocols=[SUBPROTOCOL], max_message_size=MAX_MESSAGE_BYTES)
    except Exception:  # noqa: BLE001 - whatever is wrong with a handshake, there is nobody to tell
        return Response(status=400)
    say_goodbye(websocket, code, reason)
    return HandledResponse()


def prepare(request: Request) -> None:
    """Let the WebSocket library send whole messages; call before it takes the socket over."""
    sock = request.environ.get("gunicorn.socket")
    if sock is not None and not isinstance(sock, WholeSocket):
        request.environ["gunicorn.socket"] = WholeSocket(sock)
    begin_socket(request)


def begin_socket(request: Request) -> None:
    """Note that the connection of the request becomes a WebSocket, which may be silent but must read."""
    connection = connection_of(request.environ)
    if connection is not None:
        connection.upgrade()


def say_goodbye(websocket: Server, code: int, reason: str) -> None:
    """Send a close frame and give the page a moment to answer it."""
    with contextlib.suppress(ConnectionClosed, OSError):
        websocket.close(code, reason[:120])
    websocket.event.set()  # wakes a reader
    websocket.thread.join(timeout=GOODBYE_S)


class HandledResponse(Response):
    """Tells gunicorn that the connection was taken over and is done."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        """End the request without an answer."""
        raise StopIteration


class WholeSocket:
    """A socket whose ``send`` sends all, one sender at a time, and whose ``recv`` lets others run.

    The library below calls ``send`` as if it never sent a part only, from two greenlets; and under gevent a peer that
    sends without pause would keep the reader from ever giving way.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def send(self, data: bytes) -> int:
        """Send all of it."""
        with self._lock:
            self._sock.sendall(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        """Receive as the socket does, after a turn for everybody else."""
        time.sleep(0)
        received: bytes = self._sock.recv(size)
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class PageSocket:
    """A socket that carries events to a page; see `webviewer.usecases.live.LiveSocket`.

    A page that reads too slowly loses the connection (close code 4429) instead of filling our memory; it comes back
    and loads anew.
    """

    def __init__(self) -> None:
        self._queue: deque[str] = deque()
        self._queued_characters = 0
        self._wake = threading.Event()
        self._done = threading.Event()
        self._goodbye: tuple[int, str, str | None] | None = None
        self._websocket: Server | None = None

    def send(self, message: Mapping[str, object]) -> None:
        """Queue a message."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        if len(self._queue) >= MAX_QUEUED or self._queued_characters + len(text) > MAX_QUEUED_CHARACTERS:
            self._close(CloseCode.TOO_MANY, "too slow", None)
            return
        self._queue.append(text)
        self._queued_characters += len(text)
        self._wake.set()

    def end(self, reason: str) -> None:
        """Tell the page why, then close: the session has ended."""
        last = json.dumps({"type": "session_ended", "reason": reason})
        self._close(CloseCode.NOT_SIGNED_IN, reason, last)

    def leave(self) -> None:
        """Close: this process stops."""
        self._close(CloseCode.GOING_AWAY, "server stops", None)

    def run(self, websocket: Server) -> None:
        """Serve the socket until either side closes it; what was queued before goes out first."""
        self._websocket = websocket
        writer = threading.Thread(target=self._write, args=(websocket,), name="page-socket", daemon=True)
        writer.start()
        try:
            for kind in self._incoming(websocket):
                if kind == "ping":
                    self.send({"type": "pong"})
        finally:
            self._close(CloseCode.GOING_AWAY, "", None)
            writer.join(timeout=GOODBYE_S * 3)
            self._done.set()

    def _close(self, code: int, reason: str, last: str | None) -> None:
        if self._goodbye is not None:
            return
        self._goodbye = (code, reason, last)
        self._wake.set()
        threading.Thread(target=self._insist, name="page-socket-end", daemon=True).start()

    def _insist(self) -> None:
        """Cut the connection of a page that does not take the goodbye: the writer would wait for it for ever."""
        if not self._done.wait(timeout=GOODBYE_S * 2) and self._websocket is not None:
            with contextlib.suppress(OSError):
                self._websocket.sock.shutdown(socket.SHUT_RDWR)
            self._websocket.connected = False
            self._websocket.event.set()

    def _incoming(self, websocket: Server) -> Iterator[str]:
        """Yield the types of the page's messages until the connection is over."""
        heard_at, count, since = time.monotonic(), 0, time.monotonic()
        while self._goodbye is None:
            try:
                text = websocket.receive(timeout=PING_EVERY_S)
            except ConnectionClosed:
                return
            now = time.monotonic()
            if text is None:
                if now - heard_at > SILENT_TOO_LONG_S:
                    return
                continue
            heard_at = now
            count, since = (count + 1, since) if now - since < PING_EVERY_S else (1, now)
            kind = _type_of(text)
            if kind is None or count > _TOO_MANY_MESSAGES:
                self._close(CloseCode.BAD_MESSAGE, "not understood", None)
                return
            yield kind

    def _write(self, websocket: Server) -> None:
        try:
            while True:
                woken = self._wake.wait(timeout=PING_EVERY_S)
                self._wake.clear()
                if not woken:
                    websocket.send('{"type":"ping"}')
                while self._queue and self._goodbye is None:
                    text = self._queue.popleft()
                    self._queued_characters -= len(text)
                    websocket.send(text)
                if self._goodbye is not None:
                    code, reason, last = self._goodbye
                    if last is not None:
                        websocket.send(last)
                    say_goodbye(websocket, code, reason)
                    return
        except (ConnectionClosed, OSError):
            self._goodbye = self._goodbye or (CloseCode.GOING_AWAY, "", None)
            websocket.event.set()


def _type_of(text: str | bytes) -> str | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    kind = message.get("type") if isinstance(message, dict) else None
    return kind if kind in ("ping", "pong") else None
