"""Letters of directions in the patient, and angles between them; the rest is `renderpool.scene.directions`.

References
----------
PS3.3 C.7.6.2.1.1 (the axes of the patient: x to the left, y to the back, z to the head) and C.7.6.1.1.1 (letters).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SHARE = 0.25  # a second or third letter from about 15 degrees on, as the pages have it for 2D images
_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))


def direction_letters(direction: NDArray[np.float64]) -> str:
    """Return the letters of a unit direction in LPS, (3,), the strongest first: "L", "AR", "" for no direction."""
    sizes = [(abs(float(value)), axis) for axis, value in enumerate(direction) if abs(value) >= _SHARE]
    sizes.sort(key=lambda pair: (-pair[0], pair[1]))
    return "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for _, axis in sizes)


def angle_between_deg(start: NDArray[np.float64], end: NDArray[np.float64], axis: NDArray[np.float64]) -> float:
    """Return the turn about a unit axis that takes one direction to another, -180 to 180; 0 where one has no length."""
    return math.degrees(math.atan2(float(axis @ np.cross(start, end)), float(start @ end)))
