"""How small and how coarse a moving picture of a volume must be to come in time: learnt from what the last ones took.

A picture's time grows with its pixels and with the samples of each ray. Both are given up together, the step up to two
voxels only. Measured against the picture at rest: 256² at two voxels a step is 2 dB nearer to it than 320² at three,
which takes no less; a MIP is not even faster at three.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MOVING_S = 0.03
"""What a moving picture may take to draw."""
_DENSE_S = 0.065
_DENSE_PX = 256.0  # a picture may take ``_DENSE_S`` rather than be smaller than the square of this side
_SMALLEST_PX = 128.0
_LONGEST_STEP = 2.0  # spacings of voxels
_FIRST_GUESS_S = 2e-6  # of a pixel's ray at a step of one voxel
_KEPT = 64


@dataclass(frozen=True, slots=True)
class LightSize:
    """Pixels of a moving picture, and the step of its rays in spacings of voxels."""

    width_px: int
    height_px: int
    step_voxels: float


class LightSizes:
    """What pictures of each kind cost, and the size that follows."""

    def __init__(self) -> None:
        self._ray_s: OrderedDict[Hashable, float] = OrderedDict()  # of a pixel, at a step of one voxel

    def choose(self, kind: Hashable, width_px: int, height_px: int, most_scale: float = 1.0) -> LightSize:
        """Return the size of the next moving picture for a canvas.

        Parameters
        ----------
        kind
            Of pictures that cost alike: volume and look.
        most_scale
            Of the picture against the canvas.
        """
        full_px = width_px * height_px
        side_px = full_px**0.5
        whole_s = self._ray_s.get(kind, _FIRST_GUESS_S) * full_px
        scale = _scale_for(MOVING_S / whole_s)
        if scale * side_px < _DENSE_PX:
            scale = min(_DENSE_PX / side_px, _scale_for(_DENSE_S / whole_s))
        scale = min(1.0, most_scale, max(scale, _SMALLEST_PX / side_px))
        step_voxels = min(_LONGEST_STEP, max(1.0, 1.0 / scale))
        return LightSize(max(1, round(width_px * scale)), max(1, round(height_px * scale)), step_voxels)

    def took(self, kind: Hashable, size: LightSize, took_s: float) -> None:
        """Learn from a picture."""
        ray_s = took_s * size.step_voxels / (size.width_px * size.height_px)
        known_s = self._ray_s.get(kind)
        # Slower is believed at once, faster by and by: a doctor sees a late picture more than a coarse one.
        self._ray_s[kind] = ray_s if known_s is None or ray_s > known_s else (ray_s + known_s) / 2
        self._ray_s.move_to_end(kind)
        while len(self._ray_s) > _KEPT:
            self._ray_s.popitem(last=False)

    def row_s(self, kind: Hashable, width_px: int, step_voxels: float) -> float | None:
        """Return what a row is thought to take at full size; None = not known."""
        known_s = self._ray_s.get(kind)
        return None if known_s is None else known_s * width_px / step_voxels


def _scale_for(part: float) -> float:
    """Return the scale of the picture that takes this part of the time of the whole one with steps of one voxel."""
    scale = math.cbrt(part)  # steps of 1 / scale voxels
    return scale if scale >= 1 / _LONGEST_STEP else math.sqrt(part * _LONGEST_STEP)
