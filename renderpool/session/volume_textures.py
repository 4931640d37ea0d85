"""Volumes in the device: what the drawing thread has uploaded of those in the node's memory.

A volume is uploaded once for all who look at it, slab by slab as its slices come, never for longer at a time than it is
given: others draw in between. Textures go when their volume does, or when they take too much: the least recently drawn
first, never one that somebody holds. What those take beyond the budget goes as soon as it is let go. Used in the
drawing thread only.
"""

from __future__ import annotations

import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from renderpool.engine.gl import OutOfDeviceMemory
from renderpool.engine.ray_caster import RayVolume
from renderpool.engine.volume_texture import VolumeTexture, volume_refusal
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.source import FrameKey
from renderpool.session.volume_range import Ends, both_ends
from webviewer.core.errors import RenderError, Unavailable
from webviewer.dicom.attributes import ImageAttributes

UPLOAD_S = 0.03
"""How long an upload takes at a time, about."""
_AT_ONCE_S = 0.006
_MOST_SLICES = 64


class Holder(Protocol):
    """Somebody who draws a volume and will go on."""

    @property
    def holds(self) -> VolumeKey | None:
        """The volume; None when done."""
        ...


class DeviceVolume:
    """A volume in the device, as far as it was uploaded.

    ``is_all``: everything that had come when it was last brought up to date is there. ``is_whole``: so is all that
    ever comes.
    """

    def __init__(self, volume: LoadedVolume) -> None:
        values = volume.values
        if values is None:
            raise RenderError("A volume of which nothing has come cannot be drawn.")
        self.volume = volume
        self.texture = VolumeTexture(volume.grid.shape, slope=values.slope, intercept=values.intercept)
        self.is_all = self.is_whole = False
        self._revision = 0
        self._ends: Ends | None = None  # of slices in their place
        self._ends_of_others: Ends | None = None  # of slices that stand in
        self._slice_s = _AT_ONCE_S
        self.drawn_at_s = float("-inf")

    @property
    def rays(self) -> RayVolume:
        """The volume for rays, with the bricks of all that was uploaded."""
        return RayVolume(self.texture, self.volume.bricks, self.volume.grid.lps_from_index)

    @property
    def lowest(self) -> float:
        """The lowest value that is there, in the modality's unit."""
        return self._value(0)

    @property
    def highest(self) -> float:
        """The highest value that is there."""
        return self._value(1)

    def _value(self, end: int) -> float:
        ends = self._ends or self._ends_of_others or (0, 0)
        return ends[end] * self.texture.slope + self.texture.intercept

    def upload(self, most_s: float) -> None:
        """Upload what has come since, for about so long."""
        until_s = time.perf_counter() + most_s
        self.is_all = False
        while not self.is_all:
            begun_s = time.perf_counter()
            most_slices = max(1, min(_MOST_SLICES, int(_AT_ONCE_S / self._slice_s)))
            is_last = self.volume.is_whole  # asked before: what comes in between is news
            news = self.volume.news_since(self._revision, most_slices)
            for slab in news.slabs:
                self.texture.upload_slices(slab.first, slab.voxels, slab.present)
                if slab.stands_in:
                    self._ends_of_others = both_ends(self._ends_of_others, slab.ends)
                else:
                    self._ends = both_ends(self._ends, slab.ends)
            self._revision, self.is_all = news.revision, news.is_all
            self.is_whole = is_last and news.is_all
            now_s = time.perf_counter()
            count = sum(len(slab.voxels) for slab in news.slabs)
            if count:
                self._slice_s = max(1e-6, (now_s - begun_s) / count)
            if now_s >= until_s:
                break

    def close(self) -> None:
        """Let go of the device's memory."""
        self.texture.close()


