"""The upper layer (PS3.8): who is let in, and what happens when a peer breaks the rules or goes away."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dimse.node import Node, running_node
from tests.dimse.wire import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    CT,
    EXPLICIT_LE,
    P_DATA,
    RELEASE_RP,
    VERIFICATION,
    Peer,
    associate_rq,
    c_store,
    command,
    item,
    p_data,
    pdv,
)
from tests.support.phantom_files import data_set_bytes, make_ct

RELEASE = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
ABORT_BY_PEER = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.02)


def is_tidy(node: Node) -> bool:
    return node.claims() == [] and node.files() == {row[1] for row in node.rows()}


def assert_alive(node: Node) -> None:
    """Fail unless the node still answers, and nothing of a broken association is left."""
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, command(0x0030, VERIFICATION.encode(), data_set=False))))
        assert peer.status() == 0x0000
        peer.send(RELEASE)
        assert peer.receive() == (RELEASE_RP, b"\0\0\0\0")
    wait_until(lambda: is_tidy(node))


@pytest.mark.parametrize(
    ("request_bytes", "result_source_reason"),
    [
        pytest.param(associate_rq(called=b"NOBODY"), (1, 1, 7), id="an unknown called AE title"),
        pytest.param(associate_rq(called=b"../../etc"), (1, 1, 7), id="a called AE title that is a path"),
        pytest.param(associate_rq(called=b"USER-\xc4E"), (1, 1, 7), id="a called AE title that is not ASCII"),
        pytest.param(associate_rq(calling=b"CT-\xff\xfe"), (1, 1, 3), id="a calling AE title that is not ASCII"),
        pytest.param(associate_rq(called=b"USER\0AE"), (1, 1, 7), id="a called AE title with NUL inside"),
        pytest.param(associate_rq(called=b" " * 16), (1, 1, 7), id="a called AE title of spaces"),
        pytest.param(associate_rq(calling=b"\0" * 16), (1, 1, 3), id="a calling AE title of NUL"),
        pytest.param(associate_rq(application_context="1.2.3"), (1, 1, 2), id="another application context"),
        pytest.param(associate_rq(version=2), (1, 2, 2), id="another protocol version"),
    ],
)
def test_an_association_is_rejected_with_the_reason_of_the_standard(
    node: Node, request_bytes: bytes, result_source_reason: tuple[int, int, int]
) -> None:
    with Peer(node.dicom_port) as peer:
        peer.send(request_bytes)
        assert peer.receive() == (ASSOCIATE_RJ, bytes((0, *result_source_reason)))
        assert peer.receive() is None
    assert_alive(node)
    assert "Traceback" not in node.log
    assert '"error": ' not in node.log, "an error that nobody foresaw"


def test_ae_titles_that_are_padded_with_nul_are_known(tmp_path: Path) -> None:
    rules = {"WEBVIEWER_PEERS": '[{"calling_ae": "CT1", "network": "127.0.0.0/8"}]'}
    with running_node(tmp_path, rules) as node, Peer(node.dicom_port) as peer:
        peer.associate(called=b"USER-AE".ljust(16, b"\0"), calling=b"CT1".ljust(16, b"\0"))
        peer.send(p_data(pdv(3, 3, command(0x0030, VERIFICATION.encode(), data_set=False))))
        assert peer.status() == 0x0000


def test_an_address_in_no_network_of_the_rules_is_not_even_heard(tmp_path: Path) -> None:
    with running_node(tmp_path, {"WEBVIEWER_PEERS": '[{"calling_ae": "*", "network": "127.0.0.2/32"}]'}) as node:
        with Peer(node.dicom_port) as peer:
            assert peer.receive() is None
        with Peer(node.dicom_port, "127.0.0.2") as peer:
            peer.associate()
        assert node.messages("connection_refused")[0]["peer"] == "127.0.0.1"


def test_three_hundred_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(Peer(node.dicom_port)) for _ in range(300)]
        for _ in range(10):
            assert_alive(node)
        # each of the two acceptors keeps 64 of an address, and the oldest go first
        assert silent[0].receive() is None
        assert len(node.messages("connection_dropped")) >= 300 - 2 * 64


def test_a_connection_without_a_whole_request_ends_after_five_seconds(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, Peer(node.dicom_port) as silent, Peer(node.dicom_port) as trickling:
        ended = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                for at in range(100):
                    trickling.send(associate_rq()[at : at + 1])
                    if ended.wait(1.3):
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert trickling.is_silent_for(1.0), "it has five seconds"
            for peer in (silent, trickling):
                peer.socket.settimeout(9.0)
                answer = peer.receive()
                assert answer is None or answer[0] == ABORT  # a byte that is on its way makes the abort a reset
        finally:
            ended.set()
            thread.join()


def test_a_calling_ae_title_or_address_without_a_rule_is_not_recognized(tmp_path: Path) -> None:
    with running_node(tmp_path, {"WEBVIEWER_PEERS": '[{"calling_ae": "CT1", "network": "127.0.0.0/8"}]'}) as node:
        with Peer(node.dicom_port) as peer:
            peer.send(associate_rq(calling=b"CT2"))
            assert peer.receive() == (ASSOCIATE_RJ, bytes((0, 1, 1, 3)))
        with Peer(node.dicom_port) as peer:
            peer.associate(calling=b"CT1")


def test_a_context_is_answered_by_what_is_wrong_with_it(node: Node) -> None:
    contexts = (
        (1, CT, ("1.2.3.4", EXPLICIT_LE)),
        (3, "1.2.840.10008.5.1.4.1.2.1.1", (EXPLICIT_LE,)),  # FIND is not served here
        (5, CT, ("1.2.3.4",)),
    )
    with Peer(node.dicom_port) as peer:
        peer.send(associate_rq(contexts=contexts))
        answer = peer.receive()
        assert answer is not None
        body = answer[1]
        # 21H items: context id, reserved, result, reserved (PS3.8 Table 9-18)
        results = {
            body[at + 4]: body[at + 6] for at in range(68, len(body) - 8) if body[at] == 0x21 and body[at + 1] == 0
        }
    assert results == {1: 0, 3: 3, 5: 4}
    assert item(0x40, EXPLICIT_LE.encode()) in body


@pytest.mark.parametrize(
    ("first_bytes", "reason"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 1, id="another protocol"),
        pytest.param(p_data(pdv(1, 3, b"abc")), 2, id="data before an association"),
        pytest.param(RELEASE, 2, id="a release before an association"),
        pytest.param(b"\x01\x00\x7f\xff\xff\xff", 6, id="a request of 2 GiB"),
        pytest.param(b"\x01\x00\x00\x00\x00\x08" + b"\0" * 8, 6, id="a request that is too short"),
        pytest.param(b"\x01\x00\x00\x00\x00\x50" + b"\0\x01" + b"\xff" * 78, 6, id="a request of garbage"),
        pytest.param(associate_rq(contexts=()), 6, id="a request without contexts"),
    ],
)
def test_what_is_no_association_request_is_aborted(node: Node, first_bytes: bytes, reason: int) -> None:
    with Peer(node.dicom_port) as peer:
        peer.send(first_bytes)
        assert peer.receive() == (ABORT, bytes((0, 0, 2, reason)))
        assert peer.receive() is None
    assert_alive(node)


UID = b"1.2.826.0.1.3680043.8.498.7.900"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(associate_rq(), 2, id="a second request"),
        pytest.param(b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00", 2, id="a release reply"),
        pytest.param(b"\x42\x00\x00\x00\x00\x00", 1, id="an unknown PDU"),
        pytest.param(b"\x04\x00\x00\x00\x00\x02\x00\x00", 6, id="P-DATA of two bytes"),
        pytest.param(b"\x04\x00\xff\xff\xff\xff", 6, id="P-DATA of 4 GiB"),
        pytest.param(
            b"\x04\x00\x00\x00\x00\x0a" + b"\x00\x00\xff\x00\x01\x03" + b"abcd", 6, id="a value longer than its PDU"
        ),
        pytest.param(b"\x04\x00\x00\x00\x00\x06" + b"\x00\x00\x00\x01\x01\x03", 6, id="a value of one byte"),
        pytest.param(p_data(pdv(99, 3, command(0x0030, data_set=False))), 6, id="a context that was not accepted"),
        pytest.param(p_data(pdv(1, 3, b"\0\0\0")), 6, id="a command set that is cut"),
        pytest.param(p_data(pdv(1, 3, b"\x08\x00\x00\x00\x02\x00\x00\x00ab")), 6, id="a command set of another group"),
        pytest.param(p_data(pdv(1, 3, command(0x0001, data_set=False))), 6, id="C-STORE without a data set"),
        pytest.param(p_data(pdv(1, 2, b"abc")), 5, id="a data set without a command"),
        pytest.param(c_store(UID) + p_data(pdv(1, 3, command(0x0030))), 5, id="a command inside a data set"),
        pytest.param(c_store(UID) + p_data(pdv(3, 2, b"abc")), 5, id="a data set in another context"),
        pytest.param(c_store(UID) + p_data(pdv(1, 0, b"abc")) + RELEASE, 2, id="a release inside a data set"),
        pytest.param(p_data(*(pdv(1, 1, b"\0" * 9000),) * 2), 6, id="a command set without end"),
    ],
)
def test_a_broken_rule_inside_an_association_is_aborted_and_leaves_nothing(
    node: Node, sent: bytes, reason: int
) -> None:
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(sent)
        assert peer.receive() == (ABORT, bytes((0, 0, 2, reason)))
        assert peer.receive() is None
    assert_alive(node)


@pytest.mark.parametrize("end", ["abort", "reset", "close"])
@pytest.mark.parametrize("place", range(7))
def test_a_peer_that_goes_away_at_any_place_leaves_nothing(node: Node, place: int, end: str) -> None:
    whole = c_store(UID) + p_data(pdv(1, 0, b"x" * 3000))
    cut = (0, 3, 8, len(c_store(UID)), len(c_store(UID)) + 9, len(whole) - 100, len(whole))[place]
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(whole[:cut])
        time.sleep(0.02)
        if end == "abort":
            peer.send(ABORT_BY_PEER)
        elif end == "reset":
            peer.reset()
    assert_alive(node)


def test_a_peer_that_falls_silent_is_let_go_after_the_idle_timeout(node: Node) -> None:
    with Peer(node.dicom_port) as silent, Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(c_store(UID) + p_data(pdv(1, 0, b"abc")))
        assert peer.is_silent_for(1.0), "the idle timeout is 3 s"
        peer.socket.settimeout(8.0)
        assert peer.receive() == (ABORT, bytes((0, 0, 2, 0)))
        assert silent.receive() == (ABORT, bytes((0, 0, 2, 0)))
    assert_alive(node)


def test_a_peer_that_trickles_bytes_inside_an_object_is_let_go(node: Node) -> None:
    # each byte comes well inside the idle timeout of 3 s; all waits of one object together do not
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(c_store(UID) + p_data(pdv(1, 0, b"x" * 60000))[:200])
        peer.socket.settimeout(0.25)
        answer, sent = None, 0
        while answer is None and sent < 40:
            peer.send(b"\0")
            sent += 1
            try:
                answer = peer.receive()
            except TimeoutError:
                continue
        assert answer == (ABORT, bytes((0, 0, 2, 0)))
        assert sent > 3, "it is not let go at once"
    assert_alive(node)


def test_a_peer_that_is_silent_between_objects_and_then_slow_is_not_let_go(node: Node) -> None:
    uid = "1.2.826.0.1.3680043.8.498.7.902"
    data = data_set_bytes(make_ct(rows=64, columns=64, SOPInstanceUID=uid))
    whole = c_store(uid.encode()) + p_data(pdv(1, 2, data))
    with Peer(node.dicom_port) as peer:
        peer.associate()
        time.sleep(2)
        for at in range(0, len(whole), 1500):  # about 5 KB a second, longer than the idle timeout
            peer.send(whole[at : at + 1500])
            time.sleep(0.6)
        assert peer.status() == 0x0000
    assert node.stored()[uid] == data


def test_a_command_in_many_fragments_and_pdus_is_one_command(node: Node) -> None:
    words = command(0x0030, VERIFICATION.encode(), data_set=False)
    with Peer(node.dicom_port) as peer:
        peer.associate(max_pdu=40)
        fragments = [pdv(3, 1, words[at : at + 10]) for at in range(0, len(words), 10)]
        peer.send(p_data(*fragments[:3]))
        for fragment in fragments[3:]:
            peer.send(p_data(fragment))
        peer.send(p_data(pdv(3, 3, b"")))
        parts = b""
        while True:  # the answer keeps to the maximum length that we announced
            answer = peer.receive()
            assert answer is not None
            assert answer[0] == P_DATA
            assert len(answer[1]) <= 40
            parts += answer[1][6:]
            if answer[1][5] == 3:
                break
    assert parts.endswith(b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\x00")  # (0000,0900) = 0000H


def test_an_object_sent_byte_by_byte_is_stored_as_sent(node: Node) -> None:
    uid = "1.2.826.0.1.3680043.8.498.7.901"
    data = data_set_bytes(make_ct(rows=4, columns=4, SOPInstanceUID=uid))
    whole = c_store(uid.encode()) + b"".join(
        p_data(pdv(1, 0 if at + 7 < len(data) else 2, data[at : at + 7])) for at in range(0, len(data), 7)
    )
    with Peer(node.dicom_port) as peer:
        peer.associate()
        for at in range(0, len(whole), 97):
            peer.send(whole[at : at + 97])
        assert peer.status() == 0x0000
    assert node.stored()[uid] == data


def test_more_associations_than_allowed_are_rejected_for_now(tmp_path: Path) -> None:
    whole = {
        "WEBVIEWER_AE_TITLE_ASSOCIATIONS_PERCENT": "100",
        "WEBVIEWER_ADDRESS_ASSOCIATIONS_PERCENT": "100",
    }
    with running_node(tmp_path, {"WEBVIEWER_MAX_ASSOCIATIONS": "3", **whole}) as node:
        peers = []
        for _ in range(3):  # one by one: connections without an association have a limit of their own
            peers.append(Peer(node.dicom_port))
            peers[-1].associate()
        peers.append(Peer(node.dicom_port))
        peers[3].send(associate_rq())
        assert peers[3].receive() == (ASSOCIATE_RJ, bytes((0, 2, 3, 2)))
        peers[0].send(RELEASE)
        assert peers[0].receive() == (RELEASE_RP, b"\0\0\0\0")
        for peer in peers:
            peer.socket.close()

        def is_let_in() -> bool:
            with Peer(node.dicom_port) as peer:
                peer.send(associate_rq())
                answer = peer.receive()
                return answer is not None and answer[0] == ASSOCIATE_AC

        wait_until(is_let_in)


def test_a_stop_ends_open_associations_and_leaves_no_process(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(c_store(UID) + p_data(pdv(1, 0, b"abc")))
        assert node.stop() == 0
        assert is_tidy(node)
