"""Groups of parallel frames: do they tell frames at one position apart, or tear one acquisition into pieces?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_SLICES = 3
SAME_POSITION_MM = 0.0105  # positions rounded to 0.01 mm
_MOST_GROUPS = 1024
_JUMP = 1.9  # steps
_MOST_CELLS = 4_000_000  # of a table of groups and positions
_MOST_RUNS = 8

Rows = NDArray[np.intp]
"""Frames in order of position, or a number for each."""


def number_runs(positions_mm: NDArray[np.float64], by_number: Rows, tolerance_mm: float) -> Rows | None:
    """Return the runs of instance numbers along which positions go one way by even steps.

    Parameters
    ----------
    positions_mm
        Of frames along their normal, rising, (n,).
    by_number
        Indices of the frames in order of their instance numbers, (n,).
    tolerance_mm
        Nearer positions are one.

    Returns
    -------
    The number of the run of each frame, (n,); None unless there are 2 to 8 runs.
    """
    steps = np.diff(positions_mm[by_number])
    usual = float(np.median(np.abs(steps)))
    if usual <= tolerance_mm:
        return None
    starts = _starts_of_runs(steps.tolist(), usual, tolerance_mm)
    if len(starts) > 4 * _MOST_RUNS:
        return None
    runs = _joined_runs(positions_mm[by_number], starts)
    if not 2 <= len(runs) <= _MOST_RUNS:
        return None
    labels = np.empty(len(positions_mm), np.intp)
    for label, (first, end) in enumerate(runs):
        labels[by_number[first:end]] = label
    return labels


def _starts_of_runs(steps: Sequence[float], usual: float, tolerance_mm: float) -> list[int]:
    """Return where runs start among positions with these steps: at a jump, a repetition, or where the way turns."""
    starts, way = [0], 0.0
    for place, step in enumerate(steps, 1):
        if abs(step) > _JUMP * usual or abs(step) <= tolerance_mm:
            starts.append(place)
            way = 0.0
        elif way * step < 0:
            # The frame at the turn belongs to the run whose step fits better.
            is_of_next = abs(abs(way) - usual) > abs(abs(step) - usual) and place - 1 > starts[-1]
            starts.append(place - 1 if is_of_next else place)
            way = step if is_of_next else 0.0
        else:
            way = step
    return starts


def _joined_runs(positions_mm: NDArray[np.float64], starts: list[int]) -> list[tuple[int, int]]:
    """Return runs (first, end); a run that goes on behind the one before it is the same run: slices lack between."""
    runs: list[tuple[int, int]] = []
    for first, end in itertools.pairwise((*starts, len(positions_mm))):
        if runs:
            before, here = positions_mm[runs[-1][0] : runs[-1][1]], positions_mm[first:end]
            way = (before[-1] - before[0]) or (here[-1] - here[0])
            is_same_way = (here[-1] - here[0]) * way >= 0
            if is_same_way and (here[0] > before.max() if way > 0 else here[0] < before.min()):
                runs[-1] = (runs[-1][0], end)
                continue
        runs.append((first, end))
    return runs


def do_tell_apart(labels: Rows, levels: Rows, least: int) -> bool:
    """Tell whether groups lie at the same positions, each at ``least`` positions, and most frames in a whole stack."""
    table = _table(labels, levels)
    if table is None or table.sum(axis=0).max() < 2:
        return False
    sizes = table.sum(axis=1)
    return bool(sizes.min() >= least and 2 * sizes[sizes >= MIN_SLICES].sum() >= sizes.sum())


def are_pieces(labels: Rows, levels: Rows, least_own: int = 0) -> bool:
    """Tell whether groups are pieces of one acquisition rather than acquisitions: most share no position, or two
    lie within one another without sharing one. With ``least_own``, also if a group has fewer positions of its own.
    """
    table = _table(labels, levels)
    if table is None:
        return True
    if least_own and ((table & (table.sum(axis=0) == 1)).sum(axis=1) < least_own).any():
        return True
    if table.all():
        return False
    shared = table.astype(np.float32) @ table.T.astype(np.float32)
    np.fill_diagonal(shared, 0)
    alone = shared.sum(axis=1) == 0
    if 2 * np.count_nonzero(alone) > len(alone):
        return True
    first = table.argmax(axis=1)
    last = table.shape[1] - 1 - table[:, ::-1].argmax(axis=1)
    is_within = (first[:, None] < last) & (first < last[:, None])
    np.fill_diagonal(is_within, False)
    return bool((is_within & (shared == 0)).any())


def _table(labels: Rows, levels: Rows) -> NDArray[np.bool_] | None:
    """Return which groups have a frame at which position, (groups, positions); None for no or too many groups."""
    groups = int(labels.max()) + 1
    if not 2 <= groups <= _MOST_GROUPS or groups * (int(levels[-1]) + 1) > _MOST_CELLS:
        return None
    table = np.zeros((groups, int(levels[-1]) + 1), np.bool_)
    table[labels, levels] = True
    return table
