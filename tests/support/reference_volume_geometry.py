"""Space said again, from the words of the standard alone, and stacks of slices to try volumes on.

References
----------
PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.geometry import FramePlace

Orientation = tuple[float, float, float, float, float, float]

AXIAL: Orientation = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL: Orientation = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL: Orientation = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def tilted(degrees: float) -> Orientation:
    """Return an axial orientation whose columns lean, as under a tilted gantry."""
    angle = math.radians(degrees)
    return (1.0, 0.0, 0.0, 0.0, math.cos(angle), math.sin(angle))


def lps_of_pixel(frame: FrameAttributes, column: float, row: float) -> tuple[float, float, float]:
    """Return where the centre of a pixel lies, LPS mm, indices from 0: one coordinate after the other."""
    position, orientation, spacing = frame.image_position_patient, frame.image_orientation_patient, frame.pixel_spacing
    assert position is not None
    assert orientation is not None
    assert spacing is not None
    between_rows, between_columns = spacing
    x, y, z = (
        position[axis]
        + orientation[axis] * between_columns * column  # X of the standard: direction of a row, along its columns
        + orientation[3 + axis] * between_rows * row
        for axis in range(3)
    )
    return x, y, z


def image(**changes: Any) -> ImageAttributes:
    """Return attributes of a 16-bit signed CT of 6 rows and 8 columns, but for what is given."""
    known: dict[str, Any] = {
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "rows": 6,
        "columns": 8,
        "number_of_frames": 1,
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "bits_allocated": 16,
        "bits_stored": 16,
        "high_bit": 15,
        "pixel_representation": 1,
        "planar_configuration": 0,
        "pixel_element": "PixelData",
        "frames": (FrameAttributes(),),
        "modality": "CT",
    }
    return ImageAttributes(**{**known, **changes})


def stack(
    origins: Sequence[Sequence[float]],
    orientation: Orientation | None = AXIAL,
    spacing: tuple[float, float] | None = (0.5, 0.75),
    *,
    first_number: int = 1,
    time: int | None = None,
    **facts: Any,
) -> list[FramePlace]:
    """Return the places of slices with these origins, mm, numbered as they come; ``facts`` of `FramePlace`."""
    return [
        FramePlace(
            FrameAttributes((x, y, z), orientation, spacing, temporal_position_index=time),
            1,
            number,
            f"1.2.{number}",
            **facts,
        )
        for number, (x, y, z) in enumerate(origins, first_number)
    ]


def along(positions_mm: Sequence[float], direction: Sequence[float] = (0.0, 0.0, 1.0)) -> list[tuple[float, ...]]:
    """Return origins on a straight line through (-20, -30, 0), at these lengths of ``direction``."""
    return [tuple(float(v) for v in np.array((-20.0, -30.0, 0.0)) + p * np.array(direction)) for p in positions_mm]


def field(lps_mm: NDArray[Any]) -> NDArray[np.float64]:
    """Return values that rise evenly in every direction, at points (…, 3): linear interpolation has no error in it."""
    values: NDArray[np.float64] = 3.0 * lps_mm[..., 0] - 7.0 * lps_mm[..., 1] + 11.0 * lps_mm[..., 2] + 500.0
    return values


def pixels(frame: FrameAttributes, rows: int, columns: int) -> NDArray[np.float64]:
    """Return the picture of `field` that a scanner would make, (rows, columns)."""
    return np.array([[field(np.array(lps_of_pixel(frame, c, r))) for c in range(columns)] for r in range(rows)])
