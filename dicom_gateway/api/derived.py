"""New objects of a stored series: a render node sends pixels and their place, this node makes and stores the object.

The body is the length of the head (4 bytes, little endian), the head as JSON, and the pixels, little endian, row by
row: of 16 bits, or red, green and blue of 8 bits.
"""

from __future__ import annotations

import io
import os
import struct
from typing import Annotated, Literal

from flask import Blueprint, Response
from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from dicom_gateway.api.body import announced_body
from dicom_gateway.api.parts import ApiParts
from dicom_gateway.api.plain import answer
from webviewer.archive import OwnerId, SeriesId
from webviewer.core.errors import InvalidInput, NotFound
from webviewer.core.octets import AnnouncedOctets
from webviewer.core.uid import is_valid_uid
from webviewer.dicom.attributes import LookupTable, VoiWindow
from webviewer.dicom.derived import (
    MAX_SIDE,
    NewInstance,
    Pixels,
    PlaneFacts,
    free_series_number,
    picture_object,
    plane_object,
    read_source,
)
from webviewer.dicom.derived_grey import MAX_WINDOWS, GreyLook, table_of

_MAX_HEAD_BYTES = 512 * 1024  # VOI LUTs lie in it
_HEAD_LENGTH = struct.Struct("<I")

Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e6)]
Triple = tuple[Number, Number, Number]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Window(_Strict):
    center: Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
    width: Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e12)]
    explanation: Annotated[str, Field(max_length=64)] = ""


class _Table(_Strict):
    """A VOI LUT; ``entries`` are unsigned, of 16 bits, little endian, in base 64."""

    first_mapped: Annotated[int, Field(ge=-(2**15), lt=2**16)]
    bits: Annotated[int, Field(ge=1, le=16)]
    entries: Annotated[Base64Bytes, Field(min_length=2, max_length=2**17)]
    explanation: Annotated[str, Field(max_length=64)] = ""

    def table(self) -> LookupTable:
        return table_of(self.first_mapped, self.bits, self.entries, self.explanation)


class _Grey(_Strict):
    windows: Annotated[list[_Window], Field(max_length=MAX_WINDOWS)]
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"
    luts: Annotated[list[_Table], Field(max_length=MAX_WINDOWS)] = []
    is_inverted: bool = False

    def look(self) -> GreyLook:
        windows = tuple(VoiWindow(window.center, window.width, window.explanation) for window in self.windows)
        return GreyLook(windows, self.function, tuple(table.table() for table in self.luts), self.is_inverted)


class _Plane(_Strict):
    kind: Literal["plane"]
    is_signed: bool
    image_position_patient: Triple
    image_orientation_patient: tuple[Number, Number, Number, Number, Number, Number]
    pixel_spacing: tuple[Positive, Positive]
    slice_thickness: Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e6)]
    spacing_between_slices: Positive
    rescale_slope: Number
    rescale_intercept: Number
    rescale_type: Annotated[str, Field(max_length=16)]
    pixel_padding_value: Annotated[int, Field(ge=-(2**15), lt=2**16)] | None = None
    grey: _Grey


class _Picture(_Strict):
    kind: Literal["picture"]


class _Head(_Strict):
    sop_instance_uid: str
    series_instance_uid: str
    series_description: Annotated[str, Field(max_length=64)]
    instance_number: Annotated[int, Field(ge=1, lt=2**31)]
    derivation_description: Annotated[str, Field(max_length=1024)]
    made_at: AwareDatetime
    rows: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    columns: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    content: Annotated[_Plane | _Picture, Field(discriminator="kind")]
    source_lossy: bool = False


def derived_routes(parts: ApiParts) -> Blueprint:
    """Return the route."""
    routes = Blueprint("derived", __name__)

    @routes.post("/series/<int:series_id>/derived")
    def store_derived(owner_id: int, series_id: int) -> Response:
        owner = OwnerId(owner_id)
        body = announced_body(least_bytes=_HEAD_LENGTH.size)
        with parts.upload_seats.take(owner):
            made = _object(parts, owner, SeriesId(series_id), _read_head(body), body)
            return answer(parts.receive(owner, io.BytesIO(made)), 201)

    return routes


def _read_head(body: AnnouncedOctets) -> _Head:
    length = _HEAD_LENGTH.unpack(_exactly(body, _HEAD_LENGTH.size))[0]
    if length > _MAX_HEAD_BYTES:
        raise InvalidInput(f"A head of {length} bytes is over the limit of {_MAX_HEAD_BYTES}.")
    try:
        head = _Head.model_validate_json(_exactly(body, length))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "head"
        raise InvalidInput(f"{where} of the new object: {first['msg']}.") from None
    for uid in (head.sop_instance_uid, head.series_instance_uid):
        if not is_valid_uid(uid):
            raise InvalidInput("The UIDs of a new object must be valid UIDs.")
    return head


def _exactly(body: AnnouncedOctets, size: int) -> bytes:
    if body.left_bytes < size:
        raise InvalidInput(f"The body ends {size - body.left_bytes} bytes too early.")
    pieces = []
    while size:
        pieces.append(body.read(size))
        size -= len(pieces[-1])
    return b"".join(pieces)


def _object(parts: ApiParts, owner: OwnerId, series_id: SeriesId, head: _Head, body: AnnouncedOctets) -> bytes:
    with parts.units(read_only=True) as unit:
        stored = unit.archive.list_instances(owner, series_id)
        if not stored:
            raise NotFound("There is no such series in the storage.")
        series = unit.archive.list_series(owner, unit.archive.get_series(owner, series_id).study_id)
    with os.fdopen(parts.stored_files.open_whole(stored[0].file), "rb") as file:
        source = read_source(file)
    content = head.content
    pixels = Pixels(
        head.rows,
        head.columns,
        _exactly(body, body.left_bytes),
        is_colour=isinstance(content, _Picture),
        is_signed=isinstance(content, _Plane) and content.is_signed,
    )
    numbers = {one.series_instance_uid: one.series_number for one in series if one.series_number is not None}
    # A series that was begun keeps its number; a new one has the next that no series of the study has.
    own = numbers.get(head.series_instance_uid)
    new = NewInstance(
        head.sop_instance_uid,
        head.series_instance_uid,
        head.series_description,
        head.instance_number,
        head.derivation_description,
        head.made_at,
        free_series_number(source, frozenset(numbers.values())) if own is None else own,
        head.source_lossy,
    )
    if not isinstance(content, _Plane):
        return picture_object(source, new, pixels)
    known = content.model_dump(exclude={"kind", "is_signed", "grey"})
    return plane_object(source, new, PlaneFacts(**known, grey=content.grey.look()), pixels)
