"""An object comes in: checked, brought to the disk, indexed; only then may anybody say that it is stored.

The DICOM listener and the upload share this path. The order is the promise: data and their name are on the disk before
the index may commit, and the sender hears of it after the commit.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.core.errors import DuplicateObject, LimitExceeded, OutOfResources, WebviewerError
from webviewer.core.file_digest import FileDigest
from webviewer.core.regular_file import open_regular
from webviewer.dicom.file_meta import encode_file_meta
from webviewer.dicom.header import Header, is_valid_uid, read_header, read_header_from_data_set
from webviewer.dicom.same_data_set import EncodedDataSet, is_same_data_set
from webviewer.dicom.transfer_syntaxes import DEFLATED_DATA_SETS

OUTCOME_UNKNOWN = "outcome_unknown"
"""Code of the `OutOfResources` that an index raises when nobody can know whether it has committed."""

_COPY_BYTES = 256 * 1024
_TRIES = 3


class Incoming(Protocol):
    """A claimed file that is being written; see `webviewer.adapters.files.IncomingFile`."""

    file_name: str
    size_bytes: int

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Append."""
        ...

    def digest(self) -> FileDigest:
        """Return the digests of what was written."""
        ...

    def is_same_as(self, stored: Path, stored_offset_bytes: int, own_offset_bytes: int) -> bool:
        """Tell whether the bytes from the offsets on are those of a stored file; raises FileNotFoundError."""
        ...

    def reader(self) -> BinaryIO:
        """Open for reading what was written."""
        ...

    def sync(self) -> None:
        """Bring file and name to the disk."""
        ...

    def keep(self) -> None:
        """The index has it: the claim may go, now or later."""
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

    def path(self, file_name: str) -> Path:
        """Return where a file of the index lies."""
        ...


class InstanceIndex(Protocol):
    """The one writer of the index."""

    def submit(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | KnownObject:
        """Index an object durably, or return what is known under its UID; raises OutOfResources, DataError."""
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
    """Return what the index is told about a received file that is wholly written."""
    digest = incoming.digest()
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
        pixel_data_offset_bytes=header.pixel_data_offset_bytes,
        pixel_data_length_bytes=header.pixel_data_length_bytes,
        image=header.image,
        file_digest=digest.whole,
        block_digests=digest.blocks,
        other_patient_ids=header.other_patient_ids,
    )


def header_of_beginning(beginning: bytes, announced: Announced) -> Header | None:
    """Return the header of an object whose first bytes have come, so that nothing is left to be read after its last.

    Parameters
    ----------
    beginning
        The file's first bytes.
    announced
        What the command said.

    Returns
    -------
    Header or None
        None if the rest matters: the header goes on, or is damaged, or what is said of the pixels hangs on the size.
    """
    if announced.transfer_syntax_uid in DEFLATED_DATA_SETS:
        return None
    try:
        header = _read_header(io.BytesIO(beginning), announced)
    except WebviewerError:
        return None
    is_whole = header.pixel_data_offset_bytes is not None and header.pixel_data_length_bytes is not None
    return header if is_whole else None


def receive_announced(
    files: IncomingFiles,
    incoming: Incoming,
    index: InstanceIndex,
    owner_id: OwnerId,
    announced: Announced,
    *,
    header: Header | None,
) -> Receipt:
    """Finish an object that is wholly written: check, sync and index it. The claimed file is settled either way.

    Parameters
    ----------
    files
        Where it came from.
    incoming
        The written file.
    index
        The one writer of the index.
    owner_id
        Whose storage it goes to.
    announced
        What the command said; the data set must agree.
    header
        From `header_of_beginning`.

    Returns
    -------
    Receipt
        "stored", or "duplicate": the same object is stored already, perhaps in another encoding, and this copy is gone.

    Raises
    ------
    IdentityMismatch
        Command and data set name different objects.
    DuplicateObject
        Another object is stored under this UID.
    InvalidInput, DataError
        The data set cannot be understood.
    OutOfResources
        Disk or database.
    """
    settled = False
    try:
        if header is None:
            with incoming.reader() as file:
                header = _read_header(file, announced)
        _check_identity(announced, header)
        record = record_of(header, incoming)
        incoming.sync()
        settled = True  # from here on `_index` settles
        return _index(files, incoming, index, owner_id, record)
    finally:
        if not settled:
            incoming.discard()


