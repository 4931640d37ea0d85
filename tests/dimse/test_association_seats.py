"""The table of open associations: limits of the node, of a calling AE title and of an address, over all processes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import requests

from dicom_gateway.association_seats import AssociationSeats, SeatLimits, SeatRefusal
from tests.dimse.node import Node, running_node
from tests.dimse.test_upper_layer import RELEASE, wait_until
from tests.dimse.wire import ASSOCIATE_AC, ASSOCIATE_RJ, RELEASE_RP, Peer, associate_rq

LOCAL_LIMIT_EXCEEDED = (ASSOCIATE_RJ, bytes((0, 2, 3, 2)))  # transient, presentation, local limit (PS3.8 Table 9-21)


@pytest.mark.parametrize(
    ("total", "percent", "most"),
    [(1, 50, 1), (2, 50, 1), (3, 50, 1), (64, 50, 32), (7, 100, 7), (4096, 1, 40), (10, 1, 1)],
)
def test_a_peer_holds_at_most_its_share_rounded_down_and_at_least_one(total: int, percent: int, most: int) -> None:
    seats = AssociationSeats(SeatLimits(total, percent, 100))
    answers = [seats.take(0, "CT1", "10.0.0.1") for _ in range(total + 1)]
    assert answers[:most] == list(range(most))
    assert set(answers[most:]) == {SeatRefusal.AE_TITLE if most < total else SeatRefusal.NODE, *answers[most:total]}
    assert seats.count() == most


def test_an_address_holds_at_most_its_share_under_many_ae_titles() -> None:
    seats = AssociationSeats(SeatLimits(8, 50, 50))
    answers = [seats.take(number % 2, f"CT{number}", "10.0.0.1") for number in range(5)]
    assert answers == [0, 1, 2, 3, SeatRefusal.ADDRESS]
    assert seats.take(0, "CT9", "10.0.0.2") == 4


def test_an_ae_title_holds_at_most_its_share_from_many_addresses() -> None:
    seats = AssociationSeats(SeatLimits(8, 50, 100))
    answers = [seats.take(number % 2, "CT1", f"10.0.0.{number}") for number in range(5)]
    assert answers == [0, 1, 2, 3, SeatRefusal.AE_TITLE]
    assert seats.take(0, "ct1", "10.0.0.9") == 4, "upper and lower case are two titles"


@pytest.mark.parametrize("other", ["::ffff:10.0.0.1", "10.0.0.1"])
def test_two_spellings_of_an_address_are_one(other: str) -> None:
    seats = AssociationSeats(SeatLimits(2, 100, 50))
    assert seats.take(0, "CT1", "10.0.0.1") == 0
    assert seats.take(0, "CT2", other) == SeatRefusal.ADDRESS


def test_a_link_local_address_is_the_same_on_each_interface() -> None:
    seats = AssociationSeats(SeatLimits(2, 100, 50))
    assert seats.take(0, "CT1", "fe80::1%eth0") == 0
    assert seats.take(0, "CT2", "fe80::1%eth1") == SeatRefusal.ADDRESS


def test_a_seat_that_is_given_back_is_free_for_anybody() -> None:
    seats = AssociationSeats(SeatLimits(1))
    assert seats.take(0, "CT1", "10.0.0.1") == 0
    assert seats.take(1, "CT2", "10.0.0.2") == SeatRefusal.NODE
    seats.leave(0)
    assert seats.take(1, "CT2", "10.0.0.2") == 0


def in_child(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def test_the_seats_of_a_dead_process_are_given_back_and_no_others() -> None:
    seats = AssociationSeats(SeatLimits(8, 100, 100))
    seats.take(0, "CT1", "10.0.0.1")
    os.waitpid(in_child(lambda: [seats.take(1, "CT2", "10.0.0.2") for _ in range(3)]), 0)
    assert seats.count() == 4
    assert seats.release_all(1) == 3
    assert seats.count() == 1


def test_a_process_that_is_killed_while_it_takes_a_seat_locks_out_nobody() -> None:
    seats = AssociationSeats(SeatLimits(4096, 100, 100))

    def take_for_ever() -> None:
        while True:
            seat = seats.take(1, "CT1", "10.0.0.1")
            if isinstance(seat, int):
                seats.leave(seat)

    for _ in range(5):
        child = in_child(take_for_ever)
        wait_until(lambda: seats.count() > 0)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seats.release_all(1)
        assert seats.take(0, "CT2", "10.0.0.2") == 0
        seats.leave(0)


def test_processes_that_take_seats_at_once_never_hold_more_than_there_are() -> None:
    seats = AssociationSeats(SeatLimits(50, 100, 100))

    def take_forty(number: int) -> None:
        for _ in range(40):
            seats.take(number, f"CT{number}", "10.0.0.1")

    children = [in_child(partial(take_forty, number)) for number in range(4)]
    for child in children:
        os.waitpid(child, 0)
    assert seats.count() == 50
    assert sum(seats.release_all(number) for number in range(4)) == 50


def answer_to(stack: contextlib.ExitStack, node: Node, calling: bytes, own_address: str) -> tuple[int, bytes]:
    """Ask for an association that stays open until the end of the test, and return type and body of the answer."""
    peer = stack.enter_context(Peer(node.dicom_port, own_address))
    peer.send(associate_rq(calling=calling))
    answer = peer.receive()
    assert answer is not None
    return answer


def test_one_ae_title_and_one_address_hold_half_of_the_associations_of_all_acceptors(tmp_path: Path) -> None:
    rules = {"WEBVIEWER_MAX_ASSOCIATIONS": "8", "WEBVIEWER_ACCEPTORS": "3"}
    with running_node(tmp_path, rules) as node, contextlib.ExitStack() as stack:
        titles = [b"CT1", b"CT1 ", b" CT1", b"CT1\0"]  # padding is no part of a title (PS3.5 6.2)
        for number, title in enumerate(titles):
            assert answer_to(stack, node, title, f"127.0.0.{number + 1}")[0] == ASSOCIATE_AC
        assert answer_to(stack, node, b"CT1", "127.0.0.9") == LOCAL_LIMIT_EXCEEDED
        for number in range(3):
            assert answer_to(stack, node, b"CT%d" % (number + 2), "127.0.0.1")[0] == ASSOCIATE_AC
        assert answer_to(stack, node, b"CT8", "127.0.0.1") == LOCAL_LIMIT_EXCEEDED
        assert answer_to(stack, node, b"CT9", "127.0.0.9")[0] == ASSOCIATE_AC
        reasons = [line["reason"] for line in node.messages("association_rejected")]
        assert reasons == [
            "local limit exceeded: the calling AE title holds its share of the associations",
            "local limit exceeded: the address holds its share of the associations",
        ]
        metrics = requests.get(f"http://127.0.0.1:{node.port}/metrics", timeout=20).text
        assert "webviewer_dicom_associations_over_share_total 2.0\n" in metrics
        assert "webviewer_dicom_associations_rejected_total 2.0\n" in metrics
        assert "webviewer_dicom_associations_open 8.0\n" in metrics


def test_a_node_with_one_association_serves_one_peer_after_the_other(tmp_path: Path) -> None:
    with running_node(tmp_path, {"WEBVIEWER_MAX_ASSOCIATIONS": "1"}) as node:
        for _ in range(3):
            with Peer(node.dicom_port) as peer, contextlib.ExitStack() as stack:
                peer.associate()
                assert answer_to(stack, node, b"OTHER", "127.0.0.2") == LOCAL_LIMIT_EXCEEDED
                peer.send(RELEASE)
                assert peer.receive() == (RELEASE_RP, b"\0\0\0\0")
            wait_until(
                lambda: (
                    "associations_open 0.0" in requests.get(f"http://127.0.0.1:{node.port}/metrics", timeout=20).text
                )
            )
