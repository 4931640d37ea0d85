"""What a plane or a slab of a volume must look like, said a second time: NumPy and SciPy, no code of the product."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Cut:
    """A plane through the patient as it lies on a canvas, and how thick it is."""

    width_px: int
    height_px: int
    mm_per_px: float
    middle_lps: Vector  # what lies in the middle of the canvas
    right_lps: Vector  # unit directions of the canvas in the patient
    down_lps: Vector
    mode: str = "plane"  # "plane" | "mip" | "minip" | "aip"
    thickness_mm: float = 0.0
    interpolation: str = "trilinear"
    places: int = 1  # n of the n × n places averaged in a canvas pixel


@dataclass
class Shown:
    """Values of a canvas (height, width), where there are any, and where rounding may decide otherwise."""

    values: NDArray[np.float64]
    inside: NDArray[np.bool_]
    undecided: NDArray[np.bool_] = field(repr=False)


def cut_volume(
    values: NDArray[Any],
    lattice: tuple[Vector, Vector, Vector, Vector],
    cut: Cut,
    present: NDArray[np.bool_] | None = None,
) -> Shown:
    """Return what a cut shows.

    Parameters
    ----------
    values
        (slices, rows, columns) in the modality's unit.
    lattice
        Steps from column to column, row to row and slice to slice, and the centre of the first voxel, mm in LPS.
    present
        Which voxels are no padding; None = all.
    """
    present = np.ones(values.shape, bool) if present is None else present
    smallest_step = min(math.dist(step, (0, 0, 0)) for step in lattice[:3])
    depths = [0.0]
    if cut.mode != "plane" and cut.thickness_mm > 0:
        count = math.ceil(round(cut.thickness_mm / smallest_step, 6))
        depths = [cut.thickness_mm * ((part + 0.5) / count - 0.5) for part in range(count)]
    total = np.zeros((cut.height_px, cut.width_px))
    hits = np.zeros_like(total)
    undecided = np.zeros(total.shape, bool)
    for down_part in range(cut.places):
        for right_part in range(cut.places):
            place = ((right_part + 0.5) / cut.places, (down_part + 0.5) / cut.places)
            found, inside, unsure = _at_place(values, lattice, cut, place, depths, present=present)
            total += np.where(inside, found, 0)
            hits += inside
            undecided |= unsure
    return Shown(total / np.maximum(hits, 1), hits * 2 >= cut.places**2, undecided)


def _at_place(
    values: NDArray[Any],
    lattice: tuple[Vector, Vector, Vector, Vector],
    cut: Cut,
    place: tuple[float, float],
    depths: list[float],
    *,
    present: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    right_mm, down_mm = np.meshgrid(
        (np.arange(cut.width_px) + place[0] - cut.width_px / 2) * cut.mm_per_px,
        (np.arange(cut.height_px) + place[1] - cut.height_px / 2) * cut.mm_per_px,
    )
    right, down, middle = (np.array(vector, float) for vector in (cut.right_lps, cut.down_lps, cut.middle_lps))
    normal = np.array(
        [
            right[1] * down[2] - right[2] * down[1],
            right[2] * down[0] - right[0] * down[2],
            right[0] * down[1] - right[1] * down[0],
        ]
    )
    samples, insides = [], []
    unsure = np.zeros(right_mm.shape, bool)
    for depth in depths:
        points = middle + right_mm[..., None] * right + down_mm[..., None] * down + depth * normal
        number, inside, near = _numbers(values.shape, lattice, points, cut.interpolation)
        share = _sample(present, number, cut.interpolation)
        total = _sample(np.where(present, values, 0), number, cut.interpolation)
        samples.append(total / np.where(share > 0, share, 1))
        insides.append(inside & (share >= 0.5))
        unsure |= near | (inside & (np.abs(share - 0.5) < 1e-3))
    stack, counted = np.array(samples), np.array(insides)
    any_inside = counted.any(axis=0)
    if cut.mode == "minip":
        found = np.where(counted, stack, np.inf).min(axis=0)
    elif cut.mode == "aip":
        found = np.where(counted, stack, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    else:
        found = np.where(counted, stack, -np.inf).max(axis=0)
    shown: NDArray[np.float64] = np.where(any_inside, found, 0)
    return shown, np.asarray(any_inside, dtype=np.bool_), unsure


def _numbers(
    shape: tuple[int, ...], lattice: tuple[Vector, Vector, Vector, Vector], points: NDArray[np.float64], way: str
) -> tuple[list[NDArray[np.float64]], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return voxel numbers (slice, row, column) of points, which lie inside, and which float32 may judge otherwise."""
    # Cramer's rule on the three steps.
    a, b, c, origin = (np.array(vector, float) for vector in lattice)
    offset = points - origin
    volume = float(a @ _cross(b, c))
    i = offset @ _cross(b, c) / volume
    j = offset @ _cross(c, a) / volume
    k = offset @ _cross(a, b) / volume
    inside = np.ones(i.shape, bool)
    near = np.zeros(i.shape, bool)
    for number, size in ((k, shape[0]), (j, shape[1]), (i, shape[2])):
        inside &= (number >= -0.5) & (number <= size - 0.5)
        near |= (np.abs(number + 0.5) < 1e-3) | (np.abs(number - size + 0.5) < 1e-3)
        if way == "nearest":
            near |= np.abs(number - np.floor(number) - 0.5) < 2e-4
    return [k, j, i], inside, near


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def _sample(values: NDArray[Any], numbers: list[NDArray[np.float64]], way: str) -> NDArray[np.float64]:
    if way == "nearest":
        k, j, i = (
            np.clip(np.floor(number + 0.5).astype(int), 0, size - 1)
            for number, size in zip(numbers, values.shape, strict=True)
        )
        nearest: NDArray[np.float64] = values[k, j, i].astype(np.float64)
        return nearest
    between: NDArray[np.float64] = map_coordinates(values.astype(np.float64), numbers, order=1, mode="nearest")
    return between


def report_worst(pixels: NDArray[np.uint8], expected: NDArray[Any], decided: NDArray[np.bool_]) -> tuple[int, str]:
    """Return the largest difference in grey levels among decided pixels, and where it is, in words."""
    wanted = np.floor(expected + 0.5).astype(int)
    differs = np.where(decided, np.abs(pixels.astype(int) - wanted), 0)
    y, x = np.unravel_index(int(differs.argmax()), differs.shape)
    worst = int(differs[y, x])
    return (
        worst,
        f"pixel ({x}, {y}) is {pixels[y, x]}, must be {wanted[y, x]}; {int((differs > 0).sum())} differ at all",
    )
