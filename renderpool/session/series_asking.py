"""New series that a session asks for: drawn between the pictures of others, and stored one image after the other.

Series of several owners are made by turns, some images at a time, and hold their volume in the device while it is
their turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.plane_canvas import PlaneCanvas
from renderpool.scene.slab import Slab
from renderpool.session.cell import Surroundings
from renderpool.session.device_images import DeviceImages
from renderpool.session.job import ShownVolume
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.series_maker import SeriesSink, make_planes, make_turning
from renderpool.session.volume_cut import CutCancelled, wait_until_whole
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
        self._turn = ExitStack()
        self._images: DeviceImages | None = None  # while it has its turn

    def make(self) -> int:
        """Make it and return its number; raises WebviewerError."""
        self._wait_until_loaded()
        try:
            self._begin_turn()
            made = self._make_of(self._shown.volume, self._around.owner_id)
        finally:
            self._end_turn()
        if made is None:
            raise _given_up()
        return made

    def _wait_until_loaded(self) -> None:
        until_s = time.monotonic() + _LOADED_WITHIN_S
        try:
            wait_until_whole(self._shown.volume, lambda: time.monotonic() > until_s or not self._is_wanted())
        except CutCancelled:
            if self._is_wanted():
                raise Unavailable(f"The volume was not loaded within {_LOADED_WITHIN_S:g} s.") from None
            raise _given_up() from None

    def _is_wanted(self) -> bool:
        with self._around.lock:
            return self._goes_on()

    def _begin_turn(self) -> None:
        if not self._is_wanted() or not self._around.workers.making.enter(self, self._is_wanted):
            raise _given_up()
        self._images = self._turn.enter_context(DeviceImages(self._shown.volume, self._submit, self._shown.mask))

    def _end_turn(self) -> None:
        self._images = None
        self._turn.close()
        self._around.workers.making.leave(self)

    def _still(self, wish: CameraView) -> NDArray[np.uint8]:
        return self._device().still(wish)

    def _values(self, canvas: PlaneCanvas, slab: Slab) -> NDArray[np.float32]:
        return self._device().values(canvas, slab)

    def _device(self) -> DeviceImages:
        if self._images is None:
            raise _given_up()
        return self._images

    def _make_of(self, volume: LoadedVolume, owner_id: int) -> int | None:
        if self._seen is not None:
            return make_turning(
                volume,
                self._what,
                self._seen,
                owner_id=owner_id,
                draw_still=self._still,
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
            take_values=self._values,
            sink=self._sink,
            on_stored=self._on_stored,
        )

    def _on_stored(self, stored: int) -> bool:
        question, total = self._question, self._what.count
        with self._around.lock:
            if not self._goes_on():
                return False
            self._around.send(Making(cell=question.cell, question=question.question, stored=stored, total=total))
        return stored == total or self._next_turn()

    def _next_turn(self) -> bool:
        """Let others go first if they wait; returns whether somebody wants more of it still."""
        if self._around.workers.making.is_over(self):
            self._end_turn()
            try:
                self._begin_turn()
            except Conflict:
                return False
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


def _given_up() -> Conflict:
    return Conflict("Nothing was stored: the series was given up.")
