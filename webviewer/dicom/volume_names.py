"""Names of the volumes of a series: what tells each from the others, such as its direction, thickness or kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from webviewer.dicom.facets import Mixing, varying_facets
from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.sentence import Sentence, joined, plain_text, say
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_plan import VolumePlan

_MOST_CHARACTERS = 32  # of words of a file
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


def labels(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[Sentence]:
    """Return a name for each volume of a series, all different, that says what tells it from the others."""
    names: list[_Name] = [()] * len(plans)
    of_direction: dict[str, list[int]] = {}
    for number, plan in enumerate(plans):
        direction = "unoriented" if plan.is_orientation_assumed else _direction(plan.grid)
        of_direction.setdefault(direction, []).append(number)
    for direction, numbers in of_direction.items():
        own = [plans[number] for number in numbers]
        for number, name in zip(numbers, _names(direction, own, places), strict=True):
            names[number] = name
    return [joined(name) for name in names]


_Name = tuple[Sentence, ...]


def _names(direction: str, plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[_Name]:
    """Return the names of the volumes of one direction."""
    heads: list[_Name] = [(say(direction), say("slices", len(plan.frames))) for plan in plans]
    if len(plans) == 1:
        return heads
    names: list[_Name] = [()] * len(plans)
    if len({plan.grid.shape[1:] for plan in plans}) > 1:
        names = _joined(names, [(say("size", plan.grid.shape[2], plan.grid.shape[1]),) for plan in plans])
    elif len(pixels := [_pixel_size(plan) for plan in plans]) != pixels.count(pixels[0]):
        names = _joined(names, [(say("pixel_size", *size),) for size in pixels])
    for is_needed_only, facet in _facet_names(plans, places):
        names = _with(names, facet) if is_needed_only else _joined(names, facet)
    names = _with(names, [_phase(plan) for plan in plans])
    ranges = [(say("range", round(plan.positions_mm[0], 1), round(plan.positions_mm[-1], 1)),) for plan in plans]
    return _numbered(_with(_joined(heads, names), ranges))


def _pixel_size(plan: VolumePlan) -> tuple[float, float]:
    _, between_rows, between_columns = plan.grid.spacing_mm
    return round(between_columns, 3), round(between_rows, 3)


def _phase(plan: VolumePlan) -> _Name:
    return (say("phase", plan.phase_number, plan.phase_count),) if plan.phase_count > 1 else ()


def _direction(grid: VolumeGrid) -> str:
    part = np.abs(grid.normal)
    axis = int(part.argmax())
    return _AXES[axis] if part[axis] > _ALONG_AXIS else "oblique"


def _facet_names(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> Iterator[tuple[bool, list[_Name]]]:
    """Yield parts of names, one for each volume, facet by facet; True before parts that are used only where needed.

    A facet that changes within a volume names none, nor does one that all volumes share. A map made of other images
    may lack it.
    """
    own = [[places[i] for i in plan.frames] for plan in plans]
    facets = varying_facets([place for part in own for place in part])
    for facet in sorted(facets, key=lambda facet: facet.mixing is Mixing.FREELY):
        values = [facet.values_of(part) for part in own]
        groups = facet.groups_of([value for part in values for value in part])
        told = [{groups[value] for value in part} for part in values]
        if all(len(part) == 1 for part in told) and len(set.union(*told)) > 1:
            usual = [Counter(part).most_common(1)[0][0] for part in values]
            yield facet.mixing is Mixing.FREELY, _facet_parts(facet.name, usual)


def _facet_parts(facet: str, values: Sequence[Any]) -> list[_Name]:
    """Return a part of a name for each volume, of its value of a facet."""
    if facet in {"image_type", "image_origin"}:
        return _image_type_parts(values)
    return [() if value is None else (_FACET_WORDS[facet](value),) for value in values]


def _image_type_parts(values: Sequence[tuple[str, ...] | None]) -> list[_Name]:
    """Return known kinds of image by their code, other kinds by the words of the file that the others lack."""
    kinds = [next((code for word, code in _KINDS.items() if word in (value or ())), None) for value in values]
    if len(set(kinds)) == len(set(values)):
        return [() if kind is None else (say(kind),) for kind in kinds]
    shared = set.intersection(*(set(value or ()) for value in values))
    own = [" ".join(word for word in value or () if word not in shared) for value in values]
    texts = [plain_text(text, _MOST_CHARACTERS) for text in own]
    return [(say("image_type", texts=(text,)),) if text else () for text in texts]


def _number(code: str, digits: int) -> Callable[[Any], Sentence]:
    return lambda value: say(code, round(float(value), digits))


def _text(code: str) -> Callable[[Any], Sentence]:
    return lambda value: say(code, texts=(plain_text(str(value), _MOST_CHARACTERS),))


_FACET_WORDS: dict[str, Callable[[Any], Sentence]] = {
    "modality": _text("modality"),
    "units": _text("units"),
    "rescale_type": _text("rescale_type"),
    "modality_lut": lambda _: say("modality_lut"),
    "inverted": lambda _: say("inverted"),
    "thickness": _number("thickness", 2),
    "kernel": _text("kernel"),
    "kilovolts": _number("kilovolts", 0),
    "b_value": _number("b_value", 1),
    "gradient": lambda value: say("gradient", *(round(part, 2) for part in value)),
    "echo": _number("echo", 0),
    "echo_time": _number("echo_time", 2),
    "inversion_time": _number("inversion_time", 1),
    "flip_angle": _number("flip_angle", 1),
    "time": _number("time", 0),
    "time_slot": _number("time_slot", 0),
    "energy_window": _number("energy_window", 0),
    "cardiac_phase": _number("cardiac_phase", 1),
    "trigger_time": _number("trigger_time", 1),
    "contrast_agent": _text("contrast_agent"),
    "acquisition": _number("acquisition", 0),
    "stack": _text("stack"),
}


def _joined(names: Sequence[_Name], more: Sequence[_Name]) -> list[_Name]:
    return [name + extra for name, extra in zip(names, more, strict=True)]


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
