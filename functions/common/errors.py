"""Every failure of a function becomes an answer of the one shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from webviewer.core.correlation import correlation_id
from webviewer.core.errors import WebviewerError
from webviewer.core.http_errors import error_body, error_headers, status_of

logger = logging.getLogger(__name__)

_HTTP_WORDS: Final = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request cannot be understood."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not take that method."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "The request is larger than this address takes."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", "The request must carry JSON."),
}


def error_response(error: WebviewerError) -> Response:
    """Return the answer to a request that failed with one of our errors."""
    response = _shape(status_of(error), error.code, error.message, error.details)
    response.headers.update(error_headers(error))
    return response


def install(app: Flask) -> None:
    """Make every failure of the app an answer of the one shape."""
    app.register_error_handler(WebviewerError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _ours(error: WebviewerError) -> Response:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request_failed", extra={"code": error.code, "reason": error.message})
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
    logger.error("request_crashed", exc_info=error)
    return _shape(
        HTTPStatus.INTERNAL_SERVER_ERROR, WebviewerError.default_code, "Something went wrong on the server.", {}
    )


def _shape(status: HTTPStatus, code: str, message: str, details: Mapping[str, object]) -> Response:
    response = jsonify(error_body(code, message, details, correlation_id()))
    response.status_code = status
    return response
