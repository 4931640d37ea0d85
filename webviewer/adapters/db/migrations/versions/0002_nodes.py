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
    # Nodes register anew and sessions are placed anew, so nothing is lost with these two.
    op.drop_table("render_assignment")
    op.drop_table("node")
    op.create_table(
        "node",
        sa.Column("node_id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("registered_at", sa.DateTime(), nullable=False),
        sa.Column("last_heartbeat_at", sa.DateTime(), nullable=True),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("failed_at", sa.DateTime(), nullable=True),
        sa.Column("added_by_hand", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("scu", sa.String(length=16), nullable=True),
        sa.Column("version", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("facts", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("asked_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_node")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_node_kind_address", "node", ["kind", "address"], unique=False)
    op.create_index("uq_node_identity", "node", ["kind", "identity"], unique=True)
    op.create_table(
        "render_assignment",
        sa.Column("session_id", _ID, nullable=False),
        sa.Column("node_id", _ID, nullable=False),
        sa.Column("assigned_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node_id"], ["node.node_id"], name=op.f("fk_render_assignment_node_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.session_id"], name=op.f("fk_render_assignment_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_render_assignment")),
    )
    op.create_index(op.f("ix_render_assignment_node_id"), "render_assignment", ["node_id"], unique=False)
    for table, on_delete in (("account", "RESTRICT"), ("session", "SET NULL")):
        # SQLite gets a new table; that ids are never used twice it would not keep by itself.
        with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
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
