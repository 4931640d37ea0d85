"""Signing in: one refusal for all wrong guesses, slowed down, logged."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from webviewer.accounts import (
    ACCOUNT_RULE,
    ADDRESS_RULE,
    PAIR_RULE,
    Account,
    PasswordHasher,
    Verification,
    check_user_name,
    token_hash,
)
from webviewer.accounts.slow_down import UNJUDGED_S, Attempt, account_key, address_key, pair_key, unjudged_key
from webviewer.accounts.users import MAX_PASSWORD_CHARACTERS
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.addresses import address_group
from webviewer.core.errors import InvalidInput, LimitExceeded, NotSignedIn, PermissionDenied
from webviewer.usecases.clock import Clock
from webviewer.usecases.placement import place_session
from webviewer.usecases.sessions import SignedIn, signed_in
from webviewer.usecases.turns import Turns, busy
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory

TOKEN_BYTES = 32
RULES: Final = (ACCOUNT_RULE, ADDRESS_RULE, PAIR_RULE)

LONGEST_PAUSE_S: Final = 5.0
PAUSE_S: Final = 0.1

WRONG = "User name or password is wrong."
REFUSED = f"{WRONG} Check Caps Lock and try again."
SWITCHED_OFF = "This account is switched off. Ask your administrator."
EVALUATION_ONLY = (
    "This account still has the well-known password of the evaluation profile, which works only on a server that "
    "listens on this machine alone. Set another password first."
)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened; ``token`` goes into the cookie and is kept nowhere."""

    token: str = field(repr=False)
    who: SignedIn


