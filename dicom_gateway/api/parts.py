"""What the internal HTTP is made of; `dicom_gateway.processes` puts it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dicom_gateway.api.series_cache import SeriesCache
from dicom_gateway.node_state import NodeState
from dicom_gateway.upload import UploadLimits, UploadStore
from dicom_gateway.upload_examine import ExamineLimits, Examiner
from dicom_gateway.upload_receive import UploadReceiver
from webviewer.adapters.files import ObjectStore
from webviewer.archive import OwnerId, Receipt, StoredFile
from webviewer.config import StorageSettings
from webviewer.core.octets import ByteSource
from webviewer.core.seats import Seats
from webviewer.usecases.delete_studies import FileRemoval
from webviewer.usecases.read_frames import FrameReader
from webviewer.usecases.read_overlays import OverlayReader
from webviewer.usecases.read_presentation_states import PresentationStateReader
from webviewer.usecases.receive_instance import InstanceIndex
from webviewer.usecases.stored_files import DamagedFile, StoredFiles
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

UPLOADS_AT_ONCE = 16
UPLOADS_OF_OWNER = 8
ARCHIVES_AT_ONCE = 16
ARCHIVES_OF_OWNER = 2


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Services behind the internal HTTP.

    Attributes
    ----------
    units
        Transactions on the index.
    token
        What every caller must present.
    stored_files
        Opens stored files and compares them with what was received.
    data_folder
        Where stored files lie.
    files
        Claims and removes stored files.
    frames, overlays, presentation_states
        Read frames, overlay bits of frames, and references of presentation states.
    uploads
        All uploads of this node.
    receive
        Stores one object that was made here, as one that came: returns after the commit.
    publish
        Takes an event for the pages: ``type``, ``owner_id`` and what belongs to it.
    problems
        Says in words why the node is not ready; empty when it is.
    status
        Facts for the console.
    metrics
        Text for Prometheus.
    describe
        Who this node is, as its heartbeat says it.
    state
        Its place in the system.
    series_cache
        Answers about series.
    upload_seats, archive_seats
        How many bodies are received and archives sent at once: far fewer than there are threads, so that senders and
        readers who stand still never hold up anybody else.
    """

    units: StorageUnitOfWorkFactory
    token: str = field(repr=False)
    stored_files: StoredFiles
    data_folder: Path
    files: FileRemoval
    frames: FrameReader
    overlays: OverlayReader
    presentation_states: PresentationStateReader
    uploads: UploadStore
    receive: Callable[[OwnerId, ByteSource], Receipt]
    publish: Callable[[Mapping[str, object]], None]
    problems: Callable[[], list[str]]
    status: Callable[[], Mapping[str, object]]
    metrics: Callable[[], bytes]
    describe: Callable[[], Mapping[str, object]]
    state: NodeState
    series_cache: SeriesCache = field(default_factory=SeriesCache)
    upload_seats: Seats = field(default_factory=lambda: Seats("uploads", UPLOADS_AT_ONCE, UPLOADS_OF_OWNER))
    archive_seats: Seats = field(default_factory=lambda: Seats("downloads", ARCHIVES_AT_ONCE, ARCHIVES_OF_OWNER))


def make_parts(
    settings: StorageSettings,
    token: str,
    units: StorageUnitOfWorkFactory,
    index: InstanceIndex,
    *,
    publish: Callable[[Mapping[str, object]], None],
    problems: Callable[[], list[str]],
    status: Callable[[], Mapping[str, object]],
    metrics: Callable[[], bytes],
    describe: Callable[[], Mapping[str, object]],
    state: NodeState,
    on_damage: Callable[[StoredFile, DamagedFile], None] = lambda _file, _damage: None,
    on_read: Callable[[], None] = lambda: None,
    upload_limits: UploadLimits | None = None,
    examine_limits: ExamineLimits | None = None,
    writer: str = "",
) -> ApiParts:
    """Put the services together; to be called in the process that serves, after the last fork.

    Parameters
    ----------
    settings
        Of the storage node.
    token
        What every caller must present.
    units
        Transactions on the index.
    index
        The one writer of new objects.
    publish, problems, status, metrics, describe, state
        As in `ApiParts`.
    on_damage
        Takes each damaged file that a reader met.
    on_read
        Called for each stored file that is opened for a reader.
    upload_limits, examine_limits
        How much uploads may cost.
    writer
        Name that this process's claims carry; see `webviewer.adapters.files`.
    """
    store = ObjectStore(settings.storage, writer)

    def open_file(file_name: str) -> int:
        on_read()
        return store.open_file(file_name)

    stored_files = StoredFiles(open_file, on_damage)
    uploads_folder = settings.storage / "uploads"
    receiver = UploadReceiver(store, index, settings.max_object_bytes, uploads_folder)
    examiner = Examiner(receiver, examine_limits or ExamineLimits(max_object_bytes=settings.max_object_bytes))

    def receive(owner_id: OwnerId, source: ByteSource) -> Receipt:
        try:
            return receiver.receive(owner_id, source)
        finally:
            receiver.release()

    return ApiParts(
        units=units,
        token=token,
        stored_files=stored_files,
        data_folder=store.data,
        files=store,
        frames=FrameReader(units, stored_files),
        overlays=OverlayReader(units, stored_files),
        presentation_states=PresentationStateReader(units, stored_files),
        uploads=UploadStore(
            uploads_folder, examiner, upload_limits or UploadLimits(expires_after_s=settings.upload_expiry_s)
        ),
        receive=receive,
        publish=publish,
        problems=problems,
        status=status,
        metrics=metrics,
        describe=describe,
        state=state,
    )
