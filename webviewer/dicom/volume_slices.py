"""From slices where the scanner left them to the even slices of a volume: which lie on it, which are made between two.

A stack whose slices all lie on an even grid, some of whose places may be empty, keeps every slice bit for bit. A really
uneven stack is resampled along its slices, linearly; rows and columns stay as they are.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A slice lies on the grid if it is off by no more than a scanner's rounding of its position explains.
_OFF_GRID_PART, _OFF_GRID_MIN_MM, _OFF_GRID_MAX_MM = 0.05, 0.01, 0.1
# Of a grid at most this part may be empty: more is invention, no picture.
_MAX_EMPTY_PART = 0.75
# So little of a spacing is no other place, but would cost a slice its bits.
_IN_PLACE = 1e-3
_MISSING_FROM = 1.9  # spacings: a gap as wide lacks slices, also where spacing is uneven


@dataclass(frozen=True, slots=True)
class SliceSampling:
    """How each slice of the grid is made: ``(1 - weight) * source[lower] + weight * source[upper]``.

    ``lower`` and ``upper`` are indices of source slices, one for each slice of the grid, float ``weight`` 0 ≤ w < 1 is
    that of the upper one. At weight 0 both are the same: such a slice is a copy, bit for bit.
    """

    source_count: int
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    weight: tuple[float, ...]

    @property
    def slices(self) -> int:
        """Slices of the grid."""
        return len(self.lower)

    def is_copy(self, grid_slice: int) -> bool:
        """Tell whether a slice of the grid is a source slice, unchanged."""
        return self.weight[grid_slice] == 0.0

    @property
    def grid_slice_of_source(self) -> tuple[int | None, ...]:
        """Where each source slice is copied to; None if it only lends its values to slices between."""
        places: list[int | None] = [None] * self.source_count
        for grid_slice, source in enumerate(self.lower):
            if self.is_copy(grid_slice):
                places[source] = grid_slice
        return tuple(places)

    @property
    def is_in_place(self) -> bool:
        """Tell whether every source slice has its place on the grid, so that no other memory is needed."""
        return None not in self.grid_slice_of_source

    def ready_after(self, source: int, arrived: Collection[int]) -> tuple[int, ...]:
        """Return the slices of the grid that can be made now that ``source`` has come, as the last of ``arrived``."""
        # Both lists rise, so those which need it lie side by side.
        needing = range(bisect_left(self.upper, source), bisect_right(self.lower, source))
        return tuple(k for k in needing if self.lower[k] in arrived and self.upper[k] in arrived)


@dataclass(frozen=True, slots=True)
class Gap:
    """Places without a slice, between the positions in mm of two slices that are there."""

    from_mm: float
    to_mm: float
    missing: int


@dataclass(frozen=True, slots=True)
class SliceLayout:
    """An even grid along the slice normal for a stack.

    ``index`` is where each source slice lies on the grid: whole numbers, 0 the first, unless ``is_uneven``.
    """

    spacing_mm: float
    index: tuple[float, ...]
    sampling: SliceSampling
    gaps: tuple[Gap, ...]
    is_uneven: bool

    @property
    def missing(self) -> int:
        """Slices that lack in all gaps together."""
        return sum(gap.missing for gap in self.gaps)

    @property
    def is_mostly_empty(self) -> bool:
        """Tell whether more of the grid would be invented than may be."""
        return self.missing > _MAX_EMPTY_PART * self.sampling.slices


def lay_slices(positions_mm: Sequence[float]) -> SliceLayout:
    """Return the grid of a stack.

    Parameters
    ----------
    positions_mm
        Along the slice normal, rising, at least 2.

    Notes
    -----
    The spacing of an even stack is that of its neighbours; where all slices lie on multiples of it the places between
    are gaps. Else it is the median of the distances, a little changed so that first and last slice lie on the grid, and
    smaller where a slice would lend nothing to any slice of the grid.
    """
    positions = np.array(positions_mm, np.float64)
    steps = np.diff(positions)
    near = float(np.median(steps[steps <= 1.25 * steps.min()]))
    for base in (near, _median(steps)):
        layout = _even(positions, steps, base)
        if layout is not None:
            return layout
    return _uneven(positions, steps)


def fit_line(index: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return value at index 0 and step, each as one of ``values`` (n, …), of the line nearest to them at ``index``."""
    centred = index - index.mean()
    step = np.tensordot(centred, values - values.mean(axis=0), 1) / np.dot(centred, centred)
    return values.mean(axis=0) - step * index.mean(), step


def _even(positions: NDArray[np.float64], steps: NDArray[np.float64], base: float) -> SliceLayout | None:
    """Return the grid whose neighbours lie about ``base`` apart; None if a slice is beside it or most are empty."""
    counts = np.maximum(np.rint(steps / base), 1)
    if (counts == 1).any():  # their mean is exact enough to count the places of wide gaps
        base = float(steps[counts == 1].mean())
        counts = np.maximum(np.rint(steps / base), 1)
    index = np.concatenate(([0.0], np.cumsum(counts)))
    if index[-1] >= _most_slices(len(positions)):
        return None
    first, spacing = (float(v) for v in fit_line(index, positions))
    off_mm = np.abs(positions - (first + spacing * index)).max()
    if spacing <= 0 or off_mm > min(max(_OFF_GRID_PART * spacing, _OFF_GRID_MIN_MM), _OFF_GRID_MAX_MM, spacing / 4):
        return None
    gaps = tuple(
        Gap(float(positions[i]), float(positions[i + 1]), int(counts[i]) - 1) for i in np.flatnonzero(counts > 1)
    )
    return SliceLayout(spacing, tuple(index.tolist()), _sampling(index), gaps, is_uneven=False)


