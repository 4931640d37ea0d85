"""Studies as a ZIP with a DICOMDIR."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, Response, request

from dicom_gateway.api.parts import ApiParts
from dicom_gateway.download import ArchiveStream, archive_name
from webviewer.archive import OwnerId, StudyId
from webviewer.usecases.download_studies import MAX_STUDIES, studies_to_download
from webviewer.usecases.list_studies import ids_from


def archive_routes(parts: ApiParts) -> Blueprint:
    """Return the route."""
    routes = Blueprint("archive", __name__)

    @routes.get("/archive")
    def archive(owner_id: int) -> Response:
        owner = OwnerId(owner_id)
        wanted = [StudyId(number) for number in ids_from(request.args.getlist("study_ids"), "study_ids", MAX_STUDIES)]
        studies = studies_to_download(parts.units, owner, wanted)
        stream = ArchiveStream(parts.units, owner, studies, parts.stored_files, parts.data_folder)
        name = archive_name(studies, dt.datetime.now(dt.UTC).date())
        seat = parts.archive_seats.take(owner)
        response = Response(
            iter(stream), mimetype="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
        response.call_on_close(seat.give_back)
        return response

    return routes
