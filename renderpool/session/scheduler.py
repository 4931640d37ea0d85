"""The one thread that draws, and the few that encode: which picture is next, over all sessions.

Sessions take turns as `turns` says: fairly, moving pictures before still ones. A picture that takes long is drawn in
parts, and between two of them somebody else may have a turn; one that nobody wants any more is given up. Single
pictures (thumbnails, rendered frames) fill the gaps and get at least every ``_TURNS_BEFORE_SINGLE``-th turn.

What is drawn is encoded by a few other threads, so that a large picture of one viewer does not hold up the drawing of
the others. Nothing is drawn that no encoder will take soon, still pictures leave an encoder free for moving ones, and
one user's pictures leave one free for those of other users.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from renderpool.engine.device import open_hidden_window
from renderpool.engine.devices import OpenContext
from renderpool.engine.gl import Way
from renderpool.engine.renderer import Renderer
from renderpool.session.cell import user_of
from renderpool.session.job import Job
from renderpool.session.painter import encode
from renderpool.session.painters import Painters
from renderpool.session.painting import Painting
from renderpool.session.picture_queue import Begun, PictureQueue
from renderpool.session.quality import LightLevel
from renderpool.session.session import RenderSession
from renderpool.session.singles import Singles
from renderpool.session.stores import Stores
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_warm_up import VolumeWarmUp
from renderpool.session.workers import Workers
from webviewer.core.errors import DeviceLost, LimitExceeded, RenderError, Unavailable, WebviewerError
from webviewer.protocol.messages import ServerMessage

_LOG = logging.getLogger(__name__)

MAX_SESSIONS = 128
MAX_SESSIONS_OF_OWNER = 16
_PREVIEW_EVERY_S = 0.15
_TIDY_EVERY_S = 2.0  # while volumes are in the device and nothing is drawn
_QUIET_S = 1.0  # nothing to draw for so long: shaders of volumes are compiled
# The first pass of bone is 41.0 dB from the last one. This JPEG leaves 40.0 dB, quality 85 with halved colours 39.1.
_PREVIEW = LightLevel(95, 1.0, full_colour=True)
_TURNS_BEFORE_SINGLE = 4

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What draws, for the log, the console and the browser's `welcome`."""

    index: int
    renderer: str
    version: str
    software: bool
    available: tuple[str, ...]  # every device's name, in the order that ``--device`` counts
    way: Way = Way.EGL


@dataclass(slots=True)
class Counters:
    """What has been done since the start."""

    light_frames: int = 0
    still_frames: int = 0
    dropped_frames: int = 0
    failed_frames: int = 0
    single_pictures: int = 0
    sent_bytes: int = 0
    draw_s: float = 0.0
    device_volume_bytes: int = 0
    device_volume_budget_bytes: int = 0
    device_mask_bytes: int = 0


