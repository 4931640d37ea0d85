"""A transfer function as the table that a device looks values up in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TransferTable:
    """Colours and opacities of values at even distances.

    Parameters
    ----------
    rgba
        (entries, 4) float32, 0 to 1: red, green, blue (not multiplied by opacity) and opacity.
    low, high
        Values of the first and the last entry. Between entries it is linear, beyond them level.
    """

    rgba: NDArray[np.float32]
    low: float
    high: float

    @property
    def visible_ranges(self) -> tuple[tuple[float, float], ...]:
        """The values that show, as (low, high) in rising order; infinite where an outer entry shows.

        Ends are excluded: opacity is 0 there, and over 0 everywhere between, as the table is looked up. What lies
        outside of all of them may be skipped without a trace.
        """
        shows = self.rgba[:, 3] > 0
        # An entry that shows reaches to both neighbours.
        edges = np.flatnonzero(np.diff(np.concatenate(([False], shows, [False])).astype(np.int8)))
        last = len(shows) - 1
        ranges: list[tuple[float, float]] = []
        for first, beyond in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            low = -math.inf if first == 0 else self._value(first - 1)
            high = math.inf if beyond > last else self._value(beyond)
            ranges.append((low, high))
        return tuple(ranges)

    def _value(self, entry: int) -> float:
        return self.low + (self.high - self.low) * entry / (len(self.rgba) - 1)
