"""A picture at rest that gets finer with every pass: what is drawn of several phases, put together. No OpenGL.

Samples a step apart leave rings on slanted surfaces. Passes whose samples lie between those of the passes before fill
the step, and take the grain of the jitter out at the same time. Each is a whole picture: others can be drawn between.
Averages are the pictures of surfaces; the highest of all samples is the highest of all passes.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.rays import RayView
from webviewer.core.errors import InvalidInput

MAX_PASSES = 64


class Together(Enum):
    """What a pixel of several passes is."""

    AVERAGE = "average"
    LIGHTEST = "lightest"
    DARKEST = "darkest"


class Refinement:
    """The passes of one view.

    Parameters
    ----------
    view
        Whose phase is the first pass's.
    passes
        1 to 64; powers of two divide the step evenly.
    together
        How they are put together.

    Raises
    ------
    InvalidInput
        Another number of passes.
    """

    def __init__(self, view: RayView, passes: int = 4, together: Together = Together.AVERAGE) -> None:
        if not 1 <= passes <= MAX_PASSES:
            raise InvalidInput(f"A picture in {passes} passes is invalid: must be 1 to {MAX_PASSES}.")
        self._view = view
        self._passes = passes
        self._together = together
        self._sum: NDArray[np.uint16] | None = None
        self._extreme: NDArray[np.uint8] | None = None
        self.drawn = 0

    @property
    def next_view(self) -> RayView | None:
        """What to draw next; None when all passes were added."""
        if self.drawn >= self._passes:
            return None
        return replace(self._view, phase=(self._view.phase + _halved(self.drawn)) % 1.0)

    def add(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Take in the picture of `next_view` and return that of all so far; same shape, uint8."""
        if self._together is not Together.AVERAGE:
            self.drawn += 1
            extreme = np.maximum if self._together is Together.LIGHTEST else np.minimum
            self._extreme = pixels if self._extreme is None else extreme(self._extreme, pixels)
            return self._extreme
        if self._sum is None:
            self._sum = np.zeros(pixels.shape, dtype=np.uint16)
        self._sum += pixels
        self.drawn += 1
        return ((self._sum + self.drawn // 2) // self.drawn).astype(np.uint8)


def _halved(number: int) -> float:
    """Return 0, 1/2, 1/4, 3/4, 1/8, … : at every number those so far lie as evenly as they can (van der Corput)."""
    result, part = 0.0, 0.5
    while number:
        result += part * (number & 1)
        number >>= 1
        part /= 2
    return result
