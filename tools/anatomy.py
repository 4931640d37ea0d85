"""A chest in millimetres: curves and tubes from which the demo study and the sign-in picture are made.

Space: LPS-like with the origin in the middle of the body at the lowest slice: ``x`` to the patient's left, ``y`` to the
back, ``z`` to the head. Everything is invented; no person's data went in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TOP_MM = 300.0

# height -> half width, half depth, and middle of the inner wall of the rib cage
_CAGE = np.array(
    [
        (-40.0, 122, 88, 2),
        (0.0, 128, 91, 0),
        (60.0, 131, 92, -1),
        (110.0, 129, 90, -1),
        (160.0, 121, 84, 1),
        (200.0, 108, 75, 6),
        (230.0, 93, 65, 12),
        (255.0, 74, 53, 19),
        (272.0, 55, 42, 26),
        (285.0, 38, 31, 32),
        (300.0, 20, 20, 38),
    ]
)
# the same for the skin
_SKIN = np.array(
    [
        (-40.0, 162, 122, 5),
        (0.0, 164, 121, 6),
        (60.0, 166, 119, 6),
        (120.0, 168, 117, 7),
        (170.0, 170, 112, 9),
        (210.0, 177, 106, 13),
        (240.0, 184, 98, 17),
        (270.0, 189, 87, 20),
        (300.0, 191, 77, 23),
    ]
)


@dataclass(frozen=True, slots=True)
class Tube:
    """A round rod along a curve.

    Parameters
    ----------
    points
        (n, 3), millimetres.
    radii
        (n,), millimetres, horizontally.
    stretch
        How much taller than wide the section is.
    """

    points: Floats
    radii: Floats
    stretch: float = 1.0


def tube(points: npt.ArrayLike, radii: npt.ArrayLike, *, stretch: float = 1.0, steps: int = 0) -> Tube:
    """Make a tube; with ``steps``, through a smooth curve (Catmull-Rom) of so many pieces between two points."""
    p = np.asarray(points, dtype=np.float64)
    r = np.broadcast_to(np.asarray(radii, dtype=np.float64), (len(p),))
    if steps > 1 and len(p) > 2:
        values = np.column_stack([p, r])
        padded = np.vstack([2 * values[0] - values[1], values, 2 * values[-1] - values[-2]])
        t = np.linspace(0, 1, steps, endpoint=False)[:, None]
        parts = []
        for i in range(len(values) - 1):
            a, b, c, d = padded[i : i + 4]
            parts.append(
                0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3)
            )
        values = np.vstack([*parts, values[-1:]])
        p, r = values[:, :3], np.maximum(values[:, 3], 0.2)
    return Tube(np.ascontiguousarray(p), np.ascontiguousarray(r), stretch)


def _profile(table: Floats, z: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    at = np.asarray(z, dtype=np.float64)
    # a running mean of the table takes its corners away
    shifts = np.linspace(-12, 12, 7)
    columns = [
        np.mean([np.interp(at + shift, table[:, 0], table[:, column]) for shift in shifts], axis=0)
        for column in (1, 2, 3)
    ]
    return columns[0], columns[1], columns[2]


def cage(z: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return half width, half depth and middle (``y``) of the inner chest wall at height ``z``."""
    return _profile(_CAGE, z)


