"""Volumes out of the frames of a series: which frames make one, where it lies, and why others make none.

References
----------
PS3.3 C.7.6.2.1.1 (plane), C.7.6.16 (functional groups of multi-frame objects).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DataError, GeometryError
from webviewer.dicom import volume_words as words
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.frames_of_reference import by_frame_of_reference
from webviewer.dicom.geometry import FramePlace, GrowingRows, are_same_direction, place_of
from webviewer.dicom.padding import padding_range
from webviewer.dicom.placed_stacks import PlacedStack, count_positions, placed_stacks
from webviewer.dicom.sentence import Sentence, joined, say
from webviewer.dicom.stack_groups import MIN_SLICES
from webviewer.dicom.stack_split import Arrangement
from webviewer.dicom.stacks import stack_frames
from webviewer.dicom.value_kinds import ValueKind, by_value_kind, notices_of_values
from webviewer.dicom.volume_lattice import SourcePlanes, lattice_of
from webviewer.dicom.volume_names import labels
from webviewer.dicom.volume_plan import VolumePlan, VolumeRefusal, VolumeSplit
from webviewer.dicom.volume_refusals import refusal_of_frame, refusals_of_left_out, refusals_of_short, with_example
from webviewer.dicom.volume_slices import lay_slices

MAX_VOLUMES = 1024  # of a series: as many numbers as the contract with the pages has
_MOST_KINDS = 2048  # of frames of one series; most of them make no volume
_MOST_REASONS = 4  # for images in no volume, in the notice of each volume
_MOST_PLANES = 8192  # different orientations and spacings, rounding included
_SAME_SPACING = 1e-3  # relative
_PARALLEL_WITHIN_DEGREES = 1.0


def split_shown(
    frames: Iterable[tuple[int, int]], image_of: Callable[[int], ImageAttributes]
) -> tuple[tuple[tuple[int, int], ...], VolumeSplit]:
    """Return the frames that can be read at all, and the volumes that they make: indices are into those frames.

    Storage and render nodes both tell volumes by this, of the same frames in the same order: their numbers agree.

    Parameters
    ----------
    frames
        Number of the object and of the frame, in display order.
    image_of
        Gives the attributes of an object; one of which it raises DataError is left out, as if it were not there.
    """
    shown: dict[int, str] = {}
    keys: list[tuple[int, int]] = []
    places: list[FramePlace] = []
    images: list[ImageAttributes] = []
    for key in frames:
        instance_id, frame_number = key
        # Objects of one Instance Number, or of none, keep their display order.
        uid = shown.setdefault(instance_id, f"{len(shown):09d}")
        try:
            image = image_of(instance_id)
        except DataError:
            continue
        keys.append(key)
        images.append(image)
        places.append(place_of(image, frame_number, image.instance_number, uid))
    return tuple(keys), split_volumes(places, images)


def split_volumes(places: Sequence[FramePlace], images: Sequence[ImageAttributes]) -> VolumeSplit:
    """Return the volumes of a series.

    Parameters
    ----------
    places
        Of all frames, in any order.
    images
        Attributes of the object of each frame, as many as ``places``.

    Notes
    -----
    A volume has one frame of reference, one size of pictures and pixels, one orientation (that of rows too), one kind
    of value (`value_kinds.by_value_kind`), and is one stack, as `stacks.stack_frames` tells stacks.
    """
    refusals: dict[Sentence, list[int]] = {}
    usable: list[int] = []
    for index, (place, image) in enumerate(zip(places, images, strict=True)):
        reason = refusal_of_frame(place, image)
        if reason is not None:
            refusals.setdefault(reason, []).append(index)
        else:
            usable.append(index)
    found: list[VolumePlan] = []
    refused = [VolumeRefusal(tuple(frames), reason) for reason, frames in refusals.items()]
    doubled: list[VolumeRefusal] = []  # the notices of their volumes tell of them already
    short: list[PlacedStack] = []
    kinds, too_few = _kinds(usable, places, images)
    for kind in kinds:
        for one in by_frame_of_reference(kind.frames, places, images):
            for frames in stack_frames([places[i] for i in one.frames]) or ():
                for stack in placed_stacks(frames, one.frames, one.notes, places):
                    planned = _planned(stack, places, images)
                    if isinstance(planned, VolumePlan):
                        found.append(planned)
                        doubled.extend(refusals_of_left_out(stack, places))
                    elif planned is not None:
                        refused.append(VolumeRefusal(stack.everything, planned))
                    else:
                        short.append(stack)
    refused.extend(too_few)
    refused.extend(refusals_of_short(short, found, places, images))
    if len(found) > MAX_VOLUMES:
        last = tuple(i for plan in found[MAX_VOLUMES:] for i in plan.frames)
        refused.append(VolumeRefusal(last, say("too_many_volumes", MAX_VOLUMES)))
        del found[MAX_VOLUMES:]
    others = tuple(with_example(refusal, places) for refusal in refused)
    left_out = _left_out(others)
    plans = tuple(
        replace(plan, label=label, warnings=(*plan.warnings, *left_out))
        for plan, label in zip(found, labels(found, places), strict=True)
    )
    return VolumeSplit(plans, (*others, *(with_example(refusal, places) for refusal in doubled)))


def _left_out(refusals: Sequence[VolumeRefusal]) -> tuple[Sentence, ...]:
    """Return how many images are in no volume and why, those of most images first: a doctor must not miss them."""
    most_first = sorted(refusals, key=lambda refusal: -len(refusal.frames))[:_MOST_REASONS]
    return tuple(joined([say("left_out", len(one.frames)), one.reason]) for one in most_first)


def _kinds(
    usable: list[int], places: Sequence[FramePlace], images: Sequence[ImageAttributes]
) -> tuple[list[ValueKind], list[VolumeRefusal]]:
    """Return frames that could lie in one volume, kind by kind, and why others could lie in none."""
    alike, beyond = _alike(usable, places, images)
    kinds = [kind for own in alike for kind in by_value_kind(own, places)]
    beyond += [i for kind in kinds[_MOST_KINDS:] for i in kind.frames]
    refused = [VolumeRefusal(tuple(kind.frames), kind.refusal) for kind in kinds[:_MOST_KINDS] if kind.refusal]
    if beyond:
        refused.append(VolumeRefusal(tuple(beyond), say("too_many_kinds", _MOST_KINDS)))
    return [kind for kind in kinds[:_MOST_KINDS] if kind.refusal is None], refused


def _alike(
    usable: list[int], places: Sequence[FramePlace], images: Sequence[ImageAttributes]
) -> tuple[list[list[int]], list[int]]:
    """Return frames of one size, orientation and spacing, in order of first appearance, and frames beyond the limit."""
    groups: dict[tuple[object, ...], list[int]] = {}
    beyond: list[int] = []
    kinds: dict[tuple[object, ...], _AlikePlanes] = {}
    for index in usable:
        frame, kind = places[index].frame, (_kind(images[index]), _place_kind(places[index], images[index]))
        planes = kinds.get(kind)
        if planes is None:
            planes = kinds[kind] = _AlikePlanes()
        group = planes.group_of(frame)
        if group is None or (len(groups) >= _MOST_KINDS and (kind, group) not in groups):
            beyond.append(index)
        else:
            groups.setdefault((kind, group), []).append(index)
    return list(groups.values()), beyond


def _kind(image: ImageAttributes) -> tuple[object, ...]:
    # MONOCHROME1 values are dark where those of MONOCHROME2 are bright: no stack of both can be shown.
    return image.photometric_interpretation, image.rows, image.columns


def _place_kind(place: FramePlace, image: ImageAttributes) -> tuple[object, ...]:
    """Return what frames have in common whose positions can be compared."""
    own = place.sop_instance_uid if image.place_source == "FrameOrder" else ""
    return image.place_source, image.is_orientation_assumed, own


class _AlikePlanes:
    """Groups of planes whose pixels lie alike: one orientation, that of rows too, and one spacing."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}  # thousands of slices of a series have one orientation
        self._firsts = GrowingRows(8)

    def group_of(self, frame: FrameAttributes) -> int | None:
        """Return the number of the first group that a frame is alike to, a new one if it is to none.

        None for an orientation or spacing that comes after as many others as can be compared.
        """
        key = (frame.image_orientation_patient, frame.pixel_spacing)
        found = self._known.get(key)
        if found is None:
            # Each is compared with all before it: without a limit, a broken series would take minutes.
            if len(self._known) >= _MOST_PLANES:
                return None
            found = self._known[key] = self._told(frame)
        return found

    def _told(self, frame: FrameAttributes) -> int:
        both = np.array(frame.image_orientation_patient, np.float64).reshape(2, 3)
        both /= np.linalg.norm(both, axis=1, keepdims=True)
        spacing = np.array(frame.pixel_spacing, np.float64)
        firsts = self._firsts.rows
        off = np.abs(firsts[:, 6:] - spacing) <= _SAME_SPACING * np.maximum(firsts[:, 6:], spacing)
        is_alike = are_same_direction(firsts[:, :3], both[0]) & are_same_direction(firsts[:, 3:6], both[1])
        return self._firsts.first_or_new(is_alike & off.all(axis=1), np.concatenate((both.ravel(), spacing)))


