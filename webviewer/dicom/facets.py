"""Facets of frames: the attributes that tell the volumes of one series apart, such as thickness, kernel or b-value.

`webviewer.dicom.stack_split` splits a series by facets; `webviewer.dicom.volume_names` names the volumes by them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from webviewer.dicom.geometry import FramePlace


class Mixing(enum.Enum):
    """May frames that differ in a facet lie in one volume, where no position repeats?"""

    NEVER = "no: their values do not compare"
    SIDE_BY_SIDE = "yes, one block behind the other, as slices of a head; not where the blocks reach into one another"
    FREELY = "yes: the facet may change from slice to slice of one acquisition"


@dataclass(frozen=True, slots=True)
class Facet:
    """One attribute. Numbers nearer than ``relative`` or ``absolute`` are one value: scanners round and jitter."""

    name: str
    value_of: Callable[[FramePlace], Any]
    mixing: Mixing
    relative: float = 0.0
    absolute: float = 0.0
    is_unit: bool = False  # it says what a value means: frames without it never mix with frames that state it
    attribute: str = ""  # DICOM name, where a sentence has it

    def values_of(self, places: Iterable[FramePlace]) -> list[Any]:
        """Return the value of each frame, None where none is stated."""
        return [None if value in {"", ()} else value for value in map(self.value_of, places)]

    def groups_of(self, values: Sequence[Any]) -> dict[Any, int]:
        """Return the number of the group of each distinct value, from 0: rising, None before all others."""
        stated = sorted(set(values) - {None})
        groups: dict[Any, int] = {None: 0} if None in values else {}
        number = len(groups) - 1
        before: Any = None
        for value in stated:
            if before is None or not self._is_same(before, value):
                number += 1
            groups[value] = number
            before = value
        return groups

    def _is_same(self, before: Any, value: Any) -> bool:
        if not self.relative and not self.absolute:
            return bool(before == value)
        return bool(value - before <= max(self.absolute, self.relative * abs(before)))


def _kind(place: FramePlace) -> tuple[str, ...]:
    return place.frame.image_type[2:]


def _origin(place: FramePlace) -> tuple[str, ...]:
    return place.frame.image_type[:2]


def _rescale_type(place: FramePlace) -> str:
    """Return the unit of rescaled values, empty if it is unspecified (PS3.3 C.11.1.1.2; of CT C.8.2.1)."""
    stated = place.frame.rescale_type.strip()
    if stated == "US":
        return ""
    return stated or ("HU" if place.modality == "CT" else "")


def _modality_lut(place: FramePlace) -> str:
    return "stated" if place.has_modality_lut else ""


def _inverted(place: FramePlace) -> str:
    return "INVERSE" if place.is_inverted else ""


# In the order in which a series is split, and a name lists them.
TECHNIQUE_FACETS: tuple[Facet, ...] = (
    Facet(
        "kernel",
        attrgetter("frame.technique.convolution_kernel"),
        Mixing.NEVER,
        attribute="Convolution Kernel",
    ),
    Facet("kilovolts", attrgetter("frame.technique.kvp"), Mixing.NEVER, absolute=1.0, attribute="KVP"),
    Facet("gradient", attrgetter("frame.technique.gradient_orientation"), Mixing.SIDE_BY_SIDE),
    Facet("echo", attrgetter("frame.technique.echo_number"), Mixing.SIDE_BY_SIDE),
    Facet("inversion_time", attrgetter("frame.technique.inversion_time_ms"), Mixing.SIDE_BY_SIDE, 0.01),
    Facet("flip_angle", attrgetter("frame.technique.flip_angle_degrees"), Mixing.SIDE_BY_SIDE, 0.01, 0.1),
    Facet("cardiac_phase", attrgetter("frame.technique.cardiac_phase_percent"), Mixing.FREELY, absolute=0.1),
    Facet("contrast_agent", attrgetter("frame.technique.contrast_agent"), Mixing.FREELY),
)
_ORDER = (
    "modality",
    "units",
    "rescale_type",
    "modality_lut",
    "inverted",
    "thickness",
    "kernel",
    "kilovolts",
    "b_value",
    "gradient",
    "echo",
    "echo_time",
    "inversion_time",
    "flip_angle",
    "image_type",
    "image_origin",
    "energy_window",
    "time",
    "time_slot",
    "cardiac_phase",
    "trigger_time",
    "contrast_agent",
    "acquisition",
    "stack",
)


def _unit(name: str, value_of: Callable[[FramePlace], Any], attribute: str) -> Facet:
    return Facet(name, value_of, Mixing.NEVER, is_unit=True, attribute=attribute)


FACETS: tuple[Facet, ...] = tuple(
    sorted(
        (
            *TECHNIQUE_FACETS,
            _unit("modality", attrgetter("modality"), "Modality"),
            _unit("units", attrgetter("units"), "Units"),
            _unit("rescale_type", _rescale_type, "Rescale Type"),
            _unit("modality_lut", _modality_lut, "Modality LUT Sequence"),
            _unit("inverted", _inverted, "Presentation LUT Shape"),
            Facet("thickness", attrgetter("frame.slice_thickness"), Mixing.SIDE_BY_SIDE, 0.05, 0.02),
            Facet("b_value", attrgetter("b_value"), Mixing.SIDE_BY_SIDE, absolute=0.5),
            Facet("echo_time", attrgetter("frame.echo_time_ms"), Mixing.SIDE_BY_SIDE, 0.01, 0.02),
            Facet("image_type", _kind, Mixing.NEVER, attribute="Image Type"),
            Facet("image_origin", _origin, Mixing.FREELY),
            Facet("energy_window", attrgetter("frame.energy_window"), Mixing.NEVER, attribute="Energy Window"),
            Facet("time", attrgetter("frame.temporal_position_index"), Mixing.FREELY),
            Facet("time_slot", attrgetter("frame.time_slot"), Mixing.FREELY),
            Facet("trigger_time", attrgetter("trigger_time_ms"), Mixing.FREELY),
            Facet("acquisition", attrgetter("acquisition_number"), Mixing.FREELY),
            Facet("stack", attrgetter("frame.stack_id"), Mixing.FREELY),
        ),
        key=lambda facet: _ORDER.index(facet.name),
    )
)


def varying_facets(places: Sequence[FramePlace]) -> tuple[Facet, ...]:
    """Return the facets of which frames have more than one value: of most series none."""
    # Thousands of frames share one technique and one image type: a facet of them looks at one frame of each.
    of_technique = list({id(place.frame.technique): place for place in places}.values())
    of_image_type = list({place.frame.image_type: place for place in places}.values())

    def looked_at(facet: Facet) -> Sequence[FramePlace]:
        if facet in TECHNIQUE_FACETS:
            return of_technique
        return of_image_type if facet.value_of in {_kind, _origin} else places

    return tuple(facet for facet in FACETS if len(set(map(facet.value_of, looked_at(facet)))) > 1)