def skin(z: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return half width, half depth and middle (``y``) of the skin at height ``z``."""
    return _profile(_SKIN, z)


def rib_height(number: int) -> float:
    """Return the height of a rib's head (1 to 12)."""
    return 284.0 - 23.0 * (number - 1)


_RIB_DROP = (24, 42, 58, 70, 79, 86, 90, 90, 84, 72, 44, 24)
_RIB_END_DEG = (30, 34, 36, 38, 41, 45, 50, 58, 67, 82, 112, 132)
_CARTILAGE_RISE = (-4, 0, 6, 14, 24, 37, 52)


def ribs() -> list[Tube]:
    """Return 24 ribs, right and left in turn, from head to front end."""
    result = []
    for number in range(1, 13):
        drop, end_deg, head = _RIB_DROP[number - 1], _RIB_END_DEG[number - 1], rib_height(number)
        phi = np.radians(np.linspace(158, end_deg, 34))
        along = (158 - np.degrees(phi)) / 128
        z = head - 2 - drop * np.clip(along, 0, 1.1) ** 1.15
        a, b, middle = cage(z)
        bulge = 3.0
        # a superellipse of exponent 2.3: flatter at the back and the sides than an ellipse
        c, s = np.cos(phi), np.sin(phi)
        scale = (np.abs(c) ** 2.3 + np.abs(s) ** 2.3) ** (-1 / 2.3)
        x = (a + bulge) * s * scale
        y = middle - (b + bulge) * c * scale
        body = np.column_stack([x, y, z])
        neck = np.array([(15.0, 66.0, head + 1), (26.0, 73.0, head + 1.5), (36.0, 80.0, head + 1)])
        if number <= 2:
            neck[:, 0] *= 0.8
            neck[:, 1] -= 4
        neck = neck[neck[:, 0] < x[0] - 4]
        points = np.vstack([neck, body])
        radius = 4.6 if number not in (1, 11, 12) else 4.0
        radii = np.full(len(points), radius)
        radii[-3:] *= 1.12
        if number >= 11:
            radii[-6:] *= np.linspace(1, 0.6, 6)
        for side in (-1.0, 1.0):
            mirrored = points * np.array([side, 1.0, 1.0])
            wobble = 0.25 * np.sin(np.arange(len(points)) * 0.9 + number + side)
            mirrored[:, 2] += wobble + (1.2 if side > 0 else 0)
            result.append(Tube(mirrored, radii, 1.45))
    return result


def sternum_y(z: npt.ArrayLike) -> Floats:
    """Return where the middle of the breastbone is at height ``z``."""
    _, b, middle = cage(z)
    return middle - b - 1.0


def cartilages() -> list[Tube]:
    """Return the rib cartilages 1 to 7 of both sides, from the rib's end to the breastbone."""
    result = []
    all_ribs = ribs()
    for number in range(1, 8):
        for side in (0, 1):
            end = all_ribs[2 * (number - 1) + side].points[-1]
            z = max(end[2] + _CARTILAGE_RISE[number - 1], 100.0)
            sign = -1.0 if side == 0 else 1.0
            goal = np.array([sign * 15.0, float(sternum_y(z)), z])
            middle = (end + goal) / 2 + np.array([0.0, -3.0, -0.25 * abs(z - end[2])])
            result.append(tube([end, middle, goal], [4.6, 4.8, 4.4], stretch=1.4, steps=6))
    return result


def sternum() -> list[Tube]:
    """Return the breastbone as upright rods: manubrium, body, xiphoid."""
    result = []
    for x in np.linspace(-1, 1, 13):
        z = np.linspace(212, 248 - 6 * (1 - x * x), 8)
        half = np.interp(z, [212, 248], [13, 25])
        result.append(Tube(np.column_stack([x * half, sternum_y(z) - 1, z]), np.full(8, 5.0)))
    for x in np.linspace(-1, 1, 9):
        z = np.linspace(112, 207, 16)
        half = np.interp(z, [112, 130, 170, 207], [8, 13.5, 11.5, 9.5])
        result.append(Tube(np.column_stack([x * half, sternum_y(z) - 1, z]), np.full(16, 4.6)))
    z = np.linspace(80, 108, 6)
    result.append(Tube(np.column_stack([0 * z, sternum_y(z) + 4, z]), np.linspace(2.0, 4.0, 6), 1.2))
    return result


def clavicles() -> list[Tube]:
    """Return both collar bones."""
    result = []
    for side in (-1.0, 1.0):
        points = [(22, -52, 256), (48, -58, 262), (85, -44, 272), (118, -16, 284), (146, 4, 292)]
        p = np.array(points) * np.array([side, 1.0, 1.0]) + np.array([0, 0, 1.5 * side])
        result.append(tube(p, [7.5, 5.6, 5.0, 5.4, 6.0], steps=8))
    return result


def vertebra_centres() -> Floats:
    """Return the middle of each vertebral body, (n, 3), from below upwards: one a rib."""
    z = np.array([rib_height(number) - 10 for number in range(14, 0, -1)] + [rib_height(1) + 12])
    y = np.interp(z, [-60, 60, 150, 240, 300], [57, 62, 66, 58, 47])
    return np.column_stack([np.zeros_like(z), y, z])


def scapulae() -> list[Tube]:
    """Return both shoulder blades as fans of rods, with spine and lateral border."""
    result = []
    for side in (-1.0, 1.0):
        for t in np.linspace(0, 1, 23):
            top = np.array([76 + 60 * t, 88 - 36 * t, 266 - 6 * t])
            low = np.array([92 + 24 * t, 92 - 20 * t, 152 + 58 * t])
            middle = (top + low) / 2 + np.array([2.0, 4.0 * np.sin(np.pi * t), 0.0])
            radius = 1.9 if 0 < t < 1 else 3.2
            result.append(tube(np.array([top, middle, low]) * (side, 1, 1), radius, steps=10))
        spine = np.array([(82, 92, 244), (108, 94, 254), (134, 78, 268), (158, 46, 290)]) * (side, 1.0, 1.0)
        result.append(tube(spine, [3.2, 4.5, 5.5, 7.0], steps=8))
    return result


def humeri() -> list[Tube]:
    """Return the heads of both upper arms, held up beside the head as for a chest scan."""
    return [
        tube(np.array([(side * 163.0, 30.0, 284.0), (side * 170.0, 26.0, 305.0)]), [20.0, 21.0]) for side in (-1.0, 1.0)
    ]
