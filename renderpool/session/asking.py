"""The questions of one session: answered one after the other, outside of the lock, the newest of each number.

Guarded by the scheduler's lock. At most ``MAX_PENDING`` wait; a question with the number of one that waits takes its
place, and the answer to one that was asked anew meanwhile is left out. What nobody waits for any more is given up: the
session or the window is closed, or shows something else, or the same was asked anew.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial

from renderpool.session.cell import Surroundings
from renderpool.session.image_cell import ImageCell
from renderpool.session.job import ShownVolume
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.painters import Painters
from renderpool.session.questions import looks_at_region, measure_on_image, measure_on_plane
from renderpool.session.series_asking import SeriesAsking
from renderpool.session.series_limits import check_planes
from renderpool.session.source import FrameKey
from renderpool.session.volume_cell import VolumeCell
from renderpool.session.voxel_values import MeasureCancelled
from webviewer.core.errors import Conflict, LimitExceeded, NotFound, Unavailable, WebviewerError
from webviewer.dicom.sentence import say
from webviewer.protocol.messages import ServerMessage
from webviewer.protocol.questions import (
    Ask,
    AskError,
    Made,
    MakeSeries,
    Making,
    Measure,
    OnImage,
    Pick,
    Picked,
    Turning,
)
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
        self._is_making = False
        self._is_closed = False

    def ask(self, question: Ask) -> None:
        """Take a question."""
        key = (question.cell, question.question)
        if key not in self._pending and len(self._pending) >= MAX_PENDING:
            self._tell(question, LimitExceeded(f"{MAX_PENDING} questions wait to be answered already."))
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
            self._measure_on_plane(question, what, cell, cell.volume)
        elif isinstance(what, Pick):
            self._pick(question, what, *cell.seen)
        else:
            self._make_series(question, what, cell)
            self._finish(question, None)

    def _measure_on_plane(self, question: Ask, what: Measure, cell: VolumeCell, volume: LoadedVolume) -> None:
        key = (question.cell, question.question)

        def is_cancelled() -> bool:
            return self._is_closed or key in self._pending or not cell.shows(volume)

        def measured() -> ServerMessage:
            try:
                return measure_on_plane(volume, what, is_cancelled).message(*key)
            except MeasureCancelled:
                raise NotFound("This window shows something else by now.", code="not_open") from None

        self._work(question, measured, is_long=looks_at_region(what))

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
                    self._work(question, partial(measured, outcome), is_long=looks_at_region(what))

        image = images.get(series, key)
        error = images.failure(series, key)
        if image is not None:
            self._work(question, partial(measured, image), is_long=looks_at_region(what))
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

        self._around.draw(pick, soon=True).add_done_callback(picked)

    def _make_series(self, question: Ask, what: MakeSeries, cell: VolumeCell) -> None:
        """Have a series made, while other questions are answered."""
        if self._around.sink is None:
            raise Conflict("Nothing can be stored from here.")
        if self._is_making:
            raise Conflict("A series is being made already: the next one can be when that is done.", code="making")
        turns = isinstance(what.images, Turning)
        if not isinstance(what.images, Turning):
            if not cell.volume.plan.is_placed:
                words = say("series_unplaced")
                raise Conflict(words.text, code=words.code)
            check_planes(what.images, what.count, cell.volume.grid)
        shown, seen = cell.seen if turns else (ShownVolume(cell.volume), None)
        asking = SeriesAsking(
            self._around,
            question,
            what,
            sink=self._around.sink,
            shown=shown,
            seen=seen,
            goes_on=lambda: not self._is_closed and cell.is_current,
        )

        def make() -> None:
            outcome = self._outcome(
                question, lambda: Made(cell=question.cell, question=question.question, series_id=asking.make())
            )
            with self._around.lock:
                self._is_making = False
                if not self._is_closed:
                    self._tell(question, outcome)

        self._is_making = self._around.workers.make(self._around.whose, make)
        if not self._is_making:
            raise Unavailable(_STOPPING)
        # Others' series may come first: that it was heard is known at once.
        self._tell(question, Making(cell=question.cell, question=question.question, stored=0, total=what.count))

    def _work(self, question: Ask, answer: Callable[[], ServerMessage], *, is_long: bool) -> None:
        """Have an answer made in a worker thread."""
        workers = self._around.workers

        def run() -> None:
            outcome = self._outcome(question, answer)
            with self._around.lock:
                self._finish(question, outcome)

        if not (workers.measure if is_long else workers.run)(self._around.whose, run):
            self._finish(question, Unavailable(_STOPPING))

    @staticmethod
    def _outcome(question: Ask, answer: Callable[[], ServerMessage]) -> ServerMessage | WebviewerError:
        try:
            return answer()
        except WebviewerError as exc:
            return exc
        except CancelledError:
            return Unavailable(_STOPPING)
        except Exception:  # noqa: BLE001  an edge: whoever asked must hear of it
            _LOG.exception("question_failed", extra={"kind": question.what.kind})
            return WebviewerError("This question could not be answered.")

    def _finish(self, question: Ask, outcome: ServerMessage | WebviewerError | None) -> None:
        """Send an answer (None = it comes later), unless the same was asked anew meanwhile, and go on."""
        self._answering = None
        is_newest = (question.cell, question.question) not in self._pending
        if outcome is not None and not self._is_closed and is_newest:
            self._tell(question, outcome)
        self._next()

    def _tell(self, question: Ask, outcome: ServerMessage | WebviewerError) -> None:
        if isinstance(outcome, WebviewerError):
            outcome = AskError(
                cell=question.cell, question=question.question, code=outcome.code, message=outcome.message
            )
        self._around.send(outcome)
