"""The command blocks of ``docs/operate.md``.

The info string of each block says what a test does with it::

    ```sh run=PLACE                     it is run at this place
    ```sh run=PLACE type="a password"   and this line is typed
    ```sh run=PLACE until="Online"      and again until its output matches, as the text before it says
    ```sh check="the reason"            it cannot be run; its programs and options are checked
"""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "operate.md"
# machines, and who runs their blocks
DEBIAN = ("unified", "unified-postgresql", "distributed", "new", "new-sqlite")  # test_operate_commands.py
KUBERNETES = ("kubernetes",)  # test_operate_kubernetes.py
CHECKOUT = ("checkout",)  # test_operate_guide.py
_FENCE = re.compile(r"^ *```(?P<info>.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One command block; ``line`` is where its commands begin."""

    line: int
    script: str
    place: str = ""
    typed: str = ""
    until: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """Return what a failing test calls it."""
        return f"operate.md:{self.line}"

    def commands(self) -> list[list[str]]:
        """Return the words of each command; a pipe or a redirection ends one."""
        joined = self.script.replace("\\\n", " ")
        lines = [shlex.split(line, comments=True) for line in joined.splitlines()]
        return [line for line in lines if line]


def blocks(text: str | None = None) -> list[Block]:
    """Read all blocks; AssertionError for a block that says neither how it is run nor why it is not."""
    lines = (GUIDE.read_text("utf-8") if text is None else text).splitlines()
    found = []
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened is None:
            number += 1
            continue
        end = next(at for at in range(number + 1, len(lines)) if _FENCE.match(lines[at]))
        assert _FENCE.match(lines[end])["info"] == "", f"line {end + 1}: a block ends with ``` alone"  # type: ignore[index]
        script = textwrap.dedent("\n".join(lines[number + 1 : end])) + "\n"
        found.append(_block(number + 2, opened["info"], script))
        number = end + 1
    return found


def _block(line: int, info: str, script: str) -> Block:
    language, *words = shlex.split(info) or [""]
    said = dict(word.partition("=")[::2] for word in words)
    assert language == "sh", f"line {line}: a block of {language!r}; must be sh"
    assert set(said) <= {"run", "type", "until", "check"}, f"line {line}: {sorted(said)}"
    assert ("run" in said) is not ("check" in said), f"line {line}: a block needs run=PLACE or check=REASON"
    if "check" in said:
        assert len(said["check"].split()) > 3, f"line {line}: check= gives the reason in words"
        return Block(line, script, reason=said["check"])
    assert said["run"] in (*DEBIAN, *KUBERNETES, *CHECKOUT), f"line {line}: no test runs the place {said['run']!r}"
    return Block(line, script, said["run"], said.get("type", ""), said.get("until", ""))


def at(place: str) -> list[Block]:
    """Return the blocks of a place in the order of the guide."""
    return [block for block in blocks() if block.place == place]
