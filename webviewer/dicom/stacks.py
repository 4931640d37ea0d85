"""Parallel frames of a series stack by stack, and the display order made of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.geometry import FramePlace, GrowingRows, are_same_direction, number_key, slice_normal
from webviewer.dicom.stack_split import Arrangement, Stack, StackSplitter


@dataclass(frozen=True, slots=True, eq=False)
class ParallelFrames:
    """Frames of one orientation, stack by stack, by position along ``normal``."""

    normal: NDArray[np.float64]
    stacks: tuple[Stack, ...]

    @property
    def rule(self) -> str:
        """The rule of the order, in words."""
        if len(self.stacks) > 1:
            return f"by position along the slice normal, {len(self.stacks)} phases one after another"
        (stack,) = self.stacks
        if stack.arrangement is Arrangement.ONE_POSITION:
            return "by instance number: all images are at one position"
        if stack.arrangement is Arrangement.MIXED or stack.doubled:
            return "by position along the slice normal, then by number"
        return "by position along the slice normal"


@dataclass(frozen=True, slots=True)
class FrameOrder:
    """Display order: indices into what was given, and the rule that made it, in words."""

    indices: tuple[int, ...]
    rule: str


def order_frames(places: Sequence[FramePlace]) -> FrameOrder:
    """Return the display order of a series: that of `stack_frames`.

    Frames without a place, or all at one position (cine), go by instance and frame number.
    """
    parallel = stack_frames(places)
    if parallel is None:
        by_number = sorted(range(len(places)), key=lambda i: number_key(places[i]))
        return FrameOrder(tuple(by_number), "by instance number: not every image has a position in space")
    order = tuple(itertools.chain.from_iterable(stack.shown for frames in parallel for stack in frames.stacks))
    rule = "; ".join(dict.fromkeys(frames.rule for frames in parallel))
    if len(parallel) > 1:
        rule = f"{len(parallel)} orientations one after another, each {rule}"
    return FrameOrder(order, rule)


def stack_frames(places: Sequence[FramePlace]) -> list[ParallelFrames] | None:
    """Return the frames of a series by orientation and stack; None if one of them has no place.

    Orientations come in order of first appearance, by instance and frame number; stacks by the values of the facets
    that tell them apart.
    """
    by_number = sorted(range(len(places)), key=lambda i: number_key(places[i]))
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
    return [
        ParallelFrames(normal, StackSplitter([places[i] for i in members], normal).stacks(members))
        for normal, members in zip(normals.rows, groups, strict=True)
    ]
