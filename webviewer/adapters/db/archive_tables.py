"""Tables of the index: whose AE title, which patients, studies, series and instances, and where their files lie.

A study row carries its own counts, modalities and folded search texts, so that a page of the list touches one table.
Ids of studies, series and instances are never used twice (open pages know studies by them), unless a backup is brought
back: what is kept of pictures goes by the name of the object's file, which never comes twice.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    text,
)

from webviewer.adapters.db.metadata import storage_metadata

# SQLite numbers rows by itself only in a column that is INTEGER and nothing else.
_Id = BigInteger().with_variant(Integer, "sqlite")

ae_title = Table(
    "ae_title",
    storage_metadata,
    Column("ae_title", String(16), primary_key=True),
    Column("owner_id", BigInteger, nullable=False, index=True),
)
"""A called AE title and the one owner whose storage it names. Owners are rows of the control database."""

patient = Table(
    "patient",
    storage_metadata,
    Column("patient_key", _Id, primary_key=True, autoincrement=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("issuer_of_patient_id", Text, nullable=False),
    # Objects without a Patient ID are not one person: then the study tells them apart; otherwise empty. A UID may fill
    # the column, so further patients of a study have a digest of the UID and their number.
    Column("unnamed_study_uid", String(64), nullable=False, server_default=""),
    Column("patient_name", Text, nullable=False),
    Column("patient_sex", Text, nullable=False),
    Column("patient_birth_date", Date),
    UniqueConstraint("owner_id", "patient_id", "issuer_of_patient_id", "unnamed_study_uid", name="uq_patient_identity"),
    sqlite_autoincrement=True,
)
"""A person as the sender names them: Patient ID within its issuer."""

study = Table(
    "study",
    storage_metadata,
    Column("study_id", _Id, primary_key=True, autoincrement=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("patient_key", _Id, ForeignKey("patient.patient_key"), nullable=False, index=True),
    Column("study_instance_uid", String(64), nullable=False),
    Column("patient_name", Text, nullable=False),
    Column("patient_name_folded", Text, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("patient_id_folded", Text, nullable=False),
    Column("patient_sex", Text, nullable=False),
    Column("patient_birth_date", Date),
    Column("study_date", Date),
    Column("study_time", Time),
    Column("accession_number", Text, nullable=False),
    Column("accession_number_folded", Text, nullable=False),
    Column("study_description", Text, nullable=False),
    Column("study_description_folded", Text, nullable=False),
    Column("referring_physician_name", Text, nullable=False),
    Column("institution_name", Text, nullable=False),
    Column("modalities", Text, nullable=False),  # \CT\MR\ : sorted, each between backslashes; empty: none
    Column("body_parts", Text, nullable=False),  # likewise
    Column("series_count", Integer, nullable=False),
    Column("instance_count", Integer, nullable=False),
    Column("image_count", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("received_at", DateTime, nullable=False),  # UTC, of the first object
    # Not written any more. The version before this one still names it, so a later migration can drop it, not this one.
    Column("first_series_id", _Id),
    # Counts the patients under one Study Instance UID from 0, in the order in which they were received.
    Column("patient_number", Integer, nullable=False, server_default="0"),
    UniqueConstraint("owner_id", "study_instance_uid", "patient_number", name="uq_study_uid_patient"),
    Index(
        "ix_study_further_patient",
        "owner_id",
        "study_instance_uid",
        sqlite_where=text("patient_number > 0"),
        postgresql_where=text("patient_number > 0"),
    ),
    # In the order of the list, and wide enough that a search need not look at the table at all.
    Index(
        "ix_study_search",
        "owner_id",
        "study_date",
        "study_time",
        "study_id",
        "patient_name_folded",
        "patient_id_folded",
        "accession_number_folded",
        "study_description_folded",
        "patient_birth_date",
        "patient_sex",
        "modalities",
        "body_parts",
    ),
    Index("ix_study_by_name", "owner_id", "patient_name_folded", "study_id"),
    Index("ix_study_by_arrival", "owner_id", "received_at", "study_id"),
    sqlite_autoincrement=True,
)
"""A study of one patient as the list shows it; a Study Instance UID that several patients share has a row for each."""

stated_patient = Table(
    "stated_patient",
    storage_metadata,
    Column("stated_patient_id", _Id, primary_key=True, autoincrement=True),
    Column("study_id", _Id, ForeignKey("study.study_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("patient_name", Text, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("issuer_of_patient_id", Text, nullable=False),
    Column("patient_sex", Text, nullable=False),
    Column("patient_birth_date", Date),
    Column("other_patient_ids", Text, nullable=False),  # \1\2\ : sorted, each between backslashes; empty: none
    sqlite_autoincrement=True,
)
"""A patient as objects of a study write it; several rows where one patient is written in several ways."""

series = Table(
    "series",
    storage_metadata,
    Column("series_id", _Id, primary_key=True, autoincrement=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("study_id", _Id, ForeignKey("study.study_id", ondelete="CASCADE"), nullable=False),
    Column("series_instance_uid", String(64), nullable=False),
    Column("modality", Text, nullable=False),
    Column("series_number", Integer),
    Column("series_description", Text, nullable=False),
    Column("body_part_examined", Text, nullable=False),
    Column("instance_count", Integer, nullable=False),
    Column("image_count", Integer, nullable=False),
    UniqueConstraint("study_id", "series_instance_uid", name="uq_series_uid"),
    sqlite_autoincrement=True,
)
"""A series of a study."""

instance = Table(
    "instance",
    storage_metadata,
    Column("instance_id", _Id, primary_key=True, autoincrement=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("series_id", _Id, ForeignKey("series.series_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("sop_instance_uid", String(64), nullable=False),
    Column("sop_class_uid", String(64), nullable=False),
    Column("transfer_syntax_uid", String(64), nullable=False),
    Column("instance_number", Integer),
    Column("number_of_frames", Integer, nullable=False),
    Column("file_name", String(64), nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("data_set_offset_bytes", Integer, nullable=False),
    Column("pixel_data_offset_bytes", BigInteger),
    Column("pixel_data_length_bytes", BigInteger),  # null: undefined length, or no pixels
    Column("image_encoding", SmallInteger, nullable=False),  # 0: no image, 1: zlib of the JSON text
    Column("image", LargeBinary),
    Column("file_digest", String(64)),  # null: stored before there were digests, and not verified since
    Column("block_digests", Text, nullable=False, server_default=""),
    # Of the row in stated_patient; null: an earlier version stored the object, and its file was not read since. No
    # foreign key: it would need an index over all objects to delete a study.
    Column("stated_patient_id", _Id),
    Index(
        "ix_instance_unread_patient",
        "instance_id",
        sqlite_where=text("stated_patient_id IS NULL"),
        postgresql_where=text("stated_patient_id IS NULL"),
    ),
    UniqueConstraint("owner_id", "sop_instance_uid", name="uq_instance_uid"),
    UniqueConstraint("file_name", name="uq_instance_file"),  # claims are looked up by it after a crash
    sqlite_autoincrement=True,
)
"""A stored object: its file, and what showing its pixels needs."""

file_damage = Table(
    "file_damage",
    storage_metadata,
    Column("instance_id", _Id, ForeignKey("instance.instance_id", ondelete="CASCADE"), primary_key=True),
    Column("damage", String(16), nullable=False),  # `webviewer.archive.FileDamage`
    Column("found_at", DateTime, nullable=False),  # UTC
)
"""Objects whose files are not as they were received; a row goes when a later verification finds the file whole."""

verification_round = Table(
    "verification_round",
    storage_metadata,
    Column("reader", String(16), primary_key=True),
    Column("next_instance_id", _Id, nullable=False),
    Column("started_at", DateTime),  # UTC; null: no round is under way
    Column("finished_at", DateTime),  # UTC, of the round before
    Column("files", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)
"""How far each reader of all files (``scrub``, ``verify``) has come."""

node_identity = Table(
    "node_identity",
    storage_metadata,
    Column("identity", String(36), primary_key=True),
)
"""One row: the UUID by which the control node knows this storage, wherever its database and files are moved."""
