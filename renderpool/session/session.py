"""One viewer's cells: the newest wish of each, what is ready to be drawn, what has been sent and not yet painted.

All state is guarded by the scheduler's one lock: wishes come from the event loop's thread, images from worker threads,
and the drawing thread asks what is next. Rules:

- The latest wish wins. A newer view replaces an older one that was not drawn; nothing queues up.
- A cell waits for at most one image. If the doctor has scrolled on meanwhile, the image that came is still shown as a
  light frame (something moves), and the newest one is asked for.
- A moving wish is answered by a light frame; ``STILL_AFTER_S`` after the last one the full-quality frame of the same
  revision follows by itself. A wish at rest gets the full-quality frame at once.
- A light frame that was drawn in full size is not drawn again for the still one of the same wish, only encoded.
- At most ``MAX_IN_FLIGHT`` frames of a cell are made or unacknowledged, one of each kind is made at a time, and all
  frames of a connection together hold at most ``MAX_UNREAD_BYTES`` (a single larger one goes out alone). The connection
  counts, not the cell, which a viewer may close and open as often as it likes; and only what has left for the socket
  can be acknowledged. So a viewer that reads nothing costs no more than one that reads slowly.
- A frame older than one that was sent never goes out: a light one may overtake a still one that takes long to encode.
- Of a cell one series and at most ``_MAX_LOADS`` images are asked for at a time, however often it is opened.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from renderpool.engine.encode import EncodedPicture
from renderpool.session.images import ImageStore
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painting import Painting
from renderpool.session.prefetch import Prefetcher
from renderpool.session.quality import LightLevel, QualityControl, TokenBucket
from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.core.errors import WebviewerError
from webviewer.protocol.base import ImageReference
from webviewer.protocol.framing import Encoding, FrameFlag, FrameHeader, pack_frame
from webviewer.protocol.messages import Ack, Close, Open, Opened, Progress, ServerMessage, View, ViewError

_LOG = logging.getLogger(__name__)

STILL_AFTER_S = 0.09
MAX_IN_FLIGHT = 2
MAX_UNREAD_BYTES = 64 * 1024**2
_PROGRESS_EVERY_S = 0.2
_SLOW_STILL_S = 0.12  # a still that takes longer is preceded by a light frame
_MAX_LOADS = 2  # of one cell: the image of the series before must not hold up the first one of the next
_MAX_KEPT_BYTES = 4 * 1024**2  # of the light frame's pixels, until the still one follows
_STILL_HOLDS_UP_S = 1.0  # how long a still frame may keep a line with a cap busy


@dataclass(slots=True)
class _Sent:
    cell: int
    at_s: float
    light: bool
    size_bytes: int
    written: bool = False  # handed to the socket whole
    acknowledged: bool = False  # maybe before it was written, by somebody who guesses: counts from then on


@dataclass(slots=True)
class Cell:
    """One window of the viewer."""

    number: int
    generation: int = 0
    series_id: int | None = None
    series: SeriesFrames | None = None
    prefetcher: Prefetcher | None = None
    wish: View | None = None
    wished_at_s: float = 0.0
    ready: tuple[View, LoadedImage] | None = None
    painting: Painting | None = None  # what `ready` looks like, if that was drawn already
    loading: FrameKey | None = None
    light_due: bool = False
    still_at_s: float | None = None
    sent_revision: int = -1
    sent_still: bool = False
    shown: bool = False  # whether the series has been
    progress_at_s: float = float("-inf")
    progress: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to draw, as it was wished when it was picked."""

    cell: int
    generation: int
    view: View
    image: LoadedImage
    light: LightLevel | None  # None = full quality
    painting: Painting | None = None  # drawn already


def _largest_bytes(view: View, image: LoadedImage) -> int:
    """Return what a picture that is not made yet may hold: that of noise is as large as its pixels."""
    return view.width_px * view.height_px * (3 if image.is_colour else 1)


