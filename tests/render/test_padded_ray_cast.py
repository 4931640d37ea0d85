"""Pictures of padded volumes: against the NumPy reference, and leaps against sampling everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine import volume_texture
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.rays import RayLook, RayMode, Shading
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.transfer_table import TransferTable
from tests.render.ray_scenes import (
    BONE,
    EYES,
    GRIDS,
    SOFT,
    WAYS,
    MakeVolume,
    Points,
    body,
    caster,
    look_of,
    make_volume,
    turned_over,
    view_of,
)
from tests.render.reference_ray_cast import Eye, Scene, composite, isosurface, projection, psnr_db, worst
from tests.render.test_ray_cast_mask import LOOKS, PROJECTIONS, SHAPE, half_and_ball

__all__ = ["caster", "make_volume"]


def speckles() -> NDArray[np.bool_]:
    """Single voxels in the middle of anatomy."""
    return np.asarray(np.random.default_rng(7).random(SHAPE) > 0.04)


def round_field() -> NDArray[np.bool_]:
    """A field of view that is narrower than the body, and a hole in it."""
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    is_in_hole = (np.abs(k - 12) < 4) & (np.abs(j - 12) < 5) & (np.abs(i - 25) < 6)
    return np.asarray((np.hypot(i - 20.5, j - 18) < 14) & ~is_in_hole)


PRESENT: dict[str, Callable[[], NDArray[np.bool_]]] = {"speckles": speckles, "round field": round_field}


@pytest.mark.parametrize("where", PRESENT)
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("points", [BONE, SOFT], ids=["bone", "soft"])
def test_padding_takes_no_part_in_colours_and_light(
    caster: RayCaster, make_volume: MakeVolume, points: Points, way: tuple[str, str], where: str
) -> None:
    grid, eye, present = GRIDS[way[0]], EYES[way[1]], PRESENT[where]()
    scene = Scene(body(), grid, 0.7, points, background=(0.1, 0.2, 0.3), present=present)
    pixels = caster.draw(
        make_volume(scene.values, grid, present), look_of(scene, RayMode.COMPOSITE), view_of(scene, eye)
    )
    expected = composite(scene, eye)
    assert np.ptp(expected) > 60, "the picture is empty"
    found = psnr_db(pixels, expected)
    assert found >= 45, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


@pytest.mark.parametrize("where", PRESENT)
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("mode", PROJECTIONS, ids=lambda mode: mode.name)
def test_projections_leave_padding_out(
    caster: RayCaster, make_volume: MakeVolume, mode: RayMode, way: tuple[str, str], where: str
) -> None:
    grid, eye, present = GRIDS[way[0]], EYES[way[1]], PRESENT[where]()
    low, high = {RayMode.MAXIMUM: (-200, 1200), RayMode.MINIMUM: (-300, 1020), RayMode.AVERAGE: (-900, 300)}[mode]
    points = ((low, 0.2, 1, 0.4, 0.3), (high, 1, 1, 1, 1))
    scene = Scene(turned_over(mode), grid, 0.7, points, background=(0, 0, 0.2), present=present)
    pixels = caster.draw(make_volume(scene.values, grid, present), look_of(scene, mode), view_of(scene, eye))
    expected = projection(scene, eye, PROJECTIONS[mode])
    difference = np.abs(pixels.astype(int) - np.floor(expected + 0.5)).max(axis=-1)
    # A sample on the face of what is absent is in or out in float32.
    assert (difference > 1).mean() <= 0.01, f"{(difference > 1).sum()}, worst pixel {worst(pixels, expected)}"


@pytest.mark.parametrize("where", PRESENT)
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_an_isosurface_has_no_surface_of_padding(
    caster: RayCaster, make_volume: MakeVolume, way: tuple[str, str], where: str
) -> None:
    grid, eye, present = GRIDS[way[0]], EYES[way[1]], PRESENT[where]()
    points = ((-1000, 0.2, 0.4, 0.9, 1), (1000, 0.9, 0.8, 0.7, 1))
    scene = Scene(body(), grid, 0.7, points, level=-300, background=(0, 0.1, 0), present=present)
    volume, look = make_volume(scene.values, grid, present), look_of(scene, RayMode.ISOSURFACE)
    pixels = caster.draw(volume, look, view_of(scene, eye))
    expected = isosurface(scene, eye)
    found = psnr_db(pixels, expected)
    assert found >= 40, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


@pytest.mark.parametrize("mode", [RayMode.COMPOSITE, RayMode.MAXIMUM, RayMode.AVERAGE, RayMode.ISOSURFACE])
def test_a_padded_volume_that_was_cut_matches_the_reference(
    caster: RayCaster, make_volume: MakeVolume, mode: RayMode
) -> None:
    grid, eye, present, kept = GRIDS["oblique"], EYES["parallel"], speckles() & round_field(), half_and_ball()
    scene = Scene(body(), grid, 0.7, SOFT, background=(0, 0, 0.2), present=present, kept=kept, level=-300)
    pixels = caster.draw(
        make_volume(scene.values, grid, present), look_of(scene, mode), view_of(scene, eye),
        mask=VolumeMask.from_kept(kept),
    )  # fmt: skip
    expected = {RayMode.COMPOSITE: composite, RayMode.ISOSURFACE: isosurface}.get(
        mode, lambda scene, eye: projection(scene, eye, PROJECTIONS[mode])
    )(scene, eye)
    found = psnr_db(pixels, expected)
    assert found >= 40, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


@pytest.mark.parametrize("where", PRESENT)
@pytest.mark.parametrize("way", WAYS[2:5], ids=" ".join)
@pytest.mark.parametrize("name", LOOKS)
def test_leaping_over_padding_gives_the_same_bytes_as_sampling_everything(
    caster: RayCaster, make_volume: MakeVolume, name: str, way: tuple[str, str], where: str
) -> None:
    (mode, points), grid, eye, present = LOOKS[name], GRIDS[way[0]], EYES[way[1]], PRESENT[where]()
    scene = Scene(turned_over(mode), grid, 0.31, points, level=300)
    volume = make_volume(scene.values, grid, present)
    look = replace(look_of(scene, mode), enough_opacity=0.99)
    whole = replace(view_of(scene, eye), jitter=1.0, background=(0.3, 0.1, 0.2))
    clipped = replace(whole, box_index=((4, 6, 2.5), (30.25, 29, 20)), plane_lps=(0.6, -0.5, 0.62, 4.0))
    cut = VolumeMask.from_kept(half_and_ball())
    for view, mask in ((whole, None), (clipped, None), (whole, cut), (clipped, cut)):
        everything = caster.draw(volume, look, view, mask=mask, skip=False)
        assert np.ptp(everything) > 60, "the picture is empty"
        assert caster.draw(volume, look, view, mask=mask).tobytes() == everything.tobytes()


@pytest.mark.parametrize("mode", RayMode, ids=lambda mode: mode.name)
def test_nothing_but_padding_shows_the_background(caster: RayCaster, make_volume: MakeVolume, mode: RayMode) -> None:
    scene = Scene(body(), GRIDS["oblique"], 0.4, ((-1024, 1, 0, 0, 0.2), (900, 1, 1, 1, 0.8)), background=(1, 0.5, 0))
    volume = make_volume(scene.values, scene.lps_from_index, np.zeros(SHAPE, bool))
    look, view = look_of(scene, mode), view_of(scene, EYES["perspective"])
    for skip in (True, False):
        empty = caster.draw(volume, look, view, skip=skip)
        assert np.unique(empty.reshape(-1, 3), axis=0).tolist() in ([[255, 127, 0]], [[255, 128, 0]])
    assert caster.pick(volume, look, view, 36.5, 30.5) is None


@pytest.mark.parametrize("mode", RayMode, ids=lambda mode: mode.name)
def test_a_padded_volume_in_chunks_shows_the_same(
    caster: RayCaster, make_volume: MakeVolume, monkeypatch: pytest.MonkeyPatch, mode: RayMode
) -> None:
    present = speckles() & round_field()
    scene = Scene(turned_over(mode), GRIDS["oblique"], 0.4, SOFT, level=-300)
    look, view = look_of(scene, mode), view_of(scene, EYES["perspective"])
    whole = caster.draw(make_volume(scene.values, scene.lps_from_index, present), look, view)
    monkeypatch.setattr(volume_texture, "max_volume_side", lambda: 24)
    volume = make_volume(scene.values, scene.lps_from_index, present)
    assert volume.texture.defines["CHUNKS"] > 1
    found = caster.draw(volume, look, view)
    assert psnr_db(found, whole.astype(float)) > 45
    assert np.ptp(whole) > 60


def test_single_absent_voxels_make_no_specks_of_light(caster: RayCaster, make_volume: MakeVolume) -> None:
    """A smooth ball is lit as without them, but where a ray meets one."""
    k, j, i = np.mgrid[:40, :40, :40]
    values = np.clip(1000 - 80 * np.sqrt((i - 20) ** 2 + (j - 20) ** 2 + (k - 20) ** 2), -1000, 1000)
    present = np.random.default_rng(1).random(values.shape) > 0.01
    white = TransferTable(np.ones((2, 4), dtype=np.float32), -1000, 1000)
    look = RayLook(RayMode.ISOSURFACE, white, shading=Shading(ambient=0, diffuse=1, specular=0), iso_value=0)
    eye = Eye((20, -200, 20), (20, 20, 20), (0, 0, 1), angle_deg=None, height_mm=30, width_px=60, height_px=60)
    view = view_of(Scene(values, np.eye(4), 0.25, BONE), eye)
    whole = caster.draw(make_volume(values, np.eye(4)), look, view).astype(int)
    found = caster.draw(make_volume(values, np.eye(4), present), look, view).astype(int)
    assert (np.abs(found - whole) > 12).mean() < 0.02
    holes = caster.draw(make_volume(np.where(present, values, -1024), np.eye(4)), look, view).astype(int)
    assert (np.abs(holes - whole) > 12).mean() > 0.04, "taken as a number, padding would not be seen here"


def test_a_face_where_deep_padding_begins_is_lit_as_a_face(caster: RayCaster, make_volume: MakeVolume) -> None:
    """As the outer ends of a volume: a body that is wider than the field of view has sides there, not noise."""
    values = np.round(np.random.default_rng(3).normal(100, 15, (40, 40, 40)))
    values[:, 36:] = -1000  # air, behind what is seen
    white = TransferTable(np.ones((2, 4), dtype=np.float32), -1000, 1000)
    lamp_only = Shading(ambient=0, diffuse=1, specular=0)
    eye = Eye((20, -200, 20), (20, 20, 20), (0, 0, 1), angle_deg=None, height_mm=12, width_px=24, height_px=24)
    row, column = np.mgrid[:40, :40, :40][1:]
    for present, cosine, spread in ((row >= 10, 1.0, 0.01), (row - 10 >= (column - 20) * 0.5, np.sqrt(0.8), 0.13)):
        volume = make_volume(values, np.eye(4), present)
        for mode in (RayMode.ISOSURFACE, RayMode.COMPOSITE):
            look = RayLook(mode, white, shading=lamp_only, iso_value=-300)
            view = view_of(Scene(values, np.eye(4), 0.5, BONE), eye)
            pixels = caster.draw(volume, look, view).astype(float) / 255
            assert pixels.mean() == pytest.approx(cosine, abs=0.06)
            assert pixels.std() < spread


def test_a_head_whose_background_is_padding_looks_as_it_did_without(caster: RayCaster, make_volume: MakeVolume) -> None:
    """An MR whose zeros are padding: all around it, in its noise, and here and there inside."""
    rng = np.random.default_rng(0)
    k, j, i = np.mgrid[:48, :48, :48]
    inside = ((i - 24) / 18) ** 2 + ((j - 24) / 20) ** 2 + ((k - 24) / 19) ** 2 < 1
    noise = rng.normal(0, 1, inside.shape)
    values = np.where(inside, 500 + 40 * noise, np.maximum(3 * noise, 0)).round()
    values[rng.random(values.shape) < 0.01] = 0
    points = ((0, 0.9, 0.7, 0.5, 0), (150, 0.9, 0.7, 0.5, 0), (300, 0.9, 0.75, 0.6, 0.6), (968, 1, 1, 1, 1))
    eye = Eye((24, -150, 34), (24, 24, 24), (0, 0, 1), angle_deg=None, height_mm=56, width_px=120, height_px=120)
    scene = Scene(values, np.eye(4), 0.5, points)
    look, view = look_of(scene, RayMode.COMPOSITE), view_of(scene, eye)
    as_a_number = caster.draw(make_volume(values, np.eye(4)), look, view).astype(int)
    as_padding = caster.draw(make_volume(values, np.eye(4), values != 0), look, view).astype(int)
    lit = as_a_number.max(axis=-1) > 30
    assert 0.3 < lit.mean() < 0.6
    assert np.abs(as_padding - as_a_number)[lit].mean() < 12
