"""The frames of one storage node, out of the cache that all share: one load at a time for each frame.

A frame is known by the file of its object and its number, not by its owner: two sessions of the same user share it.
Who may see it is decided before, by the series that the owner's session has opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from renderpool.session.cache import Done, ImageCache
from renderpool.session.image_graphics import has_overlay_data, make_graphics
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.mosaics import Fetched
from renderpool.session.source import FrameKey, FrameSource, OverlaySource, SeriesFrames
from webviewer.core.errors import DataError, Unavailable, WebviewerError
from webviewer.dicom.decode import DecodedFrame

_LOG = logging.getLogger(__name__)

_INTERACTIVE_THREADS = 4
_PREFETCH_THREADS = 2


class ImageStore:
    """Fetches and decodes the frames of one storage node.

    Parameters
    ----------
    cache
        Where frames are kept.
    source
        Where stored frames come from.
    """

    def __init__(self, cache: ImageCache, source: FrameSource) -> None:
        self._cache = cache
        self._source = source
        # Threads of its own: a storage node that hangs must not hold up the viewers of another one.
        self._interactive = ThreadPoolExecutor(_INTERACTIVE_THREADS, "load")
        self._prefetch = ThreadPoolExecutor(_PREFETCH_THREADS, "prefetch")

    @property
    def budget_bytes(self) -> int:
        """How much the cache keeps, of all storage nodes together."""
        return self._cache.budget_bytes

    # -- what is there ---------------------------------------------------------------------------------------------

    def get(self, series: SeriesFrames, key: FrameKey) -> LoadedImage | None:
        """Return a frame that is there, as the most recently used."""
        return self._cache.get(series.cache_key(key))

    def failure(self, series: SeriesFrames, key: FrameKey) -> WebviewerError | None:
        """Return why a frame could not be decoded lately."""
        return self._cache.failure(series.cache_key(key))

    def missing(self, series: SeriesFrames, keys: Sequence[FrameKey]) -> list[FrameKey]:
        """Return those that are neither there, nor known as bad, nor being loaded."""
        are_missing = self._cache.are_missing([series.cache_key(key) for key in keys])
        return [key for key, is_missing in zip(keys, are_missing, strict=True) if is_missing]

    def count_ready(self, series: SeriesFrames) -> int:
        """Return how many are there, or known as bad."""
        return self._cache.count_ready([series.cache_key(key) for key in series.frames])

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
        if not self._cache.wait_for(series.cache_key(key), done):
            return
        if not self._submit(self._interactive, self._load_now, owner_id, series, [key]):
            self._finish(series, key, Unavailable("The render node is stopping."))

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
        mine = [key[1:] for key in self._cache.claim([series.cache_key(key) for key in keys])]
        try:
            self._load(owner_id, series, mine, self._cache.decode)
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
            for key, data in self._cache.mosaics.frames(self._source, owner_id, series, keys):
                if self._cache.is_closed:
                    break
                left.discard(key)
                work = partial(self._decode_one, owner_id, key, data, series)
                # Overlay bits are neither queued nor asked for in a thread that other storage nodes need.
                if pool is None or self._has_overlay_data(series, key):
                    work()
                else:
                    decoding.append(pool.submit(work))
            for future in decoding:
                future.result()
        except (WebviewerError, RuntimeError) as exc:  # RuntimeError: a pool that is shut down
            error = exc if isinstance(exc, WebviewerError) else Unavailable("The render node is stopping.")
            for key in left:
                self._finish(series, key, error)
            left.clear()
        finally:
            for key in left:
                self._finish(series, key, Unavailable("The storage node did not send this image."))

    def _has_overlay_data(self, series: SeriesFrames, key: FrameKey) -> bool:
        return isinstance(self._source, OverlaySource) and has_overlay_data(series.instances[key[0]], key[1])

    def _overlay_bits(self, owner_id: int, series: SeriesFrames, key: FrameKey) -> Iterator[tuple[int, bytes]]:
        """Yield the overlay bits of a frame, without a request where it has none; an image is shown without them."""
        if not isinstance(self._source, OverlaySource) or not has_overlay_data(series.instances[key[0]], key[1]):
            return
        try:
            yield from self._source.overlays(owner_id, key)
        except WebviewerError as exc:
            _LOG.warning("overlays_missing", extra={"instance_id": key[0], "frame_number": key[1]}, exc_info=exc)

    def _decode_one(self, owner_id: int, key: FrameKey, data: Fetched, series: SeriesFrames) -> None:
        outcome: LoadedImage | WebviewerError
        try:
            if isinstance(data, WebviewerError):
                outcome = data
            else:
                attributes = series.instances[key[0]]
                decoded = data if isinstance(data, DecodedFrame) else self._cache.mosaics.decode(series, key, data)
                words = data if isinstance(data, bytes) else None
                graphics = make_graphics(words, attributes, key[1], self._overlay_bits(owner_id, series, key))
                outcome = LoadedImage(series.cache_key(key), decoded, attributes, graphics)
        except WebviewerError as exc:
            outcome = exc
        except Exception:  # noqa: BLE001  an edge: a decoder of somebody else's must not end the batch
            _LOG.exception("decode_failed", extra={"instance_id": key[0], "frame_number": key[1]})
            outcome = DataError("This image cannot be shown: its pixel data could not be decoded.")
        self._finish(series, key, outcome)

    def _finish(self, series: SeriesFrames, key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
        self._cache.settle(series.cache_key(key), outcome)

    # -- direct use from worker threads (thumbnails, rendered frames) ------------------------------------------------

    def load_blocking(self, owner_id: int, series: SeriesFrames, key: FrameKey, timeout_s: float = 60.0) -> LoadedImage:
        """Return a frame, loaded if need be; for worker threads.

        Raises
        ------
        WebviewerError
            Why it cannot be shown.
        """
        image = self.get(series, key)
        if image is not None:
            return image
        error = self.failure(series, key)
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
        """Ask for nothing any more."""
        for pool in (self._prefetch, self._interactive):
            pool.shutdown(wait=False, cancel_futures=True)


def _log_failure(future: Future[None]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if error is not None:
        _LOG.error("load_failed", exc_info=error)
