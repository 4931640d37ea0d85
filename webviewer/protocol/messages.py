"""JSON text messages of the render stream, both directions, version 1.

The browser holds the whole state of a view and sends it whole each time; the server keeps the newest only. So a
reconnect, or another render node, needs nothing but `open` and `view` again. `tools/export_protocol.py` writes the JSON
Schema that `html/` turns into TypeScript; `tests/contract/fixtures` holds what must pass and what must fail.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from webviewer.core.errors import ProtocolError

VERSION = 1
SUBPROTOCOL = "webviewer.v1"
MAX_TEXT_BYTES = 64 * 1024
MAX_CELLS = 16

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
CellNumber = Annotated[int, Field(ge=0, lt=MAX_CELLS)]
Revision = Annotated[int, Field(ge=0, lt=2**32)]
Id = Annotated[int, Field(ge=1, lt=2**53)]


class _Message(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_serialization_defaults_required=True
    )


class ImageReference(_Message):
    """One frame of one stored instance; frames count from 1 as in DICOM."""

    instance_id: Id
    frame_number: Annotated[int, Field(ge=1, lt=2**31)]


class WindowRecommended(_Message):
    """What the image itself recommends; ``index`` picks among several: its windows first, then its VOI LUTs.

    The explanations stand in the series, in the same order; an index past the end shows the first.
    """

    kind: Literal["recommended"] = "recommended"
    index: Annotated[int, Field(ge=0, lt=1024)] = 0


class WindowFullDynamic(_Message):
    """From the darkest to the lightest value of the image."""

    kind: Literal["full_dynamic"] = "full_dynamic"


class WindowValues(_Message):
    """Center and width in modality units, with the VOI LUT function of PS3.3 C.11.2.1."""

    kind: Literal["values"] = "values"
    center: Finite
    width: Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e9)]
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


Window = Annotated[WindowRecommended | WindowFullDynamic | WindowValues, Field(discriminator="kind")]


class Hello(_Message):
    """First message of the browser; a wrong version is answered by close code 4400."""

    type: Literal["hello"] = "hello"
    version: int


class Open(_Message):
    """Show a series in a cell; again for the same series after images were added."""

    type: Literal["open"] = "open"
    cell: CellNumber
    series_id: Id


class View(_Message):
    """The whole wish for one cell.

    ``zoom`` is canvas pixels per image column, None = fit the whole image; ``center_x``/``center_y`` the image point at
    the middle of the canvas in columns and rows from the corner of the first pixel, None = the image's middle. The
    image is flipped first (about its vertical axis), then turned clockwise by ``rotation_deg``, then scaled.
    ``moving`` asks for a light frame; the full-quality one of the same revision follows by itself at rest.
    """

    type: Literal["view"] = "view"
    cell: CellNumber
    revision: Revision
    image: ImageReference | None = None
    width_px: Annotated[int, Field(ge=1, le=4096)]
    height_px: Annotated[int, Field(ge=1, le=4096)]
    window: Window = WindowRecommended()
    zoom: Annotated[float, Field(allow_inf_nan=False, gt=0, le=1000)] | None = None
    center_x: Finite | None = None
    center_y: Finite | None = None
    rotation_deg: Annotated[float, Field(allow_inf_nan=False, ge=-360, le=360)] = 0.0
    flip_horizontal: bool = False
    invert: bool = False
    interpolation: Literal["nearest", "bilinear"] = "bilinear"
    moving: bool = False


class Ack(_Message):
    """The browser has painted or dropped this frame, and those of the same cell before it; lets the server send on."""

    type: Literal["ack"] = "ack"
    sequence: Annotated[int, Field(ge=1, lt=2**32)]


class Close(_Message):
    """The cell shows nothing of the server any more."""

    type: Literal["close"] = "close"
    cell: CellNumber


class Ping(_Message):
    """Keeps proxies from cutting an idle socket; either side, every 20 s; answered by `pong`."""

    type: Literal["ping"] = "ping"


class Pong(_Message):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"


class Welcome(_Message):
    """Answer to `hello`."""

    type: Literal["welcome"] = "welcome"
    version: int
    device: str
    software: bool


class Opened(_Message):
    """Answer to `open`: what the series has now."""

    type: Literal["opened"] = "opened"
    cell: CellNumber
    series_id: Id
    frame_count: int


class Progress(_Message):
    """How many frames of the series of a cell the render node holds ready."""

    type: Literal["progress"] = "progress"
    cell: CellNumber
    loaded: int
    total: int


class ViewError(_Message):
    """A wish that cannot be drawn; the connection and the other cells go on."""

    type: Literal["view_error"] = "view_error"
    cell: CellNumber
    revision: Revision
    code: str
    message: str
    image: ImageReference | None = None


ClientMessage = Annotated[Hello | Open | View | Ack | Close | Ping | Pong, Field(discriminator="type")]
ServerMessage = Annotated[Welcome | Opened | Progress | ViewError | Ping | Pong, Field(discriminator="type")]

CLIENT_ADAPTER: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
SERVER_ADAPTER: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)


class CloseCode:
    """WebSocket close codes that the page understands."""

    GOING_AWAY = 1001  # node stops: reconnect at once
    BAD_MESSAGE = 4400  # contract broken: reload the page
    NOT_SIGNED_IN = 4401  # session ended: sign in again
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    TOO_MANY = 4429
    NODE_LOST = 4503  # the render node is gone: reconnect, another will take over


def parse_client_message(text: str) -> ClientMessage:
    """Return the message, checked.

    Raises
    ------
    ProtocolError
        The text is over ``MAX_TEXT_BYTES``, is no JSON, or breaks the schema; says where.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise ProtocolError(f"A message of {len(text)} characters is over the limit of {MAX_TEXT_BYTES}.")
    try:
        return CLIENT_ADAPTER.validate_json(text)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        # pydantic's words for an unknown tag repeat what was sent: that stays out of logs.
        words = "Unknown kind of message" if first["type"] == "union_tag_invalid" else first["msg"]
        raise ProtocolError(f"{where[:80]}: {words}") from exc
