"""An object comes in: checked, brought to the disk, indexed; only then may anybody say that it is stored.

The DICOM listener and the upload share this path. The order is the promise: data and their name are on the disk before
the index may commit, and the sender hears of it after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

from webviewer.archive import InstanceRecord, OwnerId, Receipt
from webviewer.core.errors import LimitExceeded, OutOfResources, WebviewerError
from webviewer.dicom.file_meta import encode_file_meta
from webviewer.dicom.header import Header, is_valid_uid, read_header, read_header_from_data_set

OUTCOME_UNKNOWN = "outcome_unknown"
"""Code of the `OutOfResources` that an index raises when nobody can know whether it has committed."""

_COPY_BYTES = 256 * 1024


class Incoming(Protocol):
    """A claimed file that is being written; see `webviewer.adapters.files.IncomingFile`."""

    file_name: str
    size_bytes: int

    def write_header(self, data: bytes) -> None:
        """Write what stands before the data set."""
        ...

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Append parts of the data set."""
        ...

    def data_set_sha256(self) -> bytes:
        """Return the digest of the data set."""
        ...

    def reader(self) -> BinaryIO:
        """Open for reading what was written."""
        ...

    def sync(self) -> None:
        """Bring file and name to the disk."""
        ...

    def keep(self) -> None:
        """The index has it: the claim goes."""
        ...

    def discard(self) -> None:
        """It is not stored: file and claim go."""
        ...

    def leave(self) -> None:
        """Nobody knows: file and claim stay until the next start."""
        ...


class IncomingFiles(Protocol):
    """Makes claimed files; see `webviewer.adapters.files.FileBatch`."""

    def create(self) -> Incoming:
        """Claim a new name and open its file."""
        ...


