"""What of a connection is being made or on its way: bounded, so that a viewer that reads nothing costs little.

Frames are counted by cell number, not by cell: a closed cell's frames still wait to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from renderpool.session.job import Job, Pace

MAX_IN_FLIGHT = 2
MAX_UNREAD_BYTES = 64 * 1024**2
MAX_UNREAD_BYTES_OF_USER = 256 * 1024**2


@dataclass(slots=True)
class _Sent:
    cell: int
    at_s: float
    pace: Pace | None  # of a light frame
    size_bytes: int
    written: bool = False  # handed to the socket whole
    acknowledged: bool = False  # maybe before it was written, by somebody who guesses: counts from then on


class UserFlights:
    """The account of all connections of one user; guarded by the scheduler's lock.

    ``held_bytes`` are those of unread frames, and of frames that are made now what they may hold at most.
    """

    def __init__(self) -> None:
        self.held_bytes = 0


class Flight:
    """The account of one connection; guarded by the scheduler's lock.

    Parameters
    ----------
    of_user
        The account that connections of one user share.
    clock
        Seconds.
    """

    def __init__(self, clock: Callable[[], float], of_user: UserFlights | None = None) -> None:
        self._clock = clock
        self._of_user = of_user or UserFlights()
        self._held_bytes = 0
        self._making: dict[tuple[int, bool], Job] = {}  # what is drawn or encoded now, by cell and whether it is light
        self._sent: dict[int, _Sent] = {}  # by sequence, in the order of sending
        self._sequence = 0
        self._written_sequence = 0

    @property
    def next_sequence(self) -> int:
        """Number of the next frame, from 1."""
        return self._sequence + 1

    @property
    def unread_bytes(self) -> int:
        """What has been sent and not been acknowledged."""
        return sum(sent.size_bytes for sent in self._sent.values())

    @property
    def is_making_quickly(self) -> bool:
        """Whether anything is being made that will go out soon."""
        return any(job.light is not None or not job.pace.is_slow for job in self._making.values())

    def makes(self, number: int, *, light: bool) -> bool:
        """Say whether a picture of that kind is made for a cell."""
        return (number, light) in self._making

    def unread_of(self, number: int) -> int:
        """Return how many frames of a cell are on their way."""
        return sum(sent.cell == number for sent in self._sent.values())

    def has_room(self, number: int, next_bytes: int) -> bool:
        """Say whether one more frame of a cell may be made, which holds so much at most."""
        ours = self.unread_of(number) + sum(made == number for made, _ in self._making)
        if ours >= MAX_IN_FLIGHT:
            return False
        if not self._sent and not self._making:
            return True  # a single larger one goes out alone
        return (
            self._held_bytes + next_bytes <= MAX_UNREAD_BYTES
            and self._of_user.held_bytes + next_bytes <= MAX_UNREAD_BYTES_OF_USER
        )

    def _recount(self) -> None:
        held_bytes = self.unread_bytes + sum(job.most_bytes for job in self._making.values())
        self._of_user.held_bytes += held_bytes - self._held_bytes
        self._held_bytes = held_bytes

    def begin(self, job: Job) -> None:
        """Say that a picture is being made."""
        self._making[job.cell, job.light is not None] = job
        self._recount()

    def end(self, job: Job) -> None:
        """Say that a picture is made, or will not be."""
        kind = (job.cell, job.light is not None)
        if self._making.get(kind) is job:
            del self._making[kind]
            self._recount()

    def sent(self, number: int, pace: Pace | None, size_bytes: int) -> None:
        """Count a frame that goes out now, as `next_sequence`; ``pace`` is that of a light one."""
        self._sequence += 1
        self._sent[self._sequence] = _Sent(number, self._clock(), pace, size_bytes)
        self._recount()

    def acknowledged(self, sequence: int) -> None:
        """Take the browser's word that it has painted or dropped a frame."""
        sent = self._sent.get(sequence)
        if sent is not None:
            sent.acknowledged = True
            self._settle(sequence, sent)

    def written(self) -> None:
        """Say that the oldest frame not yet written has been handed to the socket whole."""
        self._written_sequence += 1
        sent = self._sent.get(self._written_sequence)
        if sent is not None:
            sent.written = True
            self._settle(self._written_sequence, sent)

    def _settle(self, sequence: int, sent: _Sent) -> None:
        if not (sent.written and sent.acknowledged):
            return
        # The browser paints in order and may drop a frame unpainted: those of the cell before are done too.
        of_cell = [entry for entry, other in self._sent.items() if other.cell == sent.cell]
        if sent.pace is not None:
            sent.pace.quality.acknowledged(self._clock() - sent.at_s, len(of_cell) - 1)
        self._forget(entry for entry in of_cell if entry <= sequence)

    def _forget(self, entries: Iterable[int]) -> None:
        for entry in tuple(entries):
            del self._sent[entry]
        self._recount()

    def clear(self) -> None:
        """Forget what is made and on its way: nobody reads any more."""
        self._making.clear()
        self._sent.clear()
        self._recount()
