"""Grey values: modality LUT, VOI and presentation (PS3.3 C.11.1, C.11.2, C.11.6), as NumPy functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes, LookupTable, VoiWindow


@dataclass(frozen=True, slots=True)
class VoiChoice:
    """One way to map modality values to grey: a window with its function, or a VOI LUT (then ``lut`` is set)."""

    center: float = 0.0
    width: float = 1.0
    function: str = "LINEAR"  # "LINEAR" | "LINEAR_EXACT" | "SIGMOID"
    lut: LookupTable | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class OrganPreset:
    """A named CT window in Hounsfield units."""

    name: str
    width: float
    level: float


CT_ORGAN_PRESETS: tuple[OrganPreset, ...] = (
    OrganPreset("brain", 80, 40),
    OrganPreset("stroke", 40, 40),
    OrganPreset("subdural", 200, 75),
    OrganPreset("temporal_bone", 2800, 600),
    OrganPreset("neck", 350, 50),
    OrganPreset("mediastinum", 350, 50),
    OrganPreset("lung", 1500, -600),
    OrganPreset("abdomen", 400, 50),
    OrganPreset("liver", 160, 70),
    OrganPreset("spine", 250, 50),
    OrganPreset("bone", 2000, 400),
    OrganPreset("angio", 600, 200),
)


def modality_values(stored: NDArray[Any], attributes: ImageAttributes, frame_number: int = 1) -> NDArray[np.float32]:
    """Return stored values after rescale or Modality LUT, float32, same shape."""
    raise NotImplementedError


def recommended_windows(attributes: ImageAttributes, frame_number: int = 1) -> tuple[VoiChoice, ...]:
    """Return what the object recommends: its windows first, then its VOI LUTs; empty if nothing (usable)."""
    raise NotImplementedError


def full_dynamic(values: NDArray[np.float32], attributes: ImageAttributes, frame_number: int = 1) -> VoiWindow:
    """Return the LINEAR_EXACT window from the darkest to the lightest modality value, pixel padding left out."""
    raise NotImplementedError


def default_voi(values: NDArray[np.float32], attributes: ImageAttributes, frame_number: int = 1) -> VoiChoice:
    """Return the first recommendation, or full dynamic (LINEAR_EXACT) where there is none."""
    raise NotImplementedError


def is_inverted(attributes: ImageAttributes) -> bool:
    """Tell whether low values are bright: MONOCHROME1 or Presentation LUT Shape INVERSE."""
    raise NotImplementedError


def grey8(values: NDArray[np.float32], voi: VoiChoice, *, invert: bool = False) -> NDArray[np.uint8]:
    """Return 8-bit grey of modality values; ``invert`` is `is_inverted` XOR the user's wish."""
    raise NotImplementedError
