"""Volumes out of the frames of a series: which frames make one, where it lies, and why others make none.

References
----------
PS3.3 C.7.6.2.1.1 (plane), C.7.6.16 (functional groups of multi-frame objects).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DataError, GeometryError
from webviewer.dicom import volume_words as words
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.dicom.geometry import (
    Arrangement,
    FramePlace,
    GrowingRows,
    ParallelFrames,
    are_same_direction,
    place_of,
    stack_frames,
)
from webviewer.dicom.pixel_module import GREY
from webviewer.dicom.sentence import Sentence, say
from webviewer.dicom.transfer_syntaxes import is_video
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_plan import VolumePlan, VolumeRefusal, VolumeSplit
from webviewer.dicom.volume_slices import SliceLayout, fit_line, lay_slices

MIN_SLICES = 3
MAX_VOLUMES = 1024  # of a series: as many numbers as the contract with the pages has
_SAME_SPACING = 1e-3  # relative
_FURTHEST_MM = 1000.0 * words.FURTHEST_M
_PARALLEL_WITHIN_DEGREES = 1.0
_MOST_PIECES = 64


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
    numbers: dict[int, int] = {}
    keys: list[tuple[int, int]] = []
    places: list[FramePlace] = []
    images: list[ImageAttributes] = []
    for key in frames:
        instance_id, frame_number = key
        # The display order stands for instance numbers: it was made of them.
        number = numbers.setdefault(instance_id, len(numbers) + 1)
        try:
            image = image_of(instance_id)
        except DataError:
            continue
        keys.append(key)
        images.append(image)
        places.append(place_of(image, frame_number, number, str(instance_id)))
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
    A volume has one frame of reference, one size of pictures and pixels, one orientation (that of rows too) and one
    phase, as `geometry.stack_frames` tells phases.
    """
    refusals: dict[Sentence, list[int]] = {}
    usable: list[int] = []
    for index, (place, image) in enumerate(zip(places, images, strict=True)):
        reason = _refusal_of_frame(place, image)
        if reason is not None:
            refusals.setdefault(reason, []).append(index)
        else:
            usable.append(index)
    found: list[VolumePlan] = []
    refused = [VolumeRefusal(tuple(frames), reason) for reason, frames in refusals.items()]
    short: list[_Stack] = []
    for members in _alike(usable, places, images):
        for frames in stack_frames([places[i] for i in members]) or ():
            for stack in _stacks(frames, members, places):
                planned = _planned(stack, places, images)
                if isinstance(planned, VolumePlan):
                    found.append(planned)
                elif planned is not None:
                    refused.append(VolumeRefusal(stack.frames, planned))
                else:
                    short.append(stack)
    refused.extend(_refusals_of_short(short, found, places, images))
    if len(found) > MAX_VOLUMES:
        beyond = tuple(i for plan in found[MAX_VOLUMES:] for i in plan.frames)
        refused.append(VolumeRefusal(beyond, say("too_many_volumes", MAX_VOLUMES)))
        del found[MAX_VOLUMES:]
    plans = tuple(replace(plan, label=label) for plan, label in zip(found, words.labels(found, places), strict=True))
    return VolumeSplit(plans, tuple(refused))


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    frames: tuple[int, ...]
    normal: NDArray[np.float64]
    arrangement: Arrangement
    phase_number: int
    phase_count: int


def _stacks(parallel: ParallelFrames, members: list[int], places: Sequence[FramePlace]) -> list[_Stack]:
    count = len(parallel.stacks)
    return [
        piece
        for number, stack in enumerate(parallel.stacks, 1)
        for piece in _cut(
            _Stack(tuple(members[i] for i in stack), parallel.normal, parallel.arrangement, number, count), places
        )
    ]


def _cut(stack: _Stack, places: Sequence[FramePlace]) -> list[_Stack]:
    """Return a stack, or its pieces where it lies so far apart that most of its volume would be invented."""
    if stack.arrangement not in {Arrangement.STACK, Arrangement.PHASES} or len(stack.frames) <= MIN_SLICES:
        return [stack]
    positions = np.array([places[i].frame.image_position_patient for i in stack.frames], np.float64) @ stack.normal
    pending, pieces = [(0, len(positions))], []
    while pending:
        first, end = pending.pop()
        if end - first <= MIN_SLICES or not lay_slices(positions[first:end].tolist()).is_mostly_empty:
            pieces.append((first, end))
        elif len(pieces) + len(pending) >= _MOST_PIECES:
            return [stack]
        else:
            cut = first + int(np.diff(positions[first:end]).argmax()) + 1
            pending += [(cut, end), (first, cut)]
    if all(end - first < MIN_SLICES for first, end in pieces):
        return [stack]
    return [replace(stack, frames=stack.frames[first:end]) for first, end in pieces]


def _refusal_of_frame(place: FramePlace, image: ImageAttributes) -> Sentence | None:
    """Return why a frame belongs to no volume, whatever the others are; None if it may."""
    if image.refusal:
        return words.VIDEO if is_video(image.transfer_syntax_uid) else words.UNREADABLE
    if image.volume_refusal is not None:
        return say(image.volume_refusal.code, *image.volume_refusal.numbers)
    if image.photometric_interpretation not in GREY or image.samples_per_pixel != 1:
        return words.COLOR
    if place.frame.image_position_patient is None or place.frame.image_orientation_patient is None:
        return words.NO_PLACE
    if max(map(abs, place.frame.image_position_patient)) > _FURTHEST_MM:
        return words.NOWHERE
    if place.frame.pixel_spacing is None:
        return words.NO_SPACING
    return None


