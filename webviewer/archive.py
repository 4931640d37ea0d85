"""What is stored: patients, studies, series, instances. Records, rules and the port to the index.

An owner is a user (`UserId`); everything here belongs to exactly one owner, and no call reaches another owner's rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

from webviewer.config import PatientConflictPolicy
from webviewer.core.file_digest import FileDigest
from webviewer.dicom.patient_identity import PatientIdentity

OwnerId = NewType("OwnerId", int)
StudyId = NewType("StudyId", int)
SeriesId = NewType("SeriesId", int)
InstanceId = NewType("InstanceId", int)


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One object as it is about to be indexed: identification, file, and what its pixels need.

    The identification stands in plain values (see `webviewer.dicom.header.Header`); ``image`` is the JSON text of
    `webviewer.dicom.attributes.ImageAttributes`, None for an object without pixels.
    """

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    series_instance_uid: str
    study_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_sex: str
    patient_birth_date: dt.date | None
    study_date: dt.date | None
    study_time: dt.time | None
    accession_number: str
    study_description: str
    referring_physician_name: str
    institution_name: str
    modality: str
    body_part_examined: str
    series_number: int | None
    series_description: str
    instance_number: int | None
    number_of_frames: int  # that can be there; see `webviewer.dicom.header.Header`
    file_name: str  # generated: aa/bb/<uuid>; never anything a peer sent
    file_bytes: int
    data_set_offset_bytes: int  # where the data set starts, after the file meta information
    pixel_data_offset_bytes: int | None  # where the value of Pixel Data starts in the file
    pixel_data_length_bytes: int | None  # None: undefined length (encapsulated), up to the sequence delimiter
    image: str | None
    file_digest: str  # `webviewer.core.file_digest.FileDigest.whole`
    block_digests: str  # `webviewer.core.file_digest.FileDigest.blocks`
    other_patient_ids: tuple[str, ...] = ()

    @property
    def patient(self) -> PatientIdentity:
        """The patient whom the object names."""
        return PatientIdentity(
            self.patient_id,
            self.issuer_of_patient_id,
            self.patient_name,
            self.patient_birth_date,
            self.patient_sex,
            self.other_patient_ids,
        )


@dataclass(frozen=True, slots=True)
class Study:
    """A study as the list shows it."""

    study_id: StudyId
    study_instance_uid: str
    patient_name: str
    patient_id: str
    patient_sex: str
    patient_birth_date: dt.date | None
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    study_date: dt.date | None
    study_time: dt.time | None
    accession_number: str
    study_description: str
    referring_physician_name: str
    institution_name: str
    series_count: int
    instance_count: int
    image_count: int  # frames
    size_bytes: int
    received_at: dt.datetime
    first_series_id: SeriesId | None  # opens first, and gives a card its picture; None without images
    other_patient_studies: tuple[StudyId, ...] = ()  # rows of other patients under the same Study Instance UID

    @property
    def patient_on_media(self) -> tuple[str, str, StudyId | None]:
        """What tells patients apart in an archive; rows of one Study Instance UID are patients of their own."""
        return self.patient_id, self.patient_name, self.study_id if self.other_patient_studies else None


