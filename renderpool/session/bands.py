"""A picture that is drawn from top to bottom in parts of about the same time, whatever is in them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part

BAND_S = 0.02
"""How long a part takes, about; the longest within twice that."""
_FIRST_ROWS = 32
_ROWS = 8  # parts are multiples: software draws in blocks, and of fewer rows it is slower
_COLUMNS = 8
_BLOCK_PX = 64  # what software hands to one of its threads is as wide and begins at multiples
_MOST_GROWTH = 2.0
_SURE = 0.7  # how much of what is thought beforehand bounds a part that looks cheaper


class Bands:
    """One picture; each `step` draws some rows, or, where few rows take too long already, some columns of them.

    Parameters
    ----------
    draw
        Draws a part of the canvas: (height, width) or (height, width, 3) uint8.
    row_s
        What the costliest row is thought to take; None = not known.
    least_rows
        No part but the last is of fewer, nor divided: each costs a software device some ms beside its pixels.
    pixel_s
        What the costliest pixel is thought to take; None = as all of its row.
    """

    def __init__(
        self,
        width_px: int,
        height_px: int,
        draw: Callable[[Part], NDArray[np.uint8]],
        row_s: float | None = None,
        least_rows: int = _ROWS,
        *,
        pixel_s: float | None = None,
    ) -> None:
        self._width_px, self._height_px = width_px, height_px
        self._draw = draw
        self._pixels: NDArray[np.uint8] | None = None
        self._left_px = self._top_px = 0
        self._rows = float(_FIRST_ROWS) if row_s is None else BAND_S / max(row_s, 1e-9)
        self._known_row_s = row_s or 0.0
        self._known_pixel_s = self._known_row_s / width_px if pixel_s is None else pixel_s
        self._least_rows = max(_ROWS, least_rows)
        self._band_rows = 0  # of the rows that are being drawn
        self._band_s = 0.0
        self._band_pixel_s = self._last_pixel_s = 0.0  # the slowest of these rows, where divided, and of those before
        self._columns: float | None = None  # of the next part; None = all
        self.took_s = 0.0
        """All parts together."""
        self.slowest_row_s = 0.0
        """Of the parts so far; what the next picture of the same kind is told."""

    def step(self) -> NDArray[np.uint8] | None:
        """Draw the next part; returns the picture when that was the last."""
        if self._left_px == 0:
            self._begin_band()
        columns = self._next_columns()
        part = (self._left_px, self._top_px, columns, self._band_rows)
        begun_s = time.perf_counter()
        drawn = self._draw(part)
        took_s = time.perf_counter() - begun_s
        self._keep(drawn, part)
        self.took_s += took_s
        self._band_s += took_s
        self._left_px += columns
        if self._columns is not None:
            pixel_s = max(took_s / (columns * self._band_rows), 1e-12)
            self._band_pixel_s = max(self._band_pixel_s, pixel_s)
            pixel_s = max(pixel_s, _SURE * self._known_pixel_s, _SURE * self._last_pixel_s)
            self._columns = min(BAND_S / (pixel_s * self._band_rows), _MOST_GROWTH * columns)
        if self._left_px < self._width_px:
            return None
        self._end_band()
        return self._pixels if self._top_px == self._height_px else None

    def _begin_band(self) -> None:
        left = self._height_px - self._top_px
        rows = max(self._least_rows, int(self._rows) // _ROWS * _ROWS)
        self._band_rows, self._band_s = left if left < 1.5 * rows else rows, 0.0
        if self._least_rows > _ROWS or self._rows * 1.5 >= _ROWS:
            self._columns = None
        elif self._columns is None:
            self._columns = BAND_S / (max(self._known_pixel_s, BAND_S / (self._rows * self._width_px)) * _ROWS)

    def _next_columns(self) -> int:
        left = self._width_px - self._left_px
        if self._columns is None:
            return left
        unit = _BLOCK_PX if self._columns >= _BLOCK_PX else _COLUMNS
        columns = max(_COLUMNS, int(self._columns) // unit * unit)
        return left if left < 1.5 * columns else columns

    def _end_band(self) -> None:
        rows = self._band_rows
        self._last_pixel_s, self._band_pixel_s = self._band_pixel_s, 0.0
        self._left_px = 0
        self._top_px += rows
        row_s = max(self._band_s / rows, 1e-9)
        self.slowest_row_s = max(self.slowest_row_s, row_s)
        # The middle of a picture holds more than its borders: what is known of others bounds what this part suggests.
        expected_s = max(row_s, _SURE * self._known_row_s)
        self._rows = min(BAND_S / expected_s, _MOST_GROWTH * max(rows, _ROWS))

    def _keep(self, drawn: NDArray[np.uint8], part: Part) -> None:
        left_px, top_px, width_px, height_px = part
        if (width_px, height_px) == (self._width_px, self._height_px):
            self._pixels = drawn
            return
        if self._pixels is None:
            self._pixels = np.empty((self._height_px, self._width_px, *drawn.shape[2:]), drawn.dtype)
        self._pixels[top_px : top_px + height_px, left_px : left_px + width_px] = drawn
