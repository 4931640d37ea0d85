"""Planes and slabs of padded volumes against the NumPy reference: padding is no number, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine import volume_texture
from renderpool.engine.renderer import Renderer
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.engine.volume_mask import pack
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.grey import GreyMap, VoiFunction
from renderpool.scene.plane_canvas import places_of_pixel, plane_canvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode
from tests.render.reference_view import grey_linear
from tests.render.reference_volume import cut_volume, report_worst
from tests.render.test_slab_drawing import (
    LATTICES,
    ORIGIN,
    SHAPE,
    VALUES,
    WINDOW,
    Steps,
    Upload,
    assert_shown,
    cut_of,
    grid_of,
    oblique_view,
    programs,
    upload,
)
from tests.support.page_geometry.plane import PlaneKind, standard_plane
from tests.support.page_geometry.plane_view import PlaneLook, resolve_plane
from webviewer.dicom.volume import VolumeGrid

__all__ = ["programs", "upload"]

SLABS = {
    "plane": Slab(),
    "maximum": Slab(SlabMode.MAXIMUM, 7.0),
    "minimum": Slab(SlabMode.MINIMUM, 7.0),
    "average": Slab(SlabMode.AVERAGE, 7.0),
}


def scattered() -> NDArray[np.bool_]:
    """Single absent voxels in the middle of anatomy, some of them side by side."""
    return np.asarray(np.random.default_rng(4).random(SHAPE) > 0.05)


def round_field() -> NDArray[np.bool_]:
    """A field of view, as CT has it: corners of every slice are absent; and two whole slices and a block."""
    _, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    present = np.hypot(i - 29, j - 24) < 26
    present[17:19] = False
    present[6:9, 20:31, 22:35] = False
    return np.asarray(present)


PRESENT: dict[str, Callable[[], NDArray[np.bool_]]] = {"scattered": scattered, "round field": round_field}

Put = Callable[..., VolumeTexture]


@pytest.fixture
def put(renderer: Renderer) -> Iterator[Put]:
    """Put a padded volume into the device, in two parts: absent voxels hold 0."""
    made: list[VolumeTexture] = []

    def put(present: NDArray[np.bool_], intercept: float = -32768.0, values: NDArray[Any] = VALUES) -> VolumeTexture:
        texture = VolumeTexture(values.shape, slope=1.0, intercept=intercept)
        stored = np.where(present, values - intercept, 0).astype(np.uint16)
        texture.upload_slices(0, stored[:10], pack(present[:10]))
        texture.upload_slices(10, stored[10:], pack(present[10:]))
        made.append(texture)
        return texture

    yield put
    for texture in made:
        texture.close()


@pytest.mark.parametrize("slab", SLABS.values(), ids=SLABS.keys())
@pytest.mark.parametrize("where", PRESENT)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_a_padded_voxel_takes_no_part_in_planes_and_slabs(
    put: Put, programs: dict[bool, SlabRenderer], steps: Steps, where: str, slab: Slab
) -> None:
    present, grid = PRESENT[where](), grid_of(steps)
    view = oblique_view(grid)
    shown = cut_volume(VALUES, (*steps, ORIGIN), cut_of(view, slab), present)
    texture = put(present)
    for software in (True, False):
        assert_shown(programs[software].draw(texture, grid, view, slab, WINDOW), shown)


@pytest.mark.parametrize("slab", SLABS.values(), ids=SLABS.keys())
@pytest.mark.parametrize("where", PRESENT)
def test_the_nearest_voxel_is_shown_or_nothing(
    put: Put, programs: dict[bool, SlabRenderer], where: str, slab: Slab
) -> None:
    steps = LATTICES["oblique"]
    present, grid = PRESENT[where](), grid_of(steps)
    view = oblique_view(grid)
    slab = replace(slab, interpolation=Interpolation.NEAREST)
    shown = cut_volume(VALUES, (*steps, ORIGIN), cut_of(view, slab), present)
    assert_shown(programs[True].draw(put(present), grid, view, slab, WINDOW), shown)


@pytest.mark.parametrize("zoom", [0.9, 0.55, 0.3])
@pytest.mark.parametrize("slab", SLABS.values(), ids=SLABS.keys())
def test_a_coarse_canvas_averages_the_present_places_of_each_pixel(
    put: Put, programs: dict[bool, SlabRenderer], slab: Slab, zoom: float
) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    present, grid = round_field(), grid_of(steps)
    view = resolve_plane(grid, standard_plane(PlaneKind.AXIAL, grid).shifted(0.4), PlaneLook(40, 30, zoom=zoom * 1.3))
    places = places_of_pixel(view, grid)
    pixels = programs[True].draw(put(present), grid, view, slab, WINDOW, samples=places)
    shown = cut_volume(VALUES, (*steps, ORIGIN), cut_of(view, slab, places), present)
    worst, where = report_worst(
        pixels, np.where(shown.inside, grey_linear(shown.values, 300, 3000), 0), ~shown.undecided
    )
    assert worst <= 1, where
    assert 0.05 < shown.inside.mean() < 0.95


@pytest.mark.parametrize("software", [True, False], ids=["as on llvmpipe", "as on hardware"])
@pytest.mark.parametrize("where", PRESENT)
def test_a_narrow_window_keeps_its_tolerance_beside_padding(
    put: Put, programs: dict[bool, SlabRenderer], where: str, software: bool
) -> None:
    steps = LATTICES["oblique"]
    present, grid = PRESENT[where](), grid_of(steps)
    view, grey = oblique_view(grid), GreyMap(VoiFunction.LINEAR, 40, 100)
    shown = cut_volume(VALUES, (*steps, ORIGIN), cut_of(view, Slab()), present)
    assert_shown(programs[software].draw(put(present), grid, view, Slab(), grey), shown, grey, 2)


@pytest.mark.parametrize("slab", SLABS.values(), ids=SLABS.keys())
def test_a_padded_volume_in_chunks_shows_the_same(
    put: Put, programs: dict[bool, SlabRenderer], monkeypatch: pytest.MonkeyPatch, slab: Slab
) -> None:
    steps = LATTICES["oblique"]
    present, grid = scattered() & round_field(), grid_of(steps)
    view = oblique_view(grid)
    monkeypatch.setattr(volume_texture, "max_volume_side", lambda: 32)
    texture = put(present)
    assert texture.defines == {"CHUNKS": 4, "PADDED": 1}
    shown = cut_volume(VALUES, (*steps, ORIGIN), cut_of(view, slab), present)
    assert_shown(programs[True].draw(texture, grid, view, slab, WINDOW), shown)


def test_more_slices_than_a_texture_has_keep_their_bits(
    put: Put, programs: dict[bool, SlabRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(3).integers(-500, 1500, (70, 9, 11))
    present = np.random.default_rng(4).random(values.shape) > 0.3
    grid = VolumeGrid((70, 9, 11), np.eye(4))
    monkeypatch.setattr(volume_texture, "max_volume_side", lambda: 32)
    texture = put(present, values=values)
    for number in (0, 31, 32, 40, 63, 64, 69):
        # One canvas pixel for each voxel of the slice.
        canvas = plane_canvas(
            11, 9, center_lps_mm=(5, 4, number), right_lps=(1, 0, 0), down_lps=(0, 1, 0), mm_per_px=1.0
        )
        found = programs[True].stored_values(texture, grid, canvas, Slab())
        expected = np.where(present[number], values[number] + 32768.0, np.nan)
        assert np.allclose(found, expected, atol=0.01, equal_nan=True)


@pytest.mark.parametrize("slab", SLABS.values(), ids=SLABS.keys())
def test_where_nothing_is_present_a_picture_is_black_whatever_the_window(
    put: Put, programs: dict[bool, SlabRenderer], slab: Slab
) -> None:
    grid = grid_of(LATTICES["cubes"])
    view = resolve_plane(grid, standard_plane(PlaneKind.AXIAL, grid), PlaneLook(60, 50, zoom=1.0))
    inverted = GreyMap(VoiFunction.LINEAR, 300, 3000, inverted=True)
    texture = put(np.zeros(SHAPE, bool))
    assert programs[True].draw(texture, grid, view, slab, inverted).max() == 0
    assert np.isnan(programs[True].stored_values(texture, grid, view, slab)).all()


@pytest.mark.parametrize("slab", SLABS.values(), ids=SLABS.keys())
def test_a_picture_without_absent_voxels_has_the_bytes_of_an_unpadded_volume(
    put: Put, programs: dict[bool, SlabRenderer], upload: Upload, slab: Slab
) -> None:
    grid = grid_of(LATTICES["oblique"])
    view = oblique_view(grid)
    texture, plain = put(np.ones(SHAPE, bool), -1024.0), upload()
    assert plain.defines == {}
    assert texture.defines == {"PADDED": 1}
    expected = programs[True].draw(plain, grid, view, slab, WINDOW)
    assert np.array_equal(programs[True].draw(texture, grid, view, slab, WINDOW), expected)


def test_one_absent_voxel_is_one_dark_place_and_grows_into_no_neighbour(
    put: Put, programs: dict[bool, SlabRenderer]
) -> None:
    values = np.full(SHAPE, 900)
    present = np.ones(SHAPE, bool)
    present[12, 20, 30] = False
    grid = grid_of(LATTICES["cubes"])
    view = resolve_plane(grid, standard_plane(PlaneKind.AXIAL, grid), PlaneLook(240, 200, zoom=4.0))
    pixels = programs[True].draw(put(present, values=values), grid, view, Slab(), WINDOW)
    bright = int(grey_linear(np.array(900.0), 300, 3000).round())
    assert set(np.unique(pixels)) == {0, bright}
    # Of the 16 canvas pixels of the voxel, and of no other.
    dark = np.argwhere(pixels == 0)
    assert 4 <= len(dark) <= 16
    assert (dark.max(axis=0) - dark.min(axis=0)).max() <= 3
