"""Images of a volume for a series: whole, whatever others have drawn between two turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from renderpool.engine.renderer import Renderer
from renderpool.scene.plane_canvas import PlaneCanvas, plane_canvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode
from renderpool.session import device_images
from renderpool.session.device_images import DeviceImages
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_textures import VolumeTextures
from tests.render.painter_volumes import Steps, Ward, ward
from webviewer.core.errors import Unavailable
from webviewer.protocol.volumes import CameraPose, CameraView

__all__ = ["ward"]

STEPS: Steps = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
SHAPE = (60, 24, 32)
BYTES = 60 * 24 * 32 * 2


@pytest.fixture
def tight(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> Iterator[VolumePainter]:
    """Give a painter whose device has room for one volume and a half, and takes four slices of one in a turn."""
    monkeypatch.setattr("renderpool.session.volume_textures._MOST_SLICES", 4)
    monkeypatch.setattr(VolumeTextures.bring, "__defaults__", (0.0,))
    monkeypatch.setattr(device_images, "_BAND_SAMPLES", 32 * 10)  # some rows of an image in a turn
    painter = VolumePainter(renderer, budget_bytes=BYTES * 3 // 2, debug=True)
    yield painter
    painter.close()


class Turns:
    """The drawing thread; after each turn of a series, others have theirs."""

    def __init__(self, painter: VolumePainter, others: Callable[[], object]) -> None:
        self.painter, self.others, self.count = painter, others, 0

    def submit(self, draw: Callable[[VolumePainter], Any], /) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(draw(self.painter))
        self.count += 1
        self.others()
        return future


def volume_of(ward: Ward, seed: int) -> LoadedVolume:
    return ward.volume_of(np.random.default_rng(seed).integers(100, 900, SHAPE, np.int16), STEPS)


def coronal(volume: LoadedVolume, row: int) -> PlaneCanvas:
    x, _, z = volume.grid.center_lps_mm.tolist()
    y = float(volume.grid.lps_from_index[1, 3]) + row
    return plane_canvas(32, 60, center_lps_mm=(x, y, z), right_lps=(1, 0, 0), down_lps=(0, 0, 1), mm_per_px=1.0)


def seen(volume: LoadedVolume) -> CameraView:
    x, y, z = volume.grid.center_lps_mm.tolist()
    pose = CameraPose(
        width_px=48, height_px=64, target_lps_mm=(x, y, z), right_lps=(1, 0, 0), down_lps=(0, 0, -1), mm_per_px=1.0
    )
    return CameraView(cell=0, revision=1, pose=pose)


def uploaded(painter: VolumePainter, volume: LoadedVolume) -> None:
    while not painter.prepare(volume):
        pass


def evicting(painter: VolumePainter, volume: LoadedVolume, times: int) -> Callable[[], None]:
    """Return what takes the place of a volume in the device so many times, though it is held."""
    left = [times]

    def drop() -> None:
        if left[0]:
            left[0] -= 1
            painter.textures._drop(volume.key)

    return drop


def test_values_are_those_of_all_slices_while_another_volume_is_drawn(ward: Ward, tight: VolumePainter) -> None:
    volume, other = volume_of(ward, 1), volume_of(ward, 2)
    turns = Turns(tight, lambda: uploaded(tight, other))
    with DeviceImages(volume, turns.submit) as images:
        found = [images.values(coronal(volume, row), Slab(interpolation=Interpolation.NEAREST)) for row in (3, 17)]
    for row, values in zip((3, 17), found, strict=True):
        assert np.array_equal(np.rint(values), volume.voxels[:, row])
    # Fifteen turns to upload it, six bands an image: it was not uploaded again for each of them.
    assert turns.count < 15 + 2 * 6 + 2


def test_a_volume_that_was_lost_between_two_bands_is_brought_again(ward: Ward, tight: VolumePainter) -> None:
    volume = volume_of(ward, 1)
    turns = Turns(tight, lambda: None)
    with DeviceImages(volume, turns.submit) as images:
        images.values(coronal(volume, 3), Slab())
        turns.others = evicting(tight, volume, 2)
        values = images.values(coronal(volume, 3), Slab(SlabMode.MAXIMUM, 3.0, Interpolation.NEAREST))
    assert np.array_equal(np.rint(values), volume.voxels[:, 2:5].max(axis=1))


def test_a_still_is_that_of_all_slices_while_another_volume_is_drawn(ward: Ward, tight: VolumePainter) -> None:
    volume, other = volume_of(ward, 1), volume_of(ward, 2)
    with DeviceImages(volume, Turns(tight, lambda: None).submit) as images:
        right = images.still(seen(volume))
    assert right.max() > 50
    turns = Turns(tight, lambda: uploaded(tight, other))
    tight.textures._drop(volume.key)
    with DeviceImages(volume, turns.submit) as images:
        assert np.array_equal(images.still(seen(volume)), right)
        # Dropped after its beginning, though held, and once more when it was begun anew.
        turns.others = evicting(tight, volume, 2)
        assert np.array_equal(images.still(seen(volume)), right)


def test_it_is_held_until_the_series_is_done(ward: Ward, tight: VolumePainter) -> None:
    volume, other = volume_of(ward, 1), volume_of(ward, 2)
    with DeviceImages(volume, Turns(tight, lambda: None).submit) as images:
        images.values(coronal(volume, 3), Slab())
        uploaded(tight, other)
        assert (len(tight.textures), images.holds) == (2, volume.key)
    assert images.holds is None
    uploaded(tight, volume_of(ward, 3))
    assert len(tight.textures) == 1


def test_values_of_half_a_volume_are_refused(ward: Ward, tight: VolumePainter) -> None:
    volume = volume_of(ward, 1)
    with pytest.raises(Unavailable, match="Not all of this volume is in the device"):
        tight.stored_values(volume, coronal(volume, 3), Slab())


def test_a_volume_that_goes_meanwhile_ends_it_in_words(ward: Ward, tight: VolumePainter) -> None:
    volume = volume_of(ward, 1)
    turns = Turns(tight, lambda: None)
    with DeviceImages(volume, turns.submit) as images:
        turns.others = volume.drop
        with pytest.raises(Unavailable, match="no longer there"):
            images.values(coronal(volume, 3), Slab())
