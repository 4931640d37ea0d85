"""Decoded frames of all sessions and of all storage nodes: bounded, the least recently used goes first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from renderpool.session.loaded_image import LoadedImage
from renderpool.session.mosaics import MosaicCache
from renderpool.session.source import CacheKey, FrameKey
from webviewer.core.errors import DataError, WebviewerError

_FAILURES_KEPT = 4096
_FAILURE_LIFE_S = 60.0

Done = Callable[[FrameKey, LoadedImage | WebviewerError], None]


class ImageCache:
    """What is there, what is bad, what is being loaded, and the threads that decode what may be wanted soon.

    Parameters
    ----------
    budget_bytes
        How much is kept; 0 = nothing (``--no-image-cache``): what is asked for is handed over, and prefetching is off.
    decode_threads
        How many frames of a prefetch are decoded at once.
    """

    def __init__(self, budget_bytes: int, decode_threads: int) -> None:
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._images: OrderedDict[CacheKey, LoadedImage] = OrderedDict()
        self._failures: OrderedDict[CacheKey, tuple[WebviewerError, float]] = OrderedDict()
        self._waiting: dict[CacheKey, list[Done]] = {}
        self.decode = ThreadPoolExecutor(max(1, decode_threads), "decode")
        self.mosaics = MosaicCache()
        self.is_closed = False
        self.size_bytes = 0
        self.hits = 0
        self.loads = 0

    def __len__(self) -> int:
        return len(self._images)

    def get(self, key: CacheKey) -> LoadedImage | None:
        """Return a frame that is there, as the most recently used."""
        with self._lock:
            image = self._images.get(key)
            if image is not None:
                self._images.move_to_end(key)
                self.hits += 1
            return image

    def failure(self, key: CacheKey) -> WebviewerError | None:
        """Return why a frame could not be decoded lately."""
        with self._lock:
            return self._failure(key)

    def _failure(self, key: CacheKey) -> WebviewerError | None:
        entry = self._failures.get(key)
        if entry is None or time.monotonic() - entry[1] > _FAILURE_LIFE_S:
            return None
        return entry[0]

    def are_missing(self, keys: Sequence[CacheKey]) -> list[bool]:
        """Say of each whether it is neither there, nor known as bad, nor being loaded."""
        with self._lock:
            return [key not in self._images and key not in self._waiting and self._failure(key) is None for key in keys]

    def count_ready(self, keys: Sequence[CacheKey]) -> int:
        """Return how many are there, or known as bad."""
        with self._lock:
            return sum(1 for key in keys if key in self._images or self._failure(key) is not None)

    def wait_for(self, key: CacheKey, done: Done) -> bool:
        """Have ``done`` called when the frame is settled; returns whether it is the caller's to load."""
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting is not None:
                waiting.append(done)
                return False
            self._waiting[key] = [done]
            return True

    def claim(self, keys: Sequence[CacheKey]) -> list[CacheKey]:
        """Return those that nobody has or loads: from now on the caller loads them."""
        with self._lock:
            mine = [key for key in keys if key not in self._images and key not in self._waiting]
            for key in mine:
                self._waiting[key] = []
            return mine

    def settle(self, key: CacheKey, outcome: LoadedImage | WebviewerError) -> None:
        """Keep what came of a load, and tell who waits."""
        with self._lock:
            waiting = self._waiting.pop(key, [])
            if isinstance(outcome, LoadedImage):
                self.loads += 1
                self._keep(outcome)
            elif isinstance(outcome, DataError):
                self._failures[key] = (outcome, time.monotonic())
                self._failures.move_to_end(key)
                while len(self._failures) > _FAILURES_KEPT:
                    self._failures.popitem(last=False)
        for done in waiting:
            done(key[1:], outcome)

    def _keep(self, image: LoadedImage) -> None:
        if image.size_bytes > self.budget_bytes:
            return
        self._drop(image.cache_key)
        self._images[image.cache_key] = image
        self.size_bytes += image.size_bytes
        while self.size_bytes > self.budget_bytes:
            self._drop(next(iter(self._images)))

    def _drop(self, key: CacheKey) -> None:
        image = self._images.pop(key, None)
        if image is not None:
            self.size_bytes -= image.size_bytes

    def close(self) -> None:
        """Stop loading; what is being loaded is given up."""
        self.is_closed = True
        self.decode.shutdown(wait=False, cancel_futures=True)
