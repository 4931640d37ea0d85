"""Slabs: planes with a thickness, of which each canvas pixel shows one value of many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid

MAX_THICKNESS_MM = 1000.0
_LATTICE_NORMAL = 1e-6  # 1 - cosine under which a normal is that of the voxels' own layers


class SlabMode(StrEnum):
    """What a canvas pixel shows of the values through the slab."""

    PLANE = "plane"  # the one in its middle
    MAXIMUM = "mip"
    MINIMUM = "minip"
    AVERAGE = "aip"


class Interpolation(StrEnum):
    """How values between voxels are made."""

    NEAREST = "nearest"
    TRILINEAR = "trilinear"


@dataclass(frozen=True, slots=True)
class Slab:
    """How a plane is drawn.

    Parameters
    ----------
    mode
        ``PLANE`` draws the plane whatever the thickness, which is kept for the other modes.
    thickness_mm
        From face to face, the plane in the middle; 0 = the plane alone.
    step_voxels
        Between two samples at most, in the smallest step between voxels; more than 1 while something moves.

    Raises
    ------
    InvalidInput
        The thickness is under 0 or over ``MAX_THICKNESS_MM``, or the step under 1.
    """

    mode: SlabMode = SlabMode.PLANE
    thickness_mm: float = 0.0
    interpolation: Interpolation = Interpolation.TRILINEAR
    step_voxels: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.thickness_mm <= MAX_THICKNESS_MM:
            raise InvalidInput(
                f"A slab of {self.thickness_mm} mm is invalid: must be from 0 to {MAX_THICKNESS_MM:.0f} mm thick."
            )
        if not self.step_voxels >= 1.0:
            raise InvalidInput(f"A slab with samples {self.step_voxels} voxels apart is invalid: must be 1 or more.")

    @property
    def is_plane(self) -> bool:
        """Whether one value makes a pixel."""
        return self.mode is SlabMode.PLANE or self.thickness_mm == 0.0


def sample_offsets_mm(slab: Slab, grid: VolumeGrid) -> NDArray[np.float64]:
    """Return where samples are taken along the normal, (n,) float64 mm from the plane, in rising order.

    Each stands in the middle of its part of the slab, so that their average is the slab's; the parts are equal and at
    most as thick as the slab's step. One sample, 0, of a plane.
    """
    if slab.is_plane:
        return np.zeros(1)
    count = max(1, math.ceil(slab.thickness_mm / (slab.step_voxels * min(grid.spacing_mm)) - 1e-9))
    part_mm = slab.thickness_mm / count
    return (np.arange(count, dtype=np.float64) + 0.5) * part_mm - slab.thickness_mm / 2


def voxel_step_mm(grid: VolumeGrid, normal: NDArray[np.float64]) -> float:
    """Return the step of one voxel along a unit direction.

    Across layers of voxels it is the distance of two layers, else the way in which the index changes by 1 in all:
    0.5 × 0.5 × 3 mm gives 3 mm straight through the slices, 0.5 mm within them, and 0.7 mm at 45 degrees.
    """
    linear = grid.index_from_lps[:3, :3]
    for across in linear:
        length = float(np.linalg.norm(across))
        if abs(float(across @ normal)) / length > 1.0 - _LATTICE_NORMAL:
            return 1.0 / length
    return 1.0 / float(np.linalg.norm(linear @ normal))
