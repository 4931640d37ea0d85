"""Whose turn it is to draw: fair over users by the time that their pictures take, moving ones before still ones.

A picture that takes long is drawn in parts; between two of them somebody else may have a turn. Rules:

- Users share the thread, and the sessions of one user share what is theirs: 16 streams get no more than one.
- A moving part goes to the session that has used least of the thread. One that was idle has no more in hand than
  ``_CREDIT_S``; one that has begun a picture goes on while it is not ``_RUN_ON_S`` ahead, since two half pictures help
  nobody. So one who scrolls is drawn at once, however many turn a volume, as long as that takes no more than his share.
- Still parts wait behind moving ones of all sessions, but once a still one has been due for ``STILL_PATIENCE_S`` they
  get ``_STILL_SHARE`` of the thread, so that a busy viewer does not keep the others from their full quality.
- Of stills those go first that take little time and whose session has used less; then a pass that is begun is
  finished, and then those go on that have had the fewest passes. All of it holds among users none of whom is
  ``_STILL_AHEAD_S`` ahead of another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

SessionT = TypeVar("SessionT", bound=Hashable)

STILL_PATIENCE_S = 0.08
_CREDIT_S = 0.4  # more than pictures take that are begun
_RUN_ON_S = 0.1
_STILL_SHARE = 0.25
_STILL_MOST_S = 0.05  # what stills may have in hand
_STILL_LEAST_S = -0.2  # a single long part is forgiven
_STILL_AHEAD_S = 0.3  # of a user whose still parts go on before those of others


class _Account:
    """Time that users, or sessions of one user, have used of late; an idle one counts as a little behind the others."""

    def __init__(self) -> None:
        self._used_s: dict[Hashable, float] = {}
        self._now_s = 0.0  # what those who are served have used

    def used_s(self, one: Hashable) -> float:
        return max(self._used_s.get(one, 0.0), self._now_s - _CREDIT_S)

    def charge(self, one: Hashable, took_s: float) -> None:
        before_s = self.used_s(one)
        self._now_s = max(self._now_s, before_s)
        self._used_s[one] = before_s + took_s

    def forget(self, one: Hashable) -> None:
        self._used_s.pop(one, None)

    def forget_idle(self) -> None:
        """Forget those of whom nothing is left to know; one who leaves and comes back finds the debt again."""
        for one in [one for one, used_s in self._used_s.items() if used_s <= self._now_s - _CREDIT_S]:
            del self._used_s[one]

    def knows(self, one: Hashable) -> bool:
        return one in self._used_s


class _Accounts:
    """Accounts of users, and for each user an account of the sessions among one another."""

    def __init__(self, user_of: Callable[[Any], Hashable]) -> None:
        self._user_of = user_of
        self._users = _Account()
        self._sessions: defaultdict[Hashable, _Account] = defaultdict(_Account)

    def used_s(self, session: Hashable) -> tuple[float, float]:
        """Return what its user has used, and what the session has used."""
        user = self._user_of(session)
        own = self._sessions.get(user)
        return self._users.used_s(user), 0.0 if own is None else own.used_s(session)

    def charge(self, session: Hashable, took_s: float) -> None:
        user = self._user_of(session)
        self._users.charge(user, took_s)
        self._sessions[user].charge(session, took_s)

    def forget(self, session: Hashable) -> None:
        user = self._user_of(session)
        if user in self._sessions:
            self._sessions[user].forget(session)
        self._users.forget_idle()
        for other in [other for other in self._sessions if not self._users.knows(other)]:
            del self._sessions[other]


def _itself(session: Hashable) -> Hashable:
    return session


class Turns:
    """The account; used with the scheduler's lock held.

    Parameters
    ----------
    user_of
        Whose session it is; without it each session is that of another user.
    """

    def __init__(self, user_of: Callable[[Any], Hashable] = _itself) -> None:
        self._user_of = user_of
        # Two, since what a session uses for stills, which have a share of their own, is no reason to move it less.
        self._moving, self._still = _Accounts(user_of), _Accounts(user_of)
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
        return sorted(sessions, key=self._moving_place)

    def _moving_place(self, session: Hashable) -> tuple[float, float]:
        user_s, own_s = self._moving.used_s(session)
        if self._last is not None and self._user_of(session) == self._user_of(self._last):
            user_s -= _RUN_ON_S
        return user_s, own_s - _RUN_ON_S if session is self._last else own_s

    def still_used_s(self, session: Hashable) -> float:
        """Return what the user of a session has used for stills."""
        return self._still.used_s(session)[0]

    def still_limit_s(self, sessions: Iterable[Hashable]) -> float:
        """Return what the user of one of these sessions may have used to have the next still part."""
        return min(map(self.still_used_s, sessions), default=float("inf")) + _STILL_AHEAD_S

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
