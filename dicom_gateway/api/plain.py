"""Records as JSON: field names as they are, dates ISO 8601."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import is_dataclass
from typing import Any

from flask import Response

from webviewer.usecases.open_series import RenderDetail, SeriesDetail


def plain(record: Any) -> dict[str, object]:
    """Return a record as a dictionary; what lies in it is turned by `encoded`."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def encoded(value: object) -> bytes:
    """Return compact JSON in UTF-8; NaN and infinity are refused, browsers cannot read them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_default).encode()


def _default(value: object) -> object:
    """Turn what JSON has no form for; called by the encoder, which walks through lists and tuples much faster."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return plain(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here.")


def answer(value: object, status: int = 200) -> Response:
    """Return a JSON response of a record or of plain values."""
    return Response(encoded(value), status, mimetype="application/json")


def series_json(detail: SeriesDetail) -> bytes:
    """Return `SeriesDetail` as ARCHITECTURE words it."""
    own = {
        "frames": detail.frames,
        "volumes": detail.volumes,
        "volume_refusal": detail.volume_refusal,
        "notices": detail.notices,
        "series_windows": detail.series_windows,
        "patients": detail.patients,
    }
    return encoded({**plain(detail.series), **own})


def render_json(detail: RenderDetail) -> bytes:
    """Return what a render node must know; the attributes are JSON already and are put in as they are."""
    head = encoded(
        {
            "series_id": detail.series_id,
            "modality": detail.modality,
            "frames": detail.frames,
            "files": detail.files,
            "native_bytes": detail.native_bytes,
            "digests": detail.digests,
        }
    )
    images = ",".join(f'"{instance_id}":{text}' for instance_id, text in detail.images.items())
    return b"".join((head[:-1], b',"instances":{', images.encode(), b"}}"))
