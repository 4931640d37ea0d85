"""Kill -9 of single processes of a storage node: the node goes on, and what was answered Success is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.dimse.node import AE_TITLE, OWNER, TOKEN, Node
from tests.dimse.test_upper_layer import is_tidy, wait_until
from tests.dimse.wire import ABORT, CT, Peer, c_store, p_data, pdv
from tests.support.phantom_files import data_set_bytes, make_ct, to_bytes

ROOT = "1.2.826.0.1.3680043.8.498.7.89"
SEED = 20240702
UPLOADS = f"/internal/v1/owners/{OWNER}/uploads"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Run a node of its own with one acceptor, so that the test knows who holds its association."""
    made = Node(tmp_path, {"WEBVIEWER_ACCEPTORS": "1"})
    made.prepare()
    made.start()
    yield made
    made.end()


def uid_of(number: int) -> str:
    return f"{ROOT}.{number}"


def ct(number: int) -> bytes:
    return data_set_bytes(make_ct(rows=8, columns=8, SOPInstanceUID=uid_of(number)))


def whole_object(number: int) -> bytes:
    return c_store(uid_of(number).encode(), CT.encode()) + p_data(pdv(1, 2, ct(number)))


def pid_of(node: Node, child: str) -> int:
    """Return the process that has a role now."""
    started = [line for line in node.messages("child_started") if line["child"] == child]
    return int(str(started[-1]["child_pid"]))


def kill(node: Node, child: str) -> None:
    """Kill a child and wait until it has a successor."""
    old = pid_of(node, child)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: pid_of(node, child) != old)


def store(node: Node, number: int) -> int:
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(whole_object(number))
        return peer.status()


def test_the_association_of_a_killed_acceptor_ends_and_its_successor_takes_the_object(node: Node) -> None:
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(c_store(uid_of(1).encode()) + p_data(pdv(1, 0, ct(1)[:200])))
        wait_until(lambda: node.claims() != [])
        os.kill(pid_of(node, "acceptor 0"), signal.SIGKILL)
        assert peer.receive() is None
    assert store(node, 1) == 0x0000
    wait_until(lambda: is_tidy(node))
    assert node.stored() == {uid_of(1): ct(1)}


def test_a_killed_acceptor_gives_its_seats_back(tmp_path: Path) -> None:
    one = {"WEBVIEWER_ACCEPTORS": "1", "WEBVIEWER_MAX_ASSOCIATIONS": "1"}
    made = Node(tmp_path, one)
    made.prepare()
    made.start()
    try:
        with Peer(made.dicom_port) as peer:
            peer.associate()
            kill(made, "acceptor 0")
            assert store(made, 1) == 0x0000
    finally:
        made.end()


def test_an_object_that_the_killed_indexer_had_is_stored_by_its_successor(node: Node) -> None:
    indexer = pid_of(node, "indexer")
    with Peer(node.dicom_port) as peer:
        peer.associate()
        os.kill(indexer, signal.SIGSTOP)
        peer.send(whole_object(1))
        assert peer.is_silent_for(0.5), "nothing is answered before the commit"
        os.kill(indexer, signal.SIGKILL)
        assert peer.status() == 0x0000
        peer.send(whole_object(2))
        assert peer.status() == 0x0000
    wait_until(lambda: is_tidy(node))
    assert node.stored() == {uid_of(1): ct(1), uid_of(2): ct(2)}


def test_an_object_of_a_killed_acceptor_has_a_file_and_a_row_or_neither(node: Node) -> None:
    indexer = pid_of(node, "indexer")
    with Peer(node.dicom_port) as peer:
        peer.associate()
        os.kill(indexer, signal.SIGSTOP)
        peer.send(whole_object(1))
        assert peer.is_silent_for(0.5), "the object waits for the indexer"
        kill(node, "acceptor 0")
        os.kill(indexer, signal.SIGCONT)
    wait_until(lambda: len(node.messages("claims_settled")) == 1)
    wait_until(lambda: is_tidy(node))
    assert store(node, 1) == 0x0000
    assert node.stored() == {uid_of(1): ct(1)}


