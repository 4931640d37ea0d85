"""Stacks: which parallel frames of a series lie in one volume, one frame at each position.

Frames of one orientation are split where positions repeat, and where mixed frames would make a wrong volume:

- by the first facet (`webviewer.dicom.facets`) that tells frames at one position apart;
- by runs of instance numbers, where two acquisitions overlap and nothing else tells them apart (`Stack.is_by_runs`);
- by their order, where every position has as many frames; the stack says so (`Stack.is_by_order`).

A few positions with more than one frame are doubled slices: the first is kept (`Stack.doubled` are the others).
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.facets import Facet, Mixing, varying_facets
from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.stack_groups import MIN_SLICES, SAME_POSITION_MM, Rows, are_pieces, do_tell_apart, number_runs
from webviewer.dicom.volume_slices import lay_slices

_SAME_POSITION_PART = 0.2  # of the mean distance of frames: slices of small animals lie 0.01 mm apart
_MOST_MIXED_GROUPS = 8
_MOST_MISSING = 0.25  # of a stack
_OFF_MIDDLE = 0.9  # of an even step: nearer slices are not of one interleaved acquisition
_OVERLAPPING = 0.75  # of the thickness


class Arrangement(enum.Enum):
    """How the frames of a stack lie."""

    STACK = "one frame at each position"
    ONE_POSITION = "all frames at one position"
    MIXED = "several frames at some positions, and nothing tells which belong together"


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one volume, by position: indices into what was given.

    ``doubled`` lie where another frame of the stack lies and are left out. ``unassigned`` belong to one of several
    stacks, nobody knows to which: the first of these stacks has them, all have the number of their positions.
    ``shown`` has all of these frames in display order.
    """

    frames: tuple[int, ...]
    arrangement: Arrangement = Arrangement.STACK
    doubled: tuple[int, ...] = ()
    unassigned: tuple[int, ...] = ()
    unassigned_positions: int = 0
    shown: tuple[int, ...] = ()
    phase_number: int = 1  # of phase_count stacks that only their order tells apart
    phase_count: int = 1
    is_by_order: bool = False  # the order of numbers alone, no attribute, decided
    is_by_runs: bool = False  # runs of instance numbers alone decided