class RenderSession:
    """What one connection of a viewer shows.

    Parameters
    ----------
    store
        Frames of the storage node that holds the owner.
    lock
        The scheduler's.
    send
        Hands a message or a packed frame to the connection; called from any thread, must not block. The connection
        says by `written` when a frame, one after the other, has left.
    end
        Closes the connection with a reason, because another of the owner's takes its seat; must not block.
    """

    def __init__(
        self,
        owner_id: int,
        store: ImageStore,
        lock: threading.Condition,
        send: Callable[[ServerMessage | bytes], None],
        *,
        clock: Callable[[], float],
        bandwidth_bytes_per_s: int | None = None,
        end: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self.end = end
        self.owner_id = owner_id
        self._store = store
        self._lock = lock
        self._send = send
        self._clock = clock
        self._cells: dict[int, Cell] = {}
        self._sequence = 0
        self._generation = 0  # of cells: never used twice, also not by a cell that takes a closed one's number
        self._quality = QualityControl(bandwidth_bytes_per_s)
        self._bucket = TokenBucket(bandwidth_bytes_per_s, clock())
        self._still_cost_s = 0.0
        # By cell number, not by cell: a cell that is closed and opened over and over is asked for once too.
        self._series_loads: set[int] = set()
        self._image_loads: Counter[int] = Counter()
        # So too what is on its way: a closed cell's frames still wait to be read.
        self._making: dict[tuple[int, bool], Job] = {}  # what is drawn or encoded now, by cell and whether it is light
        self._in_flight: dict[int, _Sent] = {}  # by sequence, in the order of sending
        self._written_sequence = 0
        self.used_at_s = clock()
        self.still_limit_bytes: int | None = None
        if bandwidth_bytes_per_s is not None:
            self.still_limit_bytes = int(bandwidth_bytes_per_s * _STILL_HOLDS_UP_S)
        self._closed = False

    # -- from the browser --------------------------------------------------------------------------------------------

    def handle(self, message: Open | View | Ack | Close) -> None:
        """Take one message of the browser; never blocks."""
        with self._lock:
            if self._closed:
                return
            self.used_at_s = self._clock()
            if isinstance(message, View):
                self._on_view(message)
            elif isinstance(message, Ack):
                self._on_ack(message)
            elif isinstance(message, Open):
                self._on_open(message)
            else:
                self._on_close(message.cell)
            self._lock.notify_all()

    def _cell(self, number: int) -> Cell:
        return self._cells.setdefault(number, Cell(number))

    def _on_open(self, message: Open) -> None:
        cell = self._cell(message.cell)
        self._generation += 1
        cell.generation = self._generation
        cell.loading, cell.progress = None, None
        if cell.series_id != message.series_id:
            if cell.prefetcher is not None:
                cell.prefetcher.cancel()
            cell.series, cell.prefetcher, cell.ready, cell.painting = None, None, None, None
            cell.light_due, cell.still_at_s, cell.shown = False, None, False
            if cell.wish is not None and cell.wish.revision <= cell.sent_revision:
                cell.wish = None  # that wish was for the series before
        cell.series_id = message.series_id
        self._load_series(cell)

    def _load_series(self, cell: Cell) -> None:
        """Ask for the series of a cell, unless an answer for this number is awaited: then when that has come."""
        number, generation, series_id = cell.number, cell.generation, cell.series_id
        if number in self._series_loads or series_id is None:
            return
        self._series_loads.add(number)

        def arrived(outcome: SeriesFrames | WebviewerError) -> None:
            with self._lock:
                self._series_loads.discard(number)
                self._on_series(number, generation, outcome)
                self._lock.notify_all()

        self._store.load_series(self.owner_id, series_id, arrived)

    def _on_series(self, number: int, generation: int, outcome: SeriesFrames | WebviewerError) -> None:
        cell = self._cells.get(number)
        if self._closed or cell is None:
            return
        if cell.generation != generation:
            self._load_series(cell)  # the newest wish
            return
        if isinstance(outcome, WebviewerError):
            self._send_error(cell, cell.wish, outcome.code, outcome.message)
            return
        if cell.prefetcher is not None:
            cell.prefetcher.cancel()
        cell.series = outcome
        cell.prefetcher = Prefetcher(
            self._store,
            self.owner_id,
            outcome,
            lambda loaded, total: self._on_progress(number, generation, loaded, total),
        )
        self._send(Opened(cell=number, series_id=outcome.series_id, frame_count=len(outcome.frames)))
        self._advance(cell)

    def _on_view(self, view: View) -> None:
        cell = self._cell(view.cell)
        if cell.wish is not None and view.revision < cell.wish.revision:
            return  # overtaken on its way
        cell.wish = view
        cell.wished_at_s = self._clock()
        self._advance(cell)

    def _on_ack(self, message: Ack) -> None:
        sent = self._in_flight.get(message.sequence)
        if sent is not None:
            sent.acknowledged = True
            self._settle(message.sequence, sent)

    def written(self) -> None:
        """Say that the oldest frame not yet written has been handed to the socket whole; from any thread."""
        with self._lock:
            self._written_sequence += 1
            sent = self._in_flight.get(self._written_sequence)
            if sent is not None:
                sent.written = True
                self._settle(self._written_sequence, sent)
                self._lock.notify_all()

    def _settle(self, sequence: int, sent: _Sent) -> None:
        if not (sent.written and sent.acknowledged):
            return
        # The browser paints in order and may drop a frame unpainted: those of the cell before are done too.
        of_cell = [entry for entry, other in self._in_flight.items() if other.cell == sent.cell]
        if sent.light:
            self._quality.acknowledged(self._clock() - sent.at_s, len(of_cell) - 1)
        for entry in of_cell:
            if entry <= sequence:
                del self._in_flight[entry]

    @property
    def is_spare(self) -> bool:
        """Whether it shows nothing: a page connected ahead of the study that its doctor may open."""
        return not self._cells

    @property
    def unread_bytes(self) -> int:
        """What has been sent and not been acknowledged."""
        return sum(sent.size_bytes for sent in self._in_flight.values())

    def _has_room(self, cell: Cell) -> bool:
        """Whether one more frame of a cell may be made."""
        number = cell.number
        ours = sum(sent.cell == number for sent in self._in_flight.values())
        ours += sum(made == number for made, _ in self._making)
        if ours >= MAX_IN_FLIGHT:
            return False
        if not self._in_flight and not self._making:
            return True
        made_bytes = sum(_largest_bytes(job.view, job.image) for job in self._making.values())
        next_bytes = 0 if cell.ready is None else _largest_bytes(*cell.ready)
        return self.unread_bytes + made_bytes + next_bytes <= MAX_UNREAD_BYTES

    def _on_close(self, number: int) -> None:
        cell = self._cells.pop(number, None)
        if cell is not None and cell.prefetcher is not None:
            cell.prefetcher.cancel()

    def close(self) -> None:
        """End: nothing is drawn or loaded for it any more."""
        with self._lock:
            self._closed = True
            for number in list(self._cells):
                self._on_close(number)
            self._in_flight.clear()

    # -- images ------------------------------------------------------------------------------------------------------

    def _advance(self, cell: Cell) -> None:
        """Bring the newest wish of a cell as near to a picture as it can be now."""
        view, series = cell.wish, cell.series
        if view is None or series is None:
            return
        if not series.frames:
            self._send_error(cell, view, "not_found", "This series has no images to show.")
            return
        key = series.frames[0] if view.image is None else (view.image.instance_id, view.image.frame_number)
        if key not in series.positions:
            self._send_error(cell, view, "not_found", "This image is not in the series.")
            return
        shown = None if cell.ready is None else cell.ready[1]
        is_shown = shown is not None and shown.cache_key == series.cache_key(key)
        image = shown if is_shown else self._store.get(series, key)
        if image is not None:
            self._set_ready(cell, view, image)
            return
        error = self._store.failure(series, key)
        if error is not None:
            self._send_error(cell, view, error.code, error.message, key)
            self._prefetch_around(cell, key)
            return
        if cell.loading is None and self._image_loads[cell.number] < _MAX_LOADS:
            cell.loading = key
            number, generation = cell.number, cell.generation
            self._image_loads[number] += 1

            def loaded(_key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
                with self._lock:
                    self._image_loads[number] -= 1
                    self._on_image(number, generation, view, key, outcome)
                    self._lock.notify_all()

            self._store.request(self.owner_id, series, key, loaded)

    def _set_ready(self, cell: Cell, view: View, image: LoadedImage) -> None:
        cell.ready, cell.painting = (view, image), None
        cell.light_due = view.moving or self._still_cost_s > _SLOW_STILL_S
        cell.still_at_s = cell.wished_at_s + (STILL_AFTER_S if view.moving else 0.0)
        if cell.shown:  # the first picture comes first; the others are loaded once it is out
            self._prefetch_around(cell, image.key)

    def _prefetch_around(self, cell: Cell, key: FrameKey) -> None:
        if cell.prefetcher is not None and cell.series is not None:
            cell.prefetcher.move(cell.series.positions[key])

    def _on_image(
        self, number: int, generation: int, view: View, key: FrameKey, outcome: LoadedImage | WebviewerError
    ) -> None:
        cell = self._cells.get(number)
        if self._closed or cell is None:
            return
        if cell.generation != generation:
            if cell.ready is None or cell.wish is None or cell.ready[0].revision < cell.wish.revision:
                self._advance(cell)  # it may have waited for its turn
            return
        cell.loading = None
        newest = cell.wish is not None and cell.wish.revision == view.revision
        if isinstance(outcome, WebviewerError):
            if newest:
                self._send_error(cell, view, outcome.code, outcome.message, key)
                self._prefetch_around(cell, key)
                return
        elif newest:
            self._set_ready(cell, view, outcome)
            return
        elif cell.ready is None or view.revision > cell.ready[0].revision:
            cell.ready, cell.painting = (view, outcome), None
            cell.light_due, cell.still_at_s = True, None
        self._advance(cell)

    def _on_progress(self, number: int, generation: int, loaded: int, total: int) -> None:
        with self._lock:
            cell = self._cells.get(number)
            if self._closed or cell is None or cell.generation != generation:
                return
            now_s = self._clock()
            if cell.progress == (loaded, total):
                return
            if loaded < total and now_s - cell.progress_at_s < _PROGRESS_EVERY_S:
                return
            cell.progress_at_s, cell.progress = now_s, (loaded, total)
            self._send(Progress(cell=number, loaded=loaded, total=total))

    def _send_error(self, cell: Cell, view: View | None, code: str, message: str, key: FrameKey | None = None) -> None:
        cell.light_due, cell.still_at_s = False, None
        image = None if key is None else ImageReference(instance_id=key[0], frame_number=key[1])
        revision = 0 if view is None else view.revision
        self._send(ViewError(cell=cell.number, revision=revision, code=code, message=message, image=image))

    # -- drawing: called by the scheduler with the lock held -----------------------------------------------------------

    def pick(self, now_s: float, *, still: bool, patience_s: float = 0.0) -> Job | None:
        """Return a picture to draw now, of the kind asked for, and take it off the list.

        A still one must have been due for ``patience_s``.
        """
        if self._bucket.ready_in_s(now_s) > 0 or self._waits_for_line():
            return None
        for cell in self._cells.values():
            if cell.ready is None or (cell.number, not still) in self._making or not self._has_room(cell):
                continue
            rested = cell.still_at_s is not None and cell.still_at_s + patience_s <= now_s
            view, image = cell.ready
            if still and rested and not cell.light_due:
                painting, cell.still_at_s, cell.painting = cell.painting, None, None
                return self._take(cell, Job(cell.number, cell.generation, view, image, None, painting))
            if not still and cell.light_due:
                cell.light_due = False
                if rested and view.moving:
                    continue  # at rest by now: the still frame alone
                return self._take(cell, Job(cell.number, cell.generation, view, image, self._quality.level))
        return None

    def _take(self, cell: Cell, job: Job) -> Job:
        """Mark a picture as being made, and put its cell last, so that all get their turn."""
        self._making[cell.number, job.light is not None] = job
        del self._cells[cell.number]
        self._cells[cell.number] = cell
        return job

    def _waits_for_line(self) -> bool:
        """Whether a frame of unknown size is made for a line with a cap: what it leaves of it must be known first."""
        return self.still_limit_bytes is not None and bool(self._making)

    def due_in_s(self, now_s: float, *, stills: bool = True) -> float | None:
        """Return when to look again without being woken: at the next rest, or when the bandwidth allows."""
        if self._waits_for_line():
            return None
        waits = [
            max(0.0, cell.still_at_s - now_s, self._bucket.ready_in_s(now_s))
            for cell in self._cells.values()
            if stills
            and cell.ready
            and cell.still_at_s is not None
            and (cell.number, False) not in self._making
            and self._has_room(cell)
        ]
        if any(
            cell.light_due and (cell.number, True) not in self._making and self._has_room(cell)
            for cell in self._cells.values()
        ):
            waits.append(self._bucket.ready_in_s(now_s))
        return min(waits, default=None)

    def drawn(self, job: Job, painting: Painting, picture: EncodedPicture, made_s: float) -> bool:
        """Send a picture, unless it has become older than what was sent; returns whether it went out."""
        cell = self._cells.get(job.cell)
        self._made(job)
        if self._closed or cell is None or cell.generation != job.generation:
            return False
        if job.light is not None and cell.still_at_s is not None and cell.ready == (job.view, job.image):
            cell.painting = painting if painting.is_whole and painting.pixels.nbytes <= _MAX_KEPT_BYTES else None
        revision = job.view.revision
        if revision < cell.sent_revision or (
            revision == cell.sent_revision and cell.sent_still and job.light is not None
        ):
            return False
        if job.light is not None:
            self._quality.made(made_s, len(picture.data))
        elif job.painting is None:
            self._still_cost_s = made_s
        now_s = self._clock()
        self._sequence += 1
        flags = FrameFlag(0)
        for holds, flag in (
            (job.light is None, FrameFlag.STILL),
            (picture.lossless and job.light is None, FrameFlag.LOSSLESS),
            (job.image.attributes.lossy, FrameFlag.SOURCE_LOSSY),
            (painting.fitted, FrameFlag.FITTED),
        ):
            flags |= flag if holds else FrameFlag(0)
        height_px, width_px = painting.pixels.shape[:2]
        header = FrameHeader(
            encoding=Encoding.PNG if picture.media_type == "image/png" else Encoding.JPEG,
            flags=flags,
            revision=revision,
            sequence=self._sequence,
            cell=cell.number,
            width_px=width_px,
            height_px=height_px,
            instance_id=job.image.key[0],
            frame_number=job.image.key[1],
            draw_us=min(round(made_s * 1e6), 2**32 - 1),
            window_center=painting.window_center,
            window_width=painting.window_width,
            zoom=painting.zoom,
            center_x=painting.center_x,
            center_y=painting.center_y,
        )
        frame = pack_frame(header, picture.data)
        cell.sent_revision, cell.sent_still = revision, job.light is None
        if not cell.shown:
            cell.shown = True
            self._prefetch_around(cell, job.image.key)
        self._in_flight[self._sequence] = _Sent(cell.number, now_s, job.light is not None, len(frame))
        self._bucket.take(len(frame), now_s)
        self._send(frame)
        return True

    def _made(self, job: Job) -> None:
        kind = (job.cell, job.light is not None)
        if self._making.get(kind) is job:
            del self._making[kind]

    def failed(self, job: Job, error: WebviewerError) -> None:
        """Say that a picture could not be drawn."""
        cell = self._cells.get(job.cell)
        self._made(job)
        if not self._closed and cell is not None and cell.generation == job.generation:
            cell.shown = True
            self._prefetch_around(cell, job.image.key)
            self._send_error(cell, job.view, error.code, error.message, job.image.key)
