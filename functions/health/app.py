"""``/v2/health`` and ``/v2/about``."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from pydantic import BaseModel

from functions.common.app import new_app
from functions.common.bodies import answer
from functions.common.guard import public
from functions.common.openapi import operation
from functions.common.readiness import Readiness
from webviewer.bootstrap import PRODUCT, Services


class LiveAnswer(BaseModel):
    """The process answers."""

    live: bool


class ReadyAnswer(BaseModel):
    """Whether studies can be received and read; ``reasons`` names what is missing."""

    ready: bool
    reasons: dict[str, str]


class AboutAnswer(BaseModel):
    """What runs here."""

    product: str
    version: str


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("health", services)
    readiness = Readiness(services)

    @app.get("/v2/health/live")
    @public
    @operation("Is the process alive", response=LiveAnswer)
    def live() -> Response:
        return answer(LiveAnswer(live=True))

    @app.get("/v2/health/ready")
    @public
    @operation("Can studies be received and read", response=ReadyAnswer)
    def ready() -> Response:
        reasons = readiness.reasons()
        return answer(ReadyAnswer(ready=not reasons, reasons=reasons), 503 if reasons else 200)

    @app.get("/v2/about")
    @public
    @operation("What runs here", response=AboutAnswer)
    def about() -> Response:
        return answer(AboutAnswer(product=PRODUCT, version=services.version))

    @app.get("/v2/openapi.json")
    @public
    @operation("This document")
    def openapi() -> Response:
        # The composition root knows all apps; a function that runs alone describes itself.
        return jsonify(app.extensions.get("openapi", dict)())

    return app
