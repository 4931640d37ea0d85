"""Signing in: one refusal for all wrong guesses, slowed down, logged."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import secrets
from dataclasses import dataclass, field, replace

from webviewer.accounts import (
    ADDRESS_RULE,
    PAIR_RULE,
    Account,
    PasswordHasher,
    check_user_name,
    token_hash,
)
from webviewer.accounts.slow_down import address_key, pair_key
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.errors import InvalidInput, LimitExceeded, NotSignedIn, PermissionDenied
from webviewer.usecases.clock import Clock
from webviewer.usecases.placement import place_session
from webviewer.usecases.sessions import SignedIn, signed_in
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory

TOKEN_BYTES = 32
MAX_PASSWORD_CHARACTERS = 16 * 1024  # far beyond any real one; keeps a request from feeding the hash with megabytes

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


@dataclass(frozen=True, slots=True)
class SignIn:
    """Opens a session for a name and a password.

    Parameters
    ----------
    loopback_only
        The server listens on loopback alone, so the evaluation profile's passwords may be used by a client that is on
        this machine too: a proxy before us may bring others.
    """

    units: ControlUnitOfWorkFactory
    hasher: PasswordHasher
    clock: Clock
    idle_s: int
    loopback_only: bool

    def __call__(self, user_name: str, password: str, ip_address: str) -> NewSession:
        """Check name and password and open a session.

        Raises
        ------
        NotSignedIn
            Wrong password or unknown user: one text for both, and the same waits.
        PermissionDenied
            The password is right, but the account is switched off or may be used on loopback only.
        LimitExceeded
            Too many wrong attempts, this one among them or not judged any more, or too many sign-ins at once;
            ``resets_in_s`` says how long to wait.
        """
        now = self.clock()
        pair, address = pair_key(user_name, ip_address), address_key(ip_address)
        with self.units() as unit:
            account = unit.accounts.find_by_name(user_name) if _is_user_name(user_name) else None
            self._count_attempt(unit, pair, address, now)
            unit.commit()
        try:
            verdict = self.hasher.verify(account.password_hash if account else None, password[:MAX_PASSWORD_CHARACTERS])
        except LimitExceeded:  # it was not judged, so it was no wrong one
            self._take_back(pair, address)
            raise
        if account is None or not verdict.matches or len(password) > MAX_PASSWORD_CHARACTERS:
            self._log_refusal(account, user_name, ip_address, "wrong password" if account else "unknown user")
            wait_s = self._begin_wait(pair, address)
            if wait_s > 0:
                seconds = math.ceil(wait_s)
                raise LimitExceeded(f"{WRONG} Try again in {seconds} s.", code="too_many_attempts", resets_in_s=seconds)
            raise NotSignedIn(REFUSED, code="wrong_credentials")
        new_hash = self.hasher.hash(password) if verdict.needs_rehash else None
        if not account.is_active:
            self._log_refusal(account, user_name, ip_address, "user is switched off")
            raise PermissionDenied(SWITCHED_OFF, code="account_switched_off")
        if account.evaluation_password and not (self.loopback_only and _is_loopback(ip_address)):
            self._log_refusal(account, user_name, ip_address, "well-known password beyond loopback")
            raise PermissionDenied(EVALUATION_ONLY, code="evaluation_password")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self.units() as unit:
            if new_hash is not None:
                unit.accounts.set_password(account.user_id, new_hash, evaluation_password=account.evaluation_password)
            self._forgive(unit, pair, address)
            expires_at = now + dt.timedelta(seconds=self.idle_s)
            session = unit.sessions.add(account.user_id, token_hash(token), ip_address, now, expires_at)
            place_session(unit, session.session_id, account.user_id, now)
            details = {AuditDetail.SESSION_ID: str(session.session_id), AuditDetail.IP_ADDRESS: ip_address}
            unit.audit.add(AuditEntry(AuditEvent.SESSION_OPEN, now, account.user_id, account.user_name, details))
            unit.commit()
        return NewSession(token, signed_in(session, account))

    def _count_attempt(self, unit: ControlUnitOfWork, pair: bytes, address: bytes, now: dt.datetime) -> None:
        """Count an attempt before it is judged, or refuse it because earlier ones were wrong."""
        unit.attempts.serialize(address)
        known = [(address, ADDRESS_RULE, unit.attempts.find(address)), (pair, PAIR_RULE, unit.attempts.find(pair))]
        wait_s = max(
            ((attempt.blocked_until - now).total_seconds() for _, _, attempt in known if attempt is not None),
            default=0.0,
        )
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise LimitExceeded(
                f"Too many wrong attempts. Try again in {seconds} s.", code="too_many_attempts", resets_in_s=seconds
            )
        for key, rule, attempt in known:
            unit.attempts.put(rule.after(key, attempt, now))
        unit.attempts.prune(now - dt.timedelta(seconds=max(PAIR_RULE.forget_s, ADDRESS_RULE.forget_s)))

    def _begin_wait(self, pair: bytes, address: bytes) -> float:
        """Let the wait for a wrong attempt begin now, since judging may take longer than it; return its seconds."""
        now = self.clock()
        longest_s = 0.0
        with self.units() as unit:
            unit.attempts.serialize(address)
            for key, rule in ((address, ADDRESS_RULE), (pair, PAIR_RULE)):
                counted = unit.attempts.find(key)
                wait_s = rule.wait_s(counted.failures) if counted is not None else 0.0
                if counted is not None and wait_s > 0:
                    unit.attempts.put(replace(counted, blocked_until=now + dt.timedelta(seconds=wait_s)))
                    longest_s = max(longest_s, wait_s)
            unit.commit()
        return longest_s

    def _take_back(self, pair: bytes, address: bytes) -> None:
        """Uncount an attempt."""
        with self.units() as unit:
            unit.attempts.serialize(address)
            for key, rule in ((address, ADDRESS_RULE), (pair, PAIR_RULE)):
                counted = unit.attempts.find(key)
                if counted is None:
                    continue
                failures = counted.failures - 1
                if failures <= 0:
                    unit.attempts.forget(key)
                else:
                    until = counted.last_at + dt.timedelta(seconds=rule.wait_s(failures))
                    unit.attempts.put(replace(counted, failures=failures, blocked_until=until))
            unit.commit()

    def _forgive(self, unit: ControlUnitOfWork, pair: bytes, address: bytes) -> None:
        unit.attempts.serialize(address)
        counted = unit.attempts.find(address)
        if counted is not None:
            if counted.failures <= 1:
                unit.attempts.forget(address)
            else:
                unit.attempts.put(type(counted)(counted.key, counted.failures - 1, counted.last_at, counted.last_at))
        unit.attempts.forget(pair)

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
