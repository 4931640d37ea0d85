"""The volumes of all sessions and of all storage nodes: who uses which, how much memory they have, which goes first.

Threads. One lock guards who uses what and how many bytes are taken; it is held for bookkeeping only: nothing is loaded,
allocated, let go or called back under it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from renderpool.session.first_frames import FirstFrames
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.source import SeriesFrames
from renderpool.session.volume_series import SeriesVolumes, volumes_of
from webviewer.core.errors import LimitExceeded
from webviewer.dicom.sentence import gib, say
from webviewer.dicom.volume_plan import VolumePlan, check_memory

_LOG = logging.getLogger(__name__)

_SERIES_KEPT = 64

OnProgress = Callable[[int, int], None]


class VolumeUse:
    """One user's hold on a volume: it stays while this is open."""

    def __init__(self, volume: LoadedVolume, on_progress: OnProgress, close: Callable[[VolumeUse], None]) -> None:
        self.volume = volume
        self.on_progress = on_progress
        self.is_closed = False
        self._close = close

    def close(self) -> None:
        """Say that the volume is not looked at any more; a second time does nothing. Any thread."""
        self._close(self)

    def __enter__(self) -> VolumeUse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Entry:
    def __init__(self, volume: LoadedVolume) -> None:
        self.volume = volume
        self.uses: set[VolumeUse] = set()
        self.size_bytes = volume.plan.memory_bytes
        self.is_outdated = False  # another version of the series has been asked for since


