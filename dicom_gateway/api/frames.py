"""Frames as they are stored, many in one answer, and the overlay bits of one frame."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field

from dicom_gateway.api.body import read_json
from dicom_gateway.api.parts import ApiParts
from webviewer.archive import InstanceId, OwnerId
from webviewer.usecases.list_studies import MAX_ID
from webviewer.usecases.read_frames import MAX_FRAMES

_Wish = tuple[Annotated[int, Field(ge=1, le=MAX_ID)], Annotated[int, Field(ge=0, le=2**32 - 1)]]


class _Frames(BaseModel):
    model_config = ConfigDict(extra="forbid")

    frames: Annotated[list[_Wish], Field(min_length=1, max_length=MAX_FRAMES)]


def frame_routes(parts: ApiParts) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("frames", __name__)

    @routes.post("/frames")
    def frames(owner_id: int) -> Response:
        wishes = [(InstanceId(instance), number) for instance, number in read_json(_Frames).frames]
        return Response(parts.frames.stream(OwnerId(owner_id), wishes), mimetype="application/octet-stream")

    @routes.get("/instances/<int:instance_id>/frames/<int:frame_number>/overlays")
    def overlays(owner_id: int, instance_id: int, frame_number: int) -> Response:
        records = parts.overlays.read(OwnerId(owner_id), InstanceId(instance_id), frame_number)
        return Response(records, mimetype="application/octet-stream")

    return routes
