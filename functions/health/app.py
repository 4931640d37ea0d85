"""``/v2/health`` and ``/v2/about``."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from flask import Flask, Response, jsonify
from pydantic import BaseModel

from functions.common.app import new_app
from functions.common.bodies import answer
from functions.common.guard import public
from functions.common.openapi import operation
from webviewer.bootstrap import PRODUCT, Services
from webviewer.core.errors import WebviewerError

logger = logging.getLogger(__name__)

KEPT_S: Final = 1.0
NOT_READY: Final = {
    "database": "The database cannot be used.",
    "storage": "The storage node is not ready.",
    "render": "The render node is not ready.",
}


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


class Readiness:
    """Checks what a request needs; keeps the answer for a second, so that a flood of questions costs nothing.

    Anybody may ask, so the answer has a few fixed words; what a node or the database said is in the log, once for each
    change, and on the console.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, str]] | None = None
        self._logged: dict[str, str] = {}

    def reasons(self) -> dict[str, str]:
        """Return what is not ready, by part, in words for everybody; empty when all is."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_S:
                details = self._check()
                if details != self._logged:
                    logger.log(
                        logging.WARNING if details else logging.INFO, "readiness_changed", extra={"parts": details}
                    )
                    self._logged = details
                self._kept = (time.monotonic(), {part: NOT_READY[part] for part in details})
            return self._kept[1]

    def _check(self) -> dict[str, str]:
        services, details = self._services, dict[str, str]()
        try:
            services.sessions.count_open()
        except WebviewerError as exc:
            details["database"] = exc.message
        control = services.settings.control
        for part, address in (("storage", control.storage_url), ("render", control.render_url)):
            said = services.node_probe.health(address)
            if not said.ok:
                details[part] = said.reason
        return details


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
