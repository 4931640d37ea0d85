"""The volumes of one storage node: opened by sessions, each loaded once for all who look at it.

A volume is known by storage node, series, number of its plan and version of the series: one that got more images is
loaded anew. Who may see it is decided before, by the series that the owner's session has opened.

Threads. `VolumeStore.open` may be called from any thread but the drawing one (it reads attributes of all images);
loads run in threads of the store, see `volume_load`; what they call back runs there.
"""

from __future__ import annotations

import threading

from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.source import FrameSource, SeriesFrames
from renderpool.session.volume_cache import OnProgress, VolumeCache, VolumeUse, version_of
from renderpool.session.volume_load import VolumeLoad
from renderpool.session.volume_series import SeriesVolumes
from renderpool.session.workers import FairPool
from webviewer.core.errors import Unavailable

# A load mostly waits, for the storage node or for those who decode, which all of them share: two that are slow must not
# hold up the first picture of a third one.
_LOADS_AT_ONCE = 12
_LOADS_OF_OWNER = 4


class VolumeStore:
    """Loads the volumes of one storage node.

    Parameters
    ----------
    cache
        Where volumes are kept, shared by all storage nodes.
    images
        What 2D viewers have loaded already, and the threads that decode.
    source
        Where stored frames come from.
    storage
        Name of the storage node, as `ImageStore` has it.
    """

    def __init__(self, cache: VolumeCache, images: ImageCache, source: FrameSource, storage: str) -> None:
        self._cache = cache
        self._images = images
        self._source = source
        self._storage = storage
        # Threads of its own: a storage node that hangs must not hold up those who draw from another one, nor 2D.
        self._loads = FairPool("volume", _LOADS_AT_ONCE, most_per_owner=_LOADS_OF_OWNER)
        self._lock = threading.Lock()
        self._not_begun: set[LoadedVolume] = set()

    def volumes_of(self, series: SeriesFrames) -> SeriesVolumes:
        """Return the volumes of a series, or why it has none; for worker threads."""
        return self._cache.volumes_of(self._storage, series)

    def open(self, owner_id: int, series: SeriesFrames, number: int, on_progress: OnProgress) -> VolumeUse:
        """Return a hold on a volume; its slices come later unless it is there. Close it in the end.

        Parameters
        ----------
        number
            Of the volume in `volumes_of`, from 0.
        on_progress
            Called with (frames settled, frames in all) at most each 0.2 s while it loads and once at the end, when it
            is whole or has failed (`LoadedVolume.error`); not of one that was whole before. In a thread of the load,
            which waits for it: it must return soon. It may come once more while the hold is being closed.

        Raises
        ------
        NotFound
            There is no such volume; says why.
        LimitExceeded
            It needs more memory than there is for volumes; in words with the numbers.
        Unavailable
            The node is stopping.
        """
        volumes = self.volumes_of(series)
        plan = volumes.plan(number)
        key: VolumeKey = (self._storage, series.series_id, number, version_of(series))
        use, is_mine = self._cache.use(
            key, plan, lambda: LoadedVolume(key, series, plan, volumes.keys_of(plan)), on_progress
        )
        if is_mine:
            with self._lock:
                self._not_begun.add(use.volume)
            if not self._loads.submit(owner_id, lambda: self._load(owner_id, use.volume)):
                raise self._given_up(use.volume)
        return use

    def _given_up(self, volume: LoadedVolume) -> Unavailable:
        with self._lock:
            self._not_begun.discard(volume)
        error = Unavailable("The render node is stopping.")
        volume.fail(error)
        self._cache.forget(volume)
        return error

    def _load(self, owner_id: int, volume: LoadedVolume) -> None:
        with self._lock:
            self._not_begun.discard(volume)

        def report(settled: int, total: int) -> None:
            self._cache.report(volume, settled, total)

        VolumeLoad(volume, owner_id, self._source, self._images, report, first=self._cache.first_frames).run()
        if volume.error is None:
            self._cache.loaded(volume)
        else:
            self._cache.forget(volume)

    def close(self) -> None:
        """Ask for nothing any more; what loads is given up."""
        self._loads.close()
        with self._lock:
            not_begun, self._not_begun = self._not_begun, set()
        for volume in not_begun:
            self._given_up(volume)
