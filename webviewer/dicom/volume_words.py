"""What a doctor reads about volumes: names to choose from, cautions, and why there is none."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.sentence import Sentence, joined, say
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_plan import VolumePlan
from webviewer.dicom.volume_slices import Gap, SliceLayout

FURTHEST_M = 100  # no scanner is as long

COLOR = say("color")
VIDEO = say("video")
UNREADABLE = say("unreadable")
NO_PLACE = say("no_place")
NOWHERE = say("nowhere", FURTHEST_M)
NO_SPACING = say("no_spacing")
FLAT = say("flat")
UNNAMED = Sentence("", (), "")
"""Until all volumes of a series are known, and so what tells them apart."""

_MOST_GAPS = 5
_TILTED_FROM_DEGREES = 0.5
_THIN_BELOW = 0.5  # of the spacing
_AXES = ("sagittal", "coronal", "axial")
_ALONG_AXIS = 0.82  # cosine of 35°: a tilted gantry is still axial
# Of several that an image has, the first of these tells most.
_KINDS = {
    "ADC": "adc",
    "FA": "fractional_anisotropy",
    "TRACEW": "trace_weighted",
    "TRACE": "trace_weighted",
    "WATER": "water",
    "W": "water",
    "FAT": "fat",
    "F": "fat",
    "IN_PHASE": "in_phase",
    "IP": "in_phase",
    "OUT_PHASE": "out_of_phase",
    "OPP_PHASE": "out_of_phase",
    "OP": "out_of_phase",
    "M": "magnitude",
    "MAGNITUDE": "magnitude",
    "P": "phase_image",
    "PHASE": "phase_image",
    "PHASE MAP": "phase_image",
    "R": "real",
    "REAL": "real",
    "I": "imaginary",
    "IMAGINARY": "imaginary",
}


def too_few(slices: int, least: int) -> Sentence:
    """Return why so few slices are no volume."""
    return say("too_few_slices", slices, least)


def one_position(images: int) -> Sentence:
    """Return why a cine is no volume."""
    return say("one_position", images)


def doubled(position_mm: float) -> Sentence:
    """Return why frames at one position that are no phases are no volume."""
    return say("same_position", round(position_mm, 1))


def not_parallel(degrees: float) -> Sentence:
    """Return why slices that turn a little are no volume."""
    return say("turned", round(degrees, 1))


def not_parallel_at_all(directions: int, most: int, least: int) -> Sentence:
    """Return why slices in many directions are no volume."""
    return say("not_parallel", directions, most, least)


def localizer(directions: int, most: int, least: int) -> Sentence:
    """Return why scouts are no volume."""
    return say("localizer", directions, most, least)


def different_sizes(sizes: int) -> Sentence:
    """Return why pictures of several sizes are no volume."""
    return say("different_sizes", sizes)


def too_far_apart(layout: SliceLayout) -> Sentence:
    """Return why a stack with vast gaps is no volume."""
    gap = max(layout.gaps, key=lambda gap: gap.missing)
    return say("too_far_apart", gap.missing, round(gap.from_mm, 1), round(gap.to_mm, 1))


def notices(images: Iterable[ImageAttributes]) -> tuple[Sentence, ...]:
    """Return what was assumed of images, each assumption once."""
    told = dict.fromkeys(notice for image in images for notice in image.notices)
    return tuple(say(notice.code, *notice.numbers) for notice in told)


def warnings(
    layout: SliceLayout, grid: VolumeGrid, off_mm: float, places: Sequence[FramePlace], modality: str
) -> tuple[Sentence, ...]:
    """Return what a doctor should know of a volume: gaps, uneven spacing, tilt, slices that lie beside their place."""
    found = _gaps(layout.gaps)
    if layout.is_uneven:
        steps = np.diff(np.array(layout.index)) * layout.spacing_mm
        found.append(say("uneven", *(round(float(mm), 2) for mm in (steps.min(), steps.max(), layout.spacing_mm))))
    step = grid.lps_from_index[:3, 2]
    along = float(np.dot(step, _normal(grid)))
    tilt = math.degrees(math.acos(min(along / float(np.linalg.norm(step)), 1.0)))
    if tilt >= _TILTED_FROM_DEGREES:
        found.append(say("tilted" if modality == "CT" else "aslant", round(tilt, 1)))
    if off_mm > 0.5 * min(grid.spacing_mm[1:]):
        found.append(say("shifted", round(off_mm, 1)))
    thickness = [place.frame.slice_thickness for place in places if place.frame.slice_thickness is not None]
    if thickness and max(thickness) < _THIN_BELOW * along:
        found.append(say("thin", round(max(thickness), 2), round(along, 2)))
    return tuple(found)


def _gaps(gaps: Sequence[Gap]) -> list[Sentence]:
    found = [say("gap", gap.missing, round(gap.from_mm, 2), round(gap.to_mm, 2)) for gap in gaps[:_MOST_GAPS]]
    rest = gaps[_MOST_GAPS:]
    if len(rest) == 1:
        found.append(say("further_gap", rest[0].missing, round(rest[0].to_mm, 2)))
    elif rest:
        found.append(say("further_gaps", sum(gap.missing for gap in rest), len(rest), round(rest[-1].to_mm, 2)))
    return found


def labels(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[Sentence]:
    """Return a name for each volume of a series, all different, that says what tells it from the others."""
    phases = _phase_names(plans, places)
    names = ["unoriented" if plan.is_orientation_assumed else _direction(plan.grid) for plan in plans]
    sizes: dict[str, set[tuple[int, ...]]] = {}
    for plan, name in zip(plans, names, strict=True):
        sizes.setdefault(name, set()).add(plan.grid.shape[1:])
    found: list[_Name] = []
    for plan, name, phase in zip(plans, names, phases, strict=True):
        parts: _Name = (say(name), say("slices", len(plan.frames)))
        if len(sizes[name]) > 1:
            parts += (say("size", plan.grid.shape[2], plan.grid.shape[1]),)
        found.append(parts + phase)
    ranges = [(say("range", round(plan.positions_mm[0], 1), round(plan.positions_mm[-1], 1)),) for plan in plans]
    return [joined(name) for name in _numbered(_with(found, ranges))]


_Name = tuple[Sentence, ...]


def _normal(grid: VolumeGrid) -> NDArray[np.float64]:
    normal = np.cross(grid.lps_from_index[:3, 0], grid.lps_from_index[:3, 1])
    return normal / float(np.linalg.norm(normal))


def _direction(grid: VolumeGrid) -> str:
    part = np.abs(_normal(grid))
    axis = int(part.argmax())
    return _AXES[axis] if part[axis] > _ALONG_AXIS else "oblique"


def _phase_names(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[_Name]:
    """Return what tells a phase from the others of its place, empty where there are none."""
    found: list[_Name] = []
    start = 0
    for stop in range(1, len(plans) + 1):
        if stop < len(plans) and plans[stop].phase_number > plans[stop - 1].phase_number:
            continue
        found.extend(_names_of_phases(plans[start:stop], places))
        start = stop
    return found


def _said(code: str, digits: int) -> Callable[[float], Sentence]:
    return lambda value: say(code, round(value, digits))


def _kind_of(place: FramePlace) -> str | None:
    return _kind(place.frame.image_type)


@functools.lru_cache(maxsize=256)
def _kind(image_type: tuple[str, ...]) -> str | None:
    return next((code for word, code in _KINDS.items() if word in image_type[2:]), None)


_PHASE_NAMES: tuple[tuple[Callable[[FramePlace], Any], Callable[[Any], Sentence]], ...] = (
    (lambda place: place.frame.temporal_position_index, _said("time", 0)),
    (lambda place: place.trigger_time_ms, _said("trigger_time", 1)),
    (lambda place: place.b_value, _said("b_value", 1)),
    (lambda place: place.frame.echo_time_ms, _said("echo_time", 2)),
    (_kind_of, say),
    (lambda place: place.acquisition_number, _said("acquisition", 0)),
)


def _names_of_phases(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[_Name]:
    if plans[0].phase_count == 1:
        return [()]
    found: list[_Name] = [() for _ in plans]
    for value_of, name_of in _PHASE_NAMES:
        values = [{value_of(places[i]) for i in plan.frames} for plan in plans]
        # What changes within one of them names none; nor does what all share. A map made of others may lack it.
        if any(len(own) != 1 for own in values) or len(set.union(*values)) == 1:
            continue
        told = [own.pop() for own in values]
        found = [name if value is None else (*name, name_of(value)) for name, value in zip(found, told, strict=True)]
    return _with(found, [(say("phase", plan.phase_number, plan.phase_count),) for plan in plans])


def _with(names: Sequence[_Name], more: Sequence[_Name]) -> list[_Name]:
    """Return names; of those that stand for several volumes, with ``more`` behind where that tells them apart."""
    kinds = Counter(name for name, _ in set(zip(names, more, strict=True)))
    return [name + extra if kinds[name] > 1 else name for name, extra in zip(names, more, strict=True)]


def _numbered(names: Sequence[_Name]) -> list[_Name]:
    count, seen = Counter(names), Counter[_Name]()
    found = []
    for name in names:
        seen[name] += 1
        found.append((*name, say("one_of_them", seen[name], count[name])) if count[name] > 1 else name)
    return found
