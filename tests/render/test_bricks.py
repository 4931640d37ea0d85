"""Ranges of bricks and distances between them, against loops and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from renderpool.engine.bricks import BRICK_VOXELS, MAX_DISTANCE, BrickRanges, distance_field, fold_rows
from webviewer.core.errors import InvalidInput

SHAPES = [(1, 1, 1), (8, 8, 8), (9, 9, 9), (17, 20, 31), (16, 7, 25), (3, 40, 8)]


def values_of(shape: tuple[int, int, int]) -> NDArray[np.uint16]:
    return np.random.default_rng(sum(shape)).integers(0, 65536, shape).astype(np.uint16)


def assert_ranges(bricks: BrickRanges, values: NDArray[np.uint16]) -> None:
    assert bricks.shape == tuple(-(-count // BRICK_VOXELS) for count in values.shape)
    for place in itertools.product(*(range(count) for count in bricks.shape)):
        part = values[tuple(slice(8 * at, 8 * at + 9) for at in place)]
        assert (bricks.lowest[place], bricks.highest[place]) == (part.min(), part.max())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_brick_knows_the_range_of_its_voxels_and_of_the_layer_it_shares(shape: tuple[int, int, int]) -> None:
    values = values_of(shape)
    bricks = BrickRanges(shape)
    bricks.add_slices(0, values)
    assert_ranges(bricks, values)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_slices_come_in_any_order(shape: tuple[int, int, int]) -> None:
    values = values_of(shape)
    bricks = BrickRanges(shape)
    for first in np.random.default_rng(1).permutation(np.arange(0, shape[0], 3)).tolist():
        bricks.add_slices(first, values[first : first + 3])
    assert_ranges(bricks, values)


def test_slices_that_have_not_come_count_as_empty() -> None:
    values = np.full((25, 4, 4), 700, dtype=np.uint16)
    bricks = BrickRanges(values.shape)
    assert bricks.lowest.max() == bricks.highest.max() == 0
    bricks.add_slices(0, values[:9])
    assert bricks.lowest[:, 0, 0].tolist() == [700, 0, 0, 0]
    assert bricks.highest[:, 0, 0].tolist() == [700, 700, 0, 0]
    bricks.add_slices(9, values[9:])
    assert bricks.lowest.min() == 700


def test_each_change_has_a_version() -> None:
    bricks = BrickRanges((2, 3, 4))
    before = bricks.version
    bricks.add_slices(0, values_of((2, 3, 4)))
    assert bricks.version is not before


def test_slices_that_do_not_fit_are_refused() -> None:
    bricks = BrickRanges((4, 3, 5))
    with pytest.raises(InvalidInput, match=r"must be \(slices, 3, 5\) uint16"):
        bricks.add_slices(0, np.zeros((1, 5, 3), dtype=np.uint16))
    with pytest.raises(InvalidInput, match="Slices 3 to 4 are outside 0 to 3"):
        bricks.add_slices(3, np.zeros((2, 3, 5), dtype=np.uint16))


def test_bricks_that_reach_into_an_interval_are_occupied() -> None:
    values = np.zeros((1, 1, 40), dtype=np.uint16)
    values[0, 0, 9:] = 100
    values[0, 0, 25:] = 300
    bricks = BrickRanges(values.shape)
    bricks.add_slices(0, values)  # bricks: 0 | 0 to 100 | 100 | 100 to 300 | 300
    for intervals, expected in (
        ([(0, 100)], [0, 1, 0, 0, 0]),
        ([(100, 300)], [0, 0, 0, 1, 0]),
        ([(50, 60), (299, 400)], [0, 1, 0, 1, 1]),
        ([(-np.inf, 1)], [1, 1, 0, 0, 0]),
        ([(300, np.inf)], [0, 0, 0, 0, 0]),
        ([], [0, 0, 0, 0, 0]),
    ):
        assert bricks.occupied(intervals)[0, 0].tolist() == [bool(one) for one in expected]


@pytest.mark.parametrize("share", [0, 0.0005, 0.01, 0.3, 1])
def test_distances_are_those_of_a_king_on_a_chessboard(share: float) -> None:
    occupied = np.random.default_rng(2).random((19, 33, 40)) < share
    expected = np.full(occupied.shape, MAX_DISTANCE)
    if occupied.any():
        expected = np.minimum(distance_transform_cdt(~occupied, metric="chessboard"), MAX_DISTANCE)
    found = distance_field(occupied)
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_folded_slices_in_any_order_give_the_same_ranges(shape: tuple[int, int, int]) -> None:
    values = values_of(shape)
    bricks = BrickRanges(shape)
    order = np.random.default_rng(3).permutation(shape[0]).tolist()
    for first in range(0, shape[0], 3):
        bricks.add_folded([(number, fold_rows(values[number])) for number in order[first : first + 3]])
    assert_ranges(bricks, values)


def test_folding_leaves_what_was_folded_as_it_is() -> None:
    values = np.random.default_rng(4).integers(0, 65536, (9, 16, 16)).astype(np.uint16)
    folded = [(number, fold_rows(slice_)) for number, slice_ in enumerate(values)]
    kept = [rows.copy() for _, rows in folded]
    BrickRanges(values.shape).add_folded(folded)
    assert all(np.array_equal(rows, old) for (_, rows), old in zip(folded, kept, strict=True))