def test_an_upload_goes_on_after_the_http_process_is_killed(node: Node) -> None:
    address = f"http://127.0.0.1:{node.port}{UPLOADS}"
    data = to_bytes(make_ct(rows=8, columns=8, SOPInstanceUID=uid_of(3)))
    begun = requests.post(address, json={"name": "a.dcm", "size_bytes": len(data)}, headers=HEADERS, timeout=20)
    own = f"{address}/{begun.json()['upload_id']}"
    requests.put(own, params={"offset": 0}, data=data[:300], headers=HEADERS, timeout=20).raise_for_status()
    kill(node, "internal HTTP")

    def state() -> dict[str, object]:
        try:
            answer = requests.get(own, headers=HEADERS, timeout=20)
        except requests.ConnectionError:  # the dead process had taken it
            return {}
        return dict(answer.json()) if answer.ok else {}

    wait_until(lambda: state().get("offset") == 300)
    requests.put(own, params={"offset": 300}, data=data[300:], headers=HEADERS, timeout=20).raise_for_status()
    wait_until(lambda: state().get("state") == "done")
    assert state()["stored"] == 1
    wait_until(lambda: is_tidy(node))


def test_children_that_die_again_and_again_end_the_node_and_cut_its_associations(node: Node) -> None:
    with Peer(node.dicom_port) as peer:
        peer.associate()
        for _ in range(5):
            kill(node, "internal HTTP")
        os.kill(pid_of(node, "internal HTTP"), signal.SIGKILL)
        answer = peer.receive()
        assert answer is None or answer[0] == ABORT
    assert node.process is not None
    assert node.process.wait(15) == 1
    node.wait_until_gone()
    assert len(node.messages("child_ended")) == 6
    assert len(node.messages("children_end_too_often")) == 1


def storescu(node: Node, files: list[Path]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["storescu", "-v", "-to", "5", "-ta", "5", "-td", "60", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port)]
        + [str(path) for path in files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_under_load(node: Node, folder: Path, kills: int, seed: int) -> int:
    """Kill children at random while dcmtk sends; return how many objects were answered Success."""
    chance = random.Random(seed)
    folder.mkdir()
    acknowledged: set[str] = set()
    number = 0
    for _turn in range(kills):
        sent: list[list[int]] = []
        senders = []
        for _ in range(2):
            numbers = list(range(number, number + 25))
            number += 25
            paths = []
            for one in numbers:
                path = folder / f"{one}.dcm"
                path.write_bytes(to_bytes(make_ct(rows=96, columns=96, SOPInstanceUID=uid_of(one))))
                paths.append(path)
            sent.append(numbers)
            senders.append(storescu(node, paths))
        time.sleep(chance.random() * 0.8)
        assert node.process is not None
        child = chance.choice(("acceptor 0", "acceptor 1", "indexer", "internal HTTP"))
        os.kill(pid_of(node, child), signal.SIGKILL)
        for numbers, sender in zip(sent, senders, strict=True):
            output, _ = sender.communicate(timeout=120)
            assert "A700" not in output, "a living acceptor answers no Out of Resources"
            successes = output.count("Received Store Response (Success)")
            if not child.startswith("acceptor") and node.process.poll() is None:
                assert successes == len(numbers), f"{child} was killed, and no association ends: {output[-500:]}"
            acknowledged |= {uid_of(one) for one in numbers[:successes]}  # one association, in order
        if node.process.poll() is not None:  # children died too often: a supervisor starts the whole node again
            node.wait_until_gone()
            node.start()
    wait_until(lambda: is_tidy(node))
    stored = node.stored()
    assert acknowledged <= set(stored), f"lost: {sorted(acknowledged - set(stored))[:5]}"
    for uid in acknowledged:
        one = int(uid.rpartition(".")[2])
        assert stored[uid] == data_set_bytes(make_ct(rows=96, columns=96, SOPInstanceUID=uid_of(one))), uid
    return len(acknowledged)


@pytest.fixture
def loaded_node(tmp_path: Path) -> Iterator[Node]:
    """Run a node with two acceptors."""
    made = Node(tmp_path / "node")
    made.folder.mkdir()
    made.prepare()
    made.start()
    yield made
    made.end()


def test_what_was_acknowledged_survives_four_deaths_of_children(loaded_node: Node, tmp_path: Path) -> None:
    assert kill_under_load(loaded_node, tmp_path / "sent", 4, SEED) > 100


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_what_was_acknowledged_survives_a_hundred_deaths_of_children(loaded_node: Node, tmp_path: Path) -> None:
    assert kill_under_load(loaded_node, tmp_path / "sent", 100, SEED + 1) > 2500
