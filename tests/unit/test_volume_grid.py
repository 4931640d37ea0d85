"""The lattice of a volume: literal places, and gradients on voxels that are no cubes."""

from __future__ import annotations

import numpy as np
import pytest

from webviewer.core.errors import GeometryError
from webviewer.dicom.volume import VolumeGrid

STRAIGHT = [[0.5, 0, 0, -10], [0, 0.75, 0, -20], [0, 0, 3, 100], [0, 0, 0, 1]]
SHEARED = [[0.5, 0, 0, -10], [0, 0.5, 1.0, -20], [0, 0, 3, 100], [0, 0, 0, 1]]


def grid(matrix: object = STRAIGHT, shape: tuple[int, int, int] = (5, 4, 3)) -> VolumeGrid:
    return VolumeGrid(shape, np.array(matrix, np.float64))


def test_spacing_and_center_follow_the_order_of_the_array() -> None:
    assert grid().spacing_mm == (3.0, 0.75, 0.5)
    assert grid().center_lps_mm.tolist() == [-9.5, -18.875, 106.0]


def test_corners_are_those_of_the_outer_faces() -> None:
    corners = grid().corners_lps_mm
    assert corners.shape == (8, 3)
    assert corners[0].tolist() == [-10.25, -20.375, 98.5]
    assert corners[1].tolist() == [-8.75, -20.375, 98.5]
    assert corners[2].tolist() == [-10.25, -17.375, 98.5]
    assert corners[7].tolist() == [-8.75, -17.375, 113.5]


def test_index_from_lps_undoes_a_sheared_lattice() -> None:
    found = grid(SHEARED).index_from_lps @ np.array([-9.0, -15.0, 109.0, 1.0])
    # (column, row, slice): 109 is slice 3, which shears rows by 3 mm; -15 - -20 - 3 = 2 mm = 4 rows
    assert found.tolist() == pytest.approx([2.0, 4.0, 3.0, 1.0], abs=1e-12)
    assert grid(SHEARED).spacing_mm[0] == pytest.approx(np.sqrt(10))


def test_grids_are_equal_by_value_and_cannot_be_changed() -> None:
    matrix = np.array(STRAIGHT, np.float64)
    one, other = grid(matrix), grid(matrix.copy())
    matrix[0, 0] = 99
    assert one == other
    assert hash(one) == hash(other)
    assert one != grid(SHEARED)
    assert one != grid(shape=(4, 4, 3))
    with pytest.raises(ValueError, match="read-only"):
        one.lps_from_index[0, 0] = 2


@pytest.mark.parametrize(
    ("matrix", "shape", "words"),
    [
        (STRAIGHT, (0, 4, 3), "at least 1"),
        (np.zeros((4, 4)), (5, 4, 3), "no affine mapping"),
        (np.full((4, 4), np.nan), (5, 4, 3), "no affine mapping"),
        ([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]], (5, 4, 3), "flat"),
    ],
)
def test_what_is_no_lattice_is_refused(matrix: object, shape: tuple[int, int, int], words: str) -> None:
    with pytest.raises(GeometryError, match=words):
        grid(matrix, shape)
