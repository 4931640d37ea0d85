"""Messages about volumes: planes and slabs of them, and their reconstruction in three dimensions.

Geometry is the browser's: it holds planes and cameras, moves them, and says with each wish where every pixel of the
canvas lies in the patient. Directions are unit vectors in LPS; ``right`` and ``down`` are those of the canvas and
perpendicular to each other. A pixel's place is that of its centre, canvas pixels count from the upper left corner.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webviewer.protocol.base import CellNumber, Finite, Id, Message, Pixels, Point, PointLps, Positive, Revision, Share
from webviewer.protocol.windows import ColourTable, Window, WindowRecommended

MAX_EDITS = 200
MAX_EDIT_POINTS = 16_000
"""Of all edits of a cell together: those of outlines and strokes, one for each other edit. A request holds so many."""
MAX_TISSUES = 16
MAX_CURVE_POINTS = 64

VolumeNumber = Annotated[int, Field(ge=0, lt=1024)]
SlabMode = Literal["plane", "mip", "minip", "aip"]
PlaneInterpolation = Literal["nearest", "trilinear"]
VolumeMode = Literal["shaded", "mip", "minip", "aip", "isosurface"]


class OpenVolume(Message):
    """Show a volume of a series in a cell, from 0; answered by `volume_opened`, later `volume_facts`."""

    type: Literal["open_volume"] = "open_volume"
    cell: CellNumber
    series_id: Id
    volume: VolumeNumber = 0


class PlaneView(Message):
    """The whole wish for a cell that shows a plane, or a slab with the plane in its middle.

    ``center_lps_mm`` lies at the middle of the canvas. ``slab`` "plane" shows the plane whatever the thickness.
    ``moving`` as of `view`.
    """

    type: Literal["plane"] = "plane"
    cell: CellNumber
    revision: Revision
    width_px: Pixels
    height_px: Pixels
    center_lps_mm: PointLps
    right_lps: PointLps
    down_lps: PointLps
    mm_per_px: Positive
    slab: SlabMode = "plane"
    thickness_mm: Annotated[float, Field(allow_inf_nan=False, ge=0, le=1000)] = 0.0
    interpolation: PlaneInterpolation = "trilinear"
    window: Window = WindowRecommended()
    invert: bool = False
    colours: ColourTable = "grey"
    moving: bool = False


class CameraPose(Message):
    """From where a volume is seen on a canvas.

    ``target_lps_mm`` is seen ``offset_px`` right and down of the middle of the canvas, where a pixel is ``mm_per_px``
    wide. ``eye_distance_mm`` is the distance from the eye to the target, None = parallel rays.
    """

    width_px: Pixels
    height_px: Pixels
    target_lps_mm: PointLps
    right_lps: PointLps
    down_lps: PointLps
    mm_per_px: Positive
    offset_px: Point = (0.0, 0.0)
    eye_distance_mm: Positive | None = None


class Tissue(Message):
    """A curve of opacity and a bar of colours over the values; straight between points, level beyond the outer ones.

    Points of the curve are (value, opacity), those of the bar (value, red, green, blue), all but values from 0 to 1;
    values rise.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    on: bool = True
    opacity: Annotated[tuple[tuple[Finite, Share], ...], Field(min_length=1, max_length=MAX_CURVE_POINTS)]
    colour: Annotated[tuple[tuple[Finite, Share, Share, Share], ...], Field(min_length=1, max_length=MAX_CURVE_POINTS)]


class Lighting(Message):
    """A lamp at the viewer's head: its parts, and how sharp its reflection is."""

    ambient: Share = 0.2
    diffuse: Share = 0.8
    specular: Share = 0.3
    specular_power: Annotated[float, Field(allow_inf_nan=False, ge=1, le=200)] = 20.0


class Look(Message):
    """What values look like; of projections the opacity of the first tissue is the grey of a value.

    ``lighting`` None = colours as they are. ``iso_value`` is needed by isosurfaces, in the modality's unit.
    """

    mode: VolumeMode
    tissues: Annotated[tuple[Tissue, ...], Field(min_length=1, max_length=MAX_TISSUES)]
    lighting: Lighting | None = None
    iso_value: Finite | None = None


class ClipBox(Message):
    """What lies outside is hidden: ends in voxels, (column, row, slice), voxel centres at integers.

    The box between these ends is turned about the middle of the volume: about the direction of ``turn_deg`` in LPS, by
    the right hand's rule, by so many degrees as it is long.
    """

    low_index: PointLps
    high_index: PointLps
    turn_deg: PointLps = (0.0, 0.0, 0.0)