def _read_header(file: BinaryIO, announced: Announced) -> Header:
    return read_header_from_data_set(
        file, announced.transfer_syntax_uid, data_set_offset_bytes=announced.data_set_offset_bytes
    )


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
            incoming.write(
                [encode_file_meta(header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid)]
            )
        else:
            incoming.write([source.read(header.data_set_offset_bytes)])
        moved_bytes = incoming.size_bytes - header.data_set_offset_bytes
        while chunk := source.read(_COPY_BYTES):
            if incoming.size_bytes + len(chunk) > max_bytes:
                raise LimitExceeded(f"The file is larger than {max_bytes} bytes, the most that one object may have.")
            incoming.write([chunk])
        record = record_of(_moved(header, moved_bytes) if moved_bytes else header, incoming)
        incoming.sync()
        settled = True
        return _index(files, incoming, index, owner_id, record)
    finally:
        if not settled:
            incoming.discard()


def _index(
    files: IncomingFiles, incoming: Incoming, index: InstanceIndex, owner_id: OwnerId, record: InstanceRecord
) -> Receipt:
    is_settled = False
    try:
        receipt = _submit(files, incoming, index, owner_id, record)
        if receipt.outcome != "duplicate":
            incoming.keep()
            is_settled = True
        return receipt
    except OutOfResources as exc:
        if exc.code == OUTCOME_UNKNOWN:
            incoming.leave()
            is_settled = True
        raise
    except WebviewerError:
        raise
    except BaseException:
        incoming.leave()
        is_settled = True
        raise
    finally:
        if not is_settled:
            incoming.discard()


def _submit(
    files: IncomingFiles, incoming: Incoming, index: InstanceIndex, owner_id: OwnerId, record: InstanceRecord
) -> Receipt:
    for _ in range(_TRIES):
        answer = index.submit(owner_id, record)
        if isinstance(answer, Receipt):
            return answer
        if answer.file_name == record.file_name:
            # The index has this very file, from a request that was written twice: it is no copy and must stay.
            return replace(answer.receipt, outcome="stored")
        try:
            if _is_same_object(files, incoming, record, answer):
                return answer.receipt
        except FileNotFoundError:
            continue  # it has been deleted in the meantime, so ours is a new one; its row goes before its file
        raise DuplicateObject(
            f"Another object is stored already under SOP Instance UID {record.sop_instance_uid}.",
            details={"sop_instance_uid": record.sop_instance_uid},
        )
    raise OutOfResources("The index knows this object, but its file is missing.")


def _is_same_object(files: IncomingFiles, incoming: Incoming, record: InstanceRecord, known: KnownObject) -> bool:
    """Tell whether an object is the stored one, in the same bytes or in another encoding; raises FileNotFoundError."""
    stored = files.path(known.file_name)
    # Byte by byte first: the same data set may have come with other file meta information, so digests may differ.
    if known.transfer_syntax_uid == record.transfer_syntax_uid and incoming.is_same_as(
        stored, known.data_set_offset_bytes, record.data_set_offset_bytes
    ):
        return True
    try:
        with incoming.reader() as own, os.fdopen(open_regular(stored), "rb") as other:
            return is_same_data_set(
                EncodedDataSet(own, record.transfer_syntax_uid, record.data_set_offset_bytes),
                EncodedDataSet(other, known.transfer_syntax_uid, known.data_set_offset_bytes),
            )
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise OutOfResources(f"The stored object cannot be read: {exc.strerror or exc}.") from exc


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
