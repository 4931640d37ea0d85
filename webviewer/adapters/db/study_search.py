"""How the study list searches and sorts: folded texts, wildcards, and the order of rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, func, or_

from webviewer.adapters.db.archive_tables import study
from webviewer.archive import StudyQuery
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


def fold(value: str) -> str:
    """Return a text as it is searched: no case, no accents, the separators of a Person Name (PS3.5 6.2) as spaces.

    Examples
    --------
    >>> fold("GONÇALVES^João")
    'goncalves joao'
    """
    plain = unicodedata.normalize("NFKD", value)
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    return " ".join(bare.replace("^", " ").replace("=", " ").split())


def joined(names: Iterable[str]) -> str:
    r"""Return names as one text, sorted, each between backslashes, for a search of one of them: ``\CT\MR\``."""
    kept = sorted({name for name in names if name})
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
    return "%" + escaped.replace("*", "%").replace("?", "_").strip("%") + "%"


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
    if query.patient_birth_date is not None:
        conditions.append(columns.patient_birth_date == query.patient_birth_date)
    if query.study_date_from is not None:
        conditions.append(columns.study_date >= query.study_date_from)
    if query.study_date_to is not None:
        conditions.append(columns.study_date <= query.study_date_to)
    if query.modalities:
        conditions.append(
            or_(*(columns.modalities.contains(f"\\{name}\\", autoescape=True) for name in query.modalities))
        )
    return conditions


def list_order(query: StudyQuery, *, by_index: bool) -> list[ColumnElement[Any]]:
    """Return the order of the list; empty values come first when ascending, last when descending.

    Parameters
    ----------
    query
        Its ``sort`` and ``descending``.
    by_index
        False keeps the database from walking an index in sort order, which is slow where few rows fit the search.

    Raises
    ------
    InvalidInput
        The list cannot be sorted by that.
    """
    names = _SORT_COLUMNS.get(query.sort)
    if names is None:
        raise InvalidInput(f"sort = {query.sort[:40]!r}: must be one of {', '.join(_SORT_COLUMNS)}.")
    columns: list[ColumnElement[Any]] = [study.c[name] for name in (*names, "study_id")]
    if not by_index:
        columns = [func.coalesce(column, None) for column in columns]
    if query.descending:
        return [column.desc().nulls_last() for column in columns]
    return [column.asc().nulls_first() for column in columns]


def _contains(column: ColumnElement[Any], wish: str) -> ColumnElement[bool]:
    return column.like(like_pattern(fold(wish)), escape=_ESCAPE)
