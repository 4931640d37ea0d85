"""The scheduler with all that draws, on one thread and a counted clock: fairness is counted, not measured.

`Stage` takes the place of the drawing thread. Pictures are really drawn and encoded, but the clock moves by the work of
a part alone: its samples and rays times what one of them is said to take. So parts, turns and waits are the same on
every machine, however busy it is.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from renderpool.engine.parts import Part
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.renderer import Renderer
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.scene.slab import sample_offsets_mm
from renderpool.session.painters import Painters
from renderpool.session.painting import Painting
from renderpool.session.picture_queue import Begun
from renderpool.session.scheduler import Scheduler
from renderpool.session.session import RenderSession
from tests.render.house import House, Viewer, wait_until
from webviewer.protocol.framing import FrameFlag, FrameHeader

SAMPLE_S = 1.2e-8  # of a plane or a slab, inside the volume
RAY_S = 1e-6  # with a sample a voxel
IMAGE_PIXEL_S = 2e-8
PART_S = 0.001  # whatever is in it
PAUSE_S = 0.01  # of a doctor between a picture and the next wish
_LOOKED_AT = 12  # points of a part each way, and along its depth, of which the share inside the volume is counted


class Clock:
    """Seconds that pass only when work is counted."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class _AtOnce:
    """The encoders: each call is done when it is submitted."""

    def submit(self, call: Callable[..., None], *args: Any) -> Future[None]:
        future: Future[None] = Future()
        try:
            call(*args)
            future.set_result(None)
        except Exception as exc:
            future.set_exception(exc)
        return future

    def shutdown(self, **_options: Any) -> None:
        pass


@dataclass(frozen=True)
class Drawn:
    """A part that was drawn, whose it is, and what it took by the clock."""

    session: RenderSession
    still: bool
    took_s: float


