"""Users: the rules of their names and passwords, their records, and the ports to where they are kept."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import NewType, Protocol

from webviewer.core.errors import InvalidInput

UserId = NewType("UserId", int)

MAX_USER_NAME = 32
MAX_AE_TITLE = 16
MAX_PASSWORD_CHARACTERS = 16 * 1024  # far beyond any real one; keeps a request from feeding the hash with megabytes

_USER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}", re.ASCII)
_AE_TITLE = re.compile(r"[A-Za-z0-9_-]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A user about to be made; ``password_hash`` comes from a `PasswordHasher`."""

    user_name: str
    password_hash: str = field(repr=False)
    ae_title: str | None = None
    is_active: bool = True
    is_administrator: bool = False
    evaluation_password: bool = False  # a well-known password of the evaluation profile: good on loopback only
    storage_node_id: int | None = None  # None: none is known yet


@dataclass(frozen=True, slots=True)
class Account:
    """A user as stored."""

    user_id: UserId
    user_name: str
    password_hash: str = field(repr=False)
    ae_title: str | None
    is_active: bool
    is_administrator: bool
    evaluation_password: bool
    created_at: dt.datetime
    storage_node_id: int | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """A user as the storage node that keeps the user's studies knows it."""

    owner_id: UserId
    ae_titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password is right, and whether its hash should be made anew with today's parameters."""

    matches: bool
    needs_rehash: bool = False


class PasswordHasher(Protocol):
    """Makes and checks password hashes; slow by intent, so it must not hold up others while it works."""

    def hash(self, password: str) -> str:
        """Return a salted hash that carries its parameters."""
        ...

    def verify(self, password_hash: str | None, password: str) -> Verification:
        """Check a password; ``None`` (no such user) takes as long as a wrong password."""
        ...


class AccountRepository(Protocol):
    """Users, inside one unit of work. Names are found without regard to case."""

    def add(self, account: NewAccount, created_at: dt.datetime) -> Account:
        """Store a new user; raises Conflict when the name or the AE title is taken."""
        ...

    def last_number(self) -> int:
        """Return the highest number that a user was ever given, or that was passed over; 0 if none was."""
        ...

    def pass_over(self, up_to: int) -> None:
        """Give no new user a number up to this one, which is higher than the last; while no user is being made."""
        ...

    def get(self, user_id: UserId) -> Account:
        """Return a user; raises NotFound."""
        ...

    def hold(self, user_id: UserId) -> Account:
        """Return a user whom no other transaction changes until this one ends; raises NotFound."""
        ...

    def find_by_name(self, user_name: str) -> Account | None:
        """Return the user of this name, None if there is none."""
        ...

    def count(self) -> int:
        """Return how many users there are."""
        ...

    def set_password(self, user_id: UserId, password_hash: str, *, evaluation_password: bool) -> None:
        """Replace the hash of the password; raises NotFound."""
        ...

    def set_active(self, user_id: UserId, *, is_active: bool) -> None:
        """Switch a user on or off; raises NotFound."""
        ...

    def set_storage_node(self, user_id: UserId, node_id: int) -> None:
        """Let a storage node keep the user's studies; raises NotFound."""
        ...

    def storage_counts(self) -> dict[int, int]:
        """Return how many users each storage node has; nodes without one are absent."""
        ...

    def owners(self, storage_node_id: int) -> tuple[Owner, ...]:
        """Return the users of a storage node by id."""
        ...

    def without_storage(self) -> tuple[Account, ...]:
        """Return the users with an AE title whose studies no storage node keeps yet, by id."""
        ...

    def all(self) -> tuple[Account, ...]:
        """Return all users by id."""
        ...


def check_user_name(user_name: str) -> str:
    """Return the name if it follows the rule, else raise InvalidInput.

    Examples
    --------
    >>> check_user_name("user_2")
    'user_2'
    """
    if not _USER_NAME.fullmatch(user_name):
        raise InvalidInput(
            f"User name {user_name[:64]!r} is invalid: it must start with a letter, hold only Latin letters, digits "
            f"and underscores, and have at most {MAX_USER_NAME} characters.",
            code="invalid_user_name",
        )
    return user_name


def check_ae_title(ae_title: str) -> str:
    """Return the AE title (Default SCU) if it follows the rule, else raise InvalidInput.

    Examples
    --------
    >>> check_ae_title("USER-AE")
    'USER-AE'
    """
    if not _AE_TITLE.fullmatch(ae_title):
        raise InvalidInput(
            f"AE title {ae_title[:64]!r} is invalid: it must hold only Latin letters, digits, hyphens and underscores, "
            f"and have 1 to {MAX_AE_TITLE} characters.",
            code="invalid_ae_title",
        )
    return ae_title


def check_password(password: str) -> str:
    """Return the password if it can be one, else raise InvalidInput; its value is never part of the message."""
    if not password:
        raise InvalidInput("The password is empty.", code="invalid_password")
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise InvalidInput(
            f"The password has {len(password)} characters, at most {MAX_PASSWORD_CHARACTERS} are taken.",
            code="invalid_password",
        )
    return password
