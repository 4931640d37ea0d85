"""Studies, series and AE titles of an owner."""

from __future__ import annotations

import hashlib
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from dicom_gateway.api.body import read_json
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer, encoded, plain, render_json, series_json
from webviewer.archive import InstanceId, OwnerId, Series, SeriesId, StudyId
from webviewer.core.errors import NotFound
from webviewer.usecases.delete_studies import MAX_DELETED_AT_ONCE, delete_studies
from webviewer.usecases.list_studies import MAX_ID, get_study, id_from, list_studies, study_query_from
from webviewer.usecases.open_series import (
    open_instance_for_render,
    open_series,
    open_series_for_render,
)
from webviewer.usecases.served_owners import AeTitles


class _Delete(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    study_ids: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(min_length=1, max_length=MAX_DELETED_AT_ONCE)
    ]


class _Owner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    ae_titles: AeTitles


def study_routes(parts: ApiParts) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("studies", __name__)

    @routes.get("/studies")
    def find(owner_id: int) -> Response:
        page = list_studies(parts.units, OwnerId(owner_id), study_query_from(request.args.to_dict(flat=False)))
        return answer(page)

    @routes.get("/studies/<int:study_id>")
    def one(owner_id: int, study_id: int) -> Response:
        detail = get_study(parts.units, OwnerId(owner_id), StudyId(study_id))
        return answer({**plain(detail.study), "series": detail.series})

    @routes.get("/series/<int:series_id>")
    def series(owner_id: int, series_id: int) -> Response:
        owner, wanted = OwnerId(owner_id), SeriesId(series_id)
        with parts.units(read_only=True) as unit:
            now = unit.archive.get_series(owner, wanted)
        of_study = request.args.get("study_id")
        if of_study is not None and id_from(of_study, "study_id") != now.study_id:
            raise NotFound(f"There is no series {series_id} in study {of_study}.")
        body = parts.series_cache.get(owner, now, "page")
        if body is None:
            detail = open_series(parts.units, owner, wanted)
            body = series_json(detail)
            parts.series_cache.put(owner, detail.series, "page", body)
        return Response(body, mimetype="application/json")

    @routes.get("/series/<int:series_id>/render")
    def series_render(owner_id: int, series_id: int) -> Response:
        owner, wanted = OwnerId(owner_id), SeriesId(series_id)
        with parts.units(read_only=True) as unit:
            now = unit.archive.get_series(owner, wanted)
        version = _version_of(now)
        if request.if_none_match.contains(version):
            response = Response(status=304)
        else:
            body = parts.series_cache.get(owner, now, "render")
            if body is None:
                body = render_json(open_series_for_render(parts.units, owner, wanted))
                parts.series_cache.put(owner, now, "render", body)
            response = Response(body, mimetype="application/json")
        response.set_etag(version)
        return response

    @routes.get("/series/<int:series_id>/presentation_states")
    def presentation_states(owner_id: int, series_id: int) -> Response:
        of_study = request.args.get("study_id")
        study_id = None if of_study is None else StudyId(id_from(of_study, "study_id"))
        return answer(parts.presentation_states.read(OwnerId(owner_id), SeriesId(series_id), study_id))

    @routes.get("/instances/<int:instance_id>/render")
    def instance_render(owner_id: int, instance_id: int) -> Response:
        detail = open_instance_for_render(parts.units, OwnerId(owner_id), InstanceId(instance_id))
        return Response(render_json(detail), mimetype="application/json")

    _changing_routes(routes, parts)
    return routes


def _changing_routes(routes: Blueprint, parts: ApiParts) -> None:
    @routes.post("/studies/delete")
    def delete(owner_id: int) -> Response:
        wanted = [StudyId(study_id) for study_id in read_json(_Delete).study_ids]
        owner = OwnerId(owner_id)
        try:
            done = delete_studies(parts.units, parts.files, parts.publish, owner, wanted)
        finally:
            # No number comes back, so nothing kept would be wrong; but what is deleted is not to stay in memory.
            parts.series_cache.forget(owner, frozenset(wanted))
            parts.frames.cache.forget_owner(owner)
        return answer({"deleted": len(done.study_ids)})

    @routes.put("")
    def owner(owner_id: int) -> Response:
        titles = read_json(_Owner).ae_titles
        with parts.units() as unit:
            unit.archive.set_ae_titles(OwnerId(owner_id), titles)
            unit.commit()
        parts.state.owners_digest = ""  # what is here now is not the list that was put
        return Response(status=204)


def _version_of(series: Series) -> str:
    """Return what changes with a series: objects are only ever added to it, and its row counts them."""
    return hashlib.sha256(encoded(series)).hexdigest()[:32]
