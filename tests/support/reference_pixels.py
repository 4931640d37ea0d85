"""What is right: an independent NumPy reference from stored values to the 8-bit canvas.

Written from the standard (PS3.3 C.7.6.3, C.11.1, C.11.2), in float64, without importing anything of the product, so
that the product can be measured against it. Slow and plain on purpose.

Spaces: *image* = (column, row) from the corner of the first pixel, the centre of the first pixel at (0.5, 0.5);
*canvas* = device pixels from the upper left corner, y down, the centre of the first pixel at (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SAMPLES = 8


@dataclass(frozen=True)
class ReferenceVoi:
    """A window (PS3.3 C.11.2.1.2 to .3) or, with ``lut``, a VOI LUT: its entries, first mapped value and bits."""

    center: float = 0.0
    width: float = 1.0
    function: str = "LINEAR"
    lut: tuple[int, ...] | None = None
    lut_first_mapped: int = 0
    lut_bits: int = 8


@dataclass(frozen=True)
class ReferenceView:
    """The wish of `webviewer.protocol.messages.View`, as far as it moves pixels."""

    width_px: int
    height_px: int
    zoom: float | None = None
    center_x: float | None = None
    center_y: float | None = None
    rotation_deg: float = 0.0
    flip_horizontal: bool = False
    interpolation: str = "bilinear"


def modality(stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0) -> NDArray[np.float64]:
    """C.11.1.1.2: output units = m * SV + b."""
    return stored.astype(np.float64) * slope + intercept


def modality_by_table(stored: NDArray[Any], entries: tuple[int, ...], first_mapped: int) -> NDArray[np.float64]:
    """C.11.1.1: values below the first mapped take the first entry, those above the last take the last."""
    out = np.empty(stored.shape, np.float64)
    for place, value in np.ndenumerate(stored):
        out[place] = entries[min(max(int(value) - first_mapped, 0), len(entries) - 1)]
    return out


def grey(values: NDArray[np.float64], voi: ReferenceVoi, *, inverted: bool = False) -> NDArray[np.float64]:
    """Return grey from 0.0 to 255.0, not rounded; ``inverted`` turns it over (MONOCHROME1, or the user's wish)."""
    x = np.asarray(values, np.float64)
    c, w = voi.center, voi.width
    if voi.lut is not None:
        index = np.clip(np.floor(x + 0.5).astype(np.int64) - voi.lut_first_mapped, 0, len(voi.lut) - 1)
        y = np.array(voi.lut, np.float64)[index] * 255.0 / (2**voi.lut_bits - 1)
    elif voi.function == "SIGMOID":
        y = 255.0 / (1.0 + np.exp(np.clip(-4.0 * (x - c) / w, -700, 700)))
    elif voi.function == "LINEAR_EXACT":
        y = ((x - c) / w + 0.5) * 255.0
        y = np.where(x <= c - w / 2, 0.0, np.where(x > c + w / 2, 255.0, y))
    elif voi.function == "LINEAR":
        w = max(w, 1.0)  # the standard knows no narrower one; the narrowest is a threshold
        with np.errstate(divide="ignore", invalid="ignore"):
            y = ((x - (c - 0.5)) / (w - 1.0) + 0.5) * 255.0
        y = np.where(x <= c - 0.5 - (w - 1) / 2, 0.0, np.where(x > c - 0.5 + (w - 1) / 2, 255.0, y))
    else:
        raise ValueError(f"no such VOI LUT function: {voi.function}")
    shown: NDArray[np.float64] = np.clip(y, 0.0, 255.0)
    return 255.0 - shown if inverted else shown


def grey8(values: NDArray[np.float64], voi: ReferenceVoi, *, inverted: bool = False) -> NDArray[np.uint8]:
    """Return `grey` rounded half up."""
    return np.floor(grey(values, voi, inverted=inverted) + 0.5).astype(np.uint8)


def fit_zoom(rows: int, columns: int, pixel_aspect: float, view: ReferenceView) -> float:
    """Return canvas pixels per column at which the whole (turned) image fits."""
    angle = math.radians(view.rotation_deg)
    c, s = abs(math.cos(angle)), abs(math.sin(angle))
    w, h = columns, rows * pixel_aspect
    return min(view.width_px / (w * c + h * s), view.height_px / (w * s + h * c))


def image_points(
    rows: int, columns: int, pixel_aspect: float, view: ReferenceView, offset: tuple[float, float] = (0.5, 0.5)
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return image column and row under each canvas pixel at an offset inside the pixel, and the zoom.

    Forward: from the image point at the middle; flip about the vertical axis; clockwise turn; scale. Rows are stretched
    by the pixel's aspect (height / width) before the turn.
    """
    zoom = fit_zoom(rows, columns, pixel_aspect, view) if view.zoom is None else view.zoom
    middle_x = columns / 2 if view.center_x is None else view.center_x
    middle_y = rows / 2 if view.center_y is None else view.center_y
    y, x = np.mgrid[0 : view.height_px, 0 : view.width_px].astype(np.float64)
    offset_x, offset_y = offset
    dx = (x + offset_x - view.width_px / 2) / zoom
    dy = (y + offset_y - view.height_px / 2) / zoom
    angle = math.radians(view.rotation_deg)
    c, s = math.cos(angle), math.sin(angle)
    back_x = dx * c + dy * s
    back_y = -dx * s + dy * c
    if view.flip_horizontal:
        back_x = -back_x
    return middle_x + back_x, middle_y + back_y / pixel_aspect, zoom


def sample(image: NDArray[Any], column: NDArray[np.float64], row: NDArray[np.float64], how: str) -> NDArray[np.float64]:
    """Return values at image points, (…) or (…, 3); beyond the outermost pixel centres the edge goes on."""
    rows, columns = image.shape[:2]
    source = image.astype(np.float64)
    if how == "nearest":
        r = np.clip(np.floor(row).astype(int), 0, rows - 1)
        c = np.clip(np.floor(column).astype(int), 0, columns - 1)
        nearest: NDArray[np.float64] = source[r, c]
        return nearest
    x, y = column - 0.5, row - 0.5
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - x0, y - y0
    if image.ndim == 3:
        fx, fy = fx[..., np.newaxis], fy[..., np.newaxis]
    left, right = np.clip(x0, 0, columns - 1), np.clip(x0 + 1, 0, columns - 1)
    top, bottom = np.clip(y0, 0, rows - 1), np.clip(y0 + 1, 0, rows - 1)
    upper = source[top, left] * (1 - fx) + source[top, right] * fx
    lower = source[bottom, left] * (1 - fx) + source[bottom, right] * fx
    mixed: NDArray[np.float64] = upper * (1 - fy) + lower * fy
    return mixed


def sampled_values(
    image: NDArray[Any], view: ReferenceView, pixel_aspect: float = 1.0, present: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the value of each canvas pixel and whether its centre lies inside the image.

    Where the image is minified (zoom under 1) n × n samples at (i + 0.5) / n of the canvas pixel are averaged, n =
    ceil(1 / zoom), at most 8. Averages are of values: the window comes after, as in the standard's chain. Only pixels
    that are ``present`` (None = all) have a value; where less than half of what is averaged does, nothing is inside.
    """
    rows, columns = image.shape[:2]
    u, v, zoom = image_points(rows, columns, pixel_aspect, view)
    inside = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
    n = 1 if zoom >= 1 else min(math.ceil(1 / zoom - 1e-9), MAX_SAMPLES)
    total: NDArray[np.float64] | None = None
    share = np.zeros(u.shape)
    if present is not None:
        image = np.where(present, image, 0)
    for j in range(n):
        for i in range(n):
            column, row, _ = image_points(rows, columns, pixel_aspect, view, ((i + 0.5) / n, (j + 0.5) / n))
            value = sample(image, column, row, view.interpolation)
            total = value if total is None else total + value
            share += 1.0 if present is None else sample(present, column, row, view.interpolation)
    assert total is not None
    if present is None:
        return total / (n * n), inside
    return total / np.where(share > 0, share, 1), inside & (share >= 0.5 * n * n)


def canvas_grey8(
    values: NDArray[Any],
    voi: ReferenceVoi,
    view: ReferenceView,
    *,
    pixel_aspect: float = 1.0,
    inverted: bool = False,
) -> NDArray[np.uint8]:
    """Return the canvas, (height, width), of modality values; outside the image it is 0, whatever the window."""
    sampled, inside = sampled_values(values, view, pixel_aspect)
    return np.where(inside, grey8(sampled, voi, inverted=inverted), 0).astype(np.uint8)


def canvas_rgb8(
    rgb: NDArray[np.uint8], view: ReferenceView, *, pixel_aspect: float = 1.0, inverted: bool = False
) -> NDArray[np.uint8]:
    """Return the canvas, (height, width, 3), of a colour image."""
    sampled, inside = sampled_values(rgb, view, pixel_aspect)
    shown = 255.0 - sampled if inverted else sampled
    return np.where(inside[..., np.newaxis], np.floor(shown + 0.5), 0).astype(np.uint8)
