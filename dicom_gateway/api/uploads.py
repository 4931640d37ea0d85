"""Uploads in parts, or whole for a small file."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from dicom_gateway.api.body import Octets, read_json
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from dicom_gateway.upload import PART_BYTES
from webviewer.archive import OwnerId
from webviewer.usecases.list_studies import invalid_field

MAX_NAME_LENGTH = 1024


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

    @routes.post("/uploads/whole")
    def whole(owner_id: int) -> Response:
        name = request.args.get("name", "")
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise invalid_field("name", f"{len(name)} characters", f"has 1 to {MAX_NAME_LENGTH} characters")
        if request.content_length == 0:
            return answer(uploads.empty(name))
        return answer(uploads.whole(OwnerId(owner_id), name, Octets(PART_BYTES)))

    @routes.put("/uploads/<upload_id>")
    def part(owner_id: int, upload_id: str) -> Response:
        text = request.args.get("offset", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise invalid_field("offset", text, "is a whole number from 0")
        return answer(uploads.write_part(OwnerId(owner_id), upload_id, int(text), Octets(PART_BYTES)))

    @routes.get("/uploads/<upload_id>")
    def state(owner_id: int, upload_id: str) -> Response:
        return answer(uploads.get(OwnerId(owner_id), upload_id))

    @routes.delete("/uploads/<upload_id>")
    def cancel(owner_id: int, upload_id: str) -> Response:
        uploads.cancel(OwnerId(owner_id), upload_id)
        return Response(status=204)

    return routes
