"""The token of a call between nodes: good at one address for some minutes; it says nothing about the join secret."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from webviewer.adapters.call_token import (
    CLOCK_DIFFERENCE_S,
    LIFE_S,
    OwnAddresses,
    arrived_at,
    call_authorization,
    canonical_address,
    require_call,
)
from webviewer.core.errors import NotSignedIn

SECRET = "join-secret-of-the-test"
HERE = "http://10.0.0.7:8081"
NAMED = "http://storage-0.nodes.example.svc.cluster.local:8081"


def refusal(
    authorization: str,
    *,
    announced: Callable[[], str] = lambda: NAMED,
    arrived: str = HERE,
    host: str = "10.0.0.7:8081",
) -> str:
    """Return the code and the words of a refusal, empty if there is none."""
    try:
        require_call(authorization, SECRET, OwnAddresses(announced), arrived=arrived, host=host)
    except NotSignedIn as exc:
        return f"{exc.code}: {exc.message}"
    return ""


@pytest.mark.parametrize(
    "address",
    [HERE, f"{HERE}/", "HTTP://10.0.0.7:8081", NAMED, NAMED.upper().replace("HTTP", "http"), f"{NAMED}/"],
)
def test_a_call_is_taken_where_it_arrives_and_under_the_announced_name(address: str) -> None:
    assert refusal(call_authorization(SECRET, address)) == ""


def test_the_operator_s_own_calls_carry_the_secret() -> None:
    assert refusal(f"Bearer {SECRET}") == ""


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.8:8081",
        "http://10.0.0.7:8082",
        "https://10.0.0.7:8081",
        "http://storage-0:8081",
        "http://localhost:8081",
        "http://127.0.0.1:8081",
        "",
    ],
)
def test_a_call_for_another_address_is_refused_whatever_its_host_says(address: str) -> None:
    given = call_authorization(SECRET, address)
    assert refusal(given, host="a:1").startswith("not_signed_in: ")
    honest = refusal(given, host=address.partition("://")[2])
    if address:
        assert honest == (
            f"another_address: This node calls itself {NAMED}: register it under this address, not under {address}."
        )


def test_a_node_that_cannot_know_its_address_says_where_the_call_arrived() -> None:
    def unknown() -> str:
        raise OSError("no such name")

    assert refusal(call_authorization(SECRET, HERE), announced=unknown) == ""
    said = refusal(call_authorization(SECRET, "http://alias:8081"), announced=unknown, host="alias:8081")
    assert f"calls itself {HERE}: register it" in said


def test_its_own_address_is_not_looked_up_for_each_call_that_is_refused() -> None:
    asked: list[str] = []

    def announced() -> str:
        asked.append("")
        return NAMED

    own = OwnAddresses(announced)
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            require_call(call_authorization("another-secret", HERE), SECRET, own, arrived=HERE, host="10.0.0.7:8081")
    assert len(asked) == 1


@pytest.mark.parametrize("late_s", [-CLOCK_DIFFERENCE_S, -1, 0, LIFE_S - 1, CLOCK_DIFFERENCE_S])
def test_a_call_of_a_clock_that_differs_by_minutes_is_taken(late_s: float) -> None:
    assert refusal(call_authorization(SECRET, HERE, time.time() - late_s)) == ""


@pytest.mark.parametrize("late_s", [LIFE_S + 10, -CLOCK_DIFFERENCE_S - 10])
def test_a_token_ends_and_none_is_good_for_longer_than_it_is_ever_made(late_s: float) -> None:
    said = refusal(call_authorization(SECRET, HERE, time.time() - late_s))
    assert said == "clocks_differ: The clocks of two nodes differ by more than 10 minutes: set them."


def test_a_later_end_cannot_be_written_into_it_and_another_secret_makes_none() -> None:
    given = call_authorization(SECRET, HERE)
    head, mac = given.rsplit(".", 1)
    later = f"{head[:-3]}{int(head[-3:]) + 1:03}.{mac}"
    assert later != given
    assert refusal(later).startswith("not_signed_in: ")
    assert refusal(call_authorization("another-secret-0123", HERE)).startswith("not_signed_in: ")
    assert SECRET not in given


def test_without_a_secret_nothing_is_taken() -> None:
    for given in (call_authorization("", HERE), "Bearer ", ""):
        with pytest.raises(NotSignedIn):
            require_call(given, "", OwnAddresses(lambda: HERE), arrived=HERE, host="10.0.0.7:8081")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer call.",
        "Bearer call.1",
        "Bearer call.x." + "a" * 64,
        "Bearer call.٣." + "a" * 64,
        "Bearer call.1." + "é" * 64,
        "Bearer call." + "1" * 99 + "." + "a" * 64,
        "call.1." + "a" * 64,
    ],
)
def test_what_is_no_token_is_refused(given: str) -> None:
    assert refusal(given).startswith("not_signed_in: ")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("http://Node.Example", "http://node.example:80"),
        ("https://node.example/", "https://node.example:443"),
        ("http://[FD00:0:0::7]:8080", "http://[fd00::7]:8080"),
        ("http://[::ffff:10.0.0.7]:8080", "http://10.0.0.7:8080"),
        ("http://10.0.0.7:8081/path", "http://10.0.0.7:8081"),
        ("http://127.1:80", "http://127.1:80"),
        ("ftp://a:1", ""),
        ("http://a:99999", ""),
        ("http://", ""),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling_and_no_alias(text: str, plain: str) -> None:
    assert canonical_address(text) == plain


def test_a_listener_of_both_families_knows_where_a_call_arrives() -> None:
    assert arrived_at(("::ffff:10.0.0.7", 8081, 0, 0), is_tls=False) == HERE
    assert arrived_at("/run/socket", is_tls=False) == ""
