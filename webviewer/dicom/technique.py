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
from webviewer.dicom.private_elements import is_reserved_by

_MOST_CHARACTERS = 64
_NUMBERS: tuple[tuple[int, str, float, float], ...] = (  # tag, field, least and greatest value that can be true
    (tags.KVP, "kvp", 1.0, 1000.0),
    (tags.INVERSION_TIME, "inversion_time_ms", 1e-3, 1e6),
    (tags.INVERSION_TIMES, "inversion_time_ms", 1e-3, 1e6),
    (tags.FLIP_ANGLE, "flip_angle_degrees", 1e-3, 360.0),
    (tags.NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE, "cardiac_phase_percent", 0.0, 1000.0),
)

_PRIVATE_B_VALUES: tuple[tuple[int, str, int], ...] = (  # creator, its name, value
    (tags.SIEMENS_MR_CREATOR, "SIEMENS MR HEADER", tags.SIEMENS_B_VALUE),
    (tags.GE_CREATOR, "GEMS_PARM_01", tags.GE_B_VALUE),
    (tags.PHILIPS_CREATOR, "Philips Imaging DD 001", tags.PHILIPS_B_VALUE),
    (tags.UIH_CREATOR, "Image Private Header", tags.UIH_B_VALUE),
)
_GE_MARK = 100_000  # GE adds a multiple of it to some b-values
_MOST_B_VALUE = 100_000.0


def private_b_value(ds: DataSet) -> float | None:
    """Return the b-value in s/mm² of a private element whose creator is known; None where there is none."""
    for creator, name, tag in _PRIVATE_B_VALUES:
        if tag in ds.values and is_reserved_by(ds, creator, name):
            found = ds.number(tag)
            if found is None or found < 0:
                return None
            if tag == tags.GE_B_VALUE:
                found %= _GE_MARK
            return found if found < _MOST_B_VALUE else None
    return None


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