class InstanceIndex(Protocol):
    """The one writer of the index."""

    def submit(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt:
        """Index an object durably; raises DuplicateObject, OutOfResources."""
        ...


class IdentityMismatch(WebviewerError):
    """The data set is another object than was announced."""

    default_code = "identity_mismatch"


@dataclass(frozen=True, slots=True)
class Announced:
    """What the sender said about a data set before sending it."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset_bytes: int


def record_of(header: Header, incoming: Incoming) -> InstanceRecord:
    """Return what the index is told about a received file."""
    return InstanceRecord(
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        series_instance_uid=header.series_instance_uid,
        study_instance_uid=header.study_instance_uid,
        patient_id=header.patient_id,
        issuer_of_patient_id=header.issuer_of_patient_id,
        patient_name=header.patient_name,
        patient_sex=header.patient_sex,
        patient_birth_date=header.patient_birth_date,
        study_date=header.study_date,
        study_time=header.study_time,
        accession_number=header.accession_number,
        study_description=header.study_description,
        referring_physician_name=header.referring_physician_name,
        institution_name=header.institution_name,
        modality=header.modality,
        body_part_examined=header.body_part_examined,
        series_number=header.series_number,
        series_description=header.series_description,
        instance_number=header.instance_number,
        number_of_frames=header.number_of_frames,
        file_name=incoming.file_name,
        file_bytes=incoming.size_bytes,
        data_set_offset_bytes=header.data_set_offset_bytes,
        data_set_sha256=incoming.data_set_sha256(),
        pixel_data_offset_bytes=header.pixel_data_offset_bytes,
        pixel_data_length_bytes=header.pixel_data_length_bytes,
        image=header.image,
    )


def receive_announced(
    incoming: Incoming,
    index: InstanceIndex,
    owner_id: OwnerId,
    announced: Announced,
    start: Callable[[Callable[[], None]], Callable[[], None]],
) -> Receipt:
    """Finish an object that is wholly written: check, sync and index it. The claimed file is settled either way.

    Parameters
    ----------
    incoming
        The written file.
    index
        The one writer of the index.
    owner_id
        Whose storage it goes to.
    announced
        What the command said; the data set must agree.
    start
        Starts a function elsewhere and returns a function that waits for it and raises what it raised: syncing is the
        disk's work and reading the header the processor's, so they go on side by side.

    Returns
    -------
    Receipt
        "stored", or "duplicate": the same bytes are stored already and this copy is gone.

    Raises
    ------
    IdentityMismatch
        Command and data set name different objects.
    DuplicateObject
        Other bytes are stored under this UID.
    InvalidInput, DataError
        The data set cannot be understood.
    OutOfResources
        Disk or database.
    """
    settled = False
    try:
        wait_for_sync = start(incoming.sync)
        try:
            with incoming.reader() as file:
                file.seek(announced.data_set_offset_bytes)
                header = read_header_from_data_set(
                    file, announced.transfer_syntax_uid, data_set_offset_bytes=announced.data_set_offset_bytes
                )
            _check_identity(announced, header)
            record = record_of(header, incoming)
        finally:
            wait_for_sync()
        settled = True  # from here on `_index` settles
        return _index(incoming, index, owner_id, record)
    finally:
        if not settled:
            incoming.discard()


def receive_file(
    files: IncomingFiles, index: InstanceIndex, owner_id: OwnerId, source: BinaryIO, *, max_bytes: int
) -> Receipt:
    """Store a DICOM file as it is (an upload); a bare data set gets file meta information before it.

    Parameters
    ----------
    files
        Makes claimed files.
    index
        The one writer of the index.
    owner_id
        Whose storage it goes to.
    source
        Seekable, at the start of the file.
    max_bytes
        Larger files are refused.

    Raises
    ------
    InvalidInput
        No DICOM file, or its UIDs are missing or invalid.
    LimitExceeded
        Over ``max_bytes``.
    DataError, DuplicateObject, OutOfResources
        As in `receive_announced`.
    """
    header = read_header(source)
    incoming = files.create()
    settled = False
    try:
        source.seek(0)
        bare = header.data_set_offset_bytes == 0
        if bare:
            incoming.write_header(
                encode_file_meta(header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid)
            )
        else:
            incoming.write_header(source.read(header.data_set_offset_bytes))
        moved_bytes = incoming.size_bytes - header.data_set_offset_bytes
        while chunk := source.read(_COPY_BYTES):
            if incoming.size_bytes + len(chunk) > max_bytes:
                raise LimitExceeded(f"The file is larger than {max_bytes} bytes, the most that one object may have.")
            incoming.write([chunk])
        record = record_of(_moved(header, moved_bytes) if moved_bytes else header, incoming)
        incoming.sync()
        settled = True
        return _index(incoming, index, owner_id, record)
    finally:
        if not settled:
            incoming.discard()


def _index(incoming: Incoming, index: InstanceIndex, owner_id: OwnerId, record: InstanceRecord) -> Receipt:
    try:
        receipt = index.submit(owner_id, record)
    except OutOfResources as exc:
        if exc.code == OUTCOME_UNKNOWN:
            incoming.leave()
        else:
            incoming.discard()
        raise
    except WebviewerError:
        incoming.discard()
        raise
    except BaseException:
        incoming.leave()
        raise
    if receipt.outcome == "duplicate":
        incoming.discard()
    else:
        incoming.keep()
    return receipt


def _check_identity(announced: Announced, header: Header) -> None:
    if header.sop_instance_uid != announced.sop_instance_uid:
        raise IdentityMismatch(
            f"The command announces SOP Instance UID {_shown(announced.sop_instance_uid)}, "
            f"the data set has {_shown(header.sop_instance_uid)}; they must be the same."
        )
    if header.sop_class_uid != announced.sop_class_uid:
        raise IdentityMismatch(
            f"The command announces SOP Class UID {_shown(announced.sop_class_uid)}, "
            f"the data set has {_shown(header.sop_class_uid)}; they must be the same."
        )


def _shown(uid: str) -> str:
    # A log and a reply repeat UIDs; anything else that stands in their place may be anything.
    return uid if is_valid_uid(uid) else f"(no UID, {len(uid)} characters)"


def _moved(header: Header, by_bytes: int) -> Header:
    offset = header.pixel_data_offset_bytes
    return replace(
        header,
        data_set_offset_bytes=header.data_set_offset_bytes + by_bytes,
        pixel_data_offset_bytes=None if offset is None else offset + by_bytes,
    )
