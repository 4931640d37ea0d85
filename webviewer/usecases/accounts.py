"""Users are made, get a password, and are switched on and off."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.accounts import (
    Account,
    NewAccount,
    PasswordHasher,
    SessionEnd,
    UserId,
    check_ae_title,
    check_password,
    check_user_name,
)
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.usecases.clock import Clock
from webviewer.usecases.sessions import end_session
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class Accounts:
    """Use cases on users."""

    units: ControlUnitOfWorkFactory
    hasher: PasswordHasher
    clock: Clock

    def create_user(
        self,
        user_name: str,
        password: str,
        *,
        ae_title: str | None = None,
        is_administrator: bool = False,
        evaluation_password: bool = False,
    ) -> Account:
        """Make a user; the AE title is the storage node's to take over from the control node.

        Parameters
        ----------
        user_name
            Starts with a letter; Latin letters, digits, underscores; at most 32 characters.
        password
            Not empty.
        ae_title
            What a modality calls to send into this user's storage; None for a user without one.
        is_administrator
            May use the console.
        evaluation_password
            The password is well known (evaluation profile): refused when the server listens beyond loopback.

        Raises
        ------
        InvalidInput
            A rule is broken.
        Conflict
            The name or the AE title is another user's.
        """
        check_user_name(user_name)
        check_password(password)
        if ae_title is not None:
            check_ae_title(ae_title)
        new = NewAccount(
            user_name,
            self.hasher.hash(password),
            ae_title=ae_title,
            is_administrator=is_administrator,
            evaluation_password=evaluation_password,
        )
        with self.units() as unit:
            account = unit.accounts.add(new, self.clock())
            unit.commit()
        return account

    def find(self, user_name: str) -> Account | None:
        """Return the user of this name, None if there is none."""
        with self.units(read_only=True) as unit:
            return unit.accounts.find_by_name(user_name)

    def set_password(self, user_id: UserId, password: str, *, evaluation_password: bool = False) -> None:
        """Give a user another password; the sessions opened with the old one end.

        Raises
        ------
        InvalidInput
            The password is empty.
        NotFound
            There is no such user.
        """
        check_password(password)
        password_hash = self.hasher.hash(password)
        with self.units() as unit:
            account = unit.accounts.get(user_id)
            unit.accounts.set_password(user_id, password_hash, evaluation_password=evaluation_password)
            self._log_change(unit, account, {AuditDetail.PASSWORD: "changed"})
            self._end_sessions(unit, account, SessionEnd.PASSWORD_CHANGED)
            unit.commit()

    def set_active(self, user_id: UserId, *, is_active: bool) -> None:
        """Switch a user on or off; switching off ends all sessions of the user.

        Raises
        ------
        NotFound
            There is no such user.
        """
        with self.units() as unit:
            account = unit.accounts.get(user_id)
            if account.is_active != is_active:
                unit.accounts.set_active(user_id, is_active=is_active)
                self._log_change(unit, account, {AuditDetail.NEW_STATUS: "Active" if is_active else "Inactive"})
                if not is_active:
                    self._end_sessions(unit, account, SessionEnd.SWITCHED_OFF)
            unit.commit()

    def _end_sessions(self, unit: ControlUnitOfWork, account: Account, reason: SessionEnd) -> None:
        for session in unit.sessions.open_of_user(account.user_id):
            end_session(unit, session, reason, self.clock())

    def _log_change(self, unit: ControlUnitOfWork, account: Account, details: dict[AuditDetail, str]) -> None:
        unit.audit.add(
            AuditEntry(AuditEvent.USER_DATA_CHANGED, self.clock(), account.user_id, account.user_name, details)
        )
