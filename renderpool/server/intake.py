"""Takes the messages of one stream from its socket, as fast as one user may send them.

Two coroutines share an `Inbox`: one reads the socket, the other parses and handles. Rules:

- A user's streams share an `Allowance`. Where it is overdrawn, the socket is not read: TCP slows the sender down, and
  memory holds at most ``MAX_WAITING`` messages or ``MAX_WAITING_BYTES`` of a stream (and one more message).
- Neither coroutine keeps the event loop: after ``MAX_WAITING`` messages the other streams have their turn.
- Who makes the node wait for half of ``WINDOW_S`` is refused. Waits are counted as they were ordered, not as a clock
  shows them: a node that stood still blames no viewer for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from aiohttp import WSMessage, WSMsgType

from renderpool.server.allowance import Allowance
from renderpool.server.inbox import Inbox
from renderpool.session.session import Message
from webviewer.core.errors import LimitExceeded, ProtocolError
from webviewer.dicom.sentence import say
from webviewer.protocol.messages import Hello, Open, Ping, Pong, parse_client_message
from webviewer.protocol.questions import Ask
from webviewer.protocol.volumes import Edit, OpenVolume

MAX_WAITING = 64
MAX_WAITING_BYTES = 256 * 1024
WINDOW_S = 10.0
_PING_UNITS = 4.0  # of reading: it is answered
_UNIT_BYTES = 2048  # of a long message, parsed in the time of one more short one
_SLOW_UNITS = 10.0  # of a message that starts a load or a job
_SLOW = (Open, OpenVolume, Edit, Ask)


class Incoming(Protocol):
    """The part of a WebSocket that is used here."""

    async def receive(self) -> WSMessage:
        """Return the next message."""
        ...

    async def pong(self, message: bytes) -> None:
        """Answer a ping of the WebSocket protocol."""
        ...


class Intake:
    """The incoming half of one stream.

    Parameters
    ----------
    handle
        Takes parsed messages in their order; views that a newer one has replaced are left out.
    pong
        Called for each `Ping`.
    sleep
        As `asyncio.sleep`.
    """

    def __init__(
        self,
        socket: Incoming,
        allowance: Allowance,
        handle: Callable[[Sequence[Message]], None],
        pong: Callable[[], None],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._socket = socket
        self._allowance = allowance
        self._handle = handle
        self._pong = pong
        self._clock = clock
        self._sleep = sleep
        self._inbox = Inbox()
        self._has_messages = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._window_at_s = clock()
        self._waited_s = 0.0  # in this window
        self.count = 0
        """Messages read since the start, of any kind."""

    async def read(self) -> None:
        """Read until the peer closes.

        Raises
        ------
        ProtocolError
            A binary message.
        LimitExceeded
            The peer stays above the limit.
        """
        units, size_bytes = 0.0, 0  # to be paid for
        while True:
            message = await self._socket.receive()
            self.count += 1
            units += 1
            if message.type is WSMsgType.TEXT:
                size_bytes += len(message.data)
                self._inbox.put(message.data)
                self._has_messages.set()
            elif message.type is WSMsgType.PING:
                units += _PING_UNITS - 1
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                raise ProtocolError("Binary messages are not spoken by the browser.")
            elif message.type is not WSMsgType.PONG:
                return  # closed, or broken below us (aiohttp has answered too large a message with 1009)
            if units >= MAX_WAITING or size_bytes >= MAX_WAITING_BYTES or self._is_full:
                wait_s = self._allowance.read(units, size_bytes)
                units, size_bytes = 0.0, 0
                await self._give_way(wait_s)

    async def handle(self) -> None:
        """Parse and handle what was read, until cancelled.

        Raises
        ------
        ProtocolError
            A message breaks the contract.
        LimitExceeded
            As of `read`.
        """
        while True:
            await self._has_messages.wait()
            self._has_messages.clear()
            was_full = self._is_full
            texts = self._inbox.take()
            self._has_room.set()
            wait_s = self._allowance.handled(self._handle_texts(texts))
            if was_full:  # else newer views have room to replace waiting ones, and the socket is read on
                self._count_wait(wait_s)
            await self._sleep(wait_s)

    @property
    def _is_full(self) -> bool:
        return len(self._inbox) >= MAX_WAITING or self._inbox.size_bytes >= MAX_WAITING_BYTES

    async def _give_way(self, wait_s: float) -> None:
        self._count_wait(wait_s)
        await self._sleep(wait_s)
        while self._is_full:
            self._has_room.clear()
            await self._has_room.wait()

    def _count_wait(self, wait_s: float) -> None:
        now_s = self._clock()
        if now_s - self._window_at_s >= WINDOW_S:
            self._window_at_s, self._waited_s = now_s, 0.0
        self._waited_s += wait_s
        if self._waited_s >= WINDOW_S / 2:
            words = say("too_many_messages")
            raise LimitExceeded(words.text, code=words.code)

    def _handle_texts(self, texts: Sequence[str]) -> float:
        """Handle messages; returns what they cost."""
        units = 0.0
        parsed: list[Message] = []
        for text in texts:
            message = parse_client_message(text)
            units += (_SLOW_UNITS if isinstance(message, _SLOW) else 1.0) + len(text) / _UNIT_BYTES
            if isinstance(message, Ping):
                self._pong()
            elif isinstance(message, Hello):
                raise ProtocolError("hello came twice.")
            elif not isinstance(message, Pong):
                parsed.append(message)
        if parsed:
            self._handle(parsed)
        return units
