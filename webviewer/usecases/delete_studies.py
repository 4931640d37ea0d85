"""Deleting studies from an owner's storage, never from anybody else's, and without leaving stray files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from webviewer.archive import OwnerId, StudyId
from webviewer.core.errors import NotFound
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_DELETED_AT_ONCE = 1000

_log = logging.getLogger(__name__)


class FileRemoval(Protocol):
    """The part of the file store that deleting needs."""

    def claim(self, file_names: Sequence[str]) -> None:
        """Note, durably, that these files go unless the index still has them at the next start."""
        ...

    def remove(self, file_names: Sequence[str]) -> None:
        """Remove the files, then their claims; a file that is gone already is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted."""

    study_ids: tuple[StudyId, ...]
    file_count: int


def delete_studies(
    units: StorageUnitOfWorkFactory,
    files: FileRemoval,
    publish: Callable[[Mapping[str, object]], None],
    owner_id: OwnerId,
    study_ids: Iterable[StudyId],
) -> Deletion:
    """Delete those of the studies that the owner has; what is not theirs, or gone already, is passed over.

    Study by study, each in a transaction of its own that does no file work, so that receiving goes on between them. The
    files are claimed before the rows go and removed after the commit. A crash before the commit leaves rows, files and
    claims: at the next start only the claims go. A crash after it leaves files with a claim and no row: they go too.

    Parameters
    ----------
    units
        Transactions.
    files
        Claims and removes files.
    publish
        Takes the event ``study_deleted`` for the owner's pages.
    owner_id
        Whose studies.
    study_ids
        Which.

    Returns
    -------
    Deletion
        The studies that were there and are not any more.
    """
    gone: list[StudyId] = []
    file_count = 0
    try:
        for study_id in dict.fromkeys(study_ids):
            removed = _delete_study(units, files, owner_id, study_id)
            if removed is not None:
                gone.append(study_id)
                file_count += removed
    finally:  # if a later one fails, the earlier ones are gone all the same
        if gone:
            _log.info("studies_deleted", extra={"owner_id": owner_id, "study_ids": gone, "files": file_count})
            publish({"type": "study_deleted", "owner_id": owner_id, "study_ids": gone})
    return Deletion(tuple(gone), file_count)


def _delete_study(
    units: StorageUnitOfWorkFactory, files: FileRemoval, owner_id: OwnerId, study_id: StudyId
) -> int | None:
    """Delete one study and return how many files went, None if the owner has no such study."""
    with units(read_only=True) as unit:
        try:
            unit.archive.get_study(owner_id, study_id)
        except NotFound:
            return None
        claimed = unit.archive.file_names(owner_id, study_id)
    files.claim(claimed)
    with units() as unit:
        deleted = unit.archive.delete_studies(owner_id, [study_id])
        late = frozenset(deleted).difference(claimed)
        if late:  # objects that came in between: few, so the writers' lock is held for a moment only
            files.claim(sorted(late))
        unit.commit()
    # Another request may have deleted the study, or it and a new copy of it: what the index has stays.
    unsure = frozenset(claimed).difference(deleted)
    if unsure:
        with units(read_only=True) as unit:
            unsure -= unit.archive.indexed_files(unsure)
    files.remove([*deleted, *sorted(unsure)])
    return len(deleted) if deleted else None
