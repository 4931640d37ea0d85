"""How small and how coarse a moving picture of a volume must be to come in time: learnt from what the last ones took.

A picture's time grows with its pixels and with the samples of each ray. Both are given up together, the step of a
camera's rays beyond two voxels only where not even the smallest picture comes in time. Measured against the picture at
rest: 256² at two voxels a step is 2 dB nearer to it than 320² at three, which takes no less; a MIP is not even faster
at three. Of a slab no sample is skipped, so its step may be longer: 256² at four voxels is 1.6 dB nearer than 181² at
two.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MOVING_S = 0.03
"""What a moving picture may take to draw."""
DENSE_S = 0.065
"""What it may take at most, where less would make it a stamp."""
_DENSE_PX = 256.0  # a picture may take ``DENSE_S`` rather than be smaller than the square of this side
_SMALLEST_PX = 128.0
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Rays:
    """What is known beforehand of the rays of some kind of pictures.

    Parameters
    ----------
    first_guess_s
        What a unit of work takes, until it is known.
    work
        Units of a pixel at a step of one voxel.
    longest_step
        In spacings of voxels, while fewer pixels help too.
    utmost_step
        Where not even the smallest picture comes in time.
    whole_within_s
        The picture is as good as at rest where that takes no more than this.
    dense_s
        What a picture may take at most, where less would make it a stamp.
    """

    first_guess_s: float
    work: float = 1.0
    longest_step: float = 2.0
    utmost_step: float = 2.0
    whole_within_s: float = 0.0
    dense_s: float = DENSE_S


CAMERA_RAYS = Rays(2e-6, utmost_step=4.0, dense_s=0.04)
"""A unit is a pixel's ray. Twenty pictures a second leave no more: the other half goes to their way and to the page."""


@dataclass(frozen=True, slots=True)
class LightSize:
    """Pixels of a moving picture, and the step of its rays in spacings of voxels."""

    width_px: int
    height_px: int
    step_voxels: float


class LightSizes:
    """What pictures of each kind cost, and the size that follows."""

    def __init__(self) -> None:
        self._unit_s: OrderedDict[Hashable, float] = OrderedDict()  # of work, at a step of one voxel

    def choose(
        self, kind: Hashable, width_px: int, height_px: int, most_scale: float = 1.0, rays: Rays = CAMERA_RAYS
    ) -> LightSize:
        """Return the size of the next moving picture for a canvas.

        Parameters
        ----------
        kind
            Of pictures whose work costs alike: volume and look.
        most_scale
            Of the picture against the canvas.
        """
        full_px = width_px * height_px
        side_px = full_px**0.5
        whole_s = self._unit_s.get(kind, rays.first_guess_s) * rays.work * full_px
        scale = _scale_for(MOVING_S / whole_s, rays.longest_step)
        if whole_s <= rays.whole_within_s:
            scale = 1.0
        if scale * side_px < _DENSE_PX:
            scale = min(_DENSE_PX / side_px, _scale_for(rays.dense_s / whole_s, rays.longest_step))
        scale = min(1.0, most_scale, max(scale, _SMALLEST_PX / side_px))
        step_voxels = min(rays.longest_step, max(1.0, 1.0 / scale))
        step_voxels = max(step_voxels, min(rays.utmost_step, whole_s * scale**2 / rays.dense_s))
        return LightSize(max(1, round(width_px * scale)), max(1, round(height_px * scale)), step_voxels)

    def took(self, kind: Hashable, size: LightSize, took_s: float, work: float = 1.0) -> None:
        """Learn from a picture; ``work`` as of `Rays`."""
        unit_s = took_s * size.step_voxels / (size.width_px * size.height_px * work)
        known_s = self._unit_s.get(kind)
        # Slower is believed at once, faster by and by: a doctor sees a late picture more than a coarse one.
        self._unit_s[kind] = unit_s if known_s is None or unit_s > known_s else (unit_s + known_s) / 2
        self._unit_s.move_to_end(kind)
        while len(self._unit_s) > _KEPT:
            self._unit_s.popitem(last=False)

    def unit_s(self, kind: Hashable) -> float | None:
        """Return what a unit of work is thought to take; None = not known."""
        return self._unit_s.get(kind)

    def row_s(self, kind: Hashable, width_px: int, step_voxels: float) -> float | None:
        """Return what a row is thought to take at full size, where a pixel is one unit of work; None = not known."""
        known_s = self._unit_s.get(kind)
        return None if known_s is None else known_s * width_px / step_voxels


def _scale_for(part: float, longest_step: float) -> float:
    """Return the scale of the picture that takes this part of the time of the whole one with steps of one voxel."""
    scale = math.cbrt(part)  # steps of 1 / scale voxels
    return scale if scale >= 1 / longest_step else math.sqrt(part * longest_step)
