"""Claims: what a crash leaves of received files is settled from them alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from webviewer.adapters.files import FileBatch, IncomingFile, ObjectStore, Recovery

HEADER = b"header"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    made = ObjectStore(tmp_path)
    made.prepare()
    return made


def files_of(store: ObjectStore) -> set[str]:
    return {str(path.relative_to(store.data)) for path in store.data.rglob("*") if path.is_file()}


def claims_of(store: ObjectStore) -> list[str]:
    return [path.name for path in store.claims.iterdir()]


def received(batch: FileBatch, data: bytes) -> IncomingFile:
    incoming = batch.create()
    incoming.write([HEADER, data])
    incoming.sync()
    return incoming


def test_a_batch_that_is_closed_leaves_only_the_kept_files_and_no_claim(store: ObjectStore) -> None:
    batch = store.batch()
    kept = [received(batch, b"kept") for _ in range(6)]
    for one in kept:
        one.keep()
    received(batch, b"discarded").discard()
    batch.close()
    assert files_of(store) == {one.file_name for one in kept}
    assert claims_of(store) == []


def test_after_a_crash_files_without_a_row_go_and_those_with_one_stay(store: ObjectStore) -> None:
    batch = store.batch()
    # as killed between commit and tidying up: nothing was told to the batch, and more files had been made ready
    names = [received(batch, str(number).encode()).file_name for number in range(10)]
    assert len(files_of(store)) > 10
    indexed = set(names[:4])
    found = ObjectStore(store.root).recover(lambda asked: indexed & set(asked))
    assert files_of(store) == indexed
    assert claims_of(store) == []
    assert found.files_removed >= 6


def test_a_file_whose_outcome_nobody_knows_keeps_its_claim_until_the_next_start(store: ObjectStore) -> None:
    batch = store.batch()
    unknown = received(batch, b"unknown")
    unknown.leave()
    batch.close()
    assert len(claims_of(store)) == 1
    assert files_of(store) == {unknown.file_name}
    assert store.recover(lambda _asked: []) == Recovery(1, 1)
    assert files_of(store) == set()
    assert claims_of(store) == []


def replaced_by_a_folder(path: Path) -> None:
    """Make a file one that cannot be removed, also for root."""
    path.unlink()
    path.mkdir()


def test_a_file_that_cannot_be_removed_keeps_its_claim_until_it_can(store: ObjectStore) -> None:
    batch = store.batch()
    stuck = received(batch, b"stuck")
    path = store.data / stuck.file_name
    replaced_by_a_folder(path)
    stuck.discard()
    batch.close()
    assert len(claims_of(store)) == 1
    assert store.recover(lambda _asked: []) == Recovery(1, 0)
    assert len(claims_of(store)) == 1
    path.rmdir()
    path.touch()
    assert store.recover(lambda _asked: []) == Recovery(1, 1)
    assert claims_of(store) == []


def test_a_deleted_file_that_cannot_be_removed_keeps_its_claim_and_one_that_was_gone_does_not(
    store: ObjectStore,
) -> None:
    batch = store.batch()
    names = [received(batch, b"x").file_name for _ in range(2)]
    batch.tidy()
    for claim in store.claims.iterdir():
        claim.unlink()
    store.claim(names)
    replaced_by_a_folder(store.data / names[0])
    (store.data / names[1]).unlink()
    store.remove(names)
    assert claims_of(store) == [names[0][-32:]]


def test_claims_that_a_crash_cut_off_or_emptied_are_settled_too(store: ObjectStore) -> None:
    batch = store.batch()
    name = received(batch, b"deleted").file_name
    batch.tidy()
    for claim in store.claims.iterdir():
        claim.unlink()
    store.claim([name])  # as for deleting: an empty claim under the file's own name
    (store.claims / ("a" * 32)).write_text("../../etc/passwd\nab/cd/0123")
    (store.claims / "README").write_text("not ours")
    assert store.recover(lambda _asked: []) == Recovery(2, 1)
    assert files_of(store) == set()
    assert claims_of(store) == ["README"]


def test_a_database_that_fails_at_the_start_changes_nothing(store: ObjectStore) -> None:
    received(store.batch(), b"x")

    def fail(_asked: object) -> list[str]:
        raise RuntimeError("no database")

    before = files_of(store), claims_of(store)
    with pytest.raises(RuntimeError):
        store.recover(fail)
    assert (files_of(store), claims_of(store)) == before


@pytest.mark.parametrize(
    ("data", "same"),
    [(b"pixels", True), (b"pixelz", False), (b"pixel", False), (b"pixels ", False), (b"", False)],
)
def test_bytes_are_compared_from_the_data_set_on(store: ObjectStore, data: bytes, same: bool) -> None:
    batch = store.batch()
    stored = received(batch, b"pixels")
    again = batch.create()
    again.write([b"a longer header", data])
    assert again.is_same_as(batch.path(stored.file_name), len(HEADER), len(b"a longer header")) is same


def test_a_difference_far_into_a_large_object_is_seen(store: ObjectStore) -> None:
    batch = store.batch()
    data = bytes(range(256)) * 4096
    stored = received(batch, data)
    for place in (0, 262_143, 262_144, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        other = received(batch, bytes(changed))
        assert not other.is_same_as(batch.path(stored.file_name), len(HEADER), len(HEADER)), place
    assert received(batch, data).is_same_as(batch.path(stored.file_name), len(HEADER), len(HEADER))
