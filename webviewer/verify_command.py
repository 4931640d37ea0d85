"""The command ``--verify``: compares all stored files with the index, whether or not a node serves."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.adapters.unindexed_files import unindexed_files
from webviewer.archive import StoredFile
from webviewer.config import DatabaseSettings
from webviewer.core.errors import OutOfResources
from webviewer.core.system import give_way
from webviewer.usecases.clock import system_clock
from webviewer.usecases.stored_files import DamagedFile
from webviewer.usecases.verify_files import FilesReader

logger = logging.getLogger(__name__)

_NAME: Final = "verify"
_RESUMED_FOR: Final = timedelta(days=7)  # what was read longer ago is read again
_RATE_BESIDE_A_NODE: Final = 32 * 1024**2  # bytes per second
_SAY_EVERY_S: Final = 30.0
_MOST_LINES: Final = 10_000  # of one kind: a folder that was lost as a whole must not print millions


class StorageInUse(OutOfResources):
    """Another process verifies the same storage folder, or the folder cannot be used."""


def verify(database: DatabaseSettings, folder: Path) -> tuple[int, int]:
    """Compare all stored files with the index and say in lines what is wrong.

    Parameters
    ----------
    database
        Of the storage node.
    folder
        The storage folder.

    Returns
    -------
    tuple[int, int]
        How many files are missing or damaged, and how many files the index does not know.

    Raises
    ------
    StorageInUse
        Another verification runs, or the folder cannot be read.
    OutOfResources
        The database cannot be used.
    """
    store = ObjectStore(folder)
    engine = make_engine(database)
    units = SqlStorageUnitOfWorkFactory(engine)
    try:
        with _alone(store):
            give_way()
            reader = FilesReader(units, store.open_file, _NAME, system_clock, _pace(store))
            _compare_files(units, reader)
            unindexed = _compare_folder(units, store)
            with units(read_only=True) as unit:
                damaged = sum(unit.verification.damage_counts().values())
    except OSError as exc:
        raise StorageInUse(f"The storage folder {store.root} cannot be read: {exc.strerror or exc}.") from exc
    finally:
        engine.dispose()
    place = reader.place()
    _say(
        f"{place.files} objects with {place.size_bytes} bytes compared: {damaged} missing or damaged, "
        f"{unindexed} other files in the folder that the index does not know."
    )
    return damaged, unindexed


def _compare_files(units: SqlStorageUnitOfWorkFactory, reader: FilesReader) -> None:
    place = reader.place()
    if place.started_at is not None and system_clock() - place.started_at < _RESUMED_FOR:
        _say(f"The verification of {place.started_at:%Y-%m-%d %H:%M} UTC goes on: {place.files} objects were compared.")
        with units(read_only=True) as unit:
            known = unit.verification.damaged_objects(_MOST_LINES)
        for one in known:
            found_at = f"{one.found_at:%Y-%m-%d %H:%M} UTC"
            _say(f"{_word(one.damage)}: instance {one.instance_id} of study {one.study_id}, found at {found_at}")
    else:
        reader.begin()
    said_s, lines, first_digests = time.monotonic(), 0, 0
    while True:
        batch = reader.step()
        first_digests += batch.first_digests
        for file, damage in batch.damaged:
            _log(file, damage)
            lines += 1
            if lines <= _MOST_LINES:
                _say(f"{_word(damage.damage)}: instance {file.instance_id}, file {file.file_name}{_reason(damage)}")
        if batch.is_end:
            break
        if time.monotonic() - said_s >= _SAY_EVERY_S:
            said_s = time.monotonic()
            _say(f"{reader.place().files} objects compared so far.")
    if lines > _MOST_LINES:
        _say(f"and {lines - _MOST_LINES} more; the log names each.")
    if first_digests:
        _say(
            f"{first_digests} objects were stored by a version without digests: their sizes are right, their bytes "
            "could not be compared. They have digests from now on."
        )


def _compare_folder(units: SqlStorageUnitOfWorkFactory, store: ObjectStore) -> int:
    def indexed(names: Iterable[str]) -> Iterable[str]:
        with units(read_only=True) as unit:
            return unit.archive.indexed_files(names)

    count = 0
    for name in unindexed_files(store, indexed):
        count += 1
        if count <= _MOST_LINES:
            _say(f"not in the index: {name!r}" if not name.isprintable() else f"not in the index: {name}")
    if count > _MOST_LINES:
        _say(f"and {count - _MOST_LINES} more.")
    return count


def _word(damage: str) -> str:
    return damage.replace("_", " ")


def _reason(damage: DamagedFile) -> str:
    return f": {damage.reason}" if damage.reason else ""


def _log(file: StoredFile, damage: DamagedFile) -> None:
    facts = {"instance_id": file.instance_id, "file_name": file.file_name, "damage": damage.damage.value}
    logger.error("stored_file_damaged", extra={**facts, "reason": damage.reason, "found_by": _NAME})


def _pace(store: ObjectStore) -> Callable[[int], None]:
    """Return what bounds the reading while a node serves from the same folder."""
    state = {"asked_s": -_SAY_EVERY_S, "beside": 0.0}

    def pause(size_bytes: int) -> None:
        now_s = time.monotonic()
        if now_s - state["asked_s"] > 1.0:
            state["asked_s"], state["beside"] = now_s, float(_is_locked(store.claims))
        if state["beside"]:
            time.sleep(size_bytes / _RATE_BESIDE_A_NODE)

    return pause


@contextmanager
def _alone(store: ObjectStore) -> Iterator[None]:
    """Keep out a second verification; the lock ends with the process, however it dies."""
    descriptor = os.open(store.data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageInUse(f"The storage folder {store.root} is being verified by another process.") from None
        yield
    finally:
        os.close(descriptor)


def _is_locked(folder: Path) -> bool:
    """Tell whether a storage node holds the folder (`dicom_gateway.processes`)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