class Stage:
    """Sessions of doctors, and the drawing thread's work, a part at a time.

    Parameters
    ----------
    renderer
        Draws; belongs to the caller.
    source
        Of the series.
    bandwidth
        Bytes per second of a line; None = no limit.
    """

    def __init__(
        self, renderer: Renderer, source: Any, monkeypatch: pytest.MonkeyPatch, *, bandwidth: int | None = None
    ) -> None:
        self.clock = Clock()
        self.parts: list[Drawn] = []
        self.slab_samples: list[int] = []
        """Of each part of a slab: the samples of all its pixels that lie in the volume."""
        scheduler = Scheduler(clock=self.clock, bandwidth_bytes_per_s=bandwidth, debug=True)
        monkeypatch.setattr(scheduler, "_encoders", _AtOnce())
        for module in ("bands", "scheduler", "volume_textures"):  # uploads come in parts of some time, too
            monkeypatch.setattr(f"renderpool.session.{module}.time", SimpleNamespace(perf_counter=self.clock))
        self._count_work(monkeypatch)
        self._note_parts(scheduler, monkeypatch)
        self.house = House(source, scheduler=scheduler)
        self.painters = Painters(renderer, debug=True)
        monkeypatch.setattr(self.painters.volumes.textures, "_clock", self.clock)  # a volume stays for some seconds

    def close(self) -> None:
        self.painters.volumes.close()
        self.house.close()

    def _count_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def counted(kind: type[Any], name: str, cost_s: Callable[..., float]) -> None:
            draw = getattr(kind, name)

            def drawing(renderer: Any, *args: Any, **named: Any) -> Any:
                self.clock.now_s += PART_S + cost_s(*args, **named)
                return draw(renderer, *args, **named)

            monkeypatch.setattr(kind, name, drawing)

        counted(SlabRenderer, "draw", self._slab_s)
        counted(RayCaster, "draw", _rays_s)
        counted(Renderer, "draw_grey", lambda _key, _load, view, *_args, **_named: _pixels(view) * IMAGE_PIXEL_S)

    def _slab_s(
        self, _volume: Any, grid: Any, canvas: Any, slab: Any, *_args: Any, samples: int = 1, part: Part | None = None
    ) -> float:
        left, top, width, height = part or (0, 0, canvas.width_px, canvas.height_px)
        offsets_mm = sample_offsets_mm(slab, grid)
        along = (np.arange(_LOOKED_AT) + 0.5) / _LOOKED_AT
        depth = offsets_mm[0] + along * (offsets_mm[-1] - offsets_mm[0])
        points = np.stack(np.meshgrid(left + along * width, top + along * height, depth, [1.0], indexing="ij"), axis=-1)
        index = points.reshape(-1, 4) @ canvas.index_from_canvas(grid).T
        inside = ((index[:, :3] > -0.5) & (index[:, :3] < np.array(grid.shape[::-1]) - 0.5)).all(axis=1)
        count = round(width * height * samples**2 * len(offsets_mm) * float(inside.mean()))
        if not slab.is_plane:
            self.slab_samples.append(count)
        return count * SAMPLE_S

    def _note_parts(self, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = scheduler._queue.drawn

        def noting(begun: Begun, took_s: float, painting: Painting | None) -> bool:
            self.parts.append(Drawn(begun.session, begun.is_still, took_s))
            return drawn(begun, took_s, painting)

        monkeypatch.setattr(scheduler._queue, "drawn", noting)

    # -- what happens --------------------------------------------------------------------------------------------------

    def draw_part(self) -> bool:
        """Draw what is next; returns whether there was anything."""
        scheduler = self.house.scheduler
        with scheduler._lock:
            work = scheduler._next(self.clock())
        if work is not None:
            work(self.painters)
        return work is not None

    def draw_until(self, condition: Callable[[], bool]) -> None:
        """Draw what is due until something is there that loading threads may bring."""

        def drawn() -> bool:
            if not condition() and not self.draw_part():
                self.clock.now_s += 0.01
            return condition()

        wait_until(drawn)

    def run(self, doctors: list[Doctor], seconds: float) -> None:
        """Let doctors work for so long by the clock."""
        end_s = self.clock.now_s + seconds
        self.parts.clear()
        self.slab_samples.clear()
        while self.clock.now_s < end_s:
            for doctor in doctors:
                doctor.look()
            if not self.draw_part():
                self.clock.now_s += min([*(self._due_in_s()), *(one.next_wish_in_s for one in doctors)]) + 1e-6

    def _due_in_s(self) -> list[float]:
        scheduler = self.house.scheduler
        with scheduler._lock:
            found = [session.due_in_s(self.clock()) for session in scheduler._sessions]
        return [wait for wait in found if wait is not None]


class Doctor:
    """Wishes something, waits for the picture, wishes the next.

    Parameters
    ----------
    wish
        Sends the wish of a revision.
    still
        Waits for the picture of full quality.
    """

    def __init__(self, stage: Stage, wish: Callable[[Viewer, int], None], *, still: bool = False) -> None:
        self.stage, self.viewer = stage, Viewer(stage.house)
        self._wish, self._still = wish, still
        self.revision = 0
        self._wish_at_s: float | None = None  # None: the picture has not come
        self._since_part = 0
        self.sent_bytes = 0
        self.passed_over: list[list[Drawn]] = []
        """For each picture the parts that were drawn for others between the wish and it."""

    @property
    def session(self) -> RenderSession:
        return self.viewer.session

    @property
    def next_wish_in_s(self) -> float:
        return np.inf if self._wish_at_s is None else max(0.0, self._wish_at_s - self.stage.clock.now_s)

    def open(self, *, images: bool = False) -> Doctor:
        """Open the series and see the first picture; while it loads the clock says nothing."""
        if images:
            self.viewer.open()
        else:
            self.viewer.open_volume()
        self._send()
        self.stage.draw_until(self._has_picture)
        self.passed_over.clear()
        return self

    def look(self) -> None:
        """Take what has come, and wish the next when it is time."""
        if self._wish_at_s is None:
            self._has_picture()
        elif self._wish_at_s <= self.stage.clock.now_s:
            self._send()

    def _send(self) -> None:
        self._wish_at_s, self.revision = None, self.revision + 1
        self._since_part = len(self.stage.parts)
        self._wish(self.viewer, self.revision)

    def _has_picture(self) -> bool:
        while not self.viewer.frames.empty():
            header, payload = self.viewer.next_frame()
            self.sent_bytes += len(payload)
            if self._is_answer(header):
                since = self.stage.parts[self._since_part :]
                self.passed_over.append([one for one in since if one.session is not self.session])
                self._wish_at_s = self.stage.clock.now_s + PAUSE_S
        return self._wish_at_s is not None

    def _is_answer(self, header: FrameHeader) -> bool:
        return header.revision == self.revision and (not self._still or FrameFlag.STILL in header.flags)


def _pixels(view: Any) -> int:
    return int(view.width_px) * int(view.height_px)


def _rays_s(volume: Any, _look: Any, view: Any, *, part: Part | None = None, **_named: Any) -> float:
    width_px, height_px = (view.width_px, view.height_px) if part is None else part[2:]
    voxel_mm = float(np.linalg.norm(np.asarray(volume.lps_from_index)[:3, :3], axis=0).min())
    return width_px * height_px * RAY_S * voxel_mm / float(view.step_mm)


def parts_of(parts: list[Drawn], doctors: list[Doctor]) -> int:
    """Count the parts of some doctors."""
    sessions = {doctor.session for doctor in doctors}
    return sum(part.session in sessions for part in parts)


def used_s(stage: Stage, doctor: Doctor) -> float:
    """Return what a doctor's pictures took of the clock."""
    return sum(part.took_s for part in stage.parts if part.session is doctor.session)
