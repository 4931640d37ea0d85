"""How the study list searches and sorts: folded texts, wildcards, and the order of rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from webviewer.adapters.db.archive_tables import study
from webviewer.archive import OwnerId, StudyQuery
from webviewer.core.errors import InvalidInput

_ESCAPE = "/"
_SORT_COLUMNS: dict[str, tuple[str, ...]] = {
    "patient_name": ("patient_name_folded",),
    "patient_id": ("patient_id_folded",),
    "accession_number": ("accession_number_folded",),
    "study_description": ("study_description_folded",),
    "study_date": ("study_date", "study_time"),
} | {
    name: (name,)
    for name in (
        "patient_sex",
        "patient_birth_date",
        "modalities",
        "body_parts",
        "referring_physician_name",
        "institution_name",
        "series_count",
        "instance_count",
        "image_count",
        "size_bytes",
        "received_at",
    )
}

_INDEXED = frozenset({"study_date", "patient_name", "received_at"})
_COVERED = frozenset(
    {
        "study_date",
        "patient_name",
        "patient_id",
        "accession_number",
        "study_description",
        "patient_birth_date",
        "patient_sex",
        "modalities",
        "body_parts",
    }
)
_WIDE_HITS = 20_000
_FAR_OFFSET = 1_000
_ROWS_READ_FOR_ONE_FOUND = 12  # in the time in which SQLite finds one row by an index; measured
_JOINED_NAMES = 32
_FOLDED_LETTERS = 128  # of a value; it stands in an index, whose entries are limited


def fold(value: str) -> str:
    """Return a text as it is searched: no case, no accents, the separators of a Person Name (PS3.5 6.2) as spaces.

    Examples
    --------
    >>> fold("GONÇALVES^João")
    'goncalves joao'
    """
    plain = unicodedata.normalize("NFKD", value)
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    return " ".join(bare.replace("^", " ").replace("=", " ").split())[:_FOLDED_LETTERS]


def joined(names: Iterable[str]) -> str:
    r"""Return names as one text, sorted, each between backslashes, for a search of one of them: ``\CT\MR\``."""
    kept = sorted({name for name in names if name})[:_JOINED_NAMES]
    return "\\" + "\\".join(kept) + "\\" if kept else ""


def names_of(text: str) -> tuple[str, ...]:
    """Return the names that `joined` put together."""
    return tuple(text[1:-1].split("\\")) if text else ()


def like_pattern(wish: str) -> str:
    """Return the LIKE pattern of a search text, escaped with ``/``: ``*`` is any text, ``?`` one letter.

    Examples
    --------
    >>> like_pattern("50%*a?")
    '%50/%%a_%'
    """
    escaped = wish.replace(_ESCAPE, _ESCAPE * 2).replace("%", _ESCAPE + "%").replace("_", _ESCAPE + "_")
    return "%" + escaped.replace("*", "%").replace("?", "_") + "%"


def search_conditions(query: StudyQuery) -> list[ColumnElement[bool]]:
    """Return what a study must fulfil to fit the search."""
    columns = study.c
    conditions: list[ColumnElement[bool]] = [
        _contains(column, wish)
        for column, wish in (
            (columns.patient_name_folded, query.patient_name),
            (columns.patient_id_folded, query.patient_id),
            (columns.accession_number_folded, query.accession_number),
            (columns.study_description_folded, query.study_description),
            (func.lower(columns.body_parts), query.body_part),
        )
        if fold(wish)
    ]
    if fold(query.any_text):
        conditions.append(
            or_(
                _contains(columns.patient_name_folded, query.any_text),
                _contains(columns.patient_id_folded, query.any_text),
            )
        )
    if query.patient_sex:
        conditions.append(columns.patient_sex == query.patient_sex)
    if query.patient_birth_date_from is not None:
        conditions.append(columns.patient_birth_date >= query.patient_birth_date_from)
    if query.patient_birth_date_to is not None:
        conditions.append(columns.patient_birth_date <= query.patient_birth_date_to)
    if query.study_date_from is not None:
        conditions.append(columns.study_date >= query.study_date_from)
    if query.study_date_to is not None:
        conditions.append(columns.study_date <= query.study_date_to)
    if query.modalities:
        conditions.append(
            or_(*(columns.modalities.contains(f"\\{name}\\", autoescape=True) for name in query.modalities))
        )
    return conditions


def study_ids(
    connection: Connection,
    owner_id: OwnerId,
    query: StudyQuery,
    conditions: Sequence[ColumnElement[bool]],
    total: int,
) -> Select[int]:
    """Return the statement for the study ids of a page; empty values come first when ascending, last when descending.

    There are three ways through an owner's 100,000 studies, and SQLite's planner, which keeps no statistics here, finds
    the wrong one by itself: walk an index that has the order (a page of a wide search), read the owner's part of the
    search index and keep the best (a narrow search), or read the table so (an order that no index knows, of an owner
    who has most of it). An expression instead of a column is what keeps it from taking an index. PostgreSQL knows its
    tables and is left alone.

    Parameters
    ----------
    connection
        The database that is going to be asked.
    owner_id, query, conditions
        Whose studies, and which.
    total
        How many studies fit.

    Raises
    ------
    InvalidInput
        The list cannot be sorted by that.
    """
    names = _SORT_COLUMNS.get(query.sort)
    if names is None:
        raise InvalidInput(f"sort = {query.sort[:40]!r}: must be one of {', '.join(_SORT_COLUMNS)}.")
    order: list[ColumnElement[Any]] = [study.c[name] for name in (*names, "study_id")]
    wide = not conditions or (total > _WIDE_HITS and query.offset < _FAR_OFFSET)
    walks_index = query.sort in _INDEXED and wide
    owner: ColumnElement[Any] = study.c.owner_id
    if connection.dialect.name == "sqlite" and not walks_index:
        order = [func.coalesce(column, None) for column in order]
        if query.sort not in _COVERED and _has_most(connection, owner_id, None if conditions else total):
            owner = func.coalesce(owner, None)
    order = [column.desc().nulls_last() if query.descending else column.asc().nulls_first() for column in order]
    return (
        select(study.c.study_id)
        .where(owner == owner_id, *conditions)
        .order_by(*order)
        .offset(query.offset)
        .limit(query.limit)
    )


def _has_most(connection: Connection, owner_id: OwnerId, count: int | None) -> bool:
    """Return whether the owner has so much of the table that reading all of it beats finding each row by an index."""
    if count is None:
        query = select(func.count()).select_from(study).where(study.c.owner_id == owner_id)
        count = connection.execute(query).scalar_one()
    highest_id = connection.execute(select(func.max(study.c.study_id))).scalar() or 0
    return count * _ROWS_READ_FOR_ONE_FOUND > highest_id


def _contains(column: ColumnElement[Any], wish: str) -> ColumnElement[bool]:
    return column.like(like_pattern(fold(wish)), escape=_ESCAPE)
