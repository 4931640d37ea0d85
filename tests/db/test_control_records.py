"""Users, sessions and tickets on both databases."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import argon2
import pytest
from sqlalchemy import Engine, text

from tests.support.databases import PostgresqlServer
from webviewer.accounts import SessionEnd, SessionId, Ticket, TicketPurpose, UserId, token_hash
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import Conflict, InvalidInput, NotFound, OutOfResources
from webviewer.core.http_errors import status_of
from webviewer.usecases.accounts import Accounts

NOW = dt.datetime(2026, 3, 14, 10, 9, 49, tzinfo=dt.UTC)
HASHER = Argon2Hasher(parameters=argon2.Parameters(argon2.Type.ID, 19, 16, 32, 1, 64, 1))


@pytest.fixture
def units(engine: Engine) -> SqlControlUnitOfWorkFactory:
    return SqlControlUnitOfWorkFactory(engine)


@pytest.fixture
def accounts(units: SqlControlUnitOfWorkFactory) -> Accounts:
    return Accounts(units, HASHER, lambda: NOW)


def open_session(units: SqlControlUnitOfWorkFactory, user_id: UserId, token: str) -> SessionId:
    with units() as unit:
        session = unit.sessions.add(user_id, token_hash(token), "10.0.0.1", NOW, NOW + dt.timedelta(hours=1))
        unit.commit()
    return session.session_id


def test_a_user_is_stored_with_the_ae_title_of_the_storage(
    accounts: Accounts, units: SqlControlUnitOfWorkFactory
) -> None:
    made = accounts.create_user("doctor", "secret", ae_title="USER-AE")
    assert accounts.find("DOCTOR") == made
    assert (made.user_id, made.created_at, made.is_active, made.is_administrator) == (1, NOW, True, False)
    assert made.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize("name", ["", "1doctor", "_doctor", "dr who", "dr-who", "doctör", "d" * 33, "doctor\n", "a;b"])
def test_a_user_name_that_breaks_the_rule_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(InvalidInput, match="must start with a letter"):
        accounts.create_user(name, "secret")


@pytest.mark.parametrize("title", ["", "USER AE", "USER.AE", "A" * 17, "ÄE", "../x", "A\0"])
def test_an_ae_title_that_breaks_the_rule_is_refused(accounts: Accounts, title: str) -> None:
    with pytest.raises(InvalidInput, match=r"AE title .* is invalid"):
        accounts.create_user("doctor", "secret", ae_title=title)


def test_names_and_ae_titles_belong_to_one_user(accounts: Accounts) -> None:
    accounts.create_user("doctor", "secret", ae_title="USER-AE")
    with pytest.raises(Conflict, match="'Doctor'"):
        accounts.create_user("Doctor", "secret")
    with pytest.raises(Conflict, match="USER-AE"):
        accounts.create_user("other", "secret", ae_title="USER-AE")
    assert accounts.find("other") is None
    with pytest.raises(InvalidInput, match="empty"):
        accounts.create_user("other", "")


def test_an_unknown_user_is_not_found(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.set_active(UserId(99), is_active=False)
    with pytest.raises(NotFound):
        accounts.set_password(UserId(99), "x")


def test_a_hash_is_verified_and_a_broken_one_never_matches() -> None:
    good = HASHER.hash("secret")
    assert HASHER.verify(good, "secret").matches
    for stored in (good[:-4], "", "plain text", None):
        assert not HASHER.verify(stored, "secret").matches
    assert not HASHER.verify(good, "Secret").matches


def test_a_session_ends_once(accounts: Accounts, units: SqlControlUnitOfWorkFactory) -> None:
    session_id = open_session(units, accounts.create_user("doctor", "secret").user_id, "token")
    with units() as unit:
        assert unit.sessions.end(session_id, SessionEnd.SIGNED_OUT, NOW) is True
        assert unit.sessions.end(session_id, SessionEnd.EXPIRED, NOW) is False
        unit.commit()
        found = unit.sessions.find_by_hash(token_hash("token"))
    assert found is not None
    assert (found.end_reason, found.ended_at) == (SessionEnd.SIGNED_OUT, NOW)


def test_of_many_takers_one_gets_the_ticket(accounts: Accounts, units: SqlControlUnitOfWorkFactory) -> None:
    session_id = open_session(units, accounts.create_user("doctor", "secret").user_id, "token")
    with units() as unit:
        unit.tickets.add(Ticket(token_hash("ticket"), session_id, TicketPurpose.EVENTS, None, NOW))
        unit.commit()
    got: list[Ticket | None] = []

    def take() -> None:
        with units() as unit:
            got.append(unit.tickets.take(token_hash("ticket"), TicketPurpose.EVENTS))
            unit.commit()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert sum(ticket is not None for ticket in got) == 1


def test_a_ticket_for_one_socket_does_not_open_another(accounts: Accounts, units: SqlControlUnitOfWorkFactory) -> None:
    session_id = open_session(units, accounts.create_user("doctor", "secret").user_id, "token")
    with units() as unit:
        unit.tickets.add(Ticket(token_hash("ticket"), session_id, TicketPurpose.EVENTS, None, NOW))
        assert unit.tickets.take(token_hash("ticket"), TicketPurpose.RENDER) is None
        assert unit.tickets.take(token_hash("ticket"), TicketPurpose.EVENTS) is not None


def test_what_is_not_committed_is_undone(accounts: Accounts, units: SqlControlUnitOfWorkFactory) -> None:
    user_id = accounts.create_user("doctor", "secret").user_id
    with units() as unit:
        unit.accounts.set_active(user_id, is_active=False)

    def fail_half_way() -> None:
        with units() as unit:
            unit.accounts.set_active(user_id, is_active=False)
            unit.accounts.get(UserId(99))

    with pytest.raises(NotFound):
        fail_half_way()
    with units() as unit:
        unit.accounts.set_active(user_id, is_active=False)
        unit.rollback()
        unit.commit()
    found = accounts.find("doctor")
    assert found is not None
    assert found.is_active


def test_a_read_only_unit_changes_nothing(
    accounts: Accounts, units: SqlControlUnitOfWorkFactory, engine: Engine
) -> None:
    accounts.create_user("doctor", "secret")
    if engine.dialect.name == "postgresql":
        with units(read_only=True) as unit, pytest.raises(Exception, match="read-only transaction"):
            unit.accounts.set_active(UserId(1), is_active=False)
    with units() as writer:  # a writer that waits does not hold up a reader
        writer.accounts.set_active(UserId(1), is_active=False)
        with units(read_only=True) as reader:
            assert reader.accounts.get(UserId(1)).is_active


def test_a_full_disk_is_out_of_resources(tmp_path: Path) -> None:
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    create_database(settings)
    engine = make_engine(settings)

    def fill() -> None:
        with engine.begin() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            for number in range(10_000):
                connection.execute(text("INSERT INTO ae_title VALUES (:title, 1)"), {"title": f"AE{number}"})

    with pytest.raises(OutOfResources, match="full") as caught:
        fill()
    assert status_of(caught.value) == 507
    engine.dispose()


def test_a_connection_that_the_database_cut_is_out_of_resources_and_the_next_one_works(
    postgresql_server: PostgresqlServer,
) -> None:
    engine = make_engine(postgresql_server.new_database())
    with pytest.raises(OutOfResources, match="database cannot be used") as caught, engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert status_of(caught.value) == 503, "a proxy asks another replica"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
