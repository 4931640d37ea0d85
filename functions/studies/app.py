"""`/v2/studies…`: checks what the browser asks, asks the storage node for this user, and streams the answer through.

The owner is always the user of the session; no request can name another one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Annotated, Final

from flask import Flask, Response, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import RequestTimeout

from functions.common import guard
from functions.common.app import MAX_BODY_BYTES, new_app
from functions.common.bodies import Body, read_body
from functions.common.openapi import operation
from functions.studies.spool import body_of, drain_refused, spooled
from functions.studies.storage import UserStorage
from webviewer.adapters.wsgi import hang_up
from webviewer.audit import AuditEvent
from webviewer.bootstrap import Services
from webviewer.core.errors import InvalidInput
from webviewer.core.seats import Seats
from webviewer.usecases.delete_studies import MAX_DELETED_AT_ONCE
from webviewer.usecases.download_studies import MAX_STUDIES
from webviewer.usecases.list_studies import MAX_ID, StudyParameters, ids_from, study_query_from
from webviewer.usecases.study_trace import StudyTrace
from webviewer.usecases.uploads import (
    MAX_NAME_LENGTH,
    PART_BYTES,
    announced_part,
    part_offset_from,
    upload_name_from,
)

BODIES_AT_ONCE: Final = 64  # being taken in, each up to PART_BYTES on this node's disk
BODIES_OF_USER: Final = 8  # a page sends four at a time
FORWARDS_AT_ONCE: Final = 8  # being handed to the storage node, each a thread of it
FORWARDS_OF_USER: Final = 4
FORWARD_WAIT_S: Final = 30.0

logger = logging.getLogger(__name__)


class DeleteBody(Body):
    """Which studies go."""

    study_ids: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(min_length=1, max_length=MAX_DELETED_AT_ONCE)
    ]


class UploadBody(Body):
    """One file or ZIP that is going to be sent."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    size_bytes: Annotated[int, Field(ge=1, le=MAX_ID)]


class ArchiveQuery(BaseModel):
    """Which studies are wanted."""

    study_ids: Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(min_length=1, max_length=MAX_STUDIES)]


class WholeQuery(BaseModel):
    """What the file is called."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]


class PartQuery(BaseModel):
    """Where the part starts."""

    offset: Annotated[int, Field(ge=0)]


def create_app(services: Services) -> Flask:
    """Return the function's app."""
    app = new_app("studies", services, max_body_bytes=PART_BYTES)
    storage = UserStorage(services)
    _drain_refused_bodies(app)
    _list_routes(app, storage, StudyTrace(services.units, services.clock))
    _upload_routes(app, storage)
    return app


def _list_routes(app: Flask, storage: UserStorage, trace: StudyTrace) -> None:
    @app.get("/v2/studies")
    @operation("Search the studies", query=StudyParameters)
    def find() -> Response:
        parameters = request.args.to_dict(flat=False)
        study_query_from(parameters)  # refused here in words, before anything is asked
        return storage.answer(
            "GET", "/studies", query=[(name, one) for name, all_ in parameters.items() for one in all_]
        )

    @app.get("/v2/studies/<int:study_id>")
    @operation("One study and its series")
    def study(study_id: int) -> Response:
        return storage.answer("GET", f"/studies/{study_id}")

    @app.get("/v2/studies/<int:study_id>/series/<int:series_id>")
    @operation("One series, its frames in display order, and the volumes that they make or why they make none")
    def series(study_id: int, series_id: int) -> Response:
        return storage.answer("GET", f"/series/{series_id}", query=[("study_id", str(study_id))])

    @app.get("/v2/studies/<int:study_id>/series/<int:series_id>/presentation_states")
    @operation("The presentation states of the study that refer to images of a series")
    def presentation_states(study_id: int, series_id: int) -> Response:
        return storage.answer("GET", f"/series/{series_id}/presentation_states", query=[("study_id", str(study_id))])

    @app.post("/v2/studies/delete")
    @operation("Delete studies", request=DeleteBody)
    def delete() -> Response:
        request.max_content_length = MAX_BODY_BYTES
        body = read_body(DeleteBody)
        storage.address()  # is there; else nothing is deleted, and nothing to note
        trace.note(AuditEvent.STUDIES_DELETED, guard.current(), body.study_ids)
        answer = storage.answer("POST", "/studies/delete", value={"study_ids": body.study_ids})
        _log("studies_deletion_asked", body.study_ids)
        return answer

    @app.get("/v2/studies/archive")
    @operation("Studies as a ZIP with a DICOMDIR", query=ArchiveQuery, media_type="application/zip")
    def archive() -> Response:
        ids = ids_from(request.args.getlist("study_ids"), "study_ids", MAX_STUDIES)
        storage.address()  # is there; else nothing is downloaded, and nothing to note
        trace.note(AuditEvent.STUDIES_DOWNLOADED, guard.current(), ids)
        answer = storage.open("GET", "/archive", query=[("study_ids", str(one)) for one in ids])
        response = Response(answer.pieces(), mimetype="application/zip")
        response.call_on_close(answer.close)
        response.headers["Content-Disposition"] = answer.headers.get("Content-Disposition", "attachment")
        response.headers["X-Accel-Buffering"] = "no"  # a proxy is not to collect 10 GB on its disk
        _log("studies_download_begun", ids)
        return response


