"""The OpenAPI document, made from the routes and the pydantic models that the views use; nothing is kept by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from functions.common.guard import CSRF_HEADER, SESSION_COOKIE, Level, access_of

_MARK: Final = "__webviewer_operation__"
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PARAMETER = re.compile(r"<(?:(?P<kind>[a-z]+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
_TEMPLATE: Final = "#/components/schemas/{model}"

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a view says of itself."""

    summary: str
    request: type[BaseModel] | None
    response: type[BaseModel] | None
    query: type[BaseModel] | None
    status: int
    media_type: str
    octets: bool


def operation(
    summary: str,
    *,
    request: type[BaseModel] | None = None,
    response: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    status: int = 200,
    media_type: str = "application/json",
    octets: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Describe a view: one line, the models of its body, answer and query, and what it answers when all is well.

    ``octets`` says that the body of the request is a file, or a part of one.
    """

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, _MARK, Operation(summary, request, response, query, status, media_type, octets))
        return view

    return mark


def document(apps: Iterable[Flask], *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the described routes of these apps."""
    described = [
        (app, rule, found)
        for app in apps
        for rule in app.url_map.iter_rules()
        if (found := getattr(app.view_functions[rule.endpoint], _MARK, None)) is not None
    ]
    models: dict[type[BaseModel], None] = {}
    for _, _, found in described:
        models.update(dict.fromkeys(model for model in (found.request, found.response) if model is not None))
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    for app, rule, found in described:
        path = _PARAMETER.sub(r"{\g<name>}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            level = access_of(app.view_functions[rule.endpoint]).level
            paths.setdefault(path, {})[method.lower()] = _operation(app.name, rule, method, found, level)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": definitions.get("$defs", {}) | {"Error": _ERROR_SCHEMA},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            },
        },
    }


def _operation(tag: str, rule: Rule, method: str, found: Operation, level: Level) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if kind == "int" else "string"}}
        for kind, name in ((match["kind"], match["name"]) for match in _PARAMETER.finditer(rule.rule))
    ]
    if found.query is not None:
        schema = found.query.model_json_schema(ref_template=_TEMPLATE)
        required = set(schema.get("required", ()))
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": part}
            for name, part in schema.get("properties", {}).items()
        ]
    good: dict[str, Any] = {"description": "Done"}
    if found.response is not None:
        good["content"] = {found.media_type: {"schema": _reference(found.response)}}
    elif found.media_type != "application/json":
        good["content"] = {found.media_type: {}}
    result: dict[str, Any] = {
        "summary": found.summary,
        "operationId": f"{tag}_{rule.endpoint}_{method.lower()}",
        "tags": [tag],
        "parameters": parameters,
        "responses": {
            str(found.status): good,
            "default": {
                "description": "Refused or failed",
                "content": {"application/json": {"schema": {"$ref": _TEMPLATE.format(model="Error")}}},
            },
        },
    }
    if found.request is not None:
        result["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(found.request)}},
        }
    if found.octets:
        result["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    if level is not Level.PUBLIC:
        result["security"] = [{"session": [], "csrf": []} if method in _UNSAFE else {"session": []}]
    return result


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(model=model.__name__)}


_ERROR_SCHEMA: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "correlation_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {"type": "object"},
                "correlation_id": {"type": "string"},
            },
        }
    },
}
