"""Bodies of requests: JSON of a bounded size, checked; octets of a known length."""

from __future__ import annotations

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from webviewer.core.errors import InvalidInput
from webviewer.usecases.list_studies import invalid_field

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
        raise invalid_field(field or "body", str(first["input"])[:80], str(first["msg"])) from None


class Octets:
    """The body of a request as a stream that ends where Content-Length says and fails if it ends before."""

    def __init__(self, most_bytes: int) -> None:
        length = request.content_length
        if length is None:
            raise InvalidInput("The request must say its Content-Length.", code="length_required")
        if not 1 <= length <= most_bytes:
            raise InvalidInput(
                f"Content-Length = {length}: the body has 1 to {most_bytes} bytes.",
                code="part_too_long",
                details={"part_bytes": most_bytes},
            )
        self._left = length
        self._stream = request.stream

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        if not self._left:
            return b""
        piece: bytes = self._stream.read(self._left if size < 0 else min(size, self._left))
        if not piece:
            raise ConnectionResetError(f"the sender left {self._left} bytes before the end")
        self._left -= len(piece)
        return piece
