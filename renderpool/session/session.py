"""One viewer's cells: the newest wish of each, what is ready to be drawn, what has been sent and not yet painted.

All state is guarded by the scheduler's one lock: wishes come from the event loop's thread, images and slices from
worker threads, and the drawing thread asks what is next. Rules:

- The latest wish wins. A newer view replaces an older one that was not drawn; nothing queues up.
- A cell shows images (`image_cell`) or a volume (`volume_cell`); the other kind of `open` takes it over. It waits for
  at most one image, or for what its volume lacks; what came meanwhile is still shown as a light frame.
- A moving wish is answered by a light frame; ``STILL_AFTER_S`` after the last one the full-quality frame of the same
  revision follows by itself. A wish at rest gets the full-quality frame at once.
- A light frame that was drawn in full size is not drawn again for the still one of the same wish, only encoded.
- At most ``MAX_IN_FLIGHT`` frames of a cell are made or unacknowledged, one of each kind is made at a time, and all
  frames of a connection together hold at most ``MAX_UNREAD_BYTES`` (a single larger one goes out alone). The connection
  counts, not the cell, which a viewer may close and open as often as it likes; and only what has left for the socket
  can be acknowledged. All connections of a user hold at most ``MAX_UNREAD_BYTES_OF_USER``. So a viewer that reads
  nothing costs no more than one that reads slowly.
- A frame older than one that was sent never goes out: a light one may overtake a still one that takes long.
- Of a cell one series and a few images are asked for at a time, however often it is opened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from renderpool.engine.encode import EncodedPicture
from renderpool.session.asking import Asking
from renderpool.session.cell import Cell, Draw, Surroundings
from renderpool.session.flight import MAX_IN_FLIGHT, Flight, UserFlights
from renderpool.session.frames import frame_of
from renderpool.session.image_cell import ImageCell
from renderpool.session.job import Job, Pace, Wish
from renderpool.session.painting import Painting
from renderpool.session.plane_cost import PlanePaces
from renderpool.session.quality import SMALL_PX, VOLUME_TARGET_MAKE_S, QualityControl, TokenBucket
from renderpool.session.stores import Stores
from renderpool.session.volume_cell import VolumeCell
from renderpool.session.workers import Workers
from webviewer.core.errors import WebviewerError
from webviewer.protocol.messages import Ack, Close, Open, ServerMessage, View
from webviewer.protocol.questions import Ask
from webviewer.protocol.volumes import CameraView, Edit, OpenVolume, PlaneView

_STILL_HOLDS_UP_S = 1.0  # how long a still frame may keep a line with a cap busy

AnyKind = TypeVar("AnyKind", bound=Cell[Any])
Message = Open | View | OpenVolume | PlaneView | CameraView | Edit | Ask | Ack | Close


class RenderSession:
    """What one connection of a viewer shows.

    Parameters
    ----------
    stores
        Of the storage node that holds the owner.
    workers, draw
        Threads for what takes a while, and the drawing thread for what does not.
    lock
        The scheduler's.
    send
        Hands a message or a packed frame to the connection; called from any thread, must not block. The connection
        says by `written` when a frame, one after the other, has left.
    end
        Closes the connection with a reason, because another of the owner's takes its seat; must not block.
    of_user
        What the user's connections hold together.
    """

    def __init__(
        self,
        owner_id: int,
        stores: Stores,
        lock: threading.Condition,
        send: Callable[[ServerMessage | bytes], None],
        *,
        workers: Workers,
        draw: Draw,
        clock: Callable[[], float],
        bandwidth_bytes_per_s: int | None = None,
        end: Callable[[str], None] = lambda _reason: None,
        of_user: UserFlights | None = None,
    ) -> None:
        self.end = end
        self._of_user = of_user or UserFlights()
        self.owner_id = owner_id
        self._lock = lock
        self._send = send
        self._clock = clock
        self._cells: dict[int, Cell[Any]] = {}
        self._generation = 0
        self._flight = Flight(clock, self._of_user)
        self._bucket = TokenBucket(bandwidth_bytes_per_s, clock())
        self._bandwidth_bytes_per_s = bandwidth_bytes_per_s
        self._paces: dict[tuple[type, int], Pace] = {}
        self._plane_paces: dict[int, PlanePaces] = {}  # by cell
        self._around = Surroundings(
            owner_id=owner_id,
            images=stores.images,
            volumes=stores.volumes,
            sink=stores.sink,
            workers=workers,
            draw=draw,
            lock=lock,
            send=send,
            clock=clock,
            cell_of=self._cells.get,
            next_generation=self._next_generation,
            pace_of=self._pace_of,
        )
        self._asking = Asking(self._around)
        self.used_at_s = clock()
        self.still_limit_bytes: int | None = None
        if bandwidth_bytes_per_s is not None:
            self.still_limit_bytes = int(bandwidth_bytes_per_s * _STILL_HOLDS_UP_S)
        self._closed = False

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def _pace_of(self, wish: Wish) -> Pace:
        """Return the pace of a kind of pictures: of images over all cells, of a volume in each its own."""
        if isinstance(wish, PlaneView):
            return self._pace_of_plane(wish)
        key = (type(wish), 0 if isinstance(wish, View) else wish.cell)
        if key not in self._paces:
            if isinstance(wish, CameraView):
                quality = QualityControl(self._bandwidth_bytes_per_s, VOLUME_TARGET_MAKE_S)
                # Until it is known what a still one takes, a light one goes before it; not before one as small as a
                # preset's.
                is_small = wish.pose.width_px * wish.pose.height_px <= SMALL_PX
                self._paces[key] = Pace(quality, still_cost_s=0.0 if is_small else 1.0)
            else:
                self._paces[key] = Pace(QualityControl(self._bandwidth_bytes_per_s))
        return self._paces[key]

    def _pace_of_plane(self, wish: PlaneView) -> Pace:
        if wish.cell not in self._plane_paces:
            quality = QualityControl(self._bandwidth_bytes_per_s, VOLUME_TARGET_MAKE_S)
            self._plane_paces[wish.cell] = PlanePaces(quality)
        paces, cell = self._plane_paces[wish.cell], self._cells.get(wish.cell)
        try:
            return paces.of(wish, cell.volume.grid) if isinstance(cell, VolumeCell) else Pace(paces.quality)
        except WebviewerError:
            return Pace(paces.quality)  # who draws it says what is wrong

    # -- from the browser --------------------------------------------------------------------------------------------

    def handle(self, message: Message) -> None:
        """Take one message of the browser; never blocks."""
        self.handle_all((message,))

    def handle_all(self, messages: Iterable[Message]) -> None:
        """Take messages of the browser in their order; wakes the drawing thread once. Never blocks."""
        with self._lock:
            if self._closed:
                return
            self.used_at_s = self._clock()
            for message in messages:
                self._take(message)
            self._lock.notify_all()

    def _take(self, message: Message) -> None:
        if isinstance(message, View):
            self._wish(message, ImageCell)
        elif isinstance(message, PlaneView | CameraView):
            self._wish(message, VolumeCell)
        elif isinstance(message, Ack):
            self._flight.acknowledged(message.sequence)
        elif isinstance(message, Open):
            self._cell(message.cell, ImageCell).open(message)
        elif isinstance(message, OpenVolume):
            self._cell(message.cell, VolumeCell).open(message)
        elif isinstance(message, Edit):
            cell = self._cells.get(message.cell)
            if isinstance(cell, VolumeCell):  # else it was on its way when the cell was closed
                cell.on_edit(message)
        elif isinstance(message, Ask):
            self._asking.ask(message)
        else:
            self._on_close(message.cell)

    def _wish(self, wish: Wish, kind: type[Cell[Any]]) -> None:
        cell = self._cells.get(wish.cell)
        if cell is None or isinstance(cell, kind):  # else it was on its way when the other kind was opened
            self._cell(wish.cell, kind).on_wish(wish)

    def _cell(self, number: int, kind: type[AnyKind]) -> AnyKind:
        """Return a cell of a kind: that which is there, or a new one in place of one of the other kind."""
        cell = self._cells.get(number)
        if isinstance(cell, kind):
            return cell
        self._on_close(number)
        made = kind(number, self._around)
        self._cells[number] = made
        return made

    @property
    def flights_of_user(self) -> UserFlights:
        """What the user's connections hold together."""
        return self._of_user

    @property
    def user(self) -> Hashable:
        """The user whose sessions share turns, encoders and memory."""
        return self._around.whose

    def written(self) -> None:
        """Say that the oldest frame not yet written has been handed to the socket whole; from any thread."""
        with self._lock:
            self._flight.written()
            self._lock.notify_all()

    @property
    def is_spare(self) -> bool:
        """Whether it shows nothing: a page connected ahead of the study that its doctor may open."""
        return not self._cells

    def _on_close(self, number: int) -> None:
        cell = self._cells.pop(number, None)
        if cell is not None:
            cell.close()

    def close(self) -> None:
        """End: nothing is drawn or loaded for it any more."""
        with self._lock:
            self._closed = True
            for number in list(self._cells):
                self._on_close(number)
            self._asking.close()
            self._flight.clear()

    # -- drawing: called by the scheduler with the lock held -----------------------------------------------------------

    def pick(self, now_s: float, *, still: bool, patience_s: float = 0.0, quick: bool = False) -> Job | None:
        """Return a picture to draw now, of the kind asked for, and take it off the list.

        A still one must have been due for ``patience_s``; ``quick``: one that takes little time.
        """
        if self._bucket.ready_in_s(now_s) > 0 or self._waits_for_line():
            return None
        for cell in self._cells.values():
            if not self._may_make(cell, still=still):
                continue
            job = cell.pick(now_s, still=still, patience_s=patience_s, quick=quick)
            if job is not None:
                self._flight.begin(job)
                # Last, so that all cells get their turn.
                del self._cells[cell.number]
                self._cells[cell.number] = cell
                return job
        return None

    def _may_make(self, cell: Cell[Any], *, still: bool) -> bool:
        # A still one waits for the light one of its cell, too: what that looks like need not be drawn again.
        is_made = self._flight.makes(cell.number, light=True) or self._flight.makes(cell.number, light=not still)
        return not is_made and self._flight.has_room(cell.number, cell.next_bytes)

    def _waits_for_line(self) -> bool:
        """Whether a frame of unknown size is on its way to a line with a cap: what it leaves must be known first."""
        return self.still_limit_bytes is not None and self._flight.is_making_quickly

    def due_in_s(self, now_s: float, *, stills: bool = True) -> float | None:
        """Return when to look again without being woken: at the next rest, or when the bandwidth allows."""
        if self._waits_for_line():
            return None
        waits = []
        for cell in self._cells.values():
            for still in (True, False) if stills else (False,):
                due_s = cell.due_s(still=still)
                if due_s is not None and self._may_make(cell, still=still):
                    waits.append(max(0.0, due_s - now_s, self._bucket.ready_in_s(now_s)))
        return min(waits, default=None)

    def is_wanted(self, job: Job) -> bool:
        """Say whether a picture that is being drawn is worth finishing."""
        cell = self._cells.get(job.cell)
        return not self._closed and cell is not None and cell.is_wanted(job)

    def drop(self, job: Job) -> None:
        """Say that a picture will not be made."""
        self._flight.end(job)

    def takes_preview(self, job: Job) -> bool:
        """Say whether a picture that will get finer should go out as it is now."""
        return self._flight.unread_of(job.cell) < MAX_IN_FLIGHT - 1 and not self.still_limit_bytes

    def drawn(self, job: Job, painting: Painting, picture: EncodedPicture, made_s: float, *, last: bool = True) -> bool:
        """Send a picture, unless it has become older than what was sent; returns whether it went out.

        ``last``: it will not get finer. One of full quality that will goes out as a light one.
        """
        cell = self._cells.get(job.cell)
        if last:
            self._flight.end(job)
        if self._closed or cell is None or cell.generation != job.generation:
            return False
        if job.light is not None:
            cell.on_light_made(job, painting)
        still = job.light is None and last
        if not cell.takes(job, still=still):
            return False
        if job.light is not None and not painting.coarse:  # while it loads, all is slow
            job.pace.quality.made(made_s, len(picture.data))
        elif job.light is None and last and job.painting is None:
            job.pace.still_took(made_s)
        frame = frame_of(job, painting, picture, sequence=self._flight.next_sequence, made_s=made_s, still=still)
        cell.on_sent(job, painting, still=still)
        self._flight.sent(cell.number, None if still else job.pace, len(frame))
        self._bucket.take(len(frame), self._clock())
        self._send(frame)
        return True

    def failed(self, job: Job, error: WebviewerError) -> None:
        """Say that a picture could not be drawn."""
        cell = self._cells.get(job.cell)
        self._flight.end(job)
        if not self._closed and cell is not None and cell.generation == job.generation:
            cell.on_failed(job, error)
