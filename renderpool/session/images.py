"""Decoded frames of all sessions: a bounded cache, one load at a time for each frame.

A frame is known by instance and frame number (a node has one storage), not by its owner: two sessions of the same user
share it. Who may see it is decided before, by the series that the owner's session has opened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from renderpool.session.source import FrameKey, FrameSource, SeriesFrames
from webviewer.core.errors import DataError, Unavailable, WebviewerError
from webviewer.dicom.aspect import pixel_aspect
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import DecodedFrame, decode_frame
from webviewer.dicom.lut import VoiChoice, default_voi, full_dynamic, is_inverted, modality_values, recommended_windows

_LOG = logging.getLogger(__name__)

_FAR = 1e30
_FAILURES_KEPT = 4096
_FAILURE_LIFE_S = 60.0
_INTERACTIVE_THREADS = 4
_PREFETCH_THREADS = 2

Done = Callable[[FrameKey, "LoadedImage | WebviewerError"], None]


class LoadedImage:
    """One decoded frame with what drawing it needs; derived values are computed once, when first asked for."""

    def __init__(self, key: FrameKey, decoded: DecodedFrame, attributes: ImageAttributes) -> None:
        self.key = key
        self.attributes = attributes
        self.is_colour = decoded.is_colour
        self.stored = decoded.values
        self.rows, self.columns = int(decoded.values.shape[0]), int(decoded.values.shape[1])
        self.size_bytes = int(decoded.values.nbytes)
        self.pixel_aspect = pixel_aspect(attributes, key[1])

    def grey_values(self) -> NDArray[np.float32]:
        """Return modality values, (rows, columns) float32. Not kept: the texture is."""
        values = modality_values(self.stored, self.attributes, self.key[1])
        if self.stored.dtype.kind == "f":
            # What is no number is dark; infinities would make no number of an average.
            values = np.nan_to_num(values, nan=-_FAR, posinf=_FAR, neginf=-_FAR).astype(np.float32, copy=False)
        return values

    def colour_values(self) -> NDArray[np.uint8]:
        """Return RGB, (rows, columns, 3) uint8, of a colour image."""
        colour: NDArray[np.uint8] = self.stored
        return colour

    @cached_property
    def recommended(self) -> tuple[VoiChoice, ...]:
        """What the object recommends; what `default_voi` gives where that is nothing."""
        choices = recommended_windows(self.attributes, self.key[1])
        return choices or (default_voi(self.grey_values(), self.attributes, self.key[1]),)

    @cached_property
    def full_dynamic(self) -> VoiChoice:
        """The window from the darkest to the lightest value."""
        return full_dynamic(self.grey_values(), self.attributes, self.key[1])

    @cached_property
    def inverted(self) -> bool:
        """Whether low values are bright."""
        return is_inverted(self.attributes)


class ImageStore:
    """Fetches, decodes and keeps frames.

    Parameters
    ----------
    source
        Where stored frames come from.
    budget_bytes
        How much is kept; 0 = nothing (``--no-image-cache``): what is asked for is handed over, and prefetching is off.
    decode_threads
        How many frames of a prefetch are decoded at once.
    """

    def __init__(self, source: FrameSource, budget_bytes: int, decode_threads: int) -> None:
        self._source = source
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._images: OrderedDict[FrameKey, LoadedImage] = OrderedDict()
        self._failures: OrderedDict[FrameKey, tuple[WebviewerError, float]] = OrderedDict()
        self._waiting: dict[FrameKey, list[Done]] = {}
        self._interactive = ThreadPoolExecutor(_INTERACTIVE_THREADS, "load")
        self._prefetch = ThreadPoolExecutor(_PREFETCH_THREADS, "prefetch")
        self._decode = ThreadPoolExecutor(max(1, decode_threads), "decode")
        self._closed = False
        self.size_bytes = 0
        self.hits = 0
        self.loads = 0

    # -- what is there ---------------------------------------------------------------------------------------------

    def get(self, key: FrameKey) -> LoadedImage | None:
        """Return a frame that is there, as the most recently used."""
        with self._lock:
            image = self._images.get(key)
            if image is not None:
                self._images.move_to_end(key)
                self.hits += 1
            return image

    def failure(self, key: FrameKey) -> WebviewerError | None:
        """Return why a frame could not be decoded lately."""
        with self._lock:
            return self._failure(key)

    def _failure(self, key: FrameKey) -> WebviewerError | None:
        entry = self._failures.get(key)
        if entry is None or time.monotonic() - entry[1] > _FAILURE_LIFE_S:
            return None
        return entry[0]

    def missing(self, keys: Sequence[FrameKey]) -> list[FrameKey]:
        """Return those that are neither there, nor known as bad, nor being loaded."""
        with self._lock:
            return [
                key
                for key in keys
                if key not in self._images and key not in self._waiting and self._failure(key) is None
            ]

    def count_ready(self, keys: Sequence[FrameKey]) -> int:
        """Return how many are there, or known as bad."""
        with self._lock:
            return sum(1 for key in keys if key in self._images or self._failure(key) is not None)

    def __len__(self) -> int:
        return len(self._images)

    # -- loading ---------------------------------------------------------------------------------------------------

    def load_series(self, owner_id: int, series_id: int, done: Callable[[SeriesFrames | WebviewerError], None]) -> None:
        """Ask the storage node what a series has; ``done`` is called in a worker thread."""
        self._submit(self._interactive, self._load_series, owner_id, series_id, done)

    def _load_series(
        self, owner_id: int, series_id: int, done: Callable[[SeriesFrames | WebviewerError], None]
    ) -> None:
        try:
            done(self._source.series(owner_id, series_id))
        except WebviewerError as exc:
            done(exc)

    def request(self, owner_id: int, series: SeriesFrames, key: FrameKey, done: Done) -> None:
        """Load one frame that somebody wants to see now; ``done`` is called in a worker thread, once.

        If the frame is being loaded already, that load is waited for.
        """
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting is not None:
                waiting.append(done)
                return
            self._waiting[key] = [done]
        if not self._submit(self._interactive, self._load_now, owner_id, series, [key]):
            self._finish(key, Unavailable("The render node is stopping."))

    def prefetch(self, owner_id: int, series: SeriesFrames, keys: Sequence[FrameKey], done: Callable[[], None]) -> bool:
        """Load frames that may be wanted soon, in one request; ``done`` is called when all are settled.

        They count as being loaded once the request is made: whoever wants to see one of them before does not wait
        behind what other viewers may want soon.
        """
        return self._submit(self._prefetch, self._load_batch, owner_id, series, keys, done)

    def _submit(self, pool: ThreadPoolExecutor, function: Callable[..., None], *arguments: object) -> bool:
        try:
            future: Future[None] = pool.submit(function, *arguments)
        except RuntimeError:  # the pool is shut down
            return False
        future.add_done_callback(_log_failure)
        return True

    def _load_batch(
        self, owner_id: int, series: SeriesFrames, keys: Sequence[FrameKey], done: Callable[[], None]
    ) -> None:
        with self._lock:
            mine = [key for key in keys if key not in self._images and key not in self._waiting]
            for key in mine:
                self._waiting[key] = []
        try:
            self._load(owner_id, series, mine, self._decode)
        finally:
            done()

    def _load_now(self, owner_id: int, series: SeriesFrames, keys: list[FrameKey]) -> None:
        self._load(owner_id, series, keys, None)

    def _load(self, owner_id: int, series: SeriesFrames, keys: list[FrameKey], pool: ThreadPoolExecutor | None) -> None:
        if not keys:
            return
        left = set(keys)
        decoding: list[Future[None]] = []
        try:
            for key, data in self._source.frames(owner_id, keys):
                if self._closed:
                    break
                left.discard(key)
                work = partial(self._decode_one, key, data, series)
                if pool is None:
                    work()
                else:
                    decoding.append(pool.submit(work))
            for future in decoding:
                future.result()
        except (WebviewerError, RuntimeError) as exc:  # RuntimeError: a pool that is shut down
            error = exc if isinstance(exc, WebviewerError) else Unavailable("The render node is stopping.")
            for key in left:
                self._finish(key, error)
            left.clear()
        finally:
            for key in left:
                self._finish(key, Unavailable("The storage node did not send this image."))

    def _decode_one(self, key: FrameKey, data: bytes | WebviewerError, series: SeriesFrames) -> None:
        outcome: LoadedImage | WebviewerError
        try:
            if isinstance(data, WebviewerError):
                outcome = data
            else:
                attributes = series.instances[key[0]]
                outcome = LoadedImage(key, decode_frame(data, attributes, key[1]), attributes)
        except WebviewerError as exc:
            outcome = exc
        except Exception:  # noqa: BLE001  an edge: a decoder of somebody else's must not end the batch
            _LOG.exception("decode_failed", extra={"instance_id": key[0], "frame_number": key[1]})
            outcome = DataError("This image cannot be shown: its pixel data could not be decoded.")
        self._finish(key, outcome)

    def _finish(self, key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
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
            done(key, outcome)

    def _keep(self, image: LoadedImage) -> None:
        if image.size_bytes > self.budget_bytes:
            return
        old = self._images.pop(image.key, None)
        if old is not None:
            self.size_bytes -= old.size_bytes
        self._images[image.key] = image
        self.size_bytes += image.size_bytes
        while self.size_bytes > self.budget_bytes:
            _, oldest = self._images.popitem(last=False)
            self.size_bytes -= oldest.size_bytes

    # -- direct use from worker threads (thumbnails, rendered frames) ------------------------------------------------

    def load_blocking(self, owner_id: int, series: SeriesFrames, key: FrameKey, timeout_s: float = 60.0) -> LoadedImage:
        """Return a frame, loaded if need be; for worker threads.

        Raises
        ------
        WebviewerError
            Why it cannot be shown.
        """
        image = self.get(key)
        if image is not None:
            return image
        error = self.failure(key)
        if error is not None:
            raise error
        ready: Future[LoadedImage | WebviewerError] = Future()
        self.request(owner_id, series, key, lambda _key, outcome: ready.set_result(outcome))
        try:
            outcome = ready.result(timeout_s)
        except TimeoutError as exc:
            raise Unavailable(f"The storage node did not send this image within {timeout_s:g} s.") from exc
        if isinstance(outcome, WebviewerError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Stop loading; what is being loaded is given up."""
        self._closed = True
        for pool in (self._prefetch, self._interactive, self._decode):
            pool.shutdown(wait=False, cancel_futures=True)


def _log_failure(future: Future[None]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if error is not None:
        _LOG.error("load_failed", exc_info=error)
