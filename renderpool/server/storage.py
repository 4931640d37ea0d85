"""`FrameSource` by the storage node's internal HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.adapters.nodes import RenderSeries, StorageClient
from webviewer.core.errors import WebviewerError


class StorageSource:
    """Asks the storage node; one object serves all worker threads."""

    def __init__(self, client: StorageClient) -> None:
        self._client = client

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        """Return the frames of a series; raises NotFound, Unavailable."""
        return _series(self._client.series_for_render(owner_id, series_id))

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        """Return the frames of a series, None if it still has that version; raises NotFound, Unavailable."""
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
