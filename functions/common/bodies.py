"""Bodies of requests and answers as pydantic models."""

from __future__ import annotations

from typing import TypeVar

from flask import Response, current_app, request
from pydantic import BaseModel, ConfigDict, ValidationError

from webviewer.core.errors import InvalidInput
from webviewer.usecases.list_studies import rule_of


class Body(BaseModel):
    """Base of request bodies: unknown fields are refused, no value is bent into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M]) -> M:
    """Return the request's JSON as a model.

    Raises
    ------
    InvalidInput
        It is no JSON or breaks the model; says where, never with the value, which may be a password or a name.
    """
    if request.mimetype != "application/json":
        raise InvalidInput("The request must carry JSON (Content-Type: application/json).", code="not_json")
    try:
        return model.model_validate_json(request.get_data(cache=False))
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidInput(f"{where}: {rule_of(first['type'], first['msg'])}", details={"where": where}) from exc


def answer(model: BaseModel, status: int = 200) -> Response:
    """Return a model as a JSON answer."""
    return current_app.response_class(model.model_dump_json(), status=status, mimetype="application/json")
