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
_MOST_GROWTH = 2.0


class Bands:
    """One picture; each `step` draws some rows.

    Parameters
    ----------
    draw
        Draws a part of the canvas: (height, width) or (height, width, 3) uint8.
    row_s
        What a row is thought to take; None = not known.
    least_rows
        No part but the last is of fewer: each costs a software device some ms beside its pixels.
    """

    def __init__(
        self,
        width_px: int,
        height_px: int,
        draw: Callable[[Part], NDArray[np.uint8]],
        row_s: float | None = None,
        least_rows: int = _ROWS,
    ) -> None:
        self._width_px, self._height_px = width_px, height_px
        self._draw = draw
        self._parts: list[NDArray[np.uint8]] = []
        self._top_px = 0
        self._rows = float(_FIRST_ROWS) if row_s is None else BAND_S / max(row_s, 1e-9)
        self._known_row_s = row_s
        self._least_rows = max(_ROWS, least_rows)
        self.took_s = 0.0
        """All parts together."""
        self.slowest_row_s = 0.0
        """Of the parts so far; what the next picture of the same kind is told."""

    def step(self) -> NDArray[np.uint8] | None:
        """Draw the next part; returns the picture when that was the last."""
        left = self._height_px - self._top_px
        rows = max(self._least_rows, int(self._rows) // _ROWS * _ROWS)
        if left < 1.5 * rows:
            rows = left
        begun_s = time.perf_counter()
        self._parts.append(self._draw((0, self._top_px, self._width_px, rows)))
        took_s = time.perf_counter() - begun_s
        self._top_px += rows
        self.took_s += took_s
        row_s = max(took_s / rows, 1e-9)
        self.slowest_row_s = max(self.slowest_row_s, row_s)
        # The middle of a picture holds more than its borders: what is known of others bounds what this part suggests.
        expected_s = max(row_s, 0.7 * (self._known_row_s or 0.0))
        self._rows = min(BAND_S / expected_s, _MOST_GROWTH * max(rows, _ROWS))
        if self._top_px < self._height_px:
            return None
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
