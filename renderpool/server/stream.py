"""WebSocket `/internal/v1/render/stream`: messages of `webviewer.protocol` in, messages and frames out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket as socket_module
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from renderpool.server.callers import StreamCaller, stream_caller
from renderpool.server.connections import DOOR
from renderpool.server.intake import Intake
from renderpool.server.node import NODE, RenderNode
from renderpool.server.streams import STREAMS, OpenStream, Streams, close_socket
from renderpool.session.session import Message
from webviewer.core.errors import LimitExceeded, ProtocolError
from webviewer.protocol.messages import (
    MAX_TEXT_BYTES,
    VERSION,
    Hello,
    Ping,
    Pong,
    ServerMessage,
    Welcome,
    parse_client_message,
)
from webviewer.protocol.sockets import SUBPROTOCOL, CloseCode

_LOG = logging.getLogger(__name__)

PING_EVERY_S = 20.0
SILENCE_S = 65.0  # three pings unanswered: the peer is gone
_READ_WITHIN_S = 1.0  # of what has arrived
_HELLO_WITHIN_S = 10.0
_PINGS_BEFORE_HELLO = 8
_RECEIVE_BUFFER_BYTES = 64 * 1024  # of the kernel, which doubles it: what a flood may have under way
_REFUSED_WITHIN_S = 1.0  # a viewer that is refused is read for no longer
_MAX_QUEUE = 512  # answers to a peer that asks and never reads
# The session stops at `MAX_UNREAD_BYTES` (and one picture that is being made): more means that its account is wrong.
_MAX_QUEUE_BYTES = 160 * 1024**2
_WRITTEN_WITHIN_S = 120.0  # one item, be it a large picture over a slow line; then the peer does not read
_FINISHED_WITHIN_S = 2.0


class _Outbox:
    """What waits to be sent; filled from any thread, emptied by the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[ServerMessage | bytes | None] = asyncio.Queue()  # None: nothing comes after
        self.size_bytes = 0  # of the frames that wait or are being written
        self.reason = ""  # why it was ended, in words for the page; empty when the peer went
        self.code: int = CloseCode.TOO_MANY
        self.ended = asyncio.Event()

    def put(self, item: ServerMessage | bytes) -> None:
        """Queue an item. Never blocks."""
        self._call(self._put, item)

    def end(self, reason: str) -> None:
        """Send nothing any more, and close with a reason; from any thread."""
        self._call(self._end, reason)

    def finish(self, code: int, reason: str) -> None:
        """Send what waits, nothing more, and close; in the event loop."""
        if self.reason:
            return
        self.code, self.reason = code, reason
        self._queue.put_nowait(None)
        self._loop.call_later(_FINISHED_WITHIN_S, self.ended.set)

    def _call(self, function: Callable[[Any], None], argument: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is stopping
            self._loop.call_soon_threadsafe(function, argument)

    def _put(self, item: ServerMessage | bytes) -> None:
        if self.reason:
            return
        if isinstance(item, bytes):
            self.size_bytes += len(item)
        if self._queue.qsize() >= _MAX_QUEUE or self.size_bytes > _MAX_QUEUE_BYTES:
            self._end("Too many answers wait to be read.")
            return
        self._queue.put_nowait(item)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        while not self._queue.empty():  # what waits is not kept for as long as the closing takes
            self._queue.get_nowait()
        self.ended.set()

    async def send_all(self, socket: web.WebSocketResponse, written: Callable[[], None]) -> None:
        """Send until the peer is gone or reads nothing; ``written`` is called after each frame."""
        try:
            while True:
                item = await self._queue.get()
                if item is None:
                    return
                async with asyncio.timeout(_WRITTEN_WITHIN_S):
                    if isinstance(item, bytes):
                        await socket.send_bytes(item)
                    else:
                        await socket.send_str(item.model_dump_json())
                if isinstance(item, bytes):
                    self.size_bytes -= len(item)
                    written()
        except TimeoutError:
            self.reason = self.reason or f"Nothing was read for {_WRITTEN_WITHIN_S:g} s."
        except ConnectionError:
            return


async def get_stream(request: web.Request) -> web.WebSocketResponse:
    """Serve one viewer until either side closes."""
    node, streams, caller = request.app[NODE], request.app[STREAMS], stream_caller(request)
    streams.check_open()
    # Pictures are compressed already: the extension would only cost time.
    # Pings are answered by the intake: the library's own answer would take a flood of them without end.
    socket = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,), max_msg_size=MAX_TEXT_BYTES, compress=False, autoping=False
    )
    await socket.prepare(request)
    _bound_kernel_buffer(request)
    line = request.app[DOOR].of(request)
    if line is not None:
        line.upgrade()
    stream = OpenStream(socket, caller.session_id)
    streams.add(stream)
    try:
        await _serve(node, streams, stream, caller)
    finally:
        streams.discard(stream)
        # What a peer does not read would be kept until it does.
        if request.transport is not None and request.transport.get_write_buffer_size():
            request.transport.abort()
    return socket


