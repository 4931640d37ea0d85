"""Kinds of values: frames whose values do not compare are kept out of one volume, or a notice says that they may not.

A unit (Modality, Units, Rescale Type, Modality LUT, inversion) never mixes. Of other facets with ``Mixing.NEVER``, such
as the kernel, two cases stay one volume with a notice: some frames state the only value and others none, or no value
has enough slices for a volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.facets import FACETS, Facet, Mixing, varying_facets
from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.sentence import Sentence, plain_text, say
from webviewer.dicom.stack_groups import MIN_SLICES, SAME_POSITION_MM, Rows, number_runs

_MOST_PASSES = 8  # of one interleaved acquisition
_MOST_CHARACTERS = 32  # of a value in a sentence
_ACQUISITION = next(facet for facet in FACETS if facet.name == "acquisition")


@dataclass(frozen=True, slots=True)
class ValueKind:
    """Frames (indices) whose values compare; ``refusal`` is there if they are too few for a volume."""

    frames: list[int]
    refusal: Sentence | None = None


def by_value_kind(alike: list[int], places: Sequence[FramePlace]) -> list[ValueKind]:
    """Return frames by kind of value, in the order of the facets and of their values."""
    kinds = [ValueKind(alike)]
    for facet in varying_facets([places[i] for i in alike]):
        if facet.mixing is Mixing.NEVER:
            kinds = [part for kind in kinds for part in _parts(kind, facet, places)]
    return kinds


def _parts(kind: ValueKind, facet: Facet, places: Sequence[FramePlace]) -> list[ValueKind]:
    values = facet.values_of(places[i] for i in kind.frames)
    groups = facet.groups_of(values)
    parts: dict[int, list[int]] = {}
    for index, value in zip(kind.frames, values, strict=True):
        parts.setdefault(groups[value], []).append(index)
    if len(parts) == 1:
        return [kind]
    is_ambiguous = None in groups and len(parts) == 2
    if not facet.is_unit and (is_ambiguous or max(map(len, parts.values())) < MIN_SLICES):
        return [kind]
    value_of = {group: value for value, group in groups.items()}
    return [
        ValueKind(own, kind.refusal or _too_few(len(own), facet, value_of[group]))
        for group, own in sorted(parts.items())
    ]


def _too_few(count: int, facet: Facet, value: Any) -> Sentence | None:
    if count >= MIN_SLICES:
        return None
    if value is None:
        return say("too_few_without_value", count, MIN_SLICES, texts=(facet.attribute,))
    stated = " ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    words = f"{facet.attribute} {plain_text(stated, _MOST_CHARACTERS)}"
    return say("too_few_of_value", count, MIN_SLICES, texts=(words,))


def notices_of_values(own: Sequence[FramePlace], positions_mm: NDArray[np.float64]) -> tuple[Sentence, ...]:
    """Return the assumptions about the values of one volume: of its slices by position, and their positions, (n,)."""
    found = []
    for facet in varying_facets(own):
        if facet.mixing is not Mixing.NEVER or facet.is_unit:
            continue
        values = facet.values_of(own)
        groups = facet.groups_of(values)
        stated = len(set(groups.values())) - (None in groups)
        if stated > 1:
            found.append(say("mixed_values", stated, texts=(facet.attribute,)))
        elif None in groups:
            found.append(say("unstated_value", values.count(None), len(own), texts=(facet.attribute,)))
    if all(place.frame.slice_thickness is None for place in own):
        found.extend(_interleaved(own, positions_mm))
    return tuple(found)


def _interleaved(own: Sequence[FramePlace], positions_mm: NDArray[np.float64]) -> list[Sentence]:
    """Return that acquisitions lie within one another: without a thickness nothing tells passes from repetitions."""
    values = _ACQUISITION.values_of(own)
    groups = _ACQUISITION.groups_of(values)
    passes = _passes(np.array([groups[value] for value in values], np.intp))
    if passes:
        return [say("interleaved", passes)]
    numbers = [(place.instance_number, place.frame_number) for place in own if place.instance_number is not None]
    if len(set(numbers)) < len(own):
        return []
    by_number = np.array(sorted(range(len(own)), key=numbers.__getitem__), np.intp)
    runs = number_runs(positions_mm, by_number, SAME_POSITION_MM)
    passes = 0 if runs is None else _passes(runs)
    return [say("interleaved_runs", passes)] if passes else []


def _passes(labels: Rows) -> int:
    """Return in how many groups slices lie between one another; 0 if they do not, or if the groups are no passes."""
    sizes = np.bincount(labels)
    is_interleaved = np.count_nonzero(np.diff(labels)) > len(sizes) - 1
    is_possible = 2 <= len(sizes) <= _MOST_PASSES and sizes.min() >= MIN_SLICES
    return len(sizes) if is_interleaved and is_possible else 0
