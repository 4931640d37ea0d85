"""Everything that turning stored bytes into a picture needs, taken from a data set once, at reception.

`ImageAttributes` travels as JSON in the index, so that a series is opened without reading a file header.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    stack_id: str = ""
    in_stack_position_number: int | None = None


@dataclass(frozen=True, slots=True)
class ImageAttributes:
    """Attributes of the image pixel, LUT and plane modules under their DICOM names."""

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
    pixel_aspect_ratio: tuple[int, int] | None = None  # vertical, horizontal
    imager_pixel_spacing: tuple[float, float] | None = None
    spacing_source: str = ""  # "PixelSpacing" | "ImagerPixelSpacing" | "NominalScannedPixelSpacing" | "Ultrasound" | ""
    modality_lut: LookupTable | None = None
    voi_luts: tuple[LookupTable, ...] = ()
    palette: tuple[LookupTable, LookupTable, LookupTable] | None = None
    presentation_lut_shape: str = ""
    lossy: bool = False
    burned_in_annotation: str = ""
    frame_time_ms: float | None = None
    frame_of_reference_uid: str = ""
    patient_position: str = ""
    smallest_value: float | None = None
    largest_value: float | None = None
    refusal: str = ""  # why this can't be shown, in words for the doctor; empty = can be tried

    def frame(self, frame_number: int) -> FrameAttributes:
        """Return the attributes of a frame, counted from 1."""
        return self.frames[frame_number - 1] if len(self.frames) > 1 else self.frames[0]
