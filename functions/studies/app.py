"""`/v2/studies…`: checks what the browser asks, asks the storage node for this user, and streams the answer through.

The owner is always the user of the session; no request can name another one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from flask import Flask, Response, request
from pydantic import Field
from werkzeug.exceptions import HTTPException

from functions.common import guard
from functions.common.app import MAX_BODY_BYTES, new_app
from functions.common.bodies import Body, read_body
from functions.studies.octets import Octets
from webviewer.adapters.nodes import StorageClient
from webviewer.bootstrap import Services
from webviewer.core.errors import InvalidInput, Unavailable
from webviewer.usecases.download_studies import MAX_STUDIES
from webviewer.usecases.list_studies import MAX_ID, ids_from, invalid_field, study_query_from

PART_BYTES = 16 * 1024**2
MAX_DELETED_AT_ONCE = 1000
MAX_NAME_LENGTH = 1024
_MAX_DRAINED_BYTES = PART_BYTES
_PIECE_BYTES = 256 * 1024
_MAX_JSON_BYTES = 512 * 1024**2


class DeleteBody(Body):
    """Which studies go."""

    study_ids: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(min_length=1, max_length=MAX_DELETED_AT_ONCE)
    ]


class UploadBody(Body):
    """One file or ZIP that is going to be sent."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    size_bytes: Annotated[int, Field(ge=1, le=MAX_ID)]


def create_app(services: Services, storage: StorageClient | None = None) -> Flask:
    """Return the function's app.

    Parameters
    ----------
    services
        What the process works with.
    storage
        Client of the storage node; made from the settings where left out.
    """
    client = storage or StorageClient(services.settings.control.storage_url, services.settings.internal_token)
    app = new_app("studies", services, max_body_bytes=PART_BYTES)
    _drain_refused_bodies(app)
    _list_routes(app, client)
    _upload_routes(app, client)
    return app


def _list_routes(app: Flask, client: StorageClient) -> None:
    @app.get("/v2/studies")
    def find() -> Response:
        parameters = request.args.to_dict(flat=False)
        study_query_from(parameters)  # refused here in words, before anything is asked
        return _pass(
            client, "GET", "/studies", query=[(name, one) for name, all_ in parameters.items() for one in all_]
        )

    @app.get("/v2/studies/<int:study_id>")
    def study(study_id: int) -> Response:
        return _pass(client, "GET", f"/studies/{study_id}")

    @app.get("/v2/studies/<int:study_id>/series/<int:series_id>")
    def series(study_id: int, series_id: int) -> Response:
        return _pass(client, "GET", f"/series/{series_id}", query=[("study_id", str(study_id))])

    @app.post("/v2/studies/delete")
    def delete() -> Response:
        request.max_content_length = MAX_BODY_BYTES
        body = read_body(DeleteBody)
        return _pass(client, "POST", "/studies/delete", value={"study_ids": body.study_ids})

    @app.get("/v2/studies/archive")
    def archive() -> Response:
        ids = ids_from(request.args.getlist("study_ids"), "study_ids", MAX_STUDIES)
        answer = client.open("GET", f"{_owner_path()}/archive", query=[("study_ids", str(one)) for one in ids])
        response = Response(answer.pieces(), mimetype="application/zip")
        response.call_on_close(answer.close)
        response.headers["Content-Disposition"] = answer.headers.get("Content-Disposition", "attachment")
        response.headers["X-Accel-Buffering"] = "no"  # a proxy is not to collect 10 GB on its disk
        return response


def _upload_routes(app: Flask, client: StorageClient) -> None:
    @app.post("/v2/studies/uploads")
    def create() -> Response:
        request.max_content_length = MAX_BODY_BYTES
        body = read_body(UploadBody)
        return _pass(client, "POST", "/uploads", value={"name": body.name, "size_bytes": body.size_bytes})

    @app.post("/v2/studies/uploads/whole")
    def whole() -> Response:
        name = request.args.get("name", "")
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise invalid_field("name", f"{len(name)} characters", f"has 1 to {MAX_NAME_LENGTH} characters")
        return _pass_octets(client, "POST", "/uploads/whole", [("name", name)], least=0)

    @app.put("/v2/studies/uploads/<upload_id>")
    def part(upload_id: str) -> Response:
        offset = request.args.get("offset", "")
        if not (offset.isascii() and offset.isdigit() and len(offset) <= 18):
            raise invalid_field("offset", offset, "is a whole number from 0")
        return _pass_octets(client, "PUT", f"/uploads/{upload_id}", [("offset", offset)], least=1)

    @app.get("/v2/studies/uploads/<upload_id>")
    def state(upload_id: str) -> Response:
        return _pass(client, "GET", f"/uploads/{upload_id}")

    @app.delete("/v2/studies/uploads/<upload_id>")
    def cancel(upload_id: str) -> Response:
        return _pass(client, "DELETE", f"/uploads/{upload_id}")


def _drain_refused_bodies(app: Flask) -> None:
    @app.after_request
    def drain(response: Response) -> Response:
        """Read what is left of a refused body: a browser that still sends would never see the answer."""
        length = request.content_length
        if response.status_code >= 400 and length is not None and length <= _MAX_DRAINED_BYTES:
            with contextlib.suppress(OSError, HTTPException):
                while request.stream.read(_PIECE_BYTES):
                    pass
        return response


def _owner_path() -> str:
    return f"/internal/v1/owners/{guard.current().user_id}"


def _pass(
    client: StorageClient,
    method: str,
    path: str,
    *,
    query: Sequence[tuple[str, str | int]] = (),
    value: Mapping[str, Any] | None = None,
) -> Response:
    """Ask the storage node and answer what it answers; its errors are raised as ours."""
    body = None if value is None else json.dumps(value).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    with client.open(method, _owner_path() + path, query=query, body=body, headers=headers) as answer:
        return Response(answer.read(_MAX_JSON_BYTES), answer.status, mimetype="application/json")


def _pass_octets(
    client: StorageClient, method: str, path: str, query: Sequence[tuple[str, str]], *, least: int
) -> Response:
    """Stream the request's body to the storage node, piece by piece."""
    source = Octets(request, least, PART_BYTES)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(source.length)}
    body = source if source.length else b""
    try:
        with client.open(method, _owner_path() + path, query=query, body=body, headers=headers) as answer:
            return Response(answer.read(_MAX_JSON_BYTES), answer.status, mimetype="application/json")
    except Unavailable:
        if source.is_broken:
            raise InvalidInput("The connection broke before the part was complete.", code="part_cut") from None
        raise
