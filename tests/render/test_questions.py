"""What measurements say, against values counted pixel by pixel and geometry said in plain arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from renderpool.session.cache import ImageCache
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.questions import Measurement, measure_on_image, measure_on_plane
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from tests.render.test_volume_of_real_series import FileSource
from tests.render.volume_sources import COLUMNS, OWNER, ROWS, SpaceSource, even, random_pixels
from tests.support import shared_data
from tests.support.reference_volume_geometry import image, lps_of_pixel, tilted
from tests.support.stored_image import read_image
from webviewer.core.errors import InvalidInput, LimitExceeded, Unavailable
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.decode import DecodedFrame, decode_frame
from webviewer.protocol.base import ImageReference
from webviewer.protocol.messages import SERVER_ADAPTER
from webviewer.protocol.questions import Measure, OnImage, OnPlane

WAIT_S = 20.0
Pairs = tuple[tuple[float, float], ...]
HU = FrameAttributes(rescale_slope=2.0, rescale_intercept=-1000.0, rescale_type="HU", pixel_spacing=(0.4, 0.25))


def loaded(values: NDArray[Any], attributes: ImageAttributes | None = None, *, is_colour: bool = False) -> LoadedImage:
    known = attributes or image(
        rows=values.shape[0], columns=values.shape[1], frames=(HU,), spacing_source="PixelSpacing"
    )
    return LoadedImage(("file", 1, 1), DecodedFrame(values, is_colour), known)


def on_image(shape: Any, *points: tuple[float, float], calibration: float | None = None) -> Measure:
    on = OnImage(image=ImageReference(instance_id=1, frame_number=1), calibration_mm_per_px=calibration)
    return Measure(on=on, shape=shape, points=points)


def noise(rows: int = 40, columns: int = 50) -> NDArray[np.int16]:
    return np.random.default_rng(3).integers(-900, 1200, (rows, columns)).astype(np.int16)


def is_inside(shape: str, points: Pairs, x: float, y: float) -> bool:
    """Say for one point whether a shape holds it; of polygons by the side of every edge of a convex one."""
    (x0, y0), (x1, y1) = points[:2]
    if shape == "rectangle":
        return min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
    if shape == "ellipse":
        return ((x - (x0 + x1) / 2) / ((x1 - x0) / 2)) ** 2 + ((y - (y0 + y1) / 2) / ((y1 - y0) / 2)) ** 2 <= 1
    sides = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0
        for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True)
    ]
    return all(sides) or not any(sides)


def assert_statistics(found: Measurement, values: list[float], rel: float = 1e-12) -> None:
    assert found.statistics is not None
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    assert found.statistics.count == len(values)
    assert found.statistics.mean == pytest.approx(mean, rel=rel, abs=1e-9)
    assert found.statistics.standard_deviation == pytest.approx(deviation, rel=max(rel, 1e-9), abs=1e-9)
    assert (found.statistics.minimum, found.statistics.maximum) == pytest.approx((min(values), max(values)), rel=rel)


# -- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        ("rectangle", ((3.2, 4.7), (20.1, 13.3))),
        ("rectangle", ((20.1, 13.3), (3.2, 4.7))),
        ("ellipse", ((3.2, 4.7), (30.9, 33.3))),
        ("polygon", ((10.1, 2.2), (33.3, 11.7), (30.2, 25.9), (7.7, 30.3))),
        ("ellipse", ((-12.3, -7.1), (22.4, 19.2))),  # partly beside the image
        ("rectangle", ((-1e6, -1e6), (1e6, 1e6))),
        ("polygon", ((-30.0, -30.0), (90.0, -20.0), (25.0, 90.0))),
    ],
)
def test_statistics_are_of_the_pixels_whose_centres_lie_inside(shape: str, points: Pairs) -> None:
    stored = noise()
    found = measure_on_image(loaded(stored), on_image(shape, *points))
    inside = [
        2.0 * int(stored[row, column]) - 1000.0
        for row in range(40)
        for column in range(50)
        if is_inside(shape, points, column + 0.5, row + 0.5)
    ]
    assert_statistics(found, inside)
    assert (found.unit, found.length_unit, found.spacing_source, found.interpolated) == ("HU", "mm", "patient", False)


def test_lengths_areas_and_angles_hold_on_pixels_that_are_not_square() -> None:
    picture = loaded(noise())
    line = measure_on_image(picture, on_image("line", (0, 0), (12, 10), (12, 0)))
    assert line.length == pytest.approx(math.hypot(3.0, 4.0) + 4.0)
    assert (line.area, line.angle_deg, line.values, line.statistics) == (None, None, None, None)
    corner = measure_on_image(picture, on_image("angle", (0, 0), (16, 0), (0, 10)))
    assert corner.angle_deg == pytest.approx(45.0)  # 4 mm across, 4 mm down
    cobb = measure_on_image(picture, on_image("cobb", (0, 0), (16, 0), (16, 20), (0, 30)))
    assert cobb.angle_deg == pytest.approx(45.0)
    box = measure_on_image(picture, on_image("rectangle", (2, 2), (10, 7)))
    assert [box.area, box.length] == pytest.approx([2.0 * 2.0, 8.0])
    triangle = measure_on_image(picture, on_image("polygon", (0, 0), (12, 0), (0, 10)))
    assert [triangle.area, triangle.length] == pytest.approx([6.0, 12.0])


def test_without_spacing_lengths_are_pixels() -> None:
    picture = loaded(noise(), image(rows=40, columns=50, pixel_aspect_ratio=(2, 1)))
    found = measure_on_image(picture, on_image("line", (0, 0), (6, 4)))
    assert found.length == pytest.approx(10.0)
    assert (found.length_unit, found.spacing_source) == ("px", "none")
    own = measure_on_image(picture, on_image("line", (0, 0), (6, 4), calibration=0.5))
    assert own.length == pytest.approx(5.0)
    assert (own.length_unit, own.spacing_source) == ("mm", "calibrated")


def test_a_point_has_the_value_of_its_pixel() -> None:
    stored = noise()
    for point, place in (((0.0, 0.0), (0, 0)), ((3.99, 7.0), (7, 3)), ((49.99, 39.99), (39, 49))):
        found = measure_on_image(loaded(stored), on_image("point", point))
        assert found.values == (2.0 * int(stored[place]) - 1000.0,)
        assert (found.unit, found.interpolated) == ("HU", False)
    for outside in ((-0.01, 3.0), (50.0, 3.0), (3.0, 40.0)):
        assert measure_on_image(loaded(stored), on_image("point", outside)).values is None


@pytest.mark.parametrize(
    ("shape", "points", "place"),
    [
        ("rectangle", ((3.6, 4.6), (3.9, 4.9)), (4, 3)),
        ("ellipse", ((3.7, 4.1), (3.7, 4.1)), (4, 3)),  # just begun
        ("ellipse", ((8.0, 2.0), (8.2, 2.9)), (2, 8)),
        ("polygon", ((9.6, 9.6), (9.9, 9.6), (9.9, 9.9)), (9, 9)),
    ],
)
def test_a_region_thinner_than_a_pixel_has_the_nearest_one(shape: str, points: Pairs, place: tuple[int, int]) -> None:
    stored = noise()
    found = measure_on_image(loaded(stored), on_image(shape, *points))
    assert_statistics(found, [2.0 * int(stored[place]) - 1000.0])


def test_regions_beside_the_image_have_an_area_and_no_values() -> None:
    for box in (((60.0, 5.0), (70.0, 15.0)), ((-9.0, -9.0), (-8.9, -8.9)), ((2.0, 41.0), (3.0, 1e9))):
        found = measure_on_image(loaded(noise()), on_image("rectangle", *box))
        assert found.statistics is None
        assert found.area is not None
        assert found.area > 0


def test_padding_counts_nothing_but_is_told_at_a_point() -> None:
    stored = np.array([[-2000, -1999, 10, 20], [30, -2000, 40, -1998]], np.int16)
    padded = image(rows=2, columns=4, frames=(HU,), pixel_padding_value=-2000, pixel_padding_range_limit=-1999)
    found = measure_on_image(loaded(stored, padded), on_image("rectangle", (0, 0), (4, 2)))
    assert_statistics(found, [2.0 * value - 1000.0 for value in (10, 20, 30, 40, -1998)])
    assert measure_on_image(loaded(stored, padded), on_image("point", (0.5, 0.5))).values == (-5000.0,)
    assert measure_on_image(loaded(stored, padded), on_image("rectangle", (0, 0), (2, 1))).statistics is None


def test_what_is_no_number_counts_nothing() -> None:
    stored = np.array([[1.5, np.nan, np.inf], [-np.inf, -2.5, 1e300]], np.float64)
    floats = image(rows=2, columns=3, pixel_element="DoubleFloatPixelData", modality="MR")
    found = measure_on_image(loaded(stored, floats), on_image("rectangle", (0, 0), (2, 2)))
    assert_statistics(found, [1.5, -2.5])
    assert measure_on_image(loaded(stored, floats), on_image("point", (1.5, 0.5))).values is None
    nothing = measure_on_image(loaded(stored, floats), on_image("rectangle", (1.1, 0.1), (2.9, 0.9)))
    assert nothing.statistics is None


def test_32_bit_pixels_keep_all_their_digits() -> None:
    stored = np.array([[2**31 - 1, 2**31 - 2]], np.int32)
    found = measure_on_image(loaded(stored, image(rows=1, columns=2, bits_allocated=32)), on_image("point", (1.5, 0.5)))
    assert found.values == (float(2**31 - 2),)


def test_colour_images_have_colours_at_points_and_no_statistics() -> None:
    colours = np.random.default_rng(5).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    picture = loaded(
        colours, image(photometric_interpretation="RGB", samples_per_pixel=3, modality="US"), is_colour=True
    )
    found = measure_on_image(picture, on_image("point", (7.2, 3.8)))
    assert found.values == tuple(float(value) for value in colours[3, 7])
    assert found.unit == ""
    box = measure_on_image(picture, on_image("ellipse", (1, 1), (5, 5)))
    assert box.statistics is None
    assert box.area == pytest.approx(4 * math.pi)


@pytest.mark.parametrize(("shape", "count"), [("point", 2), ("line", 1), ("angle", 2), ("cobb", 3), ("ellipse", 3)])
def test_shapes_with_other_numbers_of_points_are_refused_in_words(shape: str, count: int) -> None:
    with pytest.raises(InvalidInput, match=rf"'{shape}' with {count} points"):
        measure_on_image(loaded(noise()), on_image(shape, *[(1.0, float(n)) for n in range(count)]))


def test_answers_are_messages_of_the_contract() -> None:
    for shape, count in (("point", 1), ("line", 2), ("angle", 3), ("cobb", 4), ("ellipse", 2), ("polygon", 4)):
        points = ((2.0, 2.0), (9.0, 3.0), (9.0, 12.0), (3.0, 11.0))[:count]
        message = measure_on_image(loaded(noise()), on_image(shape, *points)).message(3, 9)
        assert SERVER_ADAPTER.validate_json(message.model_dump_json()) == message
        assert (message.cell, message.question) == (3, 9)


# -- planes ----------------------------------------------------------------------------------------------------------

# The source's own numbers: rows 0.5 mm, columns 0.75 mm apart, value = stored * 2 - 1000.
SLICES, STEP_MM = 9, 1.5
Triple = tuple[float, float, float]
START: Triple = (-20.0, -30.0, 0.0)
ZERO: Triple = (0.0, 0.0, 0.0)


@pytest.fixture
def load() -> Iterator[Callable[..., LoadedVolume]]:
    stores: list[tuple[VolumeStore, ImageCache, SpaceSource]] = []

    def make(source: SpaceSource, *, waits: bool = True) -> LoadedVolume:
        images = ImageCache(1 << 24, 2)
        store = VolumeStore(VolumeCache(1 << 26), images, source, "storage")
        stores.append((store, images, source))
        volume = store.open(OWNER, source.series(OWNER, 1), 0, lambda _settled, _total: None).volume
        if waits:
            volume.wait(WAIT_S)
        return volume

    yield make
    for store, images, source in stores:
        source.gate.set()
        store.close()
        images.close()


def stack_source(**changes: Any) -> SpaceSource:
    pixels = np.random.default_rng(8).integers(0, 3000, (SLICES, ROWS, COLUMNS)).astype(np.int16)
    return SpaceSource(pixels, even(SLICES, STEP_MM), **changes)


def hu_of(source: SpaceSource) -> NDArray[np.float64]:
    return source.pixels.astype(np.float64) * 2.0 - 1000.0


def on_plane(
    shape: Any,
    *points: tuple[float, float],
    origin: Triple = ZERO,
    right: Triple = (1.0, 0.0, 0.0),
    down: Triple = (0.0, 1.0, 0.0),
    start: Triple = START,
    **slab: Any,
) -> Measure:
    """Ask on a plane whose origin is told from the centre of the first voxel on."""
    x, y, z = (one + other for one, other in zip(start, origin, strict=True))
    on = OnPlane(origin_lps_mm=(x, y, z), right_lps=right, down_lps=down, **slab)
    return Measure(on=on, shape=shape, points=points)


def test_an_axial_region_holds_the_voxels_of_its_slice(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    origin = (0.75 * 4, 0.5 * 3, STEP_MM * 5)  # the centre of voxel (4, 3, 5)
    points = ((-0.3, -0.4), (8.2, 6.1))
    found = measure_on_plane(load(source), on_plane("ellipse", *points, origin=origin))
    inside = [
        hu_of(source)[5, row, column]
        for row in range(ROWS)
        for column in range(COLUMNS)
        if is_inside("ellipse", points, 0.75 * (column - 4), 0.5 * (row - 3))
    ]
    assert_statistics(found, inside)
    assert found.area == pytest.approx(math.pi * 8.5 * 6.5 / 4)
    assert (found.length_unit, found.spacing_source, found.unit, found.interpolated) == ("mm", "patient", "HU", False)


def test_a_sagittal_region_holds_the_voxels_of_its_column(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    box = ((1.1, -7.0), (9.1, 0.2))  # to the back, and down to the feet from the origin
    found = measure_on_plane(
        load(source), on_plane("rectangle", *box, origin=(0.75 * 6, 0.0, 6.0), right=(0, 1, 0), down=(0, 0, -1))
    )
    inside = [
        hu_of(source)[number, row, 6]
        for number in range(SLICES)
        for row in range(ROWS)
        if 1.1 <= 0.5 * row <= 9.1 and -7.0 <= 6.0 - STEP_MM * number <= 0.2
    ]
    assert_statistics(found, inside)
    assert not found.interpolated


def test_a_tilted_stack_holds_the_voxels_of_its_own_slices(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source(orientation=tilted(18.0))
    volume = load(source)
    grid = volume.grid.lps_from_index
    right, down = (grid[:3, axis] / np.linalg.norm(grid[:3, axis]) for axis in (0, 1))
    origin = (grid @ np.array([5.0, 7.0, 3.0, 1.0]))[:3]
    found = measure_on_plane(
        volume,
        on_plane(
            "rectangle",
            (-0.1, -0.1),
            (0.75 * 6 + 0.1, 0.5 * 4 + 0.1),
            origin=tuple(origin.tolist()),
            right=tuple(right.tolist()),
            down=tuple(down.tolist()),
            start=ZERO,
        ),
    )
    assert_statistics(found, hu_of(source)[3, 7:12, 5:12].ravel().tolist())
    assert not found.interpolated


def trilinear(source: SpaceSource, p_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of points (n, 3) of an untilted stack by another library."""
    index = p_lps_mm[:, ::-1] / np.array([STEP_MM, 0.5, 0.75])
    found: NDArray[np.float64] = map_coordinates(hu_of(source), index.T, order=1, mode="nearest")
    return found


