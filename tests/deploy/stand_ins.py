"""Small servers in the place of functions and render nodes: they keep what they were asked, as it came."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web
from multidict import CIMultiDictProxy

SUBPROTOCOL = "webviewer.v1"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass
class StandIn:
    """A running server; ``asked`` grows with each request."""

    name: str
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    where: dict[str, dict[str, str]] = field(default_factory=dict)  # what `/internal/v1/where` says, by ticket
    answer_headers: dict[str, str] = field(default_factory=dict)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Keep the request and answer with our own name."""
        body = await request.read()
        self.asked.append(Asked(request.method, request.path, request.rel_url.raw_query_string, request.headers, body))
        if request.path == "/internal/v1/where":
            return self._where(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        response = web.json_response({"name": self.name, "bytes": len(body)}, headers=self.answer_headers)
        response.set_cookie("webviewer_session", "x", path="/v2", httponly=True)
        return response

    def _where(self, request: web.Request) -> web.Response:
        offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        for ticket, headers in self.where.items():
            if f"ticket.{ticket}" in offered:
                return web.Response(headers=headers)
        return web.Response(status=403)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,))
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(f"{self.name}:{message.data}")
        return socket


@contextmanager
def serving(*names: str) -> Iterator[dict[str, StandIn]]:
    """Run one stand-in for each name, each on a port of its own."""
    stand_ins = {name: StandIn(name) for name in names}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stand-ins")
    thread.start()

    def call(make: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await make()

        asyncio.run_coroutine_threadsafe(run(), loop).result(10)

    runners: list[web.AppRunner] = []

    async def start() -> None:
        for one in stand_ins.values():
            app = web.Application(client_max_size=256 * 1024**2)
            app.router.add_route("*", "/{path:.*}", one.respond)
            runner = web.AppRunner(app, shutdown_timeout=0.5)
            runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            one.port = runner.addresses[0][1]

    async def stop() -> None:
        for runner in runners:
            await runner.cleanup()

    try:
        call(start)
        yield stand_ins
    finally:
        call(stop)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
