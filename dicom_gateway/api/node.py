"""What the control node tells and asks the storage node about itself."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict

from dicom_gateway.api.body import read_json
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from webviewer.usecases.served_owners import OwnerList, take_over_owners


class _Active(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    active: bool


def node_routes(parts: ApiParts) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("node", __name__)

    @routes.get("/report")
    def report() -> Response:
        held = {"active": parts.state.is_active, "owners_digest": parts.state.owners_digest}
        return answer({**parts.describe(), **held})

    @routes.put("/active")
    def active() -> Response:
        parts.state.is_active = read_json(_Active).active
        return Response(status=204)

    @routes.put("/owners")
    def owners() -> Response:
        told = read_json(OwnerList)
        take_over_owners(parts.units, told)
        parts.state.owners_digest = told.digest
        parts.state.has_owners = True
        return Response(status=204)

    return routes
