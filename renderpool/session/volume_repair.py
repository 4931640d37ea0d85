"""Slices of a volume that could not be had: what is put in their place, and what the doctor reads about it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DataError, WebviewerError
from webviewer.dicom.sentence import Sentence, joined, say
from webviewer.dicom.volume_plan import VolumePlan
from webviewer.dicom.volume_slices import SliceSampling

_MOST_NAMED = 5
_MAX_LOST_PART = 0.75  # more would be invention, no picture: as for gaps


class Loss(StrEnum):
    """Why a slice could not be had, as the code of its sentence."""

    UNREADABLE = "slice_unreadable"
    NOT_SENT = "slice_not_sent"
    DAMAGED = "slice_damaged"

    @classmethod
    def of(cls, error: WebviewerError) -> Loss:
        """Return why a slice could not be had, of the error that stands in its place."""
        return cls.DAMAGED if error.code.startswith("stored_file_") else cls.UNREADABLE


def source_index(plan: VolumePlan) -> NDArray[np.float64]:
    """Return where each source slice lies on the grid, (sources,): a whole number where it is one of its slices."""
    positions = np.array(plan.positions_mm, np.float64)
    index: NDArray[np.float64] = (positions - positions[0]) / (positions[-1] - positions[0]) * (plan.grid.shape[0] - 1)
    for source, place in enumerate(plan.sampling.grid_slice_of_source):
        if place is not None:
            index[source] = place
    return index


def sampling_without(plan: VolumePlan, index: NDArray[np.float64], lost: Collection[int]) -> SliceSampling:
    """Return how to make the slices of the grid of the source slices that are not lost.

    Those that need a lost one are interpolated between the nearest good ones, or repeat the last good one at an end.

    Raises
    ------
    DataError
        Too few are left.
    """
    sampling = plan.sampling
    good = [source for source in range(sampling.source_count) if source not in lost]
    if len(good) < 2 or len(lost) > _MAX_LOST_PART * sampling.source_count:
        words = say("too_few_slices_left", len(lost), sampling.source_count)
        raise DataError(words.text, code=words.code, details=words.details)
    lower, upper, weight = list(sampling.lower), list(sampling.upper), list(sampling.weight)
    places = index[good].tolist()
    for k in range(sampling.slices):
        if lower[k] not in lost and upper[k] not in lost:
            continue
        after = bisect_left(places, k)
        if after == 0 or after == len(good):
            lower[k] = upper[k] = good[min(after, len(good) - 1)]
            weight[k] = 0.0
        else:
            lower[k], upper[k] = good[after - 1], good[after]
            weight[k] = (k - places[after - 1]) / (places[after] - places[after - 1])
    return SliceSampling(sampling.source_count, tuple(lower), tuple(upper), tuple(weight))


def loss_warnings(plan: VolumePlan, lost: Mapping[int, Loss]) -> tuple[Sentence, ...]:
    """Return a warning for each slice that could not be had, by number and place; the last for all beyond a few."""
    count = len(plan.frames)
    found = []
    for source in sorted(lost)[:_MOST_NAMED]:
        place = say(lost[source], source + 1, count, round(plan.positions_mm[source], 1))
        found.append(joined([place, say(_what(source, count, lost))]))
    rest = sorted(lost)[_MOST_NAMED:]
    if rest:
        found.append(say("further_slices", len(rest), round(plan.positions_mm[rest[-1]], 1)))
    return tuple(found)


def _what(source: int, count: int, lost: Collection[int]) -> str:
    if all(other in lost for other in range(source)) or all(other in lost for other in range(source + 1, count)):
        return "repeated_there"
    return "interpolated_there"
