"""The control node's internal port: nodes publish events, a monitor reads metrics."""

from __future__ import annotations

from typing import Annotated

from flask import Flask, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.common.app import new_app
from functions.common.bodies import Body, read_body
from functions.common.guard import internal, public
from webviewer.bootstrap import Services
from webviewer.usecases.events import MAX_PUBLISHED_AT_ONCE

MAX_BODY_BYTES = 4 * 1024 * 1024


class PublishedEvent(BaseModel):
    """An event from a node: its type, its owner, and whatever the page shall get beside them."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    owner_id: Annotated[int, Field(ge=1)]


class PublishBody(Body):
    """Events to publish."""

    events: Annotated[list[PublishedEvent], Field(max_length=MAX_PUBLISHED_AT_ONCE)]


def create_internal_app(services: Services) -> Flask:
    """Return the app of the internal port; it is never mounted on the public one."""
    app = new_app("internal", services, max_body_bytes=MAX_BODY_BYTES)

    @app.post("/internal/v1/events")
    @internal
    def publish() -> Response:
        body = read_body(PublishBody)
        services.events.publish([(one.owner_id, one.type, one.model_extra or {}) for one in body.events])
        return Response(status=204)

    @app.get("/metrics")
    @public  # on the internal port only; a monitor cannot know the nodes' token, and nothing here names a person
    def metrics() -> Response:
        return Response(services.metrics.text(), mimetype="text/plain; version=0.0.4")

    return app
