"""What pixels measure: how large one is where somebody measures, what that rests on, and the unit of values.

References
----------
PS3.3 10.7.1 (spacing on the detector and in the patient), C.8.5.5 (ultrasound regions), C.11.1.1 (Rescale Type),
C.8.9.1 (Units of positron emission).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from webviewer.dicom.aspect import pixel_aspect
from webviewer.dicom.attributes import ImageAttributes, UltrasoundRegion

LengthUnit = Literal["mm", "px"]
SpacingSource = Literal["patient", "detector", "calibrated", "region", "none"]

_PROJECTION = frozenset({"CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG"})
_ON_A_SURFACE = frozenset({"ImagerPixelSpacing", "NominalScannedPixelSpacing"})
_NO_FORMAT, _TISSUE, _CENTIMETRES, _MM_PER_CM = 0, 1, 3, 10.0
_ASPECT_TOLERANCE = 0.01  # files state aspects by small whole numbers
_HIGH_PRIORITY = 1  # of the flags of a region
_UNITS = {"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts", "US": "", "UNSPECIFIED": "", "NONE": ""}


@dataclass(frozen=True, slots=True)
class PixelScale:
    """Size of a pixel: ``x`` of a step from column to column, ``y`` from row to row, and what it rests on.

    Of "px" the width of a pixel is 1: lengths and angles are right where pixels are not square.
    """

    x: float
    y: float
    unit: LengthUnit
    source: SpacingSource


def pixel_scale(
    attributes: ImageAttributes,
    frame_number: int,
    points: Sequence[tuple[float, float]],
    calibration_mm_per_px: float | None = None,
) -> PixelScale:
    """Return the scale at points (columns, rows from the corner of the first pixel) that are measured together.

    A doctor's own calibration, the width of a pixel, goes before all. Then regions of an ultrasound picture: one that
    shows tissue and holds all points; outside of them, and in others (time, velocity), there are no mm. Spacing on a
    detector is divided by the estimated magnification where it is known, and is then that in the patient. Pixel Spacing
    of a projection that does not say how it was corrected, and has no Imager Pixel Spacing beside it that would show
    it, is taken as that of the detector.
    """
    aspect = pixel_aspect(attributes, frame_number)
    unknown = PixelScale(1.0, aspect, "px", "none")
    if calibration_mm_per_px is not None:
        return PixelScale(calibration_mm_per_px, calibration_mm_per_px * aspect, "mm", "calibrated")
    if attributes.ultrasound_regions:
        region = _region_at(attributes.ultrasound_regions, points)
        return unknown if region is None else _region_scale(region) or unknown
    frame = attributes.frame(frame_number)
    spacing = frame.pixel_spacing
    if spacing is None or not min(spacing) > 0:
        return unknown
    row_step, column_step = spacing
    calibration = attributes.pixel_spacing_calibration_type
    is_uncorrected = attributes.spacing_source in _ON_A_SURFACE or (
        attributes.modality in _PROJECTION
        and attributes.imager_pixel_spacing is None
        and not calibration
        and frame.image_orientation_patient is None
    )
    if not is_uncorrected:
        return PixelScale(column_step, row_step, "mm", "calibrated" if calibration == "FIDUCIAL" else "patient")
    factor = attributes.estimated_magnification
    if factor is None:
        return PixelScale(column_step, row_step, "mm", "detector")
    return PixelScale(column_step / factor, row_step / factor, "mm", "patient")


def picture_scale(attributes: ImageAttributes, frame_number: int) -> PixelScale:
    """Return the scale that holds wherever in a picture and in whichever direction: for the bar beside it.

    Regions of an ultrasound picture that show tissue must agree. Where the picture, drawn with its own pixel aspect,
    is not as high as its millimetres are, there are pixels only.
    """
    aspect = pixel_aspect(attributes, frame_number)
    unknown = PixelScale(1.0, aspect, "px", "none")
    if attributes.ultrasound_regions:
        found = {_region_scale(region) for region in attributes.ultrasound_regions if region.spatial_format == _TISSUE}
        scale = (found.pop() if len(found) == 1 else None) or unknown
    else:
        scale = pixel_scale(attributes, frame_number, ())
    return scale if abs(scale.y / scale.x / aspect - 1) <= _ASPECT_TOLERANCE else unknown


def _region_at(regions: Sequence[UltrasoundRegion], points: Sequence[tuple[float, float]]) -> UltrasoundRegion | None:
    """Return the region that holds all points; of several the one that lies over the others, then the smaller one."""

    def holds(region: UltrasoundRegion) -> bool:
        # Ends are pixels that belong to it.
        return all(
            region.min_x0 <= x <= region.max_x1 + 1 and region.min_y0 <= y <= region.max_y1 + 1 for x, y in points
        )

    def rank(region: UltrasoundRegion) -> tuple[int, int]:
        size = (region.max_x1 - region.min_x0 + 1) * (region.max_y1 - region.min_y0 + 1)
        return -(region.flags & _HIGH_PRIORITY), size

    # Makers also state the whole picture as a region of no format: it says nothing of what is in it.
    found = [region for region in regions if region.spatial_format != _NO_FORMAT and holds(region)]
    return min(found, key=rank, default=None)


def _region_scale(region: UltrasoundRegion) -> PixelScale | None:
    if (region.spatial_format, region.units_x, region.units_y) != (_TISSUE, _CENTIMETRES, _CENTIMETRES):
        return None
    x, y = abs(region.delta_x) * _MM_PER_CM, abs(region.delta_y) * _MM_PER_CM  # negative: counted upwards
    return PixelScale(x, y, "mm", "region") if 1e-6 < x < 1e6 and 1e-6 < y < 1e6 else None


def value_unit(attributes: ImageAttributes, frame_number: int = 1) -> str:
    """Return the unit of modality values as it is shown; empty where it is not known.

    CT is in Hounsfield units unless it says otherwise (PS3.3 C.8.2.1.1.3).
    """
    unit = (attributes.units or attributes.frame(frame_number).rescale_type).strip()
    if not unit and attributes.modality == "CT" and attributes.modality_lut is None:
        return "HU"
    return _UNITS.get(unit.upper(), unit)
