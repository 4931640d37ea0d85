"""The application: who may ask, error shape, routes, closing."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from renderpool.server.callers import STREAM_PATH, check_caller
from renderpool.server.connections import DOOR, Door, read_body
from renderpool.server.control import DESCRIPTION, Description, close_session, get_report, put_active
from renderpool.server.drawing_watch import DRAWING_WATCH, DrawingWatch, watch_drawing
from renderpool.server.node import NODE, RenderNode
from renderpool.server.pictures import PICTURES, PictureCache, get_rendered, get_thumbnail
from renderpool.server.status import get_health, get_metrics, get_status
from renderpool.server.stream import get_stream
from renderpool.server.streams import STREAMS, Streams
from renderpool.server.surfaces import SURFACES, SurfaceSeats, post_surface
from webviewer.core.correlation import REQUEST_ID_HEADER, begin_request, correlation_id, end_request
from webviewer.core.errors import ConfigError, InvalidInput, NotFound, TooLarge, WebviewerError
from webviewer.core.http_errors import error_body, error_headers, status_of
from webviewer.protocol.surfaces import MAX_SURFACE_BYTES

_LOG = logging.getLogger(__name__)

_MAX_REQUEST_BYTES = MAX_SURFACE_BYTES + 1  # the largest of all routes; the route says it in its own words
BODY_WITHIN_S = 10.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _failed(request: web.Request, error: WebviewerError) -> web.Response:
    """Note an error and return it in the one shape."""
    status = status_of(error)
    resource = request.match_info.route.resource
    _LOG.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "request_failed",
        extra={"route": resource.canonical if resource else None, "status": status, "code": error.code},
    )
    body = error_body(error.code, error.message, error.details, correlation_id())
    headers = {"Cache-Control": "no-store", **error_headers(error)}
    return web.json_response(body, status=status, headers=headers)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only nodes of ours in, and turn errors into the one shape."""
    begin_request(request.headers.get(REQUEST_ID_HEADER, ""))
    line = request.app[DOOR].of(request)
    try:
        if line is not None:
            line.begin_request()
        if check_caller(request) and line is not None:
            line.admit()
        await read_body(request, BODY_WITHIN_S)
        return await handler(request)
    except WebviewerError as exc:
        return _failed(request, exc)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return _failed(request, _ours(exc))
    except Exception:  # noqa: BLE001  an edge: one request
        _LOG.exception("request_crashed")
        return _failed(request, WebviewerError("The render node could not answer this request."))
    finally:
        if line is not None:
            line.answered()
        end_request()


def _ours(error: web.HTTPException) -> WebviewerError:
    if error.status == HTTPStatus.NOT_FOUND:
        return NotFound("There is no such address.")
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(f"The body of the request is over the limit of {_MAX_REQUEST_BYTES} bytes.")
    return InvalidInput(error.reason)


def create_app(node: RenderNode, description: Description) -> web.Application:
    """Return the application of a running node; closing it closes its streams with 1001 first."""
    if not node.internal_token:
        raise ConfigError("The internal token is empty: without one anybody could use this node.")
    app = web.Application(middlewares=[_guard], client_max_size=_MAX_REQUEST_BYTES)
    app[NODE] = node
    app[DESCRIPTION] = description
    app[DOOR] = Door()
    app[STREAMS] = Streams()
    app[PICTURES] = PictureCache()
    app[SURFACES] = SurfaceSeats()
    app[DRAWING_WATCH] = DrawingWatch(node.scheduler)
    app.cleanup_ctx.append(watch_drawing)
    owner = r"/internal/v1/render/owners/{owner:\d{1,18}}"
    app.router.add_get(owner + r"/series/{series:\d{1,15}}/thumbnail", get_thumbnail)
    app.router.add_get(owner + r"/instances/{instance:\d{1,15}}/frames/{frame:\d{1,9}}/rendered", get_rendered)
    app.router.add_post(owner + r"/series/{series:\d{1,15}}/volumes/{volume:\d{1,4}}/surface", post_surface)
    app.router.add_get(STREAM_PATH, get_stream)
    app.router.add_post(r"/internal/v1/render/sessions/{session:\d{1,18}}/close", close_session)
    app.router.add_put("/internal/v1/active", put_active)
    app.router.add_get("/internal/v1/report", get_report)
    app.router.add_get("/internal/v1/health", get_health)
    app.router.add_get("/internal/v1/status", get_status)
    app.router.add_get("/metrics", get_metrics)
    app.on_shutdown.append(_close_streams)
    return app


async def _close_streams(app: web.Application) -> None:
    app[SURFACES].close()
    await app[STREAMS].close_all()
