"""Loading a series as a volume: its voxels, what comes first, and what a bad storage node does to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.bricks import BrickRanges
from renderpool.session import volume_load
from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.source import FrameKey, SeriesFrames
from renderpool.session.volume_cache import VolumeCache, VolumeUse
from renderpool.session.volume_levels import load_levels
from renderpool.session.volume_load import VolumeLoad
from renderpool.session.volume_series import volumes_of
from renderpool.session.volume_store import VolumeStore
from tests.render.volume_sources import COLUMNS, OWNER, ROWS, SpaceSource, even, random_pixels, source_of
from tests.support.reference_volume_geometry import AXIAL, Orientation, tilted
from webviewer.core.errors import DataError, NotFound, Unavailable, WebviewerError

WAIT_S = 20.0
MIB = 1024**2
JPEG_LS = "1.2.840.10008.1.2.4.80"


class Ward:
    """A store over one source, and what it reported."""

    def __init__(self, source: SpaceSource, *, budget_bytes: int = 64 * MIB, keep: bool = True) -> None:
        self.source = source
        self.images = ImageCache(16 * MIB, 2)
        self.cache = VolumeCache(budget_bytes, keep=keep)
        self.store = VolumeStore(self.cache, self.images, source, "storage")
        self.reports: list[tuple[int, int]] = []

    def open(self, on_progress: Callable[[int, int], None] | None = None, number: int = 0) -> VolumeUse:
        return self.store.open(OWNER, self.source.series(OWNER, 1), number, on_progress or self._report)

    def _report(self, settled: int, total: int) -> None:
        self.reports.append((settled, total))

    def loaded(self) -> LoadedVolume:
        volume = self.open().volume
        volume.wait(WAIT_S)
        assert volume.is_whole
        return volume


@pytest.fixture
def make_ward() -> Iterator[Callable[..., Ward]]:
    wards: list[Ward] = []

    def make(source: SpaceSource, **settings: Any) -> Ward:
        wards.append(Ward(source, **settings))
        return wards[-1]

    yield make
    for ward in wards:
        ward.source.gate.set()
        ward.store.close()
        ward.images.close()


def values_hu(volume: LoadedVolume) -> NDArray[np.float64]:
    assert volume.values is not None
    return volume.voxels.astype(np.float64) * volume.values.slope + volume.values.intercept


def shown(volume: LoadedVolume) -> NDArray[np.uint16]:
    """What a device that uploads all slabs in one go shows."""
    found = np.zeros(volume.grid.shape, np.uint16)
    for slab in volume.news_since(0).slabs:
        found[slab.first : slab.first + len(slab.voxels)] = slab.voxels
    return found


def extremes_of_first_bricks(voxels: NDArray[np.uint16]) -> tuple[list[int], list[int]]:
    """Return the lowest and the highest value of the upper left brick of each layer."""
    parts = [voxels[first : first + 9, :9, :9] for first in range(0, len(voxels), 8)]
    return [int(part.min()) for part in parts], [int(part.max()) for part in parts]


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int8, np.uint8])
@pytest.mark.parametrize("orientation", [AXIAL, tilted(18)], ids=["upright", "tilted"])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_voxels_are_the_stacked_pixels_to_the_bit(
    make_ward: Callable[..., Ward], dtype: Any, orientation: Orientation, is_reversed: bool
) -> None:
    pixels = random_pixels(21, dtype)
    bits = pixels.itemsize * 8
    positions = even(21)[::-1] if is_reversed else even(21)
    source = SpaceSource(
        pixels, positions, orientation, {"bits_allocated": bits, "bits_stored": bits, "high_bit": bits - 1}
    )
    volume = make_ward(source).loaded()
    expected = np.stack([pixels[n] for n in np.argsort(positions)]).astype(np.float64) * 2 - 1000
    assert np.array_equal(values_hu(volume), expected)
    assert np.array_equal(shown(volume), volume.voxels)
    assert volume.voxels.dtype == np.uint16


def test_a_place_without_a_slice_is_interpolated(make_ward: Callable[..., Ward]) -> None:
    pixels = random_pixels(11)
    positions = [*even(5), *even(12)[6:]]  # the one at 7.5 mm lacks
    volume = make_ward(SpaceSource(pixels, positions)).loaded()
    stored = volume.voxels.astype(np.int64)
    assert volume.grid.shape[0] == 12
    assert np.array_equal(np.delete(stored, 5, 0) - 32768, pixels)
    assert np.array_equal(stored[5], np.rint((stored[4] + stored[6]) / 2))
    assert "1 slice is missing" in volume.warnings[0].text
    assert np.array_equal(shown(volume), volume.voxels)


def test_an_uneven_stack_is_resampled(make_ward: Callable[..., Ward]) -> None:
    positions = [0.0, 2.0, 5.3, 8.0, 10.9, 14.0, 16.2, 19.9]
    pixels = random_pixels(8)
    ward = make_ward(SpaceSource(pixels, positions))
    volume = ward.loaded()
    slices = volume.grid.shape[0]
    places = np.arange(slices) * (positions[-1] / (slices - 1))
    voxels = pixels.astype(np.float64) + 32768
    for place, found in zip(places, volume.voxels, strict=True):
        after = int(np.clip(np.searchsorted(positions, place), 1, 7))
        weight = (place - positions[after - 1]) / (positions[after] - positions[after - 1])
        assert np.abs(found - (voxels[after - 1] * (1 - weight) + voxels[after] * weight)).max() <= 0.5001
    wait_until(lambda: ward.cache.size_bytes == volume.voxels.nbytes)  # what lay beside it is gone
    assert volume.plan.memory_bytes > volume.voxels.nbytes


def test_bricks_of_a_whole_volume_are_those_of_its_voxels(make_ward: Callable[..., Ward]) -> None:
    volume = make_ward(source_of(90)).loaded()
    lowest, highest = extremes_of_first_bricks(volume.voxels)
    assert volume.bricks.lowest[:, 0, 0].tolist() == lowest  # what stood in has left nothing
    assert volume.bricks.highest[:, 0, 0].tolist() == highest


@pytest.mark.parametrize("is_wanted", [False, True])
def test_bricks_are_the_same_whenever_they_are_asked_for(is_wanted: bool) -> None:
    source = source_of(90)
    volumes = volumes_of(source.series(OWNER, 1))
    plan = volumes.plan(0)
    voxels = (source.pixels.astype(np.int32) + 32768).astype(np.uint16)
    order = [one for level in load_levels(90) for one in level]

    def loaded(asked_after: int) -> LoadedVolume:
        volume = LoadedVolume(("", 1, 0, ""), volumes.series, plan, volumes.keys_of(plan))
        for turn, one in enumerate(order):
            np.copyto(volume.source_out(one), voxels[one])
            volume.arrive(one)
            if turn == asked_after and is_wanted:
                volume.want_bricks()
            elif turn == asked_after:
                assert volume.bricks.highest.any() == (turn > 0)  # of what was published, not of what has arrived
            if turn % 7 == 0:
                volume.publish()
        volume.finish()
        return volume

    expected = BrickRanges(volumes.plan(0).grid.shape)
    expected.add_slices(0, voxels)
    for asked_after in (0, 5, 40, 89, 90):
        found = loaded(asked_after).bricks
        assert np.array_equal(found.lowest, expected.lowest), asked_after
        assert np.array_equal(found.highest, expected.highest), asked_after


def test_compressed_frames_are_decoded(make_ward: Callable[..., Ward]) -> None:
    pixels = random_pixels(30, np.uint16)
    source = SpaceSource(
        pixels, even(30), changes={"transfer_syntax_uid": JPEG_LS}, encode=lambda p: bytes(imagecodecs.jpegls_encode(p))
    )
    assert np.array_equal(make_ward(source).loaded().voxels, pixels)


def test_values_of_more_than_16_bits_are_measured_first(make_ward: Callable[..., Ward]) -> None:
    pixels = np.random.default_rng(1).random((9, ROWS, COLUMNS), np.float32) * 70.0
    source = SpaceSource(
        pixels, even(9), changes={"bits_allocated": 32, "bits_stored": 32, "pixel_element": "FloatPixelData"}
    )
    ward = make_ward(source)
    volume = ward.loaded()
    assert volume.values is not None
    assert np.abs(values_hu(volume) - (pixels.astype(np.float64) * 2 - 1000)).max() <= volume.values.slope * 0.501
    assert volume.warnings[-1].code == "values_rounded"
    wait_until(lambda: ward.reports[-1] == (18, 18))


def test_slices_come_coarsely_first_and_the_nearest_stands_in(make_ward: Callable[..., Ward]) -> None:
    source = source_of(100)
    ward = make_ward(source)
    source.gate.clear()
    source.hold_after = 2
    volume = ward.open().volume
    assert source.waits.wait(WAIT_S)
    assert volume.news_since(0).slabs == ()
    source.gate.set()
    volume.wait(WAIT_S)
    first = [number - 1 for number in source.asked[0]]
    assert first == [*range(0, 100, 8), 99]
    assert [n - 1 for n in source.asked[1]][:5] == [4, 12, 20, 28, 36]

    source.asked.clear()
    ward = make_ward(source)
    pictures: list[tuple[NDArray[np.uint16], NDArray[np.bool_]]] = []
    opened = threading.Event()
    use: list[VolumeUse] = []

    def look(settled: int, total: int) -> None:
        assert opened.wait(WAIT_S)
        pictures.append((shown(use[0].volume), use[0].volume.standing_in()))

    source.hold_after = 0
    use.append(ward.open(look))
    opened.set()
    use[0].volume.wait(WAIT_S)
    coarse, stands_in = pictures[0]
    true = source.pixels.astype(np.int32) + 32768
    assert np.flatnonzero(~stands_in).tolist() == first
    for k in range(100):
        nearest = min(first, key=lambda one: (abs(one - k), one))
        assert np.array_equal(coarse[k], true[nearest]), (k, nearest)
    assert not use[0].volume.standing_in().any()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_order_slices_come_in_the_nearest_that_is_there_is_shown(seed: int) -> None:
    positions = even(40) if seed % 2 else [*even(20), *even(45)[25:]]  # as many, but five places empty
    source = SpaceSource(random_pixels(40), positions)
    volumes = volumes_of(source.series(OWNER, 1))
    plan = volumes.plan(0)
    volume = LoadedVolume(("", 1, 0, ""), volumes.series, plan, volumes.keys_of(plan))
    distance = np.full(volume.grid.shape[0], np.inf)
    voxels = source.pixels.astype(np.int32) + 32768
    index = [round(position / 1.5) for position in positions]
    made = np.zeros(len(distance), bool)
    for turn, one in enumerate(np.random.default_rng(seed).permutation(40).tolist(), 1):
        np.copyto(volume.source_out(one), voxels[one].astype(np.uint16))
        volume.arrive(one)
        volume.publish()
        picture, stands_in = shown(volume), volume.standing_in()
        assert not (stands_in & made).any()  # what is there once stays
        lowest, highest = extremes_of_first_bricks(picture)
        assert (volume.bricks.lowest[:, 0, 0] <= lowest).all()
        assert (volume.bricks.highest[:, 0, 0] >= highest).all()
        made = ~stands_in
        for k in np.flatnonzero(stands_in):
            near = [abs(index[n] - k) for n in range(40) if np.array_equal(picture[k], voxels[n])]
            if near:
                assert near[0] <= distance[k]
                distance[k] = near[0]
        assert made.sum() >= turn
    volume.finish()
    assert np.array_equal(shown(volume), volume.voxels)
    assert np.array_equal(volume.voxels[index], voxels)


def test_news_come_in_parts_and_none_is_lost(make_ward: Callable[..., Ward]) -> None:
    volume = make_ward(source_of(90)).loaded()
    found = np.zeros(volume.grid.shape, np.uint16)
    revision, turns, is_all = 0, 0, False
    while not is_all:
        news = volume.news_since(revision, most_slices=8)
        assert news.revision > revision
        for slab in news.slabs:
            assert not slab.voxels.flags.writeable
            found[slab.first : slab.first + len(slab.voxels)] = slab.voxels
        revision, is_all, turns = news.revision, news.is_all, turns + 1
    assert np.array_equal(found, volume.voxels)
    assert turns > 1
    assert volume.news_since(revision).slabs == ()


def test_progress_is_told_at_most_each_fifth_of_a_second_and_at_the_end(
    make_ward: Callable[..., Ward], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(64)
    encoded: list[None] = []

    def count(pixels: NDArray[Any]) -> bytes:
        encoded.append(None)
        return pixels.tobytes()

    source.encode = count
    # each slice takes 12 ms of the clock, so a fifth of a second is 17 slices
    monkeypatch.setattr(volume_load, "time", SimpleNamespace(monotonic=lambda: 1000 + 0.012 * len(encoded)))
    ward = make_ward(source)
    told_at: list[int] = []
    volume = ward.open(lambda settled, _total: told_at.append(settled)).volume
    volume.wait(WAIT_S)
    wait_until(lambda: bool(told_at) and told_at[-1] == 64)
    assert volume.is_whole
    assert told_at == sorted(told_at)
    assert 3 <= len(told_at) <= 6, "four fifths of a second, and the end"


def test_simultaneous_askers_share_one_load(make_ward: Callable[..., Ward]) -> None:
    source = source_of(40)
    source.gate.clear()
    ward = make_ward(source)
    ends = [threading.Event() for _ in range(6)]

    def listener(end: threading.Event) -> Callable[[int, int], None]:
        return lambda settled, total: end.set() if settled == total else None

    uses = [ward.open(listener(end)) for end in ends]
    source.gate.set()
    assert all(end.wait(WAIT_S) for end in ends)
    assert len({id(use.volume) for use in uses}) == 1
    assert sorted(n for asked in source.asked for n in asked) == list(range(1, 41))
    assert (ward.cache.loads, ward.cache.hits) == (1, 5)


def test_frames_of_the_2d_cache_are_not_asked_for_again(make_ward: Callable[..., Ward]) -> None:
    source = source_of(20)
    ward = make_ward(source)
    images = ImageStore(ward.images, source)
    series = source.series(OWNER, 1)
    for key in series.frames[:7]:
        images.load_blocking(OWNER, series, key)
    source.asked.clear()
    assert np.array_equal(ward.loaded().voxels.astype(np.int32) - 32768, source.pixels)
    assert sorted(n for asked in source.asked for n in asked) == list(range(8, 21))
    images.close()


@pytest.mark.parametrize("kind", ["bad", "cut", "silent"])
def test_slices_that_cannot_be_had_are_filled_and_named(make_ward: Callable[..., Ward], kind: str) -> None:
    source = source_of(20)
    getattr(source, kind).update({1, 9, 10, 20})
    volume = make_ward(source).loaded()
    voxels = volume.voxels.astype(np.int64)
    true = source.pixels.astype(np.int64) + 32768
    good = [k for k in range(20) if k not in (0, 8, 9, 19)]
    assert np.array_equal(voxels[good], true[good])
    assert np.array_equal(voxels[[0, 19]], true[[1, 18]])
    assert np.array_equal(voxels[8], np.rint(true[7] + (true[10] - true[7]) / 3))
    assert np.array_equal(voxels[9], np.rint(true[7] + (true[10] - true[7]) * (2 / 3)))
    assert np.array_equal(shown(volume), volume.voxels)
    reason = "slice_not_sent" if kind == "silent" else "slice_unreadable"
    ends, between = f"{reason}+repeated_there", f"{reason}+interpolated_there"
    assert [warning.code for warning in volume.warnings] == [ends, between, between, ends]
    assert [warning.numbers for warning in volume.warnings] == [(1, 20, 0), (9, 20, 12), (10, 20, 13.5), (20, 20, 28.5)]
    assert volume.warnings[1].text.startswith("Slice 9 of 20, at 12 mm, is missing: ")


def test_a_lost_slice_beside_an_empty_place_leaves_a_wider_gap(make_ward: Callable[..., Ward]) -> None:
    for lost in (5, 6):  # before it and behind it, from 1
        pixels = random_pixels(11)
        source = SpaceSource(pixels, [*even(5), *even(12)[6:]], bad={lost})
        stored = make_ward(source).loaded().voxels.astype(np.int64)
        gap = (4, 5) if lost == 5 else (5, 6)
        below, above = stored[gap[0] - 1], stored[gap[1] + 1]
        for step, place in enumerate(gap, 1):
            assert np.array_equal(stored[place], np.rint(below + (above - below) * (step / 3)))


def test_a_series_of_damaged_images_is_refused_in_words(make_ward: Callable[..., Ward]) -> None:
    source = source_of(20, bad=set(range(1, 20)))
    use = make_ward(source).open()
    with pytest.raises(DataError, match="19 of the 20 slices of this volume cannot be read"):
        use.volume.wait(WAIT_S)


def test_frames_out_of_order_and_foreign_ones_do_no_harm(make_ward: Callable[..., Ward]) -> None:
    source = source_of(60, is_shuffled=True)
    volume = make_ward(source).loaded()
    assert np.array_equal(volume.voxels.astype(np.int32) - 32768, source.pixels)
    assert volume.warnings == ()


def test_a_storage_node_that_breaks_off_once_is_asked_again(make_ward: Callable[..., Ward]) -> None:
    source = source_of(60, dies=1, dies_after=3)
    volume = make_ward(source).loaded()
    assert np.array_equal(volume.voxels.astype(np.int32) - 32768, source.pixels)
    assert sorted(n for asked in source.asked for n in asked).count(1) == 1


def test_a_storage_node_that_is_gone_is_said_in_words_and_the_next_asker_starts_anew(
    make_ward: Callable[..., Ward],
) -> None:
    source = source_of(60, dies=2, dies_after=3)
    ward = make_ward(source)
    use = ward.open()
    with pytest.raises(Unavailable, match="storage node broke off"):
        use.volume.wait(WAIT_S)
    wait_until(lambda: bool(ward.reports) and ward.cache.size_bytes == 0)
    assert use.volume.error is not None
    assert not use.volume.is_whole
    assert ward.loaded() is not use.volume
    use.close()
    assert ward.cache.size_bytes > 0


def test_the_last_user_that_leaves_ends_the_load_though_the_storage_node_hangs(make_ward: Callable[..., Ward]) -> None:
    source = source_of(60, hold_after=5)
    source.gate.clear()
    ward = make_ward(source)
    first, second = ward.open(), ward.open()
    assert source.waits.wait(WAIT_S)
    first.close()
    first.close()
    assert not second.volume.is_dropped
    second.close()
    assert second.volume.is_dropped
    assert (ward.cache.size_bytes, len(ward.cache)) == (0, 0)
    assert second.volume.voxels.size == 0
    source.gate.set()
    with pytest.raises(Unavailable, match="Nobody waits"):
        second.volume.wait(WAIT_S)
    assert len(source.asked) == 1
    assert ward.loaded().is_whole


def test_a_hanging_storage_node_holds_up_no_2d_viewer_of_the_same_node(make_ward: Callable[..., Ward]) -> None:
    source = source_of(60)
    source.gate.clear()
    ward = make_ward(source)
    uses = [ward.store.open(OWNER, source.series(OWNER, number), 0, lambda *_: None) for number in (1, 2, 3)]
    assert source.waits.wait(WAIT_S)
    other = source_of(3)
    images = ImageStore(ward.images, other)
    assert images.load_blocking(OWNER, other.series(OWNER, 9), (2, 1), timeout_s=5).rows == ROWS
    for use in uses:
        use.close()
    images.close()


def test_a_load_leaves_the_decoders_to_others_and_ends_though_they_are_busy(make_ward: Callable[..., Ward]) -> None:
    source = source_of(200)
    ward = make_ward(source)
    go_on = threading.Event()
    busy = [ward.images.decode.submit(go_on.wait, WAIT_S) for _ in range(2)]
    use = ward.open()
    wait_until(lambda: source.sent >= 9)
    others = ward.images.decode.submit(lambda: None)  # what a 2D viewer may want soon, behind a few of the volume's
    time.sleep(0.3)
    assert source.sent == 9  # eight wait for a decoder, one for a place among them
    use.close()
    time.sleep(0.3)
    assert use.volume.error is not None
    go_on.set()
    others.result(WAIT_S)
    assert all(future.result(WAIT_S) for future in busy)
    assert source.sent == 9


def test_a_series_that_grows_while_it_loads_is_loaded_anew(make_ward: Callable[..., Ward]) -> None:
    source = source_of(40, hold_after=1)
    source.count = 30
    source.gate.clear()
    ward = make_ward(source)
    small = ward.open()
    assert source.waits.wait(WAIT_S)
    source.count = 40
    large = ward.open()
    source.gate.set()
    for use, count in ((small, 30), (large, 40)):
        use.volume.wait(WAIT_S)
        assert np.array_equal(use.volume.voxels.astype(np.int32) - 32768, source.pixels[:count])
    small.close()  # nobody can ask for it any more
    assert small.volume.is_dropped
    large.close()
    assert large.volume.is_whole
    assert ward.loaded() is large.volume


def test_no_volume_says_why(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(SpaceSource(random_pixels(5), [3.0] * 5))
    with pytest.raises(NotFound, match="All 5 images lie at one position"):
        ward.open()
    with pytest.raises(NotFound, match="no volume with number 1"):
        make_ward(source_of(5)).open(number=1)


def test_a_listener_that_fails_ends_no_load(make_ward: Callable[..., Ward]) -> None:
    ward = make_ward(source_of(30))

    def fail(settled: int, total: int) -> None:
        raise ValueError("a broken listener")

    ward.open(fail).volume.wait(WAIT_S)


def test_a_node_that_stops_gives_up_its_loads(make_ward: Callable[..., Ward]) -> None:
    source = source_of(60, hold_after=5)
    source.gate.clear()
    ward = make_ward(source)
    uses = [ward.store.open(OWNER, source.series(OWNER, number), 0, lambda *_: None) for number in (1, 2, 3)]
    assert source.waits.wait(WAIT_S)
    ward.images.close()
    ward.store.close()
    source.gate.set()
    for use in uses:
        with pytest.raises(Unavailable, match="stopping"):
            use.volume.wait(WAIT_S)
    with pytest.raises(Unavailable, match="stopping"):
        ward.open()


class Sticky(SpaceSource):
    """Frames of the series opened first never come, until ``gate`` is set."""

    sticks = 0

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        return super().series(OWNER, series_id)

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        with self.lock:
            self.sticks -= 1
            is_stuck = self.sticks >= 0
        if is_stuck and not self.gate.wait(WAIT_S):
            raise Unavailable("The storage node does not answer.")
        for key in keys:
            yield key, self.encode(self.pixels[key[0] - 1])


@pytest.mark.parametrize("stuck", [2, 8])
def test_loads_that_get_stuck_hold_up_nobody_elses(make_ward: Callable[..., Ward], stuck: int) -> None:
    source = Sticky(random_pixels(24), even(24))
    source.gate.clear()
    source.sticks = stuck
    ward = make_ward(source)
    opened = [ward.store.open(number % 2, source.series(OWNER, number), 0, lambda *_: None) for number in range(stuck)]
    wait_until(lambda: source.sticks == 0)
    other = ward.store.open(2, source.series(OWNER, 99), 0, lambda *_: None)
    other.volume.wait(WAIT_S)
    assert not any(use.volume.revision for use in opened)
    source.gate.set()
    for use in opened:
        use.volume.wait(WAIT_S)


def test_one_owner_does_not_take_all_loads(make_ward: Callable[..., Ward]) -> None:
    source = Sticky(random_pixels(24), even(24))
    source.gate.clear()
    source.sticks = 100
    ward = make_ward(source)
    opened = [ward.store.open(1, source.series(OWNER, number), 0, lambda *_: None) for number in range(20)]
    time.sleep(0.2)  # whatever begins has begun
    assert source.sticks == 100 - 4
    source.sticks = 0
    ward.store.open(2, source.series(OWNER, 99), 0, lambda *_: None).volume.wait(WAIT_S)
    source.gate.set()
    for use in opened:
        use.volume.wait(WAIT_S)


def test_a_coarse_picture_goes_before_what_makes_others_finer(
    make_ward: Callable[..., Ward], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = VolumeLoad._decode_one

    def slowly(load: VolumeLoad, source: int, work: Any, data: Any) -> None:
        time.sleep(0.003)
        decoded.append(load._volume.key[1])
        decode(load, source, work, data)

    monkeypatch.setattr(VolumeLoad, "_decode_one", slowly)
    ward = make_ward(source_of(100))
    ward.images.close()
    ward.images = ImageCache(MIB, 1)
    ward.store = VolumeStore(ward.cache, ward.images, ward.source, "storage")
    others = [ward.store.open(OWNER, ward.source.series(OWNER, number), 0, lambda *_: None) for number in (1, 2, 3)]
    wait_until(lambda: all(use.volume.revision for use in others))
    use = ward.store.open(OWNER, ward.source.series(OWNER, 9), 0, lambda *_: None)
    use.volume.wait(WAIT_S)
    own = [place for place, series_id in enumerate(decoded) if series_id == 9]
    # Every 8th slice and the last are 14. By turns, 3 frames of others would lie between any two beyond the first 8.
    assert own[13] - own[0] - 13 <= 6
    for other in others:
        other.volume.wait(WAIT_S)
