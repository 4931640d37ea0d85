"""What the browser is told of a volume's values, against NumPy's own answers."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.session import volume_facts as module
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_facts import default_look, value_facts, volume_facts
from renderpool.session.volume_range import ends_of
from tests.render.painter_volumes import LatticeSource, Steps, Ward, ward
from webviewer.dicom.volume_values import VolumeValues
from webviewer.protocol.volumes import VolumeFacts

__all__ = ["ward"]

STEPS: Steps = ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 2))


def values_of(slices: int = 22, rows: int = 60, columns: int = 70) -> NDArray[np.int16]:
    rng = np.random.default_rng(3)
    values = np.where(rng.random((slices, rows, columns)) < 0.4, rng.normal(-900, 40, (slices, rows, columns)), 0)
    values += rng.gamma(2.0, 90.0, values.shape)
    rounded: NDArray[np.int16] = values.round().clip(-1024, 3071).astype(np.int16)
    return rounded


def facts_of(volume: LoadedVolume) -> VolumeFacts:
    facts = volume_facts(3, volume)
    assert facts is not None
    return facts


def told(ward: Ward, values: NDArray[Any], frame: dict[str, Any] | None = None, **changes: Any) -> VolumeFacts:
    volume = ward.volume_of(values, STEPS, frame, **changes)
    object.__setattr__(volume.series, "modality", changes.get("modality", "CT"))
    return facts_of(volume)


def test_values_of_a_small_volume_are_counted_to_the_last_one(ward: Ward) -> None:
    values = values_of()
    facts = told(ward, values, {"rescale_slope": 0.5, "rescale_intercept": 100.0, "rescale_type": "HU"})
    real = values * 0.5 + 100
    assert (facts.lowest, facts.highest) == (real.min(), real.max())
    assert facts.histogram == tuple(np.histogram(real, 256, (real.min(), real.max()))[0].tolist())
    assert facts.low == pytest.approx(np.percentile(real, 1), abs=0.51)
    assert facts.high == pytest.approx(np.percentile(real, 99.9), abs=0.51)
    assert (facts.cell, facts.whole, facts.unit, facts.warnings) == (3, True, "HU", ())


def test_values_of_a_large_volume_are_sampled(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAMPLED_VOXELS", 20_000)
    values = values_of(40, 90, 100)
    values[17, 33, 91], values[3, 7, 1] = 3071, -1024  # no sample may miss them
    facts = told(ward, values)
    assert (facts.lowest, facts.highest) == (-1024, 3071)
    assert sum(facts.histogram) == pytest.approx(values.size, rel=0.01)
    expected = np.histogram(values, 256, (-1024, 3071))[0]
    assert np.abs(np.array(facts.histogram) - expected).sum() < 0.25 * values.size
    assert facts.low == pytest.approx(np.percentile(values, 1), abs=12)


@pytest.mark.parametrize("padding", [-2000, 30000])
def test_padding_is_no_value(ward: Ward, padding: int) -> None:
    values = values_of()
    expected = told(ward, values, modality="MR")
    padded = np.pad(values, ((0, 0), (0, 0), (9, 9)), constant_values=padding)
    facts = told(ward, padded, modality="MR", pixel_padding_value=padding)
    assert (facts.lowest, facts.highest, facts.low, facts.high) == (
        expected.lowest,
        expected.highest,
        expected.low,
        expected.high,
    )
    assert facts.histogram == expected.histogram


def test_ends_without_padding_are_numpy_s_own() -> None:
    rng = np.random.default_rng(2)
    for low, high in ((0, 65535), (30, 60), (0, 5), (60001, 65535)):
        voxels = rng.integers(low, high, (20, 15), np.uint16, endpoint=True)
        for part in (0.0, 0.01, 0.5, 0.99, 1.0):
            absent = rng.random(voxels.shape) < part
            real = voxels[~absent]
            held = np.where(absent, np.uint16(0), voxels)
            assert ends_of(held, absent) == ((real.min(), real.max()) if real.size else None)
        assert ends_of(voxels) == (voxels.min(), voxels.max())
    assert ends_of(np.zeros((0, 3), np.uint16)) is None


def test_nothing_is_told_while_nothing_has_come_and_what_has_not_come_is_left_out(ward: Ward) -> None:
    values = values_of(48)
    values[8::16] += 200  # half of the first ones
    source = LatticeSource(values, STEPS, {}, {})
    source.hold_after = 7
    source.gate.clear()
    volume = ward.open(source)
    until_s = time.monotonic() + 20
    assert source.waits.wait(20)
    while volume.slices_there < 7 and time.monotonic() < until_s:
        time.sleep(0.01)
    there = values[np.flatnonzero(~volume.standing_in())]
    first = facts_of(volume)
    assert not first.whole
    assert sum(first.histogram) == there.size
    assert (first.lowest, first.highest) == (there.min(), there.max())
    source.gate.set()
    volume.wait(20)
    last = facts_of(volume)
    assert last.whole
    assert sum(last.histogram) == values.size
    assert (last.lowest, last.highest) == (values.min(), values.max())
    empty = LatticeSource(values, STEPS, {}, {})
    empty.gate.clear()
    assert volume_facts(0, ward.open(empty)) is None


def test_an_uneven_stack_of_which_nothing_is_made_yet_has_facts(ward: Ward) -> None:
    volume = ward.volume_of(values_of(), STEPS)
    volume._shown_by[:] = 4  # the fourth stands in for all
    facts = value_facts(volume)
    assert facts is not None
    assert (facts.lowest, facts.highest) == (values_of()[4].min(), values_of()[4].max())


def test_a_volume_of_one_value_has_a_range(ward: Ward) -> None:
    facts = told(ward, np.full((5, 8, 9), 40, np.int16), modality="MR")
    assert (facts.lowest, facts.highest) == (40, 40)
    assert facts.low < facts.high
    assert sum(facts.histogram) == 5 * 8 * 9


@pytest.mark.parametrize(
    ("modality", "frame", "unit", "default"),
    [
        ("CT", {"rescale_type": "HU"}, "HU", "ct_bone_vessels"),
        ("CT", {}, "HU", "ct_bone_vessels"),
        ("CT", {"rescale_type": "MGML"}, "MGML", "mip"),
        ("MR", {}, "", "mr_surface"),
        ("XA", {}, "", "xa_vessels"),
        ("NM", {}, "", "mip"),
    ],
)
def test_units_and_presets_follow_the_modality(
    ward: Ward, modality: str, frame: dict[str, Any], unit: str, default: str
) -> None:
    offers_hu = unit == "HU"
    facts = told(ward, values_of(), frame, modality=modality)
    assert (facts.unit.upper(), facts.default_preset) == (unit, default)
    ids = [preset.preset_id for preset in facts.presets]
    assert default in ids
    assert ("ct_bone" in ids) == offers_hu
    look = next(preset.look for preset in facts.presets if preset.preset_id == "mip")
    assert [value for value, _ in look.tissues[0].opacity] == [facts.low, facts.high]
    if offers_hu:
        bone = next(preset for preset in facts.presets if preset.preset_id == "ct_bone_surface")
        assert (bone.group, bone.look.mode, bone.look.iso_value) == ("bone", "isosurface", 300)


@pytest.mark.parametrize("slope", [1e-9, 1e3, 1e4])
def test_values_of_any_size_have_presets(ward: Ward, slope: float) -> None:
    facts = told(ward, values_of(), {"rescale_slope": slope}, modality="PT")
    assert facts.highest == pytest.approx(values_of().max() * slope)
    look = next(preset.look for preset in facts.presets if preset.preset_id == facts.default_preset)
    values = [value for value, _ in look.tissues[0].opacity]
    assert values == sorted(set(values))
    assert max(map(abs, values)) <= 1e9


def test_mr_angiography_starts_with_a_mip(ward: Ward) -> None:
    assert told(ward, values_of(), modality="MR", is_angiography=True).default_preset == "mr_angiography_mip"


def test_the_default_look_is_that_of_the_preset(ward: Ward) -> None:
    volume = ward.volume_of(values_of(), STEPS)
    facts = facts_of(volume)
    assert default_look(volume) == next(p.look for p in facts.presets if p.preset_id == facts.default_preset)


def test_values_that_are_rounded_are_warned_of(ward: Ward) -> None:
    volume = ward.volume_of(values_of(), STEPS)
    volume.values = VolumeValues(0.5, 0.0, None)
    (warning,) = facts_of(volume).warnings
    assert (warning.code, warning.numbers) == ("values_rounded", (0.5,))
    assert "rounded to steps of 0.5" in warning.text
