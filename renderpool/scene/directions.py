"""Directions in the patient (LPS): their letters, and turns about them.

A *frame* is a (3, 3) float64 matrix ``lps_from_frame`` whose columns are the unit directions right, down and away on a
canvas, seen by who looks at it. Every frame is right-handed: right × down = away.

References
----------
PS3.3 C.7.6.2.1.1 (the axes of the patient: x to the left, y to the back, z to the head) and C.7.6.1.1.1 (letters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import InvalidInput

_SHORTEST = 1e-9

LETTER_DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "L": (1.0, 0.0, 0.0),
    "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0),
    "F": (0.0, 0.0, -1.0),
}
"""Unit directions in LPS by their letters."""


def vector(values: Sequence[float] | NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Return three finite numbers as (3,) float64, read-only.

    Raises
    ------
    InvalidInput
        There are not three, or one is no finite number; ``what`` names them.
    """
    found = np.array(values, dtype=np.float64)
    if found.shape != (3,) or not np.isfinite(found).all():
        raise InvalidInput(f"{what} {list(values)} is invalid: must be three finite numbers.")
    found.flags.writeable = False
    return found


def unit(values: Sequence[float] | NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Return a direction of length 1, (3,) float64, read-only.

    Raises
    ------
    InvalidInput
        Not three finite numbers, or all of them are 0.
    """
    found = vector(values, what)
    length = float(np.linalg.norm(found))
    if length < _SHORTEST:
        raise InvalidInput(f"{what} {list(values)} is invalid: a direction must have a length.")
    found = found / length
    found.flags.writeable = False
    return found


def frame(
    right: Sequence[float] | NDArray[np.float64], down: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the frame (3, 3), read-only, of two directions in LPS; ``down`` gives way if they are not square.

    Raises
    ------
    InvalidInput
        A direction has no length, or both are one.
    """
    right_lps, wish = unit(right, "The direction to the right"), unit(down, "The direction downwards")
    away = unit(np.cross(right_lps, wish), "The direction across right and down")
    return fixed(np.column_stack((right_lps, np.cross(away, right_lps), away)))


def turn_about(axis: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation about a unit axis by the right hand's rule, exact at right angles."""
    x, y, z = (float(value) for value in axis)
    cosine, sine = cosine_deg(angle_deg), sine_deg(angle_deg)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return cosine * np.eye(3) + sine * cross + (1.0 - cosine) * np.outer(axis, axis)


def turned(lps_from_frame: NDArray[np.float64], axis: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    """Return a frame turned about an axis of the patient, kept square though turned a million times; read-only."""
    moved = turn_about(axis, angle_deg) @ lps_from_frame
    return frame(moved[:, 0], moved[:, 1])


def fixed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a contiguous copy that cannot be written to: what frozen records hold."""
    copy = np.array(array, dtype=np.float64, order="C")
    copy.flags.writeable = False
    return copy


def cosine_deg(angle_deg: float) -> float:
    """Return the cosine, exact at right angles, so that a quarter turn maps voxels onto pixels."""
    quarter = angle_deg / 90.0
    if quarter == round(quarter):
        return (1.0, 0.0, -1.0, 0.0)[round(quarter) % 4]
    return math.cos(math.radians(angle_deg))


def sine_deg(angle_deg: float) -> float:
    """Return the sine, exact at right angles."""
    return cosine_deg(angle_deg - 90.0)
