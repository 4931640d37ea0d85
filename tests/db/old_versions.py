"""Databases of older versions, kept as SQL with rows in every table."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import MetaData, select

from webviewer.adapters.db.engine import make_engine, make_url
from webviewer.config import DatabaseDriver, DatabaseSettings

FIXTURES = Path(__file__).parent / "fixtures"

Rows = Mapping[str, list[dict[str, Any]]]


def restore_version(version: str, settings: DatabaseSettings) -> None:
    """Fill an empty database with the tables and rows of an older version."""
    sqlite = settings.driver is DatabaseDriver.SQLITE
    text = (FIXTURES / f"version-{version}-{'sqlite' if sqlite else 'postgresql'}.sql").read_text("utf-8")
    if sqlite:
        Path(settings.name).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(settings.name)) as file:
            file.executescript(text)
        return
    url = make_url(settings)
    server = psycopg2.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=settings.name
    )
    with closing(server), server, server.cursor() as cursor:
        cursor.execute(text)


def rows_of(settings: DatabaseSettings) -> Rows:
    """Return all rows of all tables."""
    engine = make_engine(settings)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = {
            table.name: [
                dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in tables.sorted_tables
        }
    engine.dispose()
    return found
