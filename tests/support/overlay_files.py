"""Overlays and shutters for phantoms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.support.reference_graphics import packed


def frame_of_lines(rows: int, columns: int) -> NDArray[np.bool_]:
    """Return an outline with a diagonal, one pixel wide."""
    pixels = np.zeros((rows, columns), bool)
    pixels[[0, -1], :] = pixels[:, [0, -1]] = True
    for k in range(min(rows, columns)):
        pixels[k, k] = True
    return pixels


def add_overlay(
    ds: Dataset,
    pixels: NDArray[Any],
    *,
    group: int = 0x6000,
    origin: tuple[int, int] = (1, 1),
    vr: str = "OW",
    overlay_type: str = "G",
    **elements: Any,
) -> Dataset:
    """Add an overlay of (rows, columns) or, of a multi-frame one, (frames, rows, columns); a None leaves one out.

    ``elements`` replace values by keyword: ``rows``, ``columns``, ``frames``, ``image_frame_origin``, ``allocated``,
    ``position``, ``data``.
    """
    values: dict[str, Any] = {
        "rows": pixels.shape[-2],
        "columns": pixels.shape[-1],
        "frames": pixels.shape[0] if pixels.ndim == 3 else None,
        "image_frame_origin": 1 if pixels.ndim == 3 else None,
        "allocated": 1,
        "position": 0,
        "data": packed(pixels),
    } | elements
    for name, element, kind in (
        ("rows", 0x0010, "US"),
        ("columns", 0x0011, "US"),
        ("frames", 0x0015, "IS"),
        ("image_frame_origin", 0x0051, "US"),
        ("allocated", 0x0100, "US"),
        ("position", 0x0102, "US"),
        ("data", 0x3000, vr),
    ):
        if values[name] is not None:
            ds.add_new((group, element), kind, values[name])
    ds.add_new((group, 0x0040), "CS", overlay_type)
    ds.add_new((group, 0x0050), "SS", list(origin))
    return ds


def add_shutter(ds: Dataset, shape: str | list[str], **keywords: Any) -> Dataset:
    """Add the display shutter module; keywords are pydicom's."""
    ds.ShutterShape = shape
    for keyword, value in keywords.items():
        setattr(ds, keyword, value)
    return ds