@dataclass(frozen=True, slots=True)
class SeriesContent:
    """The objects of one SOP class in a series."""

    sop_class_uid: str  # empty: the object states none
    instance_count: int
    without_pixels_count: int  # of those that describe an image: their Pixel Data is missing or too short


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a study."""

    series_id: SeriesId
    study_id: StudyId
    series_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    instance_count: int
    image_count: int  # frames that can be there
    has_images: bool
    contents: tuple[SeriesContent, ...] = ()  # only in the list of a study's series


FEWEST_IMAGES_OF_A_STACK = 3
# Modalities (PS3.3 C.7.3.1.1.1) whose pixels say something about other images: segments, doses, registrations.
MODALITIES_BESIDE_IMAGES = frozenset({"SEG", "RTDOSE", "REG", "RTSTRUCT", "RTPLAN", "PR", "KO", "SR", "DOC", "PLAN"})


def in_reading_order(series: Iterable[Series]) -> tuple[Series, ...]:
    """Return the series in the order in which a doctor reads them.

    Stacks come first, then localizers and stills, then pixels about other images (segments, doses), then series
    without images. A localizer (one or two images beside a stack) usually has the lowest series number, and a
    segmentation of a program often has none or 1: opened first they would only be in the way. Inside each kind the
    given order stays.
    """
    given = tuple(series)
    are_read = [one for one in given if one.has_images and one.modality not in MODALITIES_BESIDE_IMAGES]
    has_a_stack = any(one.image_count >= FEWEST_IMAGES_OF_A_STACK for one in are_read)

    def rank(one: Series) -> int:
        if not one.has_images:
            return 3
        if one.modality in MODALITIES_BESIDE_IMAGES:
            return 2
        return int(has_a_stack and one.image_count < FEWEST_IMAGES_OF_A_STACK)

    return tuple(sorted(given, key=rank))


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An instance as it lies in the index, for showing and for reading its pixels."""

    instance_id: InstanceId
    series_id: SeriesId
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    number_of_frames: int
    file_name: str
    file_bytes: int
    data_set_offset_bytes: int
    pixel_data_offset_bytes: int | None
    pixel_data_length_bytes: int | None
    image: str | None
    file_digest: str | None = None  # of objects that a version before the digests has stored, until they are verified
    block_digests: str = ""
    stated_patient_id: int | None = None  # of `StatedPatient`; None where an earlier version stored the object

    @property
    def file(self) -> StoredFile:
        """Its file."""
        return StoredFile(self.instance_id, self.file_name, self.file_bytes, self.file_digest, self.block_digests)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The file of an instance as it was received."""

    instance_id: InstanceId
    file_name: str
    file_bytes: int
    file_digest: str | None
    block_digests: str = ""


class FileDamage(StrEnum):
    """How a stored file differs from the one that was received; the values stand in the database and in metrics."""

    MISSING = "missing"
    TRUNCATED = "truncated"
    TOO_LONG = "too_long"
    ALTERED = "altered"
    UNREADABLE = "unreadable"  # no permission, a disk error, or no regular file


@dataclass(frozen=True, slots=True)
class DamagedObject:
    """An instance whose file is known to be damaged."""

    instance_id: InstanceId
    study_id: StudyId
    damage: FileDamage
    found_at: dt.datetime


@dataclass(frozen=True, slots=True)
class VerificationRound:
    """How far a reading of all stored files has come, and when the last whole one ended."""

    next_instance_id: InstanceId  # the first that has not been verified
    started_at: dt.datetime | None  # None: no round is under way
    finished_at: dt.datetime | None  # of the round before
    files: int  # verified in the round that is under way
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StatedPatient:
    """A patient as objects of a study state it: the values of these objects, letter by letter."""

    stated_patient_id: int
    patient_name: str
    patient_id: str
    patient_sex: str
    patient_birth_date: dt.date | None


@dataclass(frozen=True, slots=True)
class UnreadPatient:
    """An object whose patient the index does not know, and its file."""

    instance_id: InstanceId
    file_name: str


@dataclass(frozen=True, slots=True)
class MovedInstance:
    """An object that went from one study row to that of its own patient."""

    owner_id: OwnerId
    instance_id: InstanceId
    from_study_id: StudyId
    from_series_id: SeriesId
    study_id: StudyId
    series_id: SeriesId


@dataclass(frozen=True, slots=True)
class PatientConflict:
    """A study row whose Study Instance UID other patients' rows share; names nobody."""

    owner_id: OwnerId
    study_id: StudyId
    study_instance_uid: str
    instance_count: int
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """Search of the study list. Texts match part of the value, whatever the case, with ``*`` and ``?``; empty = any."""

    patient_name: str = ""
    patient_id: str = ""
    patient_sex: str = ""
    patient_birth_date_from: dt.date | None = None  # first and last day; a study without a birth date fits no range
    patient_birth_date_to: dt.date | None = None
    modalities: tuple[str, ...] = ()
    body_part: str = ""
    study_date_from: dt.date | None = None
    study_date_to: dt.date | None = None
    accession_number: str = ""
    study_description: str = ""
    any_text: str = ""  # the phone's one field: name or patient ID
    sort: str = "study_date"
    descending: bool = True
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class StudyPage:
    """One page of the list and how many studies fit the search."""

    studies: tuple[Study, ...]
    total: int


