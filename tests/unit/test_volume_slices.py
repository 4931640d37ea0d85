"""Slices of a stack on the even grid of a volume: gaps, uneven spacing, and what lies between two slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from webviewer.dicom.volume_slices import Gap, SliceSampling, lay_slices, resample_slab

Array = NDArray[Any]


def noise(slices: int, dtype: str, seed: int = 1) -> Array:
    random = np.random.default_rng(seed)
    shape = (slices, 5, 7)
    if dtype == "float32":
        return random.normal(0, 1000, shape).astype(np.float32)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, endpoint=True, dtype=dtype)


def test_an_even_stack_is_copied_slice_by_slice() -> None:
    layout = lay_slices([10.0, 13.0, 16.0, 19.0])
    assert layout.spacing_mm == pytest.approx(3.0, abs=1e-12)
    assert layout.index == (0, 1, 2, 3)
    assert layout.sampling == SliceSampling(4, (0, 1, 2, 3), (0, 1, 2, 3), (0.0, 0.0, 0.0, 0.0))
    assert layout.sampling.is_in_place
    assert layout.gaps == ()
    assert not layout.is_uneven


def test_positions_rounded_by_the_scanner_are_even() -> None:
    layout = lay_slices([round(1.25 * k, 1) for k in range(40)])
    assert not layout.is_uneven
    assert layout.spacing_mm == pytest.approx(1.25, abs=1e-3)
    assert layout.sampling.slices == 40


def test_missing_slices_leave_gaps_on_the_grid_of_the_others() -> None:
    layout = lay_slices([0.0, 2.5, 5.0, 12.5, 15.0, 20.0])
    assert layout.spacing_mm == pytest.approx(2.5, abs=1e-12)
    assert layout.index == (0, 1, 2, 5, 6, 8)
    assert layout.gaps == (Gap(5.0, 12.5, 2), Gap(15.0, 20.0, 1))
    assert layout.sampling.grid_slice_of_source == (0, 1, 2, 5, 6, 8)
    assert layout.sampling.is_in_place
    assert layout.sampling.lower == (0, 1, 2, 2, 2, 3, 4, 4, 5)
    assert layout.sampling.upper == (0, 1, 2, 3, 3, 3, 4, 5, 5)
    assert layout.sampling.weight == pytest.approx((0, 0, 0, 1 / 3, 2 / 3, 0, 0, 0.5, 0))


def test_more_missing_than_there_still_lie_on_the_grid() -> None:
    layout = lay_slices([0.0, 4.0, 6.0, 10.0, 14.0, 18.0])
    assert layout.spacing_mm == pytest.approx(2.0, abs=1e-12)
    assert layout.missing == 4
    assert not layout.is_uneven


def test_a_wide_gap_is_counted_right_though_positions_are_rounded() -> None:
    positions = [round(0.7 * k, 1) + 0.02 * (k % 2) for k in range(30) if not 8 <= k < 22]
    layout = lay_slices(positions)
    assert [gap.missing for gap in layout.gaps] == [14]
    assert layout.sampling.slices == 30


def test_a_wide_gap_is_counted_right_though_neighbours_are_not_all_as_far_apart() -> None:
    layout = lay_slices([round(1.25 * k, 1) for k in range(61) if not 10 <= k < 50])
    assert [gap.missing for gap in layout.gaps] == [40]
    assert layout.sampling.slices == 61


def test_an_uneven_stack_gets_the_median_spacing_and_keeps_its_ends() -> None:
    layout = lay_slices([0.0, 2.0, 5.3, 8.0, 10.9, 14.0])
    assert layout.is_uneven
    assert layout.spacing_mm == pytest.approx(2.8)  # median 2.9, 14 / 5
    assert layout.sampling.slices == 6
    assert layout.sampling.is_copy(0)
    assert layout.sampling.is_copy(5)
    assert layout.sampling.grid_slice_of_source == (0, None, None, None, None, 5)
    assert not layout.sampling.is_in_place
    assert layout.sampling.lower[1:5] == (1, 2, 3, 4)
    assert layout.sampling.weight[1] == pytest.approx(0.8 / 3.3)


@pytest.mark.parametrize("seed", range(20))
def test_every_slice_of_an_uneven_stack_is_seen(seed: int) -> None:
    random = np.random.default_rng(seed)
    positions = np.cumsum(random.uniform(0.6, 3.0, 25))
    layout = lay_slices(positions.tolist())
    assert set(layout.sampling.lower) | set(layout.sampling.upper) == set(range(25))
    found = [
        (1 - w) * positions[a] + w * positions[b]
        for a, b, w in zip(layout.sampling.lower, layout.sampling.upper, layout.sampling.weight, strict=True)
    ]
    assert found == pytest.approx(np.linspace(positions[0], positions[-1], layout.sampling.slices), abs=2e-3)


# Rounding to the median's number of slices, or a slice of the grid on both neighbours, would leave one out.
ROUNDED_WIDER = [
    10.226, 5.864, 7.099, 8.835, 7.056, 9.953, 8.427, 11.949, 6.699, 6.651, 5.48, 11.15, 4.249, 8.143, 11.824, 4.412,
    2.756,
]  # fmt: skip


@pytest.mark.parametrize("steps", [ROUNDED_WIDER, [0.3, 0.7, 1, 1, 1, 1], [0.301, 0.7, 1, 1.4, 1, 1]])
def test_no_slice_is_lost_where_two_steps_are_as_tight_as_one_of_the_grid(steps: list[float]) -> None:
    layout = lay_slices(np.concatenate([[0.0], np.cumsum(steps)]).tolist())
    assert layout.is_uneven
    used = {k for k, w in zip(layout.sampling.upper, layout.sampling.weight, strict=True) if w}
    assert set(layout.sampling.lower) | used == set(range(len(steps) + 1))


def test_a_grid_that_would_be_mostly_invented_is_told() -> None:
    assert lay_slices([*range(10), *range(200, 210)]).is_mostly_empty
    assert lay_slices([0.0, 1.0, 1e9]).is_mostly_empty
    assert not lay_slices([*range(10), *range(30, 40)]).is_mostly_empty


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
@pytest.mark.parametrize("positions", [[0, 1, 2, 5, 6, 9.0], [0, 2, 5.3, 8, 10.9, 14]], ids=["gaps", "uneven"])
def test_slabs_agree_with_the_whole_and_with_plain_arithmetic(dtype: str, positions: list[float]) -> None:
    sampling = lay_slices(positions).sampling
    sources = noise(len(positions), dtype)
    whole = np.empty((sampling.slices, 5, 7), dtype)
    resample_slab(sampling, sources, 0, whole)
    by_slab = np.empty_like(whole)
    for first in range(0, sampling.slices, 3):
        resample_slab(sampling, sources, first, by_slab[first : first + 3])
    assert np.array_equal(whole, by_slab)
    for k in range(sampling.slices):
        below, above = sources[sampling.lower[k]].astype(float), sources[sampling.upper[k]].astype(float)
        expected = below + sampling.weight[k] * (above - below)
        expected = np.rint(expected).astype(dtype) if dtype != "float32" else expected.astype(dtype)
        assert np.array_equal(whole[k], expected), k
        if sampling.is_copy(k):
            assert whole[k].tobytes() == sources[sampling.lower[k]].tobytes()


def test_halves_are_rounded_to_even() -> None:
    sampling = lay_slices([0.0, 1.0, 3.0]).sampling
    out = np.empty((4, 1, 4), np.int16)
    sources = np.array([[[0, 0, 0, 0]], [[1, 2, -3, -32768]], [[2, 3, -2, 32767]]], np.int16)
    resample_slab(sampling, sources, 0, out)
    assert out[2].tolist() == [[2, 2, -2, 0]]  # 1.5, 2.5, -2.5, -0.5


def test_slices_arrive_one_by_one_in_their_places() -> None:
    sampling = lay_slices([0.0, 2.5, 5.0, 12.5, 15.0, 20.0]).sampling
    sources = noise(6, "uint16")
    expected = np.empty((9, 5, 7), np.uint16)
    resample_slab(sampling, sources, 0, expected)
    volume = np.zeros_like(expected)
    places = sampling.grid_slice_of_source
    there: dict[int, Array] = {}
    made: list[int] = []
    for source in (5, 0, 3, 2, 4, 1):
        place = places[source]
        assert place is not None
        volume[place] = sources[source]
        there[source] = volume[place]
        for k in sampling.ready_after(source, there):
            made.append(k)
            resample_slab(sampling, there, k, volume[k : k + 1])
    assert np.array_equal(volume, expected)
    assert made == [8, 0, 5, 2, 3, 4, 6, 7, 1]


@pytest.mark.parametrize("seed", range(5))
def test_each_slice_is_made_once_and_as_soon_as_it_can_be(seed: int) -> None:
    random = np.random.default_rng(seed)
    sampling = lay_slices(np.cumsum(random.uniform(0.6, 3.0, 25)).tolist()).sampling
    there: set[int] = set()
    made: list[int] = []
    for source in random.permutation(25).tolist():
        there.add(source)
        made += sampling.ready_after(source, there)
        pairs = zip(sampling.lower, sampling.upper, strict=True)
        assert sorted(made) == [k for k, pair in enumerate(pairs) if there.issuperset(pair)]
