"""Password hashes: Argon2id, beside the event loop instead of in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from webviewer.accounts import Verification
from webviewer.core.errors import LimitExceeded
from webviewer.core.offload import Offload, run_here

BUSY_S: Final = 5
"""How long whom we cannot take now is asked to stay away; a full queue is done by then."""


class Argon2Hasher:
    """Argon2id with the parameters of RFC 9106 for small memory (64 MiB, three passes).

    Parameters
    ----------
    offload
        Runs blocking work; under gevent it hands the work to a real thread, so that the event loop goes on.
    at_once
        How many hashes are computed at a time; each takes its own memory, and a flood of sign-ins must not take all.
    most_waiting
        How many more may wait for their turn; beyond them `LimitExceeded` is raised, so that nobody waits for minutes.
    parameters
        Costs of a hash; tests take cheap ones. A stored hash made with others is made anew at the next sign-in.
    """

    def __init__(
        self,
        offload: Offload = run_here,
        *,
        at_once: int = 2,
        most_waiting: int = 16,
        parameters: argon2.Parameters = argon2.profiles.RFC_9106_LOW_MEMORY,
    ) -> None:
        self._offload = offload
        self._gate = threading.BoundedSemaphore(at_once)
        self._most_inside = at_once + most_waiting
        self._inside = 0
        self._counting = threading.Lock()
        self._hasher = argon2.PasswordHasher.from_parameters(parameters)
        self._dummy: str | None = None

    def hash(self, password: str) -> str:
        """Return a salted hash that carries its parameters."""
        return str(self._run(lambda: self._hasher.hash(password)))

    def verify(self, password_hash: str | None, password: str) -> Verification:
        """Check a password; ``None`` (no such user) takes as long as a wrong password."""
        if self._dummy is None:
            self._dummy = self.hash("nobody's password")
        against = password_hash if password_hash is not None else self._dummy

        def check() -> bool:
            try:
                return self._hasher.verify(against, password)
            except (VerifyMismatchError, VerificationError, InvalidHashError):
                return False

        matches = bool(self._run(check)) and password_hash is not None
        return Verification(matches, needs_rehash=matches and self._hasher.check_needs_rehash(against))

    def _run(self, work: Callable[[], object]) -> object:
        with self._counting:
            if self._inside >= self._most_inside:
                raise LimitExceeded(
                    f"Too many people are signing in at once. Try again in {BUSY_S} s.", code="busy", resets_in_s=BUSY_S
                )
            self._inside += 1
        try:
            with self._gate:
                return self._offload(work)
        finally:
            with self._counting:
                self._inside -= 1
