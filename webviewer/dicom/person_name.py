"""Whether two Patient Names are the same name, however they are written (PS3.5 6.2, value representation PN)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_FEWEST_LETTERS_OF_A_CUT_NAME = 8  # systems cut names at 16 or more; a shorter beginning is another name
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "\ufffd": "?"}
)
_OPTIONAL_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]")  # accents, Hebrew and Arabic vowel points
_NOTHING = re.compile("['’`´ʼ.]")  # O'NEIL and ONEIL, JR. and JR
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_UMLAUTS = re.compile("([aou])e")
# UTF-8 that was read as Latin-1: the second byte became a control character, and that a space.
_LOST_BYTE = re.compile("[\u00c2-\u00f4] ?(?=\\w)")


class NameRelation(Enum):
    """What two names say about each other."""

    SILENT = 1  # one of them is empty
    DIFFERENT = 2
    OTHER_SCRIPT = 3  # they share no script, so they cannot be compared
    ALIKE = 4  # one may be short for the other, or a damaged form of it
    SAME = 5


@dataclass(frozen=True, slots=True)
class _Written:
    """A name in one script."""

    words: tuple[str, ...]  # family, given and middle names, folded
    suffix: str

    @property
    def letters(self) -> str:
        return "".join(self.words)


def compare_names(one: str, other: str) -> NameRelation:
    """Compare two values of Patient Name.

    Parameters
    ----------
    one, other
        Decoded values with their component groups: alphabetic, ideographic, phonetic.

    Returns
    -------
    NameRelation
        SAME where all scripts that both use agree but for case, accents, separators, padding and prefixes.
    """
    if one == other and _scripts(one):
        return NameRelation.SAME
    left, right = _scripts(one), _scripts(other)
    if not left or not right:
        return NameRelation.SILENT
    shared = left.keys() & right.keys()
    if not shared:
        return NameRelation.OTHER_SCRIPT
    found = {_compare(left[script], right[script]) for script in shared}
    for relation in (NameRelation.DIFFERENT, NameRelation.ALIKE):
        if relation in found:
            return _repaired(one, other) if relation is NameRelation.DIFFERENT else relation
    return NameRelation.SAME


def _repaired(one: str, other: str) -> NameRelation:
    """Compare names again as they were before one of them was read with the wrong character set."""
    for left in _readings(one):
        for right in _readings(other):
            if (left, right) == (one, other):
                continue
            written, wanted = _scripts(left), _scripts(right)
            shared = written.keys() & wanted.keys()
            if shared and all(_compare(written[key], wanted[key]) is not NameRelation.DIFFERENT for key in shared):
                return NameRelation.ALIKE
    return NameRelation.DIFFERENT


def _readings(name: str) -> Iterator[str]:
    yield name
    try:
        read = name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        read = _LOST_BYTE.sub("?", name)
    if read != name:
        yield read


def _scripts(name: str) -> dict[str, _Written]:
    """Return the name in each script that its component groups use; the first group of a script counts."""
    found: dict[str, _Written] = {}
    for group in name.split("=")[:3]:
        family, given, middle, _prefix, suffix = [*group.split("^"), "", "", "", "", ""][:5]
        words = tuple(word for part in (family, given, middle) for word in _words(part))
        written = _Written(words, "".join(_words(suffix)))
        script = _script(written.letters)
        if script:
            found.setdefault(script, written)
    return found


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    plain = unicodedata.normalize("NFKC", _OPTIONAL_MARKS.sub("", plain)).translate(_KATAKANA)
    plain = _NOTHING.sub("", plain)
    kept = (sign if sign == "?" or unicodedata.category(sign)[0] in "LMN" else " " for sign in plain)
    return "".join(kept).split()


def _script(letters: str) -> str:
    """Return the script of a name; empty for a name without letters."""
    scripts = {unicodedata.name(sign, "?").split()[0] for sign in letters if sign.isalpha()}
    if any(script.startswith("CJK") for script in scripts):
        return "CJK"
    return min(scripts, default="")


def _compare(one: _Written, other: _Written) -> NameRelation:
    if one.letters == other.letters:
        if one.suffix == other.suffix:
            return NameRelation.SAME
        # Father and son share all but the suffix.
        return NameRelation.DIFFERENT if one.suffix and other.suffix else NameRelation.ALIKE
    if one.suffix and other.suffix and one.suffix != other.suffix:
        return NameRelation.DIFFERENT
    is_alike = (
        _is_short_for(one.words, other.words)
        or _is_short_for(other.words, one.words)
        or _is_cut(one.letters, other.letters)
        or _UMLAUTS.sub(r"\1", one.letters) == _UMLAUTS.sub(r"\1", other.letters)
        or _fits(one.letters, other.letters)
        or _fits(other.letters, one.letters)
    )
    return NameRelation.ALIKE if is_alike else NameRelation.DIFFERENT


def _is_short_for(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Tell whether each word stands in the full name, whole or as an initial; one word at least is whole."""
    left = list(full)
    whole = 0
    for word in sorted(short, key=len, reverse=True):
        if word in left:
            left.remove(word)
            whole += len(word) > 1 or not word.isascii()
            continue
        match = next((one for one in left if len(word) == 1 and one.startswith(word)), None)
        match = match or next((one for one in left if len(one) == 1 and word.startswith(one)), None)
        if match is None:
            return False
        left.remove(match)
    return whole > 0


def _is_cut(one: str, other: str) -> bool:
    short, full = sorted((one, other), key=len)
    return len(short) >= _FEWEST_LETTERS_OF_A_CUT_NAME and full.startswith(short)


def _fits(damaged: str, whole: str) -> bool:
    """Tell whether a name with lost characters, each run of them a question mark or several, may be the other one.

    Each part is sought once, from left to right: a regular expression would take minutes for a hostile name.
    """
    first, *middle, last = re.split(r"\?+", damaged) if "?" in damaged else (damaged, "", "")
    if "?" not in damaged or not whole.startswith(first) or not whole.endswith(last):
        return False
    position, end = len(first), len(whole) - len(last)
    for part in middle:
        found = whole.find(part, position + 1, end)
        if found < 0:
            return False
        position = found + len(part)
    return position < end
