"""Limits on the connections of the render node: the rules of `webviewer.core.connections` for asyncio."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast
from weakref import WeakKeyDictionary

from aiohttp import web

from webviewer.adapters.limited_socket import answer_to_no_request
from webviewer.core.connections import SWEEP_EVERY_S, Connection, ConnectionLimits, Connections, Phase
from webviewer.core.errors import TooSlow
from webviewer.core.system import open_files_limit

CONNECTIONS: Final = 4096
KEEP_ALIVE_S: Final = 75.0  # longer than the pools of our clients keep a connection
TLS_HANDSHAKE_S: Final = 10.0
_BACKLOG: Final = 256


class Door:
    """The open connections of the listener; used in the event loop only."""

    def __init__(self) -> None:
        limits = ConnectionLimits.within(
            connections=CONNECTIONS, per_address=CONNECTIONS, open_files=open_files_limit()
        )
        self.connections = Connections(limits)
        self._protocols: WeakKeyDictionary[asyncio.BaseTransport, LimitedProtocol] = WeakKeyDictionary()

    def enter(self, transport: asyncio.Transport, protocol: LimitedProtocol) -> None:
        """Let `of` find a protocol by its transport."""
        self._protocols[transport] = protocol

    def of(self, request: web.BaseRequest) -> LimitedProtocol | None:
        """Return the protocol that a request came by; None where the listener has no limits, as in some tests."""
        return None if request.transport is None else self._protocols.get(request.transport)

    async def sweep(self) -> None:
        """Look for connections that are too slow, for ever."""
        self.connections.log_limits()
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            for protocol in tuple(self._protocols.values()):
                protocol.note_progress()
            self.connections.sweep()


DOOR: Final = web.AppKey("door", Door)


class LimitedProtocol(asyncio.Protocol):
    """A connection within the limits, around the protocol that serves it.

    Parameters
    ----------
    inner
        aiohttp's protocol.
    door
        Where the connection is counted.
    """

    def __init__(self, inner: asyncio.Protocol, door: Door) -> None:
        self._inner = inner
        self._door = door
        self._transport: asyncio.Transport | None = None
        self._connection: Connection | None = None
        self._unsent_bytes: int | None = None  # while the client is waited for
        self._is_answered = False

    # -- asyncio -------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat."""
        peer = transport.get_extra_info("peername")
        self._transport = cast("asyncio.Transport", transport)
        self._door.enter(self._transport, self)
        self._connection = self._door.connections.open(peer[0] if peer else "", self._close)
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the seat back."""
        if self._connection is not None:
            self._connection.leave()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass data on; after an answer they begin the next request."""
        connection = self._connection
        if connection is not None:
            if self._is_answered:
                self._is_answered = False
                connection.end_request()
            connection.receive_ends(len(data))
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Note that the client is waited for."""
        if self._connection is not None and self._transport is not None:
            self._unsent_bytes = self._transport.get_write_buffer_size()
            self._connection.send_begins()
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        self.note_progress()
        if self._connection is not None:
            self._connection.send_ends(0)
        self._unsent_bytes = None
        self._inner.resume_writing()

    # -- the server ----------------------------------------------------------------------------------------------------

    def begin_request(self) -> None:
        """Note that a head has come."""
        self._is_answered = False
        if self._connection is not None:
            self._connection.begin_request()

    def admit(self) -> None:
        """Note that a node of ours asks; raises Unavailable when all seats are taken."""
        if self._connection is not None:
            self._connection.admit("node", is_node=True)

    def upgrade(self) -> None:
        """Note that a WebSocket begins."""
        if self._connection is not None:
            self._connection.upgrade()

    def answered(self) -> None:
        """Note that the handler is done; its answer may still be on its way."""
        self._is_answered = True

    def note_progress(self) -> None:
        """Count what the client has read since the last call."""
        if self._unsent_bytes is None or self._connection is None or self._transport is None:
            return
        left_bytes = self._transport.get_write_buffer_size()
        if left_bytes < self._unsent_bytes:
            self._connection.send_ends(self._unsent_bytes - left_bytes)
            self._connection.send_begins()
        self._unsent_bytes = left_bytes

    def _close(self, may_answer: bool) -> None:
        transport, connection = self._transport, self._connection
        if transport is None or not may_answer:
            if transport is not None:
                transport.abort()
            return
        if connection is not None and connection.phase is Phase.HEAD and connection.error is not None:
            transport.write(answer_to_no_request(connection.error))
        transport.close()


async def read_body(request: web.Request, within_s: float) -> None:
    """Read the body of a request, which the handler then finds in memory.

    Raises
    ------
    TooSlow
        It does not come in time.
    """
    if not request.can_read_body:
        return
    try:
        async with asyncio.timeout(within_s):
            await request.read()
    except TimeoutError:
        raise TooSlow(f"The body of the request did not arrive within {within_s:g} s.", code="body_slow") from None


@asynccontextmanager
async def listening(
    runner: web.BaseRunner, door: Door, listener: socket.socket, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve a listener within the limits while the block runs; the runner must have been set up."""
    make = runner.server
    if make is None:
        raise RuntimeError("The runner has not been set up.")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: LimitedProtocol(make(), door),
        sock=listener,
        backlog=_BACKLOG,
        ssl=tls,
        ssl_handshake_timeout=TLS_HANDSHAKE_S if tls is not None else None,
    )
    sweeper = loop.create_task(door.sweep())
    try:
        yield
    finally:
        sweeper.cancel()
        server.close()
