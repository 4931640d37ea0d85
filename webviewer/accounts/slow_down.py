"""Wrong passwords are slowed down, never locked out: the wait grows for the one who guesses, not for the user.

Two counters refuse: one for the pair of user name and address, strict; one for the address alone, coarse, against a
guesser who walks through names. An address of IPv6 counts by its /64, the least that anybody is given and may walk
through at will. Nobody else's sign-in from another address is slowed by them. They live in the database, so that they
hold over all replicas and restarts. Only what was judged wrong counts: many doctors behind one address sign in at once,
and none of them has done wrong. Attempts that are not judged yet are counted apart, and no more of them are let in than
there are free attempts left, so that many parallel guesses gain nothing; a right password takes the pair's counter
away.

A third counter runs for the user name over all addresses, against a guesser who has many of them. It refuses nobody:
otherwise such a guesser could keep a doctor out for as long as he likes. It only delays, by a few seconds at most, an
attempt from an address from which the user has not signed in during the last 90 days. The doctor's usual addresses are
never delayed. Each guess also costs a slow hash, and few are judged at a time (`webviewer.usecases.turns`). Each wrong
one is in the authorization log with its address, and their rate is in the metrics for an alarm
(``webviewer_sign_ins_total``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from webviewer.core.addresses import address_group


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counter. ``key`` is a hash: names that people type may be passwords by mistake."""

    key: bytes
    failures: int
    last_at: dt.datetime
    blocked_until: dt.datetime


@dataclass(frozen=True, slots=True)
class SlowDownRule:
    """How many attempts are free, and how the wait then grows; a quiet ``forget_s`` starts over."""

    free: int
    longest_wait_s: float
    forget_s: float

    def wait_s(self, failures: int) -> float:
        """Return the wait after so many attempts.

        Examples
        --------
        >>> [PAIR_RULE.wait_s(n) for n in (1, 4, 5, 6, 7, 8, 20)]
        [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 300.0]
        """
        if failures <= self.free:
            return 0.0
        return min(self.longest_wait_s, float(2 ** min(failures - self.free - 1, 30)))

    def after(self, key: bytes, previous: Attempt | None, now: dt.datetime) -> Attempt:
        """Return the counter after one more attempt."""
        failures = 1
        if previous is not None and (now - previous.last_at).total_seconds() < self.forget_s:
            failures = previous.failures + 1
        return Attempt(key, failures, now, now + dt.timedelta(seconds=self.wait_s(failures)))

    def failures(self, counted: Attempt | None, now: dt.datetime) -> int:
        """Return how many wrong attempts still count."""
        if counted is None or (now - counted.last_at).total_seconds() >= self.forget_s:
            return 0
        return counted.failures

    def lets_in(self, failures: int, unjudged: int) -> bool:
        """Tell whether one more may be judged beside those that are: if all were wrong, no wait would have begun.

        Examples
        --------
        >>> [PAIR_RULE.lets_in(0, unjudged) for unjudged in (0, 4, 5)]
        [True, True, False]
        >>> [PAIR_RULE.lets_in(7, unjudged) for unjudged in (0, 1)]
        [True, False]
        """
        return unjudged == 0 or failures + unjudged <= self.free


PAIR_RULE: Final = SlowDownRule(free=4, longest_wait_s=300.0, forget_s=1800.0)
ACCOUNT_RULE: Final = SlowDownRule(free=20, longest_wait_s=5.0, forget_s=1800.0)
ADDRESS_RULE: Final = SlowDownRule(free=30, longest_wait_s=60.0, forget_s=900.0)
UNJUDGED_S: Final = 60.0  # an attempt that took longer died with its process


def pair_key(user_name: str, address: str) -> bytes:
    """Return the key of a user name tried from an address."""
    return hashlib.sha256(b"pair\0" + user_name.lower().encode() + b"\0" + address_group(address).encode()).digest()


def account_key(user_name: str) -> bytes:
    """Return the key of a user name from all addresses."""
    return hashlib.sha256(b"account\0" + user_name.lower().encode()).digest()


def address_key(address: str) -> bytes:
    """Return the key of an address."""
    return hashlib.sha256(b"address\0" + address_group(address).encode()).digest()


def unjudged_key(key: bytes) -> bytes:
    """Return the key under which the attempts of a pair or an address that are not judged yet are counted."""
    return hashlib.sha256(b"unjudged\0" + key).digest()


class AttemptRepository(Protocol):
    """Counters of wrong sign-ins, inside one unit of work."""

    def serialize(self, key: bytes) -> None:
        """Let no other transaction count these attempts until this one ends.

        The key is that of an address, and covers the pairs with it, or that of a user name. Take the address first.
        """
        ...

    def find(self, key: bytes) -> Attempt | None:
        """Return a counter, None if it was never needed."""
        ...

    def put(self, attempt: Attempt) -> None:
        """Store a counter in place of the one with its key."""
        ...

    def forget(self, key: bytes) -> None:
        """Remove a counter."""
        ...

    def count(self) -> int:
        """Return how many counters there are."""
        ...

    def prune(self, before: dt.datetime) -> None:
        """Remove counters last used before."""
        ...
