"""Volumes of padded images, from the storage node to pictures, statistics, cuts and surfaces: padding is no number."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.questions import Measurement, measure_on_plane
from renderpool.session.surface import surface_stl
from renderpool.session.volume_edits import VolumeEdits
from renderpool.session.volume_facts import value_facts, volume_facts
from renderpool.session.volume_painter import VolumePainter
from tests.render.painter_volumes import ORIGIN, LatticeSource, Steps, Ward, painter, ward
from tests.render.reference_view import grey_linear_exact
from tests.render.reference_volume import Cut, cut_volume
from tests.render.test_plane_painting import assert_shown, wanted, wish_of
from tests.render.test_slab_drawing import LATTICES, VALUES
from tests.render.volume_sources import SpaceSource, even
from webviewer.core.errors import DataError
from webviewer.dicom.attributes import LookupTable
from webviewer.protocol.questions import Measure, OnPlane
from webviewer.protocol.volumes import CutObject
from webviewer.protocol.windows import WindowValues

__all__ = ["painter", "ward"]

STEPS: Steps = ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 2))
SHAPE = (9, 20, 24)
WINDOW = WindowValues(center=480, width=960, function="LINEAR_EXACT")


def mr(seed: int = 5) -> NDArray[np.int16]:
    """An MR of 1 to 968: zeros around the patient, in the middle of anatomy, and at the ends of the volume."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 969, SHAPE).astype(np.int16)
    values[:, :3], values[:, :, -2:] = 0, 0
    values[rng.random(SHAPE) < 0.05] = 0
    values[4, 8:11, 9:14] = 0
    return values


def loaded(ward: Ward, pixels: NDArray[Any], frame: dict[str, Any] | None = None, **changes: Any) -> LoadedVolume:
    return ward.volume_of(pixels, STEPS, frame, **{"modality": "MR", **changes})


def present_in(volume: LoadedVolume) -> NDArray[np.bool_]:
    """Return which voxels of the grid are present, (slices, rows, columns)."""
    found = np.ones(volume.grid.shape, np.bool_)
    for number in range(len(found)):
        absent = volume.presence.absent_slice(number)
        if absent is not None:
            found[number] = ~absent
    return found


def values_in(volume: LoadedVolume) -> NDArray[np.float64]:
    """Return the values of the grid, NaN where they are absent."""
    assert volume.values is not None
    values = volume.voxels * volume.values.slope + volume.values.intercept
    return np.where(present_in(volume), values, np.nan)


def region_on_slice(volume: LoadedVolume, number: int, **slab: Any) -> Measurement:
    """Measure all of a slice."""
    _, rows, columns = volume.grid.shape
    x, y, z = ORIGIN
    on = OnPlane(origin_lps_mm=(x, y, z + 2.0 * number), right_lps=(1.0, 0.0, 0.0), down_lps=(0.0, 1.0, 0.0), **slab)
    points = ((-0.2, -0.2), (0.5 * (columns - 1) + 0.2, 0.5 * (rows - 1) + 0.2))
    return measure_on_plane(volume, Measure(on=on, shape="rectangle", points=points))


def assert_counted(found: Measurement, values: NDArray[Any]) -> None:
    assert found.statistics is not None
    assert found.statistics.count == values.size
    assert found.statistics.mean == pytest.approx(values.mean())
    assert found.statistics.standard_deviation == pytest.approx(values.std())
    assert (found.statistics.minimum, found.statistics.maximum) == (values.min(), values.max())


def shift_of(dtype: Any) -> int:
    return 0 if np.dtype(dtype).kind == "i" else 2000


# Alone or as a range, under, over and among the values, signed and unsigned.
PADDED: dict[str, tuple[Any, int, int | None]] = {
    "0 among signed values": (np.int16, 0, None),
    "0 among unsigned values": (np.uint16, 0, None),
    "under all values": (np.int16, -2000, None),
    "over all values": (np.int16, 3000, None),
    "a range under them": (np.int16, -2000, -1990),
    "a range told from its upper end": (np.int16, -1990, -2000),
    "a range among them": (np.uint16, 2300, 2310),
    "the highest number": (np.uint16, 65535, None),
}


