"""Everything that turning stored bytes into a picture needs, taken from a data set once, at reception.

`ImageAttributes` travels as JSON in the index, so that a series is opened without reading a file header.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from webviewer.core.errors import DataError

_NOT_OURS = "Stored image attributes cannot be read: they are no JSON of this program."


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A Modality LUT, VOI LUT or palette table (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5)."""

    first_mapped: int
    bits: int
    data: tuple[int, ...]
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class VoiWindow:
    """Window center and width in modality units, as the object recommends (PS3.3 C.11.2)."""

    center: float
    width: float
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class UltrasoundRegion:
    """One calibrated region of an ultrasound picture (PS3.3 C.8.5.5): where measuring means what."""

    min_x0: int
    min_y0: int
    max_x1: int
    max_y1: int
    spatial_format: int  # 1 = 2D tissue, 2 = M-mode, 3 = spectral, …
    data_type: int
    units_x: int  # 3 = cm, 4 = seconds, …
    units_y: int
    delta_x: float  # physical units per pixel
    delta_y: float
    reference_x0: int | None = None
    reference_y0: int | None = None
    reference_value_x: float = 0.0
    reference_value_y: float = 0.0
    flags: int = 0  # bit 0 set = lies over others


@dataclass(frozen=True, slots=True)
class Notice:
    """Code and numbers of a sentence for the doctor (`webviewer.dicom.sentence.say`)."""

    code: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Tiling:
    """A stored picture that holds the frames as tiles (a mosaic), row by row, from the upper left corner."""

    rows: int  # of the stored picture
    columns: int


@dataclass(frozen=True, slots=True)
class Shutter:
    """A display shutter (PS3.3 C.7.6.11): what lies outside of any of its shapes is covered.

    Rows and columns of the image count from 1. A shape whose numbers are None or empty is not there.
    """

    rectangle: tuple[int, int, int, int] | None = None  # first and last row, first and last column to be seen
    circle: tuple[int, int, int] | None = None  # row and column of the centre, radius in columns
    polygon: tuple[int, ...] = ()  # row, column of each vertex in turn
    presentation_value: int | None = None  # P-Value of 16 bits
    presentation_color: tuple[int, int, int] | None = None  # CIELab as of PS3.3 C.10.7.1.1
    is_doubtful: bool = False  # a shape was left out because its numbers cannot be true


MAX_PLANE_BITS = 128 * 1024**2  # of one frame of an overlay: 16 MiB
MAX_OVERLAY_BITS = 256 * 1024**2  # of all planes over a frame: eight of a mammogram of 4,096 × 8,192 pixels


@dataclass(frozen=True, slots=True)
class OverlayPlane:
    """One overlay plane (PS3.3 C.9.2): its geometry and the place of its bits, not the bits.

    Origins count from 1 and may be negative. ``first_byte`` is the place of Overlay Data from the start of the data
    set; None = the bits lie in Pixel Data at ``bit_position``, or ``refusal`` says why they cannot be drawn.
    """

    group: int
    rows: int
    columns: int
    origin_row: int = 1
    origin_column: int = 1
    number_of_frames: int = 1
    image_frame_origin: int | None = None  # first frame of the image that has it; None = all frames have it
    first_byte: int | None = None
    length_bytes: int = 0
    is_byte_swapped: bool = False  # 16-bit words in big endian order
    bit_position: int | None = None  # of bits in Pixel Data
    refusal: str = ""  # "size" | "limit" | "short" | "compressed" | "bits" | "layout": see `webviewer.dicom.overlay`


@dataclass(frozen=True, slots=True)
class Technique:
    """How frames were acquired and reconstructed: what the frames of one volume share."""

    convolution_kernel: str = ""  # several values with a backslash between, as the file has them
    kvp: float | None = None
    echo_number: int | None = None
    inversion_time_ms: float | None = None
    flip_angle_degrees: float | None = None
    cardiac_phase_percent: float | None = None
    gradient_orientation: tuple[float, float, float] | None = None  # of diffusion
    contrast_agent: str = ""


