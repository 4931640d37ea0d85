"""Deleting studies from an owner's storage, never from anybody else's, and without leaving stray files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from webviewer.archive import OwnerId, StudyId
from webviewer.core.errors import NotFound
from webviewer.usecases.unit_of_work import UnitOfWorkFactory


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
    units: UnitOfWorkFactory,
    files: FileRemoval,
    publish: Callable[[Mapping[str, object]], None],
    owner_id: OwnerId,
    study_ids: Iterable[StudyId],
) -> Deletion:
    """Delete those of the studies that the owner has; what is not theirs, or gone already, is passed over.

    The files are claimed before the rows go and removed after the commit. A crash before the commit leaves rows,
    files and claims: at the next start only the claims go. A crash after it leaves files with a claim and no row: they
    go too.

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
    with units() as unit:
        own: list[StudyId] = []
        for study_id in dict.fromkeys(study_ids):
            try:
                unit.archive.get_study(owner_id, study_id)
            except NotFound:
                continue
            own.append(study_id)
        if not own:
            return Deletion((), 0)
        file_names = unit.archive.delete_studies(owner_id, own)
        files.claim(file_names)
        unit.commit()
    files.remove(file_names)
    publish({"type": "study_deleted", "owner_id": owner_id, "study_ids": list(own)})
    return Deletion(tuple(own), len(file_names))
