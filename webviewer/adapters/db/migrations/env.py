"""Alembic's entry: runs the migrations on the connection that `webviewer.adapters.db.maintenance` hands over.

That module sees to it that one migrates at a time. Rules: a migration works with the previous code still running, names
every constraint, waits only so long for locks of tables.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from webviewer.adapters.db.table_sets import ATTRIBUTE, METADATA

LOCK_TIMEOUT_S = 30


def run() -> None:
    """Run the migrations in one transaction."""
    connection: Connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    context.configure(
        connection=connection,
        target_metadata=[METADATA[one] for one in sorted(context.config.attributes[ATTRIBUTE])],
        transactional_ddl=True,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


run()
