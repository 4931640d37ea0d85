"""The pass of a picture stream: good for one session, owner and storage node, and for some seconds."""

from __future__ import annotations

from typing import Any

import pytest

from webviewer.adapters.stream_pass import PASS_LIFE_S, is_good_pass, make_pass

SECRET = "join-secret-of-the-test"
WHOSE: dict[str, Any] = {
    "session_id": 12,
    "owner_id": 7,
    "storage": "http://10.0.0.7:8081",
    "render": "http://10.0.0.5:8080",
}
NOW_S = 1_800_000_000.5


def test_a_pass_is_good_for_what_it_was_made_for_and_ends() -> None:
    given = make_pass(SECRET, **WHOSE, now_s=NOW_S)
    assert is_good_pass(SECRET, given, **WHOSE, now_s=NOW_S)
    assert is_good_pass(SECRET, given, **WHOSE, now_s=NOW_S + PASS_LIFE_S - 1)
    assert not is_good_pass(SECRET, given, **WHOSE, now_s=NOW_S + PASS_LIFE_S + 1)
    assert SECRET not in given


@pytest.mark.parametrize(
    "other",
    [
        {"session_id": 13},
        {"owner_id": 8},
        {"storage": "http://10.0.0.8:8081"},
        {"session_id": 127, "owner_id": 0},
        {"render": "http://10.0.0.6:8080"},
        {"render": "https://10.0.0.5:8080"},
        {"render": ""},
    ],
)
def test_a_pass_is_good_for_nothing_else(other: dict[str, object]) -> None:
    given = make_pass(SECRET, **WHOSE, now_s=NOW_S)
    assert not is_good_pass(SECRET, given, **{**WHOSE, **other}, now_s=NOW_S)


def test_a_later_end_cannot_be_written_into_a_pass_and_other_secrets_make_none() -> None:
    given = make_pass(SECRET, **WHOSE, now_s=NOW_S)
    expires, _, mac = given.partition(".")
    assert not is_good_pass(SECRET, f"{int(expires) + 1}.{mac}", **WHOSE, now_s=NOW_S)
    assert not is_good_pass("another-secret-0123456789", given, **WHOSE, now_s=NOW_S)
    assert not is_good_pass("", make_pass("", **WHOSE, now_s=NOW_S), **WHOSE, now_s=NOW_S)
    far = make_pass(SECRET, **WHOSE, now_s=NOW_S + 3600)
    assert not is_good_pass(SECRET, far, **WHOSE, now_s=NOW_S)


@pytest.mark.parametrize("given", ["", ".", "1", "x.y", "٣." + "a" * 64, "1." + "é" * 64, "1" * 99 + "." + "a" * 64])
def test_what_is_no_pass_is_refused(given: str) -> None:
    assert not is_good_pass(SECRET, given, **WHOSE, now_s=NOW_S)
