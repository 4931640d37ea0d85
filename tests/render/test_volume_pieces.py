"""Runs, pieces and boxes on voxels against SciPy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, binary_fill_holes, find_objects, label

from renderpool.session.volume_cut import painted
from renderpool.session.volume_morphology import grown, shrunk
from renderpool.session.volume_pieces import Pieces, from_border
from renderpool.session.volume_runs import MAX_RUNS, Runs

SHAPES = [(9, 11, 13), (20, 30, 25), (1, 5, 9), (7, 1, 9), (6, 7, 1)]


def runs_of(voxels: NDArray[np.bool_]) -> Runs:
    slices, rows, columns = voxels.shape
    runs = Runs((slices, rows, columns))
    for number, slice_ in enumerate(voxels):
        runs.add_slice(number, slice_)
    runs.finish()
    return runs


def nothing() -> None: ...


@pytest.mark.parametrize("share", [0.0, 0.3, 0.45, 0.7, 1.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("at_once", [1, 100, 250_000])
def test_runs_hang_together_as_voxels_do(
    shape: tuple[int, int, int], share: float, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderpool.session.volume_runs._RUNS_AT_ONCE", at_once)
    voxels = np.random.default_rng(sum(shape)).random(shape) < share
    runs, (expected, count) = runs_of(voxels), label(voxels)
    labels = runs.labels(nothing)
    assert len(np.unique(labels)) == count
    for chosen in np.unique(labels)[:: max(1, count // 20)]:
        slices = [painted(runs.of_slice(k, labels == chosen), shape[1:]) for k in range(shape[0])]
        piece = np.stack(slices)
        assert np.array_equal(piece, expected == expected[piece][0])
    for at in list(np.ndindex(*shape))[::13]:
        run = runs.at(*at)
        assert (run is not None) == voxels[at]
        if run is not None:
            same = expected == expected[at]
            assert runs.at(*np.argwhere(same)[0].tolist()) == labels[run]


def test_what_runs_take_of_memory_is_little_more_than_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renderpool.session.volume_runs._RUNS_AT_ONCE", 10_000)
    voxels = np.random.default_rng(1).random((64, 128, 256)) < 0.5
    tracemalloc.start()
    try:
        before_bytes = tracemalloc.get_traced_memory()[0]
        runs = runs_of(voxels)
        labels = runs.labels(nothing)
        taken_bytes = tracemalloc.get_traced_memory()[1] - before_bytes
    finally:
        tracemalloc.stop()
    assert len(labels) > 500_000
    # First voxel, end and label are 12 bytes; the rest is what a few of them need on the way.
    assert taken_bytes / len(labels) * MAX_RUNS < 512 * 1024**2


def test_runs_that_overlap_or_leave_their_line_are_painted_once() -> None:
    runs = np.array([[0, 2, 5], [0, 4, 7], [0, -3, 1], [1, 6, 20], [1, 9, 9], [2, 5, 3], [2, 12, 15]])
    lines = np.zeros((4, 10), bool)
    lines[0, 2:7] = lines[0, :1] = lines[1, 6:] = True
    assert np.array_equal(painted(runs, (4, 10)), lines)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("sides", [(3, 3), (5, 3), (7, 11), (1, 9), (25, 25)], ids=str)
def test_planes_shrink_and_grow_by_boxes(sides: tuple[int, int], share: float) -> None:
    plane = np.random.default_rng(7).random((31, 24)) < share
    box = np.ones(sides, bool)
    assert np.array_equal(grown(plane, sides), binary_dilation(plane, box))
    assert np.array_equal(shrunk(plane, sides), binary_erosion(plane, box))


@pytest.mark.parametrize("share", [0.0, 0.4, 0.55, 1.0])
def test_pieces_know_their_sizes(share: float) -> None:
    rng = np.random.default_rng(8)
    plane, other = rng.random((40, 33)) < share, rng.random((40, 33)) < 0.5
    pieces, (expected, count) = Pieces(plane), label(plane)
    assert len(pieces) == count
    assert np.array_equal(pieces.painted(np.ones(count, bool)), plane)
    for number in range(count):
        piece = pieces.painted(np.array([number]))
        name = expected[piece][0]
        assert np.array_equal(piece, expected == name)
        rows, columns = find_objects(expected)[name - 1]
        assert pieces.low[number].tolist() == [rows.start, columns.start]
        assert pieces.high[number].tolist() == [rows.stop - 1, columns.stop - 1]
        assert pieces.sides[number].tolist() == [rows.stop - rows.start, columns.stop - columns.start]
        assert pieces.pixels[number] == piece.sum()
        assert pieces.count_in(other)[number] == (piece & other).sum()
    # What is connected with the border is what does not lie in a hole of the rest.
    assert np.array_equal(from_border(plane), ~binary_fill_holes(~plane))
