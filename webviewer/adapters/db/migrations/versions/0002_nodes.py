"""Nodes that register by themselves, and the storage node of a user and of a session.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

from webviewer.adapters.db.table_sets import for_held_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for_held_tables(control=upgrade_control, storage=upgrade_storage)


def upgrade_control() -> None:
    with op.batch_alter_table("node") as node:
        node.add_column(sa.Column("identity", sa.Text(), nullable=True))
        node.add_column(sa.Column("failed_at", sa.DateTime(), nullable=True))
        node.add_column(sa.Column("added_by_hand", sa.Boolean(), nullable=False, server_default=sa.false()))
        node.add_column(sa.Column("scu", sa.String(length=16), nullable=True))
        node.add_column(sa.Column("version", sa.String(length=64), nullable=False, server_default=""))
        node.add_column(sa.Column("facts", sa.Text(), nullable=False, server_default="{}"))
        node.create_index("uq_node_identity", ["kind", "identity"], unique=True)
    for table, on_delete in (("account", "RESTRICT"), ("session", "SET NULL")):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("storage_node_id", _ID, nullable=True))
            batch.create_foreign_key(
                op.f(f"fk_{table}_storage_node_id"), "node", ["storage_node_id"], ["node_id"], ondelete=on_delete
            )
            batch.create_index(op.f(f"ix_{table}_storage_node_id"), ["storage_node_id"], unique=False)


def upgrade_storage() -> None:
    op.create_table(
        "node_identity",
        sa.Column("identity", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_node_identity")),
    )
