"""Who asks: a node with the token, a proxy with a stream's pass, or somebody who must not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aiohttp import web

from renderpool.server.control import DESCRIPTION
from renderpool.server.node import NODE
from renderpool.server.storage import checked_address
from webviewer.adapters.call_token import arrived_at, require_call
from webviewer.adapters.stream_pass import is_good_pass
from webviewer.core.callers import MONITOR_PATHS, refuse_browser
from webviewer.core.errors import InvalidInput, NotSignedIn

STREAM_PATH = "/internal/v1/render/stream"
_MAX_ID_DIGITS = 18


@dataclass(frozen=True, slots=True)
class StreamCaller:
    """Whose stream it is, and where the owner's studies are."""

    owner_id: int
    session_id: int
    storage: str


def check_caller(request: web.Request) -> bool:
    """Let a node of ours in, a stream that has a pass, and a monitor to what is for monitors.

    Returns whether the caller has proved who it is, which a monitor cannot.

    Raises
    ------
    NotSignedIn, PermissionDenied
        Neither; or a browser that reaches a node directly.
    """
    token = request.app[NODE].internal_token
    if request.path == STREAM_PATH and "X-Webviewer-Pass" in request.headers:
        _check_pass(request, token)  # brought by a proxy, with the headers of the browser's handshake
        return True
    refuse_browser(request.headers)
    if request.path in MONITOR_PATHS and "Authorization" not in request.headers:
        return False
    require_call(
        request.headers.get("Authorization", ""),
        token,
        request.app[DESCRIPTION].addresses,
        arrived=_arrived(request),
        host=request.host,
    )
    return True


def _arrived(request: web.Request) -> str:
    transport = request.transport
    return "" if transport is None else arrived_at(transport.get_extra_info("sockname"), is_tls=request.secure)


def _check_pass(request: web.Request, token: str) -> None:
    caller = stream_caller(request)
    is_good = any(
        is_good_pass(
            token,
            request.headers["X-Webviewer-Pass"],
            session_id=caller.session_id,
            owner_id=caller.owner_id,
            storage=caller.storage,
            render=address,
            now_s=time.time(),
        )
        for address in request.app[DESCRIPTION].addresses.of(_arrived(request))
    )
    if not is_good:
        raise NotSignedIn("The pass of this stream is not good, or not good any more.")


def stream_caller(request: web.Request) -> StreamCaller:
    """Return what the headers of a stream say; raises InvalidInput."""
    return StreamCaller(
        owner_id=_id_in(request, "X-Webviewer-Owner"),
        session_id=_id_in(request, "X-Webviewer-Session"),
        storage=storage_of(request),
    )


def storage_of(request: web.Request) -> str:
    """Return the address of the storage node that holds the owner; raises InvalidInput."""
    return checked_address(request.headers.get("X-Webviewer-Storage", ""))


def _id_in(request: web.Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS):
        raise InvalidInput(f"{name} is missing or no number.")
    return int(text)
