"""What is right over a picture: an independent NumPy reference of overlays and shutters (PS3.3 C.9.2, C.7.6.11).

Written without importing anything of the product. Spaces as in `reference_pixels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.support.reference_pixels import MAX_SAMPLES, ReferenceView, image_points

BRIGHT = 191


def overlay_pixels(ds: Dataset, group: int, frame: int = 0) -> NDArray[np.bool_]:
    """Return one frame of an overlay with Overlay Data, (rows, columns), as pydicom's own unpacking would."""
    rows, columns = ds[group, 0x0010].value, ds[group, 0x0011].value
    bits = np.unpackbits(np.frombuffer(ds[group, 0x3000].value, np.uint8), bitorder="little")
    first = frame * rows * columns
    return bits[first : first + rows * columns].reshape(rows, columns).astype(bool)


def packed(pixels: NDArray[Any]) -> bytes:
    """Return pixels, (rows, columns) or (frames, rows, columns), as Overlay Data: a bit each, the first lowest."""
    octets = np.packbits(np.asarray(pixels, bool).ravel(), bitorder="little").tobytes()
    return octets + b"\0" * (len(octets) % 2)


def lines_at(
    overlays: list[tuple[NDArray[np.bool_], int, int]], column: NDArray[np.float64], row: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return whether any overlay, given with its origin row and column from 1, is set at points of the image."""
    found = np.zeros(column.shape, bool)
    c, r = np.floor(column).astype(int), np.floor(row).astype(int)
    for pixels, origin_row, origin_column in overlays:
        y, x = r - (origin_row - 1), c - (origin_column - 1)
        inside = (y >= 0) & (y < pixels.shape[0]) & (x >= 0) & (x < pixels.shape[1])
        found |= inside & pixels[np.clip(y, 0, pixels.shape[0] - 1), np.clip(x, 0, pixels.shape[1] - 1)]
    return found


def with_graphics(
    picture: NDArray[np.uint8],
    view: ReferenceView,
    size: tuple[int, int],
    *,
    overlays: list[tuple[NDArray[np.bool_], int, int]],
    covered: NDArray[np.bool_] | None,
    shade: tuple[int, int, int],
    pixel_aspect: float = 1.0,
) -> NDArray[np.uint8]:
    """Return a picture with its shutter, then its overlays; ``size`` is (rows, columns) of the image.

    A canvas pixel is as much covered as its samples are; an overlay counts n of n × n samples as the whole pixel.
    """
    rows, columns = size
    u, v, zoom = image_points(rows, columns, pixel_aspect, view)
    in_image = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
    n = 1 if zoom >= 1 else min(math.ceil(1 / zoom - 1e-9), MAX_SAMPLES)
    line, area = np.zeros(u.shape), np.zeros(u.shape)
    for j in range(n):
        for i in range(n):
            x, y, _ = image_points(rows, columns, pixel_aspect, view, ((i + 0.5) / n, (j + 0.5) / n))
            line += lines_at(overlays, x, y)
            if covered is not None:
                c, r = np.floor(x).astype(int), np.floor(y).astype(int)
                inside = (c >= 0) & (c < columns) & (r >= 0) & (r < rows)
                area += inside & covered[np.clip(r, 0, rows - 1), np.clip(c, 0, columns - 1)]
    out = picture.astype(np.float64)
    grey = out.ndim == 2
    target = np.array(shade, np.float64) if not grey else np.dot(shade, [0.299, 0.587, 0.114])
    weight = np.where(in_image, area / (n * n), 0.0)
    weight = weight if grey else weight[..., None]
    out = np.floor(out + (target - out) * weight + 0.5)
    light = out if grey else out @ np.array([0.299, 0.587, 0.114])
    ink = np.where(light > BRIGHT, 0.0, 255.0)
    weight = np.minimum(line / n, 1.0)
    if not grey:
        ink, weight = ink[..., None], weight[..., None]
    mixed: NDArray[np.uint8] = np.floor(out + (ink - out) * weight + 0.5).astype(np.uint8)
    return mixed
