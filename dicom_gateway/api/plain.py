"""Records as JSON: field names as they are, dates ISO 8601."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields, is_dataclass

from flask import Response

from webviewer.usecases.open_series import RenderDetail, SeriesDetail


def plain(value: object) -> object:
    """Return a record as dictionaries, lists and JSON's own values."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form here.")


def encoded(value: object) -> bytes:
    """Return compact JSON in UTF-8; NaN and infinity are refused, browsers cannot read them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def answer(value: object, status: int = 200) -> Response:
    """Return a JSON response of a record or of plain values."""
    return Response(encoded(plain(value)), status, mimetype="application/json")


def series_json(detail: SeriesDetail) -> bytes:
    """Return `SeriesDetail` as ARCHITECTURE words it."""
    series = plain(detail.series)
    frames = plain(detail.frames)
    assert isinstance(series, dict)  # noqa: S101 - a record is a dictionary
    return encoded({**series, "frames": frames})


def render_json(detail: RenderDetail) -> bytes:
    """Return what a render node must know; the attributes are JSON already and are put in as they are."""
    head = encoded({"series_id": detail.series_id, "modality": detail.modality, "frames": detail.frames})
    images = ",".join(f'"{instance_id}":{text}' for instance_id, text in detail.images.items())
    return b"".join((head[:-1], b',"instances":{', images.encode(), b"}}"))
