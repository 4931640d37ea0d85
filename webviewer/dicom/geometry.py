"""Space: places of slices in the patient (LPS, mm) and their display order.

References
----------
PS3.3 C.7.6.2.1.1 (image position and orientation).
"""

from __future__ import annotations

import enum
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    source: str = ""  # `ImageAttributes.place_source`


@dataclass(frozen=True, slots=True)
class FrameOrder:
    """Display order: indices into what was given, and the rule that made it, in words."""

    indices: tuple[int, ...]
    rule: str


class Arrangement(enum.Enum):
    """How the frames of one orientation lie."""

    STACK = "one frame at each position"
    PHASES = "several stacks, told apart by time, b-value, echo, kind or number"
    ONE_POSITION = "all frames at one position"
    MIXED = "several frames at some positions, and nothing tells which belong together"


@dataclass(frozen=True, slots=True, eq=False)
class ParallelFrames:
    """Frames of one orientation: indices into what was given, a stack for each phase, by position along ``normal``.

    Where they cannot be told apart (`Arrangement.ONE_POSITION`, `Arrangement.MIXED`) all are in one stack.
    """

    normal: NDArray[np.float64]
    arrangement: Arrangement
    stacks: tuple[tuple[int, ...], ...]

    @property
    def rule(self) -> str:
        """The rule of the order, in words."""
        if self.arrangement is Arrangement.ONE_POSITION:
            return "by instance number: all images are at one position"
        if self.arrangement is Arrangement.PHASES:
            return f"by position along the slice normal, {len(self.stacks)} phases one after another"
        if self.arrangement is Arrangement.MIXED:
            return "by position along the slice normal, then by number"
        return "by position along the slice normal"


def place_of(
    attributes: ImageAttributes, frame_number: int, instance_number: int | None, sop_instance_uid: str
) -> FramePlace:
    """Return the place of one frame, counted from 1."""
    frame = attributes.frame(frame_number)
    return FramePlace(
        frame=frame,
        frame_number=frame_number,
        instance_number=instance_number,
        sop_instance_uid=sop_instance_uid,
        acquisition_number=attributes.acquisition_number,
        trigger_time_ms=attributes.trigger_time_ms,
        b_value=frame.b_value if frame.b_value is not None else attributes.b_value,
        source=attributes.place_source,
    )


def comparable(places: Sequence[FramePlace]) -> list[FramePlace]:
    """Return places of a series, without the positions that cannot be compared with those of the other frames.

    A position that counts from the first frame of its object says nothing of other objects, and a Slice Location
    nothing beside true positions.
    """
    sources = {place.source for place in places}
    if len(sources) == 1 and "FrameOrder" not in sources:
        return list(places)
    return [
        replace(place, frame=replace(place.frame, image_position_patient=None)) if place.source else place
        for place in places
    ]


def places_of(attributes: ImageAttributes, instance_number: int | None, sop_instance_uid: str) -> list[FramePlace]:
    """Return the places of all frames of one object, in frame order."""
    return [
        place_of(attributes, number, instance_number, sop_instance_uid)
        for number in range(1, attributes.number_of_frames + 1)
    ]


def order_frames(places: Sequence[FramePlace]) -> FrameOrder:
    """Return the display order of a series: that of `stack_frames`.

    Frames without a place, or all at one position (cine), go by instance and frame number.
    """
    parallel = stack_frames(places)
    if parallel is None:
        by_number = sorted(range(len(places)), key=lambda i: _number_key(places[i]))
        return FrameOrder(tuple(by_number), "by instance number: not every image has a position in space")
    order = tuple(itertools.chain.from_iterable(stack for frames in parallel for stack in frames.stacks))
    rule = "; ".join(dict.fromkeys(frames.rule for frames in parallel))
    if len(parallel) > 1:
        rule = f"{len(parallel)} orientations one after another, each {rule}"
    return FrameOrder(order, rule)


def stack_frames(places: Sequence[FramePlace]) -> list[ParallelFrames] | None:
    """Return the frames of a series by orientation, position and phase; None if one of them has no place.

    Orientations come in order of first appearance, by instance and frame number. Several frames at one position are
    phases (times, b-values, echoes, kinds of image): if every position has as many, or one of these tells them apart
    without a doubt, each phase is a stack of its own, in order of time or number.
    """
    by_number = sorted(range(len(places)), key=lambda i: _number_key(places[i]))
    groups: list[list[int]] = []
    normals, group_of = GrowingRows(3), dict[tuple[float, ...], int]()
    for index in by_number:
        frame = places[index].frame
        orientation = frame.image_orientation_patient
        normal = slice_normal(frame)
        if orientation is None or normal is None or frame.image_position_patient is None:
            return None
        group = group_of.get(orientation)
        if group is None:
            is_same = are_same_direction(normals.rows, normal)
            group = group_of[orientation] = normals.first_or_new(is_same, normal)
        if group == len(groups):
            groups.append([])
        groups[group].append(index)
    return [_stacked(places, normal, members) for normal, members in zip(normals.rows, groups, strict=True)]


