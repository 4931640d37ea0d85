"""Stored files that are not as they were received: named by frames, archives and derived series, noted and counted."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import xxhash
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless

from tests.support.phantom_files import compress, make_ct, make_enhanced_ct, to_bytes
from tests.support.storage_http import StorageHttp, fill_series, sqlite_settings
from tests.support.waiting import eventually

GOOD, ERROR, REFUSED = 0, 1, 2
MIB = 1024**2


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StorageHttp]:
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    running.start()
    yield running
    running.stop()


def rows(node: StorageHttp, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(node.database.name)) as database, database:
        return database.execute(statement).fetchall()


def file_of(node: StorageHttp, instance_id: int) -> Path:
    ((name,),) = rows(node, f"SELECT file_name FROM instance WHERE instance_id = {instance_id}")  # noqa: S608  a number
    return node.data / str(name)


def frames(node: StorageHttp, wishes: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
    answer = node.session.post(f"{node.owner()}/frames", json={"frames": wishes}, timeout=30).content
    found, position = [], 0
    for wish in wishes:
        instance_id, number, status, length = struct.unpack_from("<QIIQ", answer, position)
        assert (instance_id, number) == wish
        position += 24
        found.append((status, answer[position : position + length]))
        position += length
    assert position == len(answer)
    return found


def damage_lines(node: StorageHttp) -> list[dict[str, Any]]:
    return [one for one in node.log_lines() if one["message"] == "stored_file_damaged"]


def flip_bit(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_another_file_of_the_same_size(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(bytes(path.stat().st_size))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


BREAKERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "one bit flipped": (lambda path: flip_bit(path, path.stat().st_size - 100), "stored_file_altered", "altered"),
    "one bit of the header flipped": (lambda path: flip_bit(path, 400), "stored_file_altered", "altered"),
    "truncated": (lambda path: os.truncate(path, 1000), "stored_file_size", "truncated"),
    "empty": (lambda path: os.truncate(path, 0), "stored_file_size", "truncated"),
    "longer": (lambda path: os.truncate(path, 1_000_000), "stored_file_size", "too_long"),
    "deleted": (Path.unlink, "stored_file_missing", "missing"),
    "a FIFO": (to_fifo, "stored_file_unreadable", "unreadable"),
    "a symbolic link": (to_link, "stored_file_unreadable", "unreadable"),
    "a folder": (to_folder, "stored_file_unreadable", "unreadable"),
    "another file of the same size": (to_another_file_of_the_same_size, "stored_file_altered", "altered"),
}


@pytest.mark.parametrize("how", BREAKERS)
def test_a_damaged_file_is_named_by_frames_and_archive_and_costs_nothing_else(node: StorageHttp, how: str) -> None:
    spoil, code, damage = BREAKERS[how]
    series_id = fill_series(node, 3)
    wishes = [tuple(one) for one in node.session.get(f"{node.owner()}/series/{series_id}/render").json()["frames"]]
    before = frames(node, wishes)
    victim = file_of(node, wishes[1][0])
    spoil(victim)
    got = frames(node, wishes)
    assert [status for status, _ in got] == [GOOD, REFUSED, GOOD]
    assert (got[0], got[2]) == (before[0], before[2])
    sentence = json.loads(got[1][1])
    assert sentence["code"] == code
    assert "Tell your administrator." in sentence["text"]

    ((study_id, uid),) = rows(
        node,
        "SELECT study_id, sop_instance_uid FROM instance JOIN series USING (series_id) "  # noqa: S608  a number
        f"WHERE instance_id = {wishes[1][0]}",
    )
    answer = node.session.get(f"{node.owner()}/archive", params={"study_ids": study_id}, timeout=30)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert len([name for name in archive.namelist() if name.startswith("DICOM/")]) == 2
    note = archive.read("PROBLEMS.TXT").decode()
    assert f"the object {uid} " in note
    assert "is not in this archive" in note
    assert "Phantom" not in note

    eventually(lambda: damage_lines(node))
    assert rows(node, "SELECT instance_id, damage FROM file_damage") == [(wishes[1][0], damage)]
    lines = damage_lines(node)
    assert [(one["instance_id"], one["damage"]) for one in lines] == [(wishes[1][0], damage)]
    assert "Phantom" not in json.dumps(lines)


def test_a_repaired_file_is_shown_again(node: StorageHttp) -> None:
    series_id = fill_series(node, 1)
    (wish,) = [tuple(one) for one in node.session.get(f"{node.owner()}/series/{series_id}/render").json()["frames"]]
    (path,) = node.stored_files()
    good = path.read_bytes()
    flip_bit(path, len(good) - 1)
    assert [status for status, _ in frames(node, [wish])] == [REFUSED]
    path.write_bytes(good)
    assert frames(node, [wish]) == [(GOOD, good[-64 * 64 * 2 :])]


def test_of_a_large_file_only_the_frames_in_a_damaged_block_are_refused(node: StorageHttp) -> None:
    node.upload(to_bytes(make_enhanced_ct(12, rows=512, columns=512)))
    ((instance_id, blocks),) = rows(node, "SELECT instance_id, block_digests FROM instance")
    assert len(blocks) == 7 * 16  # 6 MiB of pixels behind a header
    (path,) = node.stored_files()
    flip_bit(path, path.stat().st_size - 100)
    wishes = [(instance_id, number) for number in range(1, 13)]
    got = frames(node, wishes)
    assert [status for status, _ in got] == [GOOD] * 11 + [REFUSED]
    assert json.loads(got[11][1])["code"] == "stored_file_altered"
    flip_bit(path, 3 * MIB)
    got = frames(node, wishes)
    assert {status for status, _ in got[:4]} == {GOOD}
    assert REFUSED in {status for status, _ in got[4:7]}


@pytest.mark.parametrize("syntax", [JPEGLSLossless, DeflatedExplicitVRLittleEndian])
def test_a_flipped_bit_of_a_compressed_object_is_noticed(node: StorageHttp, syntax: str) -> None:
    if syntax == JPEGLSLossless:
        node.upload(to_bytes(compress(make_ct(), syntax)))
    else:
        node.upload(to_bytes(make_enhanced_ct(3, transfer_syntax_uid=syntax)))
    ((instance_id,),) = rows(node, "SELECT instance_id FROM instance")
    (path,) = node.stored_files()
    assert [status for status, _ in frames(node, [(instance_id, 1)])] == [GOOD]
    flip_bit(path, path.stat().st_size * 2 // 3)
    assert [status for status, _ in frames(node, [(instance_id, 1)])] == [REFUSED]


@pytest.mark.parametrize("digest", ["xxh3-128:00000000000000000000000000000000", "nonsense", ""])
def test_an_altered_digest_refuses_the_file_instead_of_believing_it(node: StorageHttp, digest: str) -> None:
    fill_series(node, 1)
    rows(node, f"UPDATE instance SET file_digest = '{digest}'")  # noqa: S608  from above
    ((instance_id,),) = rows(node, "SELECT instance_id FROM instance")
    assert [status for status, _ in frames(node, [(instance_id, 1)])] == [REFUSED]


def test_a_file_stored_before_there_were_digests_is_shown_and_judged_by_its_size(node: StorageHttp) -> None:
    fill_series(node, 1)
    rows(node, "UPDATE instance SET file_digest = NULL")
    ((instance_id,),) = rows(node, "SELECT instance_id FROM instance")
    assert [status for status, _ in frames(node, [(instance_id, 1)])] == [GOOD]
    (path,) = node.stored_files()
    os.truncate(path, 600)
    assert [status for status, _ in frames(node, [(instance_id, 1)])] == [REFUSED]


def test_a_study_that_is_deleted_under_a_reader_is_no_damage(node: StorageHttp) -> None:
    series_id = fill_series(node, 1)
    wishes = [tuple(one) for one in node.session.get(f"{node.owner()}/series/{series_id}/render").json()["frames"]]
    assert [status for status, _ in frames(node, wishes)] == [GOOD]
    rows(node, "PRAGMA foreign_keys = ON")
    with closing(sqlite3.connect(node.database.name)) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM study")
    for path in node.stored_files():
        path.unlink()
    assert [status for status, _ in frames(node, wishes)] == [REFUSED]  # its place is still in memory
    fill_series(node, 1)
    ((instance_id,),) = rows(node, "SELECT instance_id FROM instance")
    file_of(node, instance_id).unlink()
    assert [status for status, _ in frames(node, [(instance_id, 1)])] == [REFUSED]
    # Reports are noted in their order: the later one is there, the earlier one is not.
    eventually(lambda: damage_lines(node))
    assert rows(node, "SELECT instance_id FROM file_damage") == [(instance_id,)]
    assert [one["instance_id"] for one in damage_lines(node)] == [instance_id]


def test_digests_are_of_the_bytes_on_the_disk_whichever_way_they_came(node: StorageHttp) -> None:
    fill_series(node, 2)  # out of an archive
    node.upload(to_bytes(make_ct(series_uid="1.2.826.0.1.3680043.8.498.7.7")))
    file = to_bytes(make_enhanced_ct(12, rows=512, columns=512, series_uid="1.2.826.0.1.3680043.8.498.7.8"))
    data_set = file[144 + int.from_bytes(file[140:144], "little") :]  # File Meta Information Group Length (PS3.10 7.1)
    node.upload(data_set)  # gets file meta information
    found = rows(node, "SELECT file_name, file_digest, file_bytes FROM instance")
    assert len(found) == 4
    for name, digest, size in found:
        data = (node.data / name).read_bytes()
        assert digest == f"xxh3-128:{xxhash.xxh3_128(data).hexdigest()}"
        assert size == len(data)
