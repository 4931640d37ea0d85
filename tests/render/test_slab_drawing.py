"""Planes and slabs of volumes against the NumPy reference: at most one grey level off, at whole ranges of geometry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.grey import GreyMap, VoiFunction, grey_map
from renderpool.scene.plane_canvas import places_of_pixel
from renderpool.scene.point_value import point_value
from renderpool.scene.slab import Interpolation, Slab, SlabMode
from tests.render.reference_view import grey_linear, grey_linear_exact, grey_sigmoid
from tests.render.reference_volume import Cut, Shown, cut_volume, report_worst
from tests.support.page_geometry.crossing import start_planes
from tests.support.page_geometry.plane import PlaneKind, standard_plane
from tests.support.page_geometry.plane_view import PlaneLook, PlaneView, resolve_plane
from webviewer.core.errors import RenderError
from webviewer.dicom.attributes import LookupTable
from webviewer.dicom.lut import VoiChoice
from webviewer.dicom.volume import VolumeGrid

SHAPE = (24, 50, 60)
ORIGIN = (-17.0, 23.0, -140.0)
WINDOW = GreyMap(VoiFunction.LINEAR, 300, 3000)
Steps = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
AXIAL, CORONAL, SAGITTAL = PlaneKind


def turned(angle_deg: float, tip_deg: float) -> NDArray[np.float64]:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    d, t = np.cos(np.radians(tip_deg)), np.sin(np.radians(tip_deg))
    about_z, about_x = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), np.array([[1, 0, 0], [0, d, -t], [0, t, d]])
    both: NDArray[np.float64] = about_x @ about_z
    return both


def steps_of(matrix: NDArray[np.float64]) -> Steps:
    column, row, slice_ = (tuple(float(value) for value in matrix[:, axis]) for axis in range(3))
    return column, row, slice_  # type: ignore[return-value]


LATTICES: dict[str, Steps] = {
    "cubes": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "0.5 x 0.5 x 3": ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 3)),
    "oblique": steps_of(turned(35, 20) @ np.diag([0.7, 0.9, 1.5])),
    "sheared by a tilted gantry": ((0.6, 0, 0), (0, 0.56, 0.21), (0, 0, 2.5)),
    "mirrored": ((-0.7, 0, 0), (0, 0.7, 0), (0, 0, 1.5)),
    "a sagittal scan from left to right": ((0, 0.6, 0), (0, 0, -0.6), (-2, 0, 0)),
}


def signed_values() -> NDArray[np.int32]:
    """HU from -1024 to 3071: smooth, with hard edges and single bright and dark voxels."""
    rng = np.random.default_rng(8)
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    values = 900 * np.sin(i / 5.0) * np.cos(j / 4.0 + k / 6.0) + rng.normal(300, 120, SHAPE)
    values[:, :12, 40:] = 3071
    values[4:9, 30:, :15] = -1024
    values[rng.integers(0, SHAPE[0], 60), rng.integers(0, SHAPE[1], 60), rng.integers(0, SHAPE[2], 60)] = 3071
    values[rng.integers(0, SHAPE[0], 60), rng.integers(0, SHAPE[1], 60), rng.integers(0, SHAPE[2], 60)] = -1024
    rounded: NDArray[np.int32] = np.clip(np.round(values), -1024, 3071).astype(np.int32)
    return rounded


VALUES = signed_values()


def grid_of(steps: Steps) -> VolumeGrid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(steps).T
    matrix[:3, 3] = ORIGIN
    return VolumeGrid(SHAPE, matrix)


Upload = Callable[..., VolumeTexture]


@pytest.fixture
def upload(renderer: Renderer) -> Iterator[Upload]:
    """Put values into the device as the loader does: stored from 0 on, the rest in slope and intercept."""
    made: list[VolumeTexture] = []

    def put(values: NDArray[Any] = VALUES, slope: float = 1.0, intercept: float = -1024.0) -> VolumeTexture:
        texture = VolumeTexture(values.shape, slope=slope, intercept=intercept)
        texture.upload_slices(0, np.round((values - intercept) / slope).astype(np.uint16))
        made.append(texture)
        return texture

    yield put
    for texture in made:
        texture.close()


@pytest.fixture(scope="module")
def programs(shared_renderer: Renderer) -> Iterator[dict[bool, SlabRenderer]]:
    """As on llvmpipe (True) and as on hardware."""
    both = {software: SlabRenderer(software=software, debug=True) for software in (True, False)}
    yield both
    for slab_renderer in both.values():
        slab_renderer.close()


def cut_of(view: PlaneView, slab: Slab, places: int = 1) -> Cut:
    """The same cut in the words of the reference: three points of the canvas say where it lies."""
    middle = view.lps_at(view.width_px / 2, view.height_px / 2)
    right = view.lps_at(view.width_px / 2 + 1, view.height_px / 2) - middle
    down = view.lps_at(view.width_px / 2, view.height_px / 2 + 1) - middle
    size = float(np.linalg.norm(right))
    return Cut(
        view.width_px,
        view.height_px,
        size,
        tuple(middle.tolist()),
        tuple((right / size).tolist()),
        tuple((down / size).tolist()),
        slab.mode.value,
        slab.thickness_mm,
        slab.interpolation.value,
        places,
    )


def wanted(view: PlaneView, slab: Slab, steps: Steps, values: NDArray[Any] = VALUES, places: int = 1) -> Shown:
    return cut_volume(values, (*steps, ORIGIN), cut_of(view, slab, places))


def assert_shown(pixels: NDArray[np.uint8], shown: Shown, grey: GreyMap = WINDOW, tolerance: int = 1) -> None:
    expected = grey_linear(shown.values, grey.center, grey.width)
    worst, where = report_worst(pixels, np.where(shown.inside, expected, 0), ~shown.undecided)
    assert worst <= tolerance, where
    assert shown.undecided.mean() < 0.12, "too little is compared"
    assert shown.inside.mean() > 0.2, "too little is seen"


def oblique_view(grid: VolumeGrid, *, zoom: float = 1.9, rotation_deg: float = 0.0, flip: bool = False) -> PlaneView:
    planes = start_planes(grid).turned(AXIAL, 27).turned(CORONAL, -18).turned(SAGITTAL, 9)
    look = PlaneLook(97, 83, zoom=zoom, rotation_deg=rotation_deg, flip_horizontal=flip)
    return resolve_plane(grid, planes.plane(CORONAL), look)


SLABS = [
    Slab(SlabMode.PLANE),
    Slab(SlabMode.MAXIMUM, 7.0),
    Slab(SlabMode.MINIMUM, 7.0),
    Slab(SlabMode.AVERAGE, 7.0),
]


@pytest.mark.parametrize("software", [True, False], ids=["as on llvmpipe", "as on hardware"])
@pytest.mark.parametrize("slab", SLABS, ids=lambda slab: slab.mode.value)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_oblique_planes_and_slabs_match_the_reference(
    programs: dict[bool, SlabRenderer], upload: Upload, steps: Steps, slab: Slab, software: bool
) -> None:
    grid = grid_of(steps)
    view = oblique_view(grid)
    pixels = programs[software].draw(upload(), grid, view, slab, WINDOW)
    assert_shown(pixels, wanted(view, slab, steps))


@pytest.mark.parametrize("kind", PlaneKind)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_straight_planes_match_the_reference(
    programs: dict[bool, SlabRenderer], upload: Upload, steps: Steps, kind: PlaneKind
) -> None:
    grid = grid_of(steps)
    view = resolve_plane(grid, standard_plane(kind, grid).shifted(0.31), PlaneLook(90, 70))
    pixels = programs[True].draw(upload(), grid, view, Slab(), WINDOW)
    assert_shown(pixels, wanted(view, Slab(), steps))


@pytest.mark.parametrize("slab", SLABS, ids=lambda slab: slab.mode.value)
@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_the_nearest_voxel_is_shown_as_it_is(
    programs: dict[bool, SlabRenderer], upload: Upload, steps: Steps, slab: Slab
) -> None:
    grid = grid_of(steps)
    view = oblique_view(grid)
    slab = replace(slab, interpolation=Interpolation.NEAREST)
    # It is never an average, on a coarse canvas neither.
    pixels = programs[True].draw(upload(), grid, view, slab, WINDOW, samples=2)
    assert_shown(pixels, wanted(view, slab, steps))


@pytest.mark.parametrize(("rotation_deg", "flip"), [(0, True), (90, False), (-37.5, False), (123, True)])
@pytest.mark.parametrize("slab", [SLABS[0], SLABS[1]], ids=lambda slab: slab.mode.value)
def test_a_turned_and_flipped_canvas_shows_the_same_places(
    programs: dict[bool, SlabRenderer], upload: Upload, slab: Slab, rotation_deg: float, flip: bool
) -> None:
    steps = LATTICES["oblique"]
    grid = grid_of(steps)
    view = oblique_view(grid, rotation_deg=rotation_deg, flip=flip)
    assert_shown(programs[True].draw(upload(), grid, view, slab, WINDOW), wanted(view, slab, steps))


@pytest.mark.parametrize("zoom", [0.9, 0.55, 0.3])
@pytest.mark.parametrize("slab", SLABS, ids=lambda slab: slab.mode.value)
def test_a_coarse_canvas_averages_places_of_each_pixel(
    programs: dict[bool, SlabRenderer], upload: Upload, slab: Slab, zoom: float
) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    grid = grid_of(steps)
    look = PlaneLook(40, 30, zoom=zoom * 1.3)
    view = resolve_plane(grid, standard_plane(AXIAL, grid).shifted(0.4), look)
    places = places_of_pixel(view, grid)
    assert places == {0.9: 2, 0.55: 3, 0.3: 6}[zoom]
    pixels = programs[True].draw(upload(), grid, view, slab, WINDOW, samples=places)
    shown = wanted(view, slab, steps, places=places)
    worst, where = report_worst(
        pixels, np.where(shown.inside, grey_linear(shown.values, 300, 3000), 0), ~shown.undecided
    )
    assert worst <= 1, where


def test_supersampling_counts_voxels_of_the_plane_and_not_of_the_volume() -> None:
    grid = grid_of(LATTICES["0.5 x 0.5 x 3"])
    assert places_of_pixel(resolve_plane(grid, standard_plane(AXIAL, grid), PlaneLook(9, 9, zoom=2.0)), grid) == 1
    # A coronal canvas pixel of 0.5 mm holds one voxel from left to right and a sixth from head to feet.
    assert places_of_pixel(resolve_plane(grid, standard_plane(CORONAL, grid), PlaneLook(9, 9, zoom=2.0)), grid) == 1
    assert places_of_pixel(resolve_plane(grid, standard_plane(CORONAL, grid), PlaneLook(9, 9, zoom=1.0)), grid) == 2


def straight_view(grid: VolumeGrid) -> PlaneView:
    """One canvas pixel for each voxel of a slice."""
    return resolve_plane(grid, standard_plane(AXIAL, grid), PlaneLook(60, 50, zoom=1.0))


@pytest.mark.parametrize(
    ("mode", "oracle"), [(SlabMode.MAXIMUM, np.max), (SlabMode.MINIMUM, np.min), (SlabMode.AVERAGE, np.mean)]
)
def test_a_slab_through_all_slices_is_numpy_s_own_answer(
    programs: dict[bool, SlabRenderer], upload: Upload, mode: SlabMode, oracle: Callable[..., Any]
) -> None:
    grid = grid_of(LATTICES["cubes"])
    # 25 samples, one at each slice's centre and one beside the volume, since the plane lies on a slice.
    pixels = programs[True].draw(upload(), grid, straight_view(grid), Slab(mode, 25.0), WINDOW)
    worst, where = report_worst(pixels, grey_linear(oracle(VALUES, axis=0), 300, 3000), np.ones(pixels.shape, bool))
    assert worst <= 1, where


def test_a_plane_through_voxels_is_their_slice(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    grid = grid_of(LATTICES["cubes"])
    pixels = programs[True].draw(upload(), grid, straight_view(grid), Slab(), WINDOW)
    worst, where = report_worst(pixels, grey_linear(VALUES[12], 300, 3000), np.ones(pixels.shape, bool))
    assert worst <= 1, where


def test_a_slope_of_fractions_keeps_one_grey_level(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    steps = LATTICES["oblique"]
    grid, view = grid_of(steps), oblique_view(grid_of(steps))
    values = VALUES / 4096.0
    grey = GreyMap(VoiFunction.LINEAR_EXACT, 0.07, 0.8)
    pixels = programs[True].draw(upload(values, 1 / 16384, -0.25), grid, view, Slab(), grey)
    shown = wanted(view, Slab(), steps, values)
    expected = np.where(shown.inside, grey_linear_exact(shown.values, 0.07, 0.8), 0)
    worst, where = report_worst(pixels, expected, ~shown.undecided)
    assert worst <= 1, where


def test_the_whole_range_of_16_bits_is_scaled_rightly(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    grid = grid_of(LATTICES["cubes"])
    stored = np.linspace(0, 65535, VALUES.size).round().reshape(SHAPE)
    # So narrow a window tells a scale of 65536 from one of 65535.
    for center in (32768.0, 65000.0):
        grey = GreyMap(VoiFunction.LINEAR_EXACT, center, 64.0)
        texture = upload(stored, 1.0, 0.0)
        pixels = programs[True].draw(texture, grid, resolve_plane(grid, standard_plane(AXIAL, grid).shifted(
            round(center / 65535 * 24 - 0.5) - 12.0), PlaneLook(60, 50, zoom=1.0)), Slab(), grey)  # fmt: skip
        slice_ = stored[round(center / 65535 * 24 - 0.5)]
        worst, where = report_worst(pixels, grey_linear_exact(slice_, center, 64.0), np.ones(pixels.shape, bool))
        assert worst <= 1, where


def test_a_narrow_window_keeps_its_tolerance(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    steps = LATTICES["oblique"]
    grid, view = grid_of(steps), oblique_view(grid_of(steps))
    grey = GreyMap(VoiFunction.LINEAR, 40, 100)
    for software in (True, False):
        # Neighbours of 4000 HU and float32 positions: two of 256 levels of 100 HU.
        assert_shown(programs[software].draw(upload(), grid, view, Slab(), grey), wanted(view, Slab(), steps), grey, 2)


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (VoiFunction.LINEAR, grey_linear),
        (VoiFunction.LINEAR_EXACT, grey_linear_exact),
        (VoiFunction.SIGMOID, grey_sigmoid),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_voi_function_of_2d_is_that_of_planes(
    programs: dict[bool, SlabRenderer], upload: Upload, function: VoiFunction, reference: Callable[..., Any]
) -> None:
    steps = LATTICES["mirrored"]
    grid, view = grid_of(steps), oblique_view(grid_of(steps))
    shown = wanted(view, Slab(), steps)
    for inverted in (False, True):
        grey = GreyMap(function, 200, 1500, inverted=inverted)
        pixels = programs[True].draw(upload(), grid, view, Slab(), grey)
        expected = reference(shown.values, 200, 1500)
        expected = np.where(shown.inside, 255 - expected if inverted else expected, 0)  # outside black all the same
        worst, where = report_worst(pixels, expected, ~shown.undecided)
        assert worst <= 1, where


def test_a_voi_lut_is_looked_up(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    grid = grid_of(LATTICES["cubes"])
    data = np.round((np.linspace(0, 1, 3000) ** 2) * 4095).astype(int)
    grey = grey_map(VoiChoice(lut=LookupTable(-500, 12, tuple(data.tolist()))), inverted=False)
    pixels = programs[True].draw(upload(), grid, straight_view(grid), Slab(), grey)
    expected = data[np.clip(VALUES[12] + 500, 0, 2999)] / 4095 * 255
    worst, where = report_worst(pixels, expected, np.ones(pixels.shape, bool))
    assert worst <= 1, where


@pytest.mark.parametrize("slab", SLABS, ids=lambda slab: slab.mode.value)
def test_outside_of_the_volume_is_black(programs: dict[bool, SlabRenderer], upload: Upload, slab: Slab) -> None:
    grid = grid_of(LATTICES["cubes"])
    beside = resolve_plane(grid, standard_plane(AXIAL, grid).shifted(40), PlaneLook(20, 20))
    inverted = GreyMap(VoiFunction.LINEAR, 300, 3000, inverted=True)
    assert programs[True].draw(upload(), grid, beside, slab, inverted).max() == 0
    # Half a voxel around the outer ones still belongs to the volume.
    edge = resolve_plane(grid, standard_plane(AXIAL, grid).shifted(11.4), PlaneLook(20, 20))
    assert programs[True].draw(upload(np.full(SHAPE, 3000)), grid, edge, Slab(), WINDOW).max() == 255


def test_a_slab_that_leaves_the_volume_shows_what_is_in_it(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    grid = grid_of(steps)
    view = resolve_plane(grid, standard_plane(CORONAL, grid).shifted(9.3), PlaneLook(70, 90))
    for mode in (SlabMode.MAXIMUM, SlabMode.MINIMUM, SlabMode.AVERAGE):
        slab = Slab(mode, 12.0)
        assert_shown(programs[True].draw(upload(), grid, view, slab, WINDOW), wanted(view, slab, steps))


@pytest.mark.parametrize("steps", LATTICES.values(), ids=LATTICES.keys())
def test_a_landmark_is_at_its_place_in_every_plane(
    programs: dict[bool, SlabRenderer], upload: Upload, steps: Steps
) -> None:
    grid = grid_of(steps)
    values = np.zeros(SHAPE)
    values[9, 31, 22] = 3000
    landmark = ORIGIN + np.array(steps).T @ np.array([22.0, 31.0, 9.0])
    planes = start_planes(grid).turned(AXIAL, 20).turned(SAGITTAL, -15).moved(landmark, grid)
    texture = upload(values)
    for kind in PlaneKind:
        view = resolve_plane(grid, planes.plane(kind), PlaneLook(300, 300, zoom=9.0, rotation_deg=11))
        pixels = programs[True].draw(texture, grid, view, Slab(), GreyMap(VoiFunction.LINEAR_EXACT, 1500, 3000))
        weight = np.where(pixels > 60, pixels.astype(float), 0)
        y, x = np.mgrid[:300, :300] + 0.5
        seen = (float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum()))
        assert seen == pytest.approx(view.canvas_at(landmark)[:2], abs=0.6)


def test_the_picture_shows_the_point_values(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    grid = grid_of(LATTICES["sheared by a tilted gantry"])
    view = oblique_view(grid)
    pixels = programs[True].draw(upload(), grid, view, Slab(), WINDOW)
    for x, y in [(10, 40), (48, 41), (60, 20), (80, 70), (30, 60)]:
        found = point_value(VALUES + 1024, grid, view.lps_at(x + 0.5, y + 0.5), intercept=-1024.0)
        expected = 0.0 if found is None else float(grey_linear(np.array(found.value), 300, 3000))
        assert pixels[y, x] == pytest.approx(expected, abs=1.01)


def test_a_grid_of_another_volume_is_refused(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    grid = VolumeGrid((3, 4, 5), np.eye(4))
    with pytest.raises(RenderError, match="does not lie on a grid of"):
        programs[True].draw(upload(), grid, straight_view(grid), Slab(), WINDOW)


def test_a_canvas_out_of_range_is_refused(programs: dict[bool, SlabRenderer], upload: Upload) -> None:
    grid = grid_of(LATTICES["cubes"])
    view = resolve_plane(grid, standard_plane(AXIAL, grid), PlaneLook(9000, 10))
    with pytest.raises(RenderError, match="9000 × 10 is out of range 1 to 8192"):
        programs[True].draw(upload(), grid, view, Slab(), WINDOW)


def test_a_plane_leaves_2d_images_as_they_were(
    renderer: Renderer, programs: dict[bool, SlabRenderer], upload: Upload
) -> None:
    from renderpool.scene.view import ImageExtent, Placement, resolve

    values = np.linspace(-500, 500, 900, dtype=np.float32).reshape(30, 30)
    view, grey = resolve(ImageExtent(30, 30), Placement(64, 64)), GreyMap(VoiFunction.LINEAR, 0, 800)
    before = renderer.draw_grey("beside a plane", lambda: values, view, grey)
    grid = grid_of(LATTICES["cubes"])
    programs[True].draw(upload(), grid, straight_view(grid), Slab(), WINDOW)
    assert np.array_equal(renderer.draw_grey("beside a plane", lambda: values, view, grey), before)
