"""Errors of the system while stored files are read: what is damage, and what is a lack of the process."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from webviewer.archive import FileDamage, InstanceId, StoredFile
from webviewer.core.file_digest import FileHasher
from webviewer.core.regular_file import open_regular
from webviewer.usecases.stored_files import DamagedFile, FileComparer, Part, StoredFiles, read_digest

MIB = 1024**2


def stored(path: Path, data: bytes) -> StoredFile:
    path.write_bytes(data)
    hasher = FileHasher()
    hasher.update(data)
    digest = hasher.digest()
    return StoredFile(InstanceId(7), path.name, len(data), digest.whole, digest.blocks)


def failing(number: int) -> Callable[[str], int]:
    def open_file(_name: str) -> int:
        raise OSError(number, os.strerror(number))

    return open_file


@pytest.mark.parametrize(
    ("number", "damage"),
    [
        (errno.ENOENT, FileDamage.MISSING),
        (errno.EACCES, FileDamage.UNREADABLE),
        (errno.EIO, FileDamage.UNREADABLE),
        (errno.ELOOP, FileDamage.UNREADABLE),
        (errno.ESTALE, FileDamage.UNREADABLE),
    ],
)
def test_a_file_that_cannot_be_opened_is_damaged_and_reported(tmp_path: Path, number: int, damage: FileDamage) -> None:
    file = stored(tmp_path / "one", b"pixels")
    told: list[tuple[StoredFile, FileDamage]] = []
    files = StoredFiles(failing(number), lambda of, found: told.append((of, found.damage)))
    with pytest.raises(DamagedFile) as caught:
        files.open(file)
    assert caught.value.damage is damage
    assert told == [(file, damage)]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_process_that_lacks_descriptors_or_memory_has_met_no_damage(tmp_path: Path, number: int) -> None:
    file = stored(tmp_path / "one", b"pixels")
    told: list[StoredFile] = []
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        StoredFiles(failing(number), lambda of, _damage: told.append(of)).open(file)
    assert caught.value.errno == number
    assert told == []


def test_a_disk_error_in_the_middle_of_a_file_is_damage(tmp_path: Path) -> None:
    file = stored(tmp_path / "one", b"pixels")
    descriptor = os.open("/proc/self/mem", os.O_RDONLY)  # nothing is mapped at its start: reading there fails
    try:
        with pytest.raises(DamagedFile) as caught:
            StoredFiles(lambda _name: -1).compare(file, descriptor, 0, 6)
    finally:
        os.close(descriptor)
    assert caught.value.damage is FileDamage.UNREADABLE
    assert caught.value.reason == os.strerror(errno.EIO)


def test_each_block_is_read_once_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "one"
    data = bytes(3 * MIB)
    file, comparer = stored(path, data), FileComparer()
    descriptor = open_regular(path)
    try:
        comparer.compare(file, descriptor, 0, 2 * MIB)
        writer = os.open(path, os.O_WRONLY)
        os.pwrite(writer, b"\x01", 2 * MIB + 5)
        os.close(writer)
        os.utime(path, ns=(1, 1))  # so that a clock of coarse steps shows a change
        comparer.compare(file, descriptor, 0, 2 * MIB)
        with pytest.raises(DamagedFile):
            comparer.compare(file, descriptor, 0, 3 * MIB)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("first", "length"), [(0, 100), (5, MIB), (MIB - 10, 20), (MIB + 7, 2 * MIB), (0, 4 * MIB)])
def test_bytes_that_were_read_already_are_compared_as_they_are_in_memory(
    tmp_path: Path, first: int, length: int
) -> None:
    path = tmp_path / "one"
    data = bytes(range(256)) * (4 * MIB // 256) + b"end"
    file = stored(path, data)
    good = memoryview(bytearray(data[first : first + length]))
    descriptor = open_regular(path)
    try:
        FileComparer().compare(file, descriptor, first, first + length, Part(first, good))
        good[length // 2] ^= 1
        with pytest.raises(DamagedFile):
            FileComparer().compare(file, descriptor, first, first + length, Part(first, good))
    finally:
        os.close(descriptor)


def test_a_file_that_is_cut_while_it_is_compared_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "one"
    file = stored(path, bytes(2 * MIB))
    descriptor = open_regular(path)
    try:
        os.truncate(path, MIB + 5)
        with pytest.raises(DamagedFile) as caught:
            FileComparer().compare(file, descriptor, 0, 2 * MIB)
    finally:
        os.close(descriptor)
    assert caught.value.damage is FileDamage.TRUNCATED
    assert caught.value.details == {"numbers": [MIB + 5.0, 2.0 * MIB]}


def test_a_whole_reading_returns_the_digests_and_the_size(tmp_path: Path) -> None:
    path = tmp_path / "one"
    file = stored(path, bytes(range(200)) * 20_000)
    descriptor, pieces = open_regular(path), list[int]()
    try:
        digest, size = read_digest(descriptor, pieces.append)
    finally:
        os.close(descriptor)
    assert (digest.whole, digest.blocks, size) == (file.file_digest, file.block_digests, 4_000_000)
    assert sum(pieces) == size
