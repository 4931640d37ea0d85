"""The Flask application of the internal HTTP: the token, the error shape, and the routes."""

from __future__ import annotations

import contextlib
import hmac
import logging
import secrets
from collections.abc import Mapping

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from dicom_gateway.api.archive import archive_routes
from dicom_gateway.api.frames import frame_routes
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from dicom_gateway.api.studies import study_routes
from dicom_gateway.api.uploads import upload_routes
from webviewer.core import errors

_log = logging.getLogger(__name__)

_MAX_DRAINED_BYTES = 32 * 1024**2
_DRAIN_PIECE_BYTES = 256 * 1024

# Every class of the error tree, so that none is answered by chance; a test holds this total.
STATUS_OF: Mapping[type[errors.WebviewerError], int] = {
    errors.WebviewerError: 500,
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.DuplicateObject: 409,
    errors.LimitExceeded: 429,
    errors.Unavailable: 503,
    errors.OutOfResources: 507,
    errors.DataError: 422,
    errors.DecodeError: 422,
    errors.GeometryError: 422,
    errors.RenderError: 500,
    errors.ShaderError: 500,
    errors.DeviceLost: 503,
    errors.ProtocolError: 400,
    errors.ConfigError: 500,
}


def create_api(parts: ApiParts) -> Flask:
    """Return the application; every route wants the token.

    Parameters
    ----------
    parts
        Services behind it.
    """
    app = Flask("dicom_gateway.api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = None  # each route bounds its own body: parts are large, JSON is small
    expected = f"Bearer {parts.token}".encode()

    @app.before_request
    def check_token() -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not parts.token or not hmac.compare_digest(given, expected):
            raise errors.NotSignedIn("A request between nodes carries the internal token.")

    @app.errorhandler(errors.WebviewerError)
    def tell(error: errors.WebviewerError) -> Response:
        status = STATUS_OF.get(type(error), 500)
        response = _error(error.code, error.message, error.details, status)
        if isinstance(error, errors.LimitExceeded) and error.resets_in_s is not None:
            response.headers["Retry-After"] = str(max(1, round(error.resets_in_s)))
        return response

    @app.errorhandler(HTTPException)
    def tell_http(error: HTTPException) -> Response:
        status = error.code or 500
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(status, "invalid_input")
        return _error(code, error.description or error.name, {}, status)

    @app.errorhandler(Exception)
    def tell_unknown(error: Exception) -> Response:
        correlation_id = secrets.token_hex(8)
        _log.error(
            "a request failed",
            exc_info=error,
            extra={"correlation_id": correlation_id, "endpoint": request.endpoint},
        )
        return _error(
            "internal_error", "The storage node failed on this request; its log says why.", {}, 500, correlation_id
        )

    @app.after_request
    def drain(response: Response) -> Response:
        """Read what was not read of a body: closing the connection with it unread would lose the answer."""
        left = request.content_length
        if response.status_code >= 400 and left is not None and left <= _MAX_DRAINED_BYTES:
            with contextlib.suppress(OSError, HTTPException):
                while request.stream.read(_DRAIN_PIECE_BYTES):
                    pass
        return response

    @app.get("/internal/v1/health")
    def health() -> Response:
        problems = parts.problems()
        return answer({"ready": not problems, "problems": problems}, 503 if problems else 200)

    @app.get("/internal/v1/status")
    def status() -> Response:
        return answer(dict(parts.status()))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(parts.metrics(), mimetype="text/plain; version=0.0.4")

    for blueprint in (study_routes(parts), frame_routes(parts), archive_routes(parts), upload_routes(parts)):
        app.register_blueprint(blueprint, url_prefix="/internal/v1/owners/<int:owner_id>")
    return app


def _error(
    code: str, message: str, details: Mapping[str, object], status: int, correlation_id: str | None = None
) -> Response:
    words = {
        "code": code,
        "message": message,
        "details": dict(details),
        "correlation_id": correlation_id or secrets.token_hex(8),
    }
    return answer({"error": words}, status)