def _bound_kernel_buffer(request: web.Request) -> None:
    raw = None if request.transport is None else request.transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)


async def _serve(node: RenderNode, streams: Streams, stream: OpenStream, caller: StreamCaller) -> None:
    socket, owner_id = stream.socket, caller.owner_id
    if not await _greet(node, socket):
        return
    node.uses.note(caller.session_id)
    outbox = _Outbox()
    stores = node.storages.of(caller.storage).stores
    try:
        session = node.scheduler.open_session(owner_id, stores, outbox.put, outbox.end)
    except LimitExceeded as exc:
        await close_socket(socket, CloseCode.TOO_MANY, exc.message)
        return
    stream.finish = outbox.finish
    _LOG.info("stream_opened", extra={"owner_id": owner_id, "sessions": node.scheduler.session_count})

    def handle(messages: Sequence[Message]) -> None:
        node.uses.note(caller.session_id)  # pings do not count, or a forgotten page would never be signed out
        session.handle_all(messages)

    allowance = streams.allowances.open((caller.storage, owner_id))
    intake = Intake(socket, allowance, handle, lambda: outbox.put(Pong()), clock=time.monotonic)
    tasks = [
        asyncio.create_task(outbox.send_all(socket, session.written)),
        asyncio.create_task(_receive(stream, intake)),
        asyncio.create_task(outbox.ended.wait()),
        asyncio.create_task(_ping(outbox)),
    ]
    start_s = time.monotonic()
    try:
        # The sender may hang in a socket that nobody reads: it is not asked to end, but ended.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        node.scheduler.close_session(session)
        streams.allowances.close(allowance)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if outbox.reason:
            await close_socket(socket, outbox.code, outbox.reason)
        _LOG.info(
            "stream_closed",
            extra={"owner_id": owner_id, "close_code": socket.close_code, "open_s": round(time.monotonic() - start_s)},
        )


async def _greet(node: RenderNode, socket: web.WebSocketResponse) -> bool:
    """Take `hello`, answer `welcome`; False when the socket was closed instead."""
    try:
        async with asyncio.timeout(_HELLO_WITHIN_S):
            message = await _first_message(socket)
    except TimeoutError:
        await close_socket(socket, CloseCode.BAD_MESSAGE, f"No hello within {_HELLO_WITHIN_S:g} s.")
        return False
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        return False
    try:
        if message.type is not WSMsgType.TEXT:
            raise ProtocolError("The first message must be hello.")
        hello = parse_client_message(message.data)
        if not isinstance(hello, Hello):
            raise ProtocolError("The first message must be hello.")
        if hello.version != VERSION:
            raise ProtocolError(f"Version {hello.version} is not spoken here, expected {VERSION}.")
    except ProtocolError as exc:
        await close_socket(socket, CloseCode.BAD_MESSAGE, exc.message)
        return False
    welcome = Welcome(version=VERSION, device=node.device.renderer, software=node.device.software)
    await socket.send_str(welcome.model_dump_json())
    return True


async def _first_message(socket: web.WebSocketResponse) -> WSMessage:
    """Return the first message; the relay of the control node may ask for a sign of life before it."""
    for _ in range(_PINGS_BEFORE_HELLO):
        message = await socket.receive()
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is not WSMsgType.PONG:
            break
    return message


async def _receive(stream: OpenStream, intake: Intake) -> None:
    """Take the viewer's messages until it closes, is silent, or breaks a rule."""
    tasks = [asyncio.create_task(work) for work in (intake.read(), intake.handle(), _silence(intake))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    except ProtocolError as exc:
        _LOG.warning("bad_message", extra={"reason": exc.message[:200]})
        await close_socket(stream.socket, CloseCode.BAD_MESSAGE, exc.message, within_s=_REFUSED_WITHIN_S)
    except LimitExceeded as exc:
        _LOG.warning("stream_refused", extra={"reason": exc.code, "messages": intake.count})
        reason = f"{exc.code}: {exc.message}"
        await close_socket(stream.socket, CloseCode.TOO_MANY, reason, within_s=_REFUSED_WITHIN_S)
    except TimeoutError:
        await close_socket(stream.socket, CloseCode.GOING_AWAY, "Nothing was heard for too long.")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _silence(intake: Intake) -> None:
    """Raise TimeoutError once nothing was heard for too long."""
    while True:
        count = intake.count
        await asyncio.sleep(SILENCE_S)
        if intake.count == count:
            await asyncio.sleep(_READ_WITHIN_S)  # a node that stood still has not read yet what came meanwhile
            if intake.count == count:
                raise TimeoutError


async def _ping(outbox: _Outbox) -> None:
    while True:
        await asyncio.sleep(PING_EVERY_S)
        outbox.put(Ping())
