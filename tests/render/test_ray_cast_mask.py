"""Pictures of volumes that were cut: against the NumPy reference, and leaps against sampling everything."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.mask_texture import MaskTextures
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.rays import RayLook, RayMode, Shading
from renderpool.engine.renderer import Renderer
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.transfer_table import TransferTable
from tests.render.ray_scenes import (
    BONE,
    EYES,
    GREY,
    GRIDS,
    SOFT,
    TWO_TISSUES,
    WAYS,
    MakeVolume,
    Points,
    body,
    caster,
    look_of,
    make_volume,
    steps,
    turned_over,
    view_of,
)
from tests.render.reference_ray_cast import Eye, Scene, composite, isosurface, projection, psnr_db, worst
from webviewer.core.errors import InvalidInput, RenderError

__all__ = ["caster", "make_volume"]

SHAPE = body().shape


def _index() -> NDArray[Any]:
    index = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]].astype(float)
    return np.moveaxis(index[::-1], 0, -1)


def half_and_ball() -> NDArray[np.bool_]:
    """What is left behind a slanted plane, less a ball."""
    index = _index()
    behind = (index - [20.5, 18.0, 11.5]) @ np.array([0.5, 0.8, 0.3]) > -3
    ball = np.linalg.norm((index - [24, 26, 12]) * [1, 1, 1.5], axis=-1) < 6
    kept: NDArray[np.bool_] = behind & ~ball
    return kept


def scattered() -> NDArray[np.bool_]:
    """A coarse random pattern, and some voxels of their own."""
    rng = np.random.default_rng(11)
    blocks = np.kron(rng.random((4, 5, 6)) < 0.5, np.ones((7, 8, 8))).astype(bool)[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return np.asarray(blocks ^ (rng.random(SHAPE) < 0.02))


MASKS: dict[str, Callable[[], NDArray[np.bool_]]] = {"half and ball": half_and_ball, "scattered": scattered}


@pytest.mark.parametrize("columns", [1, 6, 7, 8, 14, 15, 37])
def test_bits_are_those_of_the_voxels_whatever_the_length_of_a_row(columns: int) -> None:
    rng = np.random.default_rng(columns)
    one, other = rng.random((2, 9, 5, columns)) < 0.4
    mask, second = VolumeMask.from_kept(one), VolumeMask.from_kept(other)
    assert np.array_equal(mask.kept(), one)
    assert np.array_equal(mask.kept(3, 5), one[3:5])
    assert mask.size_bytes == 4 * 9 * 2 * -(-columns // 7)
    both = VolumeMask(mask.shape, mask.packed & ~second.packed)
    assert np.array_equal(both.kept(), one & ~other)
    for at in np.ndindex(both.bricks.shape):
        brick = tuple(slice(8 * k, 8 * k + 9) for k in at)
        assert both.bricks[at] == (one & ~other)[brick].any()


def test_bits_of_another_volume_are_refused(caster: RayCaster, make_volume: MakeVolume) -> None:
    with pytest.raises(InvalidInput, match=r"must be \(2, 1, 2\) uint32"):
        VolumeMask((2, 3, 8), np.zeros((2, 3, 1), np.uint32))
    scene = Scene(body(), np.eye(4), 0.7, SOFT)
    volume, view = make_volume(scene.values, np.eye(4)), view_of(scene, EYES["perspective"])
    with pytest.raises(RenderError, match="is not of this volume"):
        caster.draw(
            volume, look_of(scene, RayMode.COMPOSITE), view, mask=VolumeMask.from_kept(np.ones((2, 2, 2), bool))
        )


@pytest.mark.parametrize("kept", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("points", [BONE, SOFT], ids=["bone", "soft"])
def test_a_cut_volume_with_shading_matches_the_reference(
    caster: RayCaster,
    make_volume: MakeVolume,
    points: Points,
    way: tuple[str, str],
    kept: Callable[[], NDArray[np.bool_]],
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    scene = Scene(body(), grid, 0.7, points, background=(0.1, 0.2, 0.3), kept=kept())
    mask = VolumeMask.from_kept(kept())
    pixels = caster.draw(
        make_volume(scene.values, grid), look_of(scene, RayMode.COMPOSITE), view_of(scene, eye), mask=mask
    )
    expected = composite(scene, eye)
    assert psnr_db(expected, composite(replace(scene, kept=None), eye)) < 36, "nothing is cut"
    assert np.ptp(expected) > 60, "the picture is empty"
    found = psnr_db(pixels, expected)
    assert found >= 45, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


PROJECTIONS = {RayMode.MAXIMUM: "maximum", RayMode.MINIMUM: "minimum", RayMode.AVERAGE: "average"}


@pytest.mark.parametrize("kept", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("mode", PROJECTIONS, ids=lambda mode: mode.name)
def test_projections_of_a_cut_volume_match_the_reference(
    caster: RayCaster,
    make_volume: MakeVolume,
    mode: RayMode,
    way: tuple[str, str],
    kept: Callable[[], NDArray[np.bool_]],
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    low, high = {RayMode.MAXIMUM: (-200, 1200), RayMode.MINIMUM: (-300, 1020), RayMode.AVERAGE: (-900, 300)}[mode]
    # The lowest value is not clear: where nothing is left the background is seen all the same.
    points = ((low, 0.2, 1, 0.4, 0.3), (high, 1, 1, 1, 1))
    scene = Scene(turned_over(mode), grid, 0.7, points, background=(0, 0, 0.2), kept=kept())
    mask = VolumeMask.from_kept(kept())
    pixels = caster.draw(make_volume(scene.values, grid), look_of(scene, mode), view_of(scene, eye), mask=mask)
    expected = projection(scene, eye, PROJECTIONS[mode])
    assert psnr_db(expected, projection(replace(scene, kept=None), eye, PROJECTIONS[mode])) < 38, "nothing is cut"
    difference = np.abs(pixels.astype(int) - np.floor(expected + 0.5)).max(axis=-1)
    # A sample on the face of a cut is in or out in float32.
    assert (difference > 1).mean() <= 0.01, f"{(difference > 1).sum()}, worst pixel {worst(pixels, expected)}"


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_an_isosurface_of_a_cut_volume_matches_the_reference(
    caster: RayCaster, make_volume: MakeVolume, way: tuple[str, str]
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    points = ((-1000, 0.2, 0.4, 0.9, 1), (1000, 0.9, 0.8, 0.7, 1))
    kept = half_and_ball()
    scene = Scene(body(), grid, 0.7, points, level=-300, background=(0, 0.1, 0), kept=kept)
    volume, look, view = make_volume(scene.values, grid), look_of(scene, RayMode.ISOSURFACE), view_of(scene, eye)
    pixels = caster.draw(volume, look, view, mask=VolumeMask.from_kept(kept))
    expected = isosurface(scene, eye)
    assert psnr_db(expected, isosurface(replace(scene, kept=None), eye)) < 30, "nothing is cut"
    found = psnr_db(pixels, expected)
    assert found >= 45, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


LOOKS = {
    "bone": (RayMode.COMPOSITE, BONE),
    "soft": (RayMode.COMPOSITE, SOFT),
    "two tissues": (RayMode.COMPOSITE, TWO_TISSUES),
    "maximum": (RayMode.MAXIMUM, GREY),
    "maximum over an opaque end": (RayMode.MAXIMUM, ((-200, 1, 0, 0, 0.7), (900, 1, 1, 1, 1))),
    "minimum": (RayMode.MINIMUM, ((-900, 1, 1, 1, 0), (300, 1, 0, 1, 1))),
    "average": (RayMode.AVERAGE, ((-900, 1, 1, 1, 0), (300, 1, 1, 1, 1))),
    "surface": (RayMode.ISOSURFACE, GREY),
}


@pytest.mark.parametrize("kept", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("way", WAYS[2:5], ids=" ".join)
@pytest.mark.parametrize("name", LOOKS)
def test_leaping_over_what_is_cut_away_gives_the_same_bytes_as_sampling_everything(
    caster: RayCaster,
    make_volume: MakeVolume,
    name: str,
    way: tuple[str, str],
    kept: Callable[[], NDArray[np.bool_]],
) -> None:
    (mode, points), grid, eye = LOOKS[name], GRIDS[way[0]], EYES[way[1]]
    scene = Scene(turned_over(mode), grid, 0.31, points, level=300)
    volume = make_volume(scene.values, grid)
    look, mask = replace(look_of(scene, mode), enough_opacity=0.99), VolumeMask.from_kept(kept())
    whole = replace(view_of(scene, eye), jitter=1.0, background=(0.3, 0.1, 0.2))
    clipped = replace(whole, box_index=((4, 6, 2.5), (30.25, 29, 20)), plane_lps=(0.6, -0.5, 0.62, 4.0))
    for view in (whole, clipped):
        everything = caster.draw(volume, look, view, mask=mask, skip=False)
        assert np.ptp(everything) > 60, "the picture is empty"
        assert caster.draw(volume, look, view, mask=mask).tobytes() == everything.tobytes()


@pytest.mark.parametrize("mode", RayMode, ids=lambda mode: mode.name)
def test_a_mask_that_leaves_all_changes_no_byte_and_one_that_leaves_nothing_shows_the_background(
    caster: RayCaster, make_volume: MakeVolume, mode: RayMode
) -> None:
    scene = Scene(body(), GRIDS["oblique"], 0.4, ((-500, 1, 0, 0, 0.2), (900, 1, 1, 1, 0.8)), background=(1, 0.5, 0))
    volume, look = make_volume(scene.values, scene.lps_from_index), look_of(scene, mode)
    view = view_of(scene, EYES["perspective"])
    whole = caster.draw(volume, look, view)
    everything, nothing = (VolumeMask.from_kept(np.full(SHAPE, kept)) for kept in (True, False))
    assert caster.draw(volume, look, view, mask=everything).tobytes() == whole.tobytes()
    for skip in (True, False):
        empty = caster.draw(volume, look, view, mask=nothing, skip=skip)
        assert np.unique(empty.reshape(-1, 3), axis=0).tolist() in ([[255, 127, 0]], [[255, 128, 0]])
    assert caster.pick(volume, look, view, 36.5, 30.5, mask=nothing) is None


def test_the_face_of_a_cut_through_noise_is_lit_as_a_face(caster: RayCaster, make_volume: MakeVolume) -> None:
    """Cut along voxels: its normal is that of the cut, not one of the noise; slanted: right on the average."""
    rng = np.random.default_rng(3)
    values = np.round(rng.normal(100, 15, (40, 40, 40)))
    volume = make_volume(values, np.eye(4))
    white = TransferTable(np.ones((2, 4), dtype=np.float32), -1000, 1000)
    lamp_only = Shading(ambient=0, diffuse=1, specular=0)
    eye = Eye((20, -200, 20), (20, 20, 20), (0, 0, 1), angle_deg=None, height_mm=12, width_px=24, height_px=24)
    row, column = np.mgrid[:40, :40, :40][1:]
    for kept, cosine, spread in ((row >= 10, 1.0, 0.01), (row - 10 >= (column - 20) * 0.5, np.sqrt(0.8), 0.13)):
        for mode in (RayMode.ISOSURFACE, RayMode.COMPOSITE):
            look = RayLook(mode, white, shading=lamp_only, iso_value=-300)
            view = view_of(Scene(values, np.eye(4), 0.5, BONE), eye)
            pixels = caster.draw(volume, look, view, mask=VolumeMask.from_kept(kept)).astype(float) / 255
            assert pixels.mean() == pytest.approx(cosine, abs=0.06)
            assert pixels.std() < spread


def test_what_is_picked_is_what_cuts_left(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["cubes"], 0.3, BONE, level=-300, kept=half_and_ball())
    volume, mask = make_volume(scene.values, scene.lps_from_index), VolumeMask.from_kept(half_and_ball())
    index_from_lps = np.linalg.inv(scene.lps_from_index)
    low, high, plane = np.array([4, 6, 2.5]), np.array([34.25, 33, 20]), np.array([0.6, 0.5, 0.62, 2.0])
    whole = view_of(scene, EYES["along an axis"])
    clipped = replace(whole, box_index=(tuple(low), tuple(high)), plane_lps=tuple(plane))
    for mode in (RayMode.COMPOSITE, RayMode.MAXIMUM, RayMode.ISOSURFACE):
        look, moved, met = look_of(scene, mode), 0, 0
        for x, y in np.ndindex(10, 7):
            at_px = 10.5 + 6 * x, 10.5 + 6 * y
            uncut = caster.pick(volume, look, whole, *at_px)
            for view in (whole, clipped):
                found = caster.pick(volume, look, view, *at_px, mask=mask)
                if found is None:
                    continue
                index = (index_from_lps @ [*found, 1])[:3]
                assert scene.share(index[None])[0] >= 0.45
                if view is clipped:
                    assert (index >= low - 0.01).all()
                    assert (index <= high + 0.01).all()
                    assert plane @ [*found, 1] >= -0.05
                met += 1
                moved += uncut is None or bool(np.linalg.norm(uncut - found) > 1)
        assert met > 10
        assert moved >= 3


@pytest.mark.parametrize("mode", [RayMode.COMPOSITE, RayMode.MAXIMUM], ids=lambda mode: mode.name)
def test_masks_of_volumes_in_chunks_are_folded(
    caster: RayCaster, make_volume: MakeVolume, monkeypatch: pytest.MonkeyPatch, mode: RayMode
) -> None:
    values = np.round(np.random.default_rng(2).normal(100, 300, (41, 12, 15)).clip(-1000, 2000))
    kept = np.asarray(np.random.default_rng(3).random(values.shape) < 0.5)
    scene = Scene(values, steps((1, 0, 0), (0, 1, 0), (0, 0, 1)), 0.31, BONE if mode is RayMode.COMPOSITE else GREY)
    view = view_of(scene, replace(EYES["parallel"], target=(-12.0, -11.0, 9.0)))
    whole = caster.draw(
        make_volume(values, scene.lps_from_index), look_of(scene, mode), view, mask=VolumeMask.from_kept(kept)
    )
    assert np.ptp(whole) > 60, "the picture is empty"
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: 16)
    chunked = make_volume(values, scene.lps_from_index)
    assert chunked.texture.defines["CHUNKS"] == 3
    found = caster.draw(chunked, look_of(scene, mode), view, mask=VolumeMask.from_kept(kept))
    difference = np.abs(found.astype(int) - whole).max(axis=-1)
    assert (difference > 1).mean() < 0.005
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: 5)
    with pytest.raises(RenderError, match=r"A mask of \(41, 12, 15\) is larger"):
        caster.draw(chunked, look_of(scene, mode), view, mask=VolumeMask.from_kept(kept))


def test_masks_leave_the_device_with_their_owners_and_beyond_the_budget(renderer: Renderer) -> None:
    textures = MaskTextures(budget_bytes=150)
    masks = [VolumeMask.from_kept(np.ones((4, 3, 14), bool)) for _ in range(5)]
    for mask in masks:
        textures.get(mask)
    assert textures.size_bytes == 128
    kept = textures.get(masks[3])
    assert textures.get(masks[3]) is kept
    masks.pop()
    del mask
    gc.collect()
    textures.get(masks[3])
    assert textures.size_bytes == 96
    textures.close()
    assert textures.size_bytes == 0
