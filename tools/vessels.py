"""Vessels and airways of the demo chest: trunks by hand, the trees in the lungs by seeded branching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.anatomy import Tube, cage, tube

Floats = npt.NDArray[np.float64]

# where artery, bronchus and vein enter the lung: right, left
HILA = (np.array([-44.0, 12.0, 172.0]), np.array([44.0, 16.0, 180.0]))


def aorta() -> list[Tube]:
    """Return aorta and the three branches of its arch."""
    arch = [
        (2, -16, 128), (-8, -24, 142), (-14, -26, 162), (-14, -22, 184), (-9, -13, 203), (2, 2, 213), (13, 18, 213),
        (20, 32, 204), (23, 40, 188), (24, 44, 160), (22, 45, 120), (17, 45, 80), (10, 44, 40), (6, 43, -10),
    ]  # fmt: skip
    radii = [13, 16, 15.5, 15, 14.2, 13.2, 12.8, 12.5, 12.2, 11.8, 11.4, 11, 10.6, 10.4]
    return [
        tube(arch, radii, steps=6),
        tube([(-8, -10, 208), (-14, -10, 228), (-22, -8, 252), (-28, -4, 305)], [6.2, 6.0, 5.4, 4.6], steps=6),
        tube([(3, 2, 215), (6, 2, 235), (14, 4, 262), (20, 6, 305)], [4.0, 3.8, 3.6, 3.6], steps=6),
        tube([(13, 17, 214), (21, 18, 236), (30, 19, 262), (62, 8, 283)], [5.0, 4.8, 4.6, 4.4], steps=6),
    ]


def veins() -> list[Tube]:
    """Return the big veins of the chest."""
    return [
        tube([(-27, -6, 140), (-29, -12, 165), (-29, -15, 195), (-27, -19, 226)], [9.5, 9.2, 8.8, 8.4], steps=6),
        tube([(-27, -19, 226), (-33, -20, 250), (-40, -12, 282)], [7.2, 6.5, 6.2], steps=6),
        tube([(-25, -20, 224), (-6, -34, 236), (18, -34, 246), (38, -22, 270)], [6.8, 6.4, 6.2, 6.0], steps=6),
        tube([(-24, -2, 128), (-25, 6, 96), (-22, 12, 60), (-19, 18, -10)], [10.5, 10.5, 11, 11], steps=5),
        tube(
            [(-9, 50, -10), (-9, 49, 120), (-9, 46, 180), (-17, 30, 194), (-27, 2, 192)],
            [3.2, 3.2, 3.4, 3.6, 3.8],
            steps=5,
        ),
    ]


def pulmonary_trunk() -> list[Tube]:
    """Return the pulmonary artery to both hila."""
    return [
        tube([(20, -44, 140), (18, -40, 158), (15, -24, 174), (18, -8, 182)], [13.5, 13.5, 13, 12], steps=6),
        tube([(15, -14, 178), (0, -4, 176), (-20, 2, 174), (-40, 8, 172)], [10.5, 10, 9.2, 8.0], steps=6),
        tube([(17, -12, 181), (27, 4, 185), (38, 16, 184), (44, 24, 176)], [10.5, 9.8, 8.6, 7.6], steps=6),
    ]


def airways() -> tuple[list[Tube], list[Tube]]:
    """Return (air, with wall): windpipe and main bronchi."""
    courses = [
        ([(0, 8, 310), (0, 12, 260), (1, 16, 222), (1, 18, 196)], [8.4, 8.6, 8.8, 8.8]),
        ([(1, 18, 196), (-14, 17, 184), (-28, 15, 175), (-44, 15, 168)], [7.2, 6.6, 6.0, 4.8]),
        ([(1, 18, 196), (14, 18, 187), (28, 18, 180), (44, 22, 172)], [6.4, 6.0, 5.4, 4.6]),
    ]
    air = [tube(points, radii, steps=8) for points, radii in courses]
    wall = [Tube(t.points, t.radii + 1.5) for t in air]
    return air, wall


def lung_trees(seed: int) -> tuple[list[Tube], list[Tube], list[Tube]]:
    """Grow the trees of both lungs.

    Parameters
    ----------
    seed
        The same seed grows the same trees.

    Returns
    -------
    tuple of (vessels, bronchial air, bronchial walls)
    """
    rng = np.random.default_rng(seed)
    vessels: list[Tube] = []
    air: list[Tube] = []
    walls: list[Tube] = []
    for side, hilum in zip((-1.0, 1.0), HILA, strict=True):
        garden = _Garden(rng, vessels, side)
        for goal, radius in _lobe_goals(side):
            start = hilum + rng.normal(0, 2.5, 3)
            _grow(garden, start, goal, radius)
            # the bronchus runs beside its artery
            shift = np.array([side * 2.0, 5.5, 1.5])
            points = np.array(
                [start + shift, (start + goal) / 2 + shift + rng.normal(0, 3, 3), goal * 0.72 + start * 0.28 + shift]
            )
            bronchus = tube(points, [2.5, 1.8, 1.1], steps=5)
            air.append(bronchus)
            walls.append(Tube(bronchus.points, bronchus.radii + 0.9))
            # and the vein takes a way of its own, into the left atrium
            vein_start = np.array([side * 30.0 + (6 if side > 0 else -2), 6.0, 148.0]) + rng.normal(0, 3, 3)
            _grow(garden, vein_start, goal + rng.normal(0, 13, 3), radius * 0.8)
    return vessels, air, walls


def _lobe_goals(side: float) -> list[tuple[Floats, float]]:
    goals = (
        (52, 8, 258, 3.4), (72, -30, 226, 3.2), (84, 30, 232, 3.2), (62, 56, 212, 3.0), (72, -56, 176, 3.2),
        (100, -24, 150, 3.2), (76, -62, 124, 3.0), (108, 12, 182, 3.2), (96, 48, 158, 3.8), (62, 68, 150, 3.6),
        (102, 36, 104, 4.0), (70, 72, 92, 4.2), (108, -6, 88, 3.8), (92, 58, 52, 4.0), (116, 22, 56, 3.6),
        (50, 70, 116, 3.4),
    )  # fmt: skip
    return [(np.array([side * x, y, z]), radius) for x, y, z, radius in goals]


@dataclass(frozen=True, slots=True)
class _Garden:
    rng: np.random.Generator
    out: list[Tube]
    side: float


def _grow(garden: _Garden, start: Floats, goal: Floats, radius: float, depth: int = 0) -> None:
    rng = garden.rng
    way = goal - start
    length = float(np.linalg.norm(way))
    if length < 4 or radius < 0.42 or depth > 5:
        return
    share = 0.46 if depth == 0 else 0.55
    node = start + way * share + rng.normal(0, length * 0.05, 3)
    middle = (start + node) / 2 + rng.normal(0, length * 0.025, 3)
    garden.out.append(tube(np.array([start, middle, node]), [radius, radius * 0.92, radius * 0.82], steps=3))
    direction = way / length
    for child in range(3 if depth < 4 and rng.random() < 0.55 else 2):
        spread = rng.normal(0, 1, 3)
        spread -= direction * (spread @ direction)
        spread /= np.linalg.norm(spread) + 1e-9
        reach = (length * (1 - share)) * rng.uniform(0.85, 1.35) + 9
        end = node + direction * reach * rng.uniform(0.6, 1.0) + spread * reach * rng.uniform(0.45, 0.95)
        if child == 0 and depth < 3:
            end = goal
        end = _inside(end, garden.side, rng.uniform(0.70, 0.96))
        _grow(garden, node, end, radius * rng.uniform(0.60, 0.80), depth + 1)


def _inside(point: Floats, side: float, most: float) -> Floats:
    """Pull a point into ``most`` of the way to the chest wall, and away from the middle."""
    z = float(np.clip(point[2], 15, 278))
    a, b, middle = (float(v) for v in cage(z))
    x, y = point[0], point[1] - middle
    reach = np.sqrt((x / (a - 4)) ** 2 + (y / (b - 4)) ** 2)
    if reach > most:
        x, y = x * most / reach, y * most / reach
    if x * side < 22:
        x = side * 22.0
    return np.array([x, y + middle, z])
