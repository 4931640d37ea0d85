"""What users share of encoders and of memory, however many streams one of them has; nothing is drawn here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from renderpool.session.flight import MAX_UNREAD_BYTES, MAX_UNREAD_BYTES_OF_USER, Flight, UserFlights
from renderpool.session.scheduler import Scheduler
from tests.render.counted_drawing import Clock
from tests.render.house import House
from tests.render.sources import MemorySource
from webviewer.protocol.messages import Open


@pytest.fixture
def idle_house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    house = House(MemorySource(), scheduler=Scheduler(encode_threads=3))
    yield house
    house.close()


def stream(house: House, owner_id: int) -> Any:
    session = house.scheduler.open_session(owner_id, house.stores, lambda _item: None)
    session.handle(Open(cell=0, series_id=1))
    return session


def test_an_encoder_is_left_for_another_user_however_many_streams_one_has(idle_house: House) -> None:
    scheduler = idle_house.scheduler
    many = [stream(idle_house, 7) for _ in range(16)]
    scheduler._encoding_of[many[0].user] = 3
    assert scheduler._served() == many, "alone he has all"
    other = stream(idle_house, 8)
    assert scheduler._served() == [other]
    scheduler._encoding_of[many[0].user] = 1
    assert scheduler._served() == [*many, other]


def test_a_page_that_shows_nothing_takes_no_encoder_from_another_user(idle_house: House) -> None:
    scheduler = idle_house.scheduler
    own = stream(idle_house, 7)
    spare = scheduler.open_session(8, idle_house.stores, lambda _item: None)
    scheduler._encoding_of[own.user] = 3
    assert scheduler._served() == [own, spare]


def test_on_two_processors_a_user_beside_others_has_one_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert Scheduler(encode_threads=4)._max_encoding_of_user == 1


def test_streams_of_one_user_hold_no_more_unread_frames_together_than_four_alone() -> None:
    own, clock = UserFlights(), Clock()
    flights = [Flight(clock, own) for _ in range(16)]
    sent = 0
    for flight in flights:
        for cell in range(2):
            flight.sent(cell, None, MAX_UNREAD_BYTES // 4)
            sent += MAX_UNREAD_BYTES // 4
    assert own.held_bytes == sent
    assert sent > MAX_UNREAD_BYTES_OF_USER
    assert not flights[0].has_room(5, 1)
    assert Flight(clock, UserFlights()).has_room(0, MAX_UNREAD_BYTES * 2), "another user's are not counted"
    for flight in flights[1:]:
        flight.clear()
    assert own.held_bytes == MAX_UNREAD_BYTES // 2
    assert flights[0].has_room(5, 1)
    flights[0].written()
    flights[0].acknowledged(1)
    assert own.held_bytes == MAX_UNREAD_BYTES // 4


def test_streams_of_one_user_share_one_account(idle_house: House) -> None:
    one, two, other = stream(idle_house, 7), stream(idle_house, 7), stream(idle_house, 8)
    assert one.flights_of_user is two.flights_of_user
    assert one.flights_of_user is not other.flights_of_user