class ClipPlane(Message):
    """What lies before the plane, on the side that ``normal_lps`` points to, is hidden."""

    point_lps_mm: PointLps
    normal_lps: PointLps


class CameraView(Message):
    """The whole wish for a cell that shows a volume in three dimensions.

    ``look`` None = the default preset of the volume. ``edits`` says how many of the cell's edits hold, from the first.
    """

    type: Literal["camera"] = "camera"
    cell: CellNumber
    revision: Revision
    pose: CameraPose
    look: Look | None = None
    box: ClipBox | None = None
    plane: ClipPlane | None = None
    edits: Annotated[int, Field(ge=0, le=MAX_EDITS)] = 0
    moving: bool = False


class CutPolygon(Message):
    """Remove what is seen inside an outline (or outside of it), through the whole depth; points in canvas pixels."""

    kind: Literal["polygon"] = "polygon"
    pose: CameraPose
    points: Annotated[tuple[Point, ...], Field(min_length=3, max_length=256)]
    inside: bool = True


class CutObject(Message):
    """Remove the connected piece at a point, or all but it; connected is what lies between two values."""

    kind: Literal["object"] = "object"
    p_lps_mm: PointLps
    low: Finite
    high: Finite
    keep: bool = False


class CutSphere(Message):
    """Remove, or bring back, what lies within spheres of one stroke of the brush."""

    kind: Literal["sphere"] = "sphere"
    centers_lps_mm: Annotated[tuple[PointLps, ...], Field(min_length=1, max_length=256)]
    radius_mm: Annotated[float, Field(allow_inf_nan=False, ge=1e-6, le=500)]
    restore: bool = False


class RemoveTable(Message):
    """Remove what the patient lies on."""

    kind: Literal["table"] = "table"


EditStep = Annotated[CutPolygon | CutObject | CutSphere | RemoveTable, Field(discriminator="kind")]


class Edit(Message):
    """One edit of a cell's volume, counted from 1; one with a number that was there replaces it and those after it.

    All edits together have at most `MAX_EDIT_POINTS` (16 000) points. One that cannot be taken or made is named by the
    ``edit`` of a `view_error`.
    """

    type: Literal["edit"] = "edit"
    cell: CellNumber
    number: Annotated[int, Field(ge=1, le=MAX_EDITS)]
    step: EditStep


class Sentence(Message):
    """Words for the doctor: ``code``, ``numbers`` and ``texts`` for pages that say it in their language.

    ``text`` is the same in English. ``texts`` are words of files, such as the name of a kernel, in no language.
    """

    code: str
    text: str
    numbers: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


class EditNote(Message):
    """What the doctor should know of an edit, told once when it was made: such as that it cut nothing."""

    type: Literal["edit_note"] = "edit_note"
    cell: CellNumber
    number: int
    note: Sentence


class VolumeChoice(Message):
    """A volume that a series has."""

    number: VolumeNumber
    label: Sentence


class VolumeOpened(Message):
    """Answer to `open_volume`, before a pixel is read.

    ``shape`` is (slices, rows, columns); ``lps_from_index`` the upper three rows, one after the other, of the matrix
    that turns (column, row, slice, 1) into mm. Without ``letters`` no direction in the patient is known.
    """

    type: Literal["volume_opened"] = "volume_opened"
    cell: CellNumber
    series_id: Id
    volume: VolumeNumber
    volumes: tuple[VolumeChoice, ...]
    shape: tuple[int, int, int]
    lps_from_index: Annotated[tuple[float, ...], Field(min_length=12, max_length=12)]
    modality: str
    letters: bool
    warnings: tuple[Sentence, ...]


class Preset(Message):
    """A look that is offered, in the volume's own values."""

    preset_id: str
    group: str
    look: Look


class VolumeFacts(Message):
    """What the values of a volume are: of its first slices, and once more when it is ``whole``.

    ``histogram`` counts the voxels of equal steps from ``lowest`` to ``highest``; ``low`` and ``high`` are the values
    that presets without a unit of their own span.
    """

    type: Literal["volume_facts"] = "volume_facts"
    cell: CellNumber
    whole: bool
    unit: str
    lowest: float
    highest: float
    low: float
    high: float
    histogram: tuple[int, ...]
    presets: tuple[Preset, ...]
    default_preset: str
    warnings: tuple[Sentence, ...]
