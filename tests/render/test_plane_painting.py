"""From a wish for a plane to pixels: against the NumPy reference, at most one grey level off; parts, light, coarse."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.session.light_size import LightSizes
from renderpool.session.painting import Painting
from renderpool.session.quality import LightLevel
from renderpool.session.volume_painter import VolumePainter
from tests.render.painter_volumes import ORIGIN, LatticeSource, Steps, Vector, Ward, painter, ward
from tests.render.reference_view import grey_linear, grey_linear_exact, grey_sigmoid
from tests.render.reference_volume import Cut, Shown, cut_volume, report_worst
from webviewer.core.errors import InvalidInput, Unavailable
from webviewer.dicom.attributes import LookupTable, VoiWindow
from webviewer.protocol.volumes import PlaneView
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues

__all__ = ["painter", "ward"]

SHAPE = (24, 50, 60)
WINDOW = WindowValues(center=300, width=3000)


def turn(vectors: list[Vector], angle_deg: float, axis: int) -> list[Vector]:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    first, second = [other for other in range(3) if other != axis]
    turned = []
    for vector in vectors:
        found = list(vector)
        found[first] = c * vector[first] - s * vector[second]
        found[second] = s * vector[first] + c * vector[second]
        turned.append((float(found[0]), float(found[1]), float(found[2])))
    return turned


_OBLIQUE = turn(turn([(0.7, 0, 0), (0, 0.9, 0), (0, 0, 1.5)], 35, 2), 20, 0)
LATTICES: dict[str, Steps] = {
    "0.5 x 0.5 x 3": ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 3)),
    "oblique": (_OBLIQUE[0], _OBLIQUE[1], _OBLIQUE[2]),
    "sheared by a tilted gantry": ((0.6, 0, 0), (0, 0.56, 0.21), (0, 0, 2.5)),
    "slices from head to feet": ((0.7, 0, 0), (0, 0.7, 0), (0, 0, -1.5)),
    "a sagittal scan from left to right": ((0, 0.6, 0), (0, 0, -0.6), (-2, 0, 0)),
}
_TIPPED = turn(turn([(1, 0, 0), (0, 0, -1)], 27, 2), -18, 0)
CANVASES: dict[str, tuple[Vector, Vector]] = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "oblique": (_TIPPED[0], _TIPPED[1]),
    "flipped and upside down": ((-1, 0, 0), (0, 0, 1)),
    "flipped": ((-1, 0, 0), (0, 0, -1)),
}
SLABS = [("plane", 0.0), ("plane", 9.0), ("mip", 7.0), ("minip", 7.0), ("aip", 7.0)]


def signed_values() -> NDArray[np.int16]:
    """HU from -1024 to 3071: smooth, with hard edges and single bright and dark voxels."""
    rng = np.random.default_rng(8)
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    values = 900 * np.sin(i / 5.0) * np.cos(j / 4.0 + k / 6.0) + rng.normal(300, 120, SHAPE)
    values[:, :12, 40:] = 3071
    values[4:9, 30:, :15] = -1024
    values[tuple(rng.integers(0, side, 60) for side in SHAPE)] = 3071
    rounded: NDArray[np.int16] = np.clip(np.round(values), -1024, 3071).astype(np.int16)
    return rounded


VALUES = signed_values()


def middle_of(steps: Steps) -> Vector:
    index = ((SHAPE[2] - 1) / 2, (SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
    x, y, z = (ORIGIN[axis] + sum(index[way] * steps[way][axis] for way in range(3)) for axis in range(3))
    return x, y, z


def wish_of(steps: Steps, canvas: tuple[Vector, Vector] = CANVASES["oblique"], **changes: Any) -> PlaneView:
    x, y, z = middle_of(steps)
    known: dict[str, Any] = {
        "cell": 0,
        "revision": 1,
        "width_px": 97,
        "height_px": 83,
        "center_lps_mm": (x + 0.4, y - 0.3, z + 0.7),
        "right_lps": canvas[0],
        "down_lps": canvas[1],
        "mm_per_px": 0.4321,
        "window": WINDOW,
    }
    return PlaneView(**{**known, **changes})


def wanted(
    wish: PlaneView,
    steps: Steps,
    places: int = 1,
    values: NDArray[Any] = VALUES,
    present: NDArray[np.bool_] | None = None,
) -> Shown:
    cut = Cut(
        wish.width_px,
        wish.height_px,
        wish.mm_per_px,
        wish.center_lps_mm,
        wish.right_lps,
        wish.down_lps,
        wish.slab,
        wish.thickness_mm,
        wish.interpolation,
        places,
    )
    return cut_volume(values, (*steps, ORIGIN), cut, present)


def assert_shown(painting: Painting, shown: Shown, expected: NDArray[Any] | None = None) -> None:
    expected = grey_linear(shown.values, 300, 3000) if expected is None else expected
    worst, where = report_worst(painting.pixels, np.where(shown.inside, expected, 0), ~shown.undecided)
    assert worst <= 1, where
    assert shown.undecided.mean() < 0.12, "too little is compared"
    assert shown.inside.mean() > 0.2, "too little is seen"


@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES.keys())
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_planes_match_the_reference(
    painter: VolumePainter, ward: Ward, steps: Steps, canvas: tuple[Vector, Vector]
) -> None:
    volume = ward.volume_of(VALUES, steps)
    for interpolation in ("trilinear", "nearest"):
        wish = wish_of(steps, canvas, interpolation=interpolation)
        painting = painter.paint_plane(volume, wish)
        assert_shown(painting, wanted(wish, steps))
        assert (painting.window_center, painting.window_width) == (300, 3000)
        assert painting.zoom == pytest.approx(1 / 0.4321)
        assert (painting.is_whole, painting.coarse, painting.fitted) == (True, False, False)


@pytest.mark.parametrize(("slab", "thickness_mm"), SLABS)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_slabs_match_the_reference(
    painter: VolumePainter, ward: Ward, steps: Steps, slab: str, thickness_mm: float
) -> None:
    wish = wish_of(steps, slab=slab, thickness_mm=thickness_mm)
    assert_shown(painter.paint_plane(ward.volume_of(VALUES, steps), wish), wanted(wish, steps))


@pytest.mark.parametrize("slab", ["plane", "mip"])
def test_a_coarse_canvas_averages_places_of_each_pixel(painter: VolumePainter, ward: Ward, slab: str) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    volume = ward.volume_of(VALUES, steps)
    wish = wish_of(steps, CANVASES["axial"], mm_per_px=1.3, width_px=40, height_px=30, slab=slab, thickness_mm=6)
    shown = wanted(wish, steps, places=3)
    assert_shown(painter.paint_plane(volume, wish), shown)
    light = painter.paint_plane(volume, wish, LightLevel(80, 1.0))
    assert not light.is_whole
    assert_shown(light, wanted(wish, steps, places=2 if slab == "plane" else 1))


def test_a_light_picture_is_the_still_one_on_fewer_pixels(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["oblique"]
    volume = ward.volume_of(VALUES, steps)
    wish = wish_of(steps, width_px=600, height_px=400, mm_per_px=0.1)
    light = painter.paint_plane(volume, wish, LightLevel(50, 0.5))
    assert light.pixels.shape == (256, 300)  # no side under 256
    assert not light.is_whole
    assert light.zoom == pytest.approx(10)
    fewer = wish_of(steps, width_px=300, height_px=200, mm_per_px=0.2)
    expected = painter.paint_plane(volume, fewer).pixels
    rows = light.pixels[(np.arange(200) * 256 + 128) // 200]  # the nearest row of each
    assert np.abs(rows.astype(int) - expected).mean() < 6
    full = painter.paint_plane(volume, wish, LightLevel(80, 1.0))
    assert full.is_whole
    assert np.array_equal(full.pixels, painter.paint_plane(volume, wish).pixels)


@pytest.mark.parametrize("sample_s", [2e-6, 1e-4], ids=["parts of 64 px", "parts of 8 px"])
@pytest.mark.parametrize(("slab", "colours"), [("plane", "grey"), ("aip", "grey"), ("aip", "spring")])
def test_parts_of_a_picture_are_the_whole(
    painter: VolumePainter, ward: Ward, monkeypatch: pytest.MonkeyPatch, slab: str, colours: str, *, sample_s: float
) -> None:
    steps = LATTICES["oblique"]
    volume = ward.volume_of(VALUES, steps)
    wish = wish_of(steps, width_px=900, height_px=101, mm_per_px=0.1, slab=slab, thickness_mm=9, colours=colours)
    whole = painter.paint_plane(volume, wish).pixels
    monkeypatch.setattr(LightSizes, "unit_s", lambda _self, _kind: sample_s)
    picture = painter.begin_plane(volume, wish)
    assert picture.holds == volume.key
    paintings = [picture.step()]
    while not picture.is_finished:
        paintings.append(picture.step())
    assert len(paintings) > (2 if slab == "plane" and sample_s < 1e-5 else 26), "more than there are eight rows"
    assert paintings[:-1] == [None] * (len(paintings) - 1)
    assert picture.holds is None
    last = paintings[-1]
    assert last is not None
    assert last.pixels.tobytes() == whole.tobytes()
    shown = wanted(wish, steps)
    grey = np.where(shown.inside, grey_linear(shown.values, 300, 3000), 0)
    if colours == "spring":  # PS3.6 B.1.5: red stays, green rises, blue falls
        assert last.pixels.shape == (101, 900, 3)
        sure = shown.inside & ~shown.undecided
        assert (last.pixels[~shown.inside & ~shown.undecided] == 0).all()
        assert (last.pixels[sure][:, 0] == 255).all()
        assert np.abs(last.pixels[sure][:, 1] - grey[sure]).max() <= 1.01
        assert np.abs(255.0 - last.pixels[sure][:, 2] - grey[sure]).max() <= 1.01
    else:
        assert_shown(last, shown)


FRAME_WINDOWS: dict[str, Any] = {"windows": (VoiWindow(100, 900), VoiWindow(-400, 1500)), "voi_lut_function": "SIGMOID"}


def test_the_image_in_the_middle_recommends_windows(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["oblique"]
    table = LookupTable(-500, 12, tuple(round((entry / 2999) ** 2 * 4095) for entry in range(3000)))
    volume = ward.volume_of(VALUES, steps, FRAME_WINDOWS, voi_luts=(table,))
    shown = wanted(wish_of(steps), steps)
    expected = {
        0: grey_sigmoid(shown.values, 100, 900),
        1: grey_sigmoid(shown.values, -400, 1500),
        2: ((np.clip(np.floor(shown.values + 500.5), 0, 2999) / 2999) ** 2) * 255,
        99: grey_sigmoid(shown.values, 100, 900),
    }
    for index, grey in expected.items():
        painting = painter.paint_plane(volume, wish_of(steps, window=WindowRecommended(index=index)))
        assert_shown(painting, shown, grey)
    window = {0: (100, 900), 1: (-400, 1500), 2: (-500 + 1500, 3000)}
    for index, ends in window.items():
        painting = painter.paint_plane(volume, wish_of(steps, window=WindowRecommended(index=index)))
        assert (painting.window_center, painting.window_width) == ends


def test_a_ct_without_windows_gets_that_of_soft_tissue(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["oblique"]
    stored = (VALUES.astype(np.int32) + 1024).astype(np.uint16)
    volume = ward.volume_of(stored, steps, {"rescale_intercept": -1024.0})
    painting = painter.paint_plane(volume, wish_of(steps, window=WindowRecommended()))
    assert (painting.window_center, painting.window_width) == (40, 400)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_full_dynamic_spans_the_volume_and_leaves_padding_out(
    painter: VolumePainter, ward: Ward, photometric: str, invert: bool
) -> None:
    steps = LATTICES["sheared by a tilted gantry"]
    values = VALUES.copy()
    values[:, :, :9] = -2000
    volume = ward.volume_of(
        values, steps, pixel_padding_value=-2000, photometric_interpretation=photometric, modality="MR"
    )
    low, high = -1024.0, 3071.0
    for window in (WindowFullDynamic(), WindowRecommended()):  # which nothing recommends
        wish = wish_of(steps, window=window, invert=invert)
        painting = painter.paint_plane(volume, wish)
        assert (painting.window_center, painting.window_width) == ((low + high) / 2, high - low)
        shown = wanted(wish, steps, values=values, present=values != -2000)
        grey = grey_linear_exact(shown.values, (low + high) / 2, high - low)
        assert_shown(painting, shown, 255 - grey if invert != (photometric == "MONOCHROME1") else grey)


def test_slopes_and_unsigned_values_are_those_of_the_images(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["oblique"]
    stored = (VALUES.astype(np.int32) + 1024).astype(np.uint16)
    volume = ward.volume_of(stored, steps, {"rescale_slope": 0.25, "rescale_intercept": -10.0})
    wish = wish_of(steps, window=WindowValues(center=300, width=700, function="LINEAR_EXACT"))
    shown = wanted(wish, steps, values=stored * 0.25 - 10)
    assert_shown(painter.paint_plane(volume, wish), shown, grey_linear_exact(shown.values, 300, 700))


def test_what_is_there_of_a_volume_is_shown_and_marked_coarse(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    source = LatticeSource(VALUES, steps, {}, {})
    source.gate.clear()
    volume = ward.open(source)
    wish = wish_of(steps, CANVASES["axial"])
    nothing = painter.paint_plane(volume, wish)
    assert nothing.coarse
    assert nothing.pixels.max() == 0
    source.hold_after = 3
    source.gate.set()
    volume.wait(30)
    painting = painter.paint_plane(volume, wish)
    assert not painting.coarse
    assert_shown(painting, wanted(wish, steps))


def test_a_coarse_volume_shows_the_nearest_slice_that_has_come(painter: VolumePainter, ward: Ward) -> None:
    steps: Steps = ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 1))
    values = np.concatenate((VALUES, VALUES[::-1]))
    source = LatticeSource(values, steps, {}, {})
    source.hold_after = 7  # of a request: every 8th slice has come then
    source.gate.clear()
    volume = ward.open(source)
    assert source.waits.wait(20)
    until_s = time.monotonic() + 20
    while volume.slices_there < 7 and time.monotonic() < until_s:
        time.sleep(0.01)
    there = np.flatnonzero(~volume.standing_in())
    assert 7 <= len(there) < len(values)
    nearest = np.array([there[np.abs(there - k).argmin()] for k in range(len(values))])
    for slice_ in (0, 21.4, 46):
        center = (*middle_of(steps)[:2], ORIGIN[2] + slice_)
        wish = wish_of(steps, CANVASES["axial"], center_lps_mm=center, mm_per_px=0.31)
        painting = painter.paint_plane(volume, wish)
        assert painting.coarse
        assert_shown(painting, wanted(wish, steps, values=values[nearest]))
    source.gate.set()
    volume.wait(30)
    painting = painter.paint_plane(volume, wish)
    assert not painting.coarse
    assert_shown(painting, wanted(wish, steps, values=values))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"right_lps": (2.0, 0, 0)}, "to the right has the length 2: must be 1"),
        ({"down_lps": (0, 0, 0)}, "downwards has the length 0: must be 1"),
        ({"right_lps": (1, 0, 0), "down_lps": (0.6, 0.8, 0)}, "are 53.13 degrees apart: must be 90"),
    ],
)
def test_a_canvas_that_is_none_is_refused_in_words(
    painter: VolumePainter, ward: Ward, changes: dict[str, Any], words: str
) -> None:
    volume = ward.volume_of(VALUES, LATTICES["oblique"])
    with pytest.raises(InvalidInput, match=words):
        painter.paint_plane(volume, wish_of(LATTICES["oblique"], **changes))


def test_a_volume_that_was_let_go_is_said_so(painter: VolumePainter, ward: Ward) -> None:
    volume = ward.volume_of(VALUES, LATTICES["oblique"])
    picture = painter.begin_plane(volume, wish_of(LATTICES["oblique"]))
    ward.cache.forget(volume)
    with pytest.raises(Unavailable, match="no longer there"):
        picture.step()
    assert len(painter.textures) == 0