def _upload_routes(app: Flask, storage: UserStorage) -> None:
    uploads = _Uploads(storage)

    @app.post("/v2/studies/uploads")
    @operation("Begin an upload in parts", request=UploadBody, status=201)
    def create() -> Response:
        request.max_content_length = MAX_BODY_BYTES
        body = read_body(UploadBody)
        return storage.answer("POST", "/uploads", value={"name": body.name, "size_bytes": body.size_bytes})

    @app.get("/v2/studies/uploads")
    @operation("The user's uploads that were begun and that bytes are missing of")
    def unfinished() -> Response:
        return storage.answer("GET", "/uploads")

    @app.post("/v2/studies/uploads/whole")
    @operation("Upload a file of at most one part; the body is its octets", query=WholeQuery, octets=True)
    def whole() -> Response:
        name = upload_name_from(request.args.get("name", ""))
        return uploads.pass_body("POST", "/uploads/whole", [("name", name)], least_bytes=0)

    @app.put("/v2/studies/uploads/<upload_id>")
    @operation("Send a part; the body is its octets", query=PartQuery, octets=True)
    def part(upload_id: str) -> Response:
        offset = part_offset_from(request.args.get("offset", ""))
        return uploads.pass_body("PUT", f"/uploads/{upload_id}", [("offset", str(offset))], keep_what_arrived=True)

    @app.get("/v2/studies/uploads/<upload_id>")
    @operation("Where an upload stands")
    def state(upload_id: str) -> Response:
        return storage.answer("GET", f"/uploads/{upload_id}")

    @app.delete("/v2/studies/uploads/<upload_id>")
    @operation("Cancel an upload", status=204)
    def cancel(upload_id: str) -> Response:
        return storage.answer("DELETE", f"/uploads/{upload_id}")


def _drain_refused_bodies(app: Flask) -> None:
    @app.after_request
    def drain(response: Response) -> Response:
        length = request.content_length
        if response.status_code == RequestTimeout.code:
            hang_up(request.environ)
        elif response.status_code >= 400 and length is not None and length <= PART_BYTES:
            drain_refused(request)
        return response


def _log(event: str, study_ids: Sequence[int]) -> None:
    """Note who took or removed studies; the storage node's log says with which result."""
    who = guard.current()
    logger.info(
        event,
        extra={
            "user_id": who.user_id,
            "session_number": who.session_id,
            "study_ids": list(study_ids),
        },
    )


class _Uploads:
    """Hands bodies to the storage nodes, each once it is here."""

    def __init__(self, storage: UserStorage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._seats: dict[str, tuple[Seats, Seats]] = {}

    def _seats_of(self, address: str) -> tuple[Seats, Seats]:
        """Return the seats for bodies and for forwards of one storage node: one that hangs takes no other's."""
        with self._lock:
            return self._seats.setdefault(
                address,
                (
                    Seats("uploads", BODIES_AT_ONCE, BODIES_OF_USER),
                    Seats("uploads", FORWARDS_AT_ONCE, FORWARDS_OF_USER),
                ),
            )

    def pass_body(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        least_bytes: int = 1,
        keep_what_arrived: bool = False,
    ) -> Response:
        """Take the request's body in, hand it on, and answer what the storage node answers.

        Parameters
        ----------
        method, path, query
            Of the request to the storage node.
        least_bytes
            The least that the body may have.
        keep_what_arrived
            Whether the beginning of a body that is cut is worth keeping: the upload then goes on behind it.

        Raises
        ------
        RequestTimeout
            The sender fell silent.
        InvalidInput
            The sender left, or the body is not as it should be.
        LimitExceeded, Unavailable
            The user has too many under way, or all together have.
        """
        user_id = guard.current().user_id
        bodies, forwards = self._seats_of(self._storage.address())
        body = announced_part(body_of(request), request.content_length, least_bytes=least_bytes)
        with bodies.take(user_id), spooled(body) as arrived:
            if arrived.cut is None or (keep_what_arrived and arrived.size_bytes):
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(arrived.size_bytes)}
                source = arrived.file if arrived.size_bytes else b""
                with forwards.take(user_id, wait_s=FORWARD_WAIT_S):
                    told = self._storage.pass_on(method, path, query=query, body=source, headers=headers)
            if arrived.cut is None:
                return told
        if isinstance(arrived.cut, TimeoutError):
            raise RequestTimeout
        raise InvalidInput("The connection broke before the part was complete.", code="part_cut")
