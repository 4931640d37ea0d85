"""DIMSE statuses that we answer with, and the table from our errors to them."""

from __future__ import annotations

from enum import IntEnum

from webviewer.core.errors import (
    AnotherPatient,
    Conflict,
    DataError,
    DuplicateObject,
    InvalidInput,
    LimitExceeded,
    NotFound,
    OutOfResources,
    Unavailable,
    WebviewerError,
)
from webviewer.usecases.receive_instance import IdentityMismatch


class Status(IntEnum):
    """Status (0000,0900) of a response.

    References
    ----------
    PS3.7 Annex C; PS3.4 B.2.3 "Statuses" of the Storage Service Class.
    """

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    INVALID_SOP_INSTANCE = 0x0117
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    UNRECOGNIZED_OPERATION = 0x0211
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    ANOTHER_PATIENT = 0xC001  # of the range "Cannot understand": senders do not send such an object again


_BY_ERROR: tuple[tuple[type[WebviewerError], Status], ...] = (
    (DuplicateObject, Status.DUPLICATE_SOP_INSTANCE),
    (AnotherPatient, Status.ANOTHER_PATIENT),
    (IdentityMismatch, Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS),
    (OutOfResources, Status.OUT_OF_RESOURCES),
    (LimitExceeded, Status.OUT_OF_RESOURCES),
    (Unavailable, Status.OUT_OF_RESOURCES),
    (InvalidInput, Status.CANNOT_UNDERSTAND),
    (DataError, Status.CANNOT_UNDERSTAND),
    (NotFound, Status.PROCESSING_FAILURE),
    (Conflict, Status.PROCESSING_FAILURE),
    (WebviewerError, Status.PROCESSING_FAILURE),
)


def status_of(error: BaseException) -> Status:
    """Return the status that tells a sender of an error; whatever has no row is a processing failure."""
    for kind, status in _BY_ERROR:
        if isinstance(error, kind):
            return status
    return Status.PROCESSING_FAILURE
