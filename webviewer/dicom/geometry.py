"""Space: order of slices, matrices between index and patient (LPS, mm), orientation letters (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import FrameAttributes, ImageAttributes


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
    raise NotImplementedError


def order_frames(places: Sequence[FramePlace]) -> FrameOrder:
    """Return the display order: by position along the normal, else by instance and frame number."""
    raise NotImplementedError


def slice_normal(frame: FrameAttributes) -> NDArray[np.float64] | None:
    """Return the unit normal row × column direction, (3,), None if the orientation is missing or degenerate."""
    raise NotImplementedError


def slice_position_mm(frame: FrameAttributes) -> float | None:
    """Return the position of a slice along its own normal in mm, None if it has no place."""
    raise NotImplementedError


def slice_spacing(frames: Sequence[FrameAttributes]) -> SliceSpacing:
    """Judge slices given in display order: one orientation, distinct positions, even steps, no gantry tilt."""
    raise NotImplementedError


def lps_from_index(frame: FrameAttributes) -> NDArray[np.float64] | None:
    """Return the 4×4 matrix from (column, row, 0, 1), pixel centres, to LPS mm (PS3.3 C.7.6.2.1.1)."""
    raise NotImplementedError


def orientation_letters(direction_lps: Sequence[float]) -> str:
    """Return letters such as "L", "PL" or "AFR" of a direction in LPS: R L, A P, H F, the greatest part first."""
    raise NotImplementedError


def edge_letters(frame: FrameAttributes) -> tuple[str, str, str, str] | None:
    """Return the letters at the left, right, top and bottom edge of an image shown as stored."""
    raise NotImplementedError
