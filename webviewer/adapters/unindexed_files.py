"""Files in the storage folder that no instance of the index points to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from webviewer.adapters.files import ObjectStore

_BATCH = 500


def unindexed_files(store: ObjectStore, indexed: Callable[[Iterable[str]], Iterable[str]]) -> Iterator[str]:
    """Yield the names, under the data folder, of files without a row; works while a node receives and deletes.

    Parameters
    ----------
    store
        The storage folder.
    indexed
        Returns those of the given file names that the index has.

    Raises
    ------
    OSError
        A folder cannot be read.
    """
    found = _names(store.data)
    while names := list(islice(found, _BATCH)):
        without_row = set(names) - set(indexed(names))
        if not without_row:
            continue
        # A file that is being received is claimed until its row is committed, and one that is being deleted is claimed
        # from before its row goes until the file is gone. So it is neither claimed nor indexed only in between.
        claimed = set(store.claimed_files())
        suspects = without_row - claimed
        yield from sorted(name for name in suspects - set(indexed(suspects)) if os.path.lexists(store.data / name))


def _names(data: Path) -> Iterator[str]:
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(data / folder))
        except FileNotFoundError:
            if not folder:
                raise
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            else:
                yield name
