"""Judges whether the drawing thread hangs in the driver: by looks from the event loop, not by a clock.

A part of a picture takes some 20 ms, but a busy machine may stretch it without limit. So a look at the same part counts
only if

- the event loop looked in time: it, too, stands still while the process is stopped, the machine sleeps or swaps, or
  another thread keeps the interpreter's lock,
- the process did not wait for processors more than it used them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web

LOOK_EVERY_S = 1.0
HANGS_AFTER_LOOKS = 30
_STARVED = 2.0  # seconds of waiting for a processor for each second that one was used
_STARVED_LEAST_S = 0.5  # in a look: a part that gets no processor waits nearly all the time


class Drawing(Protocol):
    """The part of a scheduler that is looked at."""

    @property
    def work_number(self) -> int | None:
        """The number of what the drawing thread does now, None while it waits."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Seconds that the threads of this process ran, and waited for a processor, since they began."""

    ran_s: float
    waited_s: float


def own_processor_time() -> ProcessorTime:
    """Return what the kernel has counted for this process; without Linux nothing is known of waits."""
    waited_ns = 0
    try:
        for task in Path("/proc/self/task").iterdir():
            waited_ns += int((task / "schedstat").read_text("ascii").split()[1])  # proc(5): ran, waited, slices
    except (OSError, IndexError, ValueError):
        waited_ns = 0
    return ProcessorTime(time.process_time(), waited_ns / 1e9)


class DrawingWatch:
    """Counts for how many looks the drawing thread has been at one part."""

    def __init__(
        self,
        drawing: Drawing,
        clock: Callable[[], float] = time.monotonic,
        processor_time: Callable[[], ProcessorTime] = own_processor_time,
    ) -> None:
        self._drawing = drawing
        self._clock = clock
        self._processor_time = processor_time
        self._number: int | None = None
        self._looked_at_s = clock()
        self._before: ProcessorTime | None = None
        self.looks = 0
        """Looks at the part that is drawn now which count."""

    @property
    def hangs(self) -> bool:
        """Whether the drawing thread does not come back from a part."""
        return self.looks >= HANGS_AFTER_LOOKS

    def look(self) -> None:
        """Look once; called each `LOOK_EVERY_S`."""
        now_s, number = self._clock(), self._drawing.work_number
        is_late, self._looked_at_s = now_s - self._looked_at_s > 2 * LOOK_EVERY_S, now_s
        if number is None or number != self._number:
            self._number, self.looks, self._before = number, 0, None
            return
        before, self._before = self._before, self._processor_time()
        if before is None or is_late:
            return
        ran_s = self._before.ran_s - before.ran_s
        waited_s = self._before.waited_s - before.waited_s
        if waited_s < _STARVED_LEAST_S or waited_s < _STARVED * ran_s:
            self.looks += 1

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()


DRAWING_WATCH = web.AppKey("drawing_watch", DrawingWatch)


async def watch_drawing(app: web.Application) -> AsyncIterator[None]:
    """Look for as long as the application serves."""
    task = asyncio.create_task(app[DRAWING_WATCH].run())
    yield
    task.cancel()
