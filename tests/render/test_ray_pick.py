"""A point picked in a picture of a volume lies where it is seen, in millimetres of the patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.rays import RayMode
from tests.render.ray_scenes import (
    BONE,
    EYES,
    GREY,
    GRIDS,
    WAYS,
    MakeVolume,
    body,
    caster,
    look_of,
    make_volume,
    view_of,
)
from tests.render.reference_ray_cast import Eye, Scene

__all__ = ["caster", "make_volume"]

PIXELS = [(x, y) for x in range(8, 72, 7) for y in range(6, 60, 7)]


def along(scene: Scene, eye: Eye, x: int, y: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of the pixel's ray, every 0.02 mm, in LPS, and their values."""
    origins, directions = eye.rays()
    points = origins[y, x] + np.arange(0, 240, 0.02)[:, None] * directions[y, x]
    linear, offset = scene.lps_from_index[:3, :3], scene.lps_from_index[:3, 3]
    index = np.linalg.solve(linear, (points - offset).T).T
    slices, rows, columns = scene.values.shape
    inside = ((index >= -0.5) & (index <= np.array([columns, rows, slices]) - 0.5)).all(axis=1)
    return points[inside], scene.at(index[inside])


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_a_point_of_a_surface_is_where_the_ray_first_reaches_the_level(
    caster: RayCaster, make_volume: MakeVolume, way: tuple[str, str]
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    scene = Scene(body(), grid, 0.2, BONE, level=-300)
    volume, look, view = make_volume(scene.values, grid), look_of(scene, RayMode.ISOSURFACE), view_of(scene, eye)
    met = 0
    for x, y in PIXELS:
        points, values = along(scene, eye, x, y)
        over = np.flatnonzero(values >= scene.level)
        found = caster.pick(volume, look, view, x + 0.5, y + 0.5)
        if len(over) > 15:  # a ray that grazes the surface may miss it between two samples
            assert found is not None
            assert np.linalg.norm(found - points[over[0]]) < 0.25
            met += 1
        elif not len(over):
            assert found is None
    assert met >= 8


@pytest.mark.parametrize("way", WAYS[2:4], ids=" ".join)
def test_a_point_of_a_projection_is_where_the_highest_value_is(
    caster: RayCaster, make_volume: MakeVolume, way: tuple[str, str]
) -> None:
    grid, eye = GRIDS[way[0]], EYES[way[1]]
    scene = Scene(body(), grid, 0.1, ((-200, 1, 1, 1, 0), (3000, 1, 1, 1, 1)))
    volume, look, view = make_volume(scene.values, grid), look_of(scene, RayMode.MAXIMUM), view_of(scene, eye)
    met = 0
    for x, y in PIXELS:
        points, values = along(scene, eye, x, y)
        found = caster.pick(volume, look, view, x + 0.5, y + 0.5)
        if len(values) and values.max() > 0:
            assert found is not None
            nearest = np.linalg.norm(points - found, axis=1).argmin()
            assert np.linalg.norm(points[nearest] - found) < 0.05, "not on the ray"
            assert values[nearest] > values.max() - 25
            met += 1
        elif not len(values) or values.max() < -300:
            assert found is None
    assert met >= 8


def test_a_point_of_a_composite_is_on_what_is_seen(caster: RayCaster, make_volume: MakeVolume) -> None:
    grid, eye = GRIDS["oblique"], EYES["parallel"]
    scene = Scene(body(), grid, 0.3, BONE)
    volume, look, view = make_volume(scene.values, grid), look_of(scene, RayMode.COMPOSITE), view_of(scene, eye)
    met = 0
    for x, y in PIXELS:
        points, values = along(scene, eye, x, y)
        found = caster.pick(volume, look, view, x + 0.5, y + 0.5)
        bone = np.flatnonzero(values > 400)
        if len(bone) > 50:
            assert found is not None
            first = points[bone[0]]
            assert np.linalg.norm(found - first) < 2.5
            met += 1
        elif not len(values) or values.max() < 150:
            assert found is None
    assert met > 3


def test_nothing_is_picked_beside_the_volume_before_a_plane_or_in_an_average(
    caster: RayCaster, make_volume: MakeVolume
) -> None:
    scene = Scene(body(), GRIDS["cubes"], 0.3, GREY, level=0)
    eye = EYES["perspective"]
    volume, view = make_volume(scene.values, scene.lps_from_index), view_of(scene, eye)
    for mode in (RayMode.COMPOSITE, RayMode.MAXIMUM, RayMode.ISOSURFACE):
        look = look_of(scene, mode)
        assert caster.pick(volume, look, view, 36.5, 30.5) is not None
        assert caster.pick(volume, look, view, 0.5, 0.5) is None
        assert caster.pick(volume, look, replace(view, plane_lps=(0, 0, 1, -500)), 36.5, 30.5) is None
        cut = caster.pick(volume, look, replace(view, plane_lps=(0, 1, 0, 0)), 36.5, 30.5)
        assert cut is not None
        assert cut[1] >= -1e-3
    assert caster.pick(volume, look_of(scene, RayMode.AVERAGE), view, 36.5, 30.5) is None