class GrowingRows:
    """Numbers of what stands for a group, a row for each."""

    def __init__(self, width: int) -> None:
        self._rows = np.empty((16, width), np.float64)
        self._count = 0

    @property
    def rows(self) -> NDArray[np.float64]:
        """(groups, width), in the order of their coming."""
        return self._rows[: self._count]

    def first_or_new(self, is_alike: NDArray[np.bool_], row: NDArray[np.float64]) -> int:
        """Return the first group of which ``is_alike`` (groups,) says so, else a new one with this row."""
        if is_alike.any():
            return int(is_alike.argmax())
        if self._count == len(self._rows):
            self._rows = np.concatenate((self._rows, np.empty_like(self._rows)))
        self._rows[self._count] = row
        self._count += 1
        return self._count - 1


def are_same_direction(ones: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of unit vectors (n, 3) which are one direction with another (3,), within what scanners round: (n,)."""
    found: NDArray[np.bool_] = ones @ other > 1 - _SAME_DIRECTION
    return found


def _number_key(place: FramePlace) -> tuple[float, int, str]:
    number = float("inf") if place.instance_number is None else float(place.instance_number)
    return number, place.frame_number, place.sop_instance_uid


_PhaseKey = tuple[float, float, float, float, float, tuple[str, ...]]


def _phase_key(place: FramePlace) -> _PhaseKey:
    """Return what tells frames at one position apart, in the order in which a doctor expects it."""
    return (
        float(place.frame.temporal_position_index or 0),
        float(place.acquisition_number or 0),
        place.trigger_time_ms or 0.0,
        place.b_value or 0.0,
        place.frame.echo_time_ms or 0.0,
        place.frame.image_type,
    )


def _stacked(places: Sequence[FramePlace], normal: NDArray[np.float64], members: list[int]) -> ParallelFrames:
    """Return frames of one orientation by phase and position; ``members`` come by number."""
    distances = {i: float(np.dot(normal, np.array(places[i].frame.image_position_patient, float))) for i in members}
    by_position = sorted(members, key=lambda i: (distances[i], *_number_key(places[i])))
    levels: list[list[int]] = []
    for index in by_position:
        if levels and distances[index] - distances[levels[-1][0]] <= _SAME_POSITION_MM:
            levels[-1].append(index)
        else:
            levels.append([index])
    if len(levels) == 1 and len(members) > 1:
        return ParallelFrames(normal, Arrangement.ONE_POSITION, (tuple(members),))
    most = max(len(level) for level in levels)
    if most == 1:
        return ParallelFrames(normal, Arrangement.STACK, (tuple(by_position),))
    for level in levels:
        # The dimension index of a multi-frame object knows of phases that have no attribute here, as directions.
        level.sort(
            key=lambda i: (_phase_key(places[i]), places[i].frame.dimension_index_values, _number_key(places[i]))
        )
    if all(len(level) == most for level in levels):
        stacks = tuple(tuple(level[phase] for level in levels) for phase in range(most))
        return ParallelFrames(normal, Arrangement.PHASES, stacks)
    return _told_apart(places, normal, levels, most) or ParallelFrames(
        normal, Arrangement.MIXED, (tuple(itertools.chain.from_iterable(levels)),)
    )


def _told_apart(
    places: Sequence[FramePlace], normal: NDArray[np.float64], levels: list[list[int]], most: int
) -> ParallelFrames | None:
    """Return phases that do not all reach as far, or lack slices; None unless their keys leave no doubt."""
    phases: dict[_PhaseKey, list[int]] = {}
    for level in levels:
        keys = [_phase_key(places[index]) for index in level]
        if len(set(keys)) != len(keys):
            return None
        for key, index in zip(keys, level, strict=True):
            phases.setdefault(key, []).append(index)
    if len(phases) != most:
        return None
    return ParallelFrames(normal, Arrangement.PHASES, tuple(tuple(phases[key]) for key in sorted(phases)))


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
