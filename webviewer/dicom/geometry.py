"""Space: order of slices, matrices between index and patient (LPS, mm), orientation letters.

References
----------
PS3.3 C.7.6.2.1.1 (image position and orientation), C.7.6.1.1.1 (letters).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import FrameAttributes, ImageAttributes

# Directions nearer than this are one orientation; scanners round to 1e-4 or so.
_SAME_DIRECTION = 1e-3
_SAME_POSITION_MM = 1e-2
_UNEVEN_STEP = 0.01  # of the median step
_TILT_SHIFT = 0.01  # sideways shift of slice origins, of the step


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


@dataclass(frozen=True, slots=True)
class SliceSpacing:
    """Whether slices form a regular grid; ``reason`` says why not (empty if they do)."""

    spacing_mm: float | None  # along the slice normal
    is_regular: bool
    reason: str


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
    if frame.image_orientation_patient is None:
        return None
    # Written out: np.cross takes most of the time of telling a series of hundreds of slices.
    rx, ry, rz, cx, cy, cz = frame.image_orientation_patient
    normal = np.array((ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx), np.float64)
    length = float(np.linalg.norm(normal))
    return None if length < 0.5 else normal / length


def slice_position_mm(frame: FrameAttributes) -> float | None:
    """Return the position of a slice along its own normal in mm, None if it has no place."""
    normal = slice_normal(frame)
    if normal is None or frame.image_position_patient is None:
        return None
    return float(np.dot(normal, np.array(frame.image_position_patient, np.float64)))


def slice_spacing(frames: Sequence[FrameAttributes]) -> SliceSpacing:
    """Judge slices given in display order: one orientation, distinct positions, even steps, no gantry tilt."""
    if len(frames) < 2:
        return SliceSpacing(None, False, "There are fewer than two slices.")
    normals = [slice_normal(frame) for frame in frames]
    first = normals[0]
    if first is None or any(n is None for n in normals) or any(f.image_position_patient is None for f in frames):
        return SliceSpacing(None, False, "Not every slice has a position in space.")
    if any(float(np.dot(first, normal)) < 1 - _SAME_DIRECTION for normal in normals if normal is not None):
        return SliceSpacing(None, False, "The slices do not all have one orientation.")
    if any(frame.pixel_spacing != frames[0].pixel_spacing for frame in frames):
        return SliceSpacing(None, False, "The slices do not all have the same pixel spacing.")
    origins = np.array([frame.image_position_patient for frame in frames], np.float64)
    steps = np.diff(origins, axis=0)
    along = steps @ first
    spacing = float(np.median(np.abs(along)))
    if float(np.abs(along).min()) <= _SAME_POSITION_MM:
        return SliceSpacing(spacing or None, False, "Several slices lie at one position.")
    if not (bool((along > 0).all()) or bool((along < 0).all())):
        return SliceSpacing(spacing, False, "The slices are not in the order of their positions.")
    deviation = float(np.abs(np.abs(along) - spacing).max())
    if deviation > max(_UNEVEN_STEP * spacing, 2 * _SAME_POSITION_MM):
        low, high = float(np.abs(along).min()), float(np.abs(along).max())
        return SliceSpacing(spacing, False, f"The distance between slices varies from {low:.3g} to {high:.3g} mm.")
    sideways = steps - np.outer(along, first)
    shift = float(np.linalg.norm(sideways, axis=1).max())
    if shift > max(_TILT_SHIFT * spacing, 2 * _SAME_POSITION_MM):
        return SliceSpacing(
            spacing, False, f"The slices are shifted against each other by {shift:.3g} mm (gantry tilt)."
        )
    return SliceSpacing(spacing, True, "")


def lps_from_index(frame: FrameAttributes) -> NDArray[np.float64] | None:
    """Return the 4×4 matrix from (column, row, 0, 1), pixel centres, to LPS mm, None if the frame has no place.

    The third column is the slice normal, of length 1 mm.
    """
    normal = slice_normal(frame)
    if normal is None or frame.image_position_patient is None or frame.pixel_spacing is None:
        return None
    orientation = np.array(frame.image_orientation_patient, np.float64)
    between_rows, between_columns = frame.pixel_spacing
    matrix = np.eye(4)
    matrix[:3, 0] = orientation[:3] * between_columns
    matrix[:3, 1] = orientation[3:] * between_rows
    matrix[:3, 2] = normal
    matrix[:3, 3] = frame.image_position_patient
    return matrix


def orientation_letters(direction_lps: Sequence[float]) -> str:
    """Return letters such as "L", "PL" or "AFR" of a direction in LPS, the greatest part first.

    Positive is L(eft), P(osterior), H(ead); parts under 0.1 of the length are left out.
    """
    length = float(np.linalg.norm(np.array(direction_lps, np.float64)))
    if not np.isfinite(length) or length == 0:
        return ""
    parts = [
        (abs(value), positive if value > 0 else negative)
        for value, positive, negative in zip(direction_lps, "LPH", "RAF", strict=True)
    ]
    return "".join(letter for size, letter in sorted(parts, key=lambda part: -part[0]) if size > 0.1 * length)


def edge_letters(frame: FrameAttributes) -> tuple[str, str, str, str] | None:
    """Return the letters at the left, right, top and bottom edge of an image shown as stored."""
    if frame.image_orientation_patient is None:
        return None
    row, column = frame.image_orientation_patient[:3], frame.image_orientation_patient[3:]
    return (
        orientation_letters([-v for v in row]),
        orientation_letters(row),
        orientation_letters([-v for v in column]),
        orientation_letters(column),
    )
