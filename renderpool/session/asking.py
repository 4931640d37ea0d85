"""The questions of one session: answered one after the other, outside of the lock, the newest of each number.

Guarded by the scheduler's lock. At most ``MAX_PENDING`` wait; a question with the number of one that waits takes its
place, and the answer to one that was asked anew meanwhile is left out.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from renderpool.session.cell import Surroundings
from renderpool.session.image_cell import ImageCell
from renderpool.session.job import ShownVolume
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painters import Painters
from renderpool.session.questions import measure_on_image, measure_on_plane
from renderpool.session.source import FrameKey
from renderpool.session.volume_cell import VolumeCell
from webviewer.core.errors import Conflict, LimitExceeded, NotFound, Unavailable, WebviewerError
from webviewer.protocol.messages import ServerMessage
from webviewer.protocol.questions import Ask, AskError, Measure, OnImage, Pick, Picked
from webviewer.protocol.volumes import CameraView

_LOG = logging.getLogger(__name__)

MAX_PENDING = 64
_STOPPING = "The render node is stopping."


class Asking:
    """What was asked and not answered yet."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._pending: OrderedDict[tuple[int, int], Ask] = OrderedDict()
        self._answering: Ask | None = None
        self._is_closed = False

    def ask(self, question: Ask) -> None:
        """Take a question."""
        key = (question.cell, question.question)
        if key not in self._pending and len(self._pending) >= MAX_PENDING:
            self._refuse(question, LimitExceeded(f"{MAX_PENDING} questions wait to be answered already."))
            return
        self._pending[key] = question
        self._next()

    def close(self) -> None:
        """Answer nothing any more."""
        self._is_closed = True
        self._pending.clear()

    def _next(self) -> None:
        while self._pending and self._answering is None:
            _, question = self._pending.popitem(last=False)
            self._answering = question
            try:
                self._begin(question)
            except WebviewerError as exc:
                self._finish(question, exc)

    def _begin(self, question: Ask) -> None:
        what = question.what
        cell = self._around.cell_of(question.cell)
        if isinstance(what, Measure) and isinstance(what.on, OnImage):
            if not isinstance(cell, ImageCell):
                raise NotFound("No series is open in this window.", code="not_open")
            self._measure_on_image(question, what, cell, (what.on.image.instance_id, what.on.image.frame_number))
            return
        if not isinstance(cell, VolumeCell):
            raise NotFound("No volume is open in this window.", code="not_open")
        if isinstance(what, Measure):
            volume = cell.volume
            self._work(question, lambda: measure_on_plane(volume, what).message(question.cell, question.question))
        elif isinstance(what, Pick):
            self._pick(question, what, *cell.seen)
        else:
            raise Conflict("This cannot be answered yet.")

    def _measure_on_image(self, question: Ask, what: Measure, cell: ImageCell, key: FrameKey) -> None:
        series, images = cell.series, self._around.images
        if series is None or key not in series.positions:
            raise NotFound("This image is not in the series.")

        def measured(image: LoadedImage) -> ServerMessage:
            return measure_on_image(image, what).message(question.cell, question.question)

        def loaded(_key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
            with self._around.lock:
                if isinstance(outcome, WebviewerError):
                    self._finish(question, outcome)
                else:
                    self._work(question, partial(measured, outcome))

        image = images.get(series, key)
        error = images.failure(series, key)
        if image is not None:
            self._work(question, partial(measured, image))
        elif error is not None:
            raise error
        else:
            images.request(self._around.owner_id, series, key, loaded)

    def _pick(self, question: Ask, what: Pick, shown: ShownVolume, wish: CameraView) -> None:
        def pick(painters: Painters) -> ServerMessage:
            p_lps_mm = painters.volumes.pick(shown.volume, wish, what.x_px, what.y_px, shown.mask)
            return Picked(cell=question.cell, question=question.question, p_lps_mm=p_lps_mm)

        def picked(future: Future[ServerMessage]) -> None:
            error = Unavailable(_STOPPING) if future.cancelled() else future.exception()
            with self._around.lock:
                if error is None:
                    self._finish(question, future.result())
                else:
                    self._finish(question, error if isinstance(error, WebviewerError) else WebviewerError(str(error)))

        self._around.draw(pick).add_done_callback(picked)

    def _work(self, question: Ask, answer: Callable[[], ServerMessage]) -> None:
        """Have an answer made in a worker thread."""

        def run() -> None:
            outcome: ServerMessage | WebviewerError
            try:
                outcome = answer()
            except WebviewerError as exc:
                outcome = exc
            except Exception:  # noqa: BLE001  an edge: whoever asked must hear of it
                _LOG.exception("question_failed", extra={"kind": question.what.kind})
                outcome = WebviewerError("This question could not be answered.")
            with self._around.lock:
                self._finish(question, outcome)

        if not self._around.workers.run(run):
            self._finish(question, Unavailable(_STOPPING))

    def _finish(self, question: Ask, outcome: ServerMessage | WebviewerError) -> None:
        """Send an answer, unless the same was asked anew meanwhile, and go on."""
        self._answering = None
        is_newest = (question.cell, question.question) not in self._pending
        if not self._is_closed and is_newest:
            if isinstance(outcome, WebviewerError):
                self._refuse(question, outcome)
            else:
                self._around.send(outcome)
        self._next()

    def _refuse(self, question: Ask, error: WebviewerError) -> None:
        told = AskError(cell=question.cell, question=question.question, code=error.code, message=error.message)
        self._around.send(told)
