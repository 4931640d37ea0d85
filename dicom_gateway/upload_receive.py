"""Uploaded objects take the way of objects from modalities into the storage: claimed file, fsync, index, commit."""

from __future__ import annotations

import io
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast

from webviewer.adapters.files import FileBatch, ObjectStore
from webviewer.archive import OwnerId, Receipt
from webviewer.core.errors import LimitExceeded, OutOfResources
from webviewer.core.octets import ByteSource
from webviewer.usecases.receive_instance import InstanceIndex, receive_file

_PIECE_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 4 * 1024**2


class UploadReceiver:
    """Stores one object of an upload; see `dicom_gateway.upload_examine.ObjectReceiver`.

    Parameters
    ----------
    store
        The folder of stored objects.
    index
        The one writer of the index.
    max_object_bytes
        Larger objects are refused.
    spool_folder
        Where objects that come out of an archive are put together before their header is read; on the storage's disk,
        since the disk of ``/tmp`` may be small or memory.
    """

    def __init__(
        self,
        store: ObjectStore,
        index: InstanceIndex,
        max_object_bytes: int,
        spool_folder: Path,
    ) -> None:
        self._store = store
        self._index = index
        self._max_object_bytes = max_object_bytes
        self._spool_folder = spool_folder
        self._local = threading.local()

    def receive(self, owner_id: OwnerId, source: ByteSource) -> Receipt:
        """Store what `source` holds; returns after the commit."""
        if isinstance(source, io.BufferedReader):
            return self._finish(owner_id, source)
        with closing(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(self._spool_folder))) as spool:
            total = 0
            while piece := source.read(_PIECE_BYTES):
                total += len(piece)
                if total > self._max_object_bytes:
                    raise LimitExceeded(
                        f"The file is larger than {self._max_object_bytes} bytes, the most that one object may have."
                    )
                try:
                    spool.write(piece)
                except OSError as error:
                    raise OutOfResources(f"The upload cannot be kept: {error.strerror}.") from error
            spool.seek(0)
            return self._finish(owner_id, cast("BinaryIO", spool))

    def release(self) -> None:
        """Close this thread's maker of files: what it made ready goes."""
        batch: FileBatch | None = getattr(self._local, "batch", None)
        if batch is not None:
            self._local.batch = None
            batch.close()

    def _finish(self, owner_id: OwnerId, source: BinaryIO) -> Receipt:
        return receive_file(self._batch(), self._index, owner_id, source, max_bytes=self._max_object_bytes)

    def _batch(self) -> FileBatch:
        """Return this thread's maker of files: one folder is filled before the next is made."""
        batch = getattr(self._local, "batch", None)
        if batch is None:
            batch = self._local.batch = self._store.batch()
        return cast("FileBatch", batch)
