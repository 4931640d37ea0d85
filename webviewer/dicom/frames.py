"""Attributes that may differ from frame to frame: functional groups and their single-frame forms (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import FrameAttributes, VoiWindow
from webviewer.dicom.dataset import DataSet
from webviewer.dicom.shutter import read_shutter
from webviewer.dicom.technique import private_b_value, read_technique

MAX_WINDOWS = 64
_MAX_TYPES = 8
_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
_GROUPS = (
    tags.PIXEL_MEASURES,
    tags.PLANE_ORIENTATION,
    tags.PLANE_POSITION,
    tags.PIXEL_VALUE_TRANSFORMATION,
    tags.FRAME_VOI_LUT,
    tags.FRAME_CONTENT,
    tags.MR_TIMING,
    tags.MR_ECHO,
    tags.MR_MODIFIER,
    tags.MR_DIFFUSION,
    tags.CARDIAC_SYNCHRONIZATION,
    tags.CT_RECONSTRUCTION,
    tags.CT_X_RAY_DETAILS,
    tags.MR_IMAGE_FRAME_TYPE,
    tags.CT_IMAGE_FRAME_TYPE,
    tags.PET_FRAME_TYPE,
    tags.FRAME_DISPLAY_SHUTTER,
)


def read_frames(ds: DataSet, number_of_frames: int) -> tuple[FrameAttributes, ...]:
    """Return one entry shared by all frames, or one for each frame.

    Per-frame groups that do not match the number of frames are left out: no place is better than a wrong one.
    """
    shared = _updated(FrameAttributes(), ds)
    for group in ds.items(tags.SHARED_FUNCTIONAL_GROUPS)[:1]:
        shared = _with_groups(shared, group)
    groups = ds.items(tags.PER_FRAME_FUNCTIONAL_GROUPS)
    if len(groups) == number_of_frames:
        frames = tuple(_with_groups(shared, group) for group in groups)
        return frames[:1] if all(frame == frames[0] for frame in frames) else frames
    if number_of_frames > 1:
        return _dose_planes(ds, shared, number_of_frames)
    return (shared,)


def plane_of(ds: DataSet) -> FrameAttributes:
    """Return what a data set, say the item of a sequence, states soundly of a plane."""
    return _updated(FrameAttributes(), ds)


def pair_mm(ds: DataSet, tag: int) -> tuple[float, float] | None:
    """Return two positive lengths, None if they are anything else."""
    numbers = ds.numbers(tag)
    if numbers is None or len(numbers) < 2 or not all(1e-6 < v < 1e6 for v in numbers[:2]):
        return None
    return numbers[0], numbers[1]


def _with_groups(frame: FrameAttributes, group: DataSet) -> FrameAttributes:
    for sequence in _GROUPS:
        for item in group.items(sequence)[:1]:
            frame = _updated(frame, item)
    return frame


def _updated(frame: FrameAttributes, ds: DataSet) -> FrameAttributes:
    """Return ``frame`` with what ``ds`` states soundly."""
    changes: dict[str, Any] = {}
    values = ds.values
    if tags.IMAGE_POSITION_PATIENT in values:
        position = ds.numbers(tags.IMAGE_POSITION_PATIENT)
        if position is not None and len(position) == 3:
            changes["image_position_patient"] = tuple(position)
    if tags.IMAGE_ORIENTATION_PATIENT in values:
        changes["image_orientation_patient"] = _orientation(ds)
    if tags.PIXEL_SPACING in values:
        changes["pixel_spacing"] = pair_mm(ds, tags.PIXEL_SPACING)
    if tags.SLICE_THICKNESS in values:
        thickness = ds.number(tags.SLICE_THICKNESS)
        changes["slice_thickness"] = thickness if thickness is not None and thickness > 0 else None
    if tags.RESCALE_SLOPE in values or tags.RESCALE_INTERCEPT in values:
        changes |= _rescale(ds)
    if tags.WINDOW_CENTER in values:
        changes["windows"] = _windows(ds)
        function = ds.code(tags.VOI_LUT_FUNCTION, "LINEAR").upper()
        changes["voi_lut_function"] = function if function in _FUNCTIONS else "LINEAR"
    if tags.STACK_ID in values:
        changes["stack_id"] = ds.text(tags.STACK_ID, 64)
    if tags.IN_STACK_POSITION_NUMBER in values:
        changes["in_stack_position_number"] = ds.integer(tags.IN_STACK_POSITION_NUMBER)
    if tags.TEMPORAL_POSITION_INDEX in values:
        changes["temporal_position_index"] = ds.integer(tags.TEMPORAL_POSITION_INDEX)
    elif tags.TEMPORAL_POSITION_IDENTIFIER in values:
        changes["temporal_position_index"] = ds.integer(tags.TEMPORAL_POSITION_IDENTIFIER)
    if tags.DIMENSION_INDEX_VALUES in values:
        index = ds.numbers(tags.DIMENSION_INDEX_VALUES)
        changes["dimension_index_values"] = tuple(int(v) for v in index or ())
    changes |= _contrast(ds) | _shutter(ds)
    changes["technique"] = read_technique(ds, frame.technique)
    return replace(frame, **changes)


def _rescale(ds: DataSet) -> dict[str, Any]:
    slope, intercept = _stated(ds, tags.RESCALE_SLOPE), _stated(ds, tags.RESCALE_INTERCEPT)
    slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
    if math.isnan(slope + intercept):
        slope, intercept = 0.0, 0.0  # not 1: values would be told as if they were known
    return {
        "rescale_slope": slope,
        "rescale_intercept": intercept,
        "rescale_type": ds.text(tags.RESCALE_TYPE, 16),
    }


def _stated(ds: DataSet, tag: int) -> float | None:
    """Return the first number, None if none is stated, NaN if what is stated is none."""
    found = ds.number(tag)
    if found is not None:
        return found
    first = (ds.raw(tag) or b"").split(b"\\", 1)[0].strip(b" \x00")
    try:
        return (float(first) if math.isfinite(float(first)) else math.nan) if first else None
    except ValueError:
        return math.nan


def _shutter(ds: DataSet) -> dict[str, Any]:
    return {"shutter": read_shutter(ds)} if tags.SHUTTER_SHAPE in ds.values else {}


def _contrast(ds: DataSet) -> dict[str, Any]:
    """Return what tells several images of one place apart, beside time."""
    found: dict[str, Any] = {}
    if tags.DIFFUSION_B_VALUE in ds.values:
        found["b_value"] = ds.number(tags.DIFFUSION_B_VALUE)
    elif (private := private_b_value(ds)) is not None:
        found["b_value"] = private
    for echo in (tags.ECHO_TIME, tags.EFFECTIVE_ECHO_TIME):
        if echo in ds.values:
            time = ds.number(echo)
            found["echo_time_ms"] = time if time is not None and 0 < time < 1e6 else None
    for kind in (tags.IMAGE_TYPE, tags.FRAME_TYPE):
        if kind in ds.values:
            found["image_type"] = tuple(text.strip().upper()[:16] for text in ds.texts(kind)[:_MAX_TYPES])
    return found


def _orientation(ds: DataSet) -> tuple[float, ...] | None:
    """Return row and column directions if they are unit vectors at right angles, within what rounding explains."""
    numbers = ds.numbers(tags.IMAGE_ORIENTATION_PATIENT)
    if numbers is None or len(numbers) != 6:
        return None
    row, column = numbers[:3], numbers[3:]
    lengths = (math.hypot(*row), math.hypot(*column))
    across = sum(a * b for a, b in zip(row, column, strict=True))
    sound = all(abs(length - 1) < 0.05 for length in lengths) and abs(across) < 0.05
    return tuple(numbers) if sound else None


def _windows(ds: DataSet) -> tuple[VoiWindow, ...]:
    centers, widths = ds.numbers(tags.WINDOW_CENTER), ds.numbers(tags.WINDOW_WIDTH)
    if centers is None or widths is None:
        return ()
    names = ds.texts(tags.WINDOW_EXPLANATION)
    pairs = list(zip(centers, widths, strict=False))[:MAX_WINDOWS]
    names += [""] * (len(pairs) - len(names))
    # A width that is not positive maps nothing to anything: such a window falls away (PS3.3 C.11.2.1.2).
    return tuple(
        VoiWindow(center, width, name[:64])
        for (center, width), name in zip(pairs, names, strict=False)
        if 0 < width < 1e12 and abs(center) < 1e12
    )


def _dose_planes(ds: DataSet, shared: FrameAttributes, number_of_frames: int) -> tuple[FrameAttributes, ...]:
    """Give the planes of an RT dose their places (Grid Frame Offset Vector, PS3.3 C.8.8.3.2); others stay shared."""
    offsets = ds.numbers(tags.GRID_FRAME_OFFSET_VECTOR)
    position, orientation = shared.image_position_patient, shared.image_orientation_patient
    if offsets is None or len(offsets) != number_of_frames or position is None or orientation is None:
        return (shared,)
    r, c = orientation[:3], orientation[3:]
    normal = (r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0])
    relative = [offset - (offsets[0] if offsets[0] != 0 else 0.0) for offset in offsets]
    return tuple(
        replace(
            shared,
            image_position_patient=(
                position[0] + normal[0] * step,
                position[1] + normal[1] * step,
                position[2] + normal[2] * step,
            ),
        )
        for step in relative
    )
