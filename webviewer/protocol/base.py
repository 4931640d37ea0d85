"""What all messages of the render stream are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_CELLS = 16

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
Positive = Annotated[float, Field(allow_inf_nan=False, ge=1e-6, le=1e9)]
"""Of sizes: what is nearer to 0 is 0 to those who divide by it."""
Share = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
CellNumber = Annotated[int, Field(ge=0, lt=MAX_CELLS)]
Revision = Annotated[int, Field(ge=0, lt=2**32)]
Id = Annotated[int, Field(ge=1, lt=2**53)]
Pixels = Annotated[int, Field(ge=1, le=4096)]
Point = tuple[Finite, Finite]
PointLps = tuple[Finite, Finite, Finite]
"""A point or a direction of the patient: mm, or parts of 1, in LPS."""


class Message(BaseModel):
    """One message, or a part of one."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_serialization_defaults_required=True
    )


class ImageReference(Message):
    """One frame of one stored instance; frames count from 1 as in DICOM."""

    instance_id: Id
    frame_number: Annotated[int, Field(ge=1, lt=2**31)]


def fault_of(error: ValidationError, whole: str) -> str:
    """Return where something breaks its rule and which, never what was sent; ``whole`` names it all."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    # pydantic's words for an unknown tag repeat what was sent: that stays out of logs.
    words = "Unknown kind of message" if first["type"] == "union_tag_invalid" else first["msg"]
    return f"{where[:80]}: {words}"
