"""Users are made, get a password, and are switched on and off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
from webviewer.core.errors import Conflict, InvalidInput
from webviewer.placement import NodeId, NodeKind
from webviewer.usecases.clock import Clock
from webviewer.usecases.node_status import NoCalls, NodeCalls
from webviewer.usecases.placement import storage_with_fewest_users
from webviewer.usecases.sessions import Ended, close_streams, end_session
from webviewer.usecases.unit_of_work import ControlUnitOfWork, ControlUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class Accounts:
    """Use cases on users."""

    units: ControlUnitOfWorkFactory
    hasher: PasswordHasher
    clock: Clock
    calls: NodeCalls = field(default_factory=NoCalls)

    def create_user(
        self,
        user_name: str,
        password: str,
        *,
        ae_title: str | None = None,
        is_administrator: bool = False,
        evaluation_password: bool = False,
        storage_node_id: NodeId | None = None,
    ) -> Account:
        """Make a user; the user's storage node takes the AE title over from the control node.

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
        storage_node_id
            The node that keeps the user's studies; the live, active one with the fewest users if None. Where there is
            none yet the user gets one as soon as it is needed.

        Raises
        ------
        InvalidInput
            A rule is broken, or the node is no storage node.
        NotFound
            There is no such node.
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
        now = self.clock()
        with self.units() as unit:
            unit.placement.serialize()
            if storage_node_id is None:
                storage_node_id = storage_with_fewest_users(unit, now)
            else:
                _require_storage(unit, storage_node_id)
            _refuse_taken(unit, user_name, ae_title)
            account = unit.accounts.add(replace(new, storage_node_id=storage_node_id), now)
            unit.commit()
        return account

    def check_new(self, user_name: str, ae_title: str | None, storage_node_id: NodeId | None) -> None:
        """Refuse what `create_user` would, but for the password: for who asks for that last.

        Raises
        ------
        InvalidInput
            A rule is broken, or the node is no storage node.
        NotFound
            There is no such node.
        Conflict
            The name or the AE title is another user's; says which.
        """
        check_user_name(user_name)
        if ae_title is not None:
            check_ae_title(ae_title)
        with self.units(read_only=True) as unit:
            _refuse_taken(unit, user_name, ae_title)
            if storage_node_id is not None:
                _require_storage(unit, storage_node_id)

    def all(self) -> tuple[Account, ...]:
        """Return all users by id."""
        with self.units(read_only=True) as unit:
            return unit.accounts.all()

    def set_storage_node(self, user_id: UserId, node_id: NodeId) -> None:
        """Let another storage node keep what is stored for a user from now on; stored studies do not move.

        The user's sessions end: the numbers of studies in open pages are those of the old node, and on the new one they
        are of other studies.

        Raises
        ------
        InvalidInput
            The node is no storage node.
        NotFound
            There is no such user or node.
        """
        ended: list[Ended | None] = []
        with self.units() as unit:
            unit.placement.serialize()
            account = unit.accounts.get(user_id)
            _require_storage(unit, node_id)
            if account.storage_node_id != node_id:
                unit.accounts.set_storage_node(user_id, node_id)
                if account.storage_node_id is not None:
                    ended = self._end_sessions(unit, account, SessionEnd.CLOSED_BY_ADMINISTRATOR)
                old = "" if account.storage_node_id is None else str(account.storage_node_id)
                self._log_change(
                    unit, account, {AuditDetail.OLD_STORAGE_NODE: old, AuditDetail.NEW_STORAGE_NODE: str(node_id)}
                )
            unit.commit()
        close_streams(self.calls, ended)

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
            ended = self._end_sessions(unit, account, SessionEnd.PASSWORD_CHANGED)
            unit.commit()
        close_streams(self.calls, ended)

    def set_active(self, user_id: UserId, *, is_active: bool) -> None:
        """Switch a user on or off; switching off ends all sessions of the user.

        Raises
        ------
        NotFound
            There is no such user.
        """
        ended: list[Ended | None] = []
        with self.units() as unit:
            account = unit.accounts.get(user_id)
            if account.is_active != is_active:
                unit.accounts.set_active(user_id, is_active=is_active)
                self._log_change(unit, account, {AuditDetail.NEW_STATUS: "Active" if is_active else "Inactive"})
                if not is_active:
                    ended = self._end_sessions(unit, account, SessionEnd.SWITCHED_OFF)
            unit.commit()
        close_streams(self.calls, ended)

    def _end_sessions(self, unit: ControlUnitOfWork, account: Account, reason: SessionEnd) -> list[Ended | None]:
        now = self.clock()
        return [end_session(unit, session, reason, now) for session in unit.sessions.open_of_user(account.user_id)]

    def _log_change(self, unit: ControlUnitOfWork, account: Account, details: dict[AuditDetail, str]) -> None:
        unit.audit.add(
            AuditEntry(AuditEvent.USER_DATA_CHANGED, self.clock(), account.user_id, account.user_name, details)
        )


def _refuse_taken(unit: ControlUnitOfWork, user_name: str, ae_title: str | None) -> None:
    if unit.accounts.find_by_name(user_name) is not None:
        raise Conflict(f"There is a user {user_name!r} already.", code="user_name_taken")
    if ae_title is None:
        return
    for other in unit.accounts.all():
        if other.ae_title == ae_title:
            raise Conflict(f"The AE title {ae_title!r} belongs to user {other.user_name!r} already.", code="user_taken")


def _require_storage(unit: ControlUnitOfWork, node_id: NodeId) -> None:
    if unit.placement.get(node_id).kind is not NodeKind.STORAGE:
        raise InvalidInput(f"Node {node_id} is no storage node.", code="no_storage_node")
