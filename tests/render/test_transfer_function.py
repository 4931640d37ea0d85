"""Transfer functions, their tables, and the presets."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.scene.presets import (
    PRESETS,
    PresetGroup,
    ValueUnit,
    VolumeMode,
    default_preset,
    preset,
    presets_for,
)
from renderpool.scene.transfer_function import (
    Tissue,
    TransferFunction,
    colours,
    curve,
)
from webviewer.core.errors import InvalidInput, NotFound

RED = colours((0.0, 1.0, 0.0, 0.0))
RAMP = TransferFunction((Tissue("ramp", curve((100.0, 0.0), (300.0, 1.0)), RED),))
# scene.json of the measurements, as it stands there
SCENE = {
    "ct_bone": {
        "opacity": [[-1024, 0], [150, 0], [300, 0.12], [500, 0.5], [1200, 0.85], [3071, 0.9]],
        "colour": [[-1024, 0, 0, 0], [150, 0.55, 0.25, 0.15], [300, 0.88, 0.60, 0.29], [700, 1.0, 0.94, 0.85],
                   [1200, 1, 1, 1], [3071, 1, 1, 1]],
    },
    "ct_soft": {
        "opacity": [[-1024, 0], [-250, 0], [-90, 0.004], [20, 0.006], [120, 0.02], [300, 0.25], [600, 0.5],
                    [1200, 0.85], [3071, 0.9]],
        "colour": [[-1024, 0, 0, 0], [-250, 0.8, 0.6, 0.45], [-90, 0.9, 0.75, 0.55], [40, 0.75, 0.35, 0.3],
                   [300, 0.9, 0.3, 0.2], [700, 1.0, 0.94, 0.85], [1200, 1, 1, 1], [3071, 1, 1, 1]],
    },
}  # fmt: skip


def opacity_at(function: TransferFunction, value: float) -> float:
    return float(function.rgba(np.array([value]))[0, 3])


def test_opacity_is_straight_between_points_and_level_beyond_them() -> None:
    assert [opacity_at(RAMP, value) for value in (-900, 100, 150, 300, 5000)] == [0, 0, 0.25, 1, 1]


def test_colours_are_mixed_between_points() -> None:
    function = TransferFunction(
        (Tissue("t", curve((0.0, 0.5)), colours((0.0, 0.2, 0.0, 1.0), (100.0, 0.6, 1.0, 0.0))),)
    )
    assert function.rgba(np.array([50.0]))[0] == pytest.approx([0.4, 0.5, 0.5, 0.5])


def test_tissues_cover_together_and_their_colours_mix_by_opacity() -> None:
    blue = colours((0.0, 0.0, 0.0, 1.0))
    both = TransferFunction((Tissue("one", curve((0.0, 0.6)), RED), Tissue("other", curve((0.0, 0.2)), blue)))
    assert both.rgba(np.array([0.0]))[0] == pytest.approx([0.75, 0, 0.25, 1 - 0.4 * 0.8], abs=1e-5)


def test_a_tissue_that_is_off_leaves_no_trace() -> None:
    hidden = TransferFunction((RAMP.tissues[0], Tissue("hidden", curve((0.0, 0.9)), RED, on=False)))
    values = np.linspace(-500, 900, 57)
    assert hidden.rgba(values).tolist() == RAMP.rgba(values).tolist()
    nothing = TransferFunction((Tissue("hidden", curve((0.0, 0.9)), RED, on=False),))
    assert nothing.rgba(values).tolist() == np.zeros((57, 4)).tolist()
    assert nothing.table(0, 10).visible_ranges == ()


def test_the_table_runs_over_the_range() -> None:
    table = RAMP.table(0, 400, entries=5)
    assert table.rgba.dtype == np.float32
    assert table.rgba[:, 3].tolist() == [0, 0, 0.5, 1, 1]


def test_visible_ranges_hold_every_value_that_shows() -> None:
    peaks = TransferFunction(
        (
            Tissue("one", curve((100.0, 0.0), (110.0, 0.5), (120.0, 0.0)), RED),
            Tissue("two", curve((300.0, 0.0), (400.0, 0.2)), RED),
        )
    )
    table = peaks.table(-1024, 3071, entries=512)
    (low, high), (second, end) = table.visible_ranges
    step = 4095 / 511
    assert 100 - step <= low <= 100
    assert 120 <= high <= 120 + step
    assert 300 - step <= second <= 300
    assert end == math.inf
    # Looked up as a device does it, linear between entries, nothing outside of the ranges shows and all inside does.
    values = np.linspace(-1024, 3071, 50_001)
    opacity = np.interp(values, np.linspace(-1024, 3071, 512), table.rgba[:, 3].astype(np.float64))
    inside = np.zeros(values.shape, bool)
    for start, stop in table.visible_ranges:
        inside |= (values > start) & (values < stop)
    assert (opacity[~inside] == 0).all()
    assert (opacity[inside] > 0).all()


def test_a_curve_that_shows_everywhere_has_no_ends() -> None:
    table = TransferFunction((Tissue("t", curve((0.0, 0.3)), RED),)).table(0, 10)
    assert table.visible_ranges == ((-math.inf, math.inf),)


def test_the_window_of_a_ramp_is_its_own() -> None:
    assert RAMP.window == (200, 200)
    assert preset("ct_mip").function.window == (500, 1400)


def test_the_window_of_a_level_curve_is_that_of_its_points() -> None:
    level = TransferFunction((Tissue("t", curve((0.0, 0.3), (50.0, 0.3)), RED),))
    assert level.window == (25, 50)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Tissue("", curve((0, 0)), RED), "name of 0 letters is invalid: must be 1 to 64"),
        (lambda: Tissue("bone", (), RED), "'bone' has 0 points of opacity: must be 1 to 64"),
        (lambda: Tissue("bone", curve((0, 0)), ()), "'bone' has 0 points of colour"),
        (lambda: Tissue("bone", curve((5, 0), (5, 1)), RED), "'bone' do not rise: 5 is followed by 5"),
        (
            lambda: Tissue("bone", curve((5, 0), (4, 1)), RED),
            "do not rise: 5 is followed by 4 in its points of opacity",
        ),
        (lambda: Tissue("bone", curve((0, 1.5)), RED), "Opacity 1.5 of tissue 'bone' is invalid: must be from 0 to 1"),
        (lambda: Tissue("bone", curve((0, -0.1)), RED), "Opacity -0.1"),
        (lambda: Tissue("bone", curve((0, 0)), colours((0, 0, 2, 0))), "Colour 2 of tissue 'bone'"),
        (lambda: Tissue("bone", curve((math.nan, 0)), RED), "Value nan of tissue 'bone' is invalid"),
        (lambda: Tissue("bone", curve((0, math.nan)), RED), "Opacity nan"),
        (lambda: Tissue("bone", curve(*((i, 0) for i in range(65))), RED), "65 points"),
        (lambda: TransferFunction(()), "0 tissues are invalid: must be 1 to 16"),
        (lambda: TransferFunction((RAMP.tissues[0], RAMP.tissues[0])), "Two tissues are called 'ramp'"),
        (lambda: RAMP.table(5, 5), "it has no values in it"),
        (lambda: RAMP.scaled(3, 3), "the range must not be empty"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_words(make: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()


@pytest.mark.parametrize("name", ["ct_bone", "ct_soft"])
def test_the_presets_of_the_measured_scene_are_those_of_the_scene(name: str) -> None:
    (tissue,) = preset(name).function.tissues
    assert [[point.value, point.opacity] for point in tissue.opacity] == SCENE[name]["opacity"]
    assert [[p.value, p.red, p.green, p.blue] for p in tissue.colour] == SCENE[name]["colour"]
    lighting = preset(name).lighting
    assert lighting is not None
    assert (lighting.ambient, lighting.diffuse, lighting.specular, lighting.specular_power) == (0.2, 0.8, 0.3, 20)


def test_ids_are_unique_and_made_for_keys() -> None:
    ids = [candidate.preset_id for candidate in PRESETS]
    assert len(set(ids)) == len(ids)
    assert all(name.replace("_", "").isalnum() and name == name.lower() for name in ids)


def test_every_group_has_a_preset() -> None:
    assert {candidate.group for candidate in PRESETS} == set(PresetGroup)


def test_volumes_start_with_what_suits_their_modality() -> None:
    assert default_preset("CT").preset_id == "ct_bone_vessels"
    angiography = default_preset("MR", angiography=True)
    assert (angiography.group, angiography.mode) == (PresetGroup.MR_ANGIOGRAPHY, VolumeMode.MAXIMUM)
    assert default_preset("MR").mode is VolumeMode.SHADED
    assert default_preset("XA").group is PresetGroup.VESSELS
    assert default_preset("PT").mode is VolumeMode.MAXIMUM


@pytest.mark.parametrize("modality", ["CT", "MR", "XA", "MG", "PT", "OT"])
def test_the_default_is_among_what_is_offered(modality: str) -> None:
    offered = presets_for(modality)
    assert default_preset(modality) in offered
    assert default_preset(modality, angiography=True) in offered
    groups = [list(PresetGroup).index(candidate.group) for candidate in offered]
    assert groups == sorted(groups)
    if modality != "CT":
        assert all(candidate.unit is ValueUnit.RELATIVE for candidate in offered)


def test_the_lungs_are_not_hidden_by_the_chest_wall_nor_by_air() -> None:
    function = preset("ct_lung").function
    assert [opacity_at(function, value) for value in (-1000, -100, 0, 40, 80, 1000)] == [0] * 6
    assert opacity_at(function, -650) > 0.04


def along_a_ray(values: NDArray[np.float64], step_mm: float) -> tuple[NDArray[np.float64], float]:
    """Return colour and opacity of unlit samples one after another, of the preset that CT starts with."""
    colour, clear = np.zeros(3), 1.0
    for *rgb, opacity in preset("ct_bone_vessels").function.rgba(values):
        share = 1 - (1 - opacity) ** step_mm
        colour += clear * share * np.array(rgb)
        clear *= 1 - share
    return colour / max(1 - clear, 1e-9), 1 - clear


@pytest.mark.parametrize("edge_mm", [0.7, 1.5, 2.5])
def test_bones_are_ivory_and_vessels_red(edge_mm: float) -> None:
    """What is seen of a rib with its coat of partial volume, and of vessels in soft tissue."""
    depth_mm = np.arange(0, 30, 0.1)
    for bone_hu in (700, 1000, 1400):
        (red, green, blue), covered = along_a_ray(
            np.interp(depth_mm, [5, 5 + edge_mm, 12], [40, bone_hu, bone_hu]), 0.1
        )
        assert covered > 0.9
        assert green / red > 0.8, f"bone of {bone_hu} HU is salmon"
        assert blue / red > 0.65, f"bone of {bone_hu} HU is salmon"
    for vessel_hu in (220, 300, 360):
        ends = [5, 5 + edge_mm, 15 - edge_mm, 15]
        (red, green, blue), covered = along_a_ray(np.interp(depth_mm, ends, [40, vessel_hu, vessel_hu, 40]), 0.1)
        assert covered > 0.6, f"a vessel of {vessel_hu} HU, 10 mm wide, is hardly seen"
        assert max(green, blue) / red < 0.4, f"a vessel of {vessel_hu} HU is not red"
    _, covered = along_a_ray(np.full(1000, 60.0), 0.1)
    assert covered == 0, "soft tissue hides them"


def test_relative_presets_follow_the_volume_s_own_range() -> None:
    function, iso_value = preset("mr_angiography_mip").for_range(200, 1200)
    assert function.window == pytest.approx((200 + 575, 850))
    assert iso_value is None
    fixed, iso_value = preset("ct_bone_surface").for_range(0, 1)
    assert fixed == preset("ct_bone_surface").function
    assert iso_value == 300
    with pytest.raises(InvalidInput, match="must not be empty"):
        preset("mip").for_range(7, 7)


def test_an_unknown_preset_is_not_found() -> None:
    with pytest.raises(NotFound, match="no preset 'nothing'"):
        preset("nothing")