@dataclass(frozen=True, slots=True)
class KeptApart:
    """Why a new study row was made beside others of the same Study Instance UID."""

    study_ids: tuple[StudyId, ...]  # the rows of the other patients
    attributes: tuple[str, ...]  # keywords of the attributes that differ; empty where it fits several patients


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one received object."""

    outcome: str  # "stored" | "duplicate" (same bytes, one copy kept)
    study_id: StudyId
    series_id: SeriesId
    instance_id: InstanceId
    new_study: bool = False
    new_series: bool = False
    kept_apart: KeptApart | None = None


@dataclass(frozen=True, slots=True)
class KnownObject:
    """What is stored already under the SOP Instance UID of a received object.

    Whether it is the same, only the files can tell; ``receipt`` is the answer if it is.
    """

    receipt: Receipt
    transfer_syntax_uid: str
    file_name: str
    file_bytes: int
    data_set_offset_bytes: int


class ArchiveRepository(Protocol):
    """The index, inside one unit of work."""

    def owner_of_ae_title(self, ae_title: str) -> OwnerId | None:
        """Return the owner whose AE title was called, None if nobody's."""
        ...

    def set_ae_titles(self, owner_id: OwnerId, ae_titles: Iterable[str]) -> None:
        """Make these the owner's AE titles; raises Conflict if one is another owner's."""
        ...

    def replace_ae_titles(self, owners: Sequence[tuple[OwnerId, Sequence[str]]]) -> None:
        """Make these all AE titles that there are; raises Conflict if one is named for two owners."""
        ...

    def node_identity(self) -> str | None:
        """Return the UUID of the storage node, None if it has none yet."""
        ...

    def make_node_identity(self) -> str:
        """Return the UUID of the storage node, made if it has none; of two that ask at once both get the same."""
        ...

    def add_instances(
        self,
        records: Sequence[tuple[OwnerId, InstanceRecord]],
        received_at: dt.datetime,
        policy: PatientConflictPolicy = PatientConflictPolicy.KEEP_APART,
    ) -> list[Receipt | KnownObject | Exception]:
        """Index many objects at once (the group commit); per object a receipt, or what is known under its UID.

        Under the policy "refuse" the outcome of an object of another patient is `AnotherPatient`.
        """
        ...

    def find_studies(self, owner_id: OwnerId, query: StudyQuery) -> StudyPage:
        """Return one page of the owner's studies."""
        ...

    def get_study(self, owner_id: OwnerId, study_id: StudyId) -> Study:
        """Return a study; raises NotFound."""
        ...

    def list_series(self, owner_id: OwnerId, study_id: StudyId) -> tuple[Series, ...]:
        """Return the series of a study by series number, with their contents."""
        ...

    def get_series(self, owner_id: OwnerId, series_id: SeriesId) -> Series:
        """Return a series; raises NotFound."""
        ...

    def list_instances(self, owner_id: OwnerId, series_id: SeriesId) -> tuple[StoredInstance, ...]:
        """Return the instances of a series in no promised order."""
        ...

    def list_instances_of_class(
        self, owner_id: OwnerId, study_id: StudyId, sop_class_prefix: str, limit: int
    ) -> tuple[StoredInstance, ...]:
        """Return instances of a study whose SOP Class UID starts so, the newest first, at most ``limit``."""
        ...

    def get_instances(self, owner_id: OwnerId, instance_ids: Iterable[InstanceId]) -> dict[InstanceId, StoredInstance]:
        """Return those of the instances that the owner has."""
        ...

    def file_names(self, owner_id: OwnerId, study_id: StudyId) -> tuple[str, ...]:
        """Return the names of a study's files; none if the owner has no such study."""
        ...

    def delete_studies(self, owner_id: OwnerId, study_ids: Iterable[StudyId]) -> tuple[str, ...]:
        """Delete studies from the index; returns the file names that nothing points to any more."""
        ...

    def indexed_files(self, file_names: Iterable[str]) -> frozenset[str]:
        """Return those of the file names that an instance points to (for the recovery at start)."""
        ...

    def highest_owner(self) -> int:
        """Return the highest number of an owner who has studies here, 0 if nobody has."""
        ...

    def stated_patients(self, owner_id: OwnerId, study_id: StudyId) -> tuple[StatedPatient, ...]:
        """Return the patients that objects of a study state, in the order of their arrival."""
        ...

    def patient_conflicts(self, limit: int) -> tuple[PatientConflict, ...]:
        """Return study rows of all owners that share their Study Instance UID with another patient's, newest first."""
        ...

    def patient_conflict_count(self) -> int:
        """Return how many study rows share their Study Instance UID with another patient's."""
        ...

    def unread_patients(self, below: InstanceId | None, limit: int) -> tuple[UnreadPatient, ...]:
        """Return objects of earlier versions whose patient was not read, the newest below a number first."""
        ...

    def file_by_patient(self, read: Sequence[tuple[InstanceId, PatientIdentity]]) -> tuple[MovedInstance, ...]:
        """Note the patients of objects that were stored earlier; returns those that went to another row.

        Objects that are gone meanwhile, or whose patient is known by now, are left as they are.
        """
        ...

    def counts(self) -> dict[str, int]:
        """Return ``studies``, ``instances`` and ``size_bytes`` of all owners together."""
        ...

    def ping(self) -> None:
        """Prove that the index can be read; raises OutOfResources when it cannot."""
        ...


class VerificationRepository(Protocol):
    """The state of stored files, inside one unit of work."""

    def files_from(self, instance_id: InstanceId, limit: int) -> tuple[StoredFile, ...]:
        """Return the files of instances from a number on, by number."""
        ...

    def has_file(self, instance_id: InstanceId, file_name: str) -> bool:
        """Tell whether the index still has the instance with this file."""
        ...

    def set_digest(self, instance_id: InstanceId, file_name: str, digest: FileDigest) -> None:
        """Give a file that has no digest its first one."""
        ...

    def record_damage(self, instance_id: InstanceId, file_name: str, damage: FileDamage, found_at: dt.datetime) -> bool:
        """Note that a file is damaged; returns whether that is new. Nothing happens if the index has no such file."""
        ...

    def clear_damage(self, instance_ids: Sequence[InstanceId]) -> int:
        """Note that files are whole; returns how many of them were noted as damaged."""
        ...

    def damage_counts(self) -> dict[FileDamage, int]:
        """Return how many files are damaged, by the kind of damage; kinds without a file are left out."""
        ...

    def damaged_objects(self, limit: int) -> tuple[DamagedObject, ...]:
        """Return the objects whose files are damaged, the newest finding first."""
        ...

    def round_of(self, reader: str) -> VerificationRound:
        """Return how far a reader of all files (``scrub``, ``verify``) has come."""
        ...

    def keep_round(self, reader: str, state: VerificationRound) -> None:
        """Keep how far a reader of all files has come."""
        ...
