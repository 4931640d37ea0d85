"""What a canvas must look like, said a second time: plain NumPy and SciPy, float64, no matrices of the product."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates


@dataclass(frozen=True)
class Look:
    """How an image is looked at."""

    width_px: int
    height_px: int
    zoom: float
    center_x: float
    center_y: float
    rotation_deg: float = 0.0
    flip_horizontal: bool = False
    pixel_aspect: float = 1.0
    interpolation: str = "bilinear"


def points_of(look: Look, offset_x: float = 0.5, offset_y: float = 0.5) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return image coordinates (x, y), from the corner of the first pixel, of a point in each canvas pixel."""
    right, down = np.meshgrid(
        np.arange(look.width_px) + offset_x - look.width_px / 2,
        np.arange(look.height_px) + offset_y - look.height_px / 2,
    )
    # Undo the clockwise turn: a point that is right of the middle after a quarter turn was above it before.
    angle = math.radians(look.rotation_deg)
    x = right * math.cos(angle) + down * math.sin(angle)
    y = -right * math.sin(angle) + down * math.cos(angle)
    x, y = x / look.zoom, y / (look.zoom * look.pixel_aspect)
    if look.flip_horizontal:
        x = -x
    return x + look.center_x, y + look.center_y


def sample(plane: NDArray[Any], x: NDArray[Any], y: NDArray[Any], interpolation: str) -> NDArray[np.float64]:
    """Return the values of a (rows, columns) plane at points, the border continued outwards."""
    rows, columns = plane.shape
    if interpolation == "nearest":
        column = np.clip(np.floor(x).astype(int), 0, columns - 1)
        row = np.clip(np.floor(y).astype(int), 0, rows - 1)
        nearest: NDArray[np.float64] = plane[row, column].astype(np.float64)
        return nearest
    between: NDArray[np.float64] = map_coordinates(
        plane.astype(np.float64), [y - 0.5, x - 0.5], order=1, mode="nearest"
    )
    return between


def canvas_values(plane: NDArray[Any], look: Look) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the value of each canvas pixel, and which of them lie in the image."""
    count = 1
    if look.interpolation == "bilinear":
        count = min(8, max(1, math.ceil(round(1 / look.zoom, 6))))
    total = np.zeros((look.height_px, look.width_px))
    for row in range(count):
        for column in range(count):
            x, y = points_of(look, (column + 0.5) / count, (row + 0.5) / count)
            total += sample(plane, x, y, look.interpolation)
    x, y = points_of(look)
    inside = (x >= 0) & (x < plane.shape[1]) & (y >= 0) & (y < plane.shape[0])
    return total / count**2, inside


def grey_linear(values: NDArray[Any], center: float, width: float) -> NDArray[Any]:
    """PS3.3 C.11.2.1.2.1, 0 to 255."""
    if width == 1:
        return np.where(values <= center - 0.5, 0.0, 255.0)
    result = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    result = np.where(values <= center - 0.5 - (width - 1) / 2, 0.0, result)
    return np.where(values > center - 0.5 + (width - 1) / 2, 255.0, result)


def grey_linear_exact(values: NDArray[Any], center: float, width: float) -> NDArray[Any]:
    """PS3.3 C.11.2.1.3.2."""
    result = ((values - center) / width + 0.5) * 255
    result = np.where(values <= center - width / 2, 0.0, result)
    return np.where(values > center + width / 2, 255.0, result)


def grey_sigmoid(values: NDArray[Any], center: float, width: float) -> NDArray[Any]:
    """PS3.3 C.11.2.1.3.1."""
    return 255 / (1 + np.exp(np.clip(-4 * (values - center) / width, -500, 500)))


def worst(pixels: NDArray[np.uint8], expected: NDArray[Any]) -> int:
    """Return the largest difference in grey levels."""
    return int(np.abs(pixels.astype(int) - np.floor(expected + 0.5).astype(int)).max())
