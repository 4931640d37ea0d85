"""Which volumes a series makes, told from what the storage node says of it: no pixel is read."""

from __future__ import annotations

from dataclasses import dataclass

from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.core.errors import NotFound
from webviewer.dicom.sentence import say
from webviewer.dicom.volume_plan import VolumePlan, VolumeSplit
from webviewer.dicom.volume_split import split_shown


@dataclass(frozen=True, eq=False)
class SeriesVolumes:
    """The volumes of a series; indices in ``split`` are those of ``keys``, all frames that can be read at all."""

    series: SeriesFrames
    keys: tuple[FrameKey, ...]
    split: VolumeSplit

    def plan(self, number: int) -> VolumePlan:
        """Return a plan by its place in ``split.plans``, from 0; raises NotFound in words."""
        if not 0 <= number < len(self.split.plans):
            words = self.split.reason or say("no_such_volume", number, len(self.split.plans))
            raise NotFound(words.text, code=words.code, details=words.details)
        return self.split.plans[number]

    def keys_of(self, plan: VolumePlan) -> tuple[FrameKey, ...]:
        """Return the frames of a plan, along the stacking."""
        return tuple(self.keys[index] for index in plan.frames)


def volumes_of(series: SeriesFrames) -> SeriesVolumes:
    """Return the volumes of a series; for worker threads: some ms for each hundred images.

    An image whose attributes cannot be read belongs to none: it is left out, as if it were not there.
    """
    keys, split = split_shown(series.frames, series.instances.__getitem__)
    return SeriesVolumes(series, keys, split)
