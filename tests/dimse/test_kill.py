"""Proof by fault: kill -9 at random moments of a stream of sends; what was answered Success is there, byte for byte."""

from __future__ import annotations

import gc
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage
from pynetdicom import AE

from tests.dimse.node import AE_TITLE, Node
from tests.support.phantom_files import data_set_bytes, make_ct, to_bytes

# pynetdicom leaves the sockets of associations that broke to the garbage collector; see also `gc.collect` below
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = "1.2.826.0.1.3680043.8.498.7.88"
SIZE_PX = 192
SEED = 20240607


class Sender(threading.Thread):
    """Sends objects with pynetdicom until its association breaks, and remembers what was answered Success."""

    def __init__(self, port: int, folder: Path, first: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._folder = folder
        self._first = first
        self.sent: dict[str, Path] = {}
        self.acknowledged: list[str] = []

    def run(self) -> None:
        ae = AE("KILLTEST")
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
        ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        association = ae.associate("127.0.0.1", self._port, ae_title=AE_TITLE)
        number = self._first
        while association.is_established:
            uid = f"{ROOT}.{number}"
            path = self._folder / f"{number}.dcm"
            path.write_bytes(to_bytes(make_object(number)))
            self.sent[uid] = path
            try:
                status = association.send_c_store(path)
            except RuntimeError:
                break
            if "Status" in status and status.Status == 0x0000:
                self.acknowledged.append(uid)
            number += 1
        connection = association.dul.socket  # which pynetdicom leaves open when an association breaks
        if connection is not None and connection.socket is not None:
            connection.socket.close()


def make_object(number: int) -> Dataset:
    """Return object number so and so: the same bytes each time it is asked for."""
    return make_ct(rows=SIZE_PX, columns=SIZE_PX, instance_number=number % 1000 + 1, SOPInstanceUID=f"{ROOT}.{number}")


def kill_once(node: Node, folder: Path, turn: int, after_s: float) -> tuple[dict[str, Path], list[str]]:
    """Send over several associations, kill the node in the middle, and return what was sent and acknowledged."""
    senders = [Sender(node.dicom_port, folder, turn * 100_000 + number * 10_000) for number in range(2)]
    for sender in senders:
        sender.start()
    # dcmtk beside them, in one association with many files
    files = []
    for number in range(40):
        path = folder / f"{turn}-dcmtk-{number}.dcm"
        path.write_bytes(to_bytes(make_object(turn * 100_000 + 90_000 + number)))
        files.append(path)
    dcmtk = subprocess.Popen(
        ["storescu", "-v", "-to", "5", "-ta", "5", "-td", "5", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port)]
        + [str(path) for path in files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    time.sleep(after_s)
    node.kill()
    output, _ = dcmtk.communicate(timeout=30)
    successes = output.count("Received Store Response (Success)")
    sent: dict[str, Path] = {}
    acknowledged: list[str] = []
    for sender in senders:
        sender.join(30)
        assert not sender.is_alive()
        sent |= sender.sent
        acknowledged += sender.acknowledged
    for number, path in enumerate(files):
        uid = f"{ROOT}.{turn * 100_000 + 90_000 + number}"
        sent[uid] = path
        if number < successes:  # one association, in order
            acknowledged.append(uid)
    return sent, acknowledged


def kill_many_times(node: Node, folder: Path, kills: int, seed: int) -> int:
    """Kill the node so many times and prove after each start what was promised; return how many were acknowledged."""
    chance = random.Random(seed)
    folder.mkdir()
    sent: dict[str, Path] = {}
    acknowledged: set[str] = set()
    node.start()
    for turn in range(kills):
        new_sent, new_acknowledged = kill_once(node, folder, turn, 0.15 + chance.random() * 0.7)
        sent |= new_sent
        acknowledged |= set(new_acknowledged)
        node.start()  # settles what the kill left
        node.assert_tidy()
        stored = node.stored()
        assert acknowledged <= set(stored), f"lost after kill {turn}: {sorted(acknowledged - set(stored))[:5]}"
        assert set(stored) <= set(sent)
        for uid in new_acknowledged:
            assert stored[uid] == data_set_bytes(dcmread(sent[uid])), f"changed after kill {turn}: {uid}"
    assert node.stop() == 0
    node.assert_tidy()
    gc.collect()
    return len(acknowledged)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Prepare a node that the test starts and kills."""
    made = Node(tmp_path)
    made.prepare()
    yield made
    made.end()


def test_what_was_acknowledged_survives_eight_kills(node: Node, tmp_path: Path) -> None:
    assert kill_many_times(node, tmp_path / "sent", 8, SEED) > 50


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_what_was_acknowledged_survives_a_hundred_kills(node: Node, tmp_path: Path) -> None:
    assert kill_many_times(node, tmp_path / "sent", 100, SEED + 1) > 600