@pytest.mark.parametrize("rescale", [(1.0, 0.0), (2.0, -1000.0), (0.25, 10.5)], ids=str)
@pytest.mark.parametrize("kind", PADDED)
def test_padding_is_absent_and_all_else_keeps_its_value(ward: Ward, kind: str, rescale: tuple[float, float]) -> None:
    dtype, first, last = PADDED[kind]
    pixels = (mr().astype(np.int32) + shift_of(dtype)).astype(dtype)
    pixels[mr() == 0] = first
    low, high = sorted((first, first if last is None else last))
    is_padding = (pixels >= low) & (pixels <= high)
    frame = {"rescale_slope": rescale[0], "rescale_intercept": rescale[1]}
    volume = loaded(ward, pixels, frame, pixel_padding_value=first, pixel_padding_range_limit=last)
    assert np.array_equal(present_in(volume), ~is_padding)
    expected = np.where(is_padding, np.nan, pixels * rescale[0] + rescale[1])
    assert np.allclose(values_in(volume), expected, equal_nan=True)
    assert not volume.voxels[is_padding].any()
    facts = volume_facts(0, volume)
    assert facts is not None
    real = expected[~is_padding]
    assert (facts.lowest, facts.highest) == (real.min(), real.max())
    assert facts.histogram == tuple(np.histogram(real, 256, (real.min(), real.max()))[0].tolist())
    assert_counted(region_on_slice(volume, 4), expected[4][~is_padding[4]])


@pytest.mark.parametrize("slab", ["plane", "mip", "minip", "aip"])
@pytest.mark.parametrize("kind", PADDED)
def test_planes_and_slabs_show_what_is_present(painter: VolumePainter, ward: Ward, kind: str, slab: str) -> None:
    dtype, first, last = PADDED[kind]
    steps = LATTICES["oblique"]
    rng = np.random.default_rng(9)
    pixels = (np.abs(VALUES) % 900 + 1 + shift_of(dtype)).astype(dtype)
    pixels[(rng.random(VALUES.shape) < 0.03) | (np.indices(VALUES.shape)[2] < 15)] = first
    low, high = sorted((first, first if last is None else last))
    present = (pixels < low) | (pixels > high)
    volume = ward.volume_of(pixels, steps, pixel_padding_value=first, pixel_padding_range_limit=last, modality="MR")
    window = WindowValues(center=shift_of(dtype) + 450, width=900, function="LINEAR_EXACT")
    wish = wish_of(steps, window=window, slab=slab, thickness_mm=0.0 if slab == "plane" else 6.0)
    shown = wanted(wish, steps, values=pixels.astype(float), present=present)
    assert_shown(painter.paint_plane(volume, wish), shown, grey_linear_exact(shown.values, window.center, 900))


def test_the_mean_of_a_region_is_that_of_what_was_measured(ward: Ward) -> None:
    """0 is padding and is met in the middle of anatomy: no voxel of it becomes the lowest number, or any other."""
    pixels = mr()
    volume = loaded(ward, pixels, {"rescale_slope": 1.0, "rescale_intercept": 0.0}, pixel_padding_value=0)
    found = region_on_slice(volume, 4)
    real = pixels[4][pixels[4] > 0]
    assert_counted(found, real.astype(float))
    assert found.statistics is not None
    assert found.statistics.mean == pytest.approx(484, abs=40)
    assert found.statistics.minimum >= 1


@pytest.mark.parametrize("slab", ["mip", "minip", "aip"])
def test_a_region_of_a_slab_counts_points_with_something_in_the_slab(ward: Ward, slab: str) -> None:
    pixels = mr()
    volume = loaded(ward, pixels, {"rescale_slope": 1.0, "rescale_intercept": 0.0}, pixel_padding_value=0)
    found = region_on_slice(volume, 4, slab=slab, thickness_mm=6.0, interpolation="nearest")
    # Samples 0.5 mm apart from 2.75 mm above the slice to as far below: of each voxel as many as its centre is near.
    numbers = np.floor(4 + (np.arange(12) - 5.5) * 0.25 + 0.5).astype(int)
    some = np.where(pixels[numbers] > 0, pixels[numbers].astype(float), np.nan)
    some = some[:, ~np.isnan(some).all(axis=0)]
    made = {"mip": np.nanmax(some, axis=0), "minip": np.nanmin(some, axis=0), "aip": np.nanmean(some, axis=0)}
    assert_counted(found, made[slab])


