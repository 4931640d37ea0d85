"""Signing in, staying in, and being slowed down."""

from __future__ import annotations

import datetime as dt
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.support.control_process import CHEAP
from tests.support.http_client import PASSWORD, ControlServer
from tests.support.storage_http import sqlite_settings
from tests.support.waiting import eventually
from webviewer.accounts import Attempt, Verification
from webviewer.accounts.slow_down import account_key, address_key, pair_key, unjudged_key
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory
from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.core.errors import LimitExceeded, NotSignedIn, WebviewerError
from webviewer.usecases.accounts import Accounts
from webviewer.usecases.sign_in import SignIn
from webviewer.usecases.turns import Turns
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory

REFUSED = "User name or password is wrong. Check Caps Lock and try again."


@contextmanager
def sqlite_units() -> Iterator[ControlUnitOfWorkFactory]:
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(sqlite_settings(Path(folder)))
        try:
            yield SqlControlUnitOfWorkFactory(engine)
        finally:
            engine.dispose()


def newest(control: ControlServer, user_name: str) -> AuditEntry:
    with control.units(read_only=True) as unit:
        return next(
            entry
            for entry in unit.audit.newest(200)
            if user_name in (entry.user_name, entry.details.get(AuditDetail.LOGIN))
        )


def test_a_doctor_signs_in_is_known_and_signs_out(control: ControlServer) -> None:
    name = control.new_user()
    browser = control.browser()
    answer = browser.try_sign_in(name, "right horse")
    assert answer.status_code == 200
    assert answer.json()["user"]["user_name"] == name
    assert answer.json()["user"]["is_administrator"] is False
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("webviewer_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/v2" in cookie
    assert "Secure" not in cookie
    opened = newest(control, name)
    assert opened.event is AuditEvent.SESSION_OPEN
    assert opened.details[AuditDetail.IP_ADDRESS] == browser.address

    assert browser.get("/v2/auth/session").json() == answer.json()
    assert browser.post("/v2/auth/sign-out").status_code == 204
    browser.http.cookies.set("webviewer_session", answer.cookies["webviewer_session"])
    after = browser.get("/v2/auth/session")
    assert after.status_code == 401
    assert after.json()["error"]["code"] == "session_ended"
    assert after.json()["error"]["details"] == {"reason": "signed_out"}
    closed = newest(control, name)
    assert closed.event is AuditEvent.SESSION_CLOSED
    assert closed.details[AuditDetail.SESSION_ID] == opened.details[AuditDetail.SESSION_ID]


def test_the_cookie_is_secure_behind_a_tls_proxy(control: ControlServer) -> None:
    answer = control.browser().try_sign_in(
        control.new_user(),
        "right horse",
        headers={
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "viewer.example",
            "Origin": "https://viewer.example",
        },
    )
    assert "Secure" in answer.headers["Set-Cookie"]


def test_wrong_password_and_unknown_user_get_the_same_words_and_are_logged_apart(control: ControlServer) -> None:
    name = control.new_user()
    wrong = control.browser().try_sign_in(name, "wrong horse")
    unknown = control.browser().try_sign_in("nobody_here", "wrong horse")
    assert wrong.status_code == unknown.status_code == 401
    texts = [{**answer.json()["error"], "correlation_id": ""} for answer in (wrong, unknown)]
    assert texts[0] == texts[1]
    assert texts[0]["message"] == REFUSED
    assert newest(control, name).event is AuditEvent.USER_AUTHORIZATION_ERROR
    assert newest(control, name).details[AuditDetail.REASON] == "wrong password"
    assert newest(control, "nobody_here").details[AuditDetail.REASON] == "unknown user"
    assert "Set-Cookie" not in wrong.headers


def test_an_administrator_with_a_wrong_password_is_logged_as_such(control: ControlServer) -> None:
    name = control.new_user(is_administrator=True)
    control.browser().try_sign_in(name, "wrong horse")
    assert newest(control, name).event is AuditEvent.ADMIN_AUTHORIZATION_ERROR


def test_a_switched_off_user_hears_so_only_with_the_right_password(control: ControlServer) -> None:
    name = control.new_user()
    account = control.accounts.find(name)
    assert account is not None
    control.accounts.set_active(account.user_id, is_active=False)
    wrong = control.browser().try_sign_in(name, "wrong horse")
    right = control.browser().try_sign_in(name, "right horse")
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (401, REFUSED)
    assert right.status_code == 403
    assert right.json()["error"]["message"] == "This account is switched off. Ask your administrator."


def test_names_are_found_without_regard_to_case(control: ControlServer) -> None:
    name = control.new_user()
    assert control.browser().try_sign_in(name.upper(), "right horse").json()["user"]["user_name"] == name


def test_a_guesser_waits_longer_and_longer_and_nobody_else_does(control: ControlServer) -> None:
    name = control.new_user()
    guesser = control.browser()
    first = [guesser.try_sign_in(name, f"guess {n}").status_code for n in range(6)]
    assert first == [401, 401, 401, 401, 429, 429]
    refused = guesser.try_sign_in(name, "right horse")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["error"]["message"] == "Too many wrong attempts. Try again in 1 s."
    # From another address the doctor comes in at once.
    assert control.browser().try_sign_in(name, "right horse").status_code == 200
    control.advance(1.5)
    told = guesser.try_sign_in(name, "guess 6")
    assert (told.status_code, told.headers["Retry-After"]) == (429, "2")
    assert told.json()["error"]["message"] == "User name or password is wrong. Try again in 2 s."
    assert guesser.try_sign_in(name, "guess 7").headers["Retry-After"] == "2"
    control.advance(2.5)
    assert guesser.try_sign_in(name, "right horse").status_code == 200
    # The right password has taken the counter away.
    assert guesser.try_sign_in(name, "wrong horse").status_code == 401
    assert guesser.try_sign_in(name, "right horse").status_code == 200


def test_walking_through_names_from_one_address_is_slowed_down(control: ControlServer) -> None:
    walker = control.browser()
    codes = [walker.try_sign_in(f"name_{n}", "guess").status_code for n in range(32)]
    assert codes == [401] * 30 + [429] * 2


def test_an_unknown_name_is_told_the_same_waits_as_a_known_one(control: ControlServer) -> None:
    """However slowly one types: each attempt comes after the wait that the one before it was told."""

    def waits(name: str) -> list[tuple[int, str, str]]:
        guesser = control.browser()
        told = []
        for number in range(7):
            answer = guesser.try_sign_in(name, f"guess {number}")
            wait = answer.headers.get("Retry-After", "0")
            told.append((answer.status_code, wait, answer.json()["error"]["message"]))
            control.advance(int(wait) + 0.5)
        return told

    expected = [(401, "0", REFUSED)] * 4
    expected += [(429, f"{s}", f"User name or password is wrong. Try again in {s} s.") for s in (1, 2, 4)]
    assert waits(control.new_user()) == expected
    assert waits("nobody_at_all") == expected


def test_a_wait_begins_when_the_password_has_been_judged() -> None:
    """Judging takes a second on a busy machine, as long as the first wait: it would be over before it is told."""
    now = [dt.datetime(2026, 1, 31, tzinfo=dt.UTC)]

    class SlowHasher(Argon2Hasher):
        def verify(self, password_hash: str | None, password: str) -> Verification:
            now[0] += dt.timedelta(seconds=3)
            return super().verify(password_hash, password)

    with sqlite_units() as units:
        sign_in = SignIn(units, SlowHasher(parameters=CHEAP), lambda: now[0], 3600, True)
        for number in range(4):
            with pytest.raises(NotSignedIn):
                sign_in("nobody", f"guess {number}", "10.0.0.1")
        with pytest.raises(LimitExceeded, match="Try again in 1 s") as told:
            sign_in("nobody", "guess 4", "10.0.0.1")
        assert told.value.resets_in_s == 1
        now[0] += dt.timedelta(seconds=0.9)
        with pytest.raises(LimitExceeded, match="Too many wrong attempts"):
            sign_in("nobody", "guess 5", "10.0.0.1")
        now[0] += dt.timedelta(seconds=0.2)
        with pytest.raises(LimitExceeded, match=r"wrong\. Try again in 2 s"):
            sign_in("nobody", "guess 6", "10.0.0.1")


def test_of_a_flood_of_sign_ins_only_a_few_wait_and_the_others_are_told_at_once() -> None:
    gate = threading.Event()

    def slow(work: Callable[[], object]) -> object:
        gate.wait(20)
        return work()

    hasher = Argon2Hasher(slow, parameters=CHEAP)
    with sqlite_units() as units:
        turns = Turns(at_once=2, most_waiting=3, most_of_one=2)
        sign_in = SignIn(units, hasher, lambda: dt.datetime(2026, 1, 31, tzinfo=dt.UTC), 3600, True, turns)
        results: list[str] = []

        def attempt(address: str) -> None:
            try:
                sign_in("nobody", "guess", address)
            except WebviewerError as exc:
                results.append(exc.code)

        addresses = ["10.0.1.1"] * 5 + [f"10.0.0.{number}" for number in range(7)]
        threads = [threading.Thread(target=attempt, args=(address,)) for address in addresses]
        for thread in threads[:5]:
            thread.start()
        eventually(lambda: len(results) == 3, what="three answers to the one address that asks for more than its share")
        for thread in threads[5:]:
            thread.start()
        eventually(lambda: len(results) == 7, what="seven answers without a hash")
        assert results == ["busy"] * 7
        with pytest.raises(LimitExceeded, match=r"^Many sign in just now\. Try again in a few seconds\.$") as told:
            sign_in("nobody", "guess", "10.0.0.99")
        assert told.value.resets_in_s == 5
        with units(read_only=True) as unit:  # what was not judged was not wrong
            assert unit.attempts.find(address_key("10.0.0.99")) is None
        gate.set()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["busy"] * 7 + ["wrong_credentials"] * 5
        assert hasher.verify(None, "guess").matches is False


class CountingHasher(Argon2Hasher):
    """Counts what it judges; each takes a moment, so that the attempts overlap."""

    def __init__(self) -> None:
        super().__init__(parameters=CHEAP, most_waiting=1000)
        self.judged: list[str] = []

    def verify(self, password_hash: str | None, password: str) -> Verification:
        self.judged.append(password)
        time.sleep(0.01)
        return super().verify(password_hash, password)


def all_at_once(attempts: Iterable[Callable[[], object]]) -> Counter[str]:
    """Run them all at the same time; returns how many ended how."""

    def code(attempt: Callable[[], object]) -> str:
        try:
            attempt()
        except WebviewerError as exc:
            return exc.code
        return "ok"

    waiting = list(attempts)
    with ThreadPoolExecutor(len(waiting)) as pool:
        return Counter(pool.map(code, waiting))


def test_of_200_guesses_at_once_on_two_replicas_no_more_are_judged_than_one_after_the_other() -> None:
    now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    with sqlite_units() as units:
        hasher = CountingHasher()
        replicas = [SignIn(units, hasher, lambda: now, 3600, True, Turns(at_once=20)) for _ in range(2)]
        one_pair = [partial(replicas[n % 2], "nobody", f"guess {n}", "10.0.0.1") for n in range(200)]
        assert all_at_once(one_pair) == {"wrong_credentials": 4, "too_many_attempts": 196}
        assert len(hasher.judged) == 5
        hasher.judged.clear()
        one_address = [partial(replicas[n % 2], f"name_{n}", "guess", "10.0.0.2") for n in range(200)]
        assert all_at_once(one_address) == {"wrong_credentials": 30, "too_many_attempts": 170}
        assert len(hasher.judged) == 31


def test_guesses_from_many_addresses_are_delayed_and_keep_the_doctor_out_of_no_place() -> None:
    now, pauses = dt.datetime(2026, 1, 31, tzinfo=dt.UTC), list[float]()
    with sqlite_units() as units:
        hasher = Argon2Hasher(parameters=CHEAP)
        sign_in = SignIn(units, hasher, lambda: now, 3600, True, pause=pauses.append)
        Accounts(units, hasher, lambda: now).create_user("doctor", PASSWORD)
        sign_in("doctor", PASSWORD, "10.0.0.1")
        sign_in("doctor", PASSWORD, "2001:db8::1")
        for number in range(26):
            with pytest.raises(NotSignedIn):
                sign_in("doctor", "guess", f"10.0.1.{number}")
        assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]
        pauses.clear()
        for usual in ("10.0.0.1", "2001:db8::99:1"):
            assert sign_in("doctor", PASSWORD, usual).who.user_name == "doctor"
        assert pauses == []
        assert sign_in("DOCTOR", PASSWORD, "10.0.2.1").who.user_name == "doctor"
        assert pauses == [5.0]
        sign_in("doctor", PASSWORD, "10.0.2.1")
        assert pauses == [5.0]


