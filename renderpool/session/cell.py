"""One window of a viewer: what cells that show images and cells that show volumes have in common.

Guarded by the scheduler's one lock: whatever is called from another thread takes it. Nothing slow is done under it.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from renderpool.session.images import ImageStore
from renderpool.session.job import Job, Pace, Shown, Wish, most_bytes
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painters import Painters
from renderpool.session.painting import Painting
from renderpool.session.series_maker import SeriesSink
from renderpool.session.source import FrameKey, SeriesFrames
from renderpool.session.volume_store import VolumeStore
from renderpool.session.workers import Workers
from webviewer.core.errors import WebviewerError
from webviewer.dicom.lut import VoiChoice
from webviewer.dicom.sentence import numbers_of
from webviewer.protocol.base import ImageReference
from webviewer.protocol.messages import Progress, ServerMessage, ViewError


class Draw(Protocol):
    """Has something done in the drawing thread."""

    def __call__(self, call: Callable[[Painters], Any], *, soon: bool = False) -> Future[Any]:
        """See `Scheduler.draw`."""
        ...


STILL_AFTER_S = 0.09
_PROGRESS_EVERY_S = 0.2
_MAX_KEPT_BYTES = 4 * 1024**2  # of the light frame's pixels, until the still one follows


@dataclass(frozen=True)
class Surroundings:
    """What the cells of one session share.

    ``cell_of`` tells which cell has a number now. By cell number, not by cell, loads are counted: a cell that is closed
    and opened over and over is asked for once too.
    """

    owner_id: int
    images: ImageStore
    volumes: VolumeStore
    sink: SeriesSink | None
    workers: Workers
    draw: Draw
    lock: threading.Condition
    send: Callable[[ServerMessage], None]
    clock: Callable[[], float]
    cell_of: Callable[[int], Cell[Any] | None]
    next_generation: Callable[[], int]
    pace_of: Callable[[Wish], Pace]
    series_loads: set[int] = field(default_factory=set)
    image_loads: Counter[int] = field(default_factory=Counter)

    @property
    def whose(self) -> Hashable:
        """Whose work it is."""
        return user_of(self.images, self.owner_id)


def user_of(images: ImageStore, owner_id: int) -> Hashable:
    """Return what tells users apart: two storage nodes may know different users by one number."""
    return id(images), owner_id


Prepared = TypeVar("Prepared")


class Cell(ABC, Generic[Prepared]):
    """What is wished of a cell, what is ready to be drawn, and what was sent.

    A cell of either kind waits for its series first: `_prepared` makes of it what the cell needs, in a worker thread
    and without the lock; `_on_series` takes it in. In the end an image cell is told of an image, a volume cell of
    slices, and each calls `_set_ready`.
    """

    def __init__(self, number: int, around: Surroundings) -> None:
        self.number = number
        self.generation = 0  # of a session's cells none is used twice, also not by one that takes another's number
        self.series_id: int | None = None
        self.wish: Wish | None = None
        self._around = around
        self._wished_at_s = 0.0
        self._ready: tuple[Wish, Shown] | None = None
        self._painting: Painting | None = None  # what `_ready` looks like, if that was drawn already
        self._recommended: tuple[VoiChoice, ...] | None = None  # windows for `_ready`; see `Job.recommended`
        self._light_due = False
        self._still_at_s: float | None = None
        self._sent_revision = -1
        self._sent_still = False
        self._progress_at_s = float("-inf")
        self._progress: tuple[int, int] | None = None

    @property
    def is_current(self) -> bool:
        """Whether it is still the one that has its number."""
        return self._around.cell_of(self.number) is self

    # -- the series ----------------------------------------------------------------------------------------------------

    def load_series(self) -> None:
        """Ask for the series of the cell, unless an answer for this number is awaited: then when that has come."""
        around, generation = self._around, self.generation
        if self.number in around.series_loads or self.series_id is None:
            return
        around.series_loads.add(self.number)
        prepare = self._preparation()

        def arrived(outcome: SeriesFrames | WebviewerError) -> None:
            made: Prepared | WebviewerError
            try:
                made = outcome if isinstance(outcome, WebviewerError) else prepare(outcome)
            except WebviewerError as exc:
                made = exc
            with around.lock:
                around.series_loads.discard(self.number)
                cell = around.cell_of(self.number)
                if cell is self and self.generation == generation:
                    if isinstance(made, WebviewerError):
                        self._on_refusal(made)
                    else:
                        self._on_series(made)
                else:
                    if not isinstance(made, WebviewerError):
                        self._discard(made)
                    if cell is not None:
                        cell.load_series()  # the newest wish
                around.lock.notify_all()

        around.images.load_series(around.owner_id, self.series_id, arrived)

    @abstractmethod
    def _preparation(self) -> Callable[[SeriesFrames], Prepared]:
        """Return what makes of the series what the cell needs: called in a worker thread; raises WebviewerError."""

    def _discard(self, made: Prepared) -> None:
        """Let go of what was prepared for a cell that nobody looks at any more."""

    @abstractmethod
    def _on_series(self, made: Prepared) -> None:
        """Take in what was prepared."""

    def _on_refusal(self, error: WebviewerError) -> None:
        """Say why there is no series."""
        self._send_failure(self.wish, error)

    # -- wishes --------------------------------------------------------------------------------------------------------

    def on_wish(self, wish: Wish) -> None:
        """Take the newest wish."""
        if self.wish is not None and wish.revision < self.wish.revision:
            return  # overtaken on its way
        self.wish = wish
        self._wished_at_s = self._around.clock()
        self._advance()

    @abstractmethod
    def _advance(self) -> None:
        """Bring the newest wish as near to a picture as it can be now."""

    def _set_ready(self, wish: Wish, shown: Shown) -> None:
        self._ready, self._painting = (wish, shown), None
        self._light_due = wish.moving or self._around.pace_of(wish).is_slow
        self._still_at_s = self._wished_at_s + (STILL_AFTER_S if wish.moving else 0.0)

    def _forget_pictures(self) -> None:
        """Show nothing until something else is ready."""
        self._ready, self._painting = None, None
        self._light_due, self._still_at_s = False, None

    def close(self) -> None:
        """Let go of what the cell holds."""

    # -- telling -------------------------------------------------------------------------------------------------------

    def _send_progress(self, loaded: int, total: int) -> None:
        now_s = self._around.clock()
        if self._progress == (loaded, total):
            return
        if loaded < total and now_s - self._progress_at_s < _PROGRESS_EVERY_S:
            return
        self._progress_at_s, self._progress = now_s, (loaded, total)
        self._around.send(Progress(cell=self.number, loaded=loaded, total=total))

    def _send_failure(
        self, wish: Wish | None, error: WebviewerError, key: FrameKey | None = None, edit: int | None = None
    ) -> None:
        self._send_error(wish, error.code, error.message, key, numbers=numbers_of(error.details), edit=edit)

    def _send_error(
        self,
        wish: Wish | None,
        code: str,
        message: str,
        key: FrameKey | None = None,
        *,
        numbers: tuple[float, ...] = (),
        edit: int | None = None,
    ) -> None:
        self._light_due, self._still_at_s = False, None
        image = None if key is None else ImageReference(instance_id=key[0], frame_number=key[1])
        revision = 0 if wish is None else wish.revision
        self._around.send(
            ViewError(
                cell=self.number,
                revision=revision,
                code=code,
                message=message,
                numbers=numbers,
                image=image,
                edit=edit,
            )
        )

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def next_bytes(self) -> int:
        """What its next frame holds at most."""
        return 0 if self._ready is None else most_bytes(*self._ready)

    def pick(self, now_s: float, *, still: bool, patience_s: float, quick: bool) -> Job | None:
        """Return what is to be drawn now, of the kind asked for, and take it off the list; see `RenderSession.pick`."""
        if self._ready is None:
            return None
        wish, shown = self._ready
        pace = self._around.pace_of(wish)
        is_slow = pace.is_slow and self._painting is None
        rested = self._still_at_s is not None and self._still_at_s + patience_s <= now_s
        if still and rested and not self._light_due and not (quick and is_slow):
            painting, self._still_at_s, self._painting = self._painting, None, None
            return Job(self.number, self.generation, wish, shown, None, pace, painting, self._recommended)
        if not still and self._light_due:
            self._light_due = False
            level = pace.quality.level
            return Job(self.number, self.generation, wish, shown, level, pace, recommended=self._recommended)
        return None

    def due_s(self, *, still: bool) -> float | None:
        """Return when a picture of a kind is due; None = none is, minus infinity = at once."""
        if self._ready is None:
            return None
        if still:
            return self._still_at_s
        return float("-inf") if self._light_due else None

    def is_wanted(self, job: Job) -> bool:
        """Say whether a picture that is being drawn is worth finishing."""
        if job.generation != self.generation:
            return False
        return job.light is not None or (
            self._ready is not None and self._ready[1] is job.shown and self._is_newest(job)
        )

    def _is_newest(self, job: Job) -> bool:
        return self.wish is not None and self.wish.revision == job.wish.revision

    def takes(self, job: Job, *, still: bool) -> bool:
        """Say whether a picture may go out: none is older than what was sent."""
        revision = job.wish.revision
        return revision > self._sent_revision or (revision == self._sent_revision and (still or not self._sent_still))

    def on_light_made(self, job: Job, painting: Painting) -> None:
        """Keep what was drawn for a light frame for the still one of the same wish."""
        is_ready = self._ready is not None and self._ready[0] is job.wish and self._ready[1] is job.shown
        if is_ready and self._still_at_s is not None:
            is_kept = painting.is_whole and not painting.coarse and painting.pixels.nbytes <= _MAX_KEPT_BYTES
            self._painting = painting if is_kept else None

    def on_sent(self, job: Job, painting: Painting, *, still: bool) -> None:
        """Note that a picture goes out."""
        self._sent_revision = job.wish.revision
        self._sent_still = still and not painting.coarse

    def on_failed(self, job: Job, error: WebviewerError) -> None:
        """Say that a picture could not be drawn."""
        key = job.shown.key if isinstance(job.shown, LoadedImage) else None
        self._send_failure(job.wish, error, key)
