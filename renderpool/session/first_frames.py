"""Who goes first where volumes are decoded: frames of a volume of which nothing can be seen yet."""

from __future__ import annotations

import threading


class FirstFrames:
    """Frames of coarse pictures that wait for a decoder, of all loads; what makes pictures finer lets them pass.

    Frames count that are here only: nobody waits for a storage node that has not sent them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def begin(self) -> None:
        """Say that some are handed to the decoders."""
        with self._changed:
            self._count += 1

    def end(self) -> None:
        """Say that those are decoded."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait so long at most until there are none; return whether there are none."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_s)
