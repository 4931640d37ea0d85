"""No reply is lost or late: many small objects to a node whose machine has other work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dimse.node import Node, running_node
from tests.dimse.wire import Peer, c_store, p_data, pdv
from tests.support.phantom_files import data_set_bytes, make_ct

UID = "1.2.826.0.1.3680043.8.498.9.{}"
FIRST = 10_000_000
OBJECTS = 2000
ROUNDS = 5
LATEST_S = 5.0


@contextmanager
def busy_machine(processes: int = 3, seconds: int = 600) -> Iterator[None]:
    """Keep the processors busy, for a limited time whatever happens to us."""
    spin = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    workers = [subprocess.Popen(["nice", "-n", "1", sys.executable, "-c", spin]) for _ in range(processes)]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def send(node: Node, first: int, count: int) -> None:
    """Send objects over one association; TimeoutError if a reply comes late."""
    template = data_set_bytes(make_ct(rows=8, columns=8, SOPInstanceUID=UID.format(FIRST)))
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.socket.settimeout(LATEST_S)
        for number in range(first, first + count):
            uid = UID.format(number).encode()
            peer.send(c_store(uid) + p_data(pdv(1, 2, template.replace(UID.format(FIRST).encode(), uid))))
            assert peer.status() == 0x0000


@pytest.mark.prove
@pytest.mark.parametrize("associations", [1, 4])
def test_every_reply_comes_soon_also_on_a_busy_machine(tmp_path: Path, associations: int) -> None:
    share = OBJECTS // associations
    starts = range(FIRST, FIRST + OBJECTS * ROUNDS, share)
    with running_node(tmp_path) as node, busy_machine(), ThreadPoolExecutor(associations) as senders:
        list(senders.map(lambda first: send(node, first, share), starts))
        assert len(node.rows()) == OBJECTS * ROUNDS
