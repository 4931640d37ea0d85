"""What is known of the values of one volume, kept with it."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """Values in the modality's unit; ``low`` and ``high`` are those at ``RANGE_PERCENTILES``, low under high.

    ``histogram`` counts voxels of `renderpool.session.volume_facts.HISTOGRAM_STEPS` equal steps from lowest to highest.
    """

    lowest: float
    highest: float
    low: float
    high: float
    histogram: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """Facts, and of what: whether the volume was whole, how many slices were there."""

    state: tuple[bool, int]
    facts: ValueFacts


class FactsKept:
    """The facts that were computed last; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: KnownFacts | None = None

    def get(self) -> KnownFacts | None:
        """Return them; None before any are known."""
        with self._lock:
            return self._known

    def put(self, known: KnownFacts) -> None:
        """Keep them, unless those of more slices are known by now."""
        with self._lock:
            if self._known is None or self._known.state <= known.state:
                self._known = known