def test_a_region_of_nothing_but_padding_has_no_statistics(ward: Ward) -> None:
    pixels = mr()
    pixels[5] = 0
    volume = loaded(ward, pixels, pixel_padding_value=0)
    assert region_on_slice(volume, 5).statistics is None


def test_a_point_on_padding_has_no_value_and_one_beside_it_that_of_its_neighbours(ward: Ward) -> None:
    pixels = np.full(SHAPE, 100, np.int16)
    pixels[4, 10, 12], pixels[4, 10, 13] = 0, 300
    volume = loaded(ward, pixels, {"rescale_slope": 1.0, "rescale_intercept": 0.0}, pixel_padding_value=0)

    def at(columns: float) -> tuple[float, ...] | None:
        x, y, z = ORIGIN
        on = OnPlane(
            origin_lps_mm=(x + 0.5 * columns, y + 5.0, z + 8.0), right_lps=(1.0, 0.0, 0.0), down_lps=(0.0, 1.0, 0.0)
        )
        return measure_on_plane(volume, Measure(on=on, shape="point", points=((0.0, 0.0),))).values

    assert at(12) is None
    assert at(12.3) is None
    assert at(12.7) == (300.0,)
    assert at(13.5) == (200.0,)
    assert at(11) == (100.0,)


def test_padding_that_is_declared_but_met_nowhere_leaves_a_volume_as_it_is(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["oblique"]
    pixels = VALUES.astype(np.int16)
    plain, declared = ward.volume_of(pixels, steps), ward.volume_of(pixels, steps, pixel_padding_value=-2000)
    assert not declared.presence.is_padded
    assert declared.presence.reader() is None
    assert declared.size_bytes == plain.size_bytes
    wish = wish_of(steps)
    assert painter.paint_plane(plain, wish).pixels.tobytes() == painter.paint_plane(declared, wish).pixels.tobytes()
    device = painter.textures.bring(declared)
    assert device is not None
    assert device.texture.defines == {}


def test_a_modality_table_and_slices_of_different_rescale_know_their_padding(ward: Ward) -> None:
    pixels = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 5).astype(np.uint16)
    table = LookupTable(0, 16, (7, 7, 100, 200, 300))  # 0 and 1 become the same: only 1 is padding
    volume = loaded(ward, pixels, modality_lut=table, pixel_padding_value=1)
    expected = np.array([7, np.nan, 100, 200, 300])[pixels]
    assert np.array_equal(values_in(volume), expected, equal_nan=True)


class DifferentSlices(LatticeSource):
    """Slices that each have a rescale and a padding of their own."""

    def attributes(self, number: int) -> Any:
        self._frame = {"rescale_slope": self.slope[number % 3], "rescale_intercept": self.intercept[number % 3]}
        self.changes = {"pixel_padding_value": (0, 5, None)[number % 3], "modality": "MR"}
        return super().attributes(number)

    slope: tuple[float, ...] = (1.0, 1.0, 1.0)
    intercept: tuple[float, ...] = (-10.0, 0.0, 25.0)


@pytest.mark.parametrize("slopes", [(1.0, 1.0, 1.0), (1.0, 1.5, 2.0)], ids=["other offsets", "other slopes"])
def test_each_slice_has_its_own_padding_and_rescale(ward: Ward, slopes: tuple[float, ...]) -> None:
    pixels = np.random.default_rng(2).integers(0, 9, SHAPE).astype(np.uint16)
    source = DifferentSlices(pixels, STEPS, {}, {})
    source.slope = slopes
    volume = ward.open(source)
    volume.wait(20)
    for number in range(SHAPE[0]):
        padding = (0, 5, None)[number % 3]
        value = pixels[number] * slopes[number % 3] + source.intercept[number % 3]
        expected = np.where(pixels[number] == padding, np.nan, value)
        assert volume.values is not None
        assert np.allclose(values_in(volume)[number], expected, atol=volume.values.slope * 0.51, equal_nan=True)


