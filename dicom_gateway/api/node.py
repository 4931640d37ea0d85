"""What the control node tells and asks the storage node about itself."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict

from dicom_gateway.api.body import read_json
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from webviewer.usecases.list_studies import id_from, invalid_field
from webviewer.usecases.served_owners import OwnerList, take_over_owners

MAX_CONFLICTS = 200  # study rows that the console lists; the total says how many there are


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

    @routes.get("/patient_conflicts")
    def patient_conflicts() -> Response:
        wanted = request.args.get("limit")
        limit = MAX_CONFLICTS if wanted is None else id_from(wanted, "limit")
        if limit > MAX_CONFLICTS:
            raise invalid_field("limit", str(limit), f"is at most {MAX_CONFLICTS}")
        with parts.units(read_only=True) as unit:
            studies = unit.archive.patient_conflicts(limit)
            total = unit.archive.patient_conflict_count()
        return answer({"studies": [asdict(study) for study in studies], "total": total})

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