class Scheduler:
    """Owns the drawing thread and the lock of all sessions.

    Parameters
    ----------
    keep_textures
        Whether images stay in the device's memory for the next picture.
    encode_threads
        How many pictures are encoded at once.
    on_lost
        Called in the drawing thread when it cannot go on (the graphics device is gone): the process has to be started
        again.
    warm_up
        Prepares the shaders of volumes once nothing is drawn: images do not wait for them.
    """

    def __init__(
        self,
        device_index: int | None = None,
        *,
        keep_textures: bool = True,
        bandwidth_bytes_per_s: int | None = None,
        encode_threads: int = 3,
        debug: bool = False,
        clock: Callable[[], float] = time.monotonic,
        on_lost: Callable[[], None] = lambda: None,
        warm_up: VolumeWarmUp | None = None,
    ) -> None:
        self._keep_textures = keep_textures
        self._device_index = device_index
        self._bandwidth = bandwidth_bytes_per_s
        self._debug = debug
        self._clock = clock
        self._on_lost = on_lost
        self._lock = threading.Condition(threading.RLock())
        self._sessions: deque[RenderSession] = deque()
        self._singles = Singles()
        self._queue = PictureQueue()
        self._turns_since_single = 0
        self._warm_up = warm_up or VolumeWarmUp()
        self._warm_at_s = 0.0
        self._tidy_at_s: float | None = None
        self._works, self._is_at_work = 0, False
        self._encoding = self._encoding_stills = 0
        self._max_encoding = encode_threads + 1  # one is drawn while all encode
        self._encoding_of: Counter[Hashable] = Counter()  # by user
        # One encoder and one processor are left for other users.
        self._max_encoding_of_user = max(1, min(encode_threads, os.cpu_count() or 1) - 1)
        self._max_encoding_stills = max(1, encode_threads - 1)
        self._encoders = ThreadPoolExecutor(encode_threads, "encode")
        self._workers = Workers()
        self._stopping = False
        self._started: Future[DeviceFacts] = Future()
        self._window: OpenContext | None = None
        self._thread = threading.Thread(target=self._run, name="draw", daemon=True)
        self.counters = Counters()

    def start(self, timeout_s: float = 60.0) -> DeviceFacts:
        """Open the device in the drawing thread; returns what it is.

        Raises
        ------
        RenderError
            There is no such device, or none that works.
        """
        self._window = open_hidden_window()
        self._thread.start()
        return self._started.result(timeout_s)

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread; what was not drawn is dropped."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._window is not None and not self._thread.is_alive():
            self._window.destroy()
            self._window = None
        self._encoders.shutdown(wait=True, cancel_futures=True)
        self._workers.close()

    @property
    def is_drawing(self) -> bool:
        """Whether the drawing thread lives."""
        return self._thread.is_alive()

    @property
    def work_number(self) -> int | None:
        """The number of what the drawing thread does now, None while it waits: a driver may never return."""
        return self._works if self._is_at_work else None

    @property
    def session_count(self) -> int:
        """How many viewers are connected."""
        return len(self._sessions)

    def open_session(
        self,
        owner_id: int,
        stores: Stores,
        send: Callable[[ServerMessage | bytes], None],
        end: Callable[[str], None] = lambda _reason: None,
    ) -> RenderSession:
        """Return a new session, which takes part from now on.

        An owner with ``MAX_SESSIONS_OF_OWNER`` gives up the one that was not used for the longest time; a node that is
        full gives up one that shows nothing. Those are closed, and told so by their ``end``.

        Raises
        ------
        LimitExceeded
            There are ``MAX_SESSIONS`` that show something.
        """
        user = user_of(stores.images, owner_id)
        with self._lock:
            own = [session for session in self._sessions if session.owner_id == owner_id]
            if len(own) >= MAX_SESSIONS_OF_OWNER:
                self._give_up(own, f"At most {MAX_SESSIONS_OF_OWNER} viewers of one user; this one was idle longest.")
            elif len(self._sessions) >= MAX_SESSIONS:
                spare = [session for session in self._sessions if session.is_spare]
                if not spare:
                    raise LimitExceeded(f"This render node serves {MAX_SESSIONS} viewers already.")
                self._give_up(spare, f"This render node serves {MAX_SESSIONS} viewers; this one showed nothing.")
            session = RenderSession(
                owner_id,
                stores,
                self._lock,
                send,
                workers=self._workers,
                draw=self.draw,
                clock=self._clock,
                bandwidth_bytes_per_s=self._bandwidth,
                end=end,
                of_user=next((one.flights_of_user for one in self._sessions if one.user == user), None),
            )
            self._sessions.append(session)
            return session

    def _give_up(self, sessions: list[RenderSession], reason: str) -> None:
        """Close the session that was not used for the longest time; of two, one that shows nothing."""
        oldest = min(sessions, key=lambda session: (session.used_at_s, not session.is_spare))
        self.close_session(oldest)
        oldest.end(reason)

    def close_session(self, session: RenderSession) -> None:
        """End a session."""
        session.close()
        with self._lock:
            if session in self._sessions:
                self._sessions.remove(session)
            self._queue.forget(session)

    def submit(self, draw: Callable[[Renderer], Result]) -> Future[Result]:
        """Have one picture drawn between the frames of the sessions.

        Raises
        ------
        LimitExceeded
            Too many wait already.
        """
        return self.draw(lambda painters: draw(painters.renderer))

    def draw(self, call: Callable[[Painters], Result], *, soon: bool = False) -> Future[Result]:
        """Have something done in the drawing thread between the frames of the sessions; raises as `submit`.

        ``soon``: before what others have submitted; it must take some ms only.
        """
        with self._lock:
            if self._stopping:
                raise Unavailable("The render node is stopping.")
            future = self._singles.put(call, soon=soon)
            self._lock.notify_all()
            return future

    # -- the drawing thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            textures_bytes = None if self._keep_textures else 0
            renderer = Renderer(
                self._device_index, debug=self._debug, textures_bytes=textures_bytes, opened=self._window
            )
        except Exception as exc:  # noqa: BLE001  an edge: `start` raises it in the thread that waits
            self._started.set_exception(exc)
            return
        context = renderer.context
        names = tuple(device.name for device in context.devices)
        self._started.set_result(
            DeviceFacts(context.device.index, context.renderer, context.version, context.software, names, context.way)
        )
        painters: Painters | None = None
        try:
            painters = Painters(renderer, debug=self._debug)
            painters.warm_up()
            self._warm_at_s = self._clock() + _QUIET_S
            while True:
                work = self._wait()
                if work is None:
                    break
                self._works, self._is_at_work = self._works + 1, True
                work(painters)
                del work  # with the picture that it made, and what that held
                self._tidy(painters.volumes)
                self._is_at_work = False
        except DeviceLost:
            _LOG.critical("graphics_device_lost")
            self._on_lost()
        except Exception:  # noqa: BLE001  a node that cannot draw must not look alive: it is started again
            _LOG.critical("drawing_thread_failed", exc_info=True)
            self._on_lost()
        finally:
            with self._lock:
                self._stopping = True
                self._singles.cancel()
            (painters or renderer).close()

    def _wait(self) -> Callable[[Painters], None] | None:
        with self._lock:
            while not self._stopping:
                now_s = self._clock()
                work = self._next(now_s)
                if work is not None:
                    self._warm_at_s = now_s + _QUIET_S
                    return work
                if not self._warm_up.is_done and now_s >= self._warm_at_s:
                    return self._warm_up_further
                if self._tidy_at_s is not None and now_s >= self._tidy_at_s:
                    return lambda _: None
                waits: list[float] = [] if self._warm_up.is_done else [self._warm_at_s - now_s]
                waits += [] if self._tidy_at_s is None else [self._tidy_at_s - now_s]
                if self._encoding < self._max_encoding:  # else the end of an encoding wakes us
                    stills = self._encoding_stills < self._max_encoding_stills
                    found = (session.due_in_s(now_s, stills=stills) for session in self._served())
                    waits += [wait for wait in found if wait is not None]
                # A wait of nothing would spin when a due picture cannot be picked after all.
                self._lock.wait(max(0.002, min(waits)) if waits else None)
            return None

    def _tidy(self, volumes: VolumePainter) -> None:
        """Give back what is not needed any more of the device, and count the rest."""
        volumes.sweep()
        self.counters.device_volume_bytes = volumes.textures.size_bytes
        self.counters.device_volume_budget_bytes = volumes.textures.budget_bytes
        self.counters.device_mask_bytes = volumes.mask_bytes
        is_empty = not self.counters.device_volume_bytes and not self.counters.device_mask_bytes
        self._tidy_at_s = None if is_empty else self._clock() + _TIDY_EVERY_S

    def _warm_up_further(self, painters: Painters) -> None:
        """Prepare one more of the shaders: a doctor who comes meanwhile waits for no more than that."""
        before = self._warm_up.taken
        self._warm_up.step(painters.volumes)
        if self._warm_up.taken == before:  # too early: it is tried again, not at once
            self._warm_at_s = self._clock() + _QUIET_S

    def _next(self, now_s: float) -> Callable[[Painters], None] | None:
        if self._singles and self._turns_since_single >= _TURNS_BEFORE_SINGLE:
            return self._next_single()
        lights = self._encoding < self._max_encoding
        stills = lights and self._encoding_stills < self._max_encoding_stills
        begun = self._queue.next(self._served(), now_s, lights=lights, stills=stills)
        if begun is not None:
            self._turns_since_single += 1
            return lambda painters: self._draw(painters, begun)
        return self._next_single() if self._singles else None

    def _served(self) -> list[RenderSession]:
        """Return the sessions whose users may have one more picture encoded: an encoder is left for other users."""
        users = {session.user for session in self._sessions if not session.is_spare}
        if len(users) < 2:
            return list(self._sessions)
        return [session for session in self._sessions if self._encoding_of[session.user] < self._max_encoding_of_user]

    def _next_single(self) -> Callable[[Painters], None]:
        self._turns_since_single = 0
        self.counters.single_pictures += 1
        return self._singles.take()

    def _draw(self, painters: Painters, begun: Begun) -> None:
        """Draw a part of a picture, and hand over what is complete."""
        start_s = time.perf_counter()
        painting = self._guarded(begun.session, begun.job, lambda: begun.step(painters))
        took_s = time.perf_counter() - start_s
        with self._lock:
            if not self._queue.drawn(begun, took_s, painting) or painting is None:
                return
            is_finished = begun.picture is None or begun.picture.is_finished
            if not is_finished and not self._is_preview(begun):
                return
            self._count_encoding(begun.session, begun.job, 1)
        try:
            encoding = self._encoders.submit(
                self._encode, begun.session, begun.job, painting, begun.drawn_s, is_finished
            )
        except RuntimeError:  # shut down: the node stops
            self._fail_encoding(begun.session, begun.job, Unavailable("The render node is stopping."))
            return
        encoding.add_done_callback(_log_failure)

    def _is_preview(self, begun: Begun) -> bool:
        """Say whether a picture that will get finer goes out as it is now."""
        now_s = self._clock()
        if now_s < begun.preview_at_s + _PREVIEW_EVERY_S or not begun.session.takes_preview(begun.job):
            return False
        begun.preview_at_s = now_s
        return True

    def _count_encoding(self, session: RenderSession, job: Job, change: int) -> None:
        self._encoding += change
        self._encoding_of[session.user] += change
        if not self._encoding_of[session.user]:
            del self._encoding_of[session.user]
        if job.light is None:
            self._encoding_stills += change

    def _encode(self, session: RenderSession, job: Job, painting: Painting, drawn_s: float, last: bool) -> None:
        start_s = time.perf_counter()
        level, limit_bytes = job.light if last else _PREVIEW, session.still_limit_bytes
        try:
            picture = encode(painting, level, limit_bytes)
        except Exception as exc:  # noqa: BLE001  an edge: one bad picture must not end the encoding of all
            self._fail_encoding(session, job, _told(exc, job))
            return
        made_s = drawn_s + time.perf_counter() - start_s
        with self._lock:
            self._count_encoding(session, job, -1)
            sent = session.drawn(job, painting, picture, made_s, last=last)
            self.counters.draw_s += made_s if last else 0.0
            if not sent:
                self.counters.dropped_frames += 1
            else:
                self.counters.sent_bytes += len(picture.data)
                if job.light is None and last:
                    self.counters.still_frames += 1
                else:
                    self.counters.light_frames += 1
            self._lock.notify_all()

    def _guarded(self, session: RenderSession, job: Job, make: Callable[[], Result]) -> Result | None:
        """Return what ``make`` makes; None if it failed, which the viewer has been told then."""
        try:
            return make()
        except DeviceLost:
            raise
        except Exception as exc:  # noqa: BLE001  an edge: one bad picture must not end the drawing of all
            self._fail(session, job, _told(exc, job))
        return None

    def _fail_encoding(self, session: RenderSession, job: Job, error: WebviewerError) -> None:
        with self._lock:
            self._count_encoding(session, job, -1)
            self._fail(session, job, error)

    def _fail(self, session: RenderSession, job: Job, error: WebviewerError) -> None:
        with self._lock:
            self._queue.remove(job)
            self.counters.failed_frames += 1
            session.failed(job, error)
            self._lock.notify_all()


def _told(error: Exception, job: Job) -> WebviewerError:
    """Return what the viewer is told of an error; one of ours as it is."""
    if isinstance(error, WebviewerError):
        return error
    _LOG.error("draw_failed", exc_info=error, extra=job.facts)
    return RenderError(f"This picture could not be drawn: {type(error).__name__}.")


def _log_failure(future: Future[None]) -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None:
        _LOG.error("encode_failed", exc_info=error)
