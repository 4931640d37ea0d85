"""What the control node tells this one: whose streams to close, to drain or to come back; and what this one reports."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping

from aiohttp import web

from renderpool.server.node import NODE, RenderNode
from renderpool.server.status import facts
from renderpool.server.streams import STREAMS, Streams
from webviewer.adapters.call_token import OwnAddresses
from webviewer.adapters.node_agent import HeartbeatAnswer
from webviewer.adapters.nodes import NodeClient
from webviewer.core.errors import InvalidInput

_REPORTED_USE_S = 20.0  # who asks for a report by itself does so at least this often


async def close_session(request: web.Request) -> web.Response:
    """Close the streams of a session with the code and the words given."""
    told = await _told(request)
    code, reason = told.get("code"), told.get("reason")
    if not (isinstance(code, int) and not isinstance(code, bool) and (code == 1001 or 4000 <= code <= 4999)):
        raise InvalidInput(f"code = {str(code)[:16]} is invalid: must be 1001 or from 4000 to 4999.")
    if not isinstance(reason, str):
        raise InvalidInput("reason is missing: must be a text.")
    closed = request.app[STREAMS].close_session(int(request.match_info["session"]), code, reason)
    return web.json_response({"closed": closed})


async def put_active(request: web.Request) -> web.Response:
    """Drain, or take viewers again."""
    active = (await _told(request)).get("active")
    if not isinstance(active, bool):
        raise InvalidInput(f"active = {str(active)[:16]} is invalid: must be true or false.")
    request.app[STREAMS].set_active(active)
    return web.Response(status=204)


async def get_report(request: web.Request) -> web.Response:
    """Answer what the heartbeat says, for a control node that has to ask."""
    node, describe = request.app[NODE], request.app[DESCRIPTION]
    said = await asyncio.get_running_loop().run_in_executor(None, describe)
    used = node.uses.since(time.monotonic() - _REPORTED_USE_S)
    return web.json_response({**said, "active": request.app[STREAMS].is_active, "sessions_used": used})


async def _told(request: web.Request) -> Mapping[str, object]:
    try:
        told = json.loads(await request.read())
    except ValueError as exc:
        raise InvalidInput("The body is no JSON.") from exc
    if not isinstance(told, dict):
        raise InvalidInput("The body is no JSON object.")
    return told


class Description:
    """Who this node is, as a heartbeat says it.

    Parameters
    ----------
    node
        The running node.
    address
        Returns where other nodes reach it; raises OSError while that cannot be known.
    name
        Its identity over restarts; its address if empty.
    """

    def __init__(self, node: RenderNode, address: Callable[[], str], name: str = "") -> None:
        self._node = node
        self._address = address
        self._name = name
        self._run = secrets.token_hex(8)
        self.addresses = OwnAddresses(address)

    def __call__(self) -> dict[str, object]:
        """Return it; raises OSError."""
        address = self._address()
        return {
            "kind": "render",
            "identity": self._name or address,
            "address": address,
            "version": self._node.version,
            "run": self._run,
            "scu": None,
            "sessions_used": [],
            "facts": facts(self._node),
        }


DESCRIPTION = web.AppKey("description", Description)


class Heartbeats:
    """The two sides of this node's heartbeats, for `webviewer.adapters.node_agent.NodeAgent`."""

    def __init__(
        self, node: RenderNode, description: Description, streams: Streams, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._node = node
        self._description = description
        self._streams = streams
        self._loop = loop
        self._told_until_s = self._asked_at_s = time.monotonic()

    def report(self) -> dict[str, object]:
        """Return the next heartbeat: with the sessions used since the last one that was answered."""
        said = self._description()
        self._asked_at_s = time.monotonic()
        return {**said, "sessions_used": self._node.uses.since(self._told_until_s)}

    def take(self, answer: HeartbeatAnswer, _client: NodeClient) -> None:
        """Drain or come back, as the answer says."""
        self._node.uses.forget_before(min(self._told_until_s, self._asked_at_s - _REPORTED_USE_S))
        self._told_until_s = self._asked_at_s
        if answer.is_active != self._streams.is_active:
            self._loop.call_soon_threadsafe(self._streams.set_active, answer.is_active)
