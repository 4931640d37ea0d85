"""Volumes in the device: uploaded once and in parts, kept while they are drawn, gone when they must be."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.session.bands import BAND_S, Bands
from renderpool.session.light_size import LightSizes
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_textures import VolumeTextures
from tests.render.painter_volumes import LatticeSource, Steps, Ward, ward
from webviewer.core.errors import RenderError, Unavailable
from webviewer.protocol.volumes import PlaneView

__all__ = ["ward"]

STEPS: Steps = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
SHAPE = (20, 30, 40)
BYTES = 20 * 30 * 40 * 2


def volume_of(ward: Ward, seed: int = 1) -> LoadedVolume:
    pixels: NDArray[np.int16] = np.random.default_rng(seed).integers(-900, 900, SHAPE, np.int16)
    return ward.volume_of(pixels, STEPS)


def test_a_volume_is_uploaded_once_for_all(renderer: Renderer, ward: Ward) -> None:
    textures, volume = VolumeTextures(10 * BYTES), volume_of(ward)
    one, other = textures.bring(volume, 10.0), textures.bring(volume, 10.0)
    assert one is other
    assert one is not None
    assert one.is_whole
    assert (len(textures), textures.size_bytes) == (1, BYTES)
    assert (one.lowest, one.highest) == (float(volume_values(volume).min()), float(volume_values(volume).max()))
    textures.close()
    assert textures.size_bytes == 0


def volume_values(volume: LoadedVolume) -> NDArray[np.float64]:
    assert volume.values is not None
    return volume.voxels.astype(np.float64) * volume.values.slope + volume.values.intercept


def test_an_upload_ends_when_its_time_is_over_and_goes_on_later(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderpool.session.volume_textures._MOST_SLICES", 3)
    textures, volume = VolumeTextures(10 * BYTES), volume_of(ward)
    shares, device = [], textures.bring(volume, 0.0)
    assert device is not None
    while not device.is_all:
        shares.append(device.is_whole)
        textures.bring(volume, 0.0)
    assert len(shares) >= 6  # 20 slices, at most 3 at a time
    assert not any(shares)
    assert device.is_whole
    textures.close()


def test_the_least_recently_drawn_goes_first_and_those_being_drawn_stay(renderer: Renderer, ward: Ward) -> None:
    class Holder:
        def __init__(self, volume: LoadedVolume) -> None:
            self.holds: tuple[str, int, int, str] | None = volume.key

    textures = VolumeTextures(2 * BYTES)
    first, second, third, fourth = (volume_of(ward, seed) for seed in range(4))
    held = Holder(first)
    textures.hold(held)
    devices = {volume.key: textures.bring(volume) for volume in (first, second)}
    assert textures.bring(first) is devices[first.key]
    textures.bring(third)  # the second goes, though the first may be as old
    assert len(textures) == 2
    assert textures.bring(first) is devices[first.key]
    textures.bring(third)
    textures.bring(fourth)  # the first is older than the third, but held
    assert textures.bring(first) is devices[first.key]
    assert len(textures) == 2
    held.holds = None
    textures.bring(fourth)
    textures.bring(second)  # now it is let go
    assert textures.bring(fourth) is not None
    assert textures.size_bytes == 2 * BYTES
    assert textures.bring(first) is not devices[first.key]
    textures.close()


def test_a_picture_holds_its_volume_until_it_is_done_or_forgotten(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderpool.session.plane_picture.SAMPLE_S", 1e-5)  # of more than one part
    painter = VolumePainter(renderer, budget_bytes=BYTES)
    first, second = volume_of(ward, 1), volume_of(ward, 2)
    wish = PlaneView(
        cell=0,
        revision=1,
        width_px=64,
        height_px=400,
        center_lps_mm=(0, 30, -130),
        right_lps=(1, 0, 0),
        down_lps=(0, 1, 0),
        mm_per_px=0.5,
    )
    picture = painter.begin_plane(first, wish)
    picture.step()
    painter.paint_plane(second, wish)
    assert painter.textures.size_bytes == 2 * BYTES
    del picture
    gc.collect()
    painter.paint_plane(volume_of(ward, 3), wish)
    assert painter.textures.size_bytes == BYTES
    painter.close()


def test_a_volume_that_nobody_may_look_at_leaves_the_device(renderer: Renderer, ward: Ward) -> None:
    textures, one, other = VolumeTextures(10 * BYTES), volume_of(ward, 1), volume_of(ward, 2)
    textures.bring(one)
    textures.bring(other)
    ward.cache.forget(one)
    textures.sweep()
    assert len(textures) == 1
    with pytest.raises(Unavailable, match="no longer there"):
        textures.bring(one)
    textures.close()


def test_a_volume_loaded_anew_is_uploaded_anew(renderer: Renderer, ward: Ward) -> None:
    textures, old = VolumeTextures(10 * BYTES), volume_of(ward, 1)
    new = LoadedVolume(old.key, old.series, old.plan, old.frame_keys)
    device = textures.bring(old)
    assert textures.bring(new) is None  # nothing of it has come
    assert textures.bring(old) is device
    new.values = old.values
    new.source_out(0)[:] = 7
    new.arrive(0)
    new.publish()
    other = textures.bring(new)
    assert other is not device
    assert len(textures) == 1
    textures.close()


def test_what_the_device_cannot_take_is_refused_with_numbers(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    textures, volume = VolumeTextures(10 * BYTES), volume_of(ward)
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: 8)
    with pytest.raises(RenderError, match=r"40 × 30 × 20 voxels is larger .*: at most 8 a side, and 4 pieces"):
        textures.bring(volume)
    assert len(textures) == 0


def test_while_nothing_has_come_nothing_is_made(renderer: Renderer, ward: Ward) -> None:
    textures = VolumeTextures(10 * BYTES)
    source = LatticeSource(np.zeros(SHAPE, np.int16), STEPS, {}, {})
    source.gate.clear()
    assert textures.bring(ward.open(source)) is None
    assert len(textures) == 0


def test_bands_are_the_picture_and_follow_what_they_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    picture = np.arange(640 * 8, dtype=np.int64).reshape(640, 8).astype(np.uint8)
    heights = []

    def draw(part: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        left, top, width, height = part
        clock[0] += height * (1e-4 if top < 200 else 1e-3)  # ten times as much from there on
        heights.append(height)
        return picture[top : top + height, left : left + width]

    bands, found = Bands(8, 640, draw), None
    while found is None:
        found = bands.step()
    assert np.array_equal(found, picture)
    assert heights[0] == 32
    assert max(heights) <= 208
    assert heights[-2] == 16  # 20 ms are 20 rows there, and 16 are a block
    assert bands.slowest_row_s == pytest.approx(1e-3)
    told = Bands(8, 640, draw, row_s=1e-3)
    heights.clear()
    while told.step() is None:
        pass
    assert max(heights) <= 32, "what the last picture cost is known"
    few = Bands(8, 640, draw, row_s=1e-2, least_rows=214)
    heights.clear()
    while few.step() is None:
        pass
    assert heights == [214, 214, 212], "each part has a price of its own"


def test_where_few_rows_take_too_long_they_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    width, height = 3840, 69
    picture = np.random.default_rng(4).integers(0, 255, (height, width, 3)).astype(np.uint8)
    parts: list[tuple[int, int, int, int]] = []
    took: list[float] = []

    def draw(part: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        left, top, columns, rows = part
        inside = max(0, min(left + columns, 3000) - max(left, 900))  # what lies beside costs next to nothing
        took.append(5e-4 + rows * (inside * 1e-5 + columns * 1e-8))
        clock[0] += took[-1]
        parts.append(part)
        return picture[top : top + rows, left : left + columns]

    def drawn(bands: Bands) -> NDArray[np.uint8]:
        parts.clear()
        took.clear()
        while (found := bands.step()) is None:
            pass
        return found

    told = drawn(Bands(width, height, draw, row_s=2100 * 1e-5, pixel_s=1e-5))
    assert np.array_equal(told, picture)
    assert max(took) < 2 * BAND_S
    assert all(left % 64 == 0 for left, _, _, _ in parts), "as software divides what it draws"
    assert len(parts) < 200, "what is empty is not divided more than it must be"
    hoped = drawn(Bands(width, height, draw, row_s=1e-3))
    assert np.array_equal(hoped, picture)
    assert max(took[1:]) < 2.5 * BAND_S, "nothing was known: what the first rows took is learnt"
    light = drawn(Bands(width, height, draw, row_s=2100 * 1e-5, least_rows=13))
    assert np.array_equal(light, picture)
    assert [rows for _, _, _, rows in parts] == [13, 13, 13, 13, 17]
    dear = drawn(Bands(80, height, draw, row_s=80.0))
    assert np.array_equal(dear, picture[:, :80])
    assert min(columns * rows for _, _, columns, rows in parts) <= 64, (
        "no pixels are too few to have a turn of their own"
    )


def test_light_sizes_follow_what_pictures_took() -> None:
    sizes = LightSizes()
    first = sizes.choose("soft", 1000, 800)
    assert first.width_px / first.height_px == pytest.approx(1.25, abs=0.01)
    for ray_s in (4e-7, 2e-6):
        for _ in range(12):
            size = sizes.choose("soft", 1000, 800)
            took_s = ray_s * size.width_px * size.height_px / size.step_voxels
            sizes.took("soft", size, took_s)
        assert took_s < 0.041
    assert size.width_px * size.height_px >= 200**2, "what is dense takes longer rather than be a stamp"
    dense = sizes.choose("soft", 1000, 800, most_scale=0.2)
    assert (dense.width_px, dense.height_px) == (200, 160)
    assert sizes.choose("another", 1000, 800) == first
    for _ in range(40):
        sizes.took("thin", sizes.choose("thin", 1000, 800), 1e-5)
    assert (sizes.choose("thin", 1000, 800).width_px, sizes.choose("thin", 1000, 800).step_voxels) == (1000, 1.0)
    for _ in range(3):
        sizes.took("endless", sizes.choose("endless", 1000, 800), 30.0)
    size = sizes.choose("endless", 1000, 800)
    assert size.width_px * size.height_px == pytest.approx(128**2, rel=0.05)
    assert size.step_voxels == 4.0
