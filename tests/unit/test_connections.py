"""Limits on connections: seats, deadlines and rates, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from webviewer.core.connections import Connection, ConnectionLimits, Connections, CutReason
from webviewer.core.errors import LimitExceeded, TooSlow, Unavailable


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Server:
    """Connections whose ends are written down: the number of each and whether it may still be answered."""

    limits: ConnectionLimits
    clock: Clock = field(default_factory=Clock)
    ends: list[tuple[int, bool]] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.connections = Connections(self.limits, self.clock)

    def open(self, address: str = "10.0.0.1", *, is_proxy: bool = False) -> Connection:
        number = self.count = self.count + 1
        return self.connections.open(
            address, lambda may_answer: self.ends.append((number, may_answer)), is_proxy=is_proxy
        )

    def after(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.connections.sweep()


def server(anonymous: int = 100, authenticated: int = 100, per_address: int = 100, per_user: int = 256) -> Server:
    return Server(ConnectionLimits(anonymous, authenticated, per_address, per_user))


def receive(held: Server, connection: Connection, *, wait_s: float, size_bytes: int) -> None:
    connection.receive_begins()
    held.after(wait_s)
    connection.receive_ends(size_bytes)


def send(held: Server, connection: Connection, *, wait_s: float, size_bytes: int) -> None:
    connection.send_begins()
    held.after(wait_s)
    connection.send_ends(size_bytes)


def test_a_head_that_never_ends_is_cut_after_ten_seconds_and_may_be_answered() -> None:
    held = server()
    connection = held.open()
    for _ in range(10):
        receive(held, connection, wait_s=1.0, size_bytes=1)
    assert held.ends == []
    receive(held, connection, wait_s=1.0, size_bytes=1)
    assert held.ends == [(1, True)]
    assert isinstance(connection.error, TooSlow)
    assert connection.error.code == "head_late"


def test_a_connection_that_a_browser_opened_in_advance_is_closed_without_an_answer() -> None:
    held = server()
    connection = held.open()
    connection.receive_begins()
    held.after(10.5)
    assert held.ends == [(1, False)]


def test_a_json_body_that_never_comes_is_cut_after_ten_seconds() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.receive_begins()
    held.after(10.0)
    assert held.ends == []
    held.after(1.0)
    assert held.ends == [(1, True)]
    assert connection.error is not None
    assert connection.error.code == "body_slow"


def test_a_json_body_of_one_byte_a_second_is_cut() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    for _ in range(20):
        receive(held, connection, wait_s=1.0, size_bytes=1)
    assert held.ends == [(1, True)]


def test_a_json_body_of_100_kb_may_take_six_seconds() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    for _ in range(60):
        receive(held, connection, wait_s=0.1, size_bytes=1700)
    assert held.ends == []


def test_an_upload_of_a_slow_but_moving_line_goes_on_for_hours() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.expect_upload()
    for _ in range(3000):  # 4 kB/s
        receive(held, connection, wait_s=5.0, size_bytes=20_000)
    assert held.ends == []
    connection.receive_begins()
    held.after(21.0)
    assert held.ends == [(1, True)]


def test_a_quick_beginning_buys_no_trickling_end() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.admit(7)
    for _ in range(100):
        send(held, connection, wait_s=0.01, size_bytes=10_000_000)
    for _ in range(61):
        send(held, connection, wait_s=1.0, size_bytes=1)
    assert held.ends == [(1, False)]


def test_a_phone_that_takes_50_kb_a_second_gets_its_archive() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.admit(7)
    for _ in range(2000):
        send(held, connection, wait_s=25.0, size_bytes=1_250_000)  # the kernel takes its buffer at once
    assert held.ends == []


def test_a_reply_that_nobody_reads_is_dropped_without_an_answer() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.admit(7)
    connection.send_begins()
    held.after(60.0)
    assert held.ends == []
    held.after(1.0)
    assert held.ends == [(1, False)]
    assert held.connections.cuts()[CutReason.REPLY_SLOW] == 1


def test_time_in_which_the_server_works_counts_for_no_client() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    receive(held, connection, wait_s=0.1, size_bytes=100)
    held.after(3600.0)
    send(held, connection, wait_s=0.1, size_bytes=100)
    assert held.ends == []


def test_a_socket_may_be_silent_but_must_read() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.admit(7)
    connection.upgrade()
    connection.receive_begins()
    held.after(3600.0)
    assert held.ends == []
    connection.send_begins()
    held.after(61.0)
    assert held.ends == [(1, False)]


def test_a_connection_kept_alive_has_the_deadline_of_a_head_from_the_first_octet_on() -> None:
    held = server()
    connection = held.open()
    connection.begin_request()
    connection.end_request()
    connection.receive_begins()
    held.after(15.0)
    connection.receive_ends(1)
    assert held.ends == []
    held.after(10.5)
    assert held.ends == [(1, True)]


def test_the_most_crowded_address_loses_its_oldest_connection_when_the_seats_are_full() -> None:
    held = server(anonymous=10)
    doctor = held.open("10.0.0.2")
    attackers = []
    for _ in range(9):
        held.clock.now_s += 0.01
        attackers.append(held.open("10.0.0.1"))
    assert held.ends == []
    held.open("10.0.0.3")
    assert [number for number, _ in held.ends] == [2]
    assert isinstance(attackers[0].error, Unavailable)
    assert doctor.error is None
    assert held.connections.counts() == (10, 0)


def test_ten_thousand_connections_of_one_address_leave_every_other_address_its_seat() -> None:
    held = server(anonymous=4096, per_address=1000)
    others = [held.open(f"10.1.{number // 250}.{number % 250}") for number in range(500)]
    for _ in range(10_000):
        held.open("10.0.0.1")
    assert [one.error for one in others] == [None] * 500
    assert held.connections.counts() == (1500, 0)
    assert held.connections.cuts()[CutReason.ADDRESS_CROWDED] == 9000


def test_ten_thousand_connections_of_a_hundred_addresses_cut_only_their_own() -> None:
    held = server(anonymous=4096, per_address=1000)
    others = [held.open(f"10.1.{number // 250}.{number % 250}") for number in range(500)]
    for number in range(10_000):
        held.open(f"10.0.0.{number % 100}")
    assert [one.error for one in others] == [None] * 500
    assert held.connections.counts()[0] <= 4096


def test_a_newcomer_is_never_the_victim_of_its_own_arrival() -> None:
    held = server(anonymous=8, per_address=1)
    for _ in range(50):
        assert held.open("10.0.0.1").error is None
    alone = server(anonymous=3, per_address=3)
    for number in range(50):
        assert alone.open(f"10.0.0.{number}").error is None


def test_the_oldest_in_its_phase_goes_first_and_a_trickling_head_does_not_count_as_new() -> None:
    held = server(per_address=3)
    trickling, second, third = held.open(), held.open(), held.open()
    receive(held, trickling, wait_s=1.0, size_bytes=1)
    second.begin_request()
    held.open()
    assert (trickling.error is None, second.error, third.error) == (False, None, None)


def test_addresses_of_one_ipv6_network_are_one_address() -> None:
    held = server(per_address=2)
    first = held.open("2001:db8::1")
    held.open("2001:db8::2:1")
    held.open("2001:db8::3:1:1")
    assert isinstance(first.error, LimitExceeded)
    assert held.open("2001:db8:0:1::1").error is None
    assert len(held.ends) == 1


def test_a_proxy_is_not_limited_and_the_clients_that_it_names_are() -> None:
    held = server(per_address=2)
    waiting = [held.open("10.9.9.9", is_proxy=True) for _ in range(20)]
    assert held.ends == []
    for connection in waiting[:3]:
        connection.begin_request("203.0.113.5")
    assert [number for number, _ in held.ends] == [1]
    waiting[10].begin_request("203.0.113.6")
    assert len(held.ends) == 1
    waiting[10].end_request()  # is the proxy's again
    assert waiting[10].group == "10.9.9.9"


def test_anonymous_connections_never_take_the_seats_of_signed_in_users() -> None:
    held = server(anonymous=5, authenticated=5)
    doctors = [held.open() for _ in range(3)]
    for number, doctor in enumerate(doctors):
        doctor.begin_request()
        doctor.admit(number)
    for _ in range(50):
        held.open()
    assert held.connections.counts() == (5, 3)
    assert [one.error for one in doctors] == [None, None, None]


def test_a_user_has_a_limit_and_nodes_have_none_of_their_own() -> None:
    held = server(per_user=2)
    for _ in range(2):
        held.open().admit(7)
    with pytest.raises(LimitExceeded):
        held.open().admit(7)
    held.open().admit(8)
    for _ in range(20):
        held.open().admit("node", is_node=True)
    assert held.connections.counts() == (1, 23)


def test_a_connection_that_leaves_gives_its_seat_back_once() -> None:
    held = server()
    first, second = held.open(), held.open()
    second.admit(7)
    for _ in range(2):
        first.leave()
        second.leave()
    assert held.connections.counts() == (0, 0)


def test_what_was_cut_changes_nothing_any_more() -> None:
    held = server(per_address=1)
    victim = held.open()
    held.open()
    victim.begin_request("10.0.0.9")
    victim.admit(7)
    victim.end_request()
    victim.leave()
    assert held.connections.counts() == (1, 0)
    assert held.ends == [(1, False)]


def test_limits_leave_file_descriptors_for_everything_else() -> None:
    limits = ConnectionLimits.within(connections=8192, per_address=1000, open_files=65536)
    assert (limits.most_anonymous, limits.most_authenticated, limits.most_per_address) == (1024, 7168, 1000)
    tight = ConnectionLimits.within(connections=8192, per_address=1000, open_files=256)
    assert (tight.most_anonymous, tight.most_authenticated, tight.most_per_address) == (8, 56, 8)
