"""Space: places of slices in the patient (LPS, mm).

References
----------
PS3.3 C.7.6.2.1.1 (image position and orientation).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.lut import is_inverted

# Directions nearer than this are one orientation; scanners round to 1e-4 or so.
_SAME_DIRECTION = 1e-3


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
    acquisition_time_s: float | None = None
    source: str = ""  # `ImageAttributes.place_source`
    modality: str = ""
    units: str = ""
    has_modality_lut: bool = False
    is_inverted: bool = False  # low values are bright


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
        acquisition_time_s=attributes.acquisition_time_s,
        modality=attributes.modality,
        units=attributes.units,
        has_modality_lut=attributes.modality_lut is not None,
        is_inverted=is_inverted(attributes),
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


def number_key(place: FramePlace) -> tuple[float, int, str]:
    """Return what sorts frames by instance and frame number; frames without an instance number come last."""
    number = float("inf") if place.instance_number is None else float(place.instance_number)
    return number, place.frame_number, place.sop_instance_uid


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
