"""Prepares the shaders of volumes before the first doctor opens one, and holds as few of them in memory as it can.

- `ShaderCompiler` is a process that compiles all of them and ends: 50 MB of compiler and code go with it. The driver
  keeps what it compiled on the disk, from where a shader takes 2 ms to 4 ms.
- `VolumeWarmUp` looks, in the drawing thread and while nothing is drawn, whether the driver did so. If not, it compiles
  one shader at a time for this process, as without `ShaderCompiler`.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from typing import Final

from renderpool.engine import gl
from renderpool.engine.renderer import Renderer
from renderpool.session.painters import Painters
from renderpool.session.volume_painter import VolumePainter
from webviewer.core.errors import WebviewerError
from webviewer.core.process import Lifeline, leave_with_parent
from webviewer.core.system import can_fork, give_way

_LOG = logging.getLogger(__name__)

_NO_MORE: Final = object()
# The first step also makes framebuffers. The second one is a shader alone: 2 ms from the disk, 42 ms to compile.
_JUDGED_STEP: Final = 2
_FROM_DISK_S: Final = 0.015


class ShaderCompiler:
    """A process that compiles the shaders of volumes once and ends.

    Parameters
    ----------
    device_index
        As in `renderpool.engine.device.Context`.
    """

    def __init__(self, device_index: int | None) -> None:
        self._device_index = device_index
        self._process: BaseProcess | None = None
        self._lifeline: Lifeline | None = None

    def start(self) -> None:
        """Start the process, before this one has threads: a forked process lacks them.

        Nothing happens on Windows, which cannot fork, nor where a window is needed: a desktop's library does not
        survive a fork.
        """
        if not can_fork() or gl.way() is not gl.Way.EGL:
            return
        self._lifeline = Lifeline()
        self._process = multiprocessing.get_context("fork").Process(
            target=_compile, args=(self._lifeline, self._device_index), name="shaders", daemon=True
        )
        self._process.start()

    @property
    def is_running(self) -> bool:
        """Whether the process is still at work."""
        return self._process is not None and self._process.is_alive()

    def close(self) -> None:
        """End the process."""
        if self._lifeline is not None:
            self._lifeline.close()
        if self._process is not None:
            self._process.join()


def _compile(lifeline: Lifeline, device_index: int | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C ends the node, and with it this process
    lifeline.forget()
    leave_with_parent(lifeline.read_fd, grace_s=0.0)
    give_way()
    try:
        painters = Painters(Renderer(device_index))
        painters.volumes.warm_up()
        painters.close()
    except WebviewerError as exc:  # the node itself reports what is wrong with the device
        _LOG.info("shaders_not_compiled", extra={"reason": exc.message})


class VolumeWarmUp:
    """The warm-up of the drawing thread.

    Parameters
    ----------
    is_held_up
        Whether to wait: somebody else compiles the same shaders now.
    cpu_clock_s
        CPU time of this thread, in seconds.
    """

    def __init__(
        self, is_held_up: Callable[[], bool] = lambda: False, *, cpu_clock_s: Callable[[], float] = time.thread_time
    ) -> None:
        self._is_held_up = is_held_up
        self._cpu_clock_s = cpu_clock_s
        self._steps: Iterator[None] | None = None
        self.taken = 0
        self.is_done = False

    def step(self, painter: VolumePainter) -> None:
        """Prepare one more shader, unless it is too early or nothing is left to do."""
        if self.is_done or self._is_held_up():
            return
        if self._steps is None:
            self._steps = painter.warm_up_steps()
        begin_s = self._cpu_clock_s()
        self.is_done = next(self._steps, _NO_MORE) is _NO_MORE
        self.taken += 1
        if self.taken == _JUDGED_STEP and self._cpu_clock_s() - begin_s < _FROM_DISK_S:
            self.is_done = True  # the driver has them on its disk, where they take no memory