def test_an_unknown_name_is_delayed_as_a_known_one() -> None:
    pauses = list[float]()
    with sqlite_units() as units:
        now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
        sign_in = SignIn(units, Argon2Hasher(parameters=CHEAP), lambda: now, 3600, True, pause=pauses.append)
        for number in range(24):
            with pytest.raises(NotSignedIn):
                sign_in("nobody", "guess", f"10.0.1.{number}")
        assert pauses == [1.0, 2.0, 4.0]


def test_few_attempts_on_one_account_are_delayed_at_once() -> None:
    released = threading.Event()
    with sqlite_units() as units:
        now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)

        def pause(_seconds: float) -> None:
            released.wait(60)

        sign_in = SignIn(units, Argon2Hasher(parameters=CHEAP), lambda: now, 3600, True, pause=pause)
        with units() as unit:
            unit.attempts.put(Attempt(account_key("nobody"), 30, now, now))
            unit.commit()
        codes: list[str] = []

        def attempt(number: int) -> None:
            try:
                sign_in("nobody", "guess", f"10.0.1.{number}")
            except WebviewerError as exc:
                codes.append(exc.code)

        threads = [threading.Thread(target=attempt, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(codes) == 12, what="an answer for those above the eight that are delayed")
        assert set(codes) == {"busy"}
        released.set()
        for thread in threads:
            thread.join()
        assert Counter(codes) == {"busy": 12, "wrong_credentials": 8}


def test_a_forged_address_neither_resets_the_count_nor_fills_the_table(control: ControlServer) -> None:
    browser, name = control.browser(), control.new_user()
    real = "127.5.6.7"  # a client on a trusted network, as in a hospital that trusts its own

    def guess(number: int) -> requests.Response:
        forged = f"10.8.{number}.1, 127.0.9.{number}, {real}"
        return browser.try_sign_in(name, "wrong", headers={"X-Forwarded-For": forged})

    with control.units(read_only=True) as unit:
        before = unit.attempts.count()
    codes = [guess(number).json()["error"]["code"] for number in range(40)]
    assert codes[:4] == ["wrong_credentials"] * 4
    assert set(codes[4:]) == {"too_many_attempts"}
    with control.units(read_only=True) as unit:
        assert unit.attempts.count() - before <= 3  # the pair, the address, the account


def test_an_attempt_that_died_with_its_process_keeps_nobody_out_for_long() -> None:
    now = [dt.datetime(2026, 1, 31, tzinfo=dt.UTC)]
    with sqlite_units() as units:
        sign_in = SignIn(units, Argon2Hasher(parameters=CHEAP), lambda: now[0], 3600, True)
        with units() as unit:
            key = unjudged_key(pair_key("nobody", "10.0.0.1"))
            unit.attempts.put(Attempt(key, 5, now[0], now[0]))
            unit.commit()
        with pytest.raises(LimitExceeded, match="Many sign in just now"):
            sign_in("nobody", "guess", "10.0.0.1")
        now[0] += dt.timedelta(seconds=61)
        with pytest.raises(NotSignedIn):
            sign_in("nobody", "guess", "10.0.0.1")


def test_sixty_doctors_behind_one_address_sign_in_at_once(control: ControlServer) -> None:
    names = [control.new_user() for _ in range(60)]
    shared = control.new_user()
    address = control.browser().address

    def sign_in(name: str) -> int:
        browser = control.browser()
        browser.address = address
        return browser.try_sign_in(name, "right horse").status_code

    with ThreadPoolExecutor(100) as pool:
        codes = Counter(pool.map(sign_in, names + [shared] * 40))
    assert codes == {200: 100}


def test_while_sign_ins_queue_other_requests_are_quick(control: ControlServer) -> None:
    signed_in = control.signed_in()
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(control.browser().try_sign_in("nobody", "x").status_code))
        for _ in range(60)
    ]
    for thread in threads:
        thread.start()
    assert signed_in.get("/v2/auth/session", timeout=15).status_code == 200
    for thread in threads:
        thread.join()
    assert len(codes) == 60
    assert set(codes) <= {401, 429}


