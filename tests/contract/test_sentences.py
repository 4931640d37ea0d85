"""Sentences with codes: both languages of every code, and the English of the pages is the server's to the letter.

``fixtures/sentences.json`` has each code with numbers; `sentences.test.ts` says them on the pages' side.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from webviewer.dicom.sentence import ENGLISH, MAX_TEXT_CHARACTERS, Sentence, codes, gib, joined, say

PAGES = Path(__file__).parents[2] / "html/src/viewer/i18n"
FIXTURES = json.loads((Path(__file__).parent / "fixtures/sentences.json").read_text("utf-8"))


def placeholders(template: str) -> set[str]:
    return set(re.findall(r"\{\{(\w+)\}\}", template))


def numbers_in(template: str) -> list[int]:
    return sorted(int(name) for name in placeholders(template) if not name.startswith("t"))


def texts_in(template: str) -> list[int]:
    return sorted(int(name[1:]) for name in placeholders(template) if name.startswith("t"))


def test_the_pages_have_the_english_of_every_code() -> None:
    assert json.loads((PAGES / "sentences.en.json").read_text("utf-8")) == ENGLISH


def test_every_code_has_portuguese_with_the_same_numbers_in_it() -> None:
    portuguese = json.loads((PAGES / "sentences.pt.json").read_text("utf-8"))
    assert portuguese.keys() == ENGLISH.keys()
    for code, template in ENGLISH.items():
        assert placeholders(portuguese[code]) == placeholders(template), code
        assert portuguese[code].endswith(".") == template.endswith("."), code


def test_the_numbers_of_a_code_are_counted_from_0_and_alike_in_its_plural_forms() -> None:
    for code, template in ENGLISH.items():
        for found in (numbers_in(template), texts_in(template)):
            assert found == list(range(len(found))), code
        if code.endswith("_one"):
            assert placeholders(ENGLISH[code.removesuffix("_one") + "_other"]) == placeholders(template)


def test_the_fixtures_have_every_code() -> None:
    assert {code for row in FIXTURES for code in row["code"].split("+")} == codes()
    assert any("+" in row["code"] for row in FIXTURES)


@pytest.mark.parametrize("row", FIXTURES, ids=lambda row: f"{row['code']} {row['numbers']}")
def test_a_sentence_says_what_the_pages_say(row: dict[str, Any]) -> None:
    left, texts = list(row["numbers"]), list(row["texts"])
    parts: list[Sentence] = []
    for code in row["code"].split("+"):
        template = ENGLISH.get(code) or ENGLISH[f"{code}_other"]
        count, words = len(numbers_in(template)), len(texts_in(template))
        parts.append(say(code, *left[:count], texts=texts[:words]))
        del left[:count], texts[:words]
    found = joined(parts)
    assert (left, texts) == ([], [])
    assert (found.code, list(found.numbers), found.text) == (row["code"], row["numbers"], row["text"])
    assert list(found.texts) == row["texts"]
    assert "{" not in found.text


def test_words_of_files_cannot_pass_for_a_template_or_a_sentence() -> None:
    assert say("kernel", texts=("a{{0}}$t(x)<b>&amp;.",)).text == "kernel a 0 t(x) b amp"
    assert say("kernel", texts=("K" * 500,)).texts == ("K" * (MAX_TEXT_CHARACTERS - 1) + "…",)
    assert joined([say("kernel", texts=("B30f.",)), say("echo", 2)]).text == "kernel B30f, echo 2"


def test_numbers_are_written_in_the_fewest_digits() -> None:
    assert say("range", -0.0, -12.5).text == "0 to −12.5 mm"
    assert say("echo_time", 100000.0).text == "TE 100000 ms"
    assert say("values_rounded", 1.5e-7).text.endswith("steps of 0.00000015.")
    assert gib(1234 * 1024**2) == 1.21
