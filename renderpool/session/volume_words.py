"""What the browser is told of a volume before a pixel of it is read."""

from __future__ import annotations

from renderpool.session.volume_series import SeriesVolumes
from webviewer.dicom.sentence import Sentence as Words
from webviewer.protocol.volumes import Sentence, VolumeChoice, VolumeOpened

_MOST_CHOICES = 200  # around the one that is open: a message holds so many


def sentence_of(words: Words) -> Sentence:
    """Return words for the doctor as the browser takes them."""
    return Sentence(code=words.code, text=words.text, numbers=words.numbers, texts=words.texts)


def volume_opened(cell: int, volumes: SeriesVolumes, number: int) -> VolumeOpened:
    """Return the answer to `open_volume`; raises NotFound in words if there is no such volume."""
    plan = volumes.plan(number)
    first = max(0, min(number - _MOST_CHOICES // 2, len(volumes.split.plans) - _MOST_CHOICES))
    return VolumeOpened(
        cell=cell,
        series_id=volumes.series.series_id,
        volume=number,
        volumes=tuple(
            VolumeChoice(number=other, label=sentence_of(choice.label))
            for other, choice in enumerate(volumes.split.plans[first : first + _MOST_CHOICES], first)
        ),
        shape=plan.grid.shape,
        lps_from_index=tuple(plan.grid.lps_from_index[:3].ravel().tolist()),
        modality=volumes.series.modality,
        letters=plan.has_letters,
        warnings=tuple(sentence_of(warning) for warning in plan.warnings),
    )
