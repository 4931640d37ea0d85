"""Lattice of a volume: the matrix that fits the places of its source slices best, sheared under a tilted gantry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_slices import SliceLayout, fit_line

TILTED_FROM_DEGREES = 0.5
_SHEARED_WITHIN = 0.25  # of the shift that the shear explains: slices farther from their line are not sheared


@dataclass(frozen=True, slots=True, eq=False)
class SourcePlanes:
    """Place of the first pixel of each slice, steps along its rows and along its columns, (n, 3) each, mm in LPS."""

    origins: NDArray[np.float64]
    along_rows: NDArray[np.float64]
    along_columns: NDArray[np.float64]
    size: tuple[int, int]  # rows, columns

    def shift_mm(self, matrix: NDArray[np.float64], index: NDArray[np.float64]) -> float:
        """Return by how many mm corners of slices are shifted against one another in the plane of a lattice."""
        off = self.origins - (matrix[:3, 3] + index[:, None] * matrix[:3, 2])
        corners = [
            off + i * (self.along_rows - matrix[:3, 0]) + j * (self.along_columns - matrix[:3, 1])
            for i in (0, self.size[1] - 1)
            for j in (0, self.size[0] - 1)
        ]
        return max(map(_width_mm, np.array(corners) @ _in_plane(matrix)))


def lattice_of(planes: SourcePlanes, layout: SliceLayout) -> tuple[VolumeGrid, float]:
    """Return the lattice, and by how many mm corners of source slices are shifted against one another in the plane.

    Raises
    ------
    GeometryError
        If rows, columns and slices lie in one plane.
    """
    index = np.array(layout.index)
    matrix = np.eye(4)
    for axis, steps in enumerate((planes.along_rows, planes.along_columns)):
        matrix[:3, axis] = steps[0] if (steps == steps[0]).all() else steps.mean(axis=0)
    # The slice column is the true step from slice to slice: of a tilted gantry it does not follow the normal.
    matrix[:3, 3], matrix[:3, 2] = fit_line(index, planes.origins)
    shift_mm = planes.shift_mm(matrix, index)
    in_plane = _in_plane(matrix)
    lean = in_plane @ (matrix[:3, 2] @ in_plane)
    lean_mm = float(np.linalg.norm(lean))
    is_leaning = lean_mm >= math.sin(math.radians(TILTED_FROM_DEGREES)) * float(np.linalg.norm(matrix[:3, 2]))
    if is_leaning and shift_mm > _SHEARED_WITHIN * lean_mm * float(np.ptp(index)):
        # Slices that jump in the plane lie on no line: a shear would also bend the parts before and behind the jump.
        matrix[:3, 3] += lean * index.mean()
        matrix[:3, 2] -= lean
        shift_mm = planes.shift_mm(matrix, index)
    return VolumeGrid((layout.sampling.slices, *planes.size), matrix), shift_mm


def _in_plane(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two unit vectors at right angles in the plane of the slices, (3, 2)."""
    return np.linalg.qr(matrix[:3, :2])[0]


def _width_mm(points: NDArray[np.float64]) -> float:
    """Return the largest distance of two of the points (n, 2), at most 0.5 % too small."""
    angles = np.arange(16) * (math.pi / 16)
    return float(np.ptp(points @ np.array((np.cos(angles), np.sin(angles))), axis=0).max())
