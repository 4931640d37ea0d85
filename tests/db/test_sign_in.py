"""Signing in on both databases: what overlaps with a change of the user, and who is slowed down as one."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import argon2
import pytest
from sqlalchemy import Engine

from tests.support.control_process import CHEAP
from webviewer.accounts import Account, Session, UserId, Verification
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.adapters.db.sessions_repository import SqlSessionRepository
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory
from webviewer.audit import AuditDetail
from webviewer.core.errors import NotSignedIn, PermissionDenied, WebviewerError
from webviewer.usecases.accounts import Accounts
from webviewer.usecases.sign_in import NewSession, SignIn

NOW = dt.datetime(2026, 3, 14, 10, 9, 49, tzinfo=dt.UTC)
OLDER = argon2.Parameters(argon2.Type.ID, 19, 16, 32, 2, 32, 1)
ADDRESS = "10.0.0.1"


class InterruptedHasher(Argon2Hasher):
    """Something happens once between the verdict on a password and what is made of it."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(parameters=CHEAP)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def verify(self, password_hash: str | None, password: str) -> Verification:
        verdict = super().verify(password_hash, password)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return verdict


class House:
    """The use cases on one database, and the one user in it."""

    def __init__(self, engine: Engine) -> None:
        self.units = SqlControlUnitOfWorkFactory(engine)
        self.hasher = Argon2Hasher(parameters=CHEAP)
        self.accounts = Accounts(self.units, self.hasher, lambda: NOW)

    def user(self, parameters: argon2.Parameters = CHEAP) -> UserId:
        hasher = Argon2Hasher(parameters=parameters)
        return Accounts(self.units, hasher, lambda: NOW).create_user("doctor", "old").user_id

    def sign_in(self, password: str, meanwhile: Callable[[], object] = lambda: None) -> NewSession:
        return SignIn(self.units, InterruptedHasher(meanwhile), lambda: NOW, 3600, True)("doctor", password, ADDRESS)

    def stored(self) -> Account:
        found = self.accounts.find("doctor")
        assert found is not None
        return found

    def is_password(self, password: str) -> bool:
        return self.hasher.verify(self.stored().password_hash, password).matches

    def open_sessions(self) -> tuple[Session, ...]:
        with self.units(read_only=True) as unit:
            return unit.sessions.open_of_user(self.stored().user_id)

    def newest_reason(self) -> str | None:
        with self.units(read_only=True) as unit:
            return unit.audit.newest(1)[0].details.get(AuditDetail.REASON)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine)


@pytest.mark.parametrize("parameters", [CHEAP, OLDER], ids=["today's hash", "hash to be made anew"])
def test_a_password_changed_while_it_is_judged_opens_nothing(house: House, parameters: argon2.Parameters) -> None:
    user = house.user(parameters)
    with pytest.raises(NotSignedIn, match="User name or password is wrong"):
        house.sign_in("old", lambda: house.accounts.set_password(user, "new"))
    assert house.open_sessions() == ()
    assert house.newest_reason() == "wrong password"
    assert (house.is_password("old"), house.is_password("new")) == (False, True)
    house.sign_in("new")


def test_a_user_switched_off_while_the_password_is_judged_stays_out(house: House) -> None:
    user = house.user()
    with pytest.raises(PermissionDenied, match="This account is switched off"):
        house.sign_in("old", lambda: house.accounts.set_active(user, is_active=False))
    assert house.open_sessions() == ()
    assert house.newest_reason() == "user is switched off"


def test_a_password_that_becomes_a_well_known_one_is_judged_as_that(house: House) -> None:
    user = house.user()

    def change() -> None:
        house.accounts.set_password(user, "old", evaluation_password=True)

    with pytest.raises(PermissionDenied, match="well-known password"):
        house.sign_in("old", change)
    assert house.open_sessions() == ()


def test_two_sign_ins_at_once_make_an_old_hash_anew_and_both_come_in(house: House) -> None:
    house.user(OLDER)
    house.sign_in("old", lambda: house.sign_in("old"))
    assert len(house.open_sessions()) == 2
    assert "m=64,t=1" in house.stored().password_hash
    assert house.is_password("old")


@pytest.mark.parametrize("change", ["password", "switched off"])
def test_a_change_that_comes_while_the_session_is_stored_ends_it(
    house: House, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    user = house.user()
    add = SqlSessionRepository.add

    def set_password() -> None:
        house.accounts.set_password(user, "new")

    def switch_off() -> None:
        house.accounts.set_active(user, is_active=False)

    changing = threading.Thread(target=set_password if change == "password" else switch_off)

    def add_slowly(self: SqlSessionRepository, *values: Any) -> Session:
        changing.start()
        changing.join(1)  # where nothing holds it up it is through now, and found no session to end
        return add(self, *values)

    monkeypatch.setattr(SqlSessionRepository, "add", add_slowly)
    house.sign_in("old")
    changing.join(30)
    assert not changing.is_alive()
    assert house.open_sessions() == ()


def test_addresses_of_one_network_of_ipv6_are_slowed_down_as_one(house: House) -> None:
    house.user()

    def code(address: str, password: str) -> str:
        try:
            SignIn(house.units, house.hasher, lambda: NOW, 3600, True)("doctor", password, address)
        except WebviewerError as exc:
            return exc.code
        return "ok"

    guesses = [code(f"2001:db8:0:1:{number:x}::{number:x}", "guess") for number in range(1, 7)]
    assert guesses == ["wrong_credentials"] * 4 + ["too_many_attempts"] * 2
    assert code("2001:db8:0:1:ffff::9", "old") == "too_many_attempts"
    assert code("2001:db8:0:2::9", "old") == "ok"  # from the network beside it nobody has guessed
    spellings = ["::ffff:10.0.0.7", "10.0.0.7"] * 3
    assert [code(one, "guess") for one in spellings] == ["wrong_credentials"] * 4 + ["too_many_attempts"] * 2
    assert code("10.0.0.8", "old") == "ok"