@dataclass(slots=True)
class _Attempt:
    """An attempt that was let in, and whether it still counts as unjudged."""

    user_name: str
    account: Account | None
    pair: bytes
    address: bytes
    is_ended: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """Opens a session for a name and a password.

    Parameters
    ----------
    loopback_only
        The server listens on loopback alone, so the evaluation profile's passwords may be used by a client that is on
        this machine too: a proxy before us may bring others.
    turns
        Of passwords being judged.
    delays
        Attempts that are delayed at once, in all and of one user name.
    pause
        Waits so many seconds.
    """

    units: ControlUnitOfWorkFactory
    hasher: PasswordHasher
    clock: Clock
    idle_s: int
    loopback_only: bool
    turns: Turns = field(default_factory=Turns)
    delays: Turns = field(default_factory=partial(Turns, at_once=64, most_waiting=0, most_of_one=8))
    pause: Callable[[float], None] = time.sleep

    def __call__(self, user_name: str, password: str, ip_address: str) -> NewSession:
        """Check name and password and open a session.

        Raises
        ------
        NotSignedIn
            Wrong password or unknown user: one text for both, and the same waits.
        PermissionDenied
            The password is right, but the account is switched off or may be used on loopback only.
        LimitExceeded
            Too many wrong attempts, this one among them or not judged any more, or more sign-ins at once than the
            queue takes; ``resets_in_s`` says how long to wait.
        """
        pair, address = pair_key(user_name, ip_address), address_key(ip_address)
        with self.units(read_only=True) as unit:
            self._refuse_while_waiting(unit, pair, address)  # before the queue: a refused attempt takes no place in it
            delay_s = self._delay_s(unit, user_name, ip_address)
        if delay_s > 0:
            with self.delays.take(account_key(user_name)):
                self.pause(delay_s)
        with self.turns.take(address):
            return self._judge(user_name, password, ip_address, pair, address)

    def _delay_s(self, unit: ControlUnitOfWork, user_name: str, ip_address: str) -> float:
        """Return by how many seconds an attempt is delayed because of wrong ones from other addresses."""
        counted = unit.attempts.find(account_key(user_name))
        delay_s = ACCOUNT_RULE.wait_s(ACCOUNT_RULE.failures(counted, self.clock()))
        account = unit.accounts.find_by_name(user_name) if delay_s > 0 and _is_user_name(user_name) else None
        if account is not None:
            usual = {address_group(one) for one in unit.sessions.addresses_of_user(account.user_id)}
            if address_group(ip_address) in usual:
                return 0.0
        return delay_s

    def _judge(self, user_name: str, password: str, ip_address: str, pair: bytes, address: bytes) -> NewSession:
        with self._let_in(user_name, pair, address) as attempt:
            account = attempt.account
            verdict = self._verify(account, password)
            while account is not None and verdict.matches:
                new_hash = self.hasher.hash(password) if verdict.needs_rehash else None
                opened = self._open(attempt, account, new_hash, ip_address)
                if opened is not None:
                    return opened
                # The verdict is on a hash that is not the user's any more: the password was changed, or hashed anew.
                account = self._read_again(account)
                verdict = self._verify(account, password)
            wait_s = self._count_wrong(attempt)
        self._log_refusal(account, user_name, ip_address, "wrong password" if account else "unknown user")
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise LimitExceeded(f"{WRONG} Try again in {seconds} s.", code="too_many_attempts", resets_in_s=seconds)
        raise NotSignedIn(REFUSED, code="wrong_credentials")

    def _verify(self, account: Account | None, password: str) -> Verification:
        verdict = self.hasher.verify(account.password_hash if account else None, password[:MAX_PASSWORD_CHARACTERS])
        return verdict if len(password) <= MAX_PASSWORD_CHARACTERS else Verification(matches=False)

    def _read_again(self, account: Account) -> Account:
        with self.units(read_only=True) as unit:
            return unit.accounts.get(account.user_id)

    def _open(self, attempt: _Attempt, verified: Account, new_hash: str | None, ip_address: str) -> NewSession | None:
        """Open a session unless the password has become another one since it was verified: None then.

        The user is held until the session is stored: who changes the password or switches the user off does so either
        before, and it is seen here, or after, and the session is found and ended.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self.clock()
        with self.units() as unit:
            self._end(unit, attempt)
            unit.placement.serialize()  # before the user, as wherever both are held: else two wait for each other
            account = unit.accounts.hold(verified.user_id)
            if account.password_hash != verified.password_hash:
                return None
            refusal = self._refusal(account, ip_address)
            if refusal is None:
                if new_hash is not None:
                    unit.accounts.set_password(
                        account.user_id, new_hash, evaluation_password=account.evaluation_password
                    )
                unit.attempts.forget(attempt.pair)
                expires_at = now + dt.timedelta(seconds=self.idle_s)
                session = unit.sessions.add(account.user_id, token_hash(token), ip_address, now, expires_at)
                place_session(unit, session.session_id, account.user_id, now)
                details = {AuditDetail.SESSION_ID: str(session.session_id), AuditDetail.IP_ADDRESS: ip_address}
                unit.audit.add(AuditEntry(AuditEvent.SESSION_OPEN, now, account.user_id, account.user_name, details))
                unit.commit()
                attempt.is_ended = True
                return NewSession(token, signed_in(session, account))
        reason, error = refusal
        self._log_refusal(account, attempt.user_name, ip_address, reason)
        raise error

    def _refusal(self, account: Account, ip_address: str) -> tuple[str, PermissionDenied] | None:
        """Return why a user with the right password is kept out, for the log and for the user; None if nothing does."""
        if not account.is_active:
            return "user is switched off", PermissionDenied(SWITCHED_OFF, code="account_switched_off")
        if account.evaluation_password and not (self.loopback_only and _is_loopback(ip_address)):
            error = PermissionDenied(EVALUATION_ONLY, code="evaluation_password")
            return "well-known password beyond loopback", error
        return None

    @contextmanager
    def _let_in(self, user_name: str, pair: bytes, address: bytes) -> Iterator[_Attempt]:
        """Wait until an attempt may be judged, and count it as unjudged until the block ends it."""
        deadline = time.monotonic() + LONGEST_PAUSE_S
        while (attempt := self._enter(user_name, pair, address)) is None:
            if time.monotonic() > deadline:
                raise busy()
            time.sleep(PAUSE_S)
        try:
            yield attempt
        finally:
            if not attempt.is_ended:
                with self.units() as unit:
                    self._end(unit, attempt)
                    unit.commit()

    def _enter(self, user_name: str, pair: bytes, address: bytes) -> _Attempt | None:
        with self.units() as unit:
            account = unit.accounts.find_by_name(user_name) if _is_user_name(user_name) else None
            unit.attempts.serialize(address)
            self._refuse_while_waiting(unit, pair, address)
            now = self.clock()
            counters = []
            for key, rule in ((address, ADDRESS_RULE), (pair, PAIR_RULE)):
                pending = unit.attempts.find(unjudged_key(key))
                alive = pending is not None and (now - pending.last_at).total_seconds() < UNJUDGED_S
                count = pending.failures if pending is not None and alive else 0
                if not rule.lets_in(rule.failures(unit.attempts.find(key), now), count):
                    return None
                counters.append(Attempt(unjudged_key(key), count + 1, now, now))
            for counter in counters:
                unit.attempts.put(counter)
            unit.attempts.prune(now - dt.timedelta(seconds=max(rule.forget_s for rule in RULES)))
            unit.commit()
        return _Attempt(user_name, account, pair, address)

    def _end(self, unit: ControlUnitOfWork, attempt: _Attempt) -> None:
        """Count an attempt as unjudged no more."""
        unit.attempts.serialize(attempt.address)
        for key in (unjudged_key(attempt.address), unjudged_key(attempt.pair)):
            pending = unit.attempts.find(key)
            if pending is not None and pending.failures > 1:
                unit.attempts.put(replace(pending, failures=pending.failures - 1))
            else:
                unit.attempts.forget(key)

    def _refuse_while_waiting(self, unit: ControlUnitOfWork, pair: bytes, address: bytes) -> None:
        """Refuse because earlier attempts were wrong."""
        now = self.clock()
        known = (unit.attempts.find(address), unit.attempts.find(pair))
        wait_s = max(((one.blocked_until - now).total_seconds() for one in known if one is not None), default=0.0)
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise LimitExceeded(
                f"Too many wrong attempts. Try again in {seconds} s.", code="too_many_attempts", resets_in_s=seconds
            )

    def _count_wrong(self, attempt: _Attempt) -> float:
        """Count an attempt that was judged wrong; return for how many seconds the next one must wait from now."""
        now = self.clock()
        longest_s = 0.0
        with self.units() as unit:
            self._end(unit, attempt)
            of_account = account_key(attempt.user_name)
            unit.attempts.serialize(of_account)  # after the address, as everywhere
            unit.attempts.put(ACCOUNT_RULE.after(of_account, unit.attempts.find(of_account), now))
            for key, rule in ((attempt.address, ADDRESS_RULE), (attempt.pair, PAIR_RULE)):
                counted = rule.after(key, unit.attempts.find(key), now)
                unit.attempts.put(counted)
                longest_s = max(longest_s, rule.wait_s(counted.failures))
            unit.commit()
        attempt.is_ended = True
        return longest_s

    def _log_refusal(self, account: Account | None, user_name: str, ip_address: str, reason: str) -> None:
        administrator = account is not None and account.is_administrator
        # What does not look like a user name may be a password typed into the wrong field: it is not written down.
        login = user_name if _is_user_name(user_name) else "(not a user name)"
        entry = AuditEntry(
            AuditEvent.ADMIN_AUTHORIZATION_ERROR if administrator else AuditEvent.USER_AUTHORIZATION_ERROR,
            self.clock(),
            account.user_id if account else None,
            account.user_name if account else "",
            {AuditDetail.LOGIN: login, AuditDetail.REASON: reason, AuditDetail.IP_ADDRESS: ip_address},
        )
        with self.units() as unit:
            unit.audit.add(entry)
            unit.commit()


def _is_loopback(ip_address: str) -> bool:
    try:
        return ipaddress.ip_address(ip_address).is_loopback
    except ValueError:
        return not ip_address  # whoever reaches a Unix socket is on this machine


def _is_user_name(text: str) -> bool:
    try:
        check_user_name(text)
    except InvalidInput:
        return False
    return True
