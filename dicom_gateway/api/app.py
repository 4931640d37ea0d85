"""The Flask application of the internal HTTP: the token, the error shape, and the routes."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from dicom_gateway.api.archive import archive_routes
from dicom_gateway.api.derived import derived_routes
from dicom_gateway.api.frames import frame_routes
from dicom_gateway.api.node import node_routes
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from dicom_gateway.api.studies import study_routes
from dicom_gateway.api.uploads import upload_routes
from webviewer.adapters.call_token import OwnAddresses, arrived_at, require_call
from webviewer.adapters.limited_socket import LimitedSocket
from webviewer.adapters.metrics import connections_text
from webviewer.adapters.row_numbers import bound_numbers
from webviewer.adapters.wsgi import hang_up
from webviewer.core import errors
from webviewer.core.callers import MONITOR_PATHS, refuse_browser
from webviewer.core.connections import Connections
from webviewer.core.correlation import REQUEST_ID_HEADER, begin_request, correlation_id, end_request
from webviewer.core.http_errors import error_body, error_headers, status_of
from webviewer.core.octets import drain

_log = logging.getLogger(__name__)

_MAX_DRAINED_BYTES = 32 * 1024**2


def create_api(parts: ApiParts, connections: Connections) -> Flask:
    """Return the application; every route but those of monitors wants the token.

    Parameters
    ----------
    parts
        Services behind it.
    connections
        The open connections, for the metrics.
    """
    app = Flask("dicom_gateway.api", static_folder=None)
    bound_numbers(app)
    own = OwnAddresses(lambda: str(parts.describe()["address"]))
    app.config["MAX_CONTENT_LENGTH"] = None  # each route bounds its own body: parts are large, JSON is small

    @app.before_request
    def check_caller() -> None:
        begin_request(request.headers.get(REQUEST_ID_HEADER, ""))
        refuse_browser(request.headers.keys())
        if request.path in MONITOR_PATHS and "Authorization" not in request.headers:
            return
        sock: LimitedSocket = request.environ["gunicorn.socket"]
        require_call(
            request.headers.get("Authorization", ""),
            parts.token,
            own,
            arrived=arrived_at(sock.getsockname(), is_tls=sock.is_tls),
            host=request.headers.get("Host", ""),
        )
        sock.connection.admit("node", is_node=True)

    @app.errorhandler(errors.WebviewerError)
    def tell(error: errors.WebviewerError) -> Response:
        response = _error(error.code, error.message, error.details, status_of(error))
        response.headers.update(error_headers(error))
        return response

    @app.errorhandler(TimeoutError)
    @app.errorhandler(ConnectionError)
    def tell_cut(error: OSError) -> Response:
        silent = isinstance(error, TimeoutError)
        words = "The sender fell silent" if silent else "The connection broke"
        return _error("part_cut", f"{words} before the body was complete.", {}, 408 if silent else 400)

    @app.errorhandler(HTTPException)
    def tell_http(error: HTTPException) -> Response:
        status = error.code or 500
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(status, "invalid_input")
        return _error(code, error.description or error.name, {}, status)

    @app.errorhandler(Exception)
    def tell_unknown(error: Exception) -> Response:
        _log.error("request_crashed", exc_info=error)
        return _error("internal_error", "The storage node failed on this request; its log says why.", {}, 500)

    @app.after_request
    def drain_refused(response: Response) -> Response:
        """Read what was not read of a body: closing the connection with it unread would lose the answer."""
        response.call_on_close(end_request)
        environ, length = request.environ, request.content_length
        if response.status_code == 408:
            hang_up(environ)
        elif response.status_code >= 400 and length is not None and length <= _MAX_DRAINED_BYTES:
            try:
                sock: LimitedSocket = environ["gunicorn.socket"]
                sock.connection.refuse_body()
                drain(environ["wsgi.input"], length)
            except (OSError, errors.WebviewerError):
                hang_up(environ)
        return response

    @app.get("/internal/v1/health")
    def health() -> Response:
        problems = parts.problems()
        if problems:
            return answer({"ready": False, "reason": " ".join(problems)}, 503)
        return answer({"ready": True})

    @app.get("/internal/v1/status")
    def status() -> Response:
        return answer(dict(parts.status()))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(
            parts.metrics() + connections_text({"internal": connections}), mimetype="text/plain; version=0.0.4"
        )

    app.register_blueprint(node_routes(parts), url_prefix="/internal/v1")
    owned = (
        study_routes(parts),
        frame_routes(parts),
        archive_routes(parts),
        upload_routes(parts),
        derived_routes(parts),
    )
    for blueprint in owned:
        app.register_blueprint(blueprint, url_prefix="/internal/v1/owners/<int:owner_id>")
    return app


def _error(code: str, message: str, details: Mapping[str, object], status: int) -> Response:
    _log.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "request_failed",
        extra={"route": request.url_rule.rule if request.url_rule else None, "status": status, "code": code},
    )
    return answer(error_body(code, message, details, correlation_id()), status)
