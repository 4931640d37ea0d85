"""The index on SQL: `webviewer.archive.ArchiveRepository` for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection


class SqlArchiveRepository:
    """The index, inside the transaction of the connection it is given.

    Parameters
    ----------
    connection
        An open connection; whoever opened it commits.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
