"""Verification of all stored files against the index, in batches that survive a kill: the scrub and ``--verify``.

A file is read whole. Its finding is written with the place of the reader in one transaction, so a reader that is killed
repeats one batch at most.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from webviewer.archive import InstanceId, StoredFile, VerificationRound
from webviewer.core.file_digest import FileDigest
from webviewer.usecases.clock import Clock
from webviewer.usecases.stored_files import DamagedFile, altered, damage_of, of_another_size, read_digest
from webviewer.usecases.unit_of_work import StorageUnitOfWork, StorageUnitOfWorkFactory

BATCH_FILES = 200
BATCH_BYTES = 64 * 1024**2

Outcome = DamagedFile | FileDigest | None
"""A damage, the first digest of a file that had none, or None for a file that is as it was received."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of a reader has done."""

    files: int
    size_bytes: int
    damaged: tuple[tuple[StoredFile, DamagedFile], ...]
    new_damage: frozenset[InstanceId]  # those of the damaged that were not known to be so
    first_digests: int
    repaired: int  # files that were known to be damaged and are whole
    is_end: bool  # the round is over


class FilesReader:
    """Reads all stored files in the order of their instances, batch by batch.

    Parameters
    ----------
    units
        Transactions on the index.
    open_file
        Opens a regular file by its name for reading and returns the descriptor.
    name
        Under which the reader keeps its place: ``scrub`` or ``verify``.
    clock
        The time.
    pause
        Called after each piece of a file with its size; may sleep.
    """

    def __init__(
        self,
        units: StorageUnitOfWorkFactory,
        open_file: Callable[[str], int],
        name: str,
        clock: Clock,
        pause: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self._units = units
        self._open_file = open_file
        self._name = name
        self._clock = clock
        self._pause = pause

    def place(self) -> VerificationRound:
        """Return how far the reader has come."""
        with self._units(read_only=True) as unit:
            return unit.verification.round_of(self._name)

    def begin(self) -> None:
        """Begin a round at the first instance."""
        with self._units() as unit:
            before = unit.verification.round_of(self._name)
            begun = VerificationRound(InstanceId(0), self._clock(), before.finished_at, 0, 0)
            unit.verification.keep_round(self._name, begun)
            unit.commit()

    def step(self) -> Batch:
        """Verify the next files and keep the findings and the place.

        Raises
        ------
        OutOfResources
            The database cannot be used; nothing of the batch is kept.
        """
        with self._units(read_only=True) as unit:
            place = unit.verification.round_of(self._name)
            files = unit.verification.files_from(place.next_instance_id, BATCH_FILES)
        done: list[tuple[StoredFile, Outcome]] = []
        size_bytes = 0
        for file in files:
            done.append((file, verify_file(self._open_file, file, self._pause)))
            size_bytes += file.file_bytes
            if size_bytes >= BATCH_BYTES:
                break
        now = self._clock()
        is_end = len(done) == len(files) < BATCH_FILES
        with self._units() as unit:
            damaged, new = _note_damage(unit, done, now)
            whole = [file.instance_id for file, outcome in done if not isinstance(outcome, DamagedFile)]
            repaired = unit.verification.clear_damage(whole)
            first_digests = [(file, outcome) for file, outcome in done if isinstance(outcome, FileDigest)]
            for file, digest in first_digests:
                unit.verification.set_digest(file.instance_id, file.file_name, digest)
            unit.verification.keep_round(self._name, _moved(place, done, size_bytes, now, is_end=is_end))
            unit.commit()
        return Batch(len(done), size_bytes, damaged, new, len(first_digests), repaired, is_end)


def verify_file(open_file: Callable[[str], int], file: StoredFile, pause: Callable[[int], None]) -> Outcome:
    """Read a stored file whole and compare it with what was received.

    Raises
    ------
    OSError
        The process lacks descriptors or memory.
    """
    try:
        descriptor = open_file(file.file_name)
        try:
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes != file.file_bytes:
                return of_another_size(size_bytes, file.file_bytes)
            digest, size_bytes = read_digest(descriptor, pause)
        finally:
            os.close(descriptor)
    except OSError as error:
        damage = damage_of(error)
        if damage is None:
            raise
        return damage
    if size_bytes != file.file_bytes:
        return of_another_size(size_bytes, file.file_bytes)
    if file.file_digest is None:
        return digest
    is_same = (digest.whole, digest.blocks) == (file.file_digest, file.block_digests)
    return None if is_same else altered()


def _note_damage(
    unit: StorageUnitOfWork, done: list[tuple[StoredFile, Outcome]], now: dt.datetime
) -> tuple[tuple[tuple[StoredFile, DamagedFile], ...], frozenset[InstanceId]]:
    damaged: list[tuple[StoredFile, DamagedFile]] = []
    new: set[InstanceId] = set()
    for file, outcome in done:
        # A study that is deleted loses its rows before its files, so a file without a row is no damage.
        if not isinstance(outcome, DamagedFile) or not unit.verification.has_file(file.instance_id, file.file_name):
            continue
        damaged.append((file, outcome))
        if unit.verification.record_damage(file.instance_id, file.file_name, outcome.damage, now):
            new.add(file.instance_id)
    return tuple(damaged), frozenset(new)


def _moved(
    place: VerificationRound,
    done: list[tuple[StoredFile, Outcome]],
    size_bytes: int,
    now: dt.datetime,
    *,
    is_end: bool,
) -> VerificationRound:
    files, total_bytes = place.files + len(done), place.size_bytes + size_bytes
    if is_end:
        return VerificationRound(InstanceId(0), None, now, files, total_bytes)
    following = InstanceId(done[-1][0].instance_id + 1)
    started_at = place.started_at or now
    return replace(place, next_instance_id=following, started_at=started_at, files=files, size_bytes=total_bytes)
