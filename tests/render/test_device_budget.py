"""What volumes take of the device: within the budget but for what is being drawn, and nobody's goes for nothing."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.gl import OutOfDeviceMemory
from renderpool.engine.renderer import Renderer
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.volume_textures import DeviceVolume, VolumeTextures
from tests.render.house import House, Viewer, wait_until
from tests.render.painter_volumes import Steps, Ward, ward
from tests.render.volume_sources import SpaceSource, even
from webviewer.core.errors import DeviceLost, RenderError
from webviewer.protocol.framing import FrameFlag
from webviewer.protocol.volumes import CutSphere, Edit

__all__ = ["ward"]

STEPS: Steps = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
SHAPE = (20, 30, 40)
BYTES = 20 * 30 * 40 * 2


class Doctor:
    """Somebody who draws a volume."""

    def __init__(self, textures: VolumeTextures, volume: LoadedVolume) -> None:
        self.holds: VolumeKey | None = volume.key
        textures.hold(self)


def volumes_of(ward: Ward, count: int, shape: tuple[int, int, int] = SHAPE) -> list[LoadedVolume]:
    pixels: list[NDArray[np.int16]] = [
        np.random.default_rng(seed).integers(-900, 900, shape, np.int16) for seed in range(count)
    ]
    return [ward.volume_of(one, STEPS) for one in pixels]


def test_what_those_who_draw_took_beyond_the_budget_is_given_back(renderer: Renderer, ward: Ward) -> None:
    textures, volumes = VolumeTextures(2 * BYTES), volumes_of(ward, 4)
    doctors = [Doctor(textures, volume) for volume in volumes]
    devices = [textures.bring(volume, 10.0) for volume in volumes]
    assert textures.size_bytes == 4 * BYTES, "all are being drawn"
    doctors[0].holds = None
    assert textures.bring(volumes[0]) is devices[0], "not the one that is asked for"
    assert textures.size_bytes == 4 * BYTES
    for doctor in doctors[1:]:
        doctor.holds = None
    textures.sweep()
    assert textures.size_bytes == 2 * BYTES
    assert textures.bring(volumes[3]) is devices[3], "the least recently drawn ones went"
    assert textures.bring(volumes[0]) is devices[0]
    textures.close()


def test_a_volume_that_is_larger_than_the_budget_stays_while_it_is_brought(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderpool.session.volume_textures._MOST_SLICES", 3)
    textures, volume = VolumeTextures(BYTES // 2), volumes_of(ward, 1)[0]
    device = textures.bring(volume, 0.0)
    for _ in range(20):
        textures.sweep()
        assert textures.bring(volume, 0.0) is device
    assert device is not None
    assert device.is_whole
    textures.close()


def test_a_volume_that_the_device_refuses_costs_nobody_his_own(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    textures, volumes = VolumeTextures(3 * BYTES), volumes_of(ward, 3)
    large = volumes_of(ward, 1, (20, 30, 300))[0]
    for volume in volumes:
        textures.bring(volume, 10.0)
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: 64)
    with pytest.raises(RenderError, match="300 × 30 × 20 voxels is larger"):
        textures.bring(large)
    assert len(textures) == 3
    textures.close()


def test_of_a_lost_device_nothing_is_given_back(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    textures, (one, other) = VolumeTextures(9 * BYTES), volumes_of(ward, 2)
    textures.bring(one)

    def gone(what: str) -> None:
        raise DeviceLost(f"The graphics device was lost: {what}.")

    with monkeypatch.context() as broken:
        broken.setattr("renderpool.engine.volume_texture.check_gl", gone)
        with pytest.raises(DeviceLost):
            textures.bring(other)
    assert len(textures) == 1
    textures.close()


def test_a_device_that_is_short_of_memory_takes_of_the_others_no_more_than_it_needs(
    renderer: Renderer, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    textures, volumes = VolumeTextures(9 * BYTES), volumes_of(ward, 4)
    devices: list[DeviceVolume | None] = [textures.bring(volume) for volume in volumes[:3]]
    held = Doctor(textures, volumes[0])

    def short_of_memory(what: str) -> None:
        if what == "making a volume" and textures.size_bytes > left_bytes:
            raise OutOfDeviceMemory(f"OpenGL reports GL_OUT_OF_MEMORY: {what}.")

    left_bytes = 2 * BYTES
    with monkeypatch.context() as short:
        short.setattr("renderpool.engine.volume_texture.check_gl", short_of_memory)
        assert textures.bring(volumes[3]) is not None
    assert textures.size_bytes == 3 * BYTES
    assert held.holds is not None
    assert textures.bring(volumes[0]) is devices[0]
    assert textures.bring(volumes[2]) is devices[2]
    left_bytes = 0
    with monkeypatch.context() as short:
        short.setattr("renderpool.engine.volume_texture.check_gl", short_of_memory)
        with pytest.raises(RenderError, match=r"40 × 30 × 20 voxels needs 0 MB of the graphics device.*did not give"):
            textures.bring(volumes[1])
    assert textures.bring(volumes[0]) is devices[0], "it is held"
    textures.close()


def test_volumes_that_are_drawn_by_turns_stay_beyond_the_budget_until_they_are_not(
    renderer: Renderer, ward: Ward
) -> None:
    now_s = [0.0]
    textures = VolumeTextures(BYTES, stays_s=3.0, clock=lambda: now_s[0])
    volumes = volumes_of(ward, 3)
    devices = [textures.bring(volume, 10.0) for volume in volumes]
    for _ in range(5):
        now_s[0] += 1.0
        textures.sweep()
        assert [textures.bring(volume) for volume in volumes] == devices
    now_s[0] += 2.0
    assert textures.bring(volumes[0]) is devices[0]
    now_s[0] += 1.5
    textures.sweep()
    assert (len(textures), textures.bring(volumes[0])) == (1, devices[0])
    textures.close()


def test_three_doctors_who_turn_volumes_beyond_the_budget_see_them_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(1).integers(0, 900, (24, 24, 32), np.int16)
    monkeypatch.setattr("renderpool.session.volume_painter._SOFTWARE_BYTES", pixels.nbytes)
    monkeypatch.setattr("renderpool.session.volume_painter._HARDWARE_BYTES", pixels.nbytes)
    made: list[VolumeKey] = []
    make = DeviceVolume.__init__

    def counted(device: DeviceVolume, volume: LoadedVolume) -> None:
        made.append(volume.key)
        make(device, volume)

    monkeypatch.setattr(DeviceVolume, "__init__", counted)
    house = House(SpaceSource(pixels, even(24)))
    try:
        doctors = [Viewer(house) for _ in range(3)]
        for number, doctor in enumerate(doctors, 1):
            doctor.open_volume(series_id=number)
            doctor.camera(1)
            doctor.next_still()
        for revision in range(2, 12):
            for doctor in doctors:
                doctor.camera(revision, moving=True, offset_px=(revision, 0.0))
            for doctor in doctors:
                header, _ = doctor.next_frame()
                assert FrameFlag.COARSE not in header.flags
        assert len(made) == 3, "each was uploaded once"
        counters = house.scheduler.counters
        assert counters.device_volume_bytes == 3 * pixels.nbytes
        wait_until(lambda: counters.device_volume_bytes <= pixels.nbytes)  # without anybody's doing
        for doctor in doctors:
            house.scheduler.close_session(doctor.session)
        assert counters.device_volume_bytes == pixels.nbytes
    finally:
        house.close()


def test_what_nobody_looks_at_leaves_the_device_though_nothing_else_is_drawn() -> None:
    pixels = np.random.default_rng(1).integers(0, 900, (24, 24, 32), np.int16)
    house = House(SpaceSource(pixels, even(24)), keep_volumes=False)
    try:
        doctor, counters = Viewer(house), house.scheduler.counters
        doctor.open_volume()
        sphere = CutSphere(centers_lps_mm=((0.0, 0.0, 0.0),), radius_mm=5.0)
        doctor.session.handle(Edit(cell=0, number=1, step=sphere))
        doctor.camera(1, edits=1)
        doctor.next_still()
        wait_until(lambda: counters.device_mask_bytes > 0)
        assert counters.device_volume_bytes == pixels.nbytes
        house.scheduler.close_session(doctor.session)
        del doctor
        wait_until(lambda: counters.device_volume_bytes == 0)
        gc.collect()  # cells and what they call back form a ring
        wait_until(lambda: counters.device_mask_bytes == 0)
    finally:
        house.close()
