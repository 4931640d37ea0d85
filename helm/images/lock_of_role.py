"""Print the part of a lock file that some packages need: ``lock_of_role.py LOCK ROLE.txt``.

A role's file names packages, one a line. A locked package belongs to it when it is named, or when one that belongs to
it is among those that pip-compile says it came by (``# via``). Versions and hashes stay as they are locked.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_START = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.ASCII)


def entries(text: str) -> dict[str, tuple[str, set[str]]]:
    """Return each locked package's lines, and the packages that it came by."""
    found: dict[str, tuple[str, set[str]]] = {}
    name, lines = "", list[str]()
    for line in [*text.splitlines(), "end=="]:
        if start := _START.match(line):
            if name:
                found[name] = _entry(lines)
            name, lines = start[1].lower(), []
        lines.append(line)
    return found


def _entry(lines: list[str]) -> tuple[str, set[str]]:
    kept = [line for line in lines if line and not line.lstrip().startswith("#")]
    words = [line.strip().lstrip("# ").removeprefix("via").strip() for line in lines if line.lstrip().startswith("#")]
    return "\n".join(kept), {word.partition("[")[0].lower() for word in words if word and " " not in word}


def part(text: str, wanted: set[str]) -> str:
    """Return the lines of the wanted packages and of all that they need."""
    locked = entries(text)
    if unknown := sorted(wanted - set(locked)):
        raise SystemExit(f"The lock file lacks {', '.join(unknown)}.")
    chosen, before = set(wanted), set[str]()
    while chosen != before:
        before = set(chosen)
        chosen |= {name for name, (_, via) in locked.items() if via & chosen}
    return "".join(f"{locked[name][0]}\n" for name in sorted(chosen))


def names(text: str) -> set[str]:
    """Return the packages that a role's file names."""
    return {line.strip().lower() for line in text.splitlines() if line.strip() and not line.startswith("#")}


if __name__ == "__main__":
    sys.stdout.write(part(Path(sys.argv[1]).read_text(), names(Path(sys.argv[2]).read_text())))
