"""The study list: what a caller may ask for, and the answer.

`study_query_from` is the one place that turns request parameters into a `StudyQuery`; both edges (the browser's and the
storage node's) call it, so that a rule is written once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from webviewer.archive import OwnerId, Series, Study, StudyId, StudyPage, StudyQuery, in_reading_order
from webviewer.core.errors import InvalidInput
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_LIMIT = 200
MAX_ID = 2**63 - 1
MAX_OFFSET = 2**31 - 1  # OFFSET of both databases takes more, but nobody pages there

SortColumn = Literal[
    "patient_name",
    "patient_id",
    "patient_sex",
    "patient_birth_date",
    "modalities",
    "body_parts",
    "study_date",
    "accession_number",
    "study_description",
    "referring_physician_name",
    "institution_name",
    "series_count",
    "instance_count",
    "image_count",
    "size_bytes",
    "received_at",
]

_Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


def _day(text: object) -> object:
    """Return a date of the form YYYY-MM-DD: pydantic alone also takes a count of seconds and a time of day."""
    if not isinstance(text, str):
        return text
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return dt.date.fromisoformat(text)
    except ValueError:  # there is no such day
        pass
    raise PydanticCustomError("date_form", "must be a day like 1970-12-31")


_Day = Annotated[dt.date, BeforeValidator(_day)]
_REPEATED = frozenset({"modalities"})


class StudyParameters(BaseModel):
    """Request parameters of the study list with their rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient_name: _Text = ""
    patient_id: _Text = ""
    patient_sex: Annotated[str, Field(max_length=16, pattern=r"^[^\x00]*$")] = ""
    patient_birth_date_from: _Day | None = None
    patient_birth_date_to: _Day | None = None
    modalities: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z0-9_ ]{1,16}$")], ...], Field(max_length=64)] = ()
    body_part: _Text = ""
    study_date_from: _Day | None = None
    study_date_to: _Day | None = None
    accession_number: _Text = ""
    study_description: _Text = ""
    any_text: _Text = ""
    sort: SortColumn = "study_date"
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20


# Their values are told back to the caller; the others may identify a patient and are not.
_HARMLESS = frozenset({"modalities", "study_date_from", "study_date_to", "sort", "descending", "offset", "limit"})


@dataclass(frozen=True, slots=True)
class StudyDetail:
    """A study and its series."""

    study: Study
    series: tuple[Series, ...]


def study_query_from(parameters: Mapping[str, Sequence[str]]) -> StudyQuery:
    """Check the parameters of a request and make a query of them.

    Parameters
    ----------
    parameters
        Each name with all its values. Only ``modalities`` may repeat; an empty value is the same as none.

    Returns
    -------
    StudyQuery
        The query.

    Raises
    ------
    InvalidInput
        Names the field, its value (unless it may identify a patient) and the rule.
    """
    values: dict[str, object] = {}
    for name, given in parameters.items():
        kept = [value for value in given if value != ""]
        if name in _REPEATED:
            values[name] = tuple(kept)
        elif len(kept) > 1:
            raise invalid_field(name, f"given {len(kept)} times", "may be given once")
        elif kept:
            values[name] = kept[0]
    try:
        checked = StudyParameters.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        rule = rule_of(first["type"], first["msg"])
        if first["type"] == "extra_forbidden":
            rule = f"is not a parameter of this request; those are {', '.join(StudyParameters.model_fields)}"
        raise invalid_field(name, str(first["input"]) if name in _HARMLESS else None, rule) from None
    for name in ("study_date", "patient_birth_date"):
        _check_range(f"{name}_from", getattr(checked, f"{name}_from"), getattr(checked, f"{name}_to"))
    return StudyQuery(**{name: getattr(checked, name) for name in StudyParameters.model_fields})


def _check_range(field: str, first: dt.date | None, last: dt.date | None) -> None:
    """Raise InvalidInput for a range that ends before it begins; its days are repeated only where they are harmless."""
    if first is None or last is None or first <= last:
        return
    if field in _HARMLESS:
        raise invalid_field(field, first.isoformat(), f"may not be after {last}")
    raise invalid_field(field, None, "may not be after the end of the range")


def rule_of(kind: str, words: str) -> str:
    """Return a rule that was broken in words for people: a pattern is none.

    Examples
    --------
    >>> rule_of("string_pattern_mismatch", "String should match pattern '^[^ ]*$'")
    'has characters that cannot be here'
    >>> rule_of("string_too_long", "String should have at most 200 characters")
    'String should have at most 200 characters'
    """
    return "has characters that cannot be here" if kind == "string_pattern_mismatch" else words


def id_from(text: str, field: str) -> int:
    """Return the number of a row that a parameter gives; raises InvalidInput."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID:
        return int(text)
    raise invalid_field(field, text, "is a whole number from 1")


def ids_from(texts: Sequence[str], field: str, most: int) -> list[int]:
    """Return numbers of rows, given once or more, each maybe several with commas between; raises InvalidInput."""
    parts = [part for text in texts for part in text.split(",") if part]
    if not 1 <= len(parts) <= most:
        raise invalid_field(field, f"{len(parts)} values", f"takes 1 to {most} values")
    return [id_from(part, field) for part in parts]


def invalid_field(field: str, value: str | None, rule: str) -> InvalidInput:
    """Return the error for a wrong parameter: field, value (None: not to be repeated) and rule."""
    shown = f" = {value[:80]!r}" if value is not None else ""
    details: dict[str, object] = {"field": field[:80], "rule": rule}
    if value is not None:
        details["value"] = value[:80]
    return InvalidInput(f"Parameter {field[:80]}{shown}: {rule}.", details=details)


def list_studies(units: StorageUnitOfWorkFactory, owner_id: OwnerId, query: StudyQuery) -> StudyPage:
    """Return one page of an owner's studies."""
    with units(read_only=True) as unit:
        return unit.archive.find_studies(owner_id, query)


def get_study(units: StorageUnitOfWorkFactory, owner_id: OwnerId, study_id: StudyId) -> StudyDetail:
    """Return a study of an owner and its series in reading order; raises NotFound."""
    with units(read_only=True) as unit:
        study = unit.archive.get_study(owner_id, study_id)
        return StudyDetail(study, in_reading_order(unit.archive.list_series(owner_id, study_id)))