@dataclass(frozen=True, slots=True)
class FrameAttributes:
    """What may differ from frame to frame of a multi-frame object; also the only entry of a single-frame one."""

    image_position_patient: tuple[float, float, float] | None = None
    image_orientation_patient: tuple[float, float, float, float, float, float] | None = None
    pixel_spacing: tuple[float, float] | None = None  # mm: between rows, between columns
    slice_thickness: float | None = None
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    rescale_type: str = ""
    windows: tuple[VoiWindow, ...] = ()
    voi_lut_function: str = "LINEAR"
    temporal_position_index: int | None = None
    time_slot: int | None = None  # of a gated study (PS3.3 C.8.4.8)
    energy_window: int | None = None  # of nuclear medicine
    stack_id: str = ""
    in_stack_position_number: int | None = None
    dimension_index_values: tuple[int, ...] = ()
    b_value: float | None = None  # s/mm²
    echo_time_ms: float | None = None
    image_type: tuple[str, ...] = ()  # Frame Type where the frame has one of its own
    shutter: Shutter | None = None
    technique: Technique = Technique()


@dataclass(frozen=True, slots=True)
class ImageAttributes:
    """Attributes of the image pixel, LUT and plane modules under their DICOM names.

    Of a mosaic ``rows``, ``columns`` and ``number_of_frames`` are those of its tiles, each of which is a frame.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    number_of_frames: int
    samples_per_pixel: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    planar_configuration: int
    pixel_element: str  # "PixelData" | "FloatPixelData" | "DoubleFloatPixelData"
    frames: tuple[FrameAttributes, ...]  # one, shared by all frames, or one for each frame
    modality: str = ""
    pixel_padding_value: int | None = None
    pixel_padding_range_limit: int | None = None
    float_padding_value: float | None = None  # of FloatPixelData or DoubleFloatPixelData
    float_padding_range_limit: float | None = None
    pixel_aspect_ratio: tuple[int, int] | None = None  # vertical, horizontal
    imager_pixel_spacing: tuple[float, float] | None = None
    spacing_source: str = ""  # "PixelSpacing" | "ImagerPixelSpacing" | "NominalScannedPixelSpacing" | "Ultrasound" | ""
    pixel_spacing_calibration_type: str = ""  # "GEOMETRY" | "FIDUCIAL" | "" (PS3.3 10.7.1)
    estimated_magnification: float | None = None  # of what is in the middle of the patient, on the detector
    units: str = ""  # of positron emission: "BQML", … (PS3.3 C.8.9.1)
    modality_lut: LookupTable | None = None
    voi_luts: tuple[LookupTable, ...] = ()
    palette: tuple[LookupTable, LookupTable, LookupTable] | None = None
    presentation_lut_shape: str = ""
    lossy: bool = False
    lossy_ratios: tuple[float, ...] = ()  # of each lossy compression, the earliest first (PS3.3 C.7.6.1.1.5.2)
    burned_in_annotation: str = ""
    frame_time_ms: float | None = None
    frame_of_reference_uid: str = ""
    patient_position: str = ""
    patient_orientation: tuple[str, str] | None = None  # letters along a row, then along a column, as "AF"
    smallest_value: float | None = None
    largest_value: float | None = None
    is_byte_swapped: bool = False  # 8-bit pixels that lie in big endian words
    ultrasound_regions: tuple[UltrasoundRegion, ...] = ()
    instance_number: int | None = None
    acquisition_number: int | None = None
    acquisition_time_s: float | None = None  # since midnight
    trigger_time_ms: float | None = None
    b_value: float | None = None  # where the frame has none: objects stored by versions that did not look there
    scanning_sequence: str = ""
    is_angiography: bool = False
    overlays: tuple[OverlayPlane, ...] = ()
    refusal: str = ""  # why this can't be shown, in words for the doctor; empty = can be tried
    tiling: Tiling | None = None  # the stored picture that holds the frames as tiles; None = frames are stored singly
    is_folded: bool = False  # a mosaic that is shown as its stored picture: frame 0 of a storage node
    notices: tuple[Notice, ...] = ()  # assumptions that the doctor has to know
    volume_refusal: Notice | None = None  # why the frames are no volume, wherever they lie
    # Where positions are not those of the patient: "SliceLocation", "FrameOrder" (of this object); "" = they are.
    place_source: str = ""
    is_orientation_assumed: bool = False
    lacks_pixels: bool = False  # Pixel Data is missing, or shorter than the header says

    def frame(self, frame_number: int) -> FrameAttributes:
        """Return the attributes of a frame, counted from 1."""
        return self.frames[frame_number - 1] if len(self.frames) > 1 else self.frames[0]

    def to_json(self) -> str:
        """Return compact JSON; attributes that have their default are left out."""
        return json.dumps(_plain(self), separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> ImageAttributes:
        """Return the attributes that `to_json` wrote.

        Raises
        ------
        DataError
            The text is no such JSON.
        """
        try:
            plain = json.loads(text)
        except ValueError as exc:
            raise DataError(_NOT_OURS) from exc
        return ImageAttributes.from_plain(plain)

    @staticmethod
    def from_plain(plain: Any) -> ImageAttributes:
        """Return the attributes of what `to_json` wrote, its JSON parsed already.

        Raises
        ------
        DataError
            It is something else.
        """
        try:
            return _image_from_plain(plain)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise DataError(_NOT_OURS) from exc


@functools.cache
def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


def _plain(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in _defaults(record.__class__):
        value = getattr(record, name)
        if value is default or (default is not MISSING and value == default):
            continue
        found[name] = value if isinstance(value, str | int | float) else _plain_value(value)
    return found


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return _plain(value)
    return value


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}


_TECHNIQUE_NAMES = frozenset(field.name for field in fields(Technique))
_FRAME_NAMES = frozenset(field.name for field in fields(FrameAttributes))
_IMAGE_NAMES = frozenset(field.name for field in fields(ImageAttributes))


def _known(names: frozenset[str], plain: dict[str, Any]) -> dict[str, Any]:
    """Return what this version knows: the node that wrote it may have been upgraded before this one."""
    return _tuples(plain if plain.keys() <= names else {name: plain[name] for name in plain.keys() & names})


_Record = TypeVar("_Record")


def _made(kind: Callable[..., _Record], plain: dict[str, Any]) -> _Record:
    """Return a small record; fields that a later version has are left out."""
    return kind(**_known(_names(kind), plain))


@functools.cache
def _names(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


_Slots = tuple[tuple[str, Callable[[Any, Any], None], Any], ...]


def _slots(kind: type[Any]) -> _Slots:
    return tuple((field.name, getattr(kind, field.name).__set__, field.default) for field in fields(kind))


_FRAME_SLOTS, _IMAGE_SLOTS = _slots(FrameAttributes), _slots(ImageAttributes)


def _record(kind: type[Any], slots: _Slots, known: dict[str, Any]) -> Any:
    """Return ``kind(**known)``; all names are its own.

    It is frozen, and so its own way to be made takes three times as long; a volume waits for hundreds of them.
    """
    record = object.__new__(kind)
    for name, put, default in slots:
        value = known.get(name, default)
        if value is MISSING:
            raise KeyError(name)
        put(record, value)
    return record


@functools.lru_cache(maxsize=1024)  # thousands of frames of a series share a few
def _technique(items: tuple[tuple[str, Any], ...]) -> Technique:
    return Technique(**dict(items))


def _frame_from_plain(plain: dict[str, Any]) -> FrameAttributes:
    known = _known(_FRAME_NAMES, plain)
    if plain.get("shutter") is not None:
        known["shutter"] = _made(Shutter, plain["shutter"])
    technique = plain.get("technique")
    if technique is not None:
        known["technique"] = _technique(tuple(_known(_TECHNIQUE_NAMES, technique).items()))
    known["windows"] = tuple(_made(VoiWindow, window) for window in plain.get("windows", ()))
    frame: FrameAttributes = _record(FrameAttributes, _FRAME_SLOTS, known)
    return frame


def _image_from_plain(plain: dict[str, Any]) -> ImageAttributes:
    known = _known(_IMAGE_NAMES, plain)
    known["frames"] = tuple(_frame_from_plain(frame) for frame in plain["frames"])
    if plain.get("modality_lut") is not None:
        known["modality_lut"] = _made(LookupTable, plain["modality_lut"])
    known["voi_luts"] = tuple(_made(LookupTable, table) for table in plain.get("voi_luts", ()))
    if plain.get("palette") is not None:
        red, green, blue = plain["palette"]
        known["palette"] = (_made(LookupTable, red), _made(LookupTable, green), _made(LookupTable, blue))
    known["overlays"] = tuple(_made(OverlayPlane, plane) for plane in plain.get("overlays", ()))
    regions = plain.get("ultrasound_regions", ())
    known["ultrasound_regions"] = tuple(_made(UltrasoundRegion, region) for region in regions)
    known["notices"] = tuple(_made(Notice, notice) for notice in plain.get("notices", ()))
    for name, kind in (("tiling", Tiling), ("volume_refusal", Notice)):
        if plain.get(name) is not None:
            known[name] = _made(kind, plain[name])
    image: ImageAttributes = _record(ImageAttributes, _IMAGE_SLOTS, known)
    return image
