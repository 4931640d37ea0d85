"""The total table from our errors to HTTP, and the one error shape."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

from webviewer.core import errors
from webviewer.core.errors import LimitExceeded, WebviewerError

logger = logging.getLogger(__name__)

HTTP_STATUS: Final[Mapping[type[WebviewerError], HTTPStatus]] = {
    errors.WebviewerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.PermissionDenied: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.DuplicateObject: HTTPStatus.CONFLICT,
    errors.LimitExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.OutOfResources: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DecodeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.GeometryError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RenderError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ShaderError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DeviceLost: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ProtocolError: HTTPStatus.BAD_REQUEST,
    errors.ConfigError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every class of the tree has its line; a test proves it."""

_HTTP_WORDS: Final = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request cannot be understood."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not take that method."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "The request is larger than this address takes."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", "The request must carry JSON."),
}


def status_of(error: WebviewerError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    return HTTP_STATUS[type(error)]


def error_response(error: WebviewerError) -> Response:
    """Return the answer to a request that failed with one of our errors."""
    response = _shape(status_of(error), error.code, error.message, error.details)
    if isinstance(error, LimitExceeded) and error.resets_in_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.resets_in_s)))
    return response


def install(app: Flask) -> None:
    """Make every failure of the app an answer of the one shape."""
    app.register_error_handler(WebviewerError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _ours(error: WebviewerError) -> Response:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error(
            "request_failed",
            extra={"code": error.code, "reason": error.message, "correlation_id": g.get("correlation_id")},
        )
    return error_response(error)


def _http(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect of the router
    status = HTTPStatus(error.code)
    code, message = _HTTP_WORDS.get(status, (status.name.lower(), status.description or status.phrase))
    response = _shape(status, code, message, {})
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unexpected(error: Exception) -> Response:
    logger.error("request_crashed", exc_info=error, extra={"correlation_id": g.get("correlation_id")})
    return _shape(
        HTTPStatus.INTERNAL_SERVER_ERROR, WebviewerError.default_code, "Something went wrong on the server.", {}
    )


def _shape(status: HTTPStatus, code: str, message: str, details: Mapping[str, object]) -> Response:
    response = jsonify(
        error={
            "code": code,
            "message": message,
            "details": dict(details),
            "correlation_id": g.get("correlation_id", ""),
        }
    )
    response.status_code = status
    return response
