"""The stroke of a round brush: removes what lies within its spheres, or brings it back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderpool.session.volume_cut import Packed, painted, with_more, without
from webviewer.dicom.sentence import Sentence
from webviewer.dicom.volume import VolumeGrid
from webviewer.protocol.volumes import CutSphere


class SphereCut:
    """A stroke, as `renderpool.session.volume_cut.Cut`. Voxels whose centre is within a sphere, its face too, count."""

    note: Sentence | None = None

    def __init__(self, grid: VolumeGrid, step: CutSphere) -> None:
        index_from_lps = grid.index_from_lps
        centers = np.array(step.centers_lps_mm, np.float64)
        self._centers = centers @ index_from_lps[:3, :3].T + index_from_lps[:3, 3]
        linear = grid.lps_from_index[:3, :3]
        self._metric = linear.T @ linear  # squared mm of a step in index space
        # How far spheres reach along each axis of the index.
        self._reach = step.radius_mm * np.sqrt(np.diag(np.linalg.inv(self._metric)))
        self._radius_mm = step.radius_mm
        self._restores = step.restore
        self._rows, self._columns = grid.shape[1:]

    def kept(self, first: int, end: int, packed: Packed) -> Packed:
        """Return what is left of slices."""
        touched = [number for number in range(first, end) if self._is_near(number).any()]
        if not touched:
            return packed
        out = packed.copy()
        for number in touched:
            one, stroke = out[number - first], self._stroke(number)
            out[number - first] = with_more(one, stroke) if self._restores else without(one, stroke)
        return out

    def _is_near(self, number: int) -> NDArray[np.bool_]:
        return np.asarray(np.abs(self._centers[:, 2] - number) <= self._reach[2])

    def _stroke(self, number: int) -> NDArray[np.bool_]:
        """Return which voxels of a slice lie in a sphere, (rows, columns)."""
        metric = self._metric
        centers = self._centers[self._is_near(number)]
        low = max(0, int(np.ceil((centers[:, 1] - self._reach[1]).min())))
        high = min(self._rows, int(np.floor((centers[:, 1] + self._reach[1]).max())) + 1)
        dy = np.arange(low, high)[:, None] - centers[:, 1]
        dz = number - centers[:, 2]
        # |M (dx, dy, dz)|² ≤ r², solved for dx.
        half_b = metric[0, 1] * dy + metric[0, 2] * dz
        rest = metric[1, 1] * dy**2 + 2 * metric[1, 2] * dy * dz + metric[2, 2] * dz**2 - self._radius_mm**2
        root = half_b**2 - metric[0, 0] * rest
        row, sphere = np.nonzero(root >= 0)
        middle = centers[sphere, 0] - half_b[row, sphere] / metric[0, 0]
        half = np.sqrt(root[row, sphere]) / metric[0, 0]
        runs = np.stack([row + low, np.ceil(middle - half), np.floor(middle + half) + 1], axis=1).astype(np.int64)
        return painted(runs, (self._rows, self._columns))
