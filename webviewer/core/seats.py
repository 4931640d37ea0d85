"""How much of one kind of work may go on at once, in all and for one owner."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Self

from webviewer.core.errors import LimitExceeded, Unavailable

_TRY_AGAIN_S = 5.0


class Seat:
    """The right to do one piece of work; to be given back once, giving it back again does nothing."""

    def __init__(self, seats: Seats, owner: int) -> None:
        self._seats = seats
        self._owner = owner
        self._is_taken = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Let another one have it."""
        if self._is_taken:
            self._is_taken = False
            self._seats._leave(self._owner)


class Seats:
    """Seats for one kind of work, so that however much of it stands still, other work finds its threads.

    Parameters
    ----------
    what
        The work in the plural, for error words: "uploads".
    most
        Seats in all.
    most_per_owner
        Seats that one owner may take.
    """

    def __init__(self, what: str, most: int, most_per_owner: int) -> None:
        self._what = what
        self._most = most
        self._most_per_owner = most_per_owner
        self._taken: Counter[int] = Counter()
        self._changed = threading.Condition()

    def take(self, owner: int, *, wait_s: float = 0.0) -> Seat:
        """Return a seat.

        Parameters
        ----------
        owner
            For whom.
        wait_s
            How long to wait for one.

        Raises
        ------
        LimitExceeded
            The owner has as many as one owner may have.
        Unavailable
            All are taken.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free_for(owner), wait_s):
                if self._taken[owner] >= self._most_per_owner:
                    raise LimitExceeded(
                        f"{self._taken[owner]} {self._what} of yours are under way; "
                        f"at most {self._most_per_owner} may be.",
                        resets_in_s=_TRY_AGAIN_S,
                    )
                raise Unavailable(
                    f"{self._most} {self._what} are under way, as many as may be at once; try again in a while.",
                    code="busy",
                )
            self._taken[owner] += 1
        return Seat(self, owner)

    def _is_free_for(self, owner: int) -> bool:
        return self._taken[owner] < self._most_per_owner and self._taken.total() < self._most

    def _leave(self, owner: int) -> None:
        with self._changed:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
            self._changed.notify_all()
