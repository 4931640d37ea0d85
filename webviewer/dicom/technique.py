"""How a frame was acquired and reconstructed, as its header states it: what tells volumes of one series apart.

References
----------
PS3.3 C.8.2.1 (CT image), C.8.3.1 (MR image), C.8.13.5 (MR functional groups), C.8.15.3 (CT functional groups).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import Technique
from webviewer.dicom.dataset import DataSet

_MOST_CHARACTERS = 64
_NUMBERS: tuple[tuple[int, str, float, float], ...] = (  # tag, field, least and greatest value that can be true
    (tags.KVP, "kvp", 1.0, 1000.0),
    (tags.INVERSION_TIME, "inversion_time_ms", 1e-3, 1e6),
    (tags.INVERSION_TIMES, "inversion_time_ms", 1e-3, 1e6),
    (tags.FLIP_ANGLE, "flip_angle_degrees", 1e-3, 360.0),
    (tags.NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE, "cardiac_phase_percent", 0.0, 1000.0),
)


def read_technique(ds: DataSet, technique: Technique) -> Technique:
    """Return ``technique`` with what ``ds`` states soundly: the same object if it states nothing."""
    values = ds.values
    changes: dict[str, Any] = {}
    for tag, field, least, greatest in _NUMBERS:
        if tag in values:
            number = ds.number(tag)
            changes[field] = number if number is not None and least <= number <= greatest else None
    if tags.CONVOLUTION_KERNEL in values:
        changes["convolution_kernel"] = "\\".join(filter(None, ds.texts(tags.CONVOLUTION_KERNEL)))[:_MOST_CHARACTERS]
    if tags.CONTRAST_BOLUS_AGENT in values:
        changes["contrast_agent"] = ds.text(tags.CONTRAST_BOLUS_AGENT, _MOST_CHARACTERS).strip()
    if tags.ECHO_NUMBERS in values:
        echo = ds.integer(tags.ECHO_NUMBERS)
        changes["echo_number"] = echo if echo is not None and 0 <= echo < 2**31 else None
    gradient = _gradient(ds)
    if gradient is not None:
        changes["gradient_orientation"] = gradient
    return replace(technique, **changes) if changes else technique


def _gradient(ds: DataSet) -> tuple[float, float, float] | None:
    """Return the direction of the diffusion gradient, a unit vector; None where there is none."""
    inner = ds.items(tags.DIFFUSION_GRADIENT_DIRECTION)[:1]
    found = (inner[0] if inner else ds).numbers(tags.DIFFUSION_GRADIENT_ORIENTATION)
    if found is None or len(found) != 3:
        return None
    length = sum(part * part for part in found) ** 0.5
    if not 0.5 < length < 2.0:
        return None
    x, y, z = (round(part / length, 3) + 0.0 for part in found)
    return x, y, z
