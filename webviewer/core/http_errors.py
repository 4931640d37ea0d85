"""How each error of ours is told over HTTP: the one table of statuses, and the one shape, for every node."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

from webviewer.core import errors
from webviewer.core.errors import LimitExceeded, WebviewerError

HTTP_STATUS: Mapping[type[WebviewerError], HTTPStatus] = {
    errors.WebviewerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.PermissionDenied: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.DuplicateObject: HTTPStatus.CONFLICT,
    errors.AnotherPatient: HTTPStatus.CONFLICT,
    errors.LimitExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.OutOfResources: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.DatabaseGone: HTTPStatus.SERVICE_UNAVAILABLE,  # which proxies and load balancers understand
    errors.DataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DecodeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.GeometryError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RenderError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ShaderError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DeviceLost: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ProtocolError: HTTPStatus.BAD_REQUEST,
    errors.ConfigError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every class of the tree in `webviewer.core.errors` has its line; a class made elsewhere has its nearest parent's."""


def status_of(error: WebviewerError) -> HTTPStatus:
    """Return the HTTP status of an error.

    Examples
    --------
    >>> status_of(errors.NotFound("There is no such study.")).value
    404
    """
    return next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)


def error_body(
    code: str, message: str, details: Mapping[str, object], correlation_id: str
) -> dict[str, dict[str, object]]:
    """Return the one shape of an error, ready for JSON."""
    return {
        "error": {"code": code, "message": message, "details": dict(details), "correlation_id": correlation_id},
    }


def error_headers(error: WebviewerError) -> dict[str, str]:
    """Return the headers that go with an error: after how many seconds to try again, where that is known."""
    if isinstance(error, LimitExceeded) and error.resets_in_s is not None:
        return {"Retry-After": str(max(1, math.ceil(error.resets_in_s)))}
    return {}
