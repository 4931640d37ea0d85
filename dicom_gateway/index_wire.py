"""What goes between the indexer and its clients: JSON texts with their length before them, over local sockets.

::

    4 bytes   length of the text, little endian, at most MAX_MESSAGE_BYTES
    n bytes   the text

Request: ``[owner_id, [the record's values]]``. Reply: ``[the receipt's values]``, or for a known object those of its
receipt and then its own, or ``{"error": kind, "code", "message", "details"}``.
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from dataclasses import fields
from typing import Any, Final

from webviewer.archive import InstanceId, InstanceRecord, KeptApart, KnownObject, OwnerId, Receipt, SeriesId, StudyId
from webviewer.core.errors import AnotherPatient, DataError, OutOfResources, WebviewerError

MAX_MESSAGE_BYTES: Final = 256 * 1024**2  # an enhanced object of 100,000 frames has about 60 MB of image attributes

_FIELDS: Final = tuple(field.name for field in fields(InstanceRecord))
_ERRORS: Final[dict[str, type[WebviewerError]]] = {
    "out_of_resources": OutOfResources,
    "data_error": DataError,
    "another_patient": AnotherPatient,
}


def framed(message: object) -> bytes:
    """Return a message with its length before it."""
    text = json.dumps(message, separators=(",", ":"), default=_plain).encode("utf-8", "replace")
    return struct.pack("<I", len(text)) + text


def encode_request(owner_id: OwnerId, record: InstanceRecord) -> bytes:
    """Return the bytes that ask for an object to be indexed."""
    return framed([owner_id, [getattr(record, name) for name in _FIELDS]])


def decode_request(text: bytes) -> tuple[OwnerId, InstanceRecord]:
    """Return what `encode_request` was given."""
    owner_id, values = json.loads(text)
    record: dict[str, Any] = dict(zip(_FIELDS, values, strict=True))
    for name in ("patient_birth_date", "study_date"):
        if record[name] is not None:
            record[name] = dt.date.fromisoformat(record[name])
    if record["study_time"] is not None:
        record["study_time"] = dt.time.fromisoformat(record["study_time"])
    record["other_patient_ids"] = tuple(record["other_patient_ids"])
    return OwnerId(owner_id), InstanceRecord(**record)


def encode_outcome(outcome: Receipt | KnownObject | Exception) -> bytes:
    """Return the bytes of a reply."""
    if isinstance(outcome, KnownObject):
        known = outcome
        return framed(
            [
                *_plain_receipt(known.receipt),
                known.transfer_syntax_uid,
                known.file_name,
                known.file_bytes,
                known.data_set_offset_bytes,
            ]
        )
    if isinstance(outcome, Receipt):
        return framed(_plain_receipt(outcome))
    if isinstance(outcome, WebviewerError):
        kind = next((name for name, cls in _ERRORS.items() if isinstance(outcome, cls)), "out_of_resources")
        return framed({"error": kind, "code": outcome.code, "message": outcome.message, "details": outcome.details})
    return framed(
        {"error": "out_of_resources", "code": "out_of_resources", "message": "The index does not take this object."}
    )


def decode_outcome(text: bytes) -> Receipt | KnownObject:
    """Return what a reply says, or raise the error that it carries."""
    reply = json.loads(text)
    if isinstance(reply, dict):
        raise _ERRORS[reply["error"]](reply["message"], code=reply["code"], details=reply.get("details"))
    outcome, study_id, series_id, instance_id, new_study, new_series, apart, *known = reply
    receipt = Receipt(
        outcome,
        StudyId(study_id),
        SeriesId(series_id),
        InstanceId(instance_id),
        new_study,
        new_series,
        None if apart is None else KeptApart(tuple(map(StudyId, apart[0])), tuple(apart[1])),
    )
    return KnownObject(receipt, *known) if known else receipt


def _plain_receipt(receipt: Receipt) -> list[object]:
    apart = receipt.kept_apart
    return [
        receipt.outcome,
        receipt.study_id,
        receipt.series_id,
        receipt.instance_id,
        receipt.new_study,
        receipt.new_series,
        None if apart is None else [apart.study_ids, apart.attributes],
    ]


def _plain(value: object) -> str:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a message to the indexer")
