"""Keeping volumes: who shares one, what goes when memory is short, and what is refused in words."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from renderpool.session.cache import ImageCache
from renderpool.session.volume_cache import VolumeCache, VolumeUse
from renderpool.session.volume_store import VolumeStore
from tests.render.volume_sources import OWNER, SLICE_BYTES, SpaceSource, even, random_pixels, source_of
from webviewer.core.errors import LimitExceeded, Unavailable, WebviewerError

WAIT_S = 20.0
SLICES = 12
VOLUME_BYTES = SLICES * SLICE_BYTES


class Ward:
    """A store whose every series number is a series of the same pixels."""

    def __init__(self, volumes: float, *, keep: bool = True, slices: int = SLICES) -> None:
        self.source = source_of(slices)
        self.images = ImageCache(0, 2)
        self.cache = VolumeCache(int(volumes * VOLUME_BYTES), keep=keep)
        self.store = VolumeStore(self.cache, self.images, self.source, "storage")

    def open(self, series_id: int) -> VolumeUse:
        return self.store.open(OWNER, self.source.series(OWNER, series_id), 0, lambda *_: None)

    def loaded(self, series_id: int) -> VolumeUse:
        use = self.open(series_id)
        use.volume.wait(WAIT_S)
        return use

    def viewed(self, *series_ids: int) -> None:
        for series_id in series_ids:
            self.loaded(series_id).close()

    def loads_of(self) -> int:
        return sum(len(asked) for asked in self.source.asked) // SLICES


@pytest.fixture
def make_ward() -> Iterator[Callable[..., Ward]]:
    wards: list[Ward] = []

    def make(*arguments: Any, **settings: Any) -> Ward:
        wards.append(Ward(*arguments, **settings))
        return wards[-1]

    yield make
    for ward in wards:
        ward.source.gate.set()
        ward.store.close()
        ward.images.close()


def test_a_volume_is_read_once_for_two_sessions_and_for_one_that_comes_later(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3)
    first, second = ward.loaded(1), ward.loaded(1)
    assert first.volume is second.volume
    first.close()
    second.close()
    assert ward.loaded(1).volume is first.volume
    assert ward.loads_of() == 1
    assert (ward.cache.hits, ward.cache.loads, len(ward.cache)) == (2, 1, 1)
    assert ward.cache.size_bytes == VOLUME_BYTES


def test_a_volume_is_another_one_in_another_storage_node(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3)
    other = SpaceSource(random_pixels(SLICES, seed=2), even(SLICES))
    elsewhere = VolumeStore(ward.cache, ward.images, other, "other storage")
    here, there = ward.loaded(1), elsewhere.open(OWNER, other.series(OWNER, 1), 0, lambda *_: None)
    there.volume.wait(WAIT_S)
    assert not np.array_equal(here.volume.voxels, there.volume.voxels)
    elsewhere.close()


def test_without_a_volume_cache_a_volume_goes_with_its_last_user(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3, keep=False)
    first, second = ward.loaded(1), ward.loaded(1)
    assert first.volume is second.volume  # it is shared all the same
    first.close()
    assert not second.volume.is_dropped
    second.close()
    assert second.volume.is_dropped
    assert (len(ward.cache), ward.cache.size_bytes) == (0, 0)
    ward.viewed(1)
    assert ward.loads_of() == 2


def test_the_least_recently_used_goes_first(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3.5)
    ward.viewed(1, 2, 3, 1, 4)
    assert ward.cache.size_bytes == 3 * VOLUME_BYTES
    ward.viewed(1, 3, 4)
    assert ward.loads_of() == 4
    ward.viewed(2)
    assert ward.loads_of() == 5


def test_none_in_use_goes_and_a_further_one_is_refused_with_the_numbers(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3.5)
    uses = [ward.loaded(series_id) for series_id in (1, 2, 3)]
    with pytest.raises(LimitExceeded, match=r"needs 0.0000172 GiB of memory.* take 0.0000515 GiB of the ") as refusal:
        ward.open(4)
    assert refusal.value.code == "volumes_full"
    assert refusal.value.details == {
        "needed_bytes": VOLUME_BYTES,
        "in_use_bytes": 3 * VOLUME_BYTES,
        "budget_bytes": int(3.5 * VOLUME_BYTES),
        "numbers": [1.72e-05, 5.15e-05, 6.01e-05],
    }
    assert ward.open(2).volume is uses[1].volume  # one that is there costs nothing
    uses[0].close()
    ward.loaded(4)
    assert uses[0].volume.is_dropped
    assert not any(use.volume.is_dropped for use in uses[1:])


def test_a_volume_beyond_the_whole_budget_is_refused_before_anything_goes(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(1.5)
    ward.viewed(1)
    ward.source.pixels = random_pixels(2 * SLICES)
    ward.source.positions_mm = even(2 * SLICES)
    ward.source.count = 2 * SLICES
    with pytest.raises(LimitExceeded, match=r"24 slices of 32 × 24 pixels needs .* more than the"):
        ward.open(2)
    assert ward.cache.size_bytes == VOLUME_BYTES


def test_a_load_under_way_counts_and_is_not_evicted(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(1.5)
    ward.source.gate.clear()
    loading = ward.open(1)
    with pytest.raises(LimitExceeded):
        ward.open(2)
    ward.source.gate.set()
    loading.volume.wait(WAIT_S)
    assert loading.volume.is_whole


def test_the_memory_of_a_volume_that_went_is_free_though_somebody_still_names_it(
    make_ward: Callable[..., Ward],
) -> None:
    ward = make_ward(1.5)
    old = ward.loaded(1)
    news = old.volume.news_since(0)
    old.close()
    ward.viewed(2)
    assert old.volume.is_dropped
    assert old.volume.voxels.size == 0
    assert old.volume.news_since(0).slabs == ()
    assert sum(len(slab.voxels) for slab in news.slabs) == SLICES  # what a device is just taking stays as it is
    assert not old.volume.is_whole


def test_who_comes_right_after_a_failure_gets_no_failed_volume(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3)
    ward.source.gate.clear()
    failed = ward.open(1)
    failed.volume.fail(Unavailable("The storage node does not answer."))  # its load has not said so yet
    second = ward.open(1)
    assert second.volume is not failed.volume
    ward.source.gate.set()
    second.volume.wait(WAIT_S)
    failed.close()
    assert ward.cache.size_bytes == VOLUME_BYTES


def test_volumes_of_a_series_are_told_apart_once_for_each_version(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(3)
    first = ward.store.volumes_of(ward.source.series(OWNER, 1))
    assert ward.store.volumes_of(ward.source.series(OWNER, 1)) is first
    ward.source.count = SLICES - 1
    second = ward.store.volumes_of(ward.source.series(OWNER, 1))
    assert (len(first.keys), len(second.keys)) == (SLICES, SLICES - 1)


def test_sixteen_threads_open_and_close_without_a_deadlock_and_within_the_budget() -> None:
    ward = Ward(6.5)
    stop = threading.Event()
    faults: list[BaseException] = []
    whole, refused = [0] * 16, [0] * 16
    peak = 0

    def watch() -> None:
        nonlocal peak
        while not stop.is_set():
            peak = max(peak, ward.cache.size_bytes)
            time.sleep(0.0005)

    def hammer(number: int) -> None:
        chance = random.Random(number)
        expected = ward.source.pixels.astype(np.int32) + 32768
        try:
            while not stop.is_set():
                try:
                    use = ward.open(chance.randrange(9))
                except LimitExceeded:
                    refused[number] += 1
                    continue
                with use:
                    if chance.random() < 0.5:
                        use.volume.wait(WAIT_S)
                        assert np.array_equal(use.volume.voxels, expected)
                        whole[number] += 1
                    else:
                        use.volume.news_since(chance.randrange(20))
        except BaseException as exc:
            faults.append(exc)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(16)]
    threads.append(threading.Thread(target=watch))
    for thread in threads:
        thread.start()
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in threads)
    assert faults == []
    assert sum(whole) >= 16
    assert sum(refused) > 0
    assert 0 < peak <= ward.cache.budget_bytes
    assert ward.cache.in_use_bytes() == 0
    assert ward.cache.size_bytes == sum(VOLUME_BYTES for _ in range(len(ward.cache)))
    ward.store.close()
    ward.images.close()


def test_errors_are_sentences(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(1.5)
    ward.source.dies = 2
    use = ward.open(1)
    with pytest.raises(Unavailable) as gone:
        use.volume.wait(WAIT_S)
    use.close()
    ward.loaded(2)
    with pytest.raises(WebviewerError) as full:
        ward.open(3)
    for error in (gone.value, full.value):
        assert re.fullmatch(r"[A-Z].*\.", error.message)
