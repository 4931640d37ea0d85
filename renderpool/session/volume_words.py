"""What the browser is told of a volume before a pixel of it is read."""

from __future__ import annotations

from renderpool.session.volume_series import SeriesVolumes
from webviewer.protocol.volumes import Sentence, VolumeChoice, VolumeOpened


def _sentence(said: object) -> Sentence:
    if isinstance(said, str):
        return Sentence(code="text", text=said)
    return Sentence(code=said.code, text=said.text, numbers=tuple(said.numbers))  # type: ignore[attr-defined]


def volume_opened(cell: int, volumes: SeriesVolumes, number: int) -> VolumeOpened:
    """Return the answer to `open_volume`; raises NotFound in words if there is no such volume."""
    plan = volumes.plan(number)
    return VolumeOpened(
        cell=cell,
        series_id=volumes.series.series_id,
        volume=number,
        volumes=tuple(
            VolumeChoice(number=other, label=_sentence(choice.label))
            for other, choice in enumerate(volumes.split.plans)
        ),
        shape=plan.grid.shape,
        lps_from_index=tuple(plan.grid.lps_from_index[:3].ravel().tolist()),
        modality=volumes.series.modality,
        warnings=tuple(_sentence(warning) for warning in plan.warnings),
    )
