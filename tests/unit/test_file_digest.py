"""Digests of files: literal values, blocks, and pieces of any size."""

from __future__ import annotations

import pytest

from webviewer.core.file_digest import FileDigest, FileHasher, block_digest

MIB = 1024**2


def digest_of(data: bytes, piece_bytes: int) -> FileDigest:
    hasher = FileHasher()
    for start in range(0, len(data), piece_bytes):
        hasher.update(data[start : start + piece_bytes])
    return hasher.digest()


def test_the_digest_of_an_empty_file_is_that_of_the_xxhash_specification() -> None:
    assert FileHasher().digest() == FileDigest("xxh3-128:99aa06d3014798d86001c324468d497f", "")


def test_the_digest_of_a_text_is_the_one_that_xxh128sum_prints() -> None:
    assert digest_of(b"Web DICOM viewer\n", 5) == FileDigest("xxh3-128:25b2500400fa8b1a8667737e2b7e011d", "")


@pytest.mark.parametrize("size", [MIB - 1, MIB])
def test_a_file_of_one_block_has_no_digests_of_blocks(size: int) -> None:
    assert digest_of(bytes(size), 1000).blocks == ""


@pytest.mark.parametrize("piece_bytes", [1000, MIB - 1, MIB, MIB + 1, 10 * MIB])
def test_a_file_of_several_blocks_has_a_digest_of_each_however_it_comes(piece_bytes: int) -> None:
    data = bytes(range(256)) * (2 * MIB // 256) + b"the rest"
    found = digest_of(data, piece_bytes)
    blocks = [data[:MIB], data[MIB : 2 * MIB], b"the rest"]
    assert found.blocks == "".join(block_digest([block]) for block in blocks)
    assert [found.has_block(number, block_digest([block])) for number, block in enumerate(blocks)] == [True] * 3
    assert not found.has_block(1, block_digest([b"other bytes"]))
    assert not found.has_block(3, "")
    assert found.whole == digest_of(data, 77_777).whole
