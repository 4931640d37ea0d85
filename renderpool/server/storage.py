"""`FrameSource` by the storage node's internal HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.adapters.nodes import RenderSeries, StorageClient
from webviewer.core.errors import WebviewerError


class StorageSource:
    """Asks the storage node; one object serves all worker threads.

    A series that several want at once (the stream that opens it, its thumbnail) is fetched once.
    """

    def __init__(self, client: StorageClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._fetches: dict[tuple[int, int], Future[SeriesFrames]] = {}

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        """Return the frames of a series; raises NotFound, Unavailable."""
        key = (owner_id, series_id)
        with self._lock:
            under_way = self._fetches.get(key)
            if under_way is None:
                mine: Future[SeriesFrames] = Future()
                self._fetches[key] = mine
        if under_way is not None:
            found = under_way.result()
            # It was asked for before us: what has been added since would be missing.
            return self.newer_series(owner_id, series_id, found.version) or found
        try:
            found = _series(self._client.series_for_render(owner_id, series_id))
        except BaseException as exc:
            self._end_fetch(key)
            mine.set_exception(exc)
            raise
        self._end_fetch(key)
        mine.set_result(found)
        return found

    def _end_fetch(self, key: tuple[int, int]) -> None:
        with self._lock:
            del self._fetches[key]

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        """Return the frames of a series, None if it still has that version; raises NotFound, Unavailable."""
        if not version:
            return self.series(owner_id, series_id)
        found = self._client.newer_series_for_render(owner_id, series_id, version)
        return None if found is None else _series(found)

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        """Return the frames of one instance; raises NotFound, Unavailable."""
        return _series(self._client.instance_for_render(owner_id, instance_id))

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        """Yield each frame's bytes as stored, or why it cannot be had; raises Unavailable."""
        return self._client.frames(owner_id, keys)


def _series(found: RenderSeries) -> SeriesFrames:
    return SeriesFrames(found.series_id, found.modality, found.frames, found.instances, found.version)