def test_many_attempts_at_once_gain_nothing(control: ControlServer) -> None:
    name = control.new_user()
    address = control.browser().address
    codes: list[int] = []

    def guess(number: int) -> None:
        browser = control.browser()
        browser.address = address
        codes.append(browser.try_sign_in(name, f"guess {number}").status_code)

    with ThreadPoolExecutor(200) as pool:
        list(pool.map(guess, range(200)))
    assert codes.count(401) == 4  # those after them are told to wait, however long these took
    assert codes.count(401) + codes.count(429) == 200


def test_a_session_ends_when_it_was_not_used_for_an_hour(control: ControlServer) -> None:
    browser = control.signed_in()
    control.advance(3000)
    assert browser.get("/v2/auth/session").status_code == 200  # in use: another hour from here
    control.advance(3000)
    assert browser.get("/v2/auth/session").status_code == 200
    control.advance(3601)
    answer = browser.get("/v2/auth/session")
    assert answer.status_code == 401
    assert answer.json()["error"]["details"] == {"reason": "expired"}
    assert answer.json()["error"]["message"] == "Your session has ended. Your session was not used for a long time."


def test_switching_a_user_off_ends_the_sessions(control: ControlServer) -> None:
    name = control.new_user()
    browser = control.browser().sign_in(name, "right horse")
    account = control.accounts.find(name)
    assert account is not None
    control.accounts.set_active(account.user_id, is_active=False)
    answer = browser.get("/v2/auth/session")
    assert (answer.status_code, answer.json()["error"]["details"]) == (401, {"reason": "switched_off"})


