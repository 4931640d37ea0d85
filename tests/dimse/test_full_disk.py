"""C-STORE on a disk that is full, or nearly: refused in words, and taken again by itself when there is room."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.dimse.node import processes_of_session, running_node
from tests.dimse.test_store import ct, store, uid_of
from tests.dimse.test_upper_layer import is_tidy, wait_until
from tests.dimse.wire import Peer, c_store, p_data, pdv
from tests.support.phantom_files import data_set_bytes, make_ct

LEAST_FREE_BYTES = 64 * 1024**2


def test_a_full_disk_is_out_of_resources_and_the_service_goes_on_when_there_is_room(tmp_path: Path) -> None:
    # a limit on the size of files is a full disk to the process: writing fails after some bytes
    with running_node(tmp_path) as node:
        assert store(node, uid_of(70), ct(70)) == 0x0000
        assert node.process is not None
        pids = processes_of_session(node.process.pid)
        limit_files(pids, 40_000_000)
        big = data_set_bytes(make_ct(rows=8, columns=8, SOPInstanceUID=uid_of(71))) + b"\xff" * 41_000_000
        assert store(node, uid_of(71), big) == 0xA700
        wait_until(lambda: is_tidy(node))
        assert set(node.stored()) == {uid_of(70)}
        assert store(node, uid_of(72), ct(72)) == 0x0000
        limit_files(pids, -1)
        assert store(node, uid_of(73), ct(73)) == 0x0000
        assert set(node.stored()) == {uid_of(70), uid_of(72), uid_of(73)}


def limit_files(pids: list[int], size_bytes: int) -> None:
    """Limit how large files of running processes may become; -1 takes the limit away."""
    import resource

    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, -1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk with 8 MiB more than are kept free."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=72m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a disk takes root")
def test_the_last_of_the_disk_is_kept_free_and_objects_are_taken_again_when_there_is_room(small_disk: Path) -> None:
    def health() -> tuple[int, str]:
        answer = requests.get(f"http://127.0.0.1:{node.port}/internal/v1/health", timeout=20)
        return answer.status_code, answer.json().get("reason", "")

    def fill_up(left: int) -> None:
        """Leave so many bytes to objects."""
        with (small_disk / "filler").open("ab") as file:
            file.write(b"x" * (shutil.disk_usage(small_disk).free - LEAST_FREE_BYTES - left))
        time.sleep(1.1)  # for a second a disk that had room is not asked

    with running_node(small_disk, {"WEBVIEWER_CONTROL_URL": ""}) as node, Peer(node.dicom_port) as peer:
        peer.associate()

        def send(number: int, data: bytes) -> int:
            peer.send(c_store(uid_of(number).encode()))
            for at in range(0, len(data), 65000):
                peer.send(p_data(pdv(1, 2 if at + 65000 >= len(data) else 0, data[at : at + 65000])))
            return peer.status()

        assert [send(number, ct(number)) for number in range(8000, 8010)] == [0x0000] * 10  # files wait ready
        assert health() == (200, "")
        fill_up(500_000)
        large = ct(81) + b"\xfc\xff\xfc\xffOB\0\0" + (900_000).to_bytes(4, "little") + b"\0" * 900_000
        assert send(81, large) == 0xA700  # the object in hand counts
        assert send(82, ct(82)) == 0x0000
        fill_up(-100_000)
        assert [send(83, ct(83)), send(84, large)] == [0xA700] * 2
        status, reason = health()
        assert status == 503
        kept = f"and the last {LEAST_FREE_BYTES} are kept free"
        assert re.fullmatch(rf"The storage takes no objects: the disk has \d+ bytes left, {kept}\.", reason)
        refused = [str(line["reason"]) for line in node.messages("object_refused")]
        assert [words.partition(":")[0] for words in refused] == [
            "An object's file cannot be written",
            *["An object's file cannot be made"] * 2,
        ]
        assert shutil.disk_usage(small_disk).free > LEAST_FREE_BYTES - 300_000
        (small_disk / "filler").unlink()
        assert [send(81, large), send(83, ct(83))] == [0x0000] * 2
        assert health() == (200, "")
        assert {uid_of(81): large, uid_of(82): ct(82), uid_of(83): ct(83)}.items() <= node.stored().items()
        peer.socket.close()
        wait_until(lambda: is_tidy(node))
