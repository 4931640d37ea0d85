"""Sentences for the doctor about volumes: notices, and reasons why images make no volume."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from webviewer.dicom.attributes import ImageAttributes, Notice
from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.sentence import Sentence, say
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_lattice import TILTED_FROM_DEGREES
from webviewer.dicom.volume_slices import Gap, SliceLayout

FURTHEST_M = 100  # no scanner is as long

COLOR = say("color")
VIDEO = say("video")
UNREADABLE = say("unreadable")
NO_PLACE = say("no_place")
NOWHERE = say("nowhere", FURTHEST_M)
NO_SPACING = say("no_spacing")
FLAT = say("flat")
SECOND_IMAGE = say("second_image")
UNNAMED = Sentence("", (), "")
"""Until all volumes of a series are known, and so what tells them apart."""

_MOST_GAPS = 5
_MOST_NUMBERS = 10
_SHIFTED_FROM_MM = 0.1
_THIN_BELOW = 0.5  # of the spacing


def too_few(slices: int, least: int) -> Sentence:
    """Return why so few slices are no volume."""
    return say("too_few_slices", slices, least)


def too_few_images(images: int, least: int) -> Sentence:
    """Return why so few images, in several directions, are no volume."""
    return say("too_few_images", images, least)


def too_few_positions(images: int, positions: int, least: int) -> Sentence:
    """Return why images at too few positions are no volume."""
    return say("too_few_positions", positions, images, least)


def too_few_alike(slices: int, least: int) -> Sentence:
    """Return why slices that differ in size, kind or place are no volume."""
    return say("too_few_alike", slices, least)


def frames_of_reference(count: int, most: int, least: int) -> Sentence:
    """Return why slices of several frames of reference are no volume."""
    return say("frames_of_reference", count, most, least)


def for_example(instance_numbers: Sequence[int | None]) -> Sentence:
    """Return of how many images a refusal is true, and the instance number of one of them."""
    known = [number for number in instance_numbers if number is not None]
    if not known:
        return say("for_example_unnumbered", len(instance_numbers))
    return say("for_example", len(instance_numbers), min(known))


def doubled_slices(instance_numbers: Sequence[int | None], positions: int) -> Sentence:
    """Return that further images at positions of a volume were left out: their instance numbers."""
    known = sorted(number for number in instance_numbers if number is not None)
    if len(known) < len(instance_numbers):
        return say("doubled_unnumbered", positions)
    numbers = ", ".join(map(str, known[:_MOST_NUMBERS])) + (", …" if len(known) > _MOST_NUMBERS else "")
    return say("doubled", positions, texts=(numbers,))


def one_position(images: int) -> Sentence:
    """Return why a cine is no volume."""
    return say("one_position", images)


def doubled(position_mm: float) -> Sentence:
    """Return why frames at one position that are no phases are no volume."""
    return say("same_position", round(position_mm, 1))


def other_count(position_mm: float) -> Sentence:
    """Return why frames at a position that has more or fewer frames than the others are in no volume."""
    return say("other_count", round(position_mm, 1))


def not_parallel(degrees: float) -> Sentence:
    """Return why slices that turn a little are no volume."""
    return say("turned", round(degrees, 1))


def not_parallel_at_all(directions: int, most: int, least: int) -> Sentence:
    """Return why slices in many directions are no volume."""
    return say("not_parallel", directions, most, least)


def localizer(directions: int, most: int, least: int) -> Sentence:
    """Return why scouts are no volume."""
    return say("localizer", directions, most, least)


def different_sizes(sizes: int) -> Sentence:
    """Return why pictures of several sizes are no volume."""
    return say("different_sizes", sizes)


def too_far_apart(layout: SliceLayout) -> Sentence:
    """Return why a stack with vast gaps is no volume."""
    gap = max(layout.gaps, key=lambda gap: gap.missing)
    return say("too_far_apart", gap.missing, round(gap.from_mm, 1), round(gap.to_mm, 1))


def notices_of(images: Iterable[ImageAttributes]) -> tuple[Notice, ...]:
    """Return what was assumed of images, each assumption once."""
    return tuple(dict.fromkeys(notice for image in images for notice in image.notices))


def notices(images: Iterable[ImageAttributes]) -> tuple[Sentence, ...]:
    """Return the sentences of `notices_of`."""
    return tuple(say(notice.code, *notice.numbers) for notice in notices_of(images))


def warnings(
    layout: SliceLayout, grid: VolumeGrid, shift_mm: float, places: Sequence[FramePlace], modality: str
) -> tuple[Sentence, ...]:
    """Return what a doctor should know of a volume: gaps, uneven spacing, tilt, slices that lie beside their place."""
    found = _gaps(layout.gaps)
    if layout.is_uneven:
        steps = np.diff(np.array(layout.index)) * layout.spacing_mm
        found.append(say("uneven", *(round(float(mm), 2) for mm in (steps.min(), steps.max(), layout.spacing_mm))))
    step = grid.lps_from_index[:3, 2]
    along = float(np.dot(step, grid.normal))
    tilt = math.degrees(math.acos(min(along / float(np.linalg.norm(step)), 1.0)))
    if tilt >= TILTED_FROM_DEGREES:
        found.append(say("tilted" if modality == "CT" else "aslant", round(tilt, 1)))
    if shift_mm > _SHIFTED_FROM_MM:
        found.append(say("shifted", round(shift_mm, 2 if shift_mm < 1 else 1)))
    thickness = [place.frame.slice_thickness for place in places if place.frame.slice_thickness is not None]
    if thickness and max(thickness) < _THIN_BELOW * along:
        found.append(say("thin", round(max(thickness), 2), round(along, 2)))
    return tuple(found)


def _gaps(gaps: Sequence[Gap]) -> list[Sentence]:
    found = [say("gap", gap.missing, round(gap.from_mm, 2), round(gap.to_mm, 2)) for gap in gaps[:_MOST_GAPS]]
    rest = gaps[_MOST_GAPS:]
    if len(rest) == 1:
        found.append(say("further_gap", rest[0].missing, round(rest[0].to_mm, 2)))
    elif rest:
        found.append(say("further_gaps", sum(gap.missing for gap in rest), len(rest), round(rest[-1].to_mm, 2)))
    return found