class VolumeCache:
    """What is there and how much it takes.

    Parameters
    ----------
    budget_bytes
        How much all volumes may take together, those in use too.
    keep
        Whether a whole volume stays when its last user has left, for the next one (False: ``--no-volume-cache``).
    """

    def __init__(self, budget_bytes: int, *, keep: bool = True) -> None:
        self.budget_bytes = budget_bytes
        self.keep = keep
        self.first_frames = FirstFrames()
        """What goes first in the threads that decode, which all loads share."""
        self._lock = threading.Lock()
        self._entries: OrderedDict[VolumeKey, _Entry] = OrderedDict()  # least recently used first
        self._series: OrderedDict[Hashable, SeriesVolumes] = OrderedDict()
        self.size_bytes = 0
        self.hits = 0
        self.loads = 0

    def __len__(self) -> int:
        return len(self._entries)

    def in_use_bytes(self) -> int:
        """Return how much of the budget is taken by volumes that somebody looks at."""
        with self._lock:
            return self._in_use_bytes()

    def _in_use_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self._entries.values() if entry.uses)

    def volumes_of(self, storage: str, series: SeriesFrames) -> SeriesVolumes:
        """Return the volumes of a series, as they were told last if it has the same version; for worker threads."""
        key = (storage, series.series_id, version_of(series))
        with self._lock:
            known = self._series.get(key)
            if known is not None:
                self._series.move_to_end(key)
                return known
        found = volumes_of(series)
        with self._lock:
            self._series[key] = found
            while len(self._series) > _SERIES_KEPT:
                self._series.popitem(last=False)
        return found

    def use(
        self, key: VolumeKey, plan: VolumePlan, make: Callable[[], LoadedVolume], on_progress: OnProgress
    ) -> tuple[VolumeUse, bool]:
        """Return a hold on a volume, and whether the caller has to load it.

        Parameters
        ----------
        make
            Makes the volume, empty.

        Raises
        ------
        LimitExceeded
            It does not fit beside those in use, or not at all; in words with the numbers.
        """
        check_memory(plan, self.budget_bytes)
        made: LoadedVolume | None = None
        while True:
            dropped: list[LoadedVolume] = []
            try:
                with self._lock:
                    entry = self._entries.get(key)
                    if entry is not None and entry.volume.error is not None:  # those who look at it are told so
                        dropped.append(self._remove(key))
                        entry = None
                    if entry is None and made is not None:
                        self._outdate(key, dropped)
                        self._make_room(plan, dropped)
                        entry = self._entries[key] = _Entry(made)
                        self.size_bytes += entry.size_bytes
                        self.loads += 1
                        return self._add_use(entry, on_progress), True
                    if entry is not None:
                        self._entries.move_to_end(key)
                        self.hits += 1
                        return self._add_use(entry, on_progress), False
                    self._refuse_if_crowded(plan)
            finally:
                for volume in dropped:
                    volume.drop()
            made = make()

    def _add_use(self, entry: _Entry, on_progress: OnProgress) -> VolumeUse:
        use = VolumeUse(entry.volume, on_progress, self._leave)
        entry.uses.add(use)
        return use

    def _refuse_if_crowded(self, plan: VolumePlan) -> None:
        in_use = self._in_use_bytes()
        if in_use + plan.memory_bytes > self.budget_bytes:
            sizes = {"needed_bytes": plan.memory_bytes, "in_use_bytes": in_use, "budget_bytes": self.budget_bytes}
            words = say("volumes_full", *map(gib, sizes.values()))
            raise LimitExceeded(words.text, code=words.code, details={**sizes, **words.details})

    def _make_room(self, plan: VolumePlan, dropped: list[LoadedVolume]) -> None:
        self._refuse_if_crowded(plan)
        idle = [key for key, entry in self._entries.items() if not entry.uses]
        for key in idle:
            if self.size_bytes + plan.memory_bytes <= self.budget_bytes:
                break
            dropped.append(self._remove(key))

    def _outdate(self, key: VolumeKey, dropped: list[LoadedVolume]) -> None:
        """Let the other versions of a series go: at once, or with their last user."""
        for other, entry in list(self._entries.items()):
            if other[:3] == key[:3]:
                entry.is_outdated = True
                if not entry.uses:
                    dropped.append(self._remove(other))

    def _remove(self, key: VolumeKey) -> LoadedVolume:
        entry = self._entries.pop(key)
        self.size_bytes -= entry.size_bytes
        return entry.volume

    def _leave(self, use: VolumeUse) -> None:
        key = use.volume.key
        dropped: LoadedVolume | None = None
        with self._lock:
            use.is_closed = True
            entry = self._entries.get(key)
            if entry is None or use not in entry.uses:  # left before, or failed
                return
            entry.uses.discard(use)
            if not entry.uses and (not self.keep or entry.is_outdated or not entry.volume.is_whole):
                dropped = self._remove(key)
        if dropped is not None:
            dropped.drop()

    def report(self, volume: LoadedVolume, settled: int, total: int) -> None:
        """Tell all who look at a volume how far its load is; in the thread of the load."""
        with self._lock:
            entry = self._entries.get(volume.key)
            uses = list(entry.uses) if entry is not None and entry.volume is volume else []
        for use in uses:
            if use.is_closed:
                continue
            try:
                use.on_progress(settled, total)
            except Exception:  # noqa: BLE001  an edge: one listener must not end the load for the others
                _LOG.exception("volume_listener_failed", extra={"series_id": volume.series.series_id})

    def forget(self, volume: LoadedVolume) -> None:
        """Let a volume go whose load has failed: who asks for it next starts anew."""
        with self._lock:
            entry = self._entries.get(volume.key)
            if entry is not None and entry.volume is volume:
                self._remove(volume.key)
        volume.drop()

    def loaded(self, volume: LoadedVolume) -> None:
        """Count what a volume takes now that it is whole: what lay beside it is gone."""
        with self._lock:
            entry = self._entries.get(volume.key)
            if entry is not None and entry.volume is volume:
                self.size_bytes -= entry.size_bytes - volume.size_bytes
                entry.size_bytes = volume.size_bytes


def version_of(series: SeriesFrames) -> str:
    """Return what changes when a series does, or when a restored storage node gives its number to another one."""
    return f"{series.version} {hash((series.frames, tuple(series.files.values())))}"
