"""New series that a session asks for: drawn between the pictures of others, and stored one image after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from renderpool.session.cell import Surroundings
from renderpool.session.device_images import DeviceImages
from renderpool.session.job import ShownVolume
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.series_maker import SeriesSink, make_planes, make_turning
from renderpool.session.volume_facts import value_facts
from renderpool.session.volume_painter import VolumePainter
from webviewer.core.errors import Conflict, LimitExceeded, Unavailable
from webviewer.protocol.questions import Ask, MakeSeries, Making
from webviewer.protocol.volumes import CameraView

_LOADED_WITHIN_S = 600.0
_LATER_S = 0.1
_TURN_WITHIN_S = 60.0


class SeriesAsking:
    """One series that is being made; `make` runs in a thread for what takes long.

    Parameters
    ----------
    shown
        The volume, whole or not yet, and what edits have left of it.
    seen
        What the cell's camera sees, of pictures that turn; None of planes.
    goes_on
        Says, with the lock held, whether somebody still wants it.
    """

    def __init__(
        self,
        around: Surroundings,
        question: Ask,
        what: MakeSeries,
        *,
        sink: SeriesSink,
        shown: ShownVolume,
        seen: CameraView | None,
        goes_on: Callable[[], bool],
    ) -> None:
        self._around = around
        self._question = question
        self._what = what
        self._sink = sink
        self._shown = shown
        self._seen = seen
        self._goes_on = goes_on

    def make(self) -> int:
        """Make it and return its number; raises WebviewerError."""
        volume, owner_id = self._shown.volume, self._around.owner_id
        volume.wait(_LOADED_WITHIN_S)
        with DeviceImages(volume, self._submit, self._shown.mask) as images:
            made = self._make_of(images, volume, owner_id)
        if made is None:
            raise Conflict("Nothing was stored: the series was given up.")
        return made

    def _make_of(self, images: DeviceImages, volume: LoadedVolume, owner_id: int) -> int | None:
        if self._seen is not None:
            return make_turning(
                volume,
                self._what,
                self._seen,
                owner_id=owner_id,
                draw_still=images.still,
                sink=self._sink,
                on_stored=self._on_stored,
            )
        facts = value_facts(volume)
        if facts is None:
            raise Unavailable("Nothing of this volume has come yet.")
        return make_planes(
            volume,
            self._what,
            owner_id=owner_id,
            ends=(facts.lowest, facts.highest),
            take_values=images.values,
            sink=self._sink,
            on_stored=self._on_stored,
        )

    def _on_stored(self, stored: int) -> bool:
        question, total = self._question, self._what.count
        with self._around.lock:
            if not self._goes_on():
                return False
            self._around.send(Making(cell=question.cell, question=question.question, stored=stored, total=total))
            return True

    def _submit(self, draw: Callable[[VolumePainter], Any], /) -> Future[Any]:
        """Have something drawn when there is nothing else, or it has waited."""
        until_s = time.monotonic() + _TURN_WITHIN_S
        while True:
            try:
                return self._around.draw(lambda painters: draw(painters.volumes))
            except LimitExceeded:  # others wait, too
                if time.monotonic() > until_s:
                    raise
                time.sleep(_LATER_S)
