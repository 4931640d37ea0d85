"""The open streams of this node: closed one by one, by session, or all of them when the node drains or stops."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from aiohttp import web

from renderpool.server.allowance import Allowances
from webviewer.core.errors import Unavailable
from webviewer.protocol.sockets import CloseCode

_CLOSED_WITHIN_S = 5.0  # the close frame may wait behind what is not read
_MAX_REASON_BYTES = 120


class OpenStream:
    """One stream; ``finish`` is how it ends once its frames are out, None before it has any."""

    def __init__(self, socket: web.WebSocketResponse, session_id: int) -> None:
        self.socket = socket
        self.session_id = session_id
        self.finish: Callable[[int, str], None] | None = None


class Streams:
    """All open streams; used in the event loop only."""

    def __init__(self) -> None:
        self._streams: set[OpenStream] = set()
        self.allowances = Allowances(time.monotonic)
        self._closing: set[asyncio.Task[None]] = set()
        self.is_active = True
        self.is_stopping = False

    def check_open(self) -> None:
        """Raise Unavailable if this node takes no new streams."""
        if self.is_stopping:
            raise Unavailable("This render node stops.", code="node_stops")
        if not self.is_active:
            raise Unavailable("This render node is set inactive and takes no viewers.", code="node_inactive")

    def add(self, stream: OpenStream) -> None:
        """Take a stream in."""
        self._streams.add(stream)

    def discard(self, stream: OpenStream) -> None:
        """Let a stream go."""
        self._streams.discard(stream)

    def session_ids(self) -> frozenset[int]:
        """Return the sessions that have a stream here."""
        return frozenset(stream.session_id for stream in self._streams)

    def set_active(self, active: bool) -> None:
        """Take new streams or not; when not, those that are open end after the frames that are on their way."""
        self.is_active = active
        if active:
            return
        for stream in tuple(self._streams):
            if stream.finish is not None:
                stream.finish(CloseCode.NODE_LOST, "The render node is set inactive.")
            else:
                self._start_closing(stream, CloseCode.NODE_LOST, "The render node is set inactive.")

    def close_session(self, session_id: int, code: int, reason: str) -> int:
        """Close the streams of a session at once; returns how many there were."""
        chosen = [stream for stream in self._streams if stream.session_id == session_id]
        for stream in chosen:
            self._start_closing(stream, code, reason)
        return len(chosen)

    def _start_closing(self, stream: OpenStream, code: int, reason: str) -> None:
        task = asyncio.get_running_loop().create_task(close_socket(stream.socket, code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close_all(self) -> None:
        """Tell every viewer that this node goes away: they reconnect at once."""
        self.is_stopping = True
        closing = [
            close_socket(stream.socket, CloseCode.GOING_AWAY, "The render node stops.")
            for stream in tuple(self._streams)
        ]
        await asyncio.gather(*closing, return_exceptions=True)


STREAMS = web.AppKey("streams", Streams)


async def close_socket(socket: web.WebSocketResponse, code: int, reason: str, *, within_s: float | None = None) -> None:
    """Say goodbye, and wait a moment for the answer; the connection is ended in any case by who serves it."""
    text = reason.encode("utf-8")[:_MAX_REASON_BYTES].decode("utf-8", "ignore").encode("utf-8")
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(_CLOSED_WITHIN_S if within_s is None else within_s):
            await socket.close(code=code, message=text)