class VolumeTextures:
    """The volumes that are in the device.

    Parameters
    ----------
    budget_bytes
        How much they may take together, beside those that are being drawn.
    stays_s
        For how long one is being drawn after it was brought: moving pictures of more volumes than the budget has room
        for would upload each of them anew.
    clock
        Seconds.
    """

    def __init__(self, budget_bytes: int, *, stays_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget_bytes = budget_bytes
        self._stays_s = stays_s
        self._clock = clock
        self._entries: OrderedDict[VolumeKey, DeviceVolume] = OrderedDict()  # least recently drawn first
        self._holders: weakref.WeakSet[Holder] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """What they take."""
        return sum(entry.texture.size_bytes for entry in self._entries.values())

    def hold(self, holder: Holder) -> None:
        """Keep the volume of somebody who draws it, as long as he holds it and is not forgotten."""
        self._holders.add(holder)

    def bring(self, volume: LoadedVolume, most_s: float = UPLOAD_S) -> DeviceVolume | None:
        """Return a volume in the device after uploading for about so long; None while nothing of it has come.

        Raises
        ------
        RenderError
            The device cannot take it, in words with the numbers.
        Unavailable
            It is not in the node's memory any more.
        """
        if volume.key in self._entries:
            self._entries.move_to_end(volume.key)
        self.sweep()
        if volume.is_dropped:
            raise Unavailable("This volume is no longer there: it has been closed.")
        if volume.values is None or volume.revision == 0:
            return None
        entry = self._entries.get(volume.key)
        if entry is not None and entry.volume is not volume:  # it was loaded anew
            self._drop(volume.key)
            entry = None
        if entry is None:
            entry = self._entries[volume.key] = self._make(volume)
        entry.drawn_at_s = self._clock()
        if not entry.is_whole:
            entry.upload(most_s)
        return entry

    def sweep(self) -> None:
        """Let go of volumes that nobody may look at any more, and of what is over the budget and not drawn any more.

        One volume stays, the most recently drawn, be it over the budget alone.
        """
        for key, entry in list(self._entries.items()):
            if entry.volume.is_dropped:
                self._drop(key)
        if self.size_bytes > self.budget_bytes:
            newest = next(reversed(self._entries))
            for key in self._not_held():
                if self.size_bytes > self.budget_bytes and key != newest and not self._was_drawn_lately(key):
                    self._drop(key)

    def _make(self, volume: LoadedVolume) -> DeviceVolume:
        shape = volume.grid.shape
        refusal = volume_refusal(shape)
        if refusal is not None:  # asked first: for what can never come nobody's volume goes
            raise RenderError(refusal)
        needed_bytes = shape[0] * shape[1] * shape[2] * 2
        for key in self._not_held():
            if self.size_bytes + needed_bytes > self.budget_bytes and not self._was_drawn_lately(key):
                self._drop(key)
        others = self._not_held()
        while True:
            try:
                return DeviceVolume(volume)
            except OutOfDeviceMemory:  # the device had less memory than the budget says
                if not others:
                    raise
                self._drop(others.pop(0))

    def _not_held(self) -> list[VolumeKey]:
        """Return which volumes may go, the least recently drawn first."""
        held = {holder.holds for holder in self._holders}
        return [key for key in self._entries if key not in held]

    def _was_drawn_lately(self, key: VolumeKey) -> bool:
        return self._clock() < self._entries[key].drawn_at_s + self._stays_s

    def _drop(self, key: VolumeKey) -> None:
        self._entries.pop(key).close()

    def close(self) -> None:
        """Let go of all of them."""
        for key in list(self._entries):
            self._drop(key)


def middle_key(volume: LoadedVolume) -> FrameKey:
    """Return the key of the frame in the middle of a volume."""
    return volume.frame_keys[len(volume.frame_keys) // 2]


def middle_image(volume: LoadedVolume) -> tuple[ImageAttributes, int]:
    """Return the image in the middle of a volume, which speaks for all, and the number of its frame."""
    instance_id, frame_number = middle_key(volume)
    return volume.series.instances[instance_id], frame_number
