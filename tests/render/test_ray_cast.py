"""Pictures of volumes against the NumPy reference, and leaping over nothing against sampling everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from renderpool.engine.bricks import BrickRanges
from renderpool.engine.ray_caster import RayCaster, RayVolume
from renderpool.engine.rays import RayLook, RayMode, Shading
from renderpool.engine.refinement import Refinement
from renderpool.engine.renderer import Renderer
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.transfer_table import TransferTable
from tests.render.ray_scenes import (
    BONE,
    DARK,
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
    turned,
    turned_over,
    view_of,
)
from tests.render.reference_ray_cast import Eye, Scene, composite, isosurface, projection, psnr_db, worst
from webviewer.core.errors import InvalidInput, RenderError

__all__ = ["caster", "make_volume"]


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("points", [BONE, SOFT, TWO_TISSUES], ids=["bone", "soft", "two tissues"])
def test_composite_with_shading_matches_the_reference(  # 40 dB and more
    caster: RayCaster,
    make_volume: MakeVolume,
    points: Points,
    way: tuple[str, str],
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    scene = Scene(body(), grid, 0.7, points, background=(0.1, 0.2, 0.3))
    volume = make_volume(scene.values, grid)
    pixels = caster.draw(volume, look_of(scene, RayMode.COMPOSITE), view_of(scene, eye))
    expected = composite(scene, eye)
    assert np.ptp(expected) > 60, "the picture is empty"
    found = psnr_db(pixels, expected)
    assert found >= 40, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


PROJECTIONS = {RayMode.MAXIMUM: "maximum", RayMode.MINIMUM: "minimum", RayMode.AVERAGE: "average"}


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("mode", PROJECTIONS, ids=lambda mode: mode.name)
def test_projections_match_the_reference_to_a_grey_level(
    caster: RayCaster, make_volume: MakeVolume, mode: RayMode, way: tuple[str, str]
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    low, high = {RayMode.MAXIMUM: (-200, 1200), RayMode.MINIMUM: (-300, 1020), RayMode.AVERAGE: (-900, 300)}[mode]
    scene = Scene(turned_over(mode), grid, 0.7, ((low, 1, 1, 1, 0), (high, 1, 1, 1, 1)), background=(0, 0, 0.2))
    pixels = caster.draw(make_volume(scene.values, grid), look_of(scene, mode), view_of(scene, eye))
    expected = projection(scene, eye, PROJECTIONS[mode])
    assert np.ptp(expected) > 100, "the picture is empty"
    difference = np.abs(pixels.astype(int) - np.floor(expected + 0.5)).max(axis=-1)
    # A ray that grazes the box, or whose last sample lies on its face, has a sample more or less in float32.
    assert (difference > 1).sum() <= 8, f"worst pixel {worst(pixels, expected)}"


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_an_isosurface_matches_the_reference(caster: RayCaster, make_volume: MakeVolume, way: tuple[str, str]) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    points = ((-1000, 0.2, 0.4, 0.9, 1), (1000, 0.9, 0.8, 0.7, 1))
    scene = Scene(body(), grid, 0.7, points, level=-300, background=(0, 0.1, 0))
    pixels = caster.draw(make_volume(scene.values, grid), look_of(scene, RayMode.ISOSURFACE), view_of(scene, eye))
    expected = isosurface(scene, eye)
    assert np.ptp(expected) > 100, "the picture is empty"
    found = psnr_db(pixels, expected)
    assert found >= 40, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"


def test_normals_are_turned_by_the_inverse_transpose(caster: RayCaster, make_volume: MakeVolume) -> None:
    """A flat ramp of values, whose normal is known, in voxels of 0.5 × 0.5 × 3 mm."""
    spacing, normal = np.array([0.5, 0.5, 3]), np.array([0.6, 0, 0.8])
    z, y, x = np.mgrid[:30, :90, :90]
    distance = np.tensordot(normal, np.stack([x, y, z]) * spacing[:, None, None, None], 1)
    values = np.clip((distance - 45) * 100, -1000, 1000)
    volume = make_volume(np.round(values), np.diag([*spacing, 1]))
    white = TransferTable(np.ones((2, 4), dtype=np.float32), -1000, 1000)
    lamp_only = Shading(ambient=0, diffuse=1, specular=0)
    look = RayLook(RayMode.ISOSURFACE, white, shading=lamp_only)
    eye = Eye((22, 22, -200), (22, 22, 40), (0, 1, 0), angle_deg=None, height_mm=4, width_px=9, height_px=9)
    scene = Scene(values, np.eye(4), 0.5, BONE)
    pixels = caster.draw(volume, look, view_of(scene, eye))
    assert np.abs(pixels[4, 4].astype(float) - 0.8 * 255).max() <= 2


LOOKS = {
    "bone": (RayMode.COMPOSITE, BONE),
    "soft": (RayMode.COMPOSITE, SOFT),
    "two tissues": (RayMode.COMPOSITE, TWO_TISSUES),
    "maximum": (RayMode.MAXIMUM, GREY),
    "minimum": (RayMode.MINIMUM, DARK),
    "surface": (RayMode.ISOSURFACE, GREY),
}


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize(("mode", "points"), LOOKS.values(), ids=LOOKS.keys())
def test_leaping_over_nothing_gives_the_same_bytes_as_sampling_everything(
    caster: RayCaster,
    make_volume: MakeVolume,
    mode: RayMode,
    points: Points,
    way: tuple[str, str],
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    scene = Scene(turned_over(mode), grid, 0.31, points, level=300)
    volume, view = make_volume(scene.values, grid), replace(view_of(scene, eye), jitter=1.0)
    look = replace(look_of(scene, mode), enough_opacity=0.99)
    everything = caster.draw(volume, look, view, skip=False)
    assert np.ptp(everything) > 60, "the picture is empty"
    assert caster.draw(volume, look, view).tobytes() == everything.tobytes()
    # A box and a plane begin and end rays in the middle of bricks.
    clipped = replace(view, box_index=((4, 6, 2.5), (30.25, 29, 20)), plane_lps=(0.6, -0.5, 0.62, 4.0))
    rest = caster.draw(volume, look, clipped, skip=False)
    assert rest.tobytes() != everything.tobytes()
    assert caster.draw(volume, look, clipped).tobytes() == rest.tobytes()
    tilted = replace(clipped, box_turn=turned(28))
    rest_tilted = caster.draw(volume, look, tilted, skip=False)
    assert rest_tilted.tobytes() != rest.tobytes()
    assert caster.draw(volume, look, tilted).tobytes() == rest_tilted.tobytes()


CUT = {RayMode.COMPOSITE: SOFT, RayMode.MAXIMUM: GREY, RayMode.AVERAGE: DARK}


@pytest.mark.parametrize("mode", CUT, ids=lambda mode: mode.name)
@pytest.mark.parametrize("eye", EYES.values(), ids=EYES.keys())
def test_a_box_and_a_plane_cut_the_volume(caster: RayCaster, make_volume: MakeVolume, mode: RayMode, eye: Eye) -> None:
    grid = GRIDS["sheared by a tilted gantry"]
    for box, turn, plane in (
        (((4, 6, 2.5), (30.25, 29, 20)), None, None),
        (None, None, (0.6, -0.5, 0.62, -1.5)),
        (((-9, -9, 4), (90, 90, 17)), None, (-0.3, 0.8, 0.1, 3.0)),
        (((4, 6, 2.5), (30.25, 29, 20)), turned(35), None),
        (((-9, -9, 4), (90, 90, 17)), turned(-70), (-0.3, 0.8, 0.1, 6.0)),
    ):
        scene = Scene(body(), grid, 0.7, CUT[mode], box=box, box_turn=turn, plane=plane)
        pixels = caster.draw(make_volume(scene.values, grid), look_of(scene, mode), view_of(scene, eye))
        whole = replace(scene, box=None, box_turn=None, plane=None)
        reference = composite if mode is RayMode.COMPOSITE else (lambda s, e: projection(s, e, PROJECTIONS[mode]))
        expected = reference(scene, eye)
        if turn is not None:
            assert psnr_db(expected, reference(replace(scene, box_turn=None), eye)) < 36, "nothing is turned"
        assert psnr_db(pixels, expected) >= 40, f"worst pixel {worst(pixels, expected)}"
        assert psnr_db(expected, reference(whole, eye)) < 36, "nothing is cut"


def test_faces_of_a_box_of_a_plane_and_of_the_volume_itself_are_lit_as_faces_through_noise(
    caster: RayCaster, make_volume: MakeVolume
) -> None:
    values = np.round(np.random.default_rng(3).normal(100, 15, (40, 40, 40)))
    spacing = np.diag([1.0, 1.0, 2.0, 1.0])
    volume = make_volume(values, spacing)
    white = TransferTable(np.ones((2, 4), dtype=np.float32), -1000, 1000)
    eye = Eye((20, -200, 40), (20, 20, 40), (0, 0, 1), angle_deg=None, height_mm=12, width_px=24, height_px=24)
    view = view_of(Scene(values, spacing, 0.5, BONE), eye)
    normal = np.array([0.3, 0.8, 0.4]) / np.linalg.norm([0.3, 0.8, 0.4])
    for mode in (RayMode.COMPOSITE, RayMode.ISOSURFACE):
        look = RayLook(mode, white, shading=Shading(ambient=0, diffuse=1, specular=0), iso_value=-300)
        for clipped, cosine in (
            (replace(view, box_index=((-9, 10.3, -9), (99, 99, 99))), 1.0),
            (replace(view, plane_lps=(*normal.tolist(), -float(normal @ [20, 15, 40]))), normal[1]),
            (view, 1.0),
        ):
            pixels = caster.draw(volume, look, clipped).astype(float) / 255
            assert pixels.mean() == pytest.approx(cosine, abs=0.03)
            assert pixels.std() < 0.06
        # A face that is turned to the side is lit less, by the cosine, though voxels are twice as long as wide.
        c, s = np.cos(np.radians(40)), np.sin(np.radians(40))
        about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        turned_face = replace(view, box_index=((-9, 10.3, -9), (99, 99, 99)), box_turn=about_x)
        pixels = caster.draw(volume, look, turned_face).astype(float) / 255
        assert pixels.mean() == pytest.approx(c, abs=0.03)
        assert pixels.std() < 0.06


def test_a_volume_that_is_all_cut_away_leaves_the_background(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["cubes"], 0.7, SOFT, plane=(1, 0, 0, -500), background=(1, 0.5, 0))
    volume, view = make_volume(scene.values, scene.lps_from_index), view_of(scene, EYES["perspective"])
    for mode in RayMode:
        pixels = caster.draw(volume, look_of(scene, mode), view)
        assert np.unique(pixels.reshape(-1, 3), axis=0).tolist() in ([[255, 127, 0]], [[255, 128, 0]])


def test_a_table_without_opacity_leaves_the_background(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["cubes"], 0.7, ((0, 1, 1, 1, 0), (1, 1, 1, 1, 0)), background=(0, 0, 1))
    volume = make_volume(scene.values, scene.lps_from_index)
    pixels = caster.draw(volume, look_of(scene, RayMode.COMPOSITE), view_of(scene, EYES["perspective"]))
    assert np.unique(pixels.reshape(-1, 3), axis=0).tolist() == [[0, 0, 255]]


def test_an_eye_inside_the_volume_sees_what_is_before_it(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["cubes"], 0.5, SOFT)
    eye = Eye((4, 0, 0), (-8, 1, 0), (0, 0, 1), angle_deg=70)
    pixels = caster.draw(
        make_volume(scene.values, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE), view_of(scene, eye)
    )
    expected = composite(scene, eye)
    assert psnr_db(pixels, expected) >= 40, f"worst pixel {worst(pixels, expected)}"


def test_without_shading_colours_are_those_of_the_table(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["oblique"], 0.7, SOFT, shading=None)
    eye = EYES["parallel"]
    pixels = caster.draw(
        make_volume(scene.values, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE), view_of(scene, eye)
    )
    assert psnr_db(pixels, composite(scene, eye)) >= 40


def test_opacity_does_not_hang_on_the_step(caster: RayCaster, make_volume: MakeVolume) -> None:
    flat = np.full((20, 40, 40), 500.0)
    volume = make_volume(flat, np.eye(4))
    points = ((0, 1, 1, 1, 0.03), (1000, 1, 1, 1, 0.03))
    eye = Eye((20, -100, 10), (20, 0, 10), (0, 0, 1), angle_deg=None, height_mm=8, width_px=8, height_px=8)
    for step_mm in (0.1, 0.4, 1.6):
        scene = Scene(flat, np.eye(4), step_mm, points, shading=None)
        pixels = caster.draw(volume, look_of(scene, RayMode.COMPOSITE), view_of(scene, eye))
        samples = np.floor(40 / step_mm) + 1
        assert pixels == pytest.approx(255 * (1 - 0.97 ** (samples * step_mm)), abs=1)


def test_a_coarse_canvas_shows_the_same_view(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["oblique"], 0.5, SOFT)
    volume, look = make_volume(scene.values, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE)
    view = view_of(scene, EYES["perspective"])
    fine = caster.draw(volume, look, view).astype(float)
    coarse = caster.draw(volume, look, view.resized(36, 30, 1.0)).astype(float)
    assert coarse.shape == (30, 36, 3)
    averaged = fine.reshape(30, 2, 36, 2, 3).mean((1, 3))
    assert psnr_db(coarse, averaged) > 27


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_passes_of_a_picture_at_rest_come_near_a_small_step(
    caster: RayCaster, make_volume: MakeVolume, jitter: float
) -> None:
    scene = Scene(body(), GRIDS["oblique"], 2.0, BONE)
    volume, look = make_volume(scene.values, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE)
    view = replace(view_of(scene, EYES["perspective"]), jitter=jitter)
    fine = caster.draw(volume, look, replace(view, step_mm=0.1, jitter=0.0)).astype(float)
    refinement, found_db = Refinement(view, 4), []
    while (next_view := refinement.next_view) is not None:
        pixels = refinement.add(caster.draw(volume, look, next_view))
        found_db.append(psnr_db(pixels, fine))
    assert refinement.drawn == 4
    assert found_db[1] > found_db[0] + 1
    assert found_db[3] > found_db[0] + 3


def test_phases_fill_the_step_evenly_from_pass_to_pass() -> None:
    refinement, phases = Refinement(view_of(Scene(body(), np.eye(4), 1.0, BONE), EYES["parallel"]), 8), []
    while (view := refinement.next_view) is not None:
        phases.append(view.phase)
        average = refinement.add(np.full((2, 2, 3), [0, 3][len(phases) % 2], dtype=np.uint8))
    assert phases == [0, 1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8, 3 / 8, 7 / 8]
    assert average.tolist() == np.full((2, 2, 3), 2).tolist()  # 12 / 8, rounded
    with pytest.raises(InvalidInput, match="in 0 passes"):
        Refinement(view_of(Scene(body(), np.eye(4), 1.0, BONE), EYES["parallel"]), 0)


def test_a_volume_that_is_still_coming_shows_what_is_there(caster: RayCaster, renderer: Renderer) -> None:
    values, grid = body(), GRIDS["cubes"]
    stored = (values + 1024).astype(np.uint16)
    texture, bricks = VolumeTexture(stored.shape, intercept=-1024), BrickRanges(stored.shape)
    volume = RayVolume(texture, bricks, grid)
    there = np.full(stored.shape, -1024.0)
    for part in (slice(13, 24), slice(0, 5)):
        texture.upload_slices(part.start, stored[part])
        bricks.add_slices(part.start, stored[part])
        there[part] = values[part]
        scene = Scene(there, grid, 0.7, SOFT)
        pixels = caster.draw(volume, look_of(scene, RayMode.COMPOSITE), view_of(scene, EYES["perspective"]))
        assert psnr_db(pixels, composite(scene, EYES["perspective"])) >= 40
    texture.close()


def test_a_volume_of_one_slice_is_drawn(caster: RayCaster, make_volume: MakeVolume) -> None:
    flat = np.full((1, 20, 20), 900.0)
    scene = Scene(flat, np.diag([1, 1, 5, 1.0]), 0.47, BONE)
    eye = Eye((10, 10, -100), (10, 10, 0), (0, -1, 0))
    pixels = caster.draw(
        make_volume(flat, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE), view_of(scene, eye)
    )
    assert worst(pixels, composite(scene, eye)) <= 1
    assert pixels.max() > 30


@pytest.mark.parametrize("mode", [RayMode.COMPOSITE, RayMode.MAXIMUM], ids=lambda mode: mode.name)
def test_parts_of_a_picture_are_the_same_bytes_as_the_whole(
    caster: RayCaster, make_volume: MakeVolume, mode: RayMode
) -> None:
    scene = Scene(body(), GRIDS["oblique"], 0.5, SOFT, background=(0.2, 0.1, 0))
    volume, look = make_volume(scene.values, scene.lps_from_index), look_of(scene, mode)
    view = replace(view_of(scene, EYES["perspective"]), jitter=1.0)
    whole = caster.draw(volume, look, view)
    parts = np.zeros_like(whole)
    for left, top, width, height in ((0, 0, 72, 11), (0, 11, 31, 49), (31, 11, 41, 30), (31, 41, 41, 19)):
        found = caster.draw(volume, look, view, part=(left, top, width, height))
        assert found.shape == (height, width, 3)
        parts[top : top + height, left : left + width] = found
    assert parts.tobytes() == whole.tobytes()
    for part in ((0, 0, 73, 60), (-1, 0, 5, 5), (10, 10, 0, 4)):
        with pytest.raises(RenderError, match="not inside a canvas of 72 × 60"):
            caster.draw(volume, look, view, part=part)


def test_what_cannot_be_drawn_is_refused_in_words(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), np.eye(4), 0.7, SOFT)
    view = view_of(scene, EYES["perspective"])
    volume = make_volume(scene.values, np.eye(4))
    with pytest.raises(RenderError, match="9000 × 10 is out of range 1 to 8192"):
        caster.draw(volume, look_of(scene, RayMode.COMPOSITE), replace(view, width_px=9000, height_px=10))
    with pytest.raises(InvalidInput, match="0 mm apart"):
        replace(view, step_mm=0)
    with pytest.raises(RenderError, match="are not of this volume"):
        RayVolume(volume.texture, BrickRanges((1, 2, 3)), np.eye(4))
