"""The application: token, error shape, routes, closing."""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from renderpool.server.node import NODE, RenderNode
from renderpool.server.pictures import PICTURES, PictureCache, get_rendered, get_thumbnail
from renderpool.server.status import get_health, get_metrics, get_status
from renderpool.server.stream import SOCKETS, close_sockets, get_stream
from webviewer.core.errors import ConfigError, InvalidInput, NotFound, NotSignedIn, WebviewerError
from webviewer.core.http_errors import error_body, error_headers, status_of

_LOG = logging.getLogger(__name__)

_MAX_REQUEST_BYTES = 64 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def error_response(error: WebviewerError) -> web.Response:
    """Return an error in the one shape."""
    body = error_body(error.code, error.message, error.details, uuid.uuid4().hex)
    headers = {"Cache-Control": "no-store", **error_headers(error)}
    return web.json_response(body, status=status_of(error), headers=headers)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only nodes of ours in, and turn errors into the one shape."""
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {request.app[NODE].internal_token}"
    if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8")):
        return error_response(NotSignedIn("This address is for nodes of the server only."))
    try:
        return await handler(request)
    except WebviewerError as exc:
        return error_response(exc)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return error_response(NotFound("There is no such address.") if exc.status == 404 else InvalidInput(exc.reason))
    except Exception:  # noqa: BLE001  an edge: one request
        _LOG.exception("request_failed", extra={"path": request.path})
        return error_response(WebviewerError("The render node could not answer this request."))


def create_app(node: RenderNode) -> web.Application:
    """Return the application of a running node; closing it closes its sockets with 1001 first."""
    if not node.internal_token:
        raise ConfigError("The internal token is empty: without one anybody could use this node.")
    app = web.Application(middlewares=[_guard], client_max_size=_MAX_REQUEST_BYTES)
    app[NODE] = node
    app[SOCKETS] = set()
    app[PICTURES] = PictureCache()
    owner = r"/internal/v1/render/owners/{owner:\d{1,18}}"
    app.router.add_get(owner + r"/series/{series:\d{1,15}}/thumbnail", get_thumbnail)
    app.router.add_get(owner + r"/instances/{instance:\d{1,15}}/frames/{frame:\d{1,9}}/rendered", get_rendered)
    app.router.add_get("/internal/v1/render/stream", get_stream)
    app.router.add_get("/internal/v1/health", get_health)
    app.router.add_get("/internal/v1/status", get_status)
    app.router.add_get("/metrics", get_metrics)
    app.on_shutdown.append(close_sockets)
    return app
