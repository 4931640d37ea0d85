"""Which tables a database holds: a control node's, a storage node's, or in the unified build both.

Migrations form one line of versions for all. Each says what it changes in either set, and `for_held_tables` does what
concerns the database at hand; a set that it does not hold passes by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import MetaData, Table

from webviewer.adapters.db import archive_tables, control_tables
from webviewer.adapters.db.metadata import control_metadata, storage_metadata
from webviewer.config import TableSet

TABLE_MODULES: Final = (archive_tables, control_tables)  # imported so that the metadata knows them
METADATA: Final[Mapping[TableSet, MetaData]] = {TableSet.CONTROL: control_metadata, TableSet.STORAGE: storage_metadata}
ATTRIBUTE: Final = "table_sets"  # of Alembic's configuration


def tables_of(sets: frozenset[TableSet]) -> dict[str, Table]:
    """Return the tables of the sets by name."""
    return {name: table for one in sorted(sets) for name, table in METADATA[one].tables.items()}


def for_held_tables(*, control: Callable[[], None] | None = None, storage: Callable[[], None] | None = None) -> None:
    """Run the parts of a migration that concern the database that is being migrated."""
    from alembic import op  # only migrations need it: it is a tenth of a second of a program's start

    config = op.get_context().config
    if config is None:
        raise RuntimeError("Migrations run through webviewer.adapters.db.maintenance alone.")
    held: frozenset[TableSet] = config.attributes[ATTRIBUTE]
    if control is not None and TableSet.CONTROL in held:
        control()
    if storage is not None and TableSet.STORAGE in held:
        storage()
