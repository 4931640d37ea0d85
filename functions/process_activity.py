"""Whether a process that does not answer is busy: what the kernel says of it (Linux, ``/proc``)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_STATE, _USER_TICKS, _SYSTEM_TICKS = 0, 11, 12  # fields of /proc/<pid>/stat behind the name, proc(5)
_STOPPED = frozenset("Tt")
_WAITING = frozenset("RD")  # for a processor; for a disk, which swapping is too


@dataclass(frozen=True, slots=True)
class Activity:
    """What a process does at one moment.

    ``cpu_s`` is the processor time of all its threads since its start. ``is_stopped``: by a signal or a debugger.
    ``is_waiting``: a thread runs, or would if it had a processor or its memory.
    """

    cpu_s: float
    is_stopped: bool
    is_waiting: bool


def activity_of(process_id: int) -> Activity | None:
    """Return what a process does now; None where the kernel does not say."""
    folder = Path("/proc") / str(process_id)
    try:
        own = _fields(folder / "stat")
        states = {_fields(task / "stat")[_STATE] for task in (folder / "task").iterdir()}
    except (OSError, IndexError, ValueError):
        return None
    ticks = int(own[_USER_TICKS]) + int(own[_SYSTEM_TICKS])
    return Activity(ticks / os.sysconf("SC_CLK_TCK"), bool(states & _STOPPED), bool(states & _WAITING))


def _fields(file: Path) -> list[str]:
    return file.read_text("ascii", "replace").rpartition(")")[2].split()
