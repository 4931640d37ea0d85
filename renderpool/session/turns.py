"""Whose turn it is to draw: fair over sessions by the time that their pictures take, moving ones before still ones.

A picture that takes long is drawn in parts; between two of them somebody else may have a turn. Rules:

- A moving part goes to the session that has used least of the thread. One that was idle has no more in hand than
  ``_CREDIT_S``; one that has begun a picture goes on while it is not ``_RUN_ON_S`` ahead, since two half pictures help
  nobody. So one who scrolls is drawn at once, however many turn a volume, as long as that takes no more than his share.
- Still parts wait behind moving ones of all sessions, but once a still one has been due for ``STILL_PATIENCE_S`` they
  get ``_STILL_SHARE`` of the thread, so that a busy viewer does not keep the others from their full quality.
- Of stills those go first that take little time and whose session has used less; then a pass that is begun is
  finished, and then those go on that have had the fewest passes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

SessionT = TypeVar("SessionT", bound=Hashable)

STILL_PATIENCE_S = 0.08
_CREDIT_S = 0.4  # more than pictures take that are begun
_RUN_ON_S = 0.1
_STILL_SHARE = 0.25
_STILL_MOST_S = 0.05  # what stills may have in hand
_STILL_LEAST_S = -0.2  # a single long part is forgiven


class _Account:
    """What each session has used of late; who was idle counts as one who had a little less than the others."""

    def __init__(self) -> None:
        self._used_s: dict[Hashable, float] = {}
        self._now_s = 0.0  # what those who are served have used

    def used_s(self, session: Hashable) -> float:
        return max(self._used_s.get(session, 0.0), self._now_s - _CREDIT_S)

    def charge(self, session: Hashable, took_s: float) -> None:
        before_s = self.used_s(session)
        self._now_s = max(self._now_s, before_s)
        self._used_s[session] = before_s + took_s

    def forget(self, session: Hashable) -> None:
        self._used_s.pop(session, None)


class Turns:
    """The account; used with the scheduler's lock held."""

    def __init__(self) -> None:
        # Two, since what a session uses for stills, which have a share of their own, is no reason to move it less.
        self._moving, self._still = _Account(), _Account()
        self._last: Hashable = None
        self._still_s = _STILL_MOST_S

    @property
    def stills_may_go_first(self) -> bool:
        """Whether stills have not had their share of late."""
        return self._still_s >= 0

    def in_order(self, sessions: Iterable[SessionT], *, still: bool) -> list[SessionT]:
        """Return the sessions, whose turn comes first at the beginning, for pictures of a kind."""
        if still:
            return sorted(sessions, key=self._still.used_s)
        return sorted(sessions, key=self._place)

    def _place(self, session: Hashable) -> float:
        used_s = self._moving.used_s(session)
        return used_s - _RUN_ON_S if session is self._last else used_s

    def charge(self, session: Hashable, took_s: float, *, still: bool, is_begun: bool) -> None:
        """Count what a part took; ``is_begun``: more of the same picture is to come."""
        if still:
            self._still.charge(session, took_s)
            self._still_s = max(_STILL_LEAST_S, self._still_s - took_s)
        else:
            self._moving.charge(session, took_s)
            if is_begun or session is self._last:
                self._last = session if is_begun else None
            self._still_s = min(_STILL_MOST_S, self._still_s + took_s * _STILL_SHARE / (1 - _STILL_SHARE))

    def forget(self, session: Hashable) -> None:
        """Forget a session that is closed."""
        self._moving.forget(session)
        self._still.forget(session)
        if self._last is session:
            self._last = None
