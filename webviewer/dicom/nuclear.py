"""Slices of reconstructed nuclear medicine (SPECT): one object of many frames, whose places stand in its detector.

Image Position (Patient) of the Detector Information Sequence is the place of the first slice. Slice n lies (n - 1)
times Spacing Between Slices along the normal, rows cross columns; a negative spacing goes the other way.

References
----------
PS3.3 C.8.4.8 (vectors of frames), C.8.4.9.1.1 (Image Type), C.8.4.11 (detector), C.8.4.15 (reconstruction).
"""

from __future__ import annotations

from dataclasses import replace

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, Notice
from webviewer.dicom.dataset import DataSet
from webviewer.dicom.frames import plane_of
from webviewer.dicom.slice_geometry import AXIAL, Orientation, Vector, moved, normal_of, slice_distance

_SOP_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.5"})  # the second one is retired
_SLICES = frozenset({"RECON TOMO", "RECON GATED TOMO"})
_PROJECTIONS = frozenset({"TOMO", "GATED TOMO"})
MAX_FRAMES = 16_384  # real studies have some hundreds; a header that lies must not make a list of millions
_PLANAR = frozenset({"STATIC", "DYNAMIC", "GATED", "WHOLE BODY"})
# What else tells frames of one slice apart, in the order of Frame Increment Pointer.
_OTHER_VECTORS = (
    tags.ENERGY_WINDOW_VECTOR,
    tags.DETECTOR_VECTOR,
    tags.PHASE_VECTOR,
    tags.ROTATION_VECTOR,
    tags.RR_INTERVAL_VECTOR,
    tags.TIME_SLOT_VECTOR,
)


def with_nuclear_slices(image: ImageAttributes, ds: DataSet) -> ImageAttributes:
    """Return the attributes of nuclear medicine with a place for each slice; other images as they are. Never raises."""
    if image.modality != "NM" and ds.code(tags.SOP_CLASS_UID) not in _SOP_CLASSES:
        return image
    if image.refusal or len(image.frames) > 1 or image.number_of_frames > MAX_FRAMES:
        return image  # functional groups state the place of each frame
    kind = (*image.frames[0].image_type[2:3], "")[0]
    if kind in _PROJECTIONS:
        return replace(image, volume_refusal=Notice("projections"))
    if kind in _PLANAR:
        return replace(image, volume_refusal=Notice("planar"))
    slices = _slice_numbers(ds, image.number_of_frames)
    if slices is None or (kind not in _SLICES and tags.SLICE_VECTOR not in ds):
        return image
    return _placed(image, ds, slices)


def _placed(image: ImageAttributes, ds: DataSet, slices: tuple[int, ...]) -> ImageAttributes:
    frame = image.frames[0]
    spacing_mm, notices = slice_distance(ds, frame)
    if spacing_mm is None:
        return replace(image, volume_refusal=Notice("no_slice_distance"))
    origin, orientation = _first_slice(ds, frame)
    if origin is None and image.number_of_frames == 1:
        return image  # nothing tells how it lies to other objects; it may have a Slice Location
    if origin is None:
        notices = (Notice("place_unknown"), *notices)
    elif len(set(slices)) > 1:
        notices = (Notice("places_from_first"), *notices)
    if orientation is None:
        notices = (Notice("orientation_assumed"), *notices)
    direction = orientation or AXIAL
    first, normal = origin or (0.0, 0.0, 0.0), normal_of(direction)
    vectors = [ds.numbers(tag) for tag in _OTHER_VECTORS]
    others = [vector if vector is not None and len(vector) == len(slices) else [] for vector in vectors]
    windows, time_slots = others[0], others[-1]
    placed = replace(frame, image_orientation_patient=direction)
    frames = tuple(
        replace(
            placed,
            image_position_patient=moved(first, normal, (number - 1) * spacing_mm),
            energy_window=int(windows[index]) if windows else None,
            time_slot=int(time_slots[index]) if time_slots else None,
            dimension_index_values=tuple(int(vector[index]) for vector in others if vector),
        )
        for index, number in enumerate(slices)
    )
    return replace(
        image,
        frames=frames,
        notices=(*image.notices, *notices),
        place_source="" if origin is not None and orientation is not None else "FrameOrder",
        is_orientation_assumed=orientation is None,
    )


def _slice_numbers(ds: DataSet, frames: int) -> tuple[int, ...] | None:
    """Return the number of the slice of each frame, from 1; None where it cannot be told."""
    vector = ds.numbers(tags.SLICE_VECTOR)
    if vector is not None and len(vector) == frames and all(1 <= v <= 65535 for v in vector):
        return tuple(int(v) for v in vector)
    count = ds.integer(tags.NUMBER_OF_SLICES)
    if count is None or count == frames:
        return tuple(range(1, frames + 1))
    # Of several rounds of all slices each is stored whole before the next one.
    return tuple(number % count + 1 for number in range(frames)) if count > 0 and frames % count == 0 else None


def _first_slice(ds: DataSet, frame: FrameAttributes) -> tuple[Vector | None, Orientation | None]:
    """Return position and orientation of the first slice: of the first detector that states them, else of the image."""
    for item in ds.items(tags.DETECTOR_INFORMATION):
        stated = plane_of(item)
        if stated.image_position_patient is not None and stated.image_orientation_patient is not None:
            return stated.image_position_patient, stated.image_orientation_patient
    for item in ds.items(tags.DETECTOR_INFORMATION):
        stated = plane_of(item)
        if stated.image_orientation_patient is not None:
            return frame.image_position_patient, stated.image_orientation_patient
    return frame.image_position_patient, frame.image_orientation_patient
