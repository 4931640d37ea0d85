"""Questions about values and places, and their answers: what measurements say comes from what is stored.

A question is asked of a cell that is open; the newest of a cell with one ``question`` number is answered, older ones
may be left out. Points on an image are (columns, rows) from the corner of the first pixel; points on a plane are mm
right and down of its ``origin_lps_mm``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webviewer.protocol.base import CellNumber, Finite, ImageReference, Message, Point, PointLps
from webviewer.protocol.volumes import PlaneInterpolation, SlabMode

MAX_SHAPE_POINTS = 512


class OnImage(Message):
    """On a stored image; ``calibration_mm_per_px`` is the doctor's own, of columns, in place of the file's."""

    kind: Literal["image"] = "image"
    image: ImageReference
    calibration_mm_per_px: Annotated[float, Field(allow_inf_nan=False, gt=0, le=1000)] | None = None


class OnPlane(Message):
    """On a plane, or the slab around it, of the volume that is open in the cell."""

    kind: Literal["plane"] = "plane"
    origin_lps_mm: PointLps
    right_lps: PointLps
    down_lps: PointLps
    slab: SlabMode = "plane"
    thickness_mm: Annotated[float, Field(allow_inf_nan=False, ge=0, le=1000)] = 0.0
    interpolation: PlaneInterpolation = "trilinear"


class Measure(Message):
    """What a shape measures.

    ``point``: one point; ``line``: two or more, end to end; ``angle``: three, the second is the corner; ``cobb``: four,
    two lines; ``ellipse`` and ``rectangle``: two opposite corners of the box around it; ``polygon``: three or more.
    """

    kind: Literal["measure"] = "measure"
    on: Annotated[OnImage | OnPlane, Field(discriminator="kind")]
    shape: Literal["point", "line", "angle", "cobb", "ellipse", "rectangle", "polygon"]
    points: Annotated[tuple[Point, ...], Field(min_length=1, max_length=MAX_SHAPE_POINTS)]


class Pick(Message):
    """What point of the patient is seen at a point of the canvas, of a cell that shows a camera's view."""

    kind: Literal["pick"] = "pick"
    x_px: Finite
    y_px: Finite


class Ask(Message):
    """One question; its answer carries its number."""

    type: Literal["ask"] = "ask"
    cell: CellNumber
    question: Annotated[int, Field(ge=0, lt=2**32)]
    what: Annotated[Measure | Pick, Field(discriminator="kind")]


class Statistics(Message):
    """Of the values inside a region."""

    count: int
    mean: float
    standard_deviation: float
    minimum: float
    maximum: float


class Measured(Message):
    """Answer to `measure`; what a shape does not have is None.

    ``length_unit`` "px" where the images do not say how large a pixel is; ``spacing_source`` says what mm rest on.
    ``values`` are those at a point: one, or red, green and blue. ``interpolated``: made of several stored values.
    ``unit`` is that of values, empty where it is not known.
    """

    type: Literal["measured"] = "measured"
    cell: CellNumber
    question: int
    length: float | None
    area: float | None
    angle_deg: float | None
    length_unit: Literal["mm", "px"]
    spacing_source: Literal["patient", "detector", "calibrated", "region", "none"]
    values: tuple[float, ...] | None
    statistics: Statistics | None
    unit: str
    interpolated: bool


class Picked(Message):
    """Answer to `pick`; None where nothing is seen."""

    type: Literal["picked"] = "picked"
    cell: CellNumber
    question: int
    p_lps_mm: tuple[float, float, float] | None


class AskError(Message):
    """A question that cannot be answered; the cell goes on."""

    type: Literal["ask_error"] = "ask_error"
    cell: CellNumber
    question: int
    code: str
    message: str
