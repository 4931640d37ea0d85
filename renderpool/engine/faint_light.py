"""Whether two samples of a ray may share their light: where most of what shows covers next to nothing a sample.

Six of the eight values that a lit sample reads are for its light. The light of a sample that covers less than
``FAINT_OPACITY`` changes a pixel by less than three grey levels. The shader lights two such neighbours once, between
them. Where most samples cover more, the second reading of a pair is in vain: bone would take an eighth longer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import BrickRanges, Interval
from renderpool.scene.transfer_table import TransferTable

FAINT_OPACITY = 0.01
"""Of one sample; the same number is in ``ray_cast.frag.glsl``."""
FARTHEST_VOXELS = 2.0
"""Between the samples of a pair: their light is taken at a point one voxel away at most."""
_LEAST_SHARE = 0.2  # of the bricks that show something
_KEPT = 16


def share_of_faint_bricks(
    bricks: BrickRanges, shown: list[Interval], table: TransferTable, slope: float, intercept: float
) -> float:
    """Return which part of the bricks that show something holds no sample of more than faint opacity.

    Parameters
    ----------
    shown
        Stored values that show.
    table
        Opacities of one sample, of values; a value is stored * slope + intercept.
    """
    occupied = int(np.count_nonzero(bricks.occupied(shown)))
    if occupied == 0:
        return 0.0
    rgba: NDArray[np.float32] = table.rgba.copy()
    rgba[:, 3] = rgba[:, 3] >= FAINT_OPACITY
    ranges = TransferTable(rgba, table.low, table.high).visible_ranges
    dense = bricks.occupied([((low - intercept) / slope, (high - intercept) / slope) for low, high in ranges])
    return 1.0 - np.count_nonzero(dense) / occupied


class FaintLight:
    """The answers of the last looks."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, bool] = OrderedDict()

    def is_shared(self, key: Hashable, share: Callable[[], float]) -> bool:
        """Return whether pairs of samples pay.

        Parameters
        ----------
        key
            Names the bricks and the table.
        share
            Computes `share_of_faint_bricks` of them; called once while they are in use.
        """
        if key not in self._answers:
            self._answers[key] = share() >= _LEAST_SHARE
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return self._answers[key]
