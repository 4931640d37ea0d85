"""Questions about values and places, and their answers: what measurements say comes from what is stored.

A question is asked of a cell that is open; the newest of a cell with one ``question`` number is answered, older ones
may be left out. Points on an image are (columns, rows) from the corner of the first pixel; points on a plane are mm
right and down of its ``origin_lps_mm``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webviewer.protocol.base import CellNumber, Finite, Id, ImageReference, Message, Point, PointLps, Positive
from webviewer.protocol.volumes import PlaneInterpolation, SlabMode

MAX_SHAPE_POINTS = 512
_ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
SeriesPixels = Annotated[int, Field(ge=1, le=2048)]


class OnImage(Message):
    """On a stored image; ``calibration_mm_per_px`` is the doctor's own, of columns, in place of the file's."""

    kind: Literal["image"] = "image"
    image: ImageReference
    calibration_mm_per_px: Annotated[float, Field(allow_inf_nan=False, ge=1e-6, le=1000)] | None = None


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


class ParallelPlanes(Message):
    """Planes of the volume that is open in the cell, from the first one along ``right`` × ``down``."""

    kind: Literal["planes"] = "planes"
    center_lps_mm: PointLps
    right_lps: PointLps
    down_lps: PointLps
    mm_per_px: Positive
    width_px: SeriesPixels
    height_px: SeriesPixels
    step_mm: Positive
    slab: SlabMode = "plane"
    thickness_mm: Annotated[float, Field(allow_inf_nan=False, ge=0, le=1000)] = 0.0
    interpolation: PlaneInterpolation = "trilinear"


class Turning(Message):
    """Pictures of the volume as the cell's newest camera sees it, turned by equal steps about the patient's long axis.

    ``degrees`` is the whole turn, negative to the other side.
    """

    kind: Literal["turning"] = "turning"
    degrees: Annotated[float, Field(allow_inf_nan=False, ge=-360, le=360)] = 360.0
    width_px: SeriesPixels
    height_px: SeriesPixels


class MakeSeries(Message):
    """Make a new series and store it beside its source: slices of planes, or pictures of a model that turns.

    Answered by `making` at once, though others' series may come first, and at each object, and by `made` at the end.
    What was stored stays when the cell is closed before. The description has no control characters and no line ends.
    """

    kind: Literal["make_series"] = "make_series"
    images: Annotated[ParallelPlanes | Turning, Field(discriminator="kind")]
    count: Annotated[int, Field(ge=1, le=2000)]
    series_description: Annotated[str, Field(min_length=1, max_length=64, pattern=_ONE_LINE)]


class Ask(Message):
    """One question; its answer carries its number."""

    type: Literal["ask"] = "ask"
    cell: CellNumber
    question: Annotated[int, Field(ge=0, lt=2**32)]
    what: Annotated[Measure | Pick | MakeSeries, Field(discriminator="kind")]


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


class Making(Message):
    """How many objects of a new series are stored."""

    type: Literal["making"] = "making"
    cell: CellNumber
    question: int
    stored: int
    total: int


class Made(Message):
    """Answer to `make_series`."""

    type: Literal["made"] = "made"
    cell: CellNumber
    question: int
    series_id: Id


class AskError(Message):
    """A question that cannot be answered; the cell goes on."""

    type: Literal["ask_error"] = "ask_error"
    cell: CellNumber
    question: int
    code: str
    message: str