def test_values_between_voxels_are_interpolated_and_say_so(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    volume = load(source)
    for place in ((3.1, 2.2, 4.4), (7.77, 9.1, 0.3), (0.0, 0.0, 11.9)):
        found = measure_on_plane(volume, on_plane("point", (0.0, 0.0), origin=place))
        assert found.values is not None
        assert found.values[0] == pytest.approx(trilinear(source, np.array([place]))[0], abs=1e-6)
        assert (found.interpolated, found.unit) == (True, "HU")
    at = measure_on_plane(volume, on_plane("point", (1.5, 2.0), origin=(0.0, 0.0, 3.0)))
    assert (at.values, at.interpolated) == ((hu_of(source)[2, 4, 2],), False)
    nearest = measure_on_plane(volume, on_plane("point", (1.7, 2.1), origin=(0.0, 0.0, 3.5), interpolation="nearest"))
    assert (nearest.values, nearest.interpolated) == ((hu_of(source)[2, 4, 2],), False)
    assert measure_on_plane(volume, on_plane("point", (-5.0, 0.0))).values is None


def test_an_oblique_region_holds_a_lattice_of_interpolated_values(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    turn = math.radians(30)
    right, down = (math.cos(turn), 0.0, math.sin(turn)), (0.0, 1.0, 0.0)
    origin = (0.75 * 2, 0.5 * 4, STEP_MM * 1)
    points = ((0.4, 0.3), (12.2, 6.4))
    found = measure_on_plane(load(source), on_plane("ellipse", *points, origin=origin, right=right, down=down))
    # A voxel across this direction: the way in which the index changes by 1 in all.
    step = 1 / math.hypot(right[0] / 0.75, right[2] / STEP_MM)
    middle = np.array(origin) + 6.3 * np.array(right) + 3.35 * np.array(down)
    voxel = np.round(middle / [0.75, 0.5, STEP_MM]) * [0.75, 0.5, STEP_MM] - origin
    start_x, start_y = float(voxel @ right), float(voxel @ down)
    lattice = [
        (start_x + step * i, start_y + 0.5 * j)
        for i in range(-40, 41)
        for j in range(-40, 41)
        if is_inside("ellipse", points, start_x + step * i, start_y + 0.5 * j)
    ]
    places = np.array([np.array(origin) + x * np.array(right) + y * np.array(down) for x, y in lattice])
    assert_statistics(found, trilinear(source, places).tolist(), rel=1e-9)
    assert found.interpolated


@pytest.mark.parametrize(("mode", "rule"), [("mip", np.max), ("minip", np.min), ("aip", np.mean)])
def test_a_slab_shows_what_lies_through_it(mode: str, rule: Any, load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    volume = load(source)
    # 3 mm in parts of the smallest voxel step, 0.5 mm: six, each sampled in its middle.
    offsets = (np.arange(6) + 0.5) * 0.5 - 1.5
    slab: dict[str, Any] = {"slab": mode, "thickness_mm": 3.0}
    through = np.array([[1.5, 2.0, 6.0 + offset] for offset in offsets])
    found = measure_on_plane(volume, on_plane("point", (1.5, 2.0), origin=(0.0, 0.0, 6.0), **slab))
    assert found.values is not None
    assert found.values[0] == pytest.approx(rule(trilinear(source, through)), abs=1e-6)
    assert found.interpolated
    region = measure_on_plane(volume, on_plane("rectangle", (0.7, 0.4), (2.3, 1.1), origin=(0.0, 0.0, 6.0), **slab))
    values = [
        float(rule(trilinear(source, np.array([[0.75 * i, 0.5 * j, 6.0 + offset] for offset in offsets]))))
        for i in (1, 2, 3)
        for j in (1, 2)
    ]
    assert_statistics(region, values, rel=1e-9)
    assert region.interpolated


def test_lengths_and_angles_on_planes_are_mm(load: Callable[..., LoadedVolume]) -> None:
    volume = load(stack_source())
    assert measure_on_plane(volume, on_plane("line", (0, 0), (30, 40), (30, 50))).length == pytest.approx(60.0)
    assert measure_on_plane(volume, on_plane("angle", (0, 0), (5, 0), (5, 9))).angle_deg == pytest.approx(90.0)
    assert measure_on_plane(volume, on_plane("cobb", (0, 0), (9, 0), (0, 0), (-3, 3))).angle_deg == pytest.approx(45.0)


def test_regions_end_with_the_volume(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    volume = load(source)
    whole = measure_on_plane(volume, on_plane("rectangle", (-1e9, -1e9), (1e9, 1e9), origin=(0.0, 0.0, 3.0)))
    assert_statistics(whole, hu_of(source)[2].ravel().tolist())
    beside = measure_on_plane(volume, on_plane("ellipse", (100, 100), (120, 120), origin=(0.0, 0.0, 3.0)))
    assert beside.statistics is None
    above = measure_on_plane(volume, on_plane("ellipse", (2, 2), (6, 6), origin=(0.0, 0.0, 50.0)))
    assert (above.statistics, above.interpolated) == (None, False)


def test_a_region_thinner_than_a_voxel_has_the_nearest_one(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    found = measure_on_plane(load(source), on_plane("rectangle", (1.6, 2.1), (1.7, 2.2), origin=(0.0, 0.0, 3.1)))
    assert_statistics(found, [hu_of(source)[2, 4, 2]])


def test_values_of_slices_that_were_not_taken_are_interpolated(load: Callable[..., LoadedVolume]) -> None:
    positions = [0.0, 1.5, 3.0, 6.0, 7.5, 9.0]  # 4.5 is missing
    source = SpaceSource(random_pixels(6, np.uint16) // 16, positions)
    volume = load(source)
    gap = measure_on_plane(volume, on_plane("point", (0.75, 0.5), origin=(0.0, 0.0, 4.5)))
    between = (float(source.pixels[2, 1, 1]) + float(source.pixels[3, 1, 1])) / 2
    assert gap.values is not None
    assert gap.values[0] == pytest.approx(2 * between - 1000.0, abs=1.01)  # voxels are whole numbers
    assert gap.interpolated
    taken = measure_on_plane(volume, on_plane("point", (0.75, 0.5), origin=(0.0, 0.0, 3.0)))
    assert (taken.values, taken.interpolated) == ((2.0 * int(source.pixels[2, 1, 1]) - 1000.0,), False)


def test_values_wait_for_their_slices_and_lengths_do_not(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source()
    source.gate.clear()
    volume = load(source, waits=False)
    assert measure_on_plane(volume, on_plane("line", (0, 0), (3, 4))).length == 5.0
    for shape, points in (("point", ((1.0, 1.0),)), ("ellipse", ((0.0, 0.0), (9.0, 9.0)))):
        with pytest.raises(Unavailable) as refused:
            measure_on_plane(volume, on_plane(shape, *points))
        assert refused.value.code == "volume_loading"
    source.gate.set()
    volume.wait(WAIT_S)
    assert measure_on_plane(volume, on_plane("point", (0.0, 0.0))).values == (hu_of(source)[0, 0, 0],)


def test_a_volume_that_failed_says_why(load: Callable[..., LoadedVolume]) -> None:
    source = stack_source(dies=1000)
    volume = load(source, waits=False)
    with pytest.raises(Unavailable, match="broke off"):
        volume.wait(WAIT_S)
    with pytest.raises(Unavailable, match="broke off"):
        measure_on_plane(volume, on_plane("point", (0.0, 0.0)))


def test_planes_that_are_none_are_refused(load: Callable[..., LoadedVolume]) -> None:
    volume = load(stack_source())
    for right, down in (((2, 0, 0), (0, 1, 0)), ((1, 0, 0), (0.7, 0.7, 0)), ((0, 0, 0), (0, 1, 0))):
        with pytest.raises(InvalidInput, match="perpendicular"):
            measure_on_plane(volume, on_plane("line", (0, 0), (1, 1), right=right, down=down))
    with pytest.raises(InvalidInput, match="on an image"):
        measure_on_plane(volume, on_image("point", (0, 0)))
    with pytest.raises(InvalidInput, match="on a plane"):
        measure_on_image(loaded(noise()), on_plane("point", (0, 0)))


def test_a_region_beyond_measure_is_refused_with_the_numbers(
    load: Callable[..., LoadedVolume], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderpool.session.questions._MAX_SAMPLES", 100)
    with pytest.raises(LimitExceeded, match=r"768 points through 1 layers") as refused:
        measure_on_plane(load(stack_source()), on_plane("rectangle", (-99, -99), (99, 99)))
    assert refused.value.code == "region_too_large"


# -- real files ------------------------------------------------------------------------------------------------------


def _real(name: str) -> LoadedImage:
    with shared_data.path_of(name).open("rb") as file:
        stored = read_image(file)
        assert stored is not None
        return loaded_frame(decode_frame(stored.frame_bytes(file, 1), stored.attributes), stored.attributes)


def loaded_frame(frame: DecodedFrame, attributes: ImageAttributes) -> LoadedImage:
    return LoadedImage(("file", 1, 1), frame, attributes)


@shared_data.required
@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("transfer_syntaxes/CT_small.dcm", "HU"),
        ("nm_pet/pet_wholebody_30/000171.dcm", "Bq/ml"),
        ("bit_depths/test16signed.dcm", ""),
        ("bit_depths/parametric_map_float.dcm", ""),
        ("bit_depths/parametric_map_double_float.dcm", ""),
    ],
)
def test_real_values_are_those_that_pydicom_reads(name: str, unit: str) -> None:
    ds = pydicom.dcmread(shared_data.path_of(name))
    pixels = np.asarray(ds.pixel_array).reshape(-1, ds.Rows, ds.Columns)[0].astype(np.float64)
    truth = pixels * float(ds.get("RescaleSlope", 1) or 1) + float(ds.get("RescaleIntercept", 0) or 0)
    picture = _real(name)
    rows, columns = truth.shape
    box = ((columns * 0.21, rows * 0.32), (columns * 0.73, rows * 0.69))
    found = measure_on_image(picture, on_image("ellipse", *box))
    inside = [
        float(truth[row, column])
        for row in range(rows)
        for column in range(columns)
        if is_inside("ellipse", box, column + 0.5, row + 0.5)
    ]
    if "PixelPaddingValue" in ds:  # of CT_small outside of the circle; the ellipse does not reach there
        assert min(inside) > float(ds.PixelPaddingValue) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    assert_statistics(found, [value for value in inside if math.isfinite(value)], rel=1e-9)
    assert found.unit == unit
    at = measure_on_image(picture, on_image("point", (columns // 2 + 0.5, rows // 2 + 0.5))).values
    middle = float(truth[rows // 2, columns // 2])
    if math.isfinite(middle):
        assert at is not None
        assert at[0] == pytest.approx(middle, rel=1e-12)
    else:
        assert at is None


@shared_data.required
@pytest.mark.parametrize(
    "folder",
    [
        "mr_series/siemens_prisma_t1_sag",
        "gantry_tilt_oblique/ge_hispeed_gantry_tilt_18deg",
        "gantry_tilt_oblique/ge_sagittal_4",
    ],
)
def test_a_pixel_of_a_real_series_has_its_value_at_its_place_in_the_patient(folder: str) -> None:
    source = FileSource(shared_data.all_files_under(folder))
    images = ImageCache(0, 2)
    store = VolumeStore(VolumeCache(1 << 28), images, source, "storage")
    try:
        volume = store.open(OWNER, source.series(OWNER, 1), 0, lambda _settled, _total: None).volume
        volume.wait(WAIT_S)
        random = np.random.default_rng(4)
        for instance_id, frame_number in volume.frame_keys[::3]:
            attributes = source.images[instance_id].attributes
            ds = pydicom.dcmread(source.paths[instance_id])
            column, row = int(random.integers(attributes.columns)), int(random.integers(attributes.rows))
            place = lps_of_pixel(attributes.frame(frame_number), column, row)
            found = measure_on_plane(volume, on_plane("point", (0.0, 0.0), origin=place, start=ZERO))
            truth = float(ds.pixel_array[row, column]) * float(ds.get("RescaleSlope", 1)) + float(
                ds.get("RescaleIntercept", 0)
            )
            is_padding = int(ds.pixel_array[row, column]) == ds.get("PixelPaddingValue")
            assert found.values == (None if is_padding else (truth,))
            assert not found.interpolated
    finally:
        store.close()
        images.close()


@shared_data.required
def test_a_real_colour_image_says_its_colours() -> None:
    truth = pydicom.dcmread(shared_data.path_of("color/SC_rgb.dcm")).pixel_array
    picture = _real("color/SC_rgb.dcm")
    for column, row in ((3, 5), (50, 50), (99, 99)):
        found = measure_on_image(picture, on_image("point", (column + 0.5, row + 0.5)))
        assert found.values == tuple(float(value) for value in truth[row, column])