@pytest.mark.parametrize("element", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floats_know_their_padding_and_their_steps_do_not(ward: Ward, element: str) -> None:
    bits, dtype = (32, np.float32) if element == "FloatPixelData" else (64, np.float64)
    pixels: NDArray[Any] = np.random.default_rng(1).random(SHAPE).astype(dtype)
    pixels[:, :4], pixels[3, 5, 6], pixels[2, 2:9] = -1e20, np.nan, -1e20
    frame = {"rescale_slope": 1.0, "rescale_intercept": 0.0}
    volume = loaded(
        ward, pixels, frame, bits_allocated=bits, bits_stored=bits, high_bit=bits - 1, pixel_element=element,
        float_padding_value=-1e20 if bits == 64 else float(np.float32(-1e20)),
    )  # fmt: skip
    absent = np.isnan(pixels) | (pixels < 0)
    assert volume.values is not None
    assert volume.values.slope < 1.6e-5  # of 0 to 1, not of -1e20 to 1
    assert np.allclose(values_in(volume), np.where(absent, np.nan, pixels), atol=1e-5, equal_nan=True)
    assert_counted_about(region_on_slice(volume, 2), pixels[2][~absent[2]])


def assert_counted_about(found: Measurement, values: NDArray[Any]) -> None:
    assert found.statistics is not None
    assert found.statistics.count == values.size
    assert found.statistics.mean == pytest.approx(values.mean(), abs=1e-4)


def test_32_bit_padding_is_no_end_of_the_range(ward: Ward) -> None:
    pixels = np.random.default_rng(1).integers(0, 100_000, SHAPE).astype(np.int32)
    pixels[:, :5] = -(2**31)
    volume = loaded(
        ward, pixels, bits_allocated=32, bits_stored=32, high_bit=31, pixel_padding_value=-(2**31),
    )  # fmt: skip
    assert np.array_equal(present_in(volume), pixels >= 0)
    assert volume.values is not None
    assert volume.values.slope < 2 * 1.6


def test_uneven_slices_are_made_of_present_voxels(ward: Ward) -> None:
    """Between a present and an absent voxel the present one alone counts, where at least half of the weight is its."""
    positions = [0.0, 1.0, 2.3, 3.0, 4.4, 5.0, 6.1, 7.0]
    pixels = np.random.default_rng(8).integers(1, 900, (8, 6, 8)).astype(np.int16)
    pixels[np.random.default_rng(9).random(pixels.shape) < 0.3] = 0
    volume = ward.open(SpaceSource(pixels, positions, changes={"pixel_padding_value": 0}))
    volume.wait(20)
    sampling, made = volume.plan.sampling, 0
    found = values_in(volume)
    for number in range(volume.grid.shape[0]):
        low, high = pixels[sampling.lower[number]].astype(float), pixels[sampling.upper[number]].astype(float)
        weight = sampling.weight[number]
        made += weight > 0
        share = np.where(low != 0, 1 - weight, 0) + np.where(high != 0, weight, 0)
        mixed = (low * (1 - weight) + high * weight) / np.where(share > 0, share, 1)
        expected = np.where(share >= 0.5, np.rint(mixed) * 2.0 - 1000.0, np.nan)
        assert np.array_equal(np.isnan(found[number]), np.isnan(expected))
        assert np.nanmax(np.abs(found[number] - expected)) <= 2.0  # a rounding that float decides
    assert made >= 3


def test_a_lost_slice_is_made_of_what_is_present_in_its_neighbours(ward: Ward) -> None:
    pixels = np.full((9, 24, 32), 50, np.int16)
    pixels[3, 5:9], pixels[5, 7:12] = 0, 0
    source = SpaceSource(pixels, even(9), changes={"pixel_padding_value": 0}, bad={5})
    volume = ward.open(source)
    volume.wait(20)
    assert [warning.code for warning in volume.warnings] == ["slice_unreadable+interpolated_there"]
    absent = np.zeros((24, 32), bool)
    absent[7:9] = True  # where both neighbours are
    assert np.array_equal(~present_in(volume)[4], absent)
    assert np.unique(values_in(volume)[4][~absent]).tolist() == [-900.0]


@pytest.mark.parametrize("kind", ["16 bits", "floats"])
def test_a_volume_of_nothing_but_padding_says_so(ward: Ward, kind: str) -> None:
    changes: dict[str, Any] = {"pixel_padding_value": 7}
    pixels: NDArray[Any] = np.full(SHAPE, 7, np.int16)
    if kind == "floats":
        pixels = np.full(SHAPE, 7, np.float32)
        changes = {"pixel_element": "FloatPixelData", "bits_allocated": 32, "float_padding_value": 7.0}
    volume = ward.open(LatticeSource(pixels, STEPS, {}, changes))
    with pytest.raises(DataError, match="Every pixel of this volume is padding") as refusal:
        volume.wait(20)
    assert refusal.value.code == "all_padding"
    assert value_facts(volume) is None


def test_what_has_come_of_a_padded_volume_is_shown_without_its_padding(painter: VolumePainter, ward: Ward) -> None:
    steps = LATTICES["0.5 x 0.5 x 3"]
    pixels = np.full(VALUES.shape, 700, np.int16)
    pixels[:, :, :20] = 0
    pixels[1::2, :, :25] = 0
    source = LatticeSource(pixels, steps, {"rescale_slope": 1.0, "rescale_intercept": 0.0}, {"pixel_padding_value": 0})
    source.hold_after = 7
    source.gate.clear()
    volume = ward.open(source)
    assert source.waits.wait(20)
    until_s = time.monotonic() + 20
    while volume.slices_there < 7 and time.monotonic() < until_s:
        time.sleep(0.01)
    wish = wish_of(steps, window=WindowValues(center=350, width=700, function="LINEAR_EXACT"))
    coarse = painter.paint_plane(volume, wish)
    assert coarse.coarse
    assert set(np.unique(coarse.pixels)) == {0, 255}
    facts = volume_facts(0, volume)
    assert facts is not None
    assert (facts.lowest, facts.highest) == (700.0, 700.0)
    source.gate.set()
    volume.wait(20)
    shown = wanted(wish, steps, values=pixels.astype(float), present=pixels != 0)
    assert_shown(painter.paint_plane(volume, wish), shown, grey_linear_exact(shown.values, 350, 700))


def test_padding_is_outside_of_a_surface_and_no_piece_of_an_object(ward: Ward) -> None:
    pixels = np.full(SHAPE, 500, np.int16)
    pixels[:, :, 10:12] = 0  # between two halves
    volume = loaded(ward, pixels, {"rescale_slope": 1.0, "rescale_intercept": 0.0}, pixel_padding_value=0)
    # Over every value there is: without padding nothing would be outside but what is beyond the volume.
    stl = b"".join(surface_stl(volume, -5000.0))
    corners = np.frombuffer(stl[84:], np.uint8).reshape(-1, 50)[:, 12:48].copy().view("<f4").reshape(-1, 3)
    columns = (corners[:, 0] - ORIGIN[0]) / 0.5
    assert (np.abs(columns - 9.5) < 0.01).any()
    assert (np.abs(columns - 11.5) < 0.01).any()
    x, y, z = ORIGIN
    step = CutObject(p_lps_mm=(x + 1.0, y + 2.0, z + 6.0), low=-5000, high=5000)
    mask = VolumeEdits().mask_of(volume, (step,))
    assert mask is not None
    kept = mask.kept()
    assert not kept[:, :, :10].any()
    assert kept[:, :, 12:].all()


def test_a_volume_counts_what_its_presence_takes(ward: Ward) -> None:
    plain, padded = loaded(ward, mr()), loaded(ward, mr(), pixel_padding_value=0)
    # Words of 7 × 3 voxels: 4 columns and 7 rows of them in each of 9 slices.
    assert padded.size_bytes - plain.size_bytes == 9 * 4 * 7 * 4


def test_the_reference_of_padding_is_numpy_s_own_mean_of_present_voxels() -> None:
    values = np.arange(8.0).reshape(2, 2, 2)
    present = np.ones((2, 2, 2), bool)
    present[0, 0, 0] = present[1, 1, 1] = False
    cut = Cut(1, 1, 1.0, (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    shown = cut_volume(values, ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)), cut, present)
    assert shown.values[0, 0] == pytest.approx(values[present].mean())
