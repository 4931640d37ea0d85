"""What pictures of planes are thought to take, against a count of their samples; light sizes and paces that follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.scene.slab import Slab, SlabMode, sample_offsets_mm
from renderpool.session.light_size import LightSizes, Rays
from renderpool.session.plane_cost import SAMPLE_S, PlaneCost, PlanePaces, plane_cost, plane_parts
from renderpool.session.quality import LightLevel, QualityControl
from renderpool.session.volume_painter import VolumePainter
from tests.render.house import House, Viewer
from tests.render.painter_volumes import ORIGIN, Ward, painter, ward
from tests.render.test_plane_painting import (
    CANVASES,
    LATTICES,
    SHAPE,
    VALUES,
    assert_shown,
    middle_of,
    wanted,
    wish_of,
)
from tests.render.volume_sources import COLUMNS, ROWS, SpaceSource, even
from tests.support.reference_volume_geometry import along
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid
from webviewer.protocol.framing import FrameFlag
from webviewer.protocol.messages import ViewError
from webviewer.protocol.volumes import PlaneView, VolumeFacts

__all__ = ["painter", "ward"]

FULL = LightLevel(80, 1.0)
WIDE: dict[str, Any] = {"width_px": 960, "height_px": 540, "mm_per_px": 0.06}


def grid_of(lattice: str, shape: tuple[int, int, int] = SHAPE) -> VolumeGrid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(LATTICES[lattice]).T
    matrix[:3, 3] = ORIGIN
    return VolumeGrid(shape, matrix)


def cost_of(wish: PlaneView, grid: VolumeGrid) -> PlaneCost:
    canvas, slab, _ = plane_parts(wish, grid)
    return plane_cost(canvas, slab, grid)


def counted(wish: PlaneView, grid: VolumeGrid) -> NDArray[np.int64]:
    """Samples of each pixel that lie inside the volume."""
    right, down = np.array(wish.right_lps), np.array(wish.down_lps)
    x, y = (np.arange(side) + 0.5 - side / 2 for side in (wish.width_px, wish.height_px))
    places = np.array(wish.center_lps_mm) + wish.mm_per_px * (x[None, :, None] * right + y[:, None, None] * down)
    count = int(np.ceil(wish.thickness_mm / min(grid.spacing_mm) - 1e-9))
    found = np.zeros(places.shape[:2], np.int64)
    for part in range(count):
        depth_mm = wish.thickness_mm * ((part + 0.5) / count - 0.5)
        lps = places + depth_mm * np.cross(right, down)
        index = lps @ np.linalg.inv(grid.lps_from_index[:3, :3]).T
        index -= np.linalg.inv(grid.lps_from_index[:3, :3]) @ grid.lps_from_index[:3, 3]
        found += ((index >= -0.5) & (index <= np.array(grid.shape[::-1]) - 0.5)).all(axis=-1)
    return found


@pytest.mark.parametrize("mm_per_px", [0.1, 0.4321, 3.0])
@pytest.mark.parametrize("lattice", LATTICES)
@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES.keys())
def test_samples_are_counted_where_the_volume_is(canvas: Any, lattice: str, mm_per_px: float) -> None:
    grid = grid_of(lattice)
    wish = wish_of(LATTICES[lattice], canvas, mm_per_px=mm_per_px, slab="mip", thickness_mm=30)
    cost, samples = cost_of(wish, grid), counted(wish, grid)
    base = cost_of(wish_of(LATTICES[lattice], canvas, center_lps_mm=(9e3, 0, 0), slab="mip", thickness_mm=30), grid)
    assert base.pixel == base.row_pixel == base.most
    assert cost.pixel - base.pixel == pytest.approx(samples.mean(), rel=0.12)
    assert cost.row_pixel - base.row_pixel == pytest.approx(samples.mean(axis=1).max(), rel=0.15)
    assert cost.most - base.most == pytest.approx(samples.max(), rel=0.15, abs=1)


def thick(**changes: Any) -> PlaneView:
    return wish_of(
        LATTICES["oblique"], **{**WIDE, "slab": "mip", "thickness_mm": 30, "interpolation": "trilinear", **changes}
    )


def test_a_moving_slab_gives_up_pixels_and_samples_to_come_in_time(
    painter: VolumePainter, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = ward.volume_of(VALUES, LATTICES["oblique"])
    for name in ("plane_cost", "plane_picture"):
        monkeypatch.setattr(f"renderpool.session.{name}.SAMPLE_S", 1e-7)  # of a slow machine
    light = painter.paint_plane(volume, thick(), FULL)
    assert not light.is_whole
    height, width = light.pixels.shape
    samples = np.mean(counted(thick(width_px=96, height_px=54, mm_per_px=0.6), volume.grid))
    assert width / height == pytest.approx(960 / 540, rel=0.02)
    assert 0.25 * 0.03 < width * height * samples / 4 * 1e-7 < 0.065, "of every fourth sample at the least"
    still = painter.paint_plane(volume, thick()).pixels
    rows, columns = (np.arange(540) * height // 540)[:, None], np.arange(960) * width // 960
    assert np.abs(still.astype(int) - light.pixels[rows, columns]).mean() < 16


def test_a_moving_plane_that_comes_in_time_is_the_still_one(painter: VolumePainter, ward: Ward) -> None:
    volume = ward.volume_of(VALUES, LATTICES["oblique"])
    wish = wish_of(LATTICES["oblique"])
    for plane in (wish, wish.model_copy(update={"slab": "mip", "thickness_mm": 6.0})):
        light = painter.paint_plane(volume, plane, FULL)
        assert light.is_whole
        assert np.array_equal(light.pixels, painter.paint_plane(volume, plane).pixels)
    assert_shown(light, wanted(plane, LATTICES["oblique"]))


def rays(samples: float, *, is_slab: bool) -> Rays:
    return Rays(SAMPLE_S, samples, *((4.0, 8.0) if is_slab else (1.0, 1.0)), whole_within_s=0.065)


def test_the_first_light_size_follows_the_estimate() -> None:
    sizes = LightSizes()
    thin = sizes.choose("plane", 1920, 1080, rays=rays(1.25, is_slab=False))
    assert (thin.width_px, thin.height_px, thin.step_voxels) == (1920, 1080, 1.0)
    large = sizes.choose("plane", 3840, 2160, rays=rays(1.25, is_slab=False))
    assert large.step_voxels == 1.0, "a plane has no samples to give up"
    assert 1.25 * large.width_px * large.height_px * SAMPLE_S == pytest.approx(0.03, rel=0.01)
    for width_px, height_px in ((1920, 1080), (3840, 2160)):
        for samples in (43.0, 290.0, 1400.0):
            slab = sizes.choose("slab", width_px, height_px, rays=rays(samples, is_slab=True))
            took_s = samples * slab.width_px * slab.height_px * SAMPLE_S / slab.step_voxels
            assert 0.02 < took_s < 0.066, (slab, samples)
            assert slab.step_voxels <= 8.0
            assert slab.width_px * slab.height_px > 127**2


def test_what_one_slab_took_is_known_of_a_thicker_one() -> None:
    sizes = LightSizes()
    for _ in range(8):  # a device a hundred times as fast as what is thought at first
        size = sizes.choose("slab", 1920, 1080, rays=rays(30, is_slab=True))
        pixels = size.width_px * size.height_px
        sizes.took("slab", size, SAMPLE_S / 100 * 30 * pixels / size.step_voxels, 30)
    thicker = sizes.choose("slab", 1920, 1080, rays=rays(150, is_slab=True))
    assert (thicker.width_px, thicker.height_px, thicker.step_voxels) == (1920, 1080, 1.0)


def test_a_still_that_takes_long_is_known_before_it_is_drawn() -> None:
    grid = grid_of("0.5 x 0.5 x 3", (300, 512, 512))
    x, y, z = middle_of(LATTICES["0.5 x 0.5 x 3"])
    wish = wish_of(LATTICES["0.5 x 0.5 x 3"], CANVASES["coronal"], **{**WIDE, "center_lps_mm": (x, y + 100, z + 400)})
    paces = PlanePaces(QualityControl())
    assert not paces.of(wish, grid).is_slow
    slow = wish.model_copy(update={"slab": "mip", "thickness_mm": 30.0})
    assert paces.of(slow, grid).is_slow
    assert paces.of(slow, grid) is paces.of(slow, grid), "counted once for a wish"
    beside = slow.model_copy(update={"center_lps_mm": (9e3, 0.0, 0.0)})
    assert not paces.of(beside, grid).is_slow, "nothing is there"
    paces.of(slow, grid).still_took(0.02)
    again = slow.model_copy(update={"revision": 2})
    assert not paces.of(again, grid).is_slow, "this device is fast"
    with pytest.raises(InvalidInput, match="length 2"):
        paces.of(wish.model_copy(update={"right_lps": (2.0, 0.0, 0.0)}), grid)


def test_samples_of_a_slab_may_be_further_apart() -> None:
    grid = grid_of("0.5 x 0.5 x 3")
    assert len(sample_offsets_mm(Slab(SlabMode.MAXIMUM, 30.0), grid)) == 60
    offsets_mm = sample_offsets_mm(Slab(SlabMode.MAXIMUM, 30.0, step_voxels=4.0), grid)
    assert np.diff(offsets_mm) == pytest.approx(2.0)
    assert offsets_mm.sum() == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(InvalidInput, match=r"0\.5 voxels apart is invalid: must be 1 or more"):
        Slab(SlabMode.MAXIMUM, 30.0, step_voxels=0.5)


@pytest.fixture
def viewer(make_house: Callable[..., House]) -> Viewer:
    """One who looks at a whole volume."""
    k, j, i = np.mgrid[:40, :ROWS, :COLUMNS]
    stored = (600 + 300 * np.sin(i / 5) * np.cos(j / 4 + k / 6)).astype("<i2")
    viewer = Viewer(make_house(SpaceSource(stored, even(40))))
    viewer.open_volume()
    while not viewer.next_message(VolumeFacts).whole:
        pass
    return viewer


def test_a_canvas_that_is_none_is_refused_in_words_over_the_stream(viewer: Viewer) -> None:
    viewer.plane(1, right_lps=(2.0, 0.0, 0.0))
    assert "to the right has the length 2: must be 1" in viewer.next_message(ViewError).message
    viewer.plane(2)
    assert viewer.next_still()[0].revision == 2


def test_a_still_that_takes_long_comes_after_a_light_one(viewer: Viewer) -> None:
    x, y, z = along([0.0])[0]
    wish: dict[str, Any] = {
        "center_lps_mm": (x + 12.0, y + 6.0, z + 30.0),
        "width_px": 800,
        "height_px": 600,
        "mm_per_px": 0.01,
        "slab": "aip",
    }
    viewer.plane(1, **wish)
    thin = viewer.next_frame()[0]
    assert FrameFlag.STILL in thin.flags, "what does not take long comes at once"
    viewer.plane(2, **wish, thickness_mm=60.0)
    light, still = viewer.next_frame()[0], viewer.next_frame()[0]
    assert FrameFlag.STILL not in light.flags
    assert FrameFlag.STILL in still.flags
    assert light.width_px < still.width_px == 800
    assert (light.revision, still.revision) == (2, 2)
