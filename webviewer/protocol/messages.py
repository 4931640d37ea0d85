"""JSON text messages of the render stream, both directions, version 1.

The browser holds the whole state of a view and sends it whole each time; the server keeps the newest only. So a
reconnect, or another render node, needs nothing but `open` and `view` again. `tools/export_protocol.py` writes the JSON
Schema that `html/` turns into TypeScript; `tests/contract/fixtures` holds what must pass and what must fail.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from webviewer.core.errors import ProtocolError
from webviewer.protocol.base import CellNumber, Finite, Id, ImageReference, Message, Pixels, Revision, fault_of
from webviewer.protocol.questions import Ask, AskError, Made, Making, Measured, Picked
from webviewer.protocol.volumes import CameraView, Edit, EditNote, OpenVolume, PlaneView, VolumeFacts, VolumeOpened
from webviewer.protocol.windows import ColourTable, Window, WindowRecommended

VERSION = 1
MAX_TEXT_BYTES = 64 * 1024


class Hello(Message):
    """First message of the browser; a wrong version is answered by close code 4400."""

    type: Literal["hello"] = "hello"
    version: int


class Open(Message):
    """Show a series in a cell; again for the same series after images were added."""

    type: Literal["open"] = "open"
    cell: CellNumber
    series_id: Id


class View(Message):
    """The whole wish for one cell.

    ``zoom`` is canvas pixels per image column, None = fit the whole image; ``center_x``/``center_y`` the image point at
    the middle of the canvas in columns and rows from the corner of the first pixel, None = the image's middle. The
    image is flipped first (about its vertical axis), then turned clockwise by ``rotation_deg``, then scaled.
    ``moving`` asks for a light frame; the full-quality one of the same revision follows by itself at rest.
    ``overlays`` and ``shutters`` say whether those of the image are drawn.
    """

    type: Literal["view"] = "view"
    cell: CellNumber
    revision: Revision
    image: ImageReference | None = None
    width_px: Pixels
    height_px: Pixels
    window: Window = WindowRecommended()
    zoom: Annotated[float, Field(allow_inf_nan=False, ge=1e-6, le=1000)] | None = None
    center_x: Finite | None = None
    center_y: Finite | None = None
    rotation_deg: Annotated[float, Field(allow_inf_nan=False, ge=-360, le=360)] = 0.0
    flip_horizontal: bool = False
    invert: bool = False
    interpolation: Literal["nearest", "bilinear"] = "bilinear"
    colours: ColourTable = "grey"
    overlays: bool = True
    shutters: bool = True
    moving: bool = False


class Ack(Message):
    """The browser has painted or dropped this frame, and those of the same cell before it; lets the server send on."""

    type: Literal["ack"] = "ack"
    sequence: Annotated[int, Field(ge=1, lt=2**32)]


class Close(Message):
    """The cell shows nothing of the server any more."""

    type: Literal["close"] = "close"
    cell: CellNumber


class Ping(Message):
    """Keeps proxies from cutting an idle socket; either side, every 20 s; answered by `pong`."""

    type: Literal["ping"] = "ping"


class Pong(Message):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"


class Welcome(Message):
    """Answer to `hello`."""

    type: Literal["welcome"] = "welcome"
    version: int
    device: str
    software: bool


class Opened(Message):
    """Answer to `open`: what the series has now."""

    type: Literal["opened"] = "opened"
    cell: CellNumber
    series_id: Id
    frame_count: int


class Progress(Message):
    """How many frames of the series, or of the volume, of a cell the render node holds ready."""

    type: Literal["progress"] = "progress"
    cell: CellNumber
    loaded: int
    total: int


class ViewError(Message):
    """A wish that cannot be drawn; the connection and the other cells go on.

    ``code`` and ``numbers`` are those of a sentence where the pages know one by that code (`Sentence`). ``edit`` is the
    number of the edit which cannot be taken or made, if that is why.
    """

    type: Literal["view_error"] = "view_error"
    cell: CellNumber
    revision: Revision
    code: str
    message: str
    numbers: tuple[float, ...] = ()
    image: ImageReference | None = None
    edit: int | None = None


ClientMessage = Annotated[
    Hello | Open | View | OpenVolume | PlaneView | CameraView | Edit | Ask | Ack | Close | Ping | Pong,
    Field(discriminator="type"),
]
ServerMessage = Annotated[
    Welcome
    | Opened
    | VolumeOpened
    | VolumeFacts
    | EditNote
    | Progress
    | ViewError
    | Measured
    | Picked
    | Making
    | Made
    | AskError
    | Ping
    | Pong,
    Field(discriminator="type"),
]

CLIENT_ADAPTER: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
SERVER_ADAPTER: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)


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
        raise ProtocolError(fault_of(exc, "message")) from exc
