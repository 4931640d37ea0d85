"""Frames of reference of a series: which slices lie in one, also where an anonymiser gave each slice a UID of its own.

References
----------
PS3.3 C.7.4.1 (Frame of Reference UID).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.geometry import FramePlace, slice_normal
from webviewer.dicom.sentence import Sentence, say
from webviewer.dicom.stack_groups import MIN_SLICES, SAME_POSITION_MM
from webviewer.dicom.volume_slices import fit_line, lay_slices

_BESIDE_MM = 5.0  # in-plane: slices farther from a straight line lie in no one frame of reference


@dataclass(frozen=True, slots=True)
class OneFrameOfReference:
    """Frames (indices) that lie in one frame of reference, and the assumption that joined them."""

    frames: list[int]
    notes: tuple[Sentence, ...] = ()


def by_frame_of_reference(
    alike: list[int], places: Sequence[FramePlace], images: Sequence[ImageAttributes]
) -> list[OneFrameOfReference]:
    """Return frames of one orientation and spacing by frame of reference, in order of first appearance.

    Two UIDs of several slices each are two frames of reference. UIDs of fewer slices than a volume needs, and slices
    without a UID, join where their positions agree with the others.
    """
    if len({images[index].frame_of_reference_uid for index in alike}) == 1:
        return [OneFrameOfReference(alike)]
    of_uid: dict[str, list[int]] = {}
    for index in alike:
        of_uid.setdefault(images[index].frame_of_reference_uid, []).append(index)
    lines = _Lines(places, alike[0])
    large = {uid: own for uid, own in of_uid.items() if lines.slices(own) >= MIN_SLICES}
    large_uids = large.keys() - {""}
    rest = [uid for uid in of_uid if uid not in large_uids]
    if len(large_uids) <= 1 and rest and lines.do_agree(alike):
        return [OneFrameOfReference(alike, _notes(of_uid))]
    return [OneFrameOfReference(own) for own in of_uid.values()]


def _notes(of_uid: dict[str, list[int]]) -> tuple[Sentence, ...]:
    images = sum(map(len, of_uid.values()))
    unnamed, stated = len(of_uid.get("", ())), len(of_uid.keys() - {""})
    found = []
    if stated > 1:
        found.append(say("own_frames_of_reference", images, stated))
    if unnamed:
        found.append(say("no_frame_of_reference", unnamed, images))
    return tuple(found)


class _Lines:
    """Positions of frames of one orientation, along its normal and in the plane."""

    def __init__(self, places: Sequence[FramePlace], first: int) -> None:
        self._places = places
        self._normal = slice_normal(places[first].frame)

    def _origins(self, frames: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        origins = np.array([self._places[i].frame.image_position_patient for i in frames], np.float64)
        along = origins @ (np.zeros(3) if self._normal is None else self._normal)
        order = np.argsort(along, kind="stable")
        return origins[order], along[order]

    def slices(self, frames: Sequence[int]) -> int:
        """Return how many positions frames have."""
        _, along = self._origins(frames)
        return 1 + int(np.count_nonzero(np.diff(along) > SAME_POSITION_MM))

    def do_agree(self, frames: Sequence[int]) -> bool:
        """Tell whether frames lie one behind the other on a straight line, without vast gaps."""
        origins, along = self._origins(frames)
        is_new = np.concatenate(([True], np.diff(along) > SAME_POSITION_MM))
        distinct = along[is_new]
        if len(distinct) < MIN_SLICES or lay_slices(distinct.tolist()).is_mostly_empty:
            return False
        start, step = fit_line(along, origins)
        return bool(np.linalg.norm(origins - start - along[:, None] * step, axis=1).max() <= _BESIDE_MM)
