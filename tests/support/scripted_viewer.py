"""A doctor without a browser: signs in, opens a series through the render stream and scrolls, with time to think.

It speaks the wire contract as the page does: a ticket for the socket, one `view` an input, an `ack` for each frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.frames import unpack_frame
from webviewer.protocol.framing import FrameFlag, FrameHeader
from webviewer.protocol.messages import VERSION
from webviewer.protocol.sockets import SUBPROTOCOL

THINK_S = (0.5, 2.0)
ANSWER_WITHIN_S = 30.0
PING_EVERY_S = 20.0


@dataclass
class Tally:
    """What all viewers saw."""

    input_to_frame_ms: list[float] = field(default_factory=list)
    input_to_still_ms: list[float] = field(default_factory=list)  # of inputs that no later one overtook
    inputs: int = 0
    frames: int = 0
    octets: int = 0
    errors: list[str] = field(default_factory=list)
    of_viewer: dict[int, list[float]] = field(default_factory=dict)  # input to frame, by the number of the viewer

    def forget(self) -> None:
        """Count anew; errors stay."""
        self.input_to_frame_ms.clear()
        self.input_to_still_ms.clear()
        self.of_viewer.clear()
        self.inputs = self.frames = self.octets = 0


@dataclass
class ScriptedViewer:
    """One viewer.

    Parameters
    ----------
    url
        Where the pages are.
    user_name
        A doctor with a study, whose password is the name.
    number
        Seeds the thinking.
    tally
        Shared by all.
    signing_in
        One for each doctor: the server takes many sign-ins of one name at the same moment for guessing.
    side_px
        Width and height of the canvas.
    leafs_through
        Whether to look at every image once, without thinking, before the work begins.
    """

    url: str
    user_name: str
    number: int
    tally: Tally
    signing_in: asyncio.Lock
    side_px: int = 512
    leafs_through: bool = False
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    _sent: dict[int, float] = field(default_factory=dict)  # revision: when; of inputs that saw no frame yet
    _last_sent: tuple[int, float] = (0, 0.0)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; what goes wrong is counted, never raised."""
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                frames, series_id, socket = await self._open(session)
                async with socket:
                    await self._work(socket, frames, series_id, stop)
        except Exception as exc:
            self.tally.errors.append(f"viewer {self.number}: {type(exc).__name__}: {exc}"[:300])
        finally:
            self.is_open.set()

    async def _open(self, session: aiohttp.ClientSession) -> tuple[list[Any], int, aiohttp.ClientWebSocketResponse]:
        body = {"user_name": self.user_name, "password": self.user_name}
        async with self.signing_in:
            signed_in = await self._call(session, "POST", "/v2/auth/sign-in", json=body)
        headers = {"X-CSRF-Token": signed_in["csrf_token"]}
        study = (await self._call(session, "GET", "/v2/studies"))["studies"][0]["study_id"]
        series = (await self._call(session, "GET", f"/v2/studies/{study}"))["series"][0]["series_id"]
        detail = await self._call(session, "GET", f"/v2/studies/{study}/series/{series}")
        ticket = (await self._call(session, "POST", "/v2/render/ticket", headers=headers))["ticket"]
        socket = await session.ws_connect(
            f"{self.url}/eventQueue/render", protocols=[SUBPROTOCOL, f"ticket.{ticket}"], max_msg_size=0
        )
        return detail["frames"], series, socket

    async def _call(self, session: aiohttp.ClientSession, method: str, path: str, **more: Any) -> dict[str, Any]:
        async with session.request(method, f"{self.url}{path}", **more) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise RuntimeError(f"{method} {path} was answered {answer.status}: {text[:200]}")
            return dict(json.loads(text))

    async def _work(
        self, socket: aiohttp.ClientWebSocketResponse, frames: list[Any], series_id: int, stop: asyncio.Event
    ) -> None:
        dice = random.Random(self.number)
        await socket.send_json({"type": "hello", "version": VERSION})
        await socket.send_json({"type": "open", "cell": 0, "series_id": series_id})
        async with _background(self._read(socket)) as reading, _background(_ping(socket)):
            index, step = dice.randrange(len(frames)), 1
            hurried = len(frames) if self.leafs_through else 0
            for revision in range(1, 2**31):
                await self._look(socket, frames[index], revision, moving=revision > 1)
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await _first(self._answered.wait(), reading)
                if revision < hurried:
                    index = (index + 1) % len(frames)
                    continue
                self.is_open.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(dice.uniform(*THINK_S)):
                        await _first(stop.wait(), reading)
                if stop.is_set():
                    return
                if not 0 <= index + step < len(frames):
                    step = -step
                index += step

    async def _look(
        self, socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any], revision: int, *, moving: bool
    ) -> None:
        self._answered.clear()
        self.tally.inputs += 1
        self._sent[revision] = time.monotonic()
        self._last_sent = (revision, self._sent[revision])
        await socket.send_json(
            {
                "type": "view",
                "cell": 0,
                "revision": revision,
                "image": {"instance_id": frame["instance_id"], "frame_number": frame["frame_number"]},
                "width_px": self.side_px,
                "height_px": self.side_px,
                "moving": moving,
            }
        )

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take what the server sends; raises when it ends."""
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                header, _ = unpack_frame(message.data)
                self.tally.octets += len(message.data)
                self._take(header)
                await socket.send_json({"type": "ack", "sequence": header.sequence})
            elif message.type is aiohttp.WSMsgType.TEXT:
                told = json.loads(message.data)
                if told["type"] == "ping":
                    await socket.send_json({"type": "pong"})
                elif told["type"] == "view_error":
                    raise RuntimeError(f"the server says {told['code']}: {told['message']}")
        raise RuntimeError(f"the stream was closed with {socket.close_code}")

    def _take(self, header: FrameHeader) -> None:
        now = time.monotonic()
        self.tally.frames += 1
        for revision in [one for one in self._sent if one <= header.revision]:
            took_ms = (now - self._sent.pop(revision)) * 1000
            self.tally.input_to_frame_ms.append(took_ms)
            self.tally.of_viewer.setdefault(self.number, []).append(took_ms)
        if header.flags & FrameFlag.STILL and header.revision == self._last_sent[0]:
            self.tally.input_to_still_ms.append((now - self._last_sent[1]) * 1000)
        if header.revision == self._last_sent[0]:
            self._answered.set()


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_EVERY_S)
        await socket.send_json({"type": "ping"})


@contextlib.asynccontextmanager
async def _background(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    task: asyncio.Task[None] = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def _first(wanted: Any, reading: asyncio.Task[None]) -> None:
    """Wait for what is wanted, and raise what ends the reading before."""
    waiting = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait({waiting, reading}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            await reading
    finally:
        waiting.cancel()