def _directions(places: Sequence[FramePlace]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return unit vectors along rows and along columns, (n, 3) each."""
    both = np.array([place.frame.image_orientation_patient for place in places], np.float64).reshape(-1, 2, 3)
    both /= np.linalg.norm(both, axis=2, keepdims=True)
    return both[:, 0], both[:, 1]


def _planned(
    stack: PlacedStack, places: Sequence[FramePlace], images: Sequence[ImageAttributes]
) -> VolumePlan | Sentence | None:
    """Return the plan of a stack, or why there is none; None if it has too few slices."""
    if stack.arrangement is Arrangement.ONE_POSITION and len(stack.frames) >= MIN_SLICES:
        return words.one_position(len(stack.frames))
    if len(stack.frames) < MIN_SLICES:
        return None
    own = [places[i] for i in stack.frames]
    origins = np.array([place.frame.image_position_patient for place in own], np.float64)
    positions = origins @ stack.normal
    if stack.arrangement is Arrangement.MIXED:
        return words.doubled(float(positions[np.diff(positions).argmin()]))
    rows, columns = _directions(own)
    turned = max(_turned_degrees(rows), _turned_degrees(columns))
    if turned > _PARALLEL_WITHIN_DEGREES:
        return words.not_parallel(turned)
    layout = lay_slices(positions.tolist())
    if layout.is_mostly_empty:
        return words.too_far_apart(layout)
    image = images[stack.frames[0]]
    spacings = np.array([place.frame.pixel_spacing for place in own], np.float64)
    size = (image.rows, image.columns)
    try:
        planes = SourcePlanes(origins, rows * spacings[:, 1:], columns * spacings[:, :1], size)
        grid, shift_mm = lattice_of(planes, layout)
    except GeometryError:
        return words.FLAT
    return VolumePlan(
        label=words.UNNAMED,
        frames=stack.frames,
        positions_mm=tuple(positions.tolist()),
        grid=grid,
        sampling=layout.sampling,
        warnings=(
            *words.notices(images[i] for i in stack.frames),
            *stack.notes,
            *_notes(stack, places),
            *notices_of_values(own, positions),
            *words.warnings(layout, grid, shift_mm, own, image.modality),
        ),
        phase_number=stack.phase_number,
        phase_count=stack.phase_count,
        is_angiography=image.is_angiography,
        place_source=image.place_source,
        is_orientation_assumed=image.is_orientation_assumed,
        may_be_padded=any(padding_range(images[i]) is not None for i in stack.frames),
    )


def _notes(stack: PlacedStack, places: Sequence[FramePlace]) -> tuple[Sentence, ...]:
    """Return the assumptions that made a stack."""
    found = []
    if stack.doubled:
        numbers = [places[i].instance_number for i in stack.doubled]
        found.append(words.doubled_slices(numbers, count_positions(stack.doubled, stack.normal, places)))
    if stack.unassigned_positions:
        found.append(say("unassigned", stack.unassigned_positions))
    if stack.is_by_order:
        found.append(say("by_order", stack.phase_count))
    if stack.is_by_runs:
        found.append(say("by_runs"))
    return tuple(found)


def _turned_degrees(directions: NDArray[np.float64]) -> float:
    mean = directions.mean(axis=0)
    furthest = float(np.linalg.norm(directions - mean / np.linalg.norm(mean), axis=1).max())
    return math.degrees(2 * math.asin(min(furthest / 2, 1.0)))
