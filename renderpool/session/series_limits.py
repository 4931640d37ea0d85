"""What a new series of planes may be: found before the first of its objects is made, in words with the numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.plane_canvas import check_canvas_axes
from webviewer.core.errors import InvalidInput
from webviewer.dicom.volume import VolumeGrid
from webviewer.protocol.questions import ParallelPlanes

_MOST_MM = 1000.0  # of a pixel, or from plane to plane: more than anybody is long
_FARTHEST_MM = 100_000.0  # as of volumes: what lies farther off is in no patient


def check_planes(images: ParallelPlanes, count: int, grid: VolumeGrid) -> None:
    """Refuse a series whose objects could not be stored, or would show nothing of the volume.

    Raises
    ------
    InvalidInput
        The directions are no frame, pixels or steps are too large, or the planes lie too far off or miss the volume.
    """
    axes = check_canvas_axes(images.right_lps, images.down_lps)
    for words, size_mm in (("Pixels of", images.mm_per_px), ("Planes that are", images.step_mm)):
        if size_mm > _MOST_MM:
            apart = "" if words == "Pixels of" else " apart"
            raise InvalidInput(f"{words} {size_mm:g} mm{apart} are too large for a series: at most {_MOST_MM:g} mm.")
    half_mm = np.array([images.width_px, images.height_px]) * images.mm_per_px / 2
    length_mm = (count - 1) * images.step_mm
    corner = np.array(images.center_lps_mm) - axes[:, :2] @ half_mm
    farthest_mm = float(np.abs([corner, corner + length_mm * axes[:, 2]]).max())
    if farthest_mm > _FARTHEST_MM:
        raise InvalidInput(
            f"A plane {farthest_mm / 1000:.4g} m away is in no patient: at most {_FARTHEST_MM / 1000:g} m."
        )
    half_slab_mm = 0.0 if images.slab == "plane" else images.thickness_mm / 2
    low = np.array([*-half_mm, -half_slab_mm])
    high = np.array([*half_mm, length_mm + half_slab_mm])
    volume_low, volume_high = _ends(grid, axes, images.center_lps_mm)
    if (volume_high < low).any() or (volume_low > high).any():
        raise InvalidInput(f"None of the {count} planes meets the volume: the series would be empty.")


def _ends(
    grid: VolumeGrid, axes: NDArray[np.float64], center_lps_mm: tuple[float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest (right, down, away) mm of a volume from the first plane's centre, (3,) each."""
    corners = (grid.corners_lps_mm - np.array(center_lps_mm)) @ axes
    return corners.min(axis=0), corners.max(axis=0)
