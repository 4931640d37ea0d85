"""Grey values: modality LUT, VOI and presentation (PS3.3 C.11.1, C.11.2, C.11.6), as NumPy functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes, LookupTable


@dataclass(frozen=True, slots=True)
class VoiChoice:
    """One way to map modality values to grey: a window with its function, or a VOI LUT (then ``lut`` is set)."""

    center: float = 0.0
    width: float = 1.0
    function: str = "LINEAR"  # "LINEAR" | "LINEAR_EXACT" | "SIGMOID"
    lut: LookupTable | None = None
    explanation: str = ""


def modality_values(stored: NDArray[Any], attributes: ImageAttributes, frame_number: int = 1) -> NDArray[np.float32]:
    """Return stored values after Modality LUT or rescale, float32, same shape.

    A Modality LUT stands in place of the rescale (PS3.3 C.11.1.1); values outside it take its ends.
    """
    if attributes.modality_lut is not None:
        return _looked_up(stored, attributes.modality_lut).astype(np.float32)
    frame = attributes.frame(frame_number)
    slope, intercept = frame.rescale_slope, frame.rescale_intercept
    if stored.dtype.itemsize >= 4:  # float32 has not the digits for the sum, only for its result
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    values = stored.astype(np.float32)
    if slope != 1.0:
        values *= np.float32(slope)
    if intercept != 0.0:
        values += np.float32(intercept)
    return values


def recommended_windows(attributes: ImageAttributes, frame_number: int = 1) -> tuple[VoiChoice, ...]:
    """Return what the object recommends: its windows first, then its VOI LUTs; empty if nothing (usable).

    LINEAR knows no width under 1 (PS3.3 C.11.2.1.2.1); objects that state one mean LINEAR_EXACT.
    """
    frame = attributes.frame(frame_number)
    windows = [
        VoiChoice(
            center=window.center,
            width=window.width,
            function="LINEAR_EXACT"
            if frame.voi_lut_function == "LINEAR" and window.width < 1
            else frame.voi_lut_function,
            explanation=window.explanation,
        )
        for window in frame.windows
    ]
    return (*windows, *(VoiChoice(lut=table, explanation=table.explanation) for table in attributes.voi_luts))


def full_dynamic(values: NDArray[np.float32]) -> VoiChoice:
    """Return the LINEAR_EXACT window from the darkest to the lightest modality value.

    Parameters
    ----------
    values
        Of present pixels, any shape: pixel padding (`webviewer.dicom.padding`) has no part in it. What is no finite
        number is left out. Flat or no values get a width of 1.
    """
    counted = values[np.isfinite(values)]
    if counted.size == 0:
        return VoiChoice(0.0, 1.0, "LINEAR_EXACT")
    low, high = float(counted.min()), float(counted.max())
    return VoiChoice((low + high) / 2, high - low if high > low else 1.0, "LINEAR_EXACT")


def has_range(values: NDArray[np.float32]) -> bool:
    """Tell whether values, of present pixels as in `full_dynamic`, have a darkest and a lighter one."""
    counted = values[np.isfinite(values)]
    return counted.size > 0 and bool(counted.min() < counted.max())


def default_voi(values: NDArray[np.float32], attributes: ImageAttributes, frame_number: int = 1) -> VoiChoice:
    """Return the first recommendation; where there is none what fits the kind of image.

    CT in Hounsfield units: center 40, width 400. Up to 8 bits without rescale: as stored, 0 to the top. Else the full
    dynamic.
    """
    recommended = recommended_windows(attributes, frame_number)
    if recommended:
        return recommended[0]
    default = default_without_values(attributes, frame_number)
    return full_dynamic(values) if default is None else default


def default_without_values(attributes: ImageAttributes, frame_number: int = 1) -> VoiChoice | None:
    """Return what `default_voi` gives where nothing is recommended, None where it depends on the values."""
    frame = attributes.frame(frame_number)
    if attributes.modality == "CT" and frame.rescale_intercept < 0 and frame.rescale_type in {"", "HU"}:
        return VoiChoice(40.0, 400.0, "LINEAR")
    is_as_stored = attributes.modality_lut is None and (frame.rescale_slope, frame.rescale_intercept) == (1.0, 0.0)
    if attributes.bits_stored <= 8 and attributes.pixel_representation == 0 and is_as_stored:
        top = float((1 << attributes.bits_stored) - 1)
        return VoiChoice(top / 2, top, "LINEAR_EXACT")
    return None


def is_inverted(attributes: ImageAttributes) -> bool:
    """Tell whether low values are bright: MONOCHROME1 or Presentation LUT Shape INVERSE, or both at once."""
    return attributes.photometric_interpretation == "MONOCHROME1" or attributes.presentation_lut_shape == "INVERSE"


def _looked_up(values: NDArray[Any], table: LookupTable) -> NDArray[np.float32]:
    entries = np.array(table.data, np.float32)
    top = len(entries) - 1
    if values.dtype.kind == "f":
        index = np.clip(values - table.first_mapped, 0, top).astype(np.int64)
    else:
        index = np.clip(values.astype(np.int64) - table.first_mapped, 0, top)
    found: NDArray[np.float32] = entries[index]
    return found
