"""A study row for each patient of a Study Instance UID, and the patient of each object.

Nothing is read here: the storage node reads the patients of objects that are stored already from their files, while it
runs (`webviewer.usecases.file_by_patient`).

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

from webviewer.adapters.db.table_sets import for_held_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for_held_tables(storage=upgrade_storage)


def upgrade_storage() -> None:
    # SQLite gets a new table; that ids are never used twice it would not keep by itself.
    with op.batch_alter_table("study", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.add_column(sa.Column("patient_number", sa.Integer(), nullable=False, server_default="0"))
        batch.drop_constraint("uq_study_uid", type_="unique")
        batch.create_unique_constraint("uq_study_uid_patient", ["owner_id", "study_instance_uid", "patient_number"])
    op.create_index(
        "ix_study_further_patient",
        "study",
        ["owner_id", "study_instance_uid"],
        sqlite_where=sa.text("patient_number > 0"),
        postgresql_where=sa.text("patient_number > 0"),
    )
    op.create_table(
        "stated_patient",
        sa.Column("stated_patient_id", _ID, autoincrement=True, nullable=False),
        sa.Column("study_id", _ID, nullable=False),
        sa.Column("patient_name", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("issuer_of_patient_id", sa.Text(), nullable=False),
        sa.Column("patient_sex", sa.Text(), nullable=False),
        sa.Column("patient_birth_date", sa.Date(), nullable=True),
        sa.Column("other_patient_ids", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.study_id"], name=op.f("fk_stated_patient_study_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("stated_patient_id", name=op.f("pk_stated_patient")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_stated_patient_study_id"), "stated_patient", ["study_id"], unique=False)
    op.add_column("instance", sa.Column("stated_patient_id", _ID, nullable=True))
    op.create_index(
        "ix_instance_unread_patient",
        "instance",
        ["instance_id"],
        sqlite_where=sa.text("stated_patient_id IS NULL"),
        postgresql_where=sa.text("stated_patient_id IS NULL"),
    )
