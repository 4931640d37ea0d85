"""A desktop without a screen: Xvfb on a display of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_xvfb() -> Iterator[str]:
    """Run an X server until the block ends; lends its display, as ``:7``."""
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(
        command, pass_fds=(write_end,), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            os.close(write_end)
            with os.fdopen(read_end, "r") as said:
                number = said.readline().strip()
            assert number.isdigit(), "Xvfb did not start"
            yield f":{number}"
        finally:
            server.terminate()
