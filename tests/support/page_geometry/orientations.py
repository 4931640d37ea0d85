"""Standard orientations of a camera, its angles as an angiography unit counts them, and the orientation cube.

References
----------
PS3.3 C.8.7.5.1.2 (positioner angles: the primary is positive towards the patient's left, the secondary to the head).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import LETTER_DIRECTIONS, cosine_deg, frame, sine_deg, turned
from tests.support.page_geometry.camera import Camera
from tests.support.page_geometry.directions import angle_between_deg
from webviewer.core.errors import InvalidInput

_STRAIGHT_UP = 1e-9

# From where it is seen: right and down on the canvas. From head and feet the patient's front is up.
_STANDARD = {
    "A": ("L", "F"),
    "P": ("R", "F"),
    "L": ("P", "F"),
    "R": ("A", "F"),
    "H": ("R", "P"),
    "F": ("L", "P"),
}
STANDARD_ORIENTATIONS = ("A", "P", "L", "R", "H", "F", "LAO", "RAO")
OBLIQUE_ANGLES_DEG = (15, 30, 45, 60, 75)
"""What the panel offers for LAO and RAO."""
DEFAULT_OBLIQUE_DEG = 45


@dataclass(frozen=True, slots=True)
class CameraAngles:
    """From where a camera looks.

    ``rotation_deg`` from the front towards the patient's left (LAO), negative to his right (RAO), -180 to 180;
    ``angulation_deg`` towards the head, negative to the feet, -90 to 90; ``roll_deg`` of the picture, clockwise.
    """

    rotation_deg: float = 0.0
    angulation_deg: float = 0.0
    roll_deg: float = 0.0


def standard_orientation(name: str, angle_deg: float = DEFAULT_OBLIQUE_DEG) -> NDArray[np.float64]:
    """Return the frame (3, 3) of a camera of a standard orientation.

    Parameters
    ----------
    name
        From where it is seen: A, P, L, R, H, F, or LAO, RAO (left and right anterior oblique).
    angle_deg
        Of LAO and RAO, from the front.

    Raises
    ------
    InvalidInput
        Another name.
    """
    if name in ("LAO", "RAO"):
        return frame_from_angles(CameraAngles(angle_deg if name == "LAO" else -angle_deg))
    if name not in _STANDARD:
        raise InvalidInput(f"Orientation {name!r} is invalid: must be one of {', '.join(STANDARD_ORIENTATIONS)}.")
    right, down = _STANDARD[name]
    return frame(LETTER_DIRECTIONS[right], LETTER_DIRECTIONS[down])


def frame_from_angles(angles: CameraAngles) -> NDArray[np.float64]:
    """Return the frame (3, 3) of a camera with these angles.

    Raises
    ------
    InvalidInput
        An angle is no finite number, or the angulation is beyond head or feet.
    """
    rotation, angulation, roll = angles.rotation_deg, angles.angulation_deg, angles.roll_deg
    if not all(math.isfinite(angle) for angle in (rotation, angulation, roll)):
        raise InvalidInput(f"Angles {rotation}, {angulation}, {roll} are invalid: must be finite numbers of degrees.")
    if not -90.0 <= angulation <= 90.0:
        raise InvalidInput(f"An angulation of {angulation} degrees is invalid: must be from -90 (feet) to 90 (head).")
    right = np.array([cosine_deg(rotation), sine_deg(rotation), 0.0])
    # The camera stands in front and is lifted towards the head: its lower edge tips to the front.
    level, sunk = -sine_deg(angulation), -cosine_deg(angulation)
    down = np.array([-sine_deg(rotation) * level, cosine_deg(rotation) * level, sunk])
    straight = frame(right, down)
    return turned(straight, straight[:, 2], -roll)


def angles_of(camera: Camera) -> CameraAngles:
    """Return the angles of a camera; straight from head or feet, the rotation is 0 and the roll says the rest."""
    toward_viewer = -camera.away
    angulation = math.degrees(math.asin(min(1.0, max(-1.0, float(toward_viewer[2])))))
    level = math.hypot(float(toward_viewer[0]), float(toward_viewer[1]))
    rotation = 0.0
    if level > _STRAIGHT_UP:
        rotation = math.degrees(math.atan2(float(toward_viewer[0]), -float(toward_viewer[1])))
    else:
        angulation = math.copysign(90.0, angulation)
    straight = frame_from_angles(CameraAngles(rotation, angulation))
    roll = -angle_between_deg(straight[:, 0], camera.lps_from_frame[:, 0], camera.away)
    return CameraAngles(rotation, angulation, roll)


@dataclass(frozen=True, slots=True)
class CubeFace:
    """A face of the orientation cube that is seen.

    ``corners`` are four (x, y) on the cube's own canvas, x right and y down, the cube's half edge being 1; in order
    around the face, the first two along its upper edge from left to right as its letter is read. ``facing`` is 1 where
    it is looked at straight.
    """

    letter: str
    corners: tuple[tuple[float, float], ...]
    facing: float


def cube_faces(camera: Camera) -> tuple[CubeFace, ...]:
    """Return the faces of the orientation cube that are turned to the viewer, the one most so last.

    A click on a face turns the camera to `standard_orientation` of its letter.
    """
    faces = []
    for letter, (right_letter, down_letter) in _STANDARD.items():
        facing = -float(np.array(LETTER_DIRECTIONS[letter]) @ camera.away)
        if facing <= _STRAIGHT_UP:
            continue
        right, down = np.array(LETTER_DIRECTIONS[right_letter]), np.array(LETTER_DIRECTIONS[down_letter])
        middle = np.array(LETTER_DIRECTIONS[letter])
        corners = [
            camera.lps_from_frame[:, :2].T @ (middle + x * right + y * down)
            for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        faces.append(CubeFace(letter, tuple((float(x), float(y)) for x, y in corners), facing))
    return tuple(sorted(faces, key=lambda face: face.facing))
