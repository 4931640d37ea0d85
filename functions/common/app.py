"""The app factory: every function starts from `new_app` and so has the same guard, errors, headers, log and metrics."""

from __future__ import annotations

import logging
import time
from typing import Final

from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider

from functions.common import errors, guard
from functions.common.peer import Peers
from webviewer.adapters.row_numbers import bound_numbers
from webviewer.bootstrap import Services
from webviewer.core.correlation import REQUEST_ID_HEADER, begin_request, correlation_id, end_request

logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 128 * 1024

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _Json(DefaultJSONProvider):
    sort_keys = False
    ensure_ascii = False


def new_app(name: str, services: Services, *, max_body_bytes: int = MAX_BODY_BYTES) -> Flask:
    """Return an app that denies by default.

    Parameters
    ----------
    name
        Name of the function, for the log and the metrics.
    services
        What the process works with; also found as ``app.extensions["services"]``.
    max_body_bytes
        Largest body that the app reads; larger ones are answered 413.
    """
    app = Flask(name, static_folder=None)
    bound_numbers(app)
    app.url_map.merge_slashes = False  # the router would redirect to an address made from the Host header
    app.json = _Json(app)
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes
    peers = Peers.of(services.settings.control.trusted_proxies, services.settings.control.proxy_count)
    app.extensions["services"] = services
    app.extensions["peers"] = peers
    app.before_request(_begin)
    guard.install(app, services, peers)
    errors.install(app)

    def finish(response: Response) -> Response:
        return _finish(name, services, response)

    app.after_request(finish)
    return app


def _begin() -> None:
    begin_request(request.headers.get(REQUEST_ID_HEADER, ""))
    g.began_s = time.perf_counter()


def _finish(name: str, services: Services, response: Response) -> Response:
    for header, value in SECURITY_HEADERS.items():
        response.headers.setdefault(header, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers[REQUEST_ID_HEADER] = correlation_id()
    response.call_on_close(end_request)
    seconds = time.perf_counter() - g.get("began_s", time.perf_counter())
    endpoint = f"{name}.{request.endpoint or 'unknown'}"
    services.metrics.count_request(request.method, endpoint, response.status_code, seconds)
    who = g.get("who")
    # The rule of the route, never the address itself: that may hold what a doctor searched for.
    logger.info(
        "request",
        extra={
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
            "user_id": who.user_id if who else None,
            "session_number": who.session_id if who else None,
        },
    )
    return response