def _uneven(positions: NDArray[np.float64], steps: NDArray[np.float64]) -> SliceLayout:
    median = _median(steps)
    span = float(positions[-1] - positions[0])
    limit = _most_slices(len(positions))
    slices = max(1, min(round(span / median), limit))
    if len(positions) > 2:
        # Narrower than from the slice before to the one after, or a slice between would be lost.
        tightest = float((positions[2:] - positions[:-2]).min()) * (1 - 3 * _IN_PLACE)
        if span > slices * tightest:
            slices = min(math.ceil(span / tightest), limit)
    spacing = span / slices
    index = (positions - positions[0]) / spacing
    gaps = tuple(
        Gap(float(positions[i]), float(positions[i + 1]), round(float(steps[i]) / median) - 1)
        for i in np.flatnonzero(steps >= _MISSING_FROM * median)
    )
    return SliceLayout(spacing, tuple(index.tolist()), _sampling(index), gaps, is_uneven=True)


def _most_slices(sources: int) -> int:
    return int(sources / (1 - _MAX_EMPTY_PART))


def _median(steps: NDArray[np.float64]) -> float:
    return float(np.sort(steps)[(len(steps) - 1) // 2])  # one of them, never the mean of a small and a vast one


def _sampling(index: NDArray[np.float64]) -> SliceSampling:
    """Return the two neighbours of each whole number from 0 to the last slice, in ``index``, which rises."""
    wanted = np.arange(round(float(index[-1])) + 1, dtype=np.float64)
    after = np.clip(np.searchsorted(index, wanted, side="right"), 1, len(index) - 1)
    before = after - 1
    weight = np.clip((wanted - index[before]) / (index[after] - index[before]), 0.0, 1.0)
    at_upper = np.abs(index[after] - wanted) < _IN_PLACE
    at_lower = np.abs(index[before] - wanted) < _IN_PLACE
    lower = np.where(at_upper, after, before)
    upper = np.where(at_lower, before, after)
    weight[at_upper | at_lower] = 0.0
    return SliceSampling(len(index), tuple(lower.tolist()), tuple(upper.tolist()), tuple(weight.tolist()))


def absent_between(
    sampling: SliceSampling,
    sources: Sequence[NDArray[Any]] | Mapping[int, NDArray[Any]],
    absent: Mapping[int, NDArray[np.bool_]],
    grid_slice: int,
    out: NDArray[Any],
) -> NDArray[np.bool_] | None:
    """Mend a slice of the grid that lies between two slices with absent voxels, and return which of its own are.

    Where one of two voxels is absent the other one alone is the value, if at least half of the weight is its own.

    Parameters
    ----------
    sampling, sources
        As of `resample_slab`.
    absent
        Of source slices, which voxels are absent, (rows, columns); a slice that is missing here has none.
    grid_slice
        Which slice of the grid.
    out
        (rows, columns): as `resample_slab` made it, mended here. Absent voxels become 0.
    """
    lower, upper, weight = sampling.lower[grid_slice], sampling.upper[grid_slice], sampling.weight[grid_slice]
    if lower not in absent and upper not in absent:
        return None
    none_absent = np.zeros(out.shape, np.bool_)
    is_lower_absent, is_upper_absent = absent.get(lower, none_absent), absent.get(upper, none_absent)
    np.copyto(out, sources[upper], where=is_lower_absent)
    np.copyto(out, sources[lower], where=is_upper_absent & ~is_lower_absent)
    found = is_lower_absent & (is_upper_absent | (weight < 0.5))
    found |= is_upper_absent & (1.0 - weight < 0.5)
    out[found] = 0
    return found if found.any() else None


def resample_slab(
    sampling: SliceSampling,
    sources: Sequence[NDArray[Any]] | Mapping[int, NDArray[Any]] | NDArray[Any],
    first: int,
    out: NDArray[Any],
) -> None:
    """Make the slices ``first``, ``first + 1``, … of the grid, as many as ``out`` has.

    Parameters
    ----------
    sampling
        How the slices of the grid are made.
    sources
        Source slices by index, each (rows, columns), of the dtype of ``out``; only those that these slices need are
        asked for. They may lie in ``out``, each in its own place (`SliceSampling.is_in_place`): then only slices that
        lie between are written.
    first
        Slice of the grid at ``out[0]``.
    out
        (slices, rows, columns), int16, uint16 or float32: written. Whole numbers are rounded half to even.
    """
    buffer = np.empty(out.shape[1:], np.float64)
    for row, target in enumerate(out):
        k = first + row
        lower = sources[sampling.lower[k]]
        if sampling.is_copy(k):
            if lower.__array_interface__["data"] != target.__array_interface__["data"]:
                np.copyto(target, lower)
            continue
        # In float64: of 16 bits and a weight float32 loses the digit that decides a rounding.
        np.subtract(sources[sampling.upper[k]], lower, out=buffer, dtype=np.float64)
        buffer *= sampling.weight[k]
        buffer += lower
        if out.dtype.kind != "f":
            np.rint(buffer, out=buffer)
        np.copyto(target, buffer, casting="unsafe")
