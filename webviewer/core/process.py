"""How our processes leave together: a child holds the reading end of a pipe of its parent and goes when that closes.

The kernel closes a dead process's files however it died, so this works for ``kill -9`` of the parent too.

Parent::

    lifeline = Lifeline()
    environ = {**environ, **lifeline.environment()}
    subprocess.Popen(command, env=environ, pass_fds=lifeline.pass_fds, start_new_session=True)

Child, first thing in its main function::

    leave_with_parent()

A child made by ``fork`` without ``exec`` (a gunicorn worker) has a copy of the writing end and must call
``lifeline.forget()`` before ``leave_with_parent(lifeline.read_fd)``, or it would keep itself alive.
"""

from __future__ import annotations

import _thread
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping

LIFELINE_VARIABLE = "WEBVIEWER_LIFELINE_FD"

LEAVE_GRACE_S = 2.0

logger = logging.getLogger(__name__)


class Lifeline:
    """The parent's side: keep it open for as long as the children shall live."""

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe()  # neither end is inherited through exec unless passed by name

    @property
    def pass_fds(self) -> tuple[int]:
        """What to give to ``subprocess.Popen(pass_fds=…)``."""
        return (self.read_fd,)

    def environment(self) -> dict[str, str]:
        """Variables that tell the child which file descriptor to watch."""
        return {LIFELINE_VARIABLE: str(self.read_fd)}

    def forget(self) -> None:
        """Close this process's copy of the writing end; in a forked child before it watches."""
        if self._write_fd >= 0:
            os.close(self._write_fd)
            self._write_fd = -1

    def close(self) -> None:
        """Let go of both ends: every child that watches leaves."""
        self.forget()
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1


def leave_with_parent(
    fd: int | None = None, *, grace_s: float = LEAVE_GRACE_S, environ: Mapping[str, str] | None = None
) -> bool:
    """Leave when the parent does: SIGTERM to this process and the group it leads, and after a grace SIGKILL.

    Parameters
    ----------
    fd
        Reading end of the parent's pipe; ``None`` takes it from the variable that `Lifeline.environment` names.
    grace_s
        Seconds between SIGTERM and SIGKILL.
    environ
        Where to look for the variable; the process's environment by default.

    Returns
    -------
    bool
        Whether there is a parent to watch. ``False`` where the process was started by hand.

    Notes
    -----
    The watcher is a thread of the operating system even in a process that gevent has patched: a green thread would
    block the hub in ``os.read``.
    """
    if fd is None:
        # the descriptor belongs to the start of a process, not to its configuration: read here, not in webviewer.config
        text = (os.environ if environ is None else environ).get(LIFELINE_VARIABLE, "")
        if not text.isdecimal():
            return False
        fd = int(text)
        os.set_inheritable(fd, False)  # grandchildren watch their own parent
    _start_native_thread()(_watch, (fd, grace_s))
    return True


def share_with_forked() -> None:
    """Take all that was made so far from the garbage collector; right before this process forks its children.

    A collection writes to each object that it looks at, and what a child writes to is its own copy from then on: some
    17 MiB a process, some minutes after the start.
    """
    gc.collect()
    gc.freeze()


def _start_native_thread() -> Callable[..., object]:
    patcher = sys.modules.get("gevent.monkey")
    if patcher is None:
        return _thread.start_new_thread
    original: Callable[..., object] = patcher.get_original("_thread", "start_new_thread")
    return original


def _native_sleep() -> Callable[[float], object]:
    patcher = sys.modules.get("gevent.monkey")
    if patcher is None:
        return time.sleep
    original: Callable[[float], object] = patcher.get_original("time", "sleep")
    return original


def _watch(fd: int, grace_s: float) -> None:
    try:
        while os.read(fd, 64):  # nobody writes; an empty read is the end of the last writer
            pass
    except OSError:
        return  # closed on purpose by this process
    _send_self("SIGTERM")
    _native_sleep()(grace_s)
    _send_self("SIGKILL")


def _send_self(name: str) -> None:
    number = getattr(signal, name, signal.SIGTERM)  # Windows has one way to end a process, and no groups
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(os.getpid(), number)  # with the children that do not watch by themselves
    else:
        os.kill(os.getpid(), number)
