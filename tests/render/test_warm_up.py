"""What is compiled before a doctor comes: the first use of a mode, of a mask or of a slab makes no program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from renderpool.engine import program
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.rays import RayMode
from renderpool.engine.renderer import Renderer
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.engine.volume_mask import VolumeMask, pack
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.grey import GreyMap, VoiFunction
from renderpool.scene.plane_canvas import PlaneCanvas
from renderpool.scene.slab import Slab, SlabMode
from renderpool.session.volume_painter import VolumePainter
from tests.render.ray_scenes import (
    DARK,
    EYES,
    GREY,
    GRIDS,
    SOFT,
    MakeVolume,
    caster,
    look_of,
    make_volume,
    turned_over,
    view_of,
)
from tests.render.reference_ray_cast import Scene
from webviewer.dicom.volume import VolumeGrid

__all__ = ["caster", "make_volume"]


class NoMore:
    """In place of a program: to make one fails the test."""

    def __init__(self, *names: object) -> None:
        raise AssertionError(f"{names} is compiled while a doctor waits")


POINTS = {RayMode.MAXIMUM: GREY, RayMode.MINIMUM: DARK, RayMode.AVERAGE: DARK}


def test_the_first_use_of_a_mode_a_mask_or_a_box_compiles_nothing(
    caster: RayCaster, make_volume: MakeVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    caster.warm_up()
    monkeypatch.setattr(program, "Program", NoMore)
    for mode in RayMode:
        scene = Scene(turned_over(mode), GRIDS["cubes"], 0.7, POINTS.get(mode, SOFT), level=-300)
        volume, view = make_volume(scene.values, scene.lps_from_index), view_of(scene, EYES["perspective"])
        kept = np.ones(scene.values.shape, np.bool_)
        kept[:, :, :20] = False
        whole = caster.draw(volume, look_of(scene, mode), view)
        assert np.ptp(whole) > 60, "the picture is empty"
        cut = caster.draw(volume, look_of(scene, mode), view, mask=VolumeMask.from_kept(kept))
        assert cut.tobytes() != whole.tobytes()
        boxed = caster.draw(volume, look_of(scene, mode), replace(view, box_index=((20, 0, 0), (41, 36, 23))))
        assert boxed.tobytes() != whole.tobytes()
        padded = caster.draw(make_volume(scene.values, scene.lps_from_index, kept), look_of(scene, mode), view)
        assert padded.tobytes() != whole.tobytes()


@pytest.mark.parametrize("mode", SlabMode)
def test_the_first_slab_compiles_nothing(renderer: Renderer, monkeypatch: pytest.MonkeyPatch, mode: SlabMode) -> None:
    slabs = SlabRenderer(software=renderer.context.software, debug=True)
    for _ in slabs.warm_up_steps():
        pass
    monkeypatch.setattr(program, "Program", NoMore)
    texture = VolumeTexture((5, 20, 30))
    texture.upload_slices(0, np.full((5, 20, 30), 700, np.uint16))
    grid, canvas = VolumeGrid((5, 20, 30), np.eye(4)), PlaneCanvas(8, 8, np.diag([1.0, 1.0, 1.0, 1.0]))
    present = np.ones((5, 20, 30), np.bool_)
    for _ in range(2):
        for function in (VoiFunction.LINEAR, VoiFunction.LINEAR_EXACT):
            pixels = slabs.draw(texture, grid, canvas, Slab(mode, 4.0), GreyMap(function, 700.0, 100.0))
            assert set(np.unique(pixels)) <= {127, 128, 129}, "not the level of the window"
        present[4, 19, 29] = False  # and so the volume is padded
        texture.upload_slices(0, np.where(present, 700, 0).astype(np.uint16), pack(present))
    texture.close()
    slabs.close()


def test_each_step_compiles_one_program_at_most(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes in the middle of it waits for one."""
    made: list[int] = []
    real = program.Program

    def counted(vertex: str, fragment: str, defines: Mapping[str, int]) -> program.Program:
        made.append(1)
        return real(vertex, fragment, defines)

    monkeypatch.setattr(program, "Program", counted)
    painter, counts = VolumePainter(renderer, debug=True), []
    for _ in painter.warm_up_steps():
        counts.append(len(made))
        made.clear()
    assert sum(counts) > 15
    assert max(counts) == 1
    painter.close()