def test_a_new_password_ends_the_sessions_of_the_old_one(control: ControlServer) -> None:
    name = control.new_user()
    browser = control.browser().sign_in(name, "right horse")
    account = control.accounts.find(name)
    assert account is not None
    control.accounts.set_password(account.user_id, "new horse")
    assert browser.get("/v2/auth/session").status_code == 401
    assert control.browser().try_sign_in(name, "right horse").status_code == 401
    assert control.browser().try_sign_in(name, "new horse").status_code == 200


def test_an_old_hash_is_made_anew_at_sign_in(control: ControlServer) -> None:
    from argon2 import Parameters, Type

    from webviewer.adapters.crypto import Argon2Hasher
    from webviewer.usecases.accounts import Accounts

    older = Argon2Hasher(parameters=Parameters(Type.ID, 19, 16, 32, 2, 32, 1))
    name = f"doctor_{next(control.numbers)}"
    before = Accounts(control.units, older, control.accounts.clock).create_user(name, "right horse")
    control.browser().sign_in(name, "right horse")
    after = control.accounts.find(name)
    assert after is not None
    assert "m=32,t=2" in before.password_hash
    assert "m=64,t=1" in after.password_hash
    control.browser().sign_in(name, "right horse")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"user_name": 5, "password": "x"}',
        b'{"user_name": "a", "password": "x", "more": 1}',
        b'{"user_name": "a", "password": null}',
    ],
)
def test_a_body_that_breaks_the_rules_is_refused_without_repeating_it(control: ControlServer, body: bytes) -> None:
    answer = control.browser().post("/v2/auth/sign-in", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_input"


def test_a_form_of_another_site_cannot_sign_in(control: ControlServer) -> None:
    answer = control.browser().post("/v2/auth/sign-in", data={"user_name": "a", "password": "b"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")


def test_a_huge_body_is_refused(control: ControlServer) -> None:
    answer = control.browser().try_sign_in("a", "x" * 200_000)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


def test_sql_in_a_user_name_is_only_a_name(control: ControlServer) -> None:
    for text in ("' OR '1'='1", "admin'--", '"; DROP TABLE account; --', "\x00", "é" * 100):
        assert control.browser().try_sign_in(text, text).status_code == 401


def test_neither_database_nor_log_holds_a_token_or_a_password(control: ControlServer) -> None:
    name = control.new_user()
    browser = control.browser()
    answer = browser.try_sign_in(name, "right horse")
    typed_wrongly = control.browser()
    typed_wrongly.try_sign_in("hunter2 is my secret", "hunter2 is my secret")
    ticket = browser.ticket()
    browser.open_events(ticket).close()
    secrets = [answer.cookies["webviewer_session"], answer.json()["csrf_token"], ticket, "right horse", "hunter2"]
    stored = b""
    database = control.settings.database
    if database.driver.value == "QSQLITE":
        for file in Path(database.name).parent.glob(Path(database.name).name + "*"):
            stored += file.read_bytes()
    else:
        with control.units(read_only=True) as unit:
            connection = unit._connection  # type: ignore[attr-defined]
            for table in ("account", "session", "ticket", "audit", "event", "sign_in_attempt"):
                for row in connection.exec_driver_sql(f"SELECT t::text FROM {table} AS t"):  # noqa: S608
                    stored += row[0].encode()
    assert name.encode() in stored
    logged = control.log_file.read_bytes()
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret.encode() not in logged


def test_an_address_that_a_stranger_claims_is_not_believed(control: ControlServer) -> None:
    # The test itself comes from loopback, a trusted proxy; the hop before it is no proxy of ours, so it is the client.
    name = control.new_user()
    browser = control.browser()
    browser.address = "1.1.1.1, 203.0.113.9"
    browser.sign_in(name, "right horse")
    assert newest(control, name).details[AuditDetail.IP_ADDRESS] == "203.0.113.9"
    browser.address = "<script>, nonsense"
    browser.sign_in(name, "right horse")
    assert newest(control, name).details[AuditDetail.IP_ADDRESS] == "127.0.0.1"


def test_requests_without_a_session_are_refused_in_the_one_shape(control: ControlServer) -> None:
    answer = requests.get(f"{control.base}/v2/auth/session", headers={"X-Request-Id": "abc-1"}, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["X-Request-Id"] == "abc-1"
    assert answer.json() == {
        "error": {
            "code": "not_signed_in",
            "message": "Sign in first.",
            "details": {},
            "correlation_id": "abc-1",
        }
    }


def test_an_address_that_is_too_long_is_refused_in_the_one_shape(control: ControlServer) -> None:
    answer = control.signed_in().get("/v2/studies", params={"any_text": "x" * 5000})
    assert (answer.status_code, answer.headers["Content-Type"]) == (414, "application/json")
    error = answer.json()["error"]
    assert error["code"] == "address_too_long"
    told = [line["correlation_id"] for line in control.log_lines() if line["message"] == "address_too_long"]
    assert told[-1] == error["correlation_id"]
    assert error["message"] == "The address of this request is longer than 4094 characters: search for less."