class StackSplitter:
    """Splits frames of one orientation, which come by number. A row is the place of a frame in order of position."""

    def __init__(self, by_number: Sequence[FramePlace], normal: NDArray[np.float64]) -> None:
        origins = np.array([place.frame.image_position_patient for place in by_number], np.float64)
        distances = origins @ normal
        self._number_of_row: Rows = np.argsort(distances, kind="stable")
        self._positions = distances[self._number_of_row]
        self._places = [by_number[i] for i in self._number_of_row]
        self._facets = varying_facets(by_number)
        mean = float(np.ptp(self._positions)) / max(len(by_number) - 1, 1)
        self._tolerance_mm = min(SAME_POSITION_MM, _SAME_POSITION_PART * mean)
        self._is_numbered = len({(place.instance_number, place.frame_number) for place in by_number}) == len(
            by_number
        ) and all(place.instance_number is not None for place in by_number)

    def stacks(self, members: Sequence[int]) -> tuple[Stack, ...]:
        """Return the stacks of all frames as indices: of each frame by number, ``members`` has its own."""
        index_of_row = [members[number] for number in self._number_of_row]

        def indices(rows: Iterable[int]) -> tuple[int, ...]:
            return tuple(index_of_row[row] for row in rows)

        return tuple(
            replace(
                stack,
                frames=indices(stack.frames),
                doubled=indices(stack.doubled),
                unassigned=indices(stack.unassigned),
                # Rows of one level come by number: the one that is taken before its doubles.
                shown=indices(stack.shown or sorted((*stack.frames, *stack.doubled, *stack.unassigned))),
            )
            for stack in self._split(np.arange(len(self._places)))
        )

    def _split(self, rows: Rows) -> list[Stack]:
        levels = self._levels(rows)
        count = int(levels[-1]) + 1
        if len(rows) == count:
            labels = self._mixed(rows)
            runs = None if labels is not None else self._mixed_runs(rows)
            if runs is not None:
                return self._split_by_runs(rows, runs)
        elif count == 1:
            by_number = rows[np.argsort(self._number_of_row[rows])]
            return [Stack(tuple(by_number.tolist()), Arrangement.ONE_POSITION, shown=tuple(by_number.tolist()))]
        else:
            labels = self._telling(rows, levels, MIN_SLICES)
        if labels is not None:
            return self._split_by(rows, labels)
        if len(rows) == count:
            return [Stack(tuple(rows.tolist()))]
        return self._repeated(rows, levels, count)

    def _split_by(self, rows: Rows, labels: Rows) -> list[Stack]:
        parts = [rows[labels == label] for label in range(int(labels.max()) + 1)]
        return [stack for part in parts for stack in self._split(part)]

    def _split_by_runs(self, rows: Rows, runs: Rows) -> list[Stack]:
        return [replace(stack, is_by_runs=True) for stack in self._split_by(rows, runs)]

    def _repeated(self, rows: Rows, levels: Rows, count: int) -> list[Stack]:
        """Return the stacks of frames at repeated positions that no facet tells apart without a doubt."""
        sizes = np.bincount(levels, minlength=count)
        runs = self._runs(rows)
        if runs is not None and do_tell_apart(runs, levels, MIN_SLICES) and not are_pieces(runs, levels, least_own=1):
            return self._split_by_runs(rows, runs)
        if 2 * np.count_nonzero(sizes > 1) < count:
            return self._without_doubles(rows, levels)
        if (sizes == sizes[0]).all():
            return self._phases(rows, levels)
        if runs is not None and do_tell_apart(runs, levels, MIN_SLICES) and not are_pieces(runs, levels):
            return self._split_by_runs(rows, runs)
        labels = self._telling(rows, levels, 1)
        if labels is not None:
            return self._split_by(rows, labels)
        usual = int(np.bincount(sizes).argmax())
        is_usual = sizes == usual
        if np.count_nonzero(is_usual) >= max((1 - _MOST_MISSING) * count, MIN_SLICES):
            kept = is_usual[levels]
            found = self._phases(rows[kept], self._levels(rows[kept]))
            found = [replace(stack, unassigned_positions=int(np.count_nonzero(~is_usual))) for stack in found]
            found[0] = replace(found[0], unassigned=tuple(rows[~kept].tolist()))
            return found
        if len(rows) <= 2 * count:
            return self._without_doubles(rows, levels)
        return [Stack(tuple(rows.tolist()), Arrangement.MIXED)]

    def _levels(self, rows: Rows) -> Rows:
        """Return the number of the position of each row, from 0."""
        levels: Rows = np.concatenate(([0], np.cumsum(np.diff(self._positions[rows]) > self._tolerance_mm)))
        return levels

    def _labels(self, facet: Facet, rows: Rows) -> tuple[Rows, bool]:
        """Return the group of each row by a facet, and whether every row states a value."""
        values = facet.values_of(self._places[row] for row in rows)
        groups = facet.groups_of(values)
        return np.array([groups[value] for value in values], np.intp), None not in groups

    def _telling(self, rows: Rows, levels: Rows, least: int) -> Rows | None:
        """Return the groups of the first facet that tells frames at one position apart; None if none does."""
        for facet in self._facets:
            labels, _ = self._labels(facet, rows)
            if do_tell_apart(labels, levels, least) and not (
                facet.mixing is Mixing.FREELY and are_pieces(labels, levels)
            ):
                return labels
        return None

    def _mixed(self, rows: Rows) -> Rows | None:
        """Return groups of a stack that must not be mixed though no position repeats; None if it is one volume."""
        if len(rows) < 2 * MIN_SLICES:
            return None
        for facet in self._facets:
            labels, is_stated = self._labels(facet, rows)
            if is_stated and self._are_volumes(rows, labels, facet.mixing):
                return labels
        return None

    def _mixed_runs(self, rows: Rows) -> Rows | None:
        """Return runs of instance numbers that must not be mixed though no position repeats; None if there are none."""
        if len(rows) < 2 * MIN_SLICES:
            return None
        runs = self._runs(rows)
        return runs if runs is not None and self._are_volumes(rows, runs, Mixing.FREELY) else None

    def _are_volumes(self, rows: Rows, labels: Rows, mixing: Mixing) -> bool:
        """Tell whether groups are stacks of their own: each even, and wrong or uneven together."""
        sizes = np.bincount(labels)
        if not 2 <= len(sizes) <= _MOST_MIXED_GROUPS or sizes.min() < MIN_SLICES:
            return False
        is_interleaved = np.count_nonzero(np.diff(labels)) > len(sizes) - 1
        if not is_interleaved and mixing is not Mixing.NEVER:
            return False
        positions = self._positions[rows]
        parts = [positions[labels == label] for label in range(len(sizes))]
        layouts = [lay_slices(part.tolist()) for part in parts]
        if any(layout.is_uneven or layout.missing > _MOST_MISSING * layout.sampling.slices for layout in layouts):
            return False
        if mixing is not Mixing.FREELY:
            return True
        union = lay_slices(positions.tolist())
        if not union.is_uneven and union.missing > sum(layout.missing for layout in layouts):
            return True  # an even grid of many holes: the overlap is shorter than the acquisitions
        own = min(layout.spacing_mm for layout in layouts)
        ends = np.array([(part[0], part[-1]) for part in parts])
        at_once = max(np.count_nonzero((ends[:, 0] <= first) & (first <= ends[:, 1])) for first in ends[:, 0])
        if union.is_uneven:
            return bool(np.diff(positions).min() < _OFF_MIDDLE * own / at_once)
        thickness = [value for row in rows if (value := self._places[row].frame.slice_thickness) is not None]
        # Slices of one interleaved acquisition do not lie within one another.
        return bool(thickness) and bool(union.spacing_mm < _OVERLAPPING * float(np.median(thickness)) <= own)

    def _runs(self, rows: Rows) -> Rows | None:
        if not self._is_numbered:
            return None
        return number_runs(self._positions[rows], np.argsort(self._number_of_row[rows]), self._tolerance_mm)

    def _without_doubles(self, rows: Rows, levels: Rows) -> list[Stack]:
        """Return stacks of one frame at each position: the one most like the others, of equal ones the first."""
        facets = [facet for facet in self._facets if facet.mixing is not Mixing.FREELY]
        kinds = list(zip(*(self._labels(facet, rows)[0].tolist() for facet in facets), strict=True))
        kinds = kinds or [()] * len(rows)
        usual = Counter(kinds)
        best: dict[int, int] = {}
        for place, (kind, level) in enumerate(zip(kinds, levels.tolist(), strict=True)):
            rank = (-usual[kind], self._number_of_row[rows[place]])
            known = best.get(level)
            if known is None or rank < (-usual[kinds[known]], self._number_of_row[rows[known]]):
                best[level] = place
        kept = rows[sorted(best.values())]
        found = self._split(kept)
        twin = {int(row): int(rows[best[level]]) for row, level in zip(rows, levels.tolist(), strict=True)}
        number_of = {row: number for number, stack in enumerate(found) for row in stack.frames}
        doubles: list[list[int]] = [[] for _ in found]
        for row in rows.tolist():
            if row != twin[row] and twin[row] in number_of:
                doubles[number_of[twin[row]]].append(row)
        for number, stack in enumerate(found):
            doubled = tuple(doubles[number])
            shown = sorted((*stack.frames, *doubled), key=lambda row: (twin[row], twin[row] != row, row))
            found[number] = replace(stack, doubled=doubled, shown=tuple(shown))
        return found

    def _phases(self, rows: Rows, levels: Rows) -> list[Stack]:
        """Return as many stacks as every position has frames, in the order of what may tell them apart."""
        by_level: list[list[int]] = [[] for _ in range(int(levels[-1]) + 1)]
        for row, level in zip(rows.tolist(), levels.tolist(), strict=True):
            by_level[level].append(row)
        is_told = True
        for members in by_level:
            keys = {row: _phase_key(self._places[row]) for row in members}
            members.sort(key=lambda row: (keys[row], self._number_of_row[row]))
            is_told = is_told and len(set(keys.values())) == len(members)
        count = len(by_level[0])
        if count == 1:
            return [Stack(tuple(rows.tolist()))]
        return [
            Stack(frames, phase_number=number, phase_count=count, is_by_order=not is_told)
            for number, frames in enumerate(zip(*by_level, strict=True), 1)
        ]


def _phase_key(place: FramePlace) -> tuple[Any, ...]:
    """Return what tells frames at one position apart, in the order in which a doctor expects it."""
    return (
        float(place.frame.temporal_position_index or 0),
        float(place.acquisition_number or 0),
        place.trigger_time_ms or 0.0,
        place.b_value or 0.0,
        place.frame.echo_time_ms or 0.0,
        place.frame.image_type,
        place.acquisition_time_s or 0.0,
        # The dimension index of a multi-frame object knows of phases that have no attribute here.
        place.frame.dimension_index_values,
    )
