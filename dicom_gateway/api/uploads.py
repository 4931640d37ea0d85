"""Uploads in parts, or whole for a small file."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from dicom_gateway.api.body import announced_body, read_json
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from webviewer.archive import OwnerId
from webviewer.usecases.uploads import MAX_NAME_LENGTH, part_offset_from, upload_name_from


class _Create(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    size_bytes: int


def upload_routes(parts: ApiParts) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("uploads", __name__)
    uploads = parts.uploads

    @routes.post("/uploads")
    def create(owner_id: int) -> Response:
        wish = read_json(_Create)
        return answer(uploads.create(OwnerId(owner_id), wish.name, wish.size_bytes), 201)

    @routes.get("/uploads")
    def unfinished(owner_id: int) -> Response:
        return answer({"uploads": uploads.unfinished(OwnerId(owner_id))})

    @routes.post("/uploads/whole")
    def whole(owner_id: int) -> Response:
        owner = OwnerId(owner_id)
        name = upload_name_from(request.args.get("name", ""))
        body = announced_body(least_bytes=0)
        if not body.length_bytes:
            return answer(uploads.empty(name))
        with parts.upload_seats.take(owner):
            return answer(uploads.whole(owner, name, body))

    @routes.put("/uploads/<upload_id>")
    def part(owner_id: int, upload_id: str) -> Response:
        owner = OwnerId(owner_id)
        offset = part_offset_from(request.args.get("offset", ""))
        body = announced_body()
        with parts.upload_seats.take(owner):
            return answer(uploads.write_part(owner, upload_id, offset, body))

    @routes.get("/uploads/<upload_id>")
    def state(owner_id: int, upload_id: str) -> Response:
        return answer(uploads.get(OwnerId(owner_id), upload_id))

    @routes.delete("/uploads/<upload_id>")
    def cancel(owner_id: int, upload_id: str) -> Response:
        uploads.cancel(OwnerId(owner_id), upload_id)
        return Response(status=204)

    return routes
