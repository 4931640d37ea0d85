"""Values of planes and slabs, as re-slices store them, against the NumPy reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.plane_canvas import PlaneCanvas, plane_canvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode
from tests.render.reference_volume import Cut, cut_volume
from webviewer.dicom.volume import VolumeGrid

SHAPE = (20, 40, 50)
STEPS = ((0.6, 0.1, 0.0), (0.0, 0.56, 0.21), (0.1, 0.0, 2.5))  # sheared and turned
ORIGIN = (-17.0, 23.0, -140.0)
VALUES: NDArray[np.uint16] = np.random.default_rng(5).integers(0, 4096, SHAPE).astype(np.uint16)
RIGHT, DOWN = (0.8, 0.0, 0.6), (0.0, 1.0, 0.0)
SLABS = [
    Slab(),
    Slab(interpolation=Interpolation.NEAREST),
    Slab(SlabMode.MAXIMUM, 5.0),
    Slab(SlabMode.MINIMUM, 5.0),
    Slab(SlabMode.AVERAGE, 5.0),
]


@pytest.fixture(params=[True, False], ids=["as on llvmpipe", "as on hardware"])
def slab_renderer(request: pytest.FixtureRequest, renderer: Renderer) -> Iterator[SlabRenderer]:
    made = SlabRenderer(software=request.param, debug=True)
    yield made
    made.close()


@pytest.fixture
def texture(renderer: Renderer) -> Iterator[VolumeTexture]:
    made = VolumeTexture(SHAPE, slope=2.0, intercept=-1000.0)
    made.upload_slices(0, VALUES)
    yield made
    made.close()


def grid() -> VolumeGrid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(STEPS).T
    matrix[:3, 3] = ORIGIN
    return VolumeGrid(SHAPE, matrix)


def center() -> tuple[float, float, float]:
    x, y, z = grid().center_lps_mm.tolist()
    return x, y, z


def canvas() -> PlaneCanvas:
    return plane_canvas(72, 61, center_lps_mm=center(), right_lps=RIGHT, down_lps=DOWN, mm_per_px=0.5)


@pytest.mark.parametrize("slab", SLABS, ids=lambda slab: f"{slab.mode.value}, {slab.interpolation.value}")
def test_values_are_those_of_the_volume(slab_renderer: SlabRenderer, texture: VolumeTexture, slab: Slab) -> None:
    found = slab_renderer.stored_values(texture, grid(), canvas(), slab)
    cut = Cut(72, 61, 0.5, center(), RIGHT, DOWN, slab.mode.value, slab.thickness_mm, slab.interpolation.value)
    shown = cut_volume(VALUES, (*STEPS, ORIGIN), cut)
    decided = ~shown.undecided
    assert np.array_equal(np.isnan(found)[decided], ~shown.inside[decided])
    seen = decided & shown.inside
    assert seen.mean() > 0.2
    worst = float(np.abs(found - shown.values)[seen].max())
    assert worst < 1.0, f"{worst} of 4095 stored values"


def test_a_part_holds_the_same_values_as_the_whole(slab_renderer: SlabRenderer, texture: VolumeTexture) -> None:
    whole = slab_renderer.stored_values(texture, grid(), canvas(), SLABS[2])
    part = slab_renderer.stored_values(texture, grid(), canvas(), SLABS[2], part=(10, 20, 30, 15))
    assert np.array_equal(part, whole[20:35, 10:40], equal_nan=True)
