"""The surface of a volume as a file: what a page asks for over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationError

from webviewer.core.errors import InvalidInput
from webviewer.protocol.base import Finite, Message, fault_of
from webviewer.protocol.volumes import MAX_EDITS, EditStep

MAX_SURFACE_BYTES = 1024**2
"""Of the request: as many edits as a cell may have."""


class SurfaceWish(Message):
    """The surface at a level, in the modality's unit, of what edits leave of a volume."""

    iso_value: Finite
    edits: Annotated[tuple[EditStep, ...], Field(max_length=MAX_EDITS)] = ()


def parse_surface_wish(body: bytes) -> SurfaceWish:
    """Return the wish of a request's body; raises InvalidInput, which says where it is none and never repeats it."""
    try:
        return SurfaceWish.model_validate_json(body)
    except ValidationError as exc:
        raise InvalidInput(fault_of(exc, "body")) from None
