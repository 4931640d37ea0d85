"""Bodies of requests: JSON of a bounded size, checked; octets of an announced length."""

from __future__ import annotations

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from webviewer.adapters.wsgi import connection_of
from webviewer.core.errors import InvalidInput
from webviewer.core.octets import AnnouncedOctets
from webviewer.usecases.list_studies import invalid_field, rule_of
from webviewer.usecases.uploads import announced_part

MAX_JSON_BYTES = 8 * 1024**2

_Model = TypeVar("_Model", bound=BaseModel)


def read_json(model: type[_Model]) -> _Model:
    """Return the request's JSON as `model`; raises InvalidInput that names field, value and rule."""
    length = request.content_length
    if length is None or length > MAX_JSON_BYTES:
        raise InvalidInput(f"Content-Length = {length}: JSON here has 0 to {MAX_JSON_BYTES} bytes.")
    try:
        return model.model_validate_json(request.stream.read(length))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise invalid_field(field or "body", str(first["input"])[:80], rule_of(first["type"], first["msg"])) from None


def announced_body(*, least_bytes: int = 1) -> AnnouncedOctets:
    """Return the body of a request that brings a part or a small file; raises InvalidInput."""
    connection = connection_of(request.environ)
    if connection is not None:
        connection.expect_upload()
    return announced_part(request.environ["wsgi.input"], request.content_length, least_bytes=least_bytes)
