"""The mathematics of shapes that measure: lengths, angles, areas, and which points of a lattice lie inside.

Points are (n, 2) float64, x and y. Lengths, angles and areas want them in one unit for both, so of pixels that are not
square they are scaled first; what lies inside does not depend on it.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Region = Literal["ellipse", "rectangle", "polygon"]
Points = NDArray[np.float64]

_NO_DIRECTION = 1e-9  # a line shorter than this has none


def length(points: Points) -> float:
    """Return the length of a broken line through points."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def corner_angle_deg(points: Points) -> float | None:
    """Return the angle at the second of three points, 0 to 180; None where a leg has no length."""
    return _angle_deg(points[0] - points[1], points[2] - points[1])


def lines_angle_deg(points: Points) -> float | None:
    """Return the acute angle between the lines of points 1, 2 and 3, 4 (Cobb); None where one has no length."""
    angle = _angle_deg(points[1] - points[0], points[3] - points[2])
    return None if angle is None else min(angle, 180.0 - angle)


def _angle_deg(one: Points, other: Points) -> float | None:
    if min(math.hypot(*one), math.hypot(*other)) < _NO_DIRECTION:
        return None
    # By the tangent: the cosine has no digits left near 0 and 180 degrees.
    cross = float(one[0] * other[1] - one[1] * other[0])
    return math.degrees(math.atan2(abs(cross), float(one @ other)))


def area(shape: Region, points: Points) -> float:
    """Return the area of a region; of a polygon that crosses itself, that of what `lattice_mask` takes."""
    if shape == "polygon":
        return _polygon_area(points)
    width, height = np.abs(points[1] - points[0]).tolist()
    box: float = width * height
    return box * math.pi / 4 if shape == "ellipse" else box


def perimeter(shape: Region, points: Points) -> float:
    """Return the length of the border of a region."""
    if shape == "polygon":
        return length(np.vstack([points, points[:1]]))
    width, height = np.abs(points[1] - points[0]).tolist()
    if shape == "rectangle":
        return float(2.0 * (width + height))
    return _ellipse_perimeter(width / 2, height / 2)


def _ellipse_perimeter(a: float, b: float) -> float:
    """Return 4 a E(e) by the arithmetic-geometric mean."""
    a, b = max(a, b), min(a, b)
    if b <= a * 1e-12:
        return 4.0 * a
    mean, geometric, share, weight = a, b, a * a, 0.5
    share -= weight * (a * a - b * b)
    while abs(mean - geometric) > 1e-15 * a:
        mean, geometric, difference = (mean + geometric) / 2, math.sqrt(mean * geometric), (mean - geometric) / 2
        weight *= 2
        share -= weight * difference * difference
    return 2.0 * math.pi * share / mean


def _polygon_area(points: Points) -> float:
    """Return the even-odd area: by its corners, of a polygon that crosses itself in strips between its crossings."""
    points = points - points[0]  # far from the origin digits of the products would be lost
    ends = np.roll(points, -1, axis=0)
    crossings = _crossings_y(points, ends)
    if not len(crossings):
        return abs(float((points[:, 0] * ends[:, 1] - ends[:, 0] * points[:, 1]).sum())) / 2
    levels = np.unique(np.concatenate([points[:, 1], crossings]))
    total = 0.0
    for low, high in itertools.pairwise(levels.tolist()):
        # Inside a strip no edges cross: pairs of them bound trapezoids, whose middle width counts.
        xs = _edges_at(points, ends, (low + high) / 2)
        total += float((xs[1::2] - xs[::2]).sum()) * (high - low)
    return total


def _crossings_y(starts: Points, ends: Points) -> NDArray[np.float64]:
    """Return y of the points where edges cross that do not share a corner, (n,)."""
    found = []
    along = ends - starts
    for number in range(len(starts) - 2):
        later = slice(number + 2, len(starts) - (1 if number == 0 else 0))
        between = starts[later] - starts[number]
        turn = along[number, 0] * along[later, 1] - along[number, 1] * along[later, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            here = (between[:, 0] * along[later, 1] - between[:, 1] * along[later, 0]) / turn
            there = (between[:, 0] * along[number, 1] - between[:, 1] * along[number, 0]) / turn
        crosses = (here >= 0) & (here <= 1) & (there >= 0) & (there <= 1)  # not of parallel ones: no number
        found.append(starts[number, 1] + here[crosses] * along[number, 1])
    return np.concatenate(found) if found else np.zeros(0)


def _edges_at(starts: Points, ends: Points, y: float) -> NDArray[np.float64]:
    """Return where edges of a polygon meet a horizontal line, rising; an edge has its upper end, not its lower."""
    meets = (starts[:, 1] <= y) != (ends[:, 1] <= y)
    start, end = starts[meets], ends[meets]
    found: NDArray[np.float64] = np.sort(
        start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0])
    )
    return found


def lattice_mask(shape: Region, points: Points, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points of a lattice lie inside a region, (len(ys), len(xs)); ``xs`` rise.

    On the border of an ellipse or rectangle a point is inside; on that of a polygon (even-odd) where the polygon lies
    right of it or, on a level edge, below it.
    """
    if shape == "polygon":
        return _even_odd(points, xs, ys)
    low, high = points.min(axis=0), points.max(axis=0)
    if shape == "rectangle":
        across, down = (xs >= low[0]) & (xs <= high[0]), (ys >= low[1]) & (ys <= high[1])
        return np.asarray(down[:, np.newaxis] & across, dtype=np.bool_)
    middle, half = (low + high) / 2, (high - low) / 2
    if min(half) == 0:
        return np.zeros((len(ys), len(xs)), np.bool_)
    x_part, y_part = ((xs - middle[0]) / half[0]) ** 2, ((ys - middle[1]) / half[1]) ** 2
    return np.asarray(y_part[:, np.newaxis] + x_part <= 1.0, dtype=np.bool_)


def _even_odd(points: Points, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a mask that turns over wherever, from left to right, a row crosses an edge."""
    turns = np.zeros((len(ys), len(xs) + 1), np.uint8)
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        rows = np.flatnonzero((start[1] <= ys) != (end[1] <= ys))
        if len(rows):
            x = start[0] + (ys[rows] - start[1]) / (end[1] - start[1]) * (end[0] - start[0])
            turns[rows, np.searchsorted(xs, x)] ^= 1
    return np.bitwise_xor.accumulate(turns[:, :-1], axis=1).astype(np.bool_)
