"""Which objects of one Study Instance UID are one patient: the table of cases, and the choice among patients."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from webviewer.dicom.patient_identity import (
    MAX_IDENTITIES,
    Agreement,
    PatientIdentity,
    agreement,
    contradictions,
    place_of,
)
from webviewer.dicom.person_name import NameRelation, compare_names

BORN, OTHER_DAY = dt.date(1970, 1, 2), dt.date(1971, 1, 2)


def who(
    patient_id: str = "",
    name: str = "",
    born: dt.date | None = None,
    *,
    issuer: str = "",
    sex: str = "",
    others: tuple[str, ...] = (),
) -> PatientIdentity:
    return PatientIdentity(patient_id, issuer, name, born, sex, others)


SAME, ALIKE, DIFFERENT = NameRelation.SAME, NameRelation.ALIKE, NameRelation.DIFFERENT
SILENT, OTHER_SCRIPT = NameRelation.SILENT, NameRelation.OTHER_SCRIPT


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("SILVA^ANA", "SILVA^ANA", SAME),
        ("SILVA^ANA", "Silva^Ana ", SAME),
        ("SILVA^ANA", "SILVA^ANA^^^", SAME),
        ("SILVA^ANA", "SILVA ANA", SAME),
        ("SILVA^ANA", "Silva, Ana", SAME),
        ("SILVA^ANA^MARIA", "SILVA^ANA MARIA", SAME),
        ("SILVA^ANA^^DRA.", "SILVA^ANA", SAME),
        ("GONÇALVES^JOÃO", "GONCALVES^JOAO", SAME),
        ("O'NEIL^MARY", "ONEIL^MARY", SAME),
        ("DE LA CRUZ^EVA", "DELACRUZ^EVA", SAME),
        ("WEISS^EVA", "WEIß^EVA", SAME),
        ("SMITH-JONES^EVA", "SMITH JONES^EVA", SAME),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou", SAME),
        ("Yamada^Tarou=山田^太郎", "山田^太郎", SAME),
        ("=山田^太郎", "Yamada^Tarou=山田^太郎", SAME),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ^タロウ", SAME),
        ("ヤマダ^タロウ", "やまだ^たろう", SAME),
        ("Hong^Gildong=洪^吉洞=홍^길동", "HONG^GILDONG==홍^길동", SAME),
        ("Иванов^Иван", "ИВАНОВ^ИВАН", SAME),
        ("SILVA^A", "SILVA^ANA", ALIKE),
        ("SILVA^ANA", "SILVA^ANA^MARIA", ALIKE),
        ("SILVA", "SILVA^ANA", ALIKE),
        ("ANA SILVA", "SILVA^ANA", ALIKE),
        ("BRANDENBURGER^KONS", "BRANDENBURGER^KONSTANTIN", ALIKE),
        ("MUELLER^EVA", "MÜLLER^EVA", ALIKE),
        ("M?LLER^EVA", "MÜLLER^EVA", ALIKE),
        ("M\ufffd\ufffdLLER^EVA", "MÜLLER^EVA", ALIKE),
        ("GonÃ§alves^Ana", "Gonçalves^Ana", ALIKE),
        ("GONÃ ALVES^ANA", "GONÇALVES^ANA", ALIKE),
        ("SMITH^JOHN^^^JR", "SMITH^JOHN", ALIKE),
        ("SMITH^JOHN^^^JR", "SMITH^JOHN^^^SR", DIFFERENT),
        ("SILVA^ANA", "SANTOS^PEDRO", DIFFERENT),
        ("SILVA^ANA", "SILVA^PEDRO", DIFFERENT),
        ("SILVA^ANA", "SILVA^ANTONIO", DIFFERENT),
        ("SILVA^A", "SILVA^PEDRO", DIFFERENT),
        ("ANONYMOUS", "SILVA^ANA", DIFFERENT),
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^太朗", DIFFERENT),
        ("がくと", "かくと", DIFFERENT),
        ("Ivanov^Ivan", "Иванов^Иван", OTHER_SCRIPT),
        ("", "SILVA^ANA", SILENT),
        ("^^^", "SILVA^ANA", SILENT),
        ("==", "SILVA^ANA", SILENT),
        ("????^????", "Иванов^Иван", SILENT),
    ],
)
def test_two_names_are_compared_as_people_read_them(one: str, other: str, relation: NameRelation) -> None:
    assert compare_names(one, other) is relation
    assert compare_names(other, one) is relation


def test_a_name_made_to_be_slow_is_compared_in_one_pass() -> None:
    assert compare_names("?a" * 128, "a" * 256) in {ALIKE, DIFFERENT}
    assert compare_names(" ".join("ab" * 128), " ".join("ba" * 128)) is not SILENT


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Patient ID
        (who("1", "SILVA^ANA", BORN), who("1", "SILVA^ANA", BORN), Agreement.IDENTICAL),
        (who("1", "SILVA^ANA", BORN), who(" 1 ", "silva^ana^^", BORN), Agreement.SAME_ID),
        (who("ab1", "SILVA^ANA"), who("AB1", "SILVA^ANA"), Agreement.SAME_ID),
        (who("１２３", "SILVA^ANA"), who("123", "SILVA^ANA"), Agreement.SAME_ID),
        (who("1", "SILVA^ANA", BORN), who("2", "SILVA^ANA", BORN), Agreement.DIFFERENT),
        (who("01", "SILVA^ANA", BORN), who("1", "SILVA^ANA", BORN), Agreement.DIFFERENT),
        (who("1", "SILVA^ANA"), who("ANON1", "ANONYMOUS"), Agreement.DIFFERENT),
        (who("1"), who("1"), Agreement.IDENTICAL),
        # Patient ID on one side alone
        (who("", "SILVA^ANA", BORN), who("1", "SILVA^ANA", BORN), Agreement.SAME_NAME),
        (who("", "SILVA^ANA"), who("1", "SILVA^ANA", BORN), Agreement.SAME_NAME),
        (who("", "SILVA^PEDRO"), who("1", "SILVA^ANA"), Agreement.DIFFERENT),
        (who("", "", BORN), who("1", "SILVA^ANA", BORN), Agreement.SILENT),
        (who("", "", OTHER_DAY), who("1", "SILVA^ANA", BORN), Agreement.DIFFERENT),
        (who(), who("1", "SILVA^ANA", BORN), Agreement.SILENT),
        (who(), who(), Agreement.SILENT),
        # names alone
        (who("", "SILVA^ANA"), who("", "Silva^Ana^^"), Agreement.SAME_NAME),
        (who("", "SILVA^A"), who("", "SILVA^ANA"), Agreement.UNCERTAIN),
        (who("", "SILVA^A", BORN), who("", "SILVA^ANA"), Agreement.UNCERTAIN),
        (who("", "SILVA^A"), who("", "SILVA^ANA", BORN), Agreement.UNCERTAIN),
        (who("", "SILVA^A", BORN), who("", "SILVA^ANA", BORN), Agreement.SAME_NAME),
        (who("1", "SILVA^A"), who("1", "SILVA^ANA"), Agreement.SAME_ID),
        (who("", "Ivanov^Ivan"), who("", "Иванов^Иван"), Agreement.UNCERTAIN),
        (who("7", "Ivanov^Ivan"), who("7", "Иванов^Иван"), Agreement.SAME_ID),
        # name and birth date under one Patient ID
        (who("1", "SILVA^ANA"), who("1", "SANTOS^PEDRO"), Agreement.DIFFERENT),
        (who("1", "SILVA^ANA", BORN), who("1", "SILVA^ANA", OTHER_DAY), Agreement.DIFFERENT),
        (who("1", "SILVA^ANA", BORN), who("1", "SILVA^ANA"), Agreement.SAME_ID),
        (who("1", "SILVA^ANA", BORN, sex="F"), who("1", "SILVA^ANA", BORN, sex="M"), Agreement.SAME_ID),
        # issuer
        (who("1", "SILVA^ANA", issuer="A"), who("1", "SILVA^ANA", issuer="a "), Agreement.SAME_ID),
        (who("1", "SILVA^ANA", issuer="A"), who("1", "SILVA^ANA"), Agreement.SAME_ID),
        (who("1", "SILVA^ANA", issuer="A"), who("1", "SILVA^ANA", issuer="B"), Agreement.SAME_NAME),
        (who("1", issuer="A"), who("1", issuer="B"), Agreement.UNCERTAIN),
        (who("1", "SILVA^ANA", issuer="A"), who("2", "SILVA^ANA", issuer="B"), Agreement.DIFFERENT),
        (who("1^^^A", "SILVA^ANA"), who("1", "SILVA^ANA", issuer="A"), Agreement.SAME_ID),
        # Other Patient IDs
        (who("2", "SILVA^ANA", others=("9", "1")), who("1", "SILVA^ANA"), Agreement.SAME_ID),
        (who("2", "SILVA^ANA", others=("9",)), who("1", "SILVA^ANA"), Agreement.DIFFERENT),
        (who("2", "SANTOS^PEDRO", others=("1",)), who("1", "SILVA^ANA"), Agreement.DIFFERENT),
    ],
)
def test_identities_agree_or_contradict(one: PatientIdentity, other: PatientIdentity, expected: Agreement) -> None:
    assert agreement(one, other) is expected
    assert agreement(other, one) is expected


def test_contradictions_are_told_by_keyword() -> None:
    assert contradictions(who("1", "SILVA^ANA", BORN), who("2", "SANTOS^EVA", OTHER_DAY)) == (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
    )
    assert contradictions(who("1"), who("1", "SILVA^ANA", BORN)) == ()


ANA, PEDRO = who("1", "SILVA^ANA", BORN), who("2", "SANTOS^PEDRO", OTHER_DAY)


def test_the_first_object_makes_a_patient() -> None:
    assert place_of(ANA, []) is None


def test_an_object_that_states_nothing_goes_to_the_only_patient_and_to_none_of_two() -> None:
    assert place_of(who(), [[ANA]]) == 0
    assert place_of(who(), [[ANA], [PEDRO]]) is None


def test_an_object_goes_to_the_patient_that_it_names() -> None:
    assert place_of(who("2", "Santos^Pedro"), [[ANA], [PEDRO]]) == 1
    assert place_of(who("", "SILVA^ANA"), [[ANA], [PEDRO]]) == 0
    assert place_of(who("3", "LIMA^RUI"), [[ANA], [PEDRO]]) is None


def test_an_object_that_contradicts_one_spelling_of_a_patient_is_another_one() -> None:
    patient = [who("", "SILVA^ANA"), who("1", "SILVA^ANA")]
    assert place_of(who("2", "SILVA^ANA"), [patient]) is None
    assert place_of(who("1", "SILVA^ANA", BORN), [patient]) == 0


def test_an_object_that_fits_two_patients_equally_is_kept_apart() -> None:
    patients = [[who("1", "SILVA^ANA")], [who("2", "SILVA^ANA")]]
    assert place_of(who("", "SILVA^ANA"), patients) is None
    assert place_of(who("", "SILVA^ANA"), [*patients, [who("", "SILVA^ANA")]]) == 2


def test_objects_without_a_name_draw_no_third_patient_to_themselves() -> None:
    assert place_of(who("3", "LIMA^RUI"), [[ANA], [PEDRO], [who()]]) is None


def test_an_alike_name_needs_one_confirmed_spelling() -> None:
    assert place_of(who("", "SILVA^A"), [[who("", "SILVA^ANA")]]) is None
    assert place_of(who("", "SILVA^A"), [[who("1", "SILVA^ANA"), who("1", "SILVA^A")]]) == 0


def test_no_patient_has_more_spellings_than_can_be_compared() -> None:
    stated = [who("1", "SILVA^ANA", sex=str(number)) for number in range(MAX_IDENTITIES)]
    assert all(one != other for one, other in pairwise(stated))
    assert place_of(stated[-1], [stated]) == 0
    assert place_of(who("1", "SILVA^ANA", sex="new"), [stated]) is None
