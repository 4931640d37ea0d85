"""Values of planes and slabs at points of the patient, and the steps that they are taken in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.scene.point_value import PointValue, point_value, slab_values
from renderpool.scene.slab import Interpolation, Slab, SlabMode, sample_offsets_mm, voxel_step_mm
from tests.render.reference_volume import Cut, cut_volume
from tests.support.page_geometry.crossing import start_planes
from tests.support.page_geometry.plane import PlaneKind
from tests.support.page_geometry.plane_view import PlaneLook, resolve_plane
from tests.support.plane_grids import GRIDS, NAMES, OBLIQUE, SAGITTAL_SCAN, STRAIGHT, TILT, TILTED, grid_of
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

AXIAL, CORONAL, SAGITTAL = PlaneKind


@pytest.mark.parametrize(
    ("grid", "normal", "step_mm"),
    [
        (STRAIGHT, (0, 0, 1), 3),
        (STRAIGHT, (0, -1, 0), 0.5),
        (STRAIGHT, (0, math.sqrt(0.5), math.sqrt(0.5)), 0.697486),
        (SAGITTAL_SCAN, (1, 0, 0), 4),
        (TILTED, (0, -math.sin(TILT), math.cos(TILT)), 3 * math.cos(TILT)),
        (TILTED, (0, 0, 1), 3),
    ],
)
def test_the_step_of_a_voxel(grid: VolumeGrid, normal: tuple[float, ...], step_mm: float) -> None:
    assert voxel_step_mm(grid, np.array(normal)) == pytest.approx(step_mm, abs=1e-6)


def test_samples_of_a_slab_fill_it_evenly() -> None:
    twenty = Slab(SlabMode.MAXIMUM, 20.0)
    offsets = sample_offsets_mm(twenty, grid_of((0.7, 0, 0), (0, 0.7, 0), (0, 0, 1.25), (3, 3, 3)))
    assert len(offsets) == 29
    assert np.diff(offsets) == pytest.approx(20 / 29)
    assert offsets[0] - (20 / 29) / 2 == pytest.approx(-10)
    assert offsets.sum() == pytest.approx(0, abs=1e-9)


def test_a_plane_and_a_thin_slab_have_one_sample_in_the_middle() -> None:
    for slab in (Slab(SlabMode.PLANE, 30), Slab(SlabMode.AVERAGE, 0), Slab(SlabMode.MINIMUM, 0.5)):
        assert sample_offsets_mm(slab, STRAIGHT).tolist() == [0]
    assert len(sample_offsets_mm(Slab(SlabMode.MAXIMUM, 1.5), STRAIGHT)) == 3


@pytest.mark.parametrize("thickness_mm", [-1.0, 1000.1, math.nan])
def test_a_slab_that_cannot_be_is_refused_in_words(thickness_mm: float) -> None:
    with pytest.raises(InvalidInput, match=rf"slab of {thickness_mm} mm is invalid: must be from 0 to 1000 mm thick"):
        Slab(SlabMode.MAXIMUM, thickness_mm)


def lps_of(grid: VolumeGrid, column: float, row: float, slice_: float) -> NDArray[np.float64]:
    return np.asarray((grid.lps_from_index @ np.array([column, row, slice_, 1.0]))[:3])


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_point_values_come_from_the_voxels(grid: VolumeGrid) -> None:
    slices, rows, columns = grid.shape
    k, j, i = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    stored = (7 * k + 3 * j + i).astype(np.int16)
    at = point_value(stored, grid, lps_of(grid, 12, 20, 5), slope=2.0, intercept=-1024.0)
    assert at == PointValue(2 * (35 + 60 + 12) - 1024, interpolated=False)
    between = point_value(stored, grid, lps_of(grid, 12.25, 20.5, 5.75))
    assert between is not None
    assert between.value == pytest.approx(7 * 5.75 + 61.5 + 12.25)
    assert between.interpolated
    assert point_value(stored, grid, lps_of(grid, 12.25, 20.4, 5.75), Interpolation.NEAREST) == PointValue(
        42 + 60 + 12, interpolated=False
    )


def test_point_values_end_with_the_volume() -> None:
    stored = np.arange(20 * 80 * 100, dtype=np.uint16).reshape(20, 80, 100)
    assert point_value(stored, STRAIGHT, lps_of(STRAIGHT, -0.4, 0, 0)) == PointValue(0, interpolated=False)
    assert point_value(stored, STRAIGHT, lps_of(STRAIGHT, -0.6, 0, 0)) is None
    assert point_value(stored, STRAIGHT, lps_of(STRAIGHT, 99.4, 79, 19)) == PointValue(
        float(stored[-1, -1, -1]), interpolated=False
    )
    assert point_value(stored, STRAIGHT, lps_of(STRAIGHT, 5, 5, 19.6)) is None


def test_a_volume_of_one_slice_has_point_values() -> None:
    thin = grid_of((0.5, 0, 0), (0, 0.5, 0), (0, 0, 3), (1, 4, 4))
    stored = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    found = point_value(stored, thin, lps_of(thin, 1.5, 2, 0.3))
    assert found == PointValue(9.5, interpolated=True)


@pytest.mark.parametrize("interpolation", Interpolation)
@pytest.mark.parametrize("mode", SlabMode)
@pytest.mark.parametrize("grid", [STRAIGHT, TILTED, OBLIQUE], ids=["straight", "tilted", "oblique"])
def test_regions_of_a_slab_have_the_values_of_the_reference(
    grid: VolumeGrid, mode: SlabMode, interpolation: Interpolation
) -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(-1000, 3000, grid.shape)
    plane = start_planes(grid).turned(AXIAL, 31).turned(SAGITTAL, 12).plane(CORONAL)
    view = resolve_plane(grid, plane, PlaneLook(30, 20, zoom=0.4))
    slab = Slab(mode, 6.0, interpolation)
    points = np.array([view.lps_at(x + 0.5, y + 0.5) for y in range(20) for x in range(30)])
    found = slab_values(values + 1000, grid, points, plane.normal, slab, slope=2.0, intercept=-2000.0).reshape(20, 30)
    column, row, slice_ = (tuple(grid.lps_from_index[:3, axis].tolist()) for axis in range(3))
    right, down = (tuple(plane.lps_from_frame[:, axis].tolist()) for axis in range(2))
    middle = tuple(view.lps_at(15, 10).tolist())
    cut = Cut(30, 20, 2.5, middle, right, down, mode.value, 6.0, interpolation.value)
    shown = cut_volume(values * 2, (column, row, slice_, (-30.0, 12.0, 100.0)), cut)
    decided = ~shown.undecided
    assert (np.isnan(found) == ~shown.inside)[decided].all()
    both = decided & shown.inside
    assert both.sum() > 100
    assert found[both] == pytest.approx(shown.values[both], abs=1e-6)


def test_values_of_another_volume_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"do not fit a volume of"):
        point_value(np.zeros((2, 2, 2)), STRAIGHT, np.zeros(3))
