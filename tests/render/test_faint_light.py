"""Light that two neighbouring samples of a ray share where they cover next to nothing: when, and what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from renderpool.engine.bricks import BrickRanges
from renderpool.engine.faint_light import FaintLight, share_of_faint_bricks
from renderpool.engine.program import Program, Programs
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.rays import RayMode
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.transfer_table import TransferTable
from tests.render.ray_scenes import BONE, EYES, GRIDS, MakeVolume, Points, body, caster, look_of, make_volume, view_of
from tests.render.reference_ray_cast import Scene, composite, psnr_db

__all__ = ["caster", "make_volume"]

FAINT: Points = (
    (-1024, 0.8, 0.6, 0.45, 0),
    (-250, 0.8, 0.6, 0.45, 0),
    (-90, 0.9, 0.75, 0.55, 0.008),
    (300, 0.9, 0.3, 0.2, 0.009),
    (600, 1, 0.94, 0.85, 0.5),
    (1200, 1, 1, 1, 0.9),
)
"""Tissue covers under a hundredth of a sample, bone much."""


def bricks_of(*values: int) -> BrickRanges:
    """Return a row of bricks; each holds one value."""
    bricks = BrickRanges((8, 8, 8 * len(values)))
    bricks.add_slices(0, np.repeat(np.array(values, np.uint16), 8)[None, None].repeat(8, 0).repeat(8, 1))
    return bricks


def table(*opacities: float) -> TransferTable:
    """Return a table of grey whose entries are at 0, 100, 200 and so on."""
    rgba = np.ones((len(opacities), 4), np.float32)
    rgba[:, 3] = opacities
    return TransferTable(rgba, 0.0, 100.0 * (len(opacities) - 1))


def test_bricks_count_in_which_no_sample_can_cover_a_hundredth() -> None:
    looks = table(0, 0.005, 0.005, 0.005, 0.3, 0.3)
    shown = [(0.0, np.inf)]
    assert share_of_faint_bricks(bricks_of(150, 150), shown, looks, 1.0, 0.0) == 1.0
    assert share_of_faint_bricks(bricks_of(450, 450), shown, looks, 1.0, 0.0) == 0.0
    assert share_of_faint_bricks(bricks_of(0, 0), shown, looks, 1.0, 0.0) == 0.0
    # Between two bricks lie values of both: the first of these reaches into bone.
    assert share_of_faint_bricks(bricks_of(150, 450, 450), shown, looks, 1.0, 0.0) == 0.0
    assert share_of_faint_bricks(bricks_of(150, 150, 150, 450), shown, looks, 1.0, 0.0) == 0.5


def test_bricks_of_stored_values_are_held_against_opacities_of_values() -> None:
    looks = table(0, 0.005, 0.005, 0.3)
    assert share_of_faint_bricks(bricks_of(1120, 1120), [(1000.0, np.inf)], looks, 1.0, -1000.0) == 1.0
    assert share_of_faint_bricks(bricks_of(1120, 1120), [(500.0, np.inf)], looks, 2.0, -1940.0) == 0.0


def test_bricks_are_counted_once_for_each_look() -> None:
    light = FaintLight()
    counted: list[float] = []

    def share(of_bricks: float) -> float:
        counted.append(of_bricks)
        return of_bricks

    answers = [light.is_shared(key, partial(share, found)) for key, found in [("a", 0.9), ("b", 0.1)] * 3]
    assert answers == [True, False] * 3
    assert counted == [0.9, 0.1]


@pytest.fixture
def defines(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, int]]:
    """The defines of the programs that pictures were drawn with."""
    found: list[Mapping[str, int]] = []
    real = Programs.get

    def get(programs: Programs, of_one: Mapping[str, int]) -> Program:
        found.append(of_one)
        return real(programs, of_one)

    monkeypatch.setattr(Programs, "get", get)
    return found


@pytest.mark.parametrize("grid", GRIDS)
def test_faint_tissue_in_pairs_is_as_near_to_the_reference_as_sample_by_sample(
    caster: RayCaster, make_volume: MakeVolume, grid: str, defines: list[Mapping[str, int]]
) -> None:
    scene = Scene(body(), GRIDS[grid], 0.5, FAINT)
    volume, look = make_volume(scene.values, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE)
    view = view_of(scene, EYES["perspective"])
    pairs = caster.draw(volume, look, view)
    # Cuts that took nothing away: the same picture, each sample with its own light.
    singles = caster.draw(volume, look, view, mask=VolumeMask.from_kept(np.ones(scene.values.shape, np.bool_)))
    assert [found.get("PAIRED") for found in defines] == [1, None]
    expected = composite(scene, EYES["perspective"])
    assert np.ptp(pairs) > 60
    assert psnr_db(pairs, expected) >= 44
    assert psnr_db(pairs, singles.astype(float)) >= 46
    assert abs(pairs.astype(float).mean() - singles.astype(float).mean()) < 0.2, "pairs cover as much"


def test_parts_and_skipped_bricks_leave_pairs_as_they_are(caster: RayCaster, make_volume: MakeVolume) -> None:
    scene = Scene(body(), GRIDS["oblique"], 0.5, FAINT)
    volume, look = make_volume(scene.values, scene.lps_from_index), look_of(scene, RayMode.COMPOSITE)
    view = replace(view_of(scene, EYES["perspective"]), jitter=1.0, phase=0.25)
    whole = caster.draw(volume, look, view)
    assert (caster.draw(volume, look, view, skip=False) == whole).all()
    top = caster.draw(volume, look, view, part=(0, 0, view.width_px, 16))
    assert (top == whole[:16]).all()


@pytest.mark.parametrize(
    ("mode", "scene"),
    [
        (RayMode.COMPOSITE, Scene(body(), GRIDS["oblique"], 0.5, BONE)),
        (RayMode.COMPOSITE, Scene(body(), GRIDS["oblique"], 1.5, FAINT)),
        (RayMode.MAXIMUM, Scene(body(), GRIDS["oblique"], 0.5, FAINT)),
    ],
    ids=["dense tissue", "samples over two voxels apart", "a projection"],
)
def test_each_sample_has_its_own_light(
    caster: RayCaster, make_volume: MakeVolume, defines: list[Mapping[str, int]], mode: RayMode, scene: Scene
) -> None:
    volume = make_volume(scene.values, scene.lps_from_index)
    caster.draw(volume, look_of(scene, mode), view_of(scene, EYES["perspective"]))
    assert "PAIRED" not in defines[0]
