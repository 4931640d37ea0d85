"""Reasons why frames of a series make no volume, each with the number of frames and the instance number of one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom import volume_words as words
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.geometry import FramePlace, GrowingRows, are_same_direction
from webviewer.dicom.pixel_module import GREY
from webviewer.dicom.placed_stacks import PlacedStack, count_positions
from webviewer.dicom.sentence import Sentence, joined, say
from webviewer.dicom.stack_groups import MIN_SLICES
from webviewer.dicom.transfer_syntaxes import is_video
from webviewer.dicom.volume_plan import VolumePlan, VolumeRefusal

_FURTHEST_MM = 1000.0 * words.FURTHEST_M


def refusal_of_frame(place: FramePlace, image: ImageAttributes) -> Sentence | None:
    """Return why a frame belongs to no volume, whatever the others are; None if it may."""
    if image.refusal:
        return words.VIDEO if is_video(image.transfer_syntax_uid) else words.UNREADABLE
    if image.volume_refusal is not None:
        return say(image.volume_refusal.code, *image.volume_refusal.numbers)
    if image.photometric_interpretation not in GREY or image.samples_per_pixel != 1:
        return words.COLOR
    position = place.frame.image_position_patient
    if position is None or place.frame.image_orientation_patient is None:
        return words.NO_PLACE
    x, y, z = position
    if not (abs(x) <= _FURTHEST_MM and abs(y) <= _FURTHEST_MM and abs(z) <= _FURTHEST_MM):
        return words.NOWHERE
    if place.frame.pixel_spacing is None:
        return words.NO_SPACING
    return None


def with_example(refusal: VolumeRefusal, places: Sequence[FramePlace]) -> VolumeRefusal:
    """Return a refusal that also says of how many images it is true, and names one of them."""
    example = words.for_example([places[i].instance_number for i in refusal.frames])
    return replace(refusal, reason=joined((refusal.reason, example)))


def _position_mm(frame: int, stack: PlacedStack, places: Sequence[FramePlace]) -> float:
    return float(np.dot(places[frame].frame.image_position_patient or (0.0, 0.0, 0.0), stack.normal))


def refusals_of_left_out(stack: PlacedStack, places: Sequence[FramePlace]) -> list[VolumeRefusal]:
    """Return why frames that lie at the positions of a volume are in no volume."""
    found = []
    if stack.doubled:
        found.append(VolumeRefusal(stack.doubled, words.SECOND_IMAGE))
    if stack.unassigned:
        found.append(
            VolumeRefusal(stack.unassigned, words.other_count(_position_mm(stack.unassigned[0], stack, places)))
        )
    return found


def refusals_of_short(
    short: list[PlacedStack], found: list[VolumePlan], places: Sequence[FramePlace], images: Sequence[ImageAttributes]
) -> list[VolumeRefusal]:
    """Return why stacks of too few slices are none: what the series as a whole is says more than a number."""
    if not short:
        return []
    frames = tuple(i for stack in short for i in stack.everything)
    if found:
        return [VolumeRefusal(s.everything, words.too_few_alike(len(s.frames), MIN_SLICES)) for s in short]
    directions = GrowingRows(3)
    for stack in short:
        directions.first_or_new(are_same_direction(directions.rows, stack.normal), stack.normal)
    normals = directions.rows
    most = max(len(stack.frames) for stack in short)
    if len(normals) == 1:
        reason = _reason_of_one_direction(frames, normals[0], most, places, images)
    elif len(frames) < MIN_SLICES:
        reason = words.too_few_images(len(frames), MIN_SLICES)
    elif all(abs(float(np.dot(a, b))) < 0.3 for a, b in itertools.combinations(normals, 2)):
        reason = words.localizer(len(normals), most, MIN_SLICES)
    else:
        reason = words.not_parallel_at_all(len(normals), most, MIN_SLICES)
    return [VolumeRefusal(frames, reason)]


def _reason_of_one_direction(
    frames: tuple[int, ...],
    normal: NDArray[np.float64],
    most: int,
    places: Sequence[FramePlace],
    images: Sequence[ImageAttributes],
) -> Sentence:
    positions = count_positions(frames, normal, places)
    if positions < MIN_SLICES:
        if positions == len(frames):
            return words.too_few(positions, MIN_SLICES)
        return words.too_few_positions(len(frames), positions, MIN_SLICES)
    sizes = {(images[i].rows, images[i].columns, places[i].frame.pixel_spacing) for i in frames}
    if len(sizes) > 1:
        return words.different_sizes(len(sizes))
    uids = {images[i].frame_of_reference_uid for i in frames}
    if len(uids) > 1:
        return words.frames_of_reference(len(uids), most, MIN_SLICES)
    return words.too_few_alike(most, MIN_SLICES)
