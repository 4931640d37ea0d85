"""``/v2/settings/{key}``: JSON values of the user."""

from __future__ import annotations

import json

from flask import Flask, Response, jsonify, request

from functions.common.app import new_app
from functions.common.guard import current
from functions.common.openapi import operation
from webviewer.bootstrap import Services
from webviewer.core.errors import InvalidInput


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("settings", services)

    @app.get("/v2/settings/<key>")
    @operation("Read a setting of the user")
    def get_setting(key: str) -> Response:
        return jsonify(services.user_settings.get(current().user_id, key))

    @app.put("/v2/settings/<key>")
    @operation("Write a setting of the user", status=204)
    def put_setting(key: str) -> Response:
        try:
            value = json.loads(request.get_data(cache=False), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as exc:
            raise InvalidInput("The setting must be a JSON value.", code="not_json") from exc
        services.user_settings.put(current().user_id, key, value)
        return Response(status=204)

    return app


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and Infinity are no JSON