def _alike(usable: list[int], places: Sequence[FramePlace], images: Sequence[ImageAttributes]) -> list[list[int]]:
    """Return frames that could lie in one volume, group by group, in order of first appearance."""
    groups: dict[tuple[object, ...], list[int]] = {}
    kinds: dict[tuple[object, ...], _AlikePlanes] = {}
    for index in usable:
        frame, kind = places[index].frame, (_kind(images[index]), _place_kind(places[index], images[index]))
        planes = kinds.get(kind)
        if planes is None:
            planes = kinds[kind] = _AlikePlanes()
        groups.setdefault((kind, planes.group_of(frame)), []).append(index)
    return list(groups.values())


def _kind(image: ImageAttributes) -> tuple[object, ...]:
    # MONOCHROME1 values are dark where those of MONOCHROME2 are bright: no stack of both can be shown.
    return image.frame_of_reference_uid, image.photometric_interpretation, image.rows, image.columns


def _place_kind(place: FramePlace, image: ImageAttributes) -> tuple[object, ...]:
    """Return what frames have in common whose positions can be compared."""
    own = place.sop_instance_uid if image.place_source == "FrameOrder" else ""
    return image.place_source, image.is_orientation_assumed, own


class _AlikePlanes:
    """Groups of planes whose pixels lie alike: one orientation, that of rows too, and one spacing."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}  # thousands of slices of a series have one orientation
        self._firsts = GrowingRows(8)

    def group_of(self, frame: FrameAttributes) -> int:
        """Return the number of the first group that a frame is alike to, a new one if it is to none."""
        key = (frame.image_orientation_patient, frame.pixel_spacing)
        found = self._known.get(key)
        if found is None:
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
    stack: _Stack, places: Sequence[FramePlace], images: Sequence[ImageAttributes]
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
        grid, off_mm = _grid(origins, rows * spacings[:, 1:], columns * spacings[:, :1], layout, size)
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
            *words.warnings(layout, grid, off_mm, own, image.modality),
        ),
        phase_number=stack.phase_number,
        phase_count=stack.phase_count,
        is_angiography=image.is_angiography,
        place_source=image.place_source,
        is_orientation_assumed=image.is_orientation_assumed,
    )


def _turned_degrees(directions: NDArray[np.float64]) -> float:
    mean = directions.mean(axis=0)
    furthest = float(np.linalg.norm(directions - mean / np.linalg.norm(mean), axis=1).max())
    return math.degrees(2 * math.asin(min(furthest / 2, 1.0)))


def _grid(
    origins: NDArray[np.float64],
    along_rows: NDArray[np.float64],
    along_columns: NDArray[np.float64],
    layout: SliceLayout,
    size: tuple[int, int],
) -> tuple[VolumeGrid, float]:
    """Return the lattice, and how far in mm a corner of a source slice lies from where it puts it.

    Of each source slice: place of its first pixel, steps along its rows and along its columns, (n, 3) each, mm in LPS.
    """
    index = np.array(layout.index)
    matrix = np.eye(4)
    for axis, steps in enumerate((along_rows, along_columns)):
        matrix[:3, axis] = steps[0] if (steps == steps[0]).all() else steps.mean(axis=0)
    # The slice column is the true step from slice to slice: of a tilted gantry it does not follow the normal.
    matrix[:3, 3], matrix[:3, 2] = fit_line(index, origins)
    off = origins - (matrix[:3, 3] + index[:, None] * matrix[:3, 2])
    corners = [
        off + i * (along_rows - matrix[:3, 0]) + j * (along_columns - matrix[:3, 1])
        for i in (0, size[1] - 1)
        for j in (0, size[0] - 1)
    ]
    return VolumeGrid((layout.sampling.slices, *size), matrix), float(np.linalg.norm(corners, axis=2).max())


def _refusals_of_short(
    short: list[_Stack], found: list[VolumePlan], places: Sequence[FramePlace], images: Sequence[ImageAttributes]
) -> list[VolumeRefusal]:
    """Return why stacks of too few slices are none: what the series as a whole is says more than a number."""
    if not short:
        return []
    frames = tuple(i for stack in short for i in stack.frames)
    directions = GrowingRows(3)
    for stack in short:
        directions.first_or_new(are_same_direction(directions.rows, stack.normal), stack.normal)
    normals = directions.rows
    most = max(len(stack.frames) for stack in short)
    if len(frames) < MIN_SLICES or found:
        return [VolumeRefusal(stack.frames, words.too_few(len(stack.frames), MIN_SLICES)) for stack in short]
    if len(normals) == 1:
        sizes = {(images[i].rows, images[i].columns, places[i].frame.pixel_spacing) for i in frames}
        reason = words.different_sizes(len(sizes)) if len(sizes) > 1 else words.too_few(most, MIN_SLICES)
    elif all(abs(float(np.dot(a, b))) < 0.3 for a, b in itertools.combinations(normals, 2)):
        reason = words.localizer(len(normals), most, MIN_SLICES)
    else:
        reason = words.not_parallel_at_all(len(normals), most, MIN_SLICES)
    return [VolumeRefusal(frames, reason)]
