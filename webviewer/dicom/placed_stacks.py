"""Stacks of a series where they lie: cut at vast gaps, with the frames that are left out and the assumptions made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.sentence import Sentence
from webviewer.dicom.stack_groups import MIN_SLICES, SAME_POSITION_MM
from webviewer.dicom.stack_split import Arrangement
from webviewer.dicom.stacks import ParallelFrames
from webviewer.dicom.volume_slices import lay_slices

_MOST_PIECES = 64


@dataclass(frozen=True, slots=True, eq=False)
class PlacedStack:
    """A `stack_split.Stack`: indices into all frames of the series, with its normal and the assumptions about it."""

    frames: tuple[int, ...]
    doubled: tuple[int, ...]
    unassigned: tuple[int, ...]
    unassigned_positions: int
    normal: NDArray[np.float64]
    arrangement: Arrangement
    phase_number: int
    phase_count: int
    is_by_order: bool
    is_by_runs: bool
    notes: tuple[Sentence, ...]

    @property
    def everything(self) -> tuple[int, ...]:
        """All frames of the stack, the left out ones included."""
        return (*self.frames, *self.doubled, *self.unassigned)


def placed_stacks(
    parallel: ParallelFrames, members: list[int], notes: tuple[Sentence, ...], places: Sequence[FramePlace]
) -> list[PlacedStack]:
    """Return the stacks of parallel frames; ``members`` are their indices in the series."""
    found: list[PlacedStack] = []
    for stack in parallel.stacks:
        own = PlacedStack(
            frames=tuple(members[i] for i in stack.frames),
            doubled=tuple(members[i] for i in stack.doubled),
            unassigned=tuple(members[i] for i in stack.unassigned),
            unassigned_positions=stack.unassigned_positions,
            normal=parallel.normal,
            arrangement=stack.arrangement,
            phase_number=stack.phase_number,
            phase_count=stack.phase_count,
            is_by_order=stack.is_by_order,
            is_by_runs=stack.is_by_runs,
            notes=notes,
        )
        found.extend(_cut(own, places))
    return found


def _cut(stack: PlacedStack, places: Sequence[FramePlace]) -> list[PlacedStack]:
    """Return a stack, or its pieces where it lies so far apart that most of its volume would be invented."""
    if stack.arrangement is not Arrangement.STACK or len(stack.frames) <= MIN_SLICES:
        return [stack]
    positions = _along(stack.frames, stack.normal, places)
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
    if len(pieces) == 1 or all(end - first < MIN_SLICES for first, end in pieces):
        return [stack]
    left_out = _left_out_by_piece(stack, positions, pieces, places)
    return [
        replace(stack, frames=stack.frames[first:end], doubled=doubled, unassigned=unassigned)
        for (first, end), (doubled, unassigned) in zip(pieces, left_out, strict=True)
    ]


def _left_out_by_piece(
    stack: PlacedStack, positions: NDArray[np.float64], pieces: list[tuple[int, int]], places: Sequence[FramePlace]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return doubled and unassigned frames of each piece: those nearest to one of its frames."""
    ends = np.array([end for _, end in pieces[:-1]], np.intp)

    def by_piece(frames: tuple[int, ...]) -> list[tuple[int, ...]]:
        found: list[list[int]] = [[] for _ in pieces]
        nearest = _nearest(positions, _along(frames, stack.normal, places))
        for i, piece in zip(frames, np.searchsorted(ends, nearest, side="right").tolist(), strict=True):
            found[piece].append(i)
        return list(map(tuple, found))

    return list(zip(by_piece(stack.doubled), by_piece(stack.unassigned), strict=True))


def _along(frames: Sequence[int], normal: NDArray[np.float64], places: Sequence[FramePlace]) -> NDArray[np.float64]:
    """Return the positions of frames along a normal in mm, (n,)."""
    origins = [places[i].frame.image_position_patient for i in frames]
    return np.array(origins, np.float64).reshape(-1, 3) @ normal


def _nearest(positions: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the rising position that is nearest to each place; of two equally near ones the lower."""
    upper = np.clip(np.searchsorted(positions, along), 1, len(positions) - 1)
    is_upper = positions[upper] - along < along - positions[upper - 1]
    return np.asarray(upper - 1 + is_upper, np.intp)


def count_positions(frames: Sequence[int], normal: NDArray[np.float64], places: Sequence[FramePlace]) -> int:
    """Return at how many positions along a normal frames lie."""
    return 1 + int(np.count_nonzero(np.diff(np.sort(_along(frames, normal, places))) > SAME_POSITION_MM))
