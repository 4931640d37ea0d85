"""What the values of a volume are, for its histogram, its presets and what it starts with: from the slices that came.

Lowest and highest value are exact, counts are those of a part of the voxels, multiplied: some 2 million of them tell as
much as all. Padding, and what has not come, are left out. For worker threads; the drawing thread takes what is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.presets import RANGE_PERCENTILES, Preset, default_preset, presets_for
from renderpool.scene.transfer_function import LARGEST_VALUE, TransferFunction
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.value_facts import KnownFacts, ValueFacts
from renderpool.session.volume_range import Ends, both_ends, ends_of
from renderpool.session.volume_words import sentence_of
from renderpool.session.voxel_values import volume_unit
from webviewer.dicom.volume_values import VolumeValues
from webviewer.protocol.volumes import Lighting, Look, Tissue, VolumeFacts
from webviewer.protocol.volumes import Preset as PresetFact

HISTOGRAM_STEPS = 256
_SAMPLED_VOXELS = 2_000_000
_STORED_VALUES = 65536
_HOUNSFIELD = "HU"


def value_facts(volume: LoadedVolume, *, newest: bool = True) -> ValueFacts | None:
    """Return what the values are, computed once for what is there; None while nothing but padding is.

    Parameters
    ----------
    newest
        False: what is known of fewer slices is good enough.
    """
    state = (volume.is_whole, volume.slices_there)
    known = volume.facts_kept.get()
    if known is not None and (known.state == state or (not newest and known.state[0] == state[0])):
        return known.facts
    slices = _slices_there(volume)
    values = volume.values
    facts = None if values is None or not slices else _facts_of(slices, values)
    if facts is None:
        return None
    volume.facts_kept.put(KnownFacts(state, facts))
    return facts


@dataclass(frozen=True, slots=True)
class _Slice:
    """Voxels (rows, columns), and which of them are absent; None = none."""

    voxels: NDArray[np.uint16]
    absent: NDArray[np.bool_] | None


def _slices_there(volume: LoadedVolume) -> list[_Slice]:
    """Return slices that have come; those that stand in for others while there are no more."""
    voxels, there, presence = volume.voxels, np.flatnonzero(~volume.standing_in()), volume.presence
    if len(voxels) and len(there):
        return [_Slice(voxels[k], presence.absent_slice(int(k))) for k in there]
    slabs = {slab.voxels.__array_interface__["data"][0]: slab for slab in volume.news_since(0).slabs}
    return [
        _Slice(slab.voxels[0], presence.absent(slab.presences[0] if slab.presences else None))
        for slab in slabs.values()
    ]


def _facts_of(slices: list[_Slice], values: VolumeValues) -> ValueFacts | None:
    ends: Ends | None = None
    for one in slices:
        ends = both_ends(ends, ends_of(one.voxels, one.absent))
    if ends is None:
        return None
    low, high = ends
    counts, of_all = _counted(slices)
    counts = counts[low : high + 1]

    def value(stored: float) -> float:
        return stored * values.slope + values.intercept

    total = np.cumsum(counts)
    at = [low + int(np.searchsorted(total, percent / 100 * total[-1])) for percent in RANGE_PERCENTILES]
    step = (np.arange(len(counts)) * HISTOGRAM_STEPS // max(1, len(counts) - 1)).clip(max=HISTOGRAM_STEPS - 1)
    histogram = np.rint(np.bincount(step, counts, HISTOGRAM_STEPS) / of_all)
    return ValueFacts(
        value(low), value(high), value(at[0]), value(max(at[1], at[0] + 1)), tuple(histogram.astype(int).tolist())
    )


def _steps_of(slices: list[_Slice]) -> tuple[int, int, int]:
    """Return how many slices, rows and columns on the next voxel of the sample lies."""
    rows, columns = slices[0].voxels.shape
    every = max(1.0, len(slices) * rows * columns / _SAMPLED_VOXELS)
    between = math.ceil(every ** (1 / 3))
    along_slices = max(1, min(between, len(slices) // 16))  # of few slices all
    in_slice = max(1, math.ceil((every / along_slices) ** 0.5))
    return along_slices, min(in_slice, rows), min(in_slice, columns)


def _counted(slices: list[_Slice]) -> tuple[NDArray[np.int64], float]:
    """Return how often each stored value is met in a sample of the present voxels, and which part of all it is of."""
    along_slices, along_rows, along_columns = _steps_of(slices)
    counts, taken = np.zeros(_STORED_VALUES, np.int64), 0
    for one in slices[::along_slices]:
        sample = one.voxels[::along_rows, ::along_columns].ravel()
        counts += np.bincount(sample, minlength=_STORED_VALUES)
        if one.absent is not None:  # they hold 0
            counts[0] -= np.count_nonzero(one.absent[::along_rows, ::along_columns])
        taken += sample.size
    return counts, taken / (len(slices) * slices[0].voxels.size)


# -- what the browser is told ------------------------------------------------------------------------------------------


def volume_facts(cell: int, volume: LoadedVolume) -> VolumeFacts | None:
    """Return what the browser is told of a volume's values; None while nothing of it has come."""
    is_whole = volume.is_whole
    facts = value_facts(volume)
    if facts is None:
        return None
    offered = _offered(volume)
    return VolumeFacts(
        cell=cell,
        whole=is_whole,
        unit=volume_unit(volume),
        lowest=facts.lowest,
        highest=facts.highest,
        low=facts.low,
        high=facts.high,
        histogram=facts.histogram,
        presets=tuple(
            PresetFact(preset_id=preset.preset_id, group=preset.group.value, look=look_of_preset(preset, facts))
            for preset in offered
        ),
        default_preset=_default(volume).preset_id,
        warnings=tuple(map(sentence_of, volume.warnings)),
    )


def default_look(volume: LoadedVolume) -> Look | None:
    """Return what a volume starts with; None while nothing of it has come."""
    facts = value_facts(volume, newest=False)
    return None if facts is None else look_of_preset(_default(volume), facts)


def _offered(volume: LoadedVolume) -> tuple[Preset, ...]:
    return presets_for(volume.series.modality, in_hounsfield=_in_hounsfield(volume))


def _default(volume: LoadedVolume) -> Preset:
    return default_preset(
        volume.series.modality, angiography=volume.plan.is_angiography, in_hounsfield=_in_hounsfield(volume)
    )


def _in_hounsfield(volume: LoadedVolume) -> bool:
    return volume.series.modality == "CT" and volume_unit(volume) == _HOUNSFIELD


def look_of_preset(preset: Preset, facts: ValueFacts) -> Look:
    """Return a preset in the values of a volume."""
    low, high = (min(max(value, -LARGEST_VALUE), LARGEST_VALUE) for value in (facts.low, facts.high))
    function, iso_value = preset.for_range(low, high) if low < high else preset.for_range(0.0, 1.0)
    light = preset.lighting
    return Look(
        mode=preset.mode.value,
        tissues=_tissues(function),
        lighting=None
        if light is None
        else Lighting(
            ambient=light.ambient, diffuse=light.diffuse, specular=light.specular, specular_power=light.specular_power
        ),
        iso_value=iso_value,
    )


def _tissues(function: TransferFunction) -> tuple[Tissue, ...]:
    return tuple(
        Tissue(
            name=tissue.name,
            on=tissue.on,
            opacity=tuple((point.value, point.opacity) for point in tissue.opacity),
            colour=tuple((point.value, point.red, point.green, point.blue) for point in tissue.colour),
        )
        for tissue in function.tissues
    )
