"""Space: places of slices in the patient (LPS, mm) and their display order.

References
----------
PS3.3 C.7.6.2.1.1 (image position and orientation).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import FrameAttributes, ImageAttributes

# Directions nearer than this are one orientation; scanners round to 1e-4 or so.
_SAME_DIRECTION = 1e-3
_SAME_POSITION_MM = 1e-2


@dataclass(frozen=True, slots=True)
class FramePlace:
    """What ordering needs to know of one frame."""

    frame: FrameAttributes
    frame_number: int  # from 1
    instance_number: int | None
    sop_instance_uid: str
    acquisition_number: int | None = None
    trigger_time_ms: float | None = None
    b_value: float | None = None


@dataclass(frozen=True, slots=True)
class FrameOrder:
    """Display order: indices into what was given, and the rule that made it, in words."""

    indices: tuple[int, ...]
    rule: str


def places_of(attributes: ImageAttributes, instance_number: int | None, sop_instance_uid: str) -> list[FramePlace]:
    """Return the places of all frames of one object, in frame order."""
    return [
        FramePlace(
            frame=attributes.frame(number),
            frame_number=number,
            instance_number=instance_number,
            sop_instance_uid=sop_instance_uid,
            acquisition_number=attributes.acquisition_number,
            trigger_time_ms=attributes.trigger_time_ms,
            b_value=attributes.b_value,
        )
        for number in range(1, attributes.number_of_frames + 1)
    ]


def order_frames(places: Sequence[FramePlace]) -> FrameOrder:
    """Return the display order of a series.

    Frames that all have a place go by orientation (in order of first appearance), then by position along the slice
    normal. Several frames at one position are phases (times, b-values, echoes): if every position has as many, each
    phase is kept together as a stack of its own, in order of time or number. Frames without a place, or all at one
    position (cine), go by instance and frame number.
    """
    by_number = sorted(range(len(places)), key=lambda i: _number_key(places[i]))
    normals = [slice_normal(place.frame) for place in places]
    positions = [slice_position_mm(place.frame) for place in places]
    if any(position is None for position in positions):
        return FrameOrder(tuple(by_number), "by instance number: not every image has a position in space")
    groups: list[tuple[NDArray[np.float64], list[int]]] = []
    for index in by_number:
        normal = normals[index]
        if normal is None:  # cannot be: what has a position has a normal
            continue
        for direction, members in groups:
            if float(np.dot(direction, normal)) > 1 - _SAME_DIRECTION:
                members.append(index)
                break
        else:
            groups.append((normal, [index]))
    order: list[int] = []
    rules: list[str] = []
    for direction, members in groups:
        found, rule = _order_stack(places, direction, members)
        order.extend(found)
        if rule not in rules:
            rules.append(rule)
    rule = "; ".join(rules)
    if len(groups) > 1:
        rule = f"{len(groups)} orientations one after another, each {rule}"
    return FrameOrder(tuple(order), rule)


def _number_key(place: FramePlace) -> tuple[float, int, str]:
    number = float("inf") if place.instance_number is None else float(place.instance_number)
    return number, place.frame_number, place.sop_instance_uid


def _phase_key(place: FramePlace) -> tuple[float, ...]:
    """Return what tells frames at one position apart, in the order in which a doctor expects it."""
    return (
        float(place.frame.temporal_position_index or 0),
        float(place.acquisition_number or 0),
        place.trigger_time_ms or 0.0,
        place.b_value or 0.0,
    )


def _order_stack(
    places: Sequence[FramePlace], normal: NDArray[np.float64], members: list[int]
) -> tuple[list[int], str]:
    """Return the order of frames of one orientation; ``members`` come by number."""
    distances = {i: float(np.dot(normal, np.array(places[i].frame.image_position_patient, float))) for i in members}
    by_position = sorted(members, key=lambda i: (distances[i], *_number_key(places[i])))
    levels: list[list[int]] = []
    for index in by_position:
        if levels and distances[index] - distances[levels[-1][0]] <= _SAME_POSITION_MM:
            levels[-1].append(index)
        else:
            levels.append([index])
    if len(levels) == 1 and len(members) > 1:
        return list(members), "by instance number: all images are at one position"
    phases = len(levels[0])
    if phases == 1 and all(len(level) == 1 for level in levels):
        return by_position, "by position along the slice normal"
    for level in levels:
        level.sort(key=lambda i: (_phase_key(places[i]), _number_key(places[i])))
    if all(len(level) == phases for level in levels):
        order = [level[phase] for phase in range(phases) for level in levels]
        return order, f"by position along the slice normal, {phases} phases one after another"
    return list(itertools.chain.from_iterable(levels)), "by position along the slice normal, then by number"


def slice_normal(frame: FrameAttributes) -> NDArray[np.float64] | None:
    """Return the unit normal row × column direction, (3,), None if the orientation is missing or degenerate."""
    return None if frame.image_orientation_patient is None else _normal_of(frame.image_orientation_patient)


@functools.lru_cache(maxsize=256)  # thousands of slices of a series have one orientation
def _normal_of(orientation: tuple[float, ...]) -> NDArray[np.float64] | None:
    # Written out: np.cross takes most of the time of telling a series of hundreds of slices.
    rx, ry, rz, cx, cy, cz = orientation
    normal = np.array((ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx), np.float64)
    length = float(np.linalg.norm(normal))
    if length < 0.5:
        return None
    normal /= length
    normal.setflags(write=False)  # whoever asks for it shares it
    return normal


def slice_position_mm(frame: FrameAttributes) -> float | None:
    """Return the position of a slice along its own normal in mm, None if it has no place."""
    normal = slice_normal(frame)
    if normal is None or frame.image_position_patient is None:
        return None
    return float(np.dot(normal, np.array(frame.image_position_patient, np.float64)))
