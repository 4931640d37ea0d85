"""From a wish for a camera's view of a volume to pixels: against the NumPy reference; looks, passes, light, picking."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from renderpool.engine.volume_mask import VolumeMask
from renderpool.session.painting import Painting
from renderpool.session.quality import LightLevel
from renderpool.session.volume_facts import volume_facts
from renderpool.session.volume_painter import VolumePainter
from tests.render.painter_volumes import ORIGIN, LatticeSource, Steps, Ward, painter, ward
from tests.render.ray_scenes import BONE, SOFT, Points, body
from tests.render.reference_ray_cast import Eye, Scene, composite, isosurface, projection, psnr_db, worst
from webviewer.core.errors import InvalidInput
from webviewer.protocol.volumes import CameraPose, CameraView, ClipBox, ClipPlane, Lighting, Look, PlaneView, Tissue
from webviewer.protocol.windows import WindowValues

__all__ = ["painter", "ward"]

LATTICES: dict[str, Steps] = {
    "0.5 x 0.5 x 3": ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 3)),
    "sheared by a tilted gantry": ((0.8, 0, 0), (0, 0.8, 0), (0, 0.6, 1.4)),
    "mirrored": ((-0.9, 0, 0), (0, 0.9, 0), (0, 0, 1.3)),
    "a sagittal scan": ((0, 0.8, 0), (0, 0, -0.8), (-1.5, 0, 0)),
}
FINE_MM = 0.2
BODY = body()
PIXELS = BODY.astype(np.int16)
GREY: Points = ((-200, 1, 1, 1, 0), (900, 1, 1, 1, 1))


def matrix_of(steps: Steps) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(steps).T
    matrix[:3, 3] = ORIGIN
    return matrix


def eye_at(steps: Steps, *, perspective: bool, side: tuple[float, float, float] = (60, -90, 35)) -> Eye:
    middle = matrix_of(steps) @ np.array([20.5, 18.0, 11.5, 1.0])
    target = (float(middle[0]) + 1, float(middle[1]) + 2, float(middle[2]) - 1)
    place = (target[0] + side[0], target[1] + side[1], target[2] + side[2])
    if perspective:
        return Eye(place, target, (0, 0, 1))
    return Eye(place, target, (0.2, 0, 1), angle_deg=None, height_mm=52)


def pose_of(eye: Eye, **changes: Any) -> CameraPose:
    right, down, _ = eye.frame()
    distance_mm = math.dist(eye.position, eye.target)
    tall_mm = eye.height_mm
    if eye.angle_deg is not None:
        tall_mm = 2 * math.tan(math.radians(eye.angle_deg) / 2) * distance_mm
    known: dict[str, Any] = {
        "width_px": eye.width_px,
        "height_px": eye.height_px,
        "target_lps_mm": eye.target,
        "right_lps": tuple(right.tolist()),
        "down_lps": tuple(down.tolist()),
        "mm_per_px": tall_mm / eye.height_px,
        "eye_distance_mm": None if eye.angle_deg is None else distance_mm,
    }
    return CameraPose(**{**known, **changes})


def look_of(points: Points, mode: Any = "shaded", *, lit: bool = True, iso_value: float | None = None) -> Look:
    tissue = Tissue(
        name="one",
        opacity=tuple((value, opacity) for value, _, _, _, opacity in points),
        colour=tuple((value, red, green, blue) for value, red, green, blue, _ in points),
    )
    return Look(mode=mode, tissues=(tissue,), lighting=Lighting() if lit else None, iso_value=iso_value)


def wish_of(eye: Eye, look: Look | None, **changes: Any) -> CameraView:
    return CameraView(cell=0, revision=1, pose=pose_of(eye), look=look, **changes)


def passes_of(painter: VolumePainter, volume: Any, wish: CameraView, **how: Any) -> list[Painting]:
    picture = painter.begin(volume, wish, **how)
    found = []
    while not picture.is_finished:
        painting = picture.step()
        if painting is not None:
            found.append(painting)
    return found


def assert_near(pixels: NDArray[np.uint8], expected: NDArray[np.float64], least_db: float) -> None:
    assert np.ptp(expected) > 60, "the picture is empty"
    shown = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    found = psnr_db(shown, expected)
    assert found >= least_db, f"{found:.1f} dB, worst pixel {worst(shown, expected)}"


@pytest.mark.parametrize(
    ("points", "perspective"), [(BONE, True), (SOFT, False)], ids=["bone in perspective", "soft in parallel"]
)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_a_shaded_picture_at_rest_is_that_of_a_small_step(
    painter: VolumePainter, ward: Ward, steps: Steps, points: Points, perspective: bool
) -> None:
    eye = eye_at(steps, perspective=perspective)
    paintings = passes_of(painter, ward.volume_of(PIXELS, steps), wish_of(eye, look_of(points)))
    assert [painting.is_whole for painting in paintings] == [False] * (len(paintings) - 1) + [True]
    assert len(paintings) >= 4
    last = paintings[-1]
    assert math.isnan(last.window_center)
    assert not last.coarse
    fine = composite(Scene(BODY, matrix_of(steps), FINE_MM, points, lowest=-32768.0), eye)
    assert_near(last.pixels, fine, 38)
    first, end = (psnr_db(painting.pixels, fine) for painting in (paintings[0], last))
    assert end > first + 3, "passes make it no finer"


@pytest.mark.parametrize("mode", ["shaded", "mip"])
def test_a_preset_s_picture_has_half_the_passes_where_pixels_are_far_larger_than_voxels(
    painter: VolumePainter, ward: Ward, mode: str
) -> None:
    steps = LATTICES["mirrored"]
    volume, eye = ward.volume_of(PIXELS, steps), eye_at(steps, perspective=False)
    look = look_of(BONE if mode == "shaded" else GREY, mode)

    def pictures(**changes: Any) -> list[Painting]:
        wish = CameraView(cell=0, revision=1, pose=pose_of(eye, **changes), look=look)
        return passes_of(painter, volume, wish)

    assert len(pictures(width_px=192, height_px=144, mm_per_px=1.8)) == 2
    assert len(pictures(width_px=192, height_px=144, mm_per_px=1.79)) == 4, "pixels under two voxels"
    assert len(pictures(width_px=250, height_px=170, mm_per_px=1.8)) == 4, "a window of the doctor's"


def test_the_first_pass_at_rest_is_near_the_last_one(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["mirrored"]
    eye = replace(eye_at(steps, perspective=False), width_px=288, height_px=240)
    for points, mode in ((BONE, "shaded"), (SOFT, "shaded"), (GREY, "mip")):
        paintings = passes_of(painter, ward.volume_of(PIXELS, steps), wish_of(eye, look_of(points, mode)))
        assert [painting.pixels.shape[:2] for painting in paintings] == [(240, 288)] * 4
        found = psnr_db(paintings[0].pixels, paintings[-1].pixels.astype(float))
        assert found > 34, f"{mode}: {found:.1f} dB"


PROJECTIONS: dict[str, tuple[Any, str, Points]] = {
    "mip": ("mip", "maximum", GREY),
    "mip, exchanged": ("mip", "maximum", ((-200, 1, 1, 1, 1), (900, 1, 1, 1, 0))),
    "minip": ("minip", "minimum", ((-300, 1, 1, 1, 0), (1020, 1, 1, 1, 1))),
    "aip": ("aip", "average", ((-900, 1, 1, 1, 0), (300, 1, 1, 1, 1))),
}


@pytest.mark.parametrize("name", PROJECTIONS)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_projections_are_those_of_a_small_step(painter: VolumePainter, ward: Ward, steps: Steps, name: str) -> None:
    mode, kind, points = PROJECTIONS[name]
    eye = eye_at(steps, perspective=False)
    values = np.clip(-BODY, -1024, 3071) if mode == "minip" else BODY  # bones dark and air bright
    volume = ward.volume_of(values.astype(np.int16), steps)
    last = passes_of(painter, volume, wish_of(eye, look_of(points, mode)))[-1]
    assert last.pixels.ndim == 2, "grey takes a third of the bytes"
    low, high = points[0][0], points[-1][0]
    assert (last.window_center, last.window_width) == ((low + high) / 2, high - low)
    expected = projection(Scene(values, matrix_of(steps), FINE_MM, points), eye, kind)
    # Where air is bright and what is outside black, a ray that grazes an edge may meet no sample in one of the passes.
    is_bright_around = name in {"minip", "mip, exchanged"}
    meets = projection(Scene(values, matrix_of(steps), FINE_MM, ((0, 1, 1, 1, 1), (1, 1, 1, 1, 1))), eye, "maximum")
    inner = binary_erosion(meets[:, :, 0] > 0, iterations=2) if is_bright_around else np.ones(meets.shape[:2], np.bool_)
    assert inner.mean() > 0.2
    assert_near(np.where(inner, last.pixels, 0), np.where(inner[:, :, None], expected, 0), 36)


@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_an_isosurface_is_that_of_a_small_step(painter: VolumePainter, ward: Ward, steps: Steps) -> None:
    eye = eye_at(steps, perspective=True)
    points: Points = ((-1000, 0.2, 0.4, 0.9, 1), (1000, 0.9, 0.8, 0.7, 1))
    look = look_of(points, "isosurface", iso_value=-300)
    last = passes_of(painter, ward.volume_of(PIXELS, steps), wish_of(eye, look))[-1]
    assert_near(
        last.pixels, isosurface(Scene(BODY, matrix_of(steps), FINE_MM, points, level=-300, lowest=-32768.0), eye), 34
    )


def test_a_box_and_a_plane_hide_what_lies_outside(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    eye, volume = eye_at(steps, perspective=True), ward.volume_of(PIXELS, steps)
    box = ClipBox(low_index=(4, 6, 2.5), high_index=(30.25, 29, 20))
    # Hidden is what lies on the side of the viewer.
    _, _, forward = eye.frame()
    before = (float(-forward[0]), float(-forward[1]), float(-forward[2]))
    plane = ClipPlane(point_lps_mm=eye.target, normal_lps=before)
    kept = (*(-np.array(before)).tolist(), float(np.array(before) @ np.array(eye.target)))
    whole = passes_of(painter, volume, wish_of(eye, look_of(SOFT)))[-1].pixels
    ends = (box.low_index, box.high_index)
    # Of scipy, so that which way round it goes is not said by what is looked at.
    turn_deg = (20.0, -35.0, 50.0)
    turn = Rotation.from_rotvec(turn_deg, degrees=True).as_matrix()
    cuts: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
        ({"box": box}, {"box": ends}),
        ({"box": box.model_copy(update={"turn_deg": turn_deg})}, {"box": ends, "box_turn": turn}),
        ({"plane": plane}, {"plane": kept}),
    )
    for cut, changes in cuts:
        # Faces of a cut are lit as if voxel 0, which is -32768 in signed images, were behind them.
        scene = Scene(BODY, matrix_of(steps), FINE_MM, SOFT, lowest=-32768.0)
        expected = composite(replace(scene, **changes), eye)
        last = passes_of(painter, volume, wish_of(eye, look_of(SOFT), **cut))[-1]
        assert_near(last.pixels, expected, 36)
        assert psnr_db(whole, expected) < 33, "nothing is cut"


def test_an_offset_moves_the_picture(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["mirrored"]
    volume = ward.volume_of(PIXELS, steps)
    for perspective in (True, False):
        eye = eye_at(steps, perspective=perspective)
        still = passes_of(painter, volume, wish_of(eye, look_of(BONE)))[-1].pixels
        moved_wish = wish_of(eye, look_of(BONE)).model_copy(update={"pose": pose_of(eye, offset_px=(7.0, -5.0))})
        moved = passes_of(painter, volume, moved_wish)[-1].pixels
        assert psnr_db(moved[:-5, 7:], still[5:, :-7].astype(float)) > 36


def test_a_light_picture_is_a_smaller_one_of_the_same(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["mirrored"]
    eye = replace(eye_at(steps, perspective=True), width_px=360, height_px=300)
    volume, wish = ward.volume_of(PIXELS, steps), wish_of(eye, look_of(BONE))
    still = passes_of(painter, volume, wish)[-1].pixels.astype(float)
    light = passes_of(painter, volume, wish, light=LightLevel(50, 0.5))
    assert len(light) == 1
    assert not light[0].is_whole
    height, width = light[0].pixels.shape[:2]
    assert (height, width) <= (150, 180)
    assert width / height == pytest.approx(1.2, abs=0.02)
    assert light[0].zoom == pytest.approx(1 / wish.pose.mm_per_px)
    rows, columns = (np.arange(height) + 0.5) * 300 / height, (np.arange(width) + 0.5) * 360 / width
    there = still[rows.astype(int)][:, columns.astype(int)]
    assert psnr_db(light[0].pixels, there) > 18  # coarser, but of the same


def test_parts_are_the_whole_to_the_bit(painter: VolumePainter, ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = LATTICES["sheared by a tilted gantry"]
    eye = replace(eye_at(steps, perspective=True), width_px=96, height_px=208)
    volume, wish = ward.volume_of(PIXELS, steps), wish_of(eye, look_of(SOFT))
    monkeypatch.setattr("renderpool.session.bands.BAND_S", 60.0)
    monkeypatch.setattr("renderpool.session.bands._FIRST_ROWS", 4096)
    whole = passes_of(painter, volume, wish)
    monkeypatch.setattr("renderpool.session.bands.BAND_S", 1e-6)
    monkeypatch.setattr("renderpool.session.bands._FIRST_ROWS", 16)
    picture, parts, steps_taken = painter.begin(volume, wish), [], 0
    while not picture.is_finished:
        painting = picture.step()
        steps_taken += 1
        if painting is not None:
            parts.append(painting)
    assert steps_taken > 20 * len(parts)
    assert [painting.pixels.tobytes() for painting in parts] == [painting.pixels.tobytes() for painting in whole]


@pytest.mark.parametrize("limit", [24, 37], ids=["in four pieces", "in two"])
def test_a_volume_beyond_the_limit_of_the_device_is_drawn_in_pieces(
    painter: VolumePainter, ward: Ward, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    steps = LATTICES["sheared by a tilted gantry"]
    eye, volume = eye_at(steps, perspective=True), ward.volume_of(PIXELS, steps)
    x, y, z = eye.target
    plane = PlaneView(
        cell=0,
        revision=1,
        width_px=72,
        height_px=60,
        center_lps_mm=(x, y, z),
        right_lps=(0.8, 0.6, 0.0),
        down_lps=(-0.48, 0.64, 0.6),
        mm_per_px=0.6,
        window=WindowValues(center=0, width=2000),
    )
    looks = [look_of(SOFT), look_of(GREY, "mip"), look_of(GREY, "isosurface", iso_value=-300)]
    ways = [
        plane.model_copy(update=way) for way in ({}, {"interpolation": "nearest"}, {"slab": "mip", "thickness_mm": 9.0})
    ]

    def pictures() -> list[NDArray[np.uint8]]:
        drawn = [passes_of(painter, volume, wish_of(eye, look))[-1].pixels for look in looks]
        return drawn + [painter.paint_plane(volume, way).pixels for way in ways]

    whole = pictures()
    painter.textures.close()
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: limit)
    device = painter.textures.bring(volume)
    assert device is not None
    assert device.texture.defines == {"CHUNKS": {24: 4, 37: 2}[limit]}
    for found, expected in zip(pictures(), whole, strict=True):
        assert np.ptp(expected) > 60, "the picture is empty"
        difference = np.abs(found.astype(int) - expected)
        # Places in a piece are rounded otherwise than in the whole: a sample on an edge may fall on its other side.
        assert (difference > 1).mean() < 0.01, f"worst pixel {difference.max()}"


def test_without_a_look_it_is_the_default_of_the_volume(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["mirrored"]
    eye = eye_at(steps, perspective=False)
    for modality, frame in (("CT", {"rescale_type": "HU"}), ("MR", {}), ("PT", {})):
        volume = ward.volume_of(PIXELS, steps, frame, modality=modality)
        object.__setattr__(volume.series, "modality", modality)
        facts = volume_facts(0, volume)
        assert facts is not None
        look = next(preset.look for preset in facts.presets if preset.preset_id == facts.default_preset)
        wished, said = (passes_of(painter, volume, wish_of(eye, look))[-1] for look in (None, look))
        assert wished.pixels.tobytes() == said.pixels.tobytes()
        assert np.ptp(wished.pixels) > 60


def test_nothing_that_has_come_is_a_black_coarse_picture(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["mirrored"]
    source = LatticeSource(PIXELS, steps, {}, {})
    source.gate.clear()
    volume = ward.open(source)
    last = passes_of(painter, volume, wish_of(eye_at(steps, perspective=True), None))[-1]
    assert last.coarse
    assert last.pixels.max() == 0


def test_a_picked_point_is_seen_where_it_was_picked(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["sheared by a tilted gantry"]
    volume = ward.volume_of(PIXELS, steps)
    for perspective in (True, False):
        eye = eye_at(steps, perspective=perspective)
        wish = wish_of(eye, look_of(GREY, "isosurface", iso_value=-300))
        right, down, forward = eye.frame()
        for x_px, y_px in ((36.0, 30.0), (30.5, 40.0), (45.0, 22.25)):
            found = painter.pick(volume, wish, x_px, y_px)
            assert found is not None
            way = np.array(found) - np.array(eye.position)
            scale = wish.pose.mm_per_px
            if perspective:
                way *= math.dist(eye.position, eye.target) / float(way @ forward)
            seen = (float(way @ right) / scale + 36, float(way @ down) / scale + 30)
            assert seen == pytest.approx((x_px, y_px), abs=0.01)
            index = np.linalg.solve(matrix_of(steps), np.append(found, 1.0))[:3]
            scene = Scene(BODY, matrix_of(steps), FINE_MM, GREY)
            assert float(scene.at(index[np.newaxis])[0]) == pytest.approx(-300, abs=60)
        assert painter.pick(volume, wish, -200.0, 0.0) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"look": look_of(GREY, "isosurface")}, "isosurface without a value"),
        ({"box": ClipBox(low_index=(0, 9, 0), high_index=(5, 3, 5))}, "from 9.0 to 3.0 along the rows"),
        ({"plane": ClipPlane(point_lps_mm=(0, 0, 0), normal_lps=(0, 0, 0))}, "must have a length"),
        ({"look": look_of(((5, 1, 1, 1, 0), (5, 1, 1, 1, 1)))}, "do not rise"),
    ],
)
def test_a_wish_that_is_none_is_refused_in_words(
    painter: VolumePainter, ward: Ward, changes: dict[str, Any], words: str
) -> None:
    steps = LATTICES["mirrored"]
    wish = wish_of(eye_at(steps, perspective=True), look_of(BONE)).model_copy(update=changes)
    with pytest.raises(InvalidInput, match=words):
        painter.begin(ward.volume_of(PIXELS, steps), wish)


@pytest.mark.parametrize("light", [None, LightLevel(80, 1.0)], ids=["still", "light"])
def test_what_edits_took_away_is_not_seen_and_not_picked(
    painter: VolumePainter, ward: Ward, light: LightLevel | None
) -> None:
    """A cut through the middle of a layer of voxels, as a clipping box makes it where values are level."""
    steps = LATTICES["sheared by a tilted gantry"]
    flat = np.full(BODY.shape, 600, np.int16)
    kept = np.zeros(BODY.shape, np.bool_)
    kept[:, :, :21] = True
    eye, volume = eye_at(steps, perspective=True, side=(90, -60, 35)), ward.volume_of(flat, steps)
    look = look_of(((0, 0.9, 0.5, 0.2, 1), (1000, 0.9, 0.5, 0.2, 1)), lit=False)
    mask = VolumeMask.from_kept(kept)
    cut = passes_of(painter, volume, wish_of(eye, look), mask=mask, light=light)[-1].pixels
    box = ClipBox(low_index=(-0.5, -0.5, -0.5), high_index=(20.5, 36.5, 23.5))
    boxed = passes_of(painter, volume, wish_of(eye, look, box=box), light=light)[-1].pixels
    whole = passes_of(painter, volume, wish_of(eye, look), light=light)[-1].pixels
    off = np.abs(cut.astype(int) - boxed).max(axis=-1) > 40
    assert off.mean() < 0.03, "edges may be a pixel off"
    assert (np.abs(cut.astype(int) - whole).max(axis=-1) > 40).mean() > 0.08
    seen = painter.pick(volume, wish_of(eye, look), 36.0, 30.0, mask)
    assert seen is not None
    assert np.linalg.solve(matrix_of(steps), np.append(seen, 1.0))[0] == pytest.approx(20.5, abs=1.0)
