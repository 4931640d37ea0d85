"""Digests of stored files, the damage that was found in files, and how far their verification has come.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

from webviewer.adapters.db.table_sets import for_held_tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for_held_tables(storage=upgrade_storage)


def upgrade_storage() -> None:
    # Both databases add these columns without a new table: an archive of millions of objects waits for nothing.
    op.add_column("instance", sa.Column("file_digest", sa.String(length=64), nullable=True))
    op.add_column("instance", sa.Column("block_digests", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "file_damage",
        sa.Column("instance_id", _ID, nullable=False),
        sa.Column("damage", sa.String(length=16), nullable=False),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instance.instance_id"], name=op.f("fk_file_damage_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_file_damage")),
    )
    op.create_table(
        "verification_round",
        sa.Column("reader", sa.String(length=16), nullable=False),
        sa.Column("next_instance_id", _ID, nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_verification_round")),
    )
