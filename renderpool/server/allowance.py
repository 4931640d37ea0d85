"""How many stream messages a node takes of one user: token buckets that all streams of the user share.

`Intake` pays for each message and waits where a bucket is overdrawn. Meanwhile it does not read the socket, so TCP
slows the sender down and nothing queues up here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

# A page sends at most one view of a cell per animation frame: 16 cells at 240 Hz send 3,840 messages a second.
READ_PER_S = 8000.0
READ_BYTES_PER_S = 8.0 * 1024**2
# A view that is parsed costs some 0.1 ms. While this bucket is overdrawn, newer views replace waiting ones unparsed.
HANDLED_PER_S = 2000.0


class Bucket:
    """A token bucket of one second that may be overdrawn: what is taken is paid before more is taken.

    Parameters
    ----------
    per_s
        Units that flow in each second, and the most that it holds.
    """

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._clock = clock
        self._full_at_s = clock()  # when it will be full, if nothing more is taken

    @property
    def is_full(self) -> bool:
        """Whether nothing was taken that has not flowed in again."""
        return self._full_at_s <= self._clock()

    def take(self, units: float) -> float:
        """Take units; returns the seconds to wait before more may be taken, 0 where nothing is owed."""
        now_s = self._clock()
        self._full_at_s = max(self._full_at_s, now_s) + units / self._per_s
        return max(0.0, self._full_at_s - now_s - 1.0)


class Allowance:
    """The buckets of one user."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._messages = Bucket(READ_PER_S, clock)
        self._bytes = Bucket(READ_BYTES_PER_S, clock)
        self._handled = Bucket(HANDLED_PER_S, clock)
        self.streams = 0

    @property
    def is_unused(self) -> bool:
        """Whether no stream is open and nothing is owed."""
        return not self.streams and all(bucket.is_full for bucket in (self._messages, self._bytes, self._handled))

    def read(self, messages: float, size_bytes: int) -> float:
        """Pay for messages that were read; returns the seconds to wait before reading on."""
        return max(self._messages.take(messages), self._bytes.take(size_bytes))

    def handled(self, units: float) -> float:
        """Pay for messages that were parsed and done; returns the seconds to wait before doing more."""
        return self._handled.take(units)


class Allowances:
    """The allowances of all users; used in the event loop only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._of: dict[Hashable, Allowance] = {}

    def __len__(self) -> int:
        return len(self._of)

    def open(self, user: Hashable) -> Allowance:
        """Return the allowance of a user, for one more stream. A reconnect brings no fresh one."""
        for other in [key for key, allowance in self._of.items() if allowance.is_unused]:
            del self._of[other]
        allowance = self._of.setdefault(user, Allowance(self._clock))
        allowance.streams += 1
        return allowance

    @staticmethod
    def close(allowance: Allowance) -> None:
        """Count one stream less; the allowance is kept until nothing is owed."""
        allowance.streams -= 1
