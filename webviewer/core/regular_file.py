"""Opening a stored file for reading, whatever somebody has put in its place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

# A symbolic link is not followed and a FIFO without a writer does not hang; Windows knows neither flag.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: str | Path) -> int:
    """Open a regular file for reading and return its descriptor.

    Raises
    ------
    OSError
        It cannot be opened, or it is a link, a folder, a FIFO, a device or a socket.
    """
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor
