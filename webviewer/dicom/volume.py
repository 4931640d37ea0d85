"""Volumes in space: the lattice on which a stack of slices lies, and what follows from it.

References
----------
PS3.3 C.7.6.2.1.1 (image position and orientation: the mapping of pixels into the patient).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import GeometryError

# A lattice whose cells are flatter than this part of a box of their edges is no volume: 1 is square, 0 is flat.
_FLATTEST_CELL = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class VolumeGrid:
    """A lattice of voxels in the patient.

    index = (column, row, slice), integers at voxel centres, slices counted along the stacking.

    Parameters
    ----------
    shape
        (slices, rows, columns), as the array of values; each at least 1.
    lps_from_index
        (4, 4), float64, mm in LPS. Its columns are the true steps from voxel to voxel, so it may be sheared (gantry
        tilt) and mirrored. It is copied and made read-only.

    Raises
    ------
    GeometryError
        A size is under 1, the matrix is none of an affine mapping, or its three steps lie in one plane.
    """

    shape: tuple[int, int, int]
    lps_from_index: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError(f"A volume of {self.shape} slices, rows and columns is none: each must be at least 1.")
        matrix = np.array(self.lps_from_index, np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or matrix[3].tolist() != [0.0, 0.0, 0.0, 1.0]:
            raise GeometryError(f"A volume cannot lie in space by {matrix.tolist()}: this is no affine mapping.")
        edges = np.linalg.norm(matrix[:3, :3], axis=0)
        if abs(float(np.linalg.det(matrix[:3, :3]))) <= _FLATTEST_CELL * float(np.prod(edges)):
            raise GeometryError("The voxels of this volume are flat: its rows, columns and slices lie in one plane.")
        matrix.flags.writeable = False
        object.__setattr__(self, "lps_from_index", matrix)

    def __eq__(self, other: object) -> bool:
        """Tell whether shape and matrix are the same to the last bit."""
        if not isinstance(other, VolumeGrid):
            return NotImplemented
        return self.shape == other.shape and bool(np.array_equal(self.lps_from_index, other.lps_from_index))

    def __hash__(self) -> int:
        return hash((self.shape, self.lps_from_index.tobytes()))

    @property
    def index_from_lps(self) -> NDArray[np.float64]:
        """(4, 4): LPS mm to (column, row, slice)."""
        linear = np.linalg.inv(self.lps_from_index[:3, :3])
        matrix = np.eye(4)
        matrix[:3, :3] = linear
        matrix[:3, 3] = -linear @ self.lps_from_index[:3, 3]
        return matrix

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Lengths of the steps from slice to slice, row to row, column to column."""
        column, row, slice_ = np.linalg.norm(self.lps_from_index[:3, :3], axis=0).tolist()
        return slice_, row, column

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector row × column direction, (3,): where slices are stacked, unless they are sheared."""
        normal = np.cross(self.lps_from_index[:3, 0], self.lps_from_index[:3, 1])
        return normal / float(np.linalg.norm(normal))

    @property
    def center_lps_mm(self) -> NDArray[np.float64]:
        """(3,): the middle of the volume."""
        slices, rows, columns = self.shape
        return self._lps(np.array([[(columns - 1) / 2, (rows - 1) / 2, (slices - 1) / 2]])).reshape(3)

    @property
    def corners_lps_mm(self) -> NDArray[np.float64]:
        """(8, 3): corners of the outer faces, index -0.5 … n-0.5; the column runs fastest, then the row."""
        slices, rows, columns = self.shape
        ends = [(-0.5, slices - 0.5), (-0.5, rows - 0.5), (-0.5, columns - 0.5)]
        return self._lps(np.array([(i, j, k) for k, j, i in itertools.product(*ends)]))

    def _lps(self, indices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return LPS mm (n, 3) of indices (n, 3) in the order (column, row, slice)."""
        lps: NDArray[np.float64] = indices @ self.lps_from_index[:3, :3].T + self.lps_from_index[:3, 3]
        return lps
