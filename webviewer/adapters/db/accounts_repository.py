"""Users and their settings in SQL."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from webviewer.accounts import Account, NewAccount, Owner, UserId
from webviewer.adapters.db.control_tables import account, user_setting
from webviewer.core.errors import Conflict, NotFound


class SqlAccountRepository:
    """See `webviewer.accounts.AccountRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: NewAccount, created_at: dt.datetime) -> Account:
        """Store a new user."""
        if self.find_by_name(new.user_name) is not None:
            raise Conflict(f"There is a user {new.user_name!r} already.", code="user_name_taken")
        values = {
            "user_name": new.user_name,
            "user_name_folded": new.user_name.lower(),
            "password_hash": new.password_hash,
            "ae_title": new.ae_title,
            "is_active": new.is_active,
            "is_administrator": new.is_administrator,
            "evaluation_password": new.evaluation_password,
            "created_at": created_at,
            "storage_node_id": new.storage_node_id,
        }
        try:
            with self._connection.begin_nested():
                key = self._connection.execute(insert(account).values(values)).inserted_primary_key
        except IntegrityError as exc:
            taken = f"user name {new.user_name!r} or the AE title {new.ae_title!r}"
            raise Conflict(f"The {taken} is another user's.", code="user_taken") from exc
        if key is None:
            raise NotFound("The new user has no id.")
        return self.get(UserId(int(key[0])))

    def last_number(self) -> int:
        """Return the highest number that a user was ever given, or that was passed over; 0 if none was."""
        if self._connection.dialect.name == "postgresql":
            query = "SELECT pg_sequence_last_value(pg_get_serial_sequence('account', 'user_id')::regclass)"
        else:
            query = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'account'"
        return int(self._connection.execute(text(query)).scalar() or 0)

    def pass_over(self, up_to: int) -> None:
        """Give no new user a number up to this one, which is higher than the last."""
        if self._connection.dialect.name == "postgresql":
            lift = "SELECT setval(pg_get_serial_sequence('account', 'user_id'), :up_to)"
        else:  # the table has no key that an upsert could name, and no row until there was a user
            self._connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'account'"))
            lift = "INSERT INTO sqlite_sequence (name, seq) VALUES ('account', :up_to)"
        self._connection.execute(text(lift), {"up_to": up_to})

    def get(self, user_id: UserId) -> Account:
        """Return a user."""
        return self._one(user_id, select(account))

    def hold(self, user_id: UserId) -> Account:
        """Return a user whom no other transaction changes until this one ends."""
        # Rows that refer to the user may still come: only the key is left free. SQLite has one writer anyway.
        return self._one(user_id, select(account).with_for_update(key_share=True))

    def find_by_name(self, user_name: str) -> Account | None:
        """Return the user of this name, None if there is none."""
        folded = user_name.lower()
        row = self._connection.execute(select(account).where(account.c.user_name_folded == folded)).one_or_none()
        return None if row is None else _account(row)

    def count(self) -> int:
        """Return how many users there are."""
        return self._connection.execute(select(func.count()).select_from(account)).scalar_one()

    def set_password(self, user_id: UserId, password_hash: str, *, evaluation_password: bool) -> None:
        """Replace the hash of the password."""
        self._update(user_id, password_hash=password_hash, evaluation_password=evaluation_password)

    def set_active(self, user_id: UserId, *, is_active: bool) -> None:
        """Switch a user on or off."""
        self._update(user_id, is_active=is_active)

    def set_storage_node(self, user_id: UserId, node_id: int) -> None:
        """Let a storage node keep the user's studies."""
        self._update(user_id, storage_node_id=node_id)

    def storage_counts(self) -> dict[int, int]:
        """Return how many users each storage node has; nodes without one are absent."""
        column = account.c.storage_node_id
        query = select(column, func.count().label("users")).where(column.is_not(None)).group_by(column)
        return {row.storage_node_id: row.users for row in self._connection.execute(query)}

    def owners(self, storage_node_id: int) -> tuple[Owner, ...]:
        """Return the users of a storage node by id."""
        query = select(account.c.user_id, account.c.ae_title).where(account.c.storage_node_id == storage_node_id)
        return tuple(
            Owner(UserId(row.user_id), () if row.ae_title is None else (row.ae_title,))
            for row in self._connection.execute(query.order_by(account.c.user_id))
        )

    def without_storage(self) -> tuple[Account, ...]:
        """Return the users with an AE title whose studies no storage node keeps yet, by id."""
        missing = (account.c.storage_node_id.is_(None), account.c.ae_title.is_not(None))
        query = select(account).where(*missing).order_by(account.c.user_id)
        return tuple(map(_account, self._connection.execute(query)))

    def all(self) -> tuple[Account, ...]:
        """Return all users by id."""
        return tuple(map(_account, self._connection.execute(select(account).order_by(account.c.user_id))))

    def _one(self, user_id: UserId, query: Select[tuple[object, ...]]) -> Account:
        row = self._connection.execute(query.where(account.c.user_id == user_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no user with the id {user_id}.")
        return _account(row)

    def _update(self, user_id: UserId, **values: object) -> None:
        if not self._connection.execute(update(account).where(account.c.user_id == user_id).values(values)).rowcount:
            raise NotFound(f"There is no user with the id {user_id}.")


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        user_id=row.user_id,
        user_name=row.user_name,
        password_hash=row.password_hash,
        ae_title=row.ae_title,
        is_active=row.is_active,
        is_administrator=row.is_administrator,
        evaluation_password=row.evaluation_password,
        created_at=row.created_at,
        storage_node_id=row.storage_node_id,
    )


class SqlSettingsRepository:
    """See `webviewer.accounts.SettingsRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, user_id: UserId, key: str) -> str | None:
        """Return the value, None if it was never set."""
        query = select(user_setting.c.value).where(user_setting.c.user_id == user_id, user_setting.c.key == key)
        return self._connection.execute(query).scalar_one_or_none()

    def put(self, user_id: UserId, key: str, value: str, now: dt.datetime) -> None:
        """Store the value in place of an older one."""
        where = (user_setting.c.user_id == user_id, user_setting.c.key == key)
        values = {"user_id": user_id, "key": key, "value": value, "changed_at": now}
        if self._connection.execute(update(user_setting).where(*where).values(value=value, changed_at=now)).rowcount:
            return
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(user_setting).values(values))
        except IntegrityError:  # somebody else's insert came between: the last one wins
            self._connection.execute(delete(user_setting).where(*where))
            self._connection.execute(insert(user_setting).values(values))

    def count(self, user_id: UserId) -> int:
        """Return how many keys a user has."""
        query = select(func.count()).select_from(user_setting).where(user_setting.c.user_id == user_id)
        return self._connection.execute(query).scalar_one()
