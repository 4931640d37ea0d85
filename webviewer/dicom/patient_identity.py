"""Whether two objects of one Study Instance UID name the same patient; the index files objects by these rules.

Rules, in this order (ARCHITECTURE.md, "Two patients in one study", has them with their reasons):

1. Two Patient IDs that differ are two patients, unless one object lists the other's ID among its Other Patient IDs.
2. Two birth dates that differ are two patients.
3. Two names that differ are two patients. Case, padding, separators, accents, prefixes and the order of component
   groups are no difference (`webviewer.dicom.person_name`).
4. A value that one object lacks contradicts nothing.
5. Names that are alike (an initial, a part left out, another script, lost characters) are one patient only where the
   Patient ID or the birth date agrees.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from webviewer.dicom.person_name import NameRelation, compare_names

MAX_IDENTITIES = 64
"""Spellings of one patient in a study; more are the work of a broken sender, and each new object is compared to all."""


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """The patient as one object states it; empty texts and None are values that the object lacks."""

    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: dt.date | None
    patient_sex: str = ""
    other_patient_ids: tuple[str, ...] = ()

    @property
    def names_someone(self) -> bool:
        """Whether the object states a Patient ID or a name."""
        return bool(self.patient_id or self.patient_name)


class Agreement(IntEnum):
    """How well two identities agree; a higher value is stronger evidence of one patient."""

    DIFFERENT = 0  # they contradict each other
    UNCERTAIN = 1  # alike, but neither Patient ID nor birth date confirms it
    SILENT = 2  # no value is stated by both
    SAME_NAME = 3
    SAME_ID = 4
    IDENTICAL = 5


def agreement(one: PatientIdentity, other: PatientIdentity) -> Agreement:
    """Return how well two identities of one Study Instance UID agree."""
    if one == other and one.names_someone:
        return Agreement.IDENTICAL
    if contradictions(one, other):
        return Agreement.DIFFERENT
    if _is_same_id(one, other):
        return Agreement.SAME_ID
    names = compare_names(one.patient_name, other.patient_name)
    if names is NameRelation.SAME:
        return Agreement.SAME_NAME
    if names in {NameRelation.ALIKE, NameRelation.OTHER_SCRIPT}:
        return Agreement.UNCERTAIN if one.patient_birth_date is None else _confirmed_by_birth(other)
    # The same number of two issuers names two people unless something else says that it is one.
    return Agreement.UNCERTAIN if _folded_id(one) and _folded_id(other) else Agreement.SILENT


def contradictions(one: PatientIdentity, other: PatientIdentity) -> tuple[str, ...]:
    """Return the keywords of the attributes in which two identities contradict each other."""
    found: list[str] = []
    if _folded_id(one) and _folded_id(other) and _folded_id(one) != _folded_id(other) and not _is_linked(one, other):
        found.append("PatientID")
    if compare_names(one.patient_name, other.patient_name) is NameRelation.DIFFERENT:
        found.append("PatientName")
    births = {one.patient_birth_date, other.patient_birth_date} - {None}
    if len(births) > 1:
        found.append("PatientBirthDate")
    return tuple(found)


def place_of(identity: PatientIdentity, patients: Sequence[Sequence[PatientIdentity]]) -> int | None:
    """Return which patient of a Study Instance UID an object belongs to.

    Parameters
    ----------
    identity
        Of the object.
    patients
        The identities that each patient's objects have stated so far.

    Returns
    -------
    int or None
        The place in ``patients``; None where the object belongs to none of them, or as well to one as to another.
    """
    levels = [_level(identity, stated) for stated in patients]
    best = max(levels, default=Agreement.DIFFERENT)
    # Where a study has several patients already, the Study Instance UID alone is no evidence.
    least = Agreement.SILENT if len(patients) == 1 else Agreement.SAME_NAME
    if best < least or (best is not Agreement.IDENTICAL and levels.count(best) > 1):
        return None
    return levels.index(best)


def _level(identity: PatientIdentity, stated: Sequence[PatientIdentity]) -> Agreement:
    """Return how well an object agrees with all that was stated of one patient."""
    if identity.names_someone and identity in stated:
        return Agreement.IDENTICAL
    if len(stated) >= MAX_IDENTITIES:
        return Agreement.DIFFERENT
    levels = {agreement(identity, one) for one in stated}
    if Agreement.DIFFERENT in levels:
        return Agreement.DIFFERENT
    best = max(levels, default=Agreement.SILENT)
    if Agreement.UNCERTAIN in levels and best < Agreement.SAME_NAME:
        return Agreement.UNCERTAIN
    return best


def _confirmed_by_birth(other: PatientIdentity) -> Agreement:
    """Return the agreement of alike names; the birth dates do not contradict, and one is stated."""
    return Agreement.UNCERTAIN if other.patient_birth_date is None else Agreement.SAME_NAME


def _is_same_id(one: PatientIdentity, other: PatientIdentity) -> bool:
    if _is_linked(one, other):
        return True
    if not _folded_id(one) or _folded_id(one) != _folded_id(other):
        return False
    issuers = {_issuer(one), _issuer(other)} - {""}
    return len(issuers) < 2


def _is_linked(one: PatientIdentity, other: PatientIdentity) -> bool:
    return _lists(one, other) or _lists(other, one)


def _lists(one: PatientIdentity, other: PatientIdentity) -> bool:
    return bool(_folded_id(other)) and _folded_id(other) in {_folded(text) for text in one.other_patient_ids}


def _folded_id(identity: PatientIdentity) -> str:
    return _folded(identity.patient_id)


def _issuer(identity: PatientIdentity) -> str:
    """Return the issuer, also of an ID that carries it as HL7 writes it: ``123^^^HOSPITAL``."""
    if identity.issuer_of_patient_id.strip():
        return " ".join(identity.issuer_of_patient_id.split()).casefold()
    parts = identity.patient_id.split("^")
    return " ".join(parts[3].split()).casefold() if len(parts) > 3 else ""


def _folded(patient_id: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", patient_id.split("^", maxsplit=1)[0]).split()).casefold()
