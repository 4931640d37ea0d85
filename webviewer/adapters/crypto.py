"""Password hashes: Argon2id, beside the event loop instead of in it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from webviewer.accounts import Verification

Offload = Callable[[Callable[[], object]], object]


def run_here(work: Callable[[], object]) -> object:
    """Do the work in the caller's own thread: for scripts and threaded processes."""
    return work()


class Argon2Hasher:
    """Argon2id with the parameters of RFC 9106 for small memory (64 MiB, three passes).

    Parameters
    ----------
    offload
        Runs blocking work; under gevent it hands the work to a real thread, so that the event loop goes on.
    at_once
        How many hashes are computed at a time; each takes its own memory, and a flood of sign-ins must not take all.
    parameters
        Costs of a hash; tests take cheap ones. A stored hash made with others is made anew at the next sign-in.
    """

    def __init__(
        self,
        offload: Offload = run_here,
        *,
        at_once: int = 2,
        parameters: argon2.Parameters = argon2.profiles.RFC_9106_LOW_MEMORY,
    ) -> None:
        self._offload = offload
        self._gate = threading.BoundedSemaphore(at_once)
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
        with self._gate:
            return self._offload(work)
