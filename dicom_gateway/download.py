"""Studies as a ZIP with a DICOMDIR, made while it is being sent: memory does not grow with the size of the studies."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED

from zipstream import ZipStream

from dicom_gateway.dicomdir import DicomDirectory
from webviewer.archive import FileDamage, OwnerId, Series, StoredFile, StoredInstance, Study
from webviewer.core.file_digest import FileHasher
from webviewer.usecases.download_studies import contents_of
from webviewer.usecases.stored_files import DamagedFile, StoredFiles, altered, of_another_size, unreadable
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

_log = logging.getLogger(__name__)

NOTE_NAME = "PROBLEMS.TXT"
_PIECE_BYTES = 1024**2
_COMPARED_BEFORE_BYTES = 256 * 1024**2
_MAX_NOTES = 1000


def archive_name(studies: Sequence[Study], today: dt.date) -> str:
    """Return the file name of an archive: study number and date, nothing that identifies a patient."""
    if len(studies) == 1:
        study = studies[0]
        date = study.study_date.strftime("%Y%m%d") if study.study_date else "undated"
        return f"study-{study.study_id}-{date}.zip"
    return f"studies-{len(studies)}-{today:%Y%m%d}.zip"


@dataclass(frozen=True, slots=True)
class _Entry:
    study: Study
    series: Series
    instance: StoredInstance
    file_id: tuple[str, ...]


class ArchiveStream:
    """The pieces of one ZIP, to be iterated once.

    Parameters
    ----------
    units
        Transactions, to read the index series by series.
    owner_id
        Whose studies.
    studies
        Which, those of one patient together.
    files
        Opens stored files and compares them with what was received.
    data_folder
        Where stored files lie.
    """

    def __init__(
        self,
        units: StorageUnitOfWorkFactory,
        owner_id: OwnerId,
        studies: Sequence[Study],
        files: StoredFiles,
        data_folder: Path,
    ) -> None:
        self._units = units
        self._owner_id = owner_id
        self._studies = tuple(studies)
        self._files = files
        self._directory = DicomDirectory(data_folder)
        self._notes: list[str] = []
        self._problem_count = 0
        self._file_count = 0

    def __iter__(self) -> Iterator[bytes]:
        sent_bytes = 0
        is_complete = False
        try:
            for piece in self._stream():
                sent_bytes += len(piece)
                yield piece
            is_complete = True
        finally:  # also when the reader leaves: what was taken out of the archive leaves a trace
            _log.info(
                "studies_downloaded",
                extra={
                    "owner_id": self._owner_id,
                    "study_ids": [study.study_id for study in self._studies],
                    "files": self._file_count,
                    "sent_bytes": sent_bytes,
                    "is_complete": is_complete,
                    "problems": self._problem_count,
                },
            )

    def _stream(self) -> Iterator[bytes]:
        stream = ZipStream(compress_type=ZIP_STORED)
        for entry in self._entries():
            instance, place = entry.instance, entry.file_id
            try:
                descriptor = self._open(instance.file)
            except (OSError, DamagedFile) as error:
                self._note(place, instance, f"{_words(error)} and is not in this archive", error)
                continue
            try:
                size = instance.file_bytes
                stream.add(self._pieces(descriptor, size, place, instance), "/".join(place), size=size)
                yield from stream.file()
            finally:
                os.close(descriptor)
            self._file_count += 1
            self._directory.add(entry.study, entry.series, instance, place)
        if len(self._directory):
            stream.add(self._directory.encode(), "DICOMDIR")
            yield from stream.file()
        if self._problem_count:
            stream.add(self._note_text(), NOTE_NAME)
            yield from stream.file()
        yield from stream.finalize()

    def _open(self, file: StoredFile) -> int:
        # A file is read twice, so that a damaged one stays out. The second time it comes from the system's cache; one
        # that is too large for that is compared while it is sent, since a reader would wait too long for its start.
        return self._files.open_whole(file) if file.file_bytes <= _COMPARED_BEFORE_BYTES else self._files.open(file)

    def _entries(self) -> Iterator[_Entry]:
        patient_number = study_number = series_number = 0
        last_patient: object = None
        last_study: object = None
        for contents in contents_of(self._units, self._owner_id, self._studies):
            patient = contents.study.patient_on_media
            if patient != last_patient:
                patient_number, study_number, last_patient, last_study = patient_number + 1, 0, patient, None
            if contents.study.study_id != last_study:
                study_number, series_number, last_study = study_number + 1, 0, contents.study.study_id
            series_number += 1
            folder = ("DICOM", f"PT{patient_number:06d}", f"ST{study_number:06d}", f"SE{series_number:06d}")
            for number, instance in enumerate(contents.instances, 1):
                yield _Entry(contents.study, contents.series, instance, (*folder, f"IM{number:06d}"))

    def _pieces(self, descriptor: int, size: int, place: Sequence[str], instance: StoredInstance) -> Iterator[bytes]:
        done = 0
        hasher = FileHasher() if size > _COMPARED_BEFORE_BYTES and instance.file_digest is not None else None
        while done < size:
            try:
                piece = os.pread(descriptor, min(_PIECE_BYTES, size - done), done)
            except OSError as error:
                self._tell(instance, unreadable(error))
                self._note(place, instance, f"could not be read after byte {done} ({error.strerror}): it is cut there")
                return
            if not piece:
                self._tell(instance, of_another_size(done, size))
                self._note(place, instance, f"ended at byte {done} of {size} while it was read: it is cut there")
                return
            done += len(piece)
            if hasher is not None:
                hasher.update(piece)
            yield piece
        if hasher is not None and hasher.digest().whole != instance.file_digest:
            self._tell(instance, altered())
            self._note(place, instance, "has other bytes than were received: do not use it")

    def _tell(self, instance: StoredInstance, damage: DamagedFile) -> None:
        self._files.tell(instance.file, damage)

    def _note(
        self, place: Sequence[str], instance: StoredInstance, words: str, error: OSError | DamagedFile | None = None
    ) -> None:
        if not isinstance(error, DamagedFile):  # damage is in the log already
            facts = {"instance_id": instance.instance_id, "file_name": instance.file_name, "reason": words}
            _log.error("stored_file_not_sent", extra=facts)
        self._problem_count += 1
        if len(self._notes) < _MAX_NOTES:
            self._notes.append(f"{'/'.join(place)}: the object {instance.sop_instance_uid} {words}.")

    def _note_text(self) -> bytes:
        lines = ["This archive is not complete. Tell your administrator.", "", *self._notes]
        if self._problem_count > len(self._notes):
            lines.append(f"and {self._problem_count - len(self._notes)} more.")
        return ("\r\n".join(lines) + "\r\n").encode()


def _words(error: OSError | DamagedFile) -> str:
    if isinstance(error, OSError):
        return f"could not be opened ({error.strerror})"
    if error.damage is FileDamage.MISSING:
        return "is missing in the storage"
    if error.damage is FileDamage.UNREADABLE:
        return f"could not be read ({error.reason})"
    return f"is damaged ({error.damage.value.replace('_', ' ')}: {error.reason})"
