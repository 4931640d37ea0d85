"""Verification of stored files: findings, places that survive, the command ``--verify`` and its exit codes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from dicom_gateway.counters import Counter, SharedCounters
from dicom_gateway.scrub import Pace, Scrub
from tests.support.archive_records import record
from webviewer import verify_command
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.adapters.unindexed_files import unindexed_files
from webviewer.archive import FileDamage, InstanceId, OwnerId, Receipt, StudyId
from webviewer.config import DatabaseSettings
from webviewer.usecases import verify_files
from webviewer.usecases.verify_files import FilesReader

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
REPOSITORY = Path(__file__).resolve().parents[2]


class Ward:
    """A storage folder and its database."""

    def __init__(self, folder: Path, database: DatabaseSettings) -> None:
        create_database(database)
        self.database = database
        self.store = ObjectStore(folder / "storage")
        self.store.prepare()
        self.engine: Engine = make_engine(database)
        self.units = SqlStorageUnitOfWorkFactory(self.engine)

    def add(self, number: int, data: bytes, *, has_digest: bool = True) -> tuple[InstanceId, Path]:
        batch = self.store.batch()
        incoming = batch.create()
        incoming.write([data])
        digest = incoming.digest()
        own = record(number, file_name=incoming.file_name, file_bytes=len(data))
        own = replace(own, file_digest=digest.whole, block_digests=digest.blocks)
        with self.units() as unit:
            (receipt,) = unit.archive.add_instances([(OwnerId(1), own)], NOON)
            unit.commit()
        assert isinstance(receipt, Receipt)
        incoming.keep()
        batch.close()
        if not has_digest:
            self.execute(f"UPDATE instance SET file_digest = NULL WHERE instance_id = {receipt.instance_id}")  # noqa: S608
        return receipt.instance_id, self.store.path(own.file_name)

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def value(self, statement: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(statement)).scalar()

    def reader(self, name: str = "scrub", pause: Callable[[int], None] = lambda _bytes: None) -> FilesReader:
        return FilesReader(self.units, self.store.open_file, name, lambda: NOON, pause)

    def damages(self) -> dict[InstanceId, FileDamage]:
        with self.units(read_only=True) as unit:
            return {one.instance_id: one.damage for one in unit.verification.damaged_objects(100)}


@pytest.fixture
def ward(tmp_path: Path, database_settings: DatabaseSettings) -> Any:
    made = Ward(tmp_path, database_settings)
    yield made
    made.engine.dispose()


def spoil(ward: Ward) -> dict[InstanceId, FileDamage]:
    """Add two whole files and one of each damage; return the damages."""
    ward.add(1, b"whole")
    found: dict[InstanceId, FileDamage] = {}
    cut, path = ward.add(2, b"to be cut")
    os.truncate(path, 3)
    long, path = ward.add(3, b"to be longer")
    path.write_bytes(b"to be longer and longer")
    altered, path = ward.add(4, bytes(3 * 1024**2))
    with path.open("r+b") as file:
        file.seek(2 * 1024**2 + 17)
        file.write(b"\x01")
    gone, path = ward.add(5, b"to be deleted")
    path.unlink()
    fifo, path = ward.add(6, b"to be a FIFO")
    path.unlink()
    os.mkfifo(path)
    ward.add(7, b"whole, too")
    found |= {cut: FileDamage.TRUNCATED, long: FileDamage.TOO_LONG, altered: FileDamage.ALTERED}
    return found | {gone: FileDamage.MISSING, fifo: FileDamage.UNREADABLE}


def test_a_round_finds_each_kind_of_damage_and_notes_it(ward: Ward) -> None:
    damages = spoil(ward)
    reader = ward.reader()
    reader.begin()
    batch = reader.step()
    assert {file.instance_id: damage.damage for file, damage in batch.damaged} == damages
    assert (batch.files, batch.is_end, batch.new_damage) == (7, True, frozenset(damages))
    assert ward.damages() == damages
    with ward.units(read_only=True) as unit:
        assert unit.verification.damage_counts() == dict.fromkeys(damages.values(), 1)
        (one,) = [one for one in unit.verification.damaged_objects(100) if one.damage is FileDamage.MISSING]
        assert (one.study_id, one.found_at) == (StudyId(one.instance_id), NOON)
    reader.begin()
    assert reader.step().new_damage == frozenset()


def test_a_repaired_file_is_no_longer_noted(ward: Ward) -> None:
    number, path = ward.add(1, b"good bytes")
    path.write_bytes(b"evil bytes")
    reader = ward.reader()
    reader.begin()
    reader.step()
    assert ward.damages() == {number: FileDamage.ALTERED}
    os.truncate(path, 4)
    reader.begin()
    assert reader.step().new_damage == {number}
    assert ward.damages() == {number: FileDamage.TRUNCATED}
    path.write_bytes(b"good bytes")
    reader.begin()
    assert reader.step().repaired == 1
    assert ward.damages() == {}


def test_a_file_stored_before_there_were_digests_gets_its_first_one(ward: Ward) -> None:
    number, path = ward.add(1, b"old bytes", has_digest=False)
    reader = ward.reader()
    reader.begin()
    assert reader.step().first_digests == 1
    known = ward.value("SELECT file_digest FROM instance")
    assert known is not None
    path.write_bytes(b"new bytes")
    reader.begin()
    assert [damage.damage for _file, damage in reader.step().damaged] == [FileDamage.ALTERED]
    assert ward.value("SELECT file_digest FROM instance") == known
    assert ward.damages() == {number: FileDamage.ALTERED}


def test_an_altered_digest_is_damage(ward: Ward) -> None:
    number, _path = ward.add(1, b"bytes")
    ward.execute("UPDATE instance SET file_digest = 'xxh3-128:00'")
    reader = ward.reader()
    reader.begin()
    reader.step()
    assert ward.damages() == {number: FileDamage.ALTERED}


def test_a_reader_that_is_killed_goes_on_where_it_was(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_files, "BATCH_FILES", 2)
    numbers = [ward.add(number, b"bytes %d" % number)[0] for number in range(5)]
    read: list[int] = []

    def killed(size: int) -> None:
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append(size)

    reader = ward.reader(pause=killed)
    reader.begin()
    reader.step()
    with pytest.raises(KeyboardInterrupt):
        reader.step()
    again = ward.reader()
    assert (again.place().files, again.place().next_instance_id) == (2, numbers[2])
    assert [again.step().files, again.step().files] == [2, 1]
    assert again.place().started_at is None
    assert (again.place().files, again.place().finished_at) == (5, NOON)


def test_two_readers_keep_places_of_their_own_and_find_the_same(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_files, "BATCH_FILES", 2)
    damages = spoil(ward)
    scrub, verify = ward.reader("scrub"), ward.reader("verify")
    scrub.begin()
    verify.begin()
    news: set[InstanceId] = set()
    for _ in range(4):
        for reader in (scrub, verify):
            news |= reader.step().new_damage
    assert (scrub.place().files, verify.place().files) == (7, 7)
    assert news == set(damages)
    assert ward.damages() == damages


def test_a_study_that_is_deleted_while_it_is_read_is_no_damage(ward: Ward) -> None:
    number, path = ward.add(1, b"bytes")
    other, _ = ward.add(2, b"other bytes")

    def delete(_size: int) -> None:
        with ward.units() as unit:
            unit.archive.delete_studies(OwnerId(1), [StudyId(number)])
            unit.commit()

    path.write_bytes(b"BYTES")
    reader = ward.reader(pause=delete)
    reader.begin()
    batch = reader.step()
    assert (batch.files, batch.damaged) == (2, ())
    assert ward.damages() == {}
    assert other


def test_damage_goes_with_its_object(ward: Ward) -> None:
    number, path = ward.add(1, b"bytes")
    path.unlink()
    reader = ward.reader()
    reader.begin()
    reader.step()
    with ward.units() as unit:
        unit.archive.delete_studies(OwnerId(1), [StudyId(number)])
        unit.commit()
    assert ward.damages() == {}


def test_files_that_the_index_does_not_know_are_found_and_those_under_way_are_not(ward: Ward) -> None:
    ward.add(1, b"indexed")
    batch = ward.store.batch()
    incoming = batch.create()
    incoming.write([b"under way"])
    folder = ward.store.data / "ab" / "cd"
    folder.mkdir(parents=True)
    (folder / ("abcd" + "0" * 28)).write_bytes(b"without a row")
    (folder / "letter.txt").write_bytes(b"not ours")
    (folder / "link").symlink_to("/etc")

    def indexed(names: Any) -> Any:
        with ward.units(read_only=True) as unit:
            return unit.archive.indexed_files(names)

    found = set(unindexed_files(ward.store, indexed))
    assert found == {f"ab/cd/abcd{'0' * 28}", "ab/cd/letter.txt", "ab/cd/link"}
    incoming.discard()
    batch.close()


def test_the_scrub_begins_a_round_once_a_day_and_after_a_restart_goes_on(ward: Ward) -> None:
    number, path = ward.add(1, b"bytes")
    counters, now = SharedCounters(1), [NOON]

    def scrub() -> Scrub:
        reader = FilesReader(ward.units, ward.store.open_file, "scrub", lambda: now[0])
        return Scrub(reader, lambda _bytes: None, counters.row(0), lambda: now[0])

    assert scrub().look() is False
    assert counters.total(Counter.SCRUBBED_FILES) == 1
    path.unlink()
    now[0] += dt.timedelta(hours=23)
    assert scrub().look() is False
    assert ward.damages() == {}
    now[0] += dt.timedelta(hours=2)
    scrub().look()
    assert ward.damages() == {number: FileDamage.MISSING}
    assert counters.total(Counter.SCRUBBED_FILES) == 2


def test_the_scrub_keeps_to_its_rate_and_to_a_tenth_of_it_beside_other_work() -> None:
    counters, now, slept = SharedCounters(1), [0.0], list[float]()
    pace = Pace(1000, counters, monotonic=lambda: now[0], sleep=slept.append)
    pace(500)
    counters.row(0).add(Counter.STORED)
    now[0] = 10.0
    pace(100)
    now[0] = 11.0
    pace(100)
    now[0] = 12.5
    pace(100)
    pace(1_000_000)
    assert slept == [0.5, 1.0, 1.0, 0.1, 5.0]


def test_the_command_says_what_is_wrong_in_plain_lines(ward: Ward, capsys: pytest.CaptureFixture[str]) -> None:
    damages = spoil(ward)
    (ward.store.data / "stray").write_bytes(b"")
    assert verify_command.verify(ward.database, ward.store.root) == (5, 1)
    lines = capsys.readouterr().out.splitlines()
    number = {damage: instance_id for instance_id, damage in damages.items()}
    assert lines[0].startswith(f"truncated: instance {number[FileDamage.TRUNCATED]}, file ")
    assert lines[0].endswith(": 3 of 9 bytes")
    assert lines[1].endswith(": 23 of 12 bytes")
    assert lines[2].startswith(f"altered: instance {number[FileDamage.ALTERED]}, file ")
    assert lines[3].startswith(f"missing: instance {number[FileDamage.MISSING]}, file ")
    assert lines[4].endswith(": it is no regular file")
    assert lines[5] == "not in the index: stray"
    assert lines[6] == (
        f"7 objects with {5 + 9 + 12 + 3 * 1024**2 + 13 + 12 + 10} bytes compared: 5 missing or damaged, "
        "1 other files in the folder that the index does not know."
    )
    assert len(lines) == 7


def test_the_command_goes_on_with_a_verification_that_did_not_end(
    ward: Ward, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_files, "BATCH_FILES", 3)
    spoil(ward)
    reader = FilesReader(ward.units, ward.store.open_file, "verify", lambda: dt.datetime.now(dt.UTC))
    reader.begin()
    reader.step()
    assert verify_command.verify(ward.database, ward.store.root) == (5, 0)
    out = capsys.readouterr().out
    assert "goes on: 3 objects were compared." in out
    assert "truncated: instance 2 of study 2, found at " in out
    assert out.count("\n") == 7  # the first line, two known, three new, the last line
    assert "7 objects with " in out


def configuration(ward: Ward) -> tuple[Path, dict[str, str]]:
    folder = ward.store.root.parent
    database = ward.database
    environ = {
        **os.environ,
        "WEBVIEWER_STORAGE": str(ward.store.root),
        "WEBVIEWER_DATABASE_DRIVER": database.driver.value,
        "WEBVIEWER_DATABASE_NAME": database.name,
        "WEBVIEWER_DATABASE_HOST": database.host,
        "WEBVIEWER_DATABASE_PORT": str(database.port),
        "WEBVIEWER_DATABASE_USER": database.user,
        "WEBVIEWER_DATABASE_PASSWORD": database.password,
    }
    return folder, environ


def run(ward: Ward, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    folder, environ = configuration(ward)
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("module", ["dicom_gateway.main", "functions.render_server"])
def test_exit_codes_tell_whole_damaged_and_unknown_files_apart(ward: Ward, module: str) -> None:
    _number, path = ward.add(1, b"bytes")
    whole = run(ward, module, "--verify")
    assert (whole.returncode, whole.stderr) == (0, "")
    (ward.store.data / "stray").write_bytes(b"")
    assert run(ward, module, "--verify").returncode == 11
    path.unlink()
    assert run(ward, module, "--verify").returncode == 10
    wrong = run(ward, module, "--verify", "--update-database")
    assert wrong.returncode == 2
    assert "--verify cannot go with --update-database: nothing was done" in wrong.stderr
    assert run(ward, module, "--verify", "--check-database").returncode == 8


def test_a_second_verification_ends_in_words(ward: Ward) -> None:
    import fcntl

    holder = os.open(ward.store.data, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    second = run(ward, "dicom_gateway.main", "--verify")
    os.close(holder)
    assert second.returncode == 6
    assert "is being verified by another process" in second.stderr
    assert run(ward, "dicom_gateway.main", "--verify").returncode == 0


def test_a_folder_or_a_database_that_is_away_has_its_own_exit_code(ward: Ward) -> None:
    ward.store.data.rename(ward.store.root / "moved")
    assert run(ward, "dicom_gateway.main", "--verify").returncode == 6
    ward.database = replace(ward.database, name=f"{ward.database.name}-gone")
    assert run(ward, "dicom_gateway.main", "--verify").returncode == 7
