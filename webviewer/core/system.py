"""What differs between Linux and Windows, in one place: signals that end a program, names that only Linux has.

All else that Windows may run names nothing of POSIX alone; `tests/unit/test_portable.py` looks for it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

# SIGBREAK is Windows' Ctrl+Break, by which a program's host tells it to end; a process of Linux has SIGTERM for that.
STOP_SIGNALS: Final = tuple(
    signal.Signals(getattr(signal, name)) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)
)
# Closed in a child that is started, as Python does it by itself for what it opens; bytes as they are on Windows.
OPEN_FLAGS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)


_MOST_OPEN_FILES: Final = 65536  # more would only cost: some libraries walk over all numbers there are
_WINDOWS_OPEN_FILES: Final = 16384


def _resource() -> Any:
    """Return the module of resource limits, None on Windows."""
    return importlib.import_module("resource") if importlib.util.find_spec("resource") is not None else None


def can_fork() -> bool:
    """Return whether a process can be forked: no on Windows."""
    return hasattr(os, "fork")


def give_way() -> None:
    """Let other processes run first; without effect on Windows, and where a sandbox forbids it.

    A service of systemd with ``SystemCallFilter=~@resources``, as the Debian packages have it, gets EPERM.
    """
    nice = getattr(os, "nice", None)
    if nice is not None:
        with contextlib.suppress(PermissionError):
            nice(10)


def on_stop(stop: Callable[[], object]) -> None:
    """Have ``stop`` called when this process is told to end; must run in the main thread."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: stop())


def open_files_limit() -> int:
    """Return how many files and sockets this process may have open; on Windows a number that is never reached."""
    resource = _resource()
    if resource is None:
        return _WINDOWS_OPEN_FILES
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_OPEN_FILES if soft == resource.RLIM_INFINITY else int(soft)


def raise_open_files_limit() -> None:
    """Raise the limit of open files as far as the system allows without rights."""
    resource = _resource()
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def reuse_address(listener: socket.socket) -> None:
    """Let a listener take the port of a process that has just ended; call before it is bound.

    On Windows that option would let two programs listen on one port: there it is kept for this one alone.
    """
    option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    listener.setsockopt(socket.SOL_SOCKET, option, 1)


def onto_disk(file: Path) -> None:
    """Return once a file's bytes and its name are on the disk; a folder cannot be flushed on Windows.

    Raises
    ------
    OSError
        It cannot be opened or written.
    """
    folder_flags = getattr(os, "O_DIRECTORY", None)
    todo = [(file, os.O_RDWR | OPEN_FLAGS)]
    if folder_flags is not None:
        todo.append((file.parent, os.O_RDONLY | folder_flags | OPEN_FLAGS))
    for path, flags in todo:
        fd = os.open(path, flags)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
