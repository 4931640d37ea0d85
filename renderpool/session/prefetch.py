"""Loads a series outwards from its current image, in batches, one batch of a cell at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import islice

from renderpool.session.images import ImageStore
from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.core.errors import DataError

_BATCH_BYTES = 4 * 1024**2
_MAX_BATCH = 16
_BUDGET_SHARE = 0.6  # of the cache for one series: others are open too
_MAX_BAD_BATCHES = 3  # the storage node is away: the next wish of the doctor starts again


def outwards(center: int, count: int) -> Iterator[int]:
    """Yield 0 … count - 1 by distance from the center; of two equally far, the later first."""
    yield center
    for distance in range(1, count):
        if center + distance < count:
            yield center + distance
        if center - distance >= 0:
            yield center - distance


class Prefetcher:
    """The prefetching of one cell.

    Parameters
    ----------
    on_progress
        Called in a worker thread with (ready, total) after each batch.
    """

    def __init__(
        self, store: ImageStore, owner_id: int, series: SeriesFrames, on_progress: Callable[[int, int], None]
    ) -> None:
        self._store = store
        self._owner_id = owner_id
        self._series = series
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._center = 0
        self._running = False
        self._cancelled = False
        self._bad_batches = 0
        self._frame_bytes = max([1, *(_frame_bytes(series, key) for key in series.frames[:1])])
        self._reach = min(len(series.frames), int(store.budget_bytes * _BUDGET_SHARE) // self._frame_bytes)
        self._batch = max(1, min(_MAX_BATCH, _BATCH_BYTES // self._frame_bytes))

    def move(self, center: int) -> None:
        """Say which image is shown (from 0); starts or goes on."""
        with self._lock:
            self._center = center
            self._bad_batches = 0
            if self._running or self._cancelled or self._reach < 2:
                return
            self._running = True
        self._step()

    def cancel(self) -> None:
        """Stop after the batch that is under way."""
        self._cancelled = True

    def _step(self) -> None:
        keys = self._next_batch()
        with self._lock:
            if not keys or self._cancelled or self._bad_batches >= _MAX_BAD_BATCHES:
                self._running = False
        if not self._running:
            self._report()
        elif not self._store.prefetch(self._owner_id, self._series, keys, lambda: self._after(keys)):
            self._running = False

    def _after(self, keys: list[FrameKey]) -> None:
        nothing_came = len(self._store.missing(self._series, keys)) == len(keys)
        self._bad_batches = self._bad_batches + 1 if nothing_came else 0
        self._report()
        self._step()

    def _next_batch(self) -> list[FrameKey]:
        frames = self._series.frames
        near = [frames[index] for index in islice(outwards(self._center, len(frames)), self._reach)]
        return self._store.missing(self._series, near)[: self._batch]

    def _report(self) -> None:
        if not self._cancelled:
            self._on_progress(self._store.count_ready(self._series), len(self._series.frames))


def _frame_bytes(series: SeriesFrames, key: FrameKey) -> int:
    try:
        attributes = series.instances[key[0]]
    except DataError:
        return 1  # its own loading says so
    return attributes.rows * attributes.columns * attributes.samples_per_pixel * max(1, attributes.bits_allocated // 8)
